"""Say in words what an audit looked at, what it did not, and what no log can show. From the outcome alone."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from glasslog.audit.checks import CHECKS
from glasslog.counting import counted
from glasslog.moments import readable_time

Json: TypeAlias = Any
_STEP_STATES: Final = {
    "failed": "failed",
    "skipped": "was not asked for",
    "could-not-check": "could not be checked",
    "not-reached": "was not reached",
}
_OF_ENTRIES: Final = frozenset({"tree", "signature", "authority", "schema"})
"""Checks that have what the replay found wrong with single entries, whatever the scope."""

LIMITS: Final = (
    (
        "An event that was never sent leaves no record. Sequence numbers, heartbeats, receipts held by customers and "
        "reconciliation against outside counters are for that."
    ),
    "A signature says who said a thing, not that it is true.",
    "The log's time of an entry is the log's word, unless witnesses have cosigned its tree heads.",
    "Another tree may be shown to somebody else: compare checkpoints, or ask for cosignatures of witnesses.",
    "Records hold commitments, not content: what a prompt or an answer said is not seen here.",
    "Whether a law is kept is for people to judge, from this and from much that is in no log.",
)
"""What no log can show, said in every report."""


def headline_of(audit: Mapping[str, Json]) -> dict[str, str]:
    """Return the verdict in a few words, and its kind: good, bad or open."""
    if "checks" not in audit:
        return {"kind": "bad" if audit["verdict"] == "failed" else "open", "text": "The log could not be replayed"}
    found = sum(audit["summary"]["findings"].values())
    if found:
        return {"kind": "bad", "text": counted(found, "findings")}
    if audit["verdict"] == "failed":
        return {"kind": "bad", "text": "A step of the audit failed"}
    if audit["verdict"] != "verified":
        return {"kind": "open", "text": "Not everything could be checked"}
    if not audit["log"]["records_in_scope"]:
        return {"kind": "open", "text": "No record is in scope"}
    return {"kind": "good", "text": "Nothing was found"}


def sentences_of(audit: Mapping[str, Json]) -> list[str]:
    """Return the audit in a few sentences, for somebody who reads nothing else."""
    tree = audit["tree"]
    if "checks" not in audit:
        where = "No signed tree was verified" if tree is None else f"The log {tree['origin']} showed {_entries(tree)}"
        return [
            f"{where}, and its entries could not be replayed.",
            "Nothing is said here about any record: no check of the records was run.",
            *_failures(audit),
        ]
    log, verdicts = audit["log"], audit["summary"]["verdicts"]
    checked = (
        f"This report is about {counted(log['records_in_scope'], 'records')}. Of {len(audit['checks'])} checks, "
        f"{verdicts['ok']} found nothing wrong, {verdicts['findings']} found something, {verdicts['not-recorded']} "
        f"lacked records to judge by, and {verdicts['not-applicable']} had nothing to judge."
    )
    return [f"The log {tree['origin']} holds {_entries(tree)}; {_admission(audit)}.", checked, *_failures(audit)]


def _admission(audit: Mapping[str, Json]) -> str:
    """Return what came of judging every entry, at this audit and at earlier ones in the same state."""
    replayed = [check for check in audit["checks"] if check["id"] in _OF_ENTRIES]
    found = sum(sum(check["counts"].values()) for check in replayed)
    if found:
        return f"some of them had to be refused ({found:,} {'finding' if found == 1 else 'findings'})"
    if len(replayed) == len(_OF_ENTRIES) and not audit["scope"]["since"]:
        return "every one of them was judged and admitted"
    return "they were replayed"


def _entries(tree: Mapping[str, Json]) -> str:
    return counted(tree["size"], "entries")


def _failures(audit: Mapping[str, Json]) -> Iterator[str]:
    for step in audit["steps"]:
        if step["status"] in {"failed", "could-not-check"}:
            why = _why(step)
            yield f"Step {step['number']} {_STEP_STATES[step['status']]}: {step['title']}{why}."


def _why(step: Mapping[str, Json]) -> str:
    if step["expected"] is not None and step["found"] is not None:
        return f" (expected {step['expected']}, found {step['found']})"
    why = step["reason"] or step["expected"]
    return f" ({why})" if why else ""


def not_checked(audit: Mapping[str, Json]) -> list[str]:
    """Return what the audit did not check, in sentences."""
    return [*_steps_not_passed(audit), *_scope_left_out(audit), *_checks_not_judged(audit)]


def _steps_not_passed(audit: Mapping[str, Json]) -> Iterator[str]:
    for step in audit["steps"]:
        if step["status"] != "passed":
            yield f"Step {step['number']}, {step['id']}, {_STEP_STATES[step['status']]}: {step['title']}{_why(step)}."
    if "checks" not in audit:
        yield f"None of the {len(CHECKS)} checks of the records was run, because the entries could not be replayed."


def _scope_left_out(audit: Mapping[str, Json]) -> Iterator[str]:
    scope = audit.get("scope")
    if scope is None:
        return
    if scope["start"] is not None:
        yield f"Events before {readable_time(scope['start'])} were not judged."
    if scope["end"] is not None:
        yield f"Events from {readable_time(scope['end'])} on were not judged."
    for name in ("issuers", "systems"):
        if scope[name]:
            yield f"Records of other {name} than {', '.join(scope[name])} were not judged."
    if scope["since"]:
        yield f"Entries before index {scope['since']:,} were judged by an earlier audit, not by this one."
    tree = audit["tree"]
    if tree is not None and tree["shown_size"] != tree["size"]:
        yield f"The source showed a tree of {counted(tree['shown_size'], 'entries')}; this is about {_entries(tree)}."


def _checks_not_judged(audit: Mapping[str, Json]) -> Iterator[str]:
    checks = {check["id"]: check for check in audit.get("checks", ())}
    if not checks:
        return
    for name, known in CHECKS.items():
        check = checks.get(name)
        if check is None:
            yield f"The check {name} was not run: {known.title}."
            continue
        if check["verdict"] == "not-applicable":
            yield f"The check {name} had nothing to judge: {known.title}."
        if check["examined"]["pending"]:
            yield f"The check {name} has {counted(check['examined']['pending'], 'duties')} not due yet."
        yield from (f"The check {name}: {sentence}" for sentence in check["not_recorded"])
    windows = audit["windows"]
    yield from windows.get("not_recorded", ())
    outside = windows["timelines"]["outside_period"] if windows else 0
    if outside:
        yield f"Judged but not drawn: {counted(outside, 'records')} that claim a time outside the period."
