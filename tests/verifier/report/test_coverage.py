"""Whether there are records for a control: sufficient, insufficient, absent, and why."""

import json
from typing import Any

import pytest

from glasslog.audit.scope import Scope
from glasslog.report import builtin_frameworks, decode_frameworks
from glasslog.report.coverage import FOUNDATION
from tests.verifier.audit.story import MINUTE_MS, START, story
from tests.verifier.report.audits import VARIANTS, Document, outcome_of, report, step

ASKED = {"id": "1", "title": "One", "asks": "Something.", "cannot": "Anything else."}


def controls(**fields: Any) -> str:  # noqa: ANN401
    written = "\n".join(f"{name} = {json.dumps(value)}" for name, value in {**ASKED, **fields}.items())
    head = 'schema = "glasslog-controls/1"\n[[framework]]\nid = "own"\ntitle = "Own"\nsource = "Ours"\n'
    return f"{head}[[framework.control]]\n{written}\n"


def judged(outcome: Document, **fields: Any) -> Document:  # noqa: ANN401
    [framework] = report(outcome, decode_frameworks(controls(**fields).encode()))["coverage"]
    [control] = framework["controls"]
    assert framework["states"] == {**dict.fromkeys(("sufficient", "insufficient", "absent"), 0), control["state"]: 1}
    found: Document = control
    return found


HONEST = VARIANTS["honest"]
INFERENCES = HONEST["log"]["types"]["inference"]


def test_all_that_is_asked_for_is_sufficient_and_is_counted() -> None:
    control = judged(HONEST, records=["inference", "oversight:override"], checks=["stream-gaps"])
    assert control["state"] == "sufficient"
    assert control["reasons"] == []
    assert control["records"][0] == {"any_of": ["inference"], "counts": {"inference": INFERENCES}}
    assert control["checks"][0]["examined"] == {"count": HONEST["log"]["entries"], "unit": "records"}


def test_nothing_of_what_is_asked_for_is_absent() -> None:
    control = judged(HONEST, records=["outcome"], any_of=[["access", "contest"]], checks=["stream-gaps"])
    assert control["state"] == "absent"
    assert control["reasons"] == ["There is no record of outcome.", "There is no record of access or contest."]


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"records": ["inference", "outcome"]}, "There is no record of outcome."),
        ({"records": ["inference"], "any_of": [["access"]]}, "There is no record of access."),
        ({"records": ["inference"], "checks": ["stream-gaps"]}, "The check stream-gaps has 1 finding."),
        ({"records": ["inference"], "checks_if_any": ["stream-gaps"]}, "The check stream-gaps has 1 finding."),
        ({"records": ["oversight", "oversight:stop"]}, "There is no record of oversight (stop)."),
    ],
)
def test_what_is_missing_or_found_makes_it_insufficient(fields: dict[str, Any], reason: str) -> None:
    control = judged(VARIANTS["spoiled"], **fields)
    assert control["state"] == "insufficient"
    assert control["reasons"] == [reason]


def test_a_check_that_was_not_run_supports_nothing() -> None:
    control = judged(VARIANTS["some checks"], records=["inference"], checks=["guardrails"], checks_if_any=["attempts"])
    assert control["state"] == "insufficient"
    assert control["reasons"] == ["The check guardrails was not run.", "The check attempts was not run."]


def test_a_check_with_nothing_to_judge_supports_nothing_unless_it_need_not() -> None:
    events = [event for event in story() if event.type != "inference-attempt"]
    outcome = outcome_of(events, "attempts")
    assert outcome["checks"][0]["verdict"] == "not-applicable"
    assert judged(outcome, records=["inference"], checks_if_any=["attempts"])["state"] == "sufficient"
    needed = judged(outcome, records=["inference"], checks=["attempts"])
    assert (needed["state"], needed["reasons"]) == ("insufficient", ["The check attempts had nothing to judge."])


def test_a_check_that_lacked_records_supports_nothing() -> None:
    events = [event for event in story() if event.type != "system-registration"]
    outcome = outcome_of(events, "lateness")
    assert outcome["checks"][0]["verdict"] == "not-recorded"
    for field in ("checks", "checks_if_any"):
        control = judged(outcome, records=["inference"], **{field: ["lateness"]})
        assert control["state"] == "insufficient"
        assert "not everything that it needs was recorded" in control["reasons"][0]


@pytest.mark.parametrize("name", FOUNDATION)
def test_nothing_is_sufficient_where_the_evidence_does_not_hold(name: str) -> None:
    checks = [
        {**check, "verdict": "findings", "counts": {"critical": 2}} if check["id"] == name else check
        for check in HONEST["checks"]
    ]
    outcome = {**HONEST, "checks": checks}
    assert judged(outcome, records=["inference"])["state"] == "insufficient"
    assert judged(outcome, records=["access"])["state"] == "absent"
    states = {control["state"] for each in report(outcome)["coverage"] for control in each["controls"]}
    assert states == {"insufficient", "absent"}
    assert report(outcome)["foundation_faults"] == [f"The check {name} has 2 findings."]


@pytest.mark.parametrize("status", ["failed", "could-not-check", "not-reached"])
def test_nothing_is_sufficient_after_a_step_that_did_not_pass(status: str) -> None:
    outcome = {**HONEST, "steps": [step(number) for number in range(1, 6)] + [step(6, status)]}
    assert judged(outcome, records=["inference"])["state"] == "insufficient"


def test_kinds_are_counted_in_the_scope_alone() -> None:
    reviews = [event.time for event in story() if event.type == "oversight"]
    window = Scope(START + 5 * MINUTE_MS, START + 9 * MINUTE_MS)
    counted = outcome_of(story(), scope=window)["kinds"]["oversight:override"]
    assert counted == sum(window.start <= time < window.end for time in reviews)
    assert 0 < counted < HONEST["kinds"]["oversight:override"] == len(reviews)
    others = Scope(issuers=frozenset({"https://hospital.example"}))
    assert set(outcome_of(story(), scope=others)["kinds"]) == {"oversight:override"}
    assert outcome_of(story(), scope=Scope(systems=frozenset({"urn:example:other"})))["kinds"] == {}


def test_kinds_and_types_agree() -> None:
    for record_type in ("notice", "evaluation", "deployment", "oversight", "model-registration"):
        counts = [count for name, count in HONEST["kinds"].items() if name.startswith(f"{record_type}:")]
        assert sum(counts) == HONEST["log"]["types"][record_type], record_type


def test_honest_records_are_sufficient_for_what_they_are_about() -> None:
    states = {
        (each["id"], control["id"]): control["state"]
        for each in report(HONEST)["coverage"]
        for control in each["controls"]
    }
    assert states["eu-ai-act", "Article 14"] == "sufficient"
    assert states["eu-ai-act", "Article 86"] == "sufficient"
    assert states["soc-2", "CC7.2"] == "sufficient"
    assert states["soc-2", "CC6.1"] == "absent"
    assert states["hipaa", "164.312(b)"] == "insufficient"
    assert len(states) == sum(len(framework.controls) for framework in builtin_frameworks())
