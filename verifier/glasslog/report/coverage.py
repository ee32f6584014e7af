"""Say of each control whether the log has what it asks for: sufficient, insufficient or absent.

    sufficient     every record that is asked for is there, and every check that is asked for held
    insufficient   something is there, but not all of it, or a check found something or could not judge
    absent         none of the records that are asked for is there

Counted are records that were verified in the scope of the audit. Where the evidence itself does not hold (FOUNDATION),
nothing rests on it: no control is sufficient then. None of this is a verdict on whether a law is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from glasslog.counting import counted
from glasslog.report.controls import Control, Framework

Json: TypeAlias = Any
STATES: Final = ("sufficient", "insufficient", "absent")
FOUNDATION: Final = ("tree", "consistency", "signature", "authority", "schema")
"""Checks on which every other statement rests."""

_HELD: Final = frozenset({"passed", "skipped"})


def coverage_of(audit: Mapping[str, Json], kinds: Mapping[str, int], frameworks: Sequence[Framework]) -> list[Json]:
    """Return for each framework its controls, what was looked for and what was found; nothing without a replay."""
    if "checks" not in audit:
        return []
    counts = {**audit["log"]["types"], **kinds}
    checks = {check["id"]: check for check in audit["checks"]}
    faults = foundation_faults(audit)
    return [_framework(framework, counts, checks, faults) for framework in frameworks]


def foundation_faults(audit: Mapping[str, Json]) -> list[str]:
    """Return why nothing rests on the evidence, in sentences; none where it holds."""
    faults = [
        f"Step {step['number']} of the audit did not pass: {step['title']}."
        for step in audit["steps"]
        if step["status"] not in _HELD
    ]
    faults += [
        f"The check {check['id']} has {_findings(check)}."
        for check in audit.get("checks", ())
        if check["id"] in FOUNDATION and check["verdict"] == "findings"
    ]
    return faults


def _framework(
    framework: Framework, counts: Mapping[str, int], checks: Mapping[str, Json], faults: list[str]
) -> dict[str, Json]:
    controls = [_control(control, counts, checks, faults) for control in framework.controls]
    return {
        "id": framework.id,
        "title": framework.title,
        "source": framework.source,
        "note": framework.note,
        "states": {state: sum(control["state"] == state for control in controls) for state in STATES},
        "controls": controls,
    }


def _control(
    control: Control, counts: Mapping[str, int], checks: Mapping[str, Json], faults: list[str]
) -> dict[str, Json]:
    groups = [(name,) for name in control.records] + list(control.any_of)
    records: list[dict[str, Json]] = [
        {"any_of": list(group), "counts": {name: counts.get(name, 0) for name in group}} for group in groups
    ]
    judged = [_judged(name, checks, needed=True) for name in control.checks]
    judged += [_judged(name, checks, needed=False) for name in control.checks_if_any]
    missing = [asked["any_of"] for asked in records if not any(asked["counts"].values())]
    reasons = [f"There is no record of {' or '.join(map(words_of, group))}." for group in missing]
    reasons += [each["reason"] for each in judged if each["reason"]]
    state = "absent" if len(missing) == len(records) else "insufficient" if reasons or faults else "sufficient"
    if faults and state != "absent":
        reasons.append("The evidence itself does not hold, so nothing rests on it.")
    return {
        "id": control.id,
        "title": control.title,
        "asks": control.asks,
        "state": state,
        "records": records,
        "checks": judged,
        "reasons": reasons,
        "cannot": control.cannot,
    }


def words_of(name: str) -> str:
    """Return what a record is called in a sentence: `evaluation (bias)`."""
    record_type, _, kind = name.partition(":")
    words = record_type.replace("-", " ")
    return f"{words} ({kind})" if kind else words


def _judged(name: str, checks: Mapping[str, Json], *, needed: bool) -> dict[str, Json]:
    check = checks.get(name)
    verdict = "not-run" if check is None else check["verdict"]
    examined = None if check is None else {part: check["examined"][part] for part in ("count", "unit")}
    return {
        "id": name,
        "needed": needed,
        "verdict": verdict,
        "examined": examined,
        "findings": 0 if check is None else sum(check["counts"].values()),
        "reason": _reason(name, verdict, check, needed=needed),
    }


def _reason(name: str, verdict: str, check: Json, *, needed: bool) -> str:
    """Return why a check does not support a control; nothing where it does."""
    if verdict == "findings":
        return f"The check {name} has {_findings(check)}."
    if verdict == "not-run":
        return f"The check {name} was not run."
    if verdict == "not-recorded":
        return f"The check {name} found nothing, but not everything that it needs was recorded."
    if verdict == "not-applicable" and needed:
        return f"The check {name} had nothing to judge."
    return ""


def _findings(check: Json) -> str:
    count = sum(check["counts"].values())
    return counted(count, "findings")
