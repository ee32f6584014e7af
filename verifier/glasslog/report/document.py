"""Put a report together: from the outcome of an audit to one document (schema glasslog-report/1), which is its JSON.

The same outcome and the same controls give the same document: it says when the log was last heard of, not when the
report was made. The page is made from it alone, so what the HTML says, the JSON says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from glasslog import __version__
from glasslog.audit.finding import Severity
from glasslog.audit.result import AUDIT_SCHEMA
from glasslog.errors import MalformedError
from glasslog.report.controls import Framework
from glasslog.report.coverage import coverage_of, foundation_faults
from glasslog.report.statements import LIMITS, headline_of, not_checked, sentences_of

REPORT_SCHEMA: Final = "glasslog-report/1"
Json: TypeAlias = Any
_CHECK_FIELDS: Final = (
    "id",
    "title",
    "section",
    "severity",
    "verdict",
    "proves",
    "cannot",
    "examined",
    "not_recorded",
    "notes",
    "counts",
)
_NEEDED: Final = frozenset({"schema", "verdict", "source", "tree", "steps", "replayed"})
_REPLAYED: Final = frozenset({"scope", "log", "summary", "checks", "windows"})


def report_of(audit: Mapping[str, Json], kinds: Mapping[str, int], frameworks: Sequence[Framework]) -> dict[str, Json]:
    """Return the report of an audit's outcome. `kinds` counts records by `type:kind` in its scope.

    Raises MalformedError for a document that is no outcome of an audit.
    """
    _check(audit)
    shown = [finding for check in audit.get("checks", ()) for finding in check["findings"]]
    order = {str(severity): number for number, severity in enumerate(Severity)}
    return {
        "schema": REPORT_SCHEMA,
        "glasslog": __version__,
        "audit": {"schema": audit["schema"], "glasslog": audit.get("glasslog"), "verdict": audit["verdict"]},
        "replayed": "checks" in audit,
        "headline": headline_of(audit),
        "sentences": sentences_of(audit),
        "scope": _scope(audit),
        "steps": list(audit["steps"]),
        "foundation_faults": foundation_faults(audit),
        "verdicts": audit["summary"]["verdicts"] if "checks" in audit else {},
        "checks": [{name: check[name] for name in _CHECK_FIELDS} for check in audit.get("checks", ())],
        "findings": {
            "counts": audit["summary"]["findings"] if "checks" in audit else {},
            "shown": sorted(shown, key=lambda finding: order[finding["severity"]]),
        },
        "windows": audit.get("windows") or {},
        "coverage": coverage_of(audit, kinds, frameworks),
        "not_checked": not_checked(audit),
        "limits": list(LIMITS),
    }


def _check(audit: Mapping[str, Json]) -> None:
    schema = audit.get("schema")
    if schema != AUDIT_SCHEMA:
        msg = f"expected the outcome of an audit, schema {AUDIT_SCHEMA}, got {schema!r:.60}"
        raise MalformedError(msg)
    missing = sorted(_NEEDED - audit.keys())
    if not missing and "checks" in audit:
        missing = sorted(_REPLAYED - audit.keys())
    if missing:
        msg = f"expected the outcome of an audit with {', '.join(missing)}, got none"
        raise MalformedError(msg)


def _scope(audit: Mapping[str, Json]) -> dict[str, Json]:
    log, chosen, windows = audit.get("log"), audit.get("scope"), audit.get("windows") or {}
    return {
        "source": audit["source"],
        "tree": audit["tree"],
        "replayed": audit["replayed"],
        "chosen": chosen,
        "period": windows.get("period"),
        "as_of": log["as_of"] if log is not None else None,
        "records": log["records_in_scope"] if log is not None else None,
        "first_event": log["first_event"] if log is not None else None,
        "last_event": log["last_event"] if log is not None else None,
        "types": log["types"] if log is not None else {},
        "issuers": sorted({stream["issuer"] for stream in windows["streams"]["first"]}) if windows else [],
        "systems": [each["system"] for each in windows["timelines"]["systems"]] if windows else [],
    }
