from collections import Counter
from dataclasses import replace

import pytest

from glasslog import cbor
from glasslog.records.schema import token
from glasslog_issuer.demo.guardrails.execution import stops
from glasslog_issuer.demo.model import Judgement
from glasslog_issuer.demo.referrals import Defect, arriving_cases, spoil
from glasslog_issuer.demo.screening import Decision, Label, reasons_of
from tests.issuer.demo.clinic import clinic


def _decisions(count: int) -> list[Decision]:
    return [clinic().screening.decide(case.referral) for case in arriving_cases(clinic().cohort.held_out, count)]


def _rulings(decision: Decision) -> dict[str, str]:
    return {execution.guardian.id: execution.decision for execution in decision.executions}


def test_every_guardrail_leaves_evidence_in_every_decision() -> None:
    for decision in _decisions(300):
        assert list(_rulings(decision)) == ["identifier-scan", "input-range", "out-of-distribution", "abstention"]


def test_a_few_hundred_referrals_meet_every_outcome() -> None:
    decisions = _decisions(300)
    assert Counter(decision.status for decision in decisions) == {"completed": 223, "blocked": 48, "refused": 29}
    assert {decision.label for decision in decisions} == set(Label)
    assert {ruling for decision in decisions for ruling in _rulings(decision).values()} == {
        "allow",
        "warn",
        "modify",
        "deny",
        "skipped",
    }


def test_the_model_runs_unless_something_before_it_stops_the_referral() -> None:
    for decision in _decisions(300):
        before = [execution for execution in decision.executions if execution.position == "pre"]
        stopped = any(map(stops, before))
        assert stopped == (decision.status == "blocked")
        assert stopped == (decision.judgement is None) == (decision.score is None) == (decision.features is None)


@pytest.mark.parametrize(
    "defect, rulings",
    [
        (Defect.WEIGHT_IN_POUNDS, {"out-of-distribution": "deny", "abstention": "skipped"}),
        (Defect.HEIGHT_IN_INCHES, {"input-range": "deny", "abstention": "skipped"}),
        (Defect.CHOLESTEROL_IN_MMOL, {"input-range": "deny", "abstention": "skipped"}),
        (Defect.NOTE_WITH_PHONE, {"identifier-scan": "modify", "input-range": "allow", "abstention": "allow"}),
        (Defect.NOTE_WITH_NAME_AND_EMAIL, {"identifier-scan": "modify", "input-range": "allow"}),
        (Defect.NOTE_WITH_SOCIAL_SECURITY_NUMBER, {"identifier-scan": "deny", "abstention": "skipped"}),
        (Defect.BLOOD_PRESSURES_SWAPPED, {"input-range": "deny"}),
    ],
)
def test_each_defect_meets_its_guardrail(defect: Defect, rulings: dict[str, str]) -> None:
    decision = clinic().screening.decide(spoil(clinic().usual_referral(), defect))
    assert rulings.items() <= _rulings(decision).items()


def test_what_goes_on_and_is_recorded_as_context_is_the_redacted_note() -> None:
    referral = spoil(clinic().usual_referral(), Defect.NOTE_WITH_NAME_AND_EMAIL)
    content = clinic().screening.decide(referral).content()
    assert content["context"] == {"note": "Nothing to note. Copy to [name], [email]."}
    assert content["input"]["note"] == referral.note


def test_a_label_is_proposed_by_the_side_of_the_cut_off() -> None:
    completed = [decision for decision in _decisions(300) if decision.status == "completed"]
    for decision in completed:
        assert decision.score is not None
        assert (decision.label is Label.OFFER_TEST) == (decision.score >= decision.threshold)


def test_a_clinician_decides_whatever_the_system_does_not() -> None:
    for decision in _decisions(300):
        assert (decision.label is Label.CLINICIAN) == (decision.status != "completed")
        if decision.status == "refused":
            assert decision.reason_codes == ("low_confidence",)


def test_reasons_are_the_strongest_pulls_to_the_side_that_was_chosen() -> None:
    contributions = {
        "age_years": 0.9,
        "hdl_mg_dl": -0.3,
        "smoker": 0.05,
        "bmi_kg_m2": 1.2,
        "male": 0.2,
        "pulse_bpm": 0.15,
    }
    assert reasons_of(Judgement(0.8, 1.0, 0.1, contributions)) == (
        "raises:bmi_kg_m2",
        "raises:age_years",
        "raises:male",
    )
    assert reasons_of(Judgement(0.1, -1.0, 0.1, contributions)) == ("lowers:hdl_mg_dl",)


def test_the_same_referral_gets_the_same_decision() -> None:
    referral = clinic().usual_referral()
    assert clinic().screening.decide(referral) == clinic().screening.decide(referral)


def test_race_plays_no_part() -> None:
    case = next(arriving_cases(clinic().cohort.held_out, 1))
    other = replace(case.participant, race="another")
    first, second = (next(arriving_cases([person], 1)).referral for person in (case.participant, other))
    assert clinic().screening.decide(first) == clinic().screening.decide(second)


def test_all_content_can_be_committed_to() -> None:
    for decision in _decisions(60):
        for value in decision.content().values():
            assert cbor.decode(cbor.encode(value)) is not None


def test_the_words_in_a_record_are_of_its_vocabulary() -> None:
    for decision in _decisions(300):
        words = [decision.label.value, *decision.reason_codes]
        for execution in decision.executions:
            words += [execution.guardian.id, execution.policy.id, execution.target]
            words += [finding.category for finding in execution.findings]
            words += [execution.reason_code] if execution.reason_code is not None else []
        for word in words:
            token(str(word))
