"""What the spans around a model's call become: tools, look-ups, agents, guardrails."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind

from glasslog_issuer import AppliedPolicy, Coverage, Finding, Guardian, GuardrailExecution
from glasslog_issuer.otel import set_execution
from glasslog_issuer.otel.guardrail_span import reference_digest
from tests.issuer.otel.tracing import CHAT, GUARDRAIL, SECRET, Service, body, fields, opened

TOOL = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "book_appointment",
    "gen_ai.tool.call.arguments": '{"who": "Ms. Doe"}',
    "gen_ai.tool.call.result": '{"when": "Tuesday"}',
}

# --------------------------------------------------------------------------------------------------------------- steps


def test_a_tool_is_a_step() -> None:
    service = Service()
    service.span(TOOL)
    signed = service.one("step")
    assert body(signed) == {"operation": "execute_tool", "name": "book_appointment", "version": "4.2"}
    assert opened(signed) == {"input": {"who": "Ms. Doe"}, "output": {"when": "Tuesday"}}
    assert b"Doe" not in signed.statement.entry


def test_a_look_up_is_a_step() -> None:
    service = Service()
    service.span(
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": "guidelines",
            "gen_ai.retrieval.query.text": SECRET,
            "gen_ai.retrieval.documents": '[{"id": "doc-1", "score": 0.5}]',
            "glasslog.version": "2025-10",
        }
    )
    signed = service.one("step")
    assert body(signed) == {
        "operation": "retrieval",
        "name": "guidelines",
        "version": "2025-10",
        "data_source": "guidelines",
    }
    assert opened(signed) == {"input": SECRET, "output": [{"id": "doc-1", "score": 0.5}]}


@pytest.mark.parametrize(
    "operation, step",
    [("search_memory", "retrieval"), ("update_memory", "write_back"), ("delete_memory", "write_back")],
)
def test_a_memory_is_a_step(operation: str, step: str) -> None:
    service = Service()
    service.span({"gen_ai.operation.name": operation, "gen_ai.memory.records": SECRET})
    assert (body(service.one("step"))["operation"], body(service.one("step"))["name"]) == (step, operation)
    assert opened(service.one("step")) == {"output": SECRET}


def test_a_step_after_a_call_is_linked_to_it() -> None:
    service = Service()
    with service.tracer.start_as_current_span("request"):
        service.span(TOOL)
        service.span(CHAT)
        service.span(TOOL)
    before, after = service.of("step")
    assert "links" not in fields(before)
    assert fields(after)["links"] == [{"rel": "inference", "id": service.one("inference").id}]


def test_older_tools_are_steps_too() -> None:
    service = Service()
    service.span({"traceloop.span.kind": "tool", "traceloop.entity.name": "book", "traceloop.entity.input": "{}"})
    assert body(service.one("step"))["name"] == "book"


# -------------------------------------------------------------------------------------------------------------- agents

AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}


def test_an_agent_elsewhere_is_a_model_to_this_service() -> None:
    service = Service()
    service.span(AGENT, kind=SpanKind.CLIENT)
    assert body(service.one("inference"))["operation"] == "invoke_agent"


def test_an_agent_that_calls_models_has_no_record_of_its_own() -> None:
    service = Service()
    with service.tracer.start_as_current_span("agent", attributes=AGENT):
        service.span(CHAT)
    assert body(service.one("inference"))["operation"] == "chat"
    assert service.processor.counts().containers == 1


def test_an_agent_that_was_stopped_before_any_call_is_a_blocked_inference() -> None:
    service = Service()
    with service.tracer.start_as_current_span("agent", attributes=AGENT):
        service.span({**GUARDRAIL, "gen_ai.security.decision.type": "deny"}, kind=SpanKind.INTERNAL)
    found = body(service.one("inference"))
    assert (found["operation"], found["status"], found["usage"]) == ("invoke_agent", "blocked", {})
    assert service.one("guardrail-execution").decision == service.one("inference").decision


def test_an_agent_that_names_no_model_is_a_container() -> None:
    service = Service()
    service.span({"gen_ai.operation.name": "invoke_agent"}, kind=SpanKind.INTERNAL)
    assert service.records == []
    assert service.processor.counts().containers == 1


# ---------------------------------------------------------------------------------------------------------- guardrails


def test_a_guardrail_within_a_call_is_in_its_record() -> None:
    service = Service()
    with service.tracer.start_as_current_span("chat", attributes=CHAT):
        service.span(
            GUARDRAIL,
            events=[
                ("gen_ai.security.finding", {"gen_ai.security.risk.category": "pii", "gen_ai.security.risk.score": 0.5})
            ],
        )
        service.span(
            {**GUARDRAIL, "gen_ai.security.target.type": "llm_output", "gen_ai.security.decision.type": "modify"}
        )
    first, second = body(service.one("inference"))["guardrails"]
    assert first["guardian"] == {
        "id": "pii-filter", "name": "PII Filter", "version": "unspecified", "provider": "unspecified"
    }  # fmt: skip
    assert (first["position"], first["decision"]) == ("pre", "allow")
    assert first["findings"] == [{"category": "pii", "severity": "unrated", "score": 0.5}]
    assert (second["position"], second["decision"]) == ("post", "modify")
    assert service.of("guardrail-execution") == []
    assert service.processor.counts().attached == 2


def test_a_guardrail_beside_a_call_has_its_own_record_about_the_same_decision() -> None:
    service = Service()
    with service.tracer.start_as_current_span("request"):
        service.span(GUARDRAIL)
        service.span(CHAT)
        service.span({**GUARDRAIL, "gen_ai.security.target.type": "llm_output"})
    before, after = service.of("guardrail-execution")
    inference = service.one("inference")
    assert before.decision == inference.decision == after.decision
    assert fields(inference)["links"] == [{"rel": "guardrail", "id": before.id}]
    assert fields(after)["links"] == [{"rel": "inference", "id": inference.id}]
    assert [body(one)["position"] for one in (before, after)] == ["pre", "post"]


@pytest.mark.parametrize(
    "attributes, error, decision",
    [
        ({"gen_ai.security.decision.type": "deny"}, "blocked", "deny"),  # a denial may be marked as failed
        ({"gen_ai.security.decision.type": "BLOCK"}, None, "deny"),
        ({"gen_ai.security.decision.type": "flag"}, None, "warn"),
        ({"gen_ai.security.decision.type": "allow", "error.type": "timeout"}, None, "error-fail-open"),
        ({"gen_ai.security.decision.type": "deny", "error.type": "timeout"}, None, "error-fail-closed"),
        ({"gen_ai.security.decision.type": None, "error.type": "timeout"}, None, "error-fail-open"),
        ({"gen_ai.security.decision.type": None}, "it broke", "error-fail-open"),
        ({"gen_ai.security.decision.type": None, "gen_ai.security.verdict.type": "warn"}, None, "warn"),
    ],
)
def test_what_a_guardrail_decided(attributes: dict[str, Any], error: str | None, decision: str) -> None:
    service = Service()
    merged = {name: value for name, value in {**GUARDRAIL, **attributes}.items() if value is not None}
    service.span(merged, error=error)
    assert body(service.one("guardrail-execution"))["decision"] == decision


@pytest.mark.parametrize(
    "attributes, reason",
    [
        ({"gen_ai.security.decision.type": "perhaps"}, "guardrail_decision_unknown"),
        ({"gen_ai.security.decision.type": 7}, "guardrail_without_decision"),
        ({"gen_ai.guardian.id": 1, "gen_ai.guardian.name": ""}, "guardrail_without_name"),
    ],
)
def test_a_guardrail_that_says_no_outcome_is_never_an_allow(
    attributes: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service()
    with service.tracer.start_as_current_span("chat", attributes=CHAT):
        service.span({**GUARDRAIL, **attributes})
    service.span({**GUARDRAIL, **attributes})
    assert body(service.one("inference"))["guardrails"] == []
    assert service.of("guardrail-execution") == []
    assert service.processor.counts().lost == {reason: 2}
    assert reason in caplog.text


def test_a_policy_without_a_digest_is_pinned_by_its_name() -> None:
    service = Service()
    service.span({**GUARDRAIL, "gen_ai.security.policy.id": "pii", "gen_ai.security.policy.version": "3"})
    service.span({**GUARDRAIL, "glasslog.policy.digest": "ab" * 32})
    first, second = service.of("guardrail-execution")
    assert body(first)["policy"] == {"id": "pii", "version": "3", "digest": reference_digest("pii", "3")}
    assert body(second)["policy"]["digest"] == b"\xab" * 32


def test_findings_in_a_models_span_tell_of_its_guardrails() -> None:
    finding = {
        "gen_ai.security.guardrail.name": "Model Armor",
        "gen_ai.security.target.type": "llm_output",
        "gen_ai.security.verdict.type": "warn",
        "gen_ai.security.risk.finding": "jailbreak",
    }
    other = {**finding, "gen_ai.security.risk.finding": "pii"}
    nameless = {"gen_ai.security.risk.finding": "toxicity"}
    service = Service()
    service.span(CHAT, events=[("gen_ai.security.finding", event) for event in (finding, other, nameless)])
    [execution] = body(service.one("inference"))["guardrails"]
    assert (execution["guardian"]["id"], execution["decision"], execution["position"]) == (
        "model-armor",
        "warn",
        "post",
    )
    assert [found["category"] for found in execution["findings"]] == ["jailbreak", "pii"]


def test_what_a_guardrail_examined_is_committed_to() -> None:
    service = Service()
    service.span({**GUARDRAIL, "gen_ai.security.content.input.value": SECRET})
    assert opened(service.one("guardrail-execution"))["input"] == SECRET


tokens = st.from_regex(r"[a-z][a-z0-9_.:/-]{0,20}", fullmatch=True)
names = st.text("abcdefghij XYZ-0123456789ä", min_size=1, max_size=30)
executions = st.builds(
    GuardrailExecution,
    guardian=st.builds(Guardian, id=tokens, name=names, version=names, provider=names),
    policy=st.builds(AppliedPolicy, id=tokens, version=names, digest=st.binary(min_size=32, max_size=32)),
    target=tokens,
    position=st.sampled_from(["pre", "post", "parallel"]),
    decision=st.sampled_from(["allow", "audit", "deny", "modify", "warn", "skipped", "error-fail-open"]),
    started=st.just(0),
    latency_ms=st.just(0.0),
    findings=st.lists(
        st.builds(
            Finding,
            category=tokens,
            severity=tokens,
            score=st.none() | st.floats(-1, 1),
            count=st.none() | st.integers(0, 9),
        ),
        max_size=3,
    ),
    reason_code=st.none() | tokens,
    coverage=st.none() | st.builds(Coverage, seen=st.integers(0, 5), total=st.integers(5, 9)),
)


@given(execution=executions)
def test_an_execution_that_is_written_to_a_span_comes_back(execution: GuardrailExecution) -> None:
    service = Service()
    with service.tracer.start_as_current_span("guardrail") as span:
        set_execution(span, execution)
    found = body(service.one("guardrail-execution"))
    written = execution.to_fields()
    for measured in ("started", "latency_ms"):
        found.pop(measured)
        written.pop(measured)
    assert found == written
