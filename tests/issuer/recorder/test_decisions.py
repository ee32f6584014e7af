"""All about one decision has one URN, the links between its records, and the times that were measured."""

from typing import Any

import pytest

from glasslog.errors import MalformedError
from glasslog_issuer import AppliedPolicy, Coverage, Decision, DirectRecording, Guardian, Provider, SignedRecord, Usage
from glasslog_issuer.clocks import Clocks
from glasslog_issuer.recorder import DecisionRecorder
from glasslog_issuer.recorder.decision import Shared, Thread
from glasslog_issuer.recorder.measuring import error_type_of
from tests.issuer.parties import make_issuer
from tests.verifier.evidence import SUBJECT, TIME_MS, digest, uuid7

REQUEST: dict[str, Any] = {
    "operation": "classify",
    "provider": Provider(name="vendor"),
    "requested_model": "triage-3",
    "model": uuid7("model"),
    "model_assurance": "digest-measured",
    "config": uuid7("config"),
    "automation": "in-loop",
}
GUARDRAIL: dict[str, Any] = {
    "guardian": Guardian(id="gate", name="Gate", version="1", provider="vendor"),
    "policy": AppliedPolicy(id="p", version="1", digest=digest("p")),
    "target": "llm_input",
    "position": "pre",
}
OVERSIGHT: dict[str, Any] = {
    "mode": "in-loop",
    "reviewer": digest("reviewer"),
    "role": "radiologist",
    "action": "override",
    "reason_code": "skin-fold",
    "seconds": 48.5,
}


class Time:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.s = 0.0

    def clocks(self) -> Clocks:
        return Clocks(lambda: TIME_MS + int(self.s * 1_000), lambda: self.s)


class Told(list[SignedRecord]):
    """What was recorded, and under which subjects."""

    def __init__(self) -> None:
        super().__init__()
        self.subjects: list[str | None] = []

    def __call__(self, signed: SignedRecord, subject: str | None) -> None:
        self.append(signed)
        self.subjects.append(subject)

    def links(self) -> list[Any]:
        return [signed.record.fields.get("links", []) for signed in self]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def decision(time: Time, told: Told) -> DecisionRecorder:
    return begin(time, told)


def begin(time: Time, told: Told, **shared: Any) -> DecisionRecorder:  # noqa: ANN401
    issuer = make_issuer(now_ms=time.clocks().now_ms)
    return DecisionRecorder(DirectRecording(issuer, told), time.clocks(), Thread(SUBJECT, shared), "case 7")  # type: ignore[arg-type]


def test_everything_has_the_urn_and_the_subject_of_the_decision(decision: DecisionRecorder, told: Told) -> None:
    with decision as d:
        d.attempt(operation="classify", provider=Provider(name="vendor"), requested_model="triage-3")
        with d.guardrail(**GUARDRAIL) as g:
            g.decision = "allow"
        with d.infer(**REQUEST):
            pass
        d.step(operation="write_back", name="worklist", version="1")
        d.oversight(**OVERSIGHT)
        d.notice(kind="ai-use", channel="letter", sent=TIME_MS, template_digest=digest("letter"))
        d.contest(kind="appeal", channel="letter", opened=TIME_MS)
        d.explanation(channel="letter", opened=TIME_MS)
        d.outcome(source="report", observed_at=TIME_MS, commit={"outcome": "skin fold"})
    assert {signed.decision for signed in told} == {decision.urn}
    assert set(told.subjects) == {"case 7"}
    attempt, _, inference, *_ = (signed.id for signed in told)
    of_attempt = [{"rel": "attempt", "id": attempt}]
    of_inference = [{"rel": "inference", "id": inference}]
    review = [{"rel": "reviews", "id": inference}]
    assert told.links() == [[], of_attempt, of_attempt, of_inference, review, *[of_inference] * 4]
    assert [one.record.type for one in told][4:] == ["oversight", "notice", "contest", "explanation", "outcome"]


def test_a_decision_can_be_gone_on_with_later(time: Time, told: Told) -> None:
    recording = DirectRecording(make_issuer(), told)
    later = DecisionRecorder(recording, time.clocks(), Thread(SUBJECT, {}, inference=uuid7("inference")), None)
    later.outcome(source="report", observed_at=TIME_MS)
    assert told[0].decision == SUBJECT
    assert told.links() == [[{"rel": "inference", "id": uuid7("inference")}]]


def test_what_is_shared_is_said_in_each_record_unless_it_is_said_otherwise(time: Time, told: Told) -> None:
    shared: Shared = {"data_class": ("phi",), "tenant": digest("hospital")}
    decision = begin(time, told, **shared)
    decision.step(operation="preprocess", name="scale", version="1")
    with decision.infer(**REQUEST):
        pass
    step = decision._thread.common("step", {"data_class": ("none",)})  # noqa: SLF001  as `record` asks it
    assert [one.record.fields["data_class"] for one in told] == [["phi"], ["phi"]]
    assert [one.record.fields["tenant"] for one in told] == [digest("hospital")] * 2
    assert step["data_class"] == ("none",)


