"""Run checks and keep what comes out: for each a verdict, counts and the first findings; all of them to whoever asks.

The JSON of a result is `audit.json`, schema glasslog-audit/1, which reports and samples are made from. Its findings are
bounded in number; the whole list goes past as it is found, one call for each, to be written as lines of CSV.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from glasslog.audit.check import Check, Examination, Verdict, verdict_of
from glasslog.audit.checks import CHECKS
from glasslog.audit.database import Database
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.scope import Scope
from glasslog.audit.view import Tree, View
from glasslog.audit.windows import windows
from glasslog.cbor import Value
from glasslog.errors import MalformedError

AUDIT_SCHEMA: Final = "glasslog-audit/1"
FINDINGS_KEPT_MAX: Final = 100  # of one check
CSV_COLUMNS: Final = (
    "check",
    "severity",
    "message",
    "issuer",
    "system",
    "subject",
    "count",
    "start_ms",
    "end_ms",
    "entries",
    "entry_ids",
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came out of one check. `findings` are the first ones, `counts` those of all by severity."""

    check: Check
    verdict: Verdict
    examination: Examination
    counts: Counter[Severity]
    findings: tuple[dict[str, Value], ...]

    def to_json(self) -> dict[str, Value]:
        """Return the result of the check."""
        check, examination = self.check, self.examination
        return {
            "id": check.id,
            "title": check.title,
            "section": check.section,
            "severity": str(check.severity),
            "proves": check.proves,
            "cannot": check.cannot,
            "verdict": str(self.verdict),
            "examined": {
                "count": examination.count,
                "unit": examination.unit,
                "pending": examination.pending,
                "oldest_pending": examination.oldest_pending,
            },
            "not_recorded": examination.not_recorded,
            "notes": examination.notes,
            "counts": {str(severity): self.counts[severity] for severity in Severity if self.counts[severity]},
            "findings": list(self.findings),
        }


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What came out of an audit. `log` says what was looked at: entries, tree size, times."""

    scope: Scope
    log: dict[str, Value]
    checks: tuple[CheckResult, ...]
    windows: dict[str, Value] = field(default_factory=dict)

    @property
    def findings(self) -> int:
        """Return how many findings there are."""
        return sum(result.counts.total() for result in self.checks)

    @property
    def resume_from(self) -> int:
        """Return the `since` of the next audit, of a longer log: what is new then, and what is pending now.

        A finding that is found again has the same key.
        """
        pending = (result.examination.oldest_pending for result in self.checks)
        return min((entry for entry in pending if entry is not None), default=int(self.log["entries"]))

    def to_json(self) -> dict[str, Value]:
        """Return what `audit.json` holds."""
        counts: Counter[Severity] = sum((result.counts for result in self.checks), Counter())
        verdicts = Counter(result.verdict for result in self.checks)
        return {
            "schema": AUDIT_SCHEMA,
            "scope": self.scope.to_json(),
            "resume_from": self.resume_from,
            "log": self.log,
            "summary": {
                "findings": {str(severity): counts[severity] for severity in Severity},
                "verdicts": {str(verdict): verdicts[verdict] for verdict in Verdict},
            },
            "checks": [result.to_json() for result in self.checks],
            "windows": self.windows,
        }


def run_checks(
    database: Database,
    tree: Tree,
    scope: Scope,
    names: Collection[str] = (),
    told: Callable[[Finding, list[str]], None] | None = None,
    also: Collection[Finding] = (),
    *,
    with_windows: bool = True,
) -> AuditResult:
    """Run the named checks (none: all of them) over the scope.

    `told` gets every finding with the ids of its entries, hexadecimal, as it is found. `also` are findings made
    elsewhere, such as of checkpoints that do not fit the tree: each joins those of the check it names. `with_windows`
    adds what a report draws and tells of the period, which costs more passes over the log. Raises MalformedError for an
    unknown name. Memory does not grow with the log, nor with the number of findings.
    """
    unknown = sorted({*names, *(finding.check for finding in also)} - CHECKS.keys())
    if unknown:
        msg = f"expected checks among {', '.join(CHECKS)}, got {', '.join(unknown)}"
        raise MalformedError(msg)
    view = View(database, tree, scope)
    chosen = [check for check in CHECKS.values() if not names or check.id in names]
    results = tuple(
        _run(check, view, told, [finding for finding in also if finding.check == check.id]) for check in chosen
    )
    return AuditResult(scope, _log(view), results, windows(view) if with_windows else {})


def _run(
    check: Check, view: View, told: Callable[[Finding, list[str]], None] | None, also: Collection[Finding]
) -> CheckResult:
    examination = check.run(view)
    counts: Counter[Severity] = Counter()
    kept: list[dict[str, Value]] = []
    for finding in chain(also, examination.findings):
        counts[finding.severity] += 1
        if told is None and len(kept) >= FINDINGS_KEPT_MAX:
            continue
        ids = entry_ids(view.database, finding)
        if told is not None:
            told(finding, ids)
        if len(kept) < FINDINGS_KEPT_MAX:
            kept.append({**finding.to_json(), "entry_ids": ids})
    return CheckResult(check, verdict_of(examination, counts.total()), examination, counts, tuple(kept))


def entry_ids(database: Database, finding: Finding) -> list[str]:
    """Return the ids of the entries that a finding names: leaf hashes in lowercase hexadecimal."""
    leaves = (database.leaf_of(entry) for entry in finding.entries)
    return [leaf.hex() for leaf in leaves if leaf is not None]


def csv_row(finding: Finding, ids: list[str]) -> list[str]:
    """Return the columns of a finding in CSV_COLUMNS; entries and ids are separated by spaces."""
    fields = (
        finding.check,
        finding.severity,
        finding.message,
        finding.issuer,
        finding.system,
        finding.subject,
        finding.count,
        finding.start,
        finding.end,
        " ".join(map(str, finding.entries)),
        " ".join(ids),
    )
    return ["" if value is None else harmless(str(value)) for value in fields]


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _log(view: View) -> dict[str, Value]:
    row = view.row("SELECT coalesce(sum(count), 0), min(time_min), max(time_max) FROM scoped_shapes")
    records, first, last = row or (0, None, None)
    types: Iterator[tuple[str, int]] = (
        (name, count)
        for name, count in view.rows(
            """
            SELECT o.type, sum(s.count) FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source
            GROUP BY o.type ORDER BY o.type
            """
        )
    )
    return {
        "entries": view.database.next_index,
        "tree_size": view.tree.size,
        "as_of": view.as_of,
        "records_in_scope": records,
        "first_event": first,
        "last_event": last,
        "types": dict(types),
    }
