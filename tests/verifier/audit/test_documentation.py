"""docs/checks.md tells the truth: its table is that of the code, and it names every field of audit.json."""

import json
import re
from pathlib import Path

from glasslog.audit.check import Verdict
from glasslog.audit.checks import CHECKS
from glasslog.audit.result import AUDIT_SCHEMA, FINDINGS_KEPT_MAX
from glasslog.audit.scope import DAY_MS, Bounds
from glasslog.cbor import Value
from tests.verifier.audit.logbook import Logbook, changed, without
from tests.verifier.audit.story import END, story

PAGE = (Path(__file__).parents[3] / "docs" / "checks.md").read_text()


def test_the_table_is_that_of_the_code() -> None:
    rows = [
        f"| `{check.id}` | {check.title} | {check.severity} | {check.proves} | {check.cannot} | {check.section} |"
        for check in CHECKS.values()
    ]
    assert re.findall(r"(?m)^\| `[a-z-]+` \| [A-Z].* \|$", PAGE) == rows


def test_every_verdict_is_explained() -> None:
    assert set(re.findall(r"(?m)^\| `([a-z-]+)` \| [a-z]", PAGE)) >= {str(verdict) for verdict in Verdict}


def test_the_bounds_are_those_of_the_code() -> None:
    bounds = Bounds()
    said = {
        "24 hours": bounds.lateness == DAY_MS,
        "60 seconds": bounds.clock_skew == 60_000,
        "7 days": bounds.review == 7 * DAY_MS,
        "after 30 days": bounds.erasure == 30 * DAY_MS,
        "within 15 days": bounds.report == 15 * DAY_MS,
    }
    assert all(said.values())
    assert [text for text in said if f"| {text} |" not in PAGE] == []


def test_every_field_of_the_json_is_named() -> None:
    events = without(changed(story(), "beat 9", logged=END), "beat 3")
    result = Logbook(events).audit().result.to_json()
    assert result["schema"] == AUDIT_SCHEMA
    assert f"(the first {FINDINGS_KEPT_MAX})" in PAGE
    names = set(_names(json.loads(json.dumps(result))))
    assert len(names) > 60
    assert sorted(name for name in names if f"`{name}`" not in PAGE and f".{name}`" not in PAGE) == []


_OPEN = {
    "types",
    "findings",
    "verdicts",
    "counts",
    "guardrail_decisions",
    "oversight_actions",
    "heartbeats",
    "statuses",
}
_OPEN |= {"by_type", "guardrails"}  # their keys are data
_ELSEWHERE = {"entry", "time", "seconds"}  # of a gap and of a late record, where they mean what they say


def _names(value: Value) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _names(item)}
    if not isinstance(value, dict):
        return set()
    inner = {name for key, item in value.items() if key not in _OPEN or isinstance(item, list) for name in _names(item)}
    return (set(value) | inner) - _ELSEWHERE
