from dataclasses import replace

import pytest

from glasslog import cbor
from glasslog.records.inference import GUARDRAIL_EXECUTION, INFERENCE
from glasslog.records.registrations import CONFIG_REGISTRATION, MODEL_REGISTRATION
from glasslog_issuer.demo.evidence import inference
from glasslog_issuer.demo.governance import guardrail_set_registration, model_registration
from glasslog_issuer.demo.guardrails.abstention import Abstention
from glasslog_issuer.demo.guardrails.execution import Clock
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.demo.screening import Decision
from tests.issuer.demo.clinic import clinic

MODEL_ID = bytes.fromhex("018f0000000070008000000000000001")
CONFIG_ID = bytes.fromhex("018f0000000070008000000000000002")


def _bodies(count: int) -> list[tuple[Decision, dict[str, object]]]:
    decisions = [clinic().screening.decide(case.referral) for case in arriving_cases(clinic().cohort.held_out, count)]
    return [(made, inference(made, model_id=MODEL_ID, config_id=CONFIG_ID).to_fields()) for made in decisions]


def _as_read(body: dict[str, object]) -> cbor.Value:
    """Return a body as it comes out of a record, its keys in the order of their encodings."""
    return cbor.decode(cbor.encode(body))


def test_every_decision_makes_a_body_of_the_schema() -> None:
    for _, body in _bodies(300):
        INFERENCE(_as_read(body))


def test_every_execution_makes_a_body_of_the_schema() -> None:
    for decision, _ in _bodies(60):
        for execution in decision.executions:
            GUARDRAIL_EXECUTION(_as_read(execution.to_fields()))


def test_registrations_are_of_the_schema() -> None:
    MODEL_REGISTRATION(_as_read(model_registration(clinic().model, MODEL_ID).to_fields()))
    CONFIG_REGISTRATION(_as_read(guardrail_set_registration(clinic().screening.policies).to_fields()))


def test_the_registered_set_names_every_guardrail_that_runs() -> None:
    registered = guardrail_set_registration(clinic().screening.policies).guardrails
    for decision, _ in _bodies(30):
        assert [execution.guardian.id for execution in decision.executions] == registered


def test_another_policy_is_another_set() -> None:
    screening = clinic().screening
    looser = replace(screening, after=(Abstention(standard_errors_min=999),))
    assert guardrail_set_registration(screening.policies).digest != guardrail_set_registration(looser.policies).digest


def test_a_body_says_what_became_of_the_referral() -> None:
    for decision, body in _bodies(300):
        assert (body["status"], body["automation"]) == (decision.status, "in-loop")
        assert ("response_model" in body) == (decision.status != "blocked")


def test_a_body_holds_no_content() -> None:
    for decision, body in _bodies(60):
        encoded = cbor.encode(body)
        assert decision.referral.note.encode() not in encoded
        assert cbor.encode(decision.referral.respondent) not in encoded
        assert cbor.encode(dict(decision.content()["input"]["measurements"])) not in encoded


def test_latencies_are_milliseconds() -> None:
    ticks = iter(range(0, 10**9, 1_234_567))
    clock = Clock(now_ms=lambda: 1_700_000_000_000, ticks_ns=lambda: next(ticks))
    decision = replace(clinic().screening, clock=clock).decide(clinic().usual_referral())
    assert [execution.latency_ms for execution in decision.executions] == pytest.approx([1.235] * 4)
    assert decision.latency_ms == pytest.approx(9 * 1.234567, abs=0.001)