def test_an_inference_is_measured_and_takes_what_came_of_it(decision: DecisionRecorder, time: Time, told: Told) -> None:
    with decision.infer(**REQUEST, configs=[uuid7("set")], params={"temperature": 0.0}) as i:
        i.commit(input="a film", output="urgent")
        time.s += 0.25
        i.stop_clock()
        time.s += 1
        i.response_model, i.response_id = "triage-3.1", "r-1"
        i.usage = Usage(input_tokens=10, output_tokens=2)
        i.decision = Decision(label="urgent", score=0.9)
    assert i.signed is told[0]
    record = told[0].record
    assert (record.time, record.end) == (TIME_MS, TIME_MS + 1_250)
    assert record.body["latency_ms"] == 250.0
    assert (record.body["status"], record.body["response_model"]) == ("completed", "triage-3.1")
    assert record.body["usage"] == {"input_tokens": 10, "output_tokens": 2}
    assert record.commitments.keys() == {"input", "output"}
    assert told.links() == [[{"rel": "config", "id": uuid7("set")}]]


@pytest.mark.parametrize(
    "error,status", [(ValueError("secret"), "error"), (TimeoutError(), "timeout"), (KeyboardInterrupt(), "error")]
)
def test_an_exception_is_recorded_and_raised_again(
    decision: DecisionRecorder, told: Told, error: BaseException, status: str
) -> None:
    def ask() -> None:
        with decision.infer(**REQUEST) as i:
            i.commit(input="a film")
            raise error

    with pytest.raises(type(error)):
        ask()
    body = told[0].record.body
    assert (body["status"], body["error_type"]) == (status, type(error).__name__)
    assert "secret" not in repr(told[0].record.fields)


def test_a_block_that_has_said_what_became_of_the_call_is_believed(decision: DecisionRecorder, told: Told) -> None:
    def ask() -> None:
        with decision.infer(**REQUEST) as i:
            i.status = "blocked"
            i.error_type = "policy"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ask()
    assert (told[0].record.body["status"], told[0].record.body["error_type"]) == ("blocked", "policy")


def test_a_record_that_fails_is_told_with_the_exception_as_its_context(decision: DecisionRecorder) -> None:
    mistake = ValueError("a mistake")

    def ask() -> None:
        with decision.infer(**REQUEST) as i:
            i.request["params"] = {"x": []}  # type: ignore[dict-item]
            raise mistake

    with pytest.raises(MalformedError, match=r"record body\.params\.x") as failed:
        ask()
    error: BaseException | None = failed.value
    while error is not None and error is not mistake:
        error = error.__context__
    assert error is mistake


def test_guardrails_within_an_inference_are_part_of_it(decision: DecisionRecorder, time: Time, told: Told) -> None:
    with decision.infer(**REQUEST) as i:
        with i.guardrail(**GUARDRAIL) as g:
            time.s += 0.002
            g.decision = "warn"
            g.reason_code = "rotated"
            g.finding("quality", "low", score=0.5, count=1)
            g.coverage = Coverage(seen=1, total=2)
        assert g.execution is not None
        i.add(g.execution)
    assert len(told) == 1
    first, second = told[0].record.body["guardrails"]
    assert first == second
    assert (first["decision"], first["latency_ms"], first["started"]) == ("warn", 2.0, TIME_MS)
    assert first["findings"] == [{"category": "quality", "severity": "low", "score": 0.5, "count": 1}]
    assert first["coverage"] == {"seen": 1, "total": 2}


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_a_guardrail_that_fails_is_recorded_as_such_and_the_exception_goes_on(
    decision: DecisionRecorder,
    told: Told,
    fail: Any,  # noqa: ANN401
) -> None:
    def check() -> None:
        with decision.guardrail(**GUARDRAIL, fail=fail) as g:
            g.decision = "allow"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check()
    body = told[0].record.body
    assert (body["decision"], body["reason_code"]) == (f"error-fail-{fail}", "ZeroDivisionError")


def test_a_guardrail_that_fails_within_an_inference_ends_both(decision: DecisionRecorder, told: Told) -> None:
    with pytest.raises(ZeroDivisionError), decision.infer(**REQUEST) as i, i.guardrail(**GUARDRAIL):
        raise ZeroDivisionError
    body = told[0].record.body
    assert body["status"] == "error"
    assert [one["decision"] for one in body["guardrails"]] == ["error-fail-closed"]


def test_a_guardrail_that_has_not_decided_is_a_mistake(decision: DecisionRecorder, told: Told) -> None:
    with (
        pytest.raises(ValueError, match="expected the decision of the guardrail gate"),
        decision.guardrail(**GUARDRAIL),
    ):
        pass
    assert told == []


def test_the_name_of_any_exception_can_be_recorded(decision: DecisionRecorder, told: Told) -> None:
    class _OddlyNamedError(Exception):
        pass

    assert error_type_of(_OddlyNamedError())[0].isalnum()
    with pytest.raises(_OddlyNamedError), decision.infer(**REQUEST):
        raise _OddlyNamedError
    assert told[0].record.body["error_type"].endswith("OddlyNamedError")
