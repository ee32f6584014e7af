"""What the span of a model's call becomes."""

import json
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from glasslog_issuer.otel import RegisteredModel
from tests.issuer.otel.tracing import ANSWER, CHAT, QUESTION, SECRET, Service, body, fields, ids_of, opened
from tests.verifier.evidence import uuid7


def test_a_chat_span_becomes_an_inference() -> None:
    service = Service()
    service.span(CHAT)
    signed = service.one("inference")
    found = body(signed)
    assert (found["operation"], found["provider"], found["status"]) == ("chat", {"name": "openai"}, "completed")
    assert (found["requested_model"], found["response_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (found["response_id"], found["system_fingerprint"]) == ("chatcmpl-123", "fp_44709d6fcb")
    assert found["usage"] == {"input_tokens": 12, "output_tokens": 5}
    assert found["params"] == {"temperature": 0.25, "max_tokens": 100}
    assert (found["automation"], found["guardrails"]) == ("advisory", [])
    assert opened(signed) == {"input": QUESTION, "output": ANSWER}


def test_no_content_is_in_the_entry() -> None:
    service = Service()
    service.span(
        {**CHAT, "gen_ai.request.stop_sequences": (SECRET,), "gen_ai.user": SECRET, "gen_ai.conversation.id": SECRET},
        error=SECRET,
        events=[("exception", {"exception.type": "ValueError", "exception.message": SECRET})],
    )
    signed = service.one("inference")
    assert b"Doe" not in signed.statement.entry
    assert opened(signed)["error"]["exceptions"][0]["exception.message"] == SECRET
    assert opened(signed)["attributes"]["gen_ai.request.stop_sequences"] == [SECRET]


def test_request_headers_are_not_even_committed_to() -> None:
    service = Service()
    service.span({**CHAT, "gen_ai.headers": "{'Authorization': 'Bearer sk-1'}"})
    assert "attributes" not in opened(service.one("inference"))


def test_the_record_has_the_spans_times_and_trace() -> None:
    service = Service()
    with service.tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=CHAT) as span:
        trace_id, span_id = ids_of(span)
    record = fields(service.one("inference"))
    assert record["trace"] == {"trace_id": trace_id, "span_id": span_id}
    assert 0 <= record["end"] - record["time"] - record["body"]["latency_ms"] <= 2


@pytest.mark.parametrize(
    "attributes, same",
    [
        ({"gen_ai.system": "openai"}, {"provider": {"name": "openai"}}),
        ({"gen_ai.usage.prompt_tokens": 7}, {"usage": {"input_tokens": 7}}),
        ({"gen_ai.usage.completion_tokens": 8}, {"usage": {"output_tokens": 8}}),
        ({"gen_ai.openai.request.seed": 3, "llm.is_streaming": True}, {"params": {"seed": 3, "stream": True}}),
        ({"gen_ai.openai.response.system_fingerprint": "fp_1"}, {"system_fingerprint": "fp_1"}),
        ({"llm.request.type": "completion"}, {"operation": "text_completion"}),
        ({"llm.request.type": "embedding"}, {"operation": "embeddings"}),
        ({}, {"operation": "unspecified", "provider": {"name": "unspecified"}}),
    ],
)  # fmt: skip
def test_older_names_say_the_same(attributes: dict[str, Any], same: dict[str, Any]) -> None:
    service = Service()
    service.span({"gen_ai.request.model": "gpt-4", **attributes})
    found = body(service.one("inference"))
    assert {name: found[name] for name in same} == same


def test_a_setting_is_public_only_if_it_is_no_text() -> None:
    service = Service()
    settings = {"seed": 7, "top_p": 0.5, "stream": True, "reasoning_effort": "low", "note": SECRET, "odd key!": 1}
    service.span({**CHAT, **{f"gen_ai.request.{name}": value for name, value in settings.items()}})
    params = body(service.one("inference"))["params"]
    assert params == {
        "temperature": 0.25, "max_tokens": 100, "seed": 7, "top_p": 0.5, "stream": True, "reasoning_effort": "low"
    }  # fmt: skip
    kept = opened(service.one("inference"))["attributes"]
    assert kept == {"gen_ai.request.note": SECRET, "gen_ai.request.odd key!": 1}


# -------------------------------------------------------------------------------------------------------------- content


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in CHAT.items() if name not in names}


NO_CONTENT = without("gen_ai.input.messages", "gen_ai.output.messages")


def test_flattened_prompts_are_put_together() -> None:
    service = Service()
    service.span(
        {
            **NO_CONTENT,
            "gen_ai.prompt.10.content": "last",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.completion.0.content": "Yes.",
            "gen_ai.completion.0.finish_reason": "stop",
        }
    )
    assert opened(service.one("inference")) == {
        "input": [{"role": "system", "content": "Be brief."}, {"content": "last"}],
        "output": [{"content": "Yes.", "finish_reason": "stop"}],
    }


def test_messages_may_be_events_of_the_span() -> None:
    service = Service()
    service.span(
        NO_CONTENT,
        events=[
            ("gen_ai.system.message", {"content": "Be brief."}),
            ("gen_ai.user.message", {"content": SECRET}),
            ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": '{"content": "Yes."}'}),
        ],
    )
    assert opened(service.one("inference")) == {
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}],
        "output": [{"message": {"content": "Yes."}, "finish_reason": "stop", "index": 0}],
    }


def test_the_events_of_2024_are_read() -> None:
    service = Service()
    service.span(
        NO_CONTENT,
        events=[
            ("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user"}]'}),
            ("gen_ai.content.completion", {"gen_ai.completion": "Yes."}),
        ],
    )
    assert opened(service.one("inference")) == {"input": [{"role": "user"}], "output": "Yes."}


def test_details_may_be_one_event() -> None:
    service = Service()
    details = {name: CHAT[name] for name in ("gen_ai.input.messages", "gen_ai.output.messages")}
    details["gen_ai.system_instructions"] = '[{"type": "text", "content": "Be brief."}]'
    service.span(NO_CONTENT, events=[("gen_ai.client.inference.operation.details", details)])
    found = opened(service.one("inference"))
    assert found == {
        "input": QUESTION,
        "output": ANSWER,
        "system_instructions": [{"type": "text", "content": "Be brief."}],
    }


def test_tools_and_instructions_are_committed_to_by_themselves() -> None:
    service = Service()
    service.span({**CHAT, "gen_ai.tool.definitions": '[{"name": "book"}]', "gen_ai.system_instructions": "Be brief."})
    found = opened(service.one("inference"))
    assert (found["tools"], found["system_instructions"]) == ([{"name": "book"}], "Be brief.")


@pytest.mark.parametrize(
    "written, kept",
    [
        ("not json [", "not json ["),
        ('["\\ud800"]', '["\\ud800"]'),
        ("[NaN]", [pytest.approx(float("nan"), nan_ok=True)]),
        ("[1e999]", [float("inf")]),
        (f"[{10**30}]", f"[{10**30}]"),
        ("[" * 40 + "]" * 40, "[" * 40 + "]" * 40),
    ],
)
def test_content_of_any_form_can_be_committed_to(written: str, kept: object) -> None:
    service = Service()
    service.span({**CHAT, "gen_ai.input.messages": written})
    assert opened(service.one("inference"))["input"] == kept


def test_a_call_without_captured_content_is_counted() -> None:
    service = Service()
    service.span(CHAT)
    service.span(NO_CONTENT)
    assert opened(service.of("inference")[1]) == {}
    assert service.processor.counts().without_input == 1


def test_content_that_is_too_large_is_kept_by_its_digest() -> None:
    service = Service()
    service.span({**CHAT, "gen_ai.input.messages": "x" * (17 * 1024 * 1024)})
    found = opened(service.one("inference"))["input"]
    assert found["bytes"] == 17 * 1024 * 1024
    assert len(found["sha256"]) == 32


# --------------------------------------------------------------------------------------------------------------- status


@pytest.mark.parametrize(
    "attributes, error, status, error_type",
    [
        ({}, None, "completed", None),
        ({"error.type": "RateLimitError"}, "slow down", "error", "RateLimitError"),
        ({"error.type": "APITimeoutError"}, "too late", "timeout", "APITimeoutError"),
        ({"error.type": "has blanks in it"}, None, "error", "_OTHER"),
        ({}, "something", "error", "_OTHER"),
        ({"gen_ai.response.finish_reasons": ("content_filter",)}, None, "blocked", None),
        ({"gen_ai.response.finish_reasons": ("refusal",)}, None, "refused", None),
        ({"gen_ai.response.finish_reasons": "stop"}, None, "completed", None),
    ],
)
def test_how_a_call_ended(attributes: dict[str, Any], error: str | None, status: str, error_type: str | None) -> None:
    service = Service()
    service.span({**CHAT, **attributes}, error=error)
    found = body(service.one("inference"))
    assert (found["status"], found.get("error_type")) == (status, error_type)


def test_an_exception_says_its_type() -> None:
    service = Service()
    with pytest.raises(ConnectionError), service.tracer.start_as_current_span("chat", attributes=CHAT):
        raise ConnectionError(SECRET)
    signed = service.one("inference")
    assert body(signed)["error_type"] == "ConnectionError"
    assert b"Doe" not in signed.statement.entry


# ------------------------------------------------------------------------------------------------------- registrations


def test_a_hosted_model_is_registered_when_it_is_first_seen() -> None:
    service = Service()
    service.span(CHAT)
    service.span(CHAT)
    model, config = service.one("model-registration"), service.one("config-registration")
    assert body(model) == {
        "name": "gpt-4o",
        "version": "gpt-4o-2024-08-06",
        "kind": "hosted",
        "publisher": "openai",
        "assurance": "provider-returned",
    }
    assert body(config)["kind"] == "routing"
    for signed in service.of("inference"):
        assert (body(signed)["model"], body(signed)["config"]) == (model.id, config.id)
        assert body(signed)["model_assurance"] == "provider-returned"
        assert signed.record.time >= model.record.time


def test_a_model_that_no_provider_named_is_self_asserted() -> None:
    service = Service()
    service.span({**without("gen_ai.response.model"), "server.address": "llm.example", "server.port": 443})
    assert body(service.one("model-registration"))["assurance"] == "self-asserted"
    assert body(service.one("inference"))["model_assurance"] == "self-asserted"


def test_another_version_is_another_model() -> None:
    service = Service()
    service.span(CHAT)
    service.span({**CHAT, "gen_ai.response.model": "gpt-4o-2024-11-20"})
    first, second = service.of("inference")
    assert body(first)["model"] != body(second)["model"]
    assert body(first)["config"] == body(second)["config"]


def test_registrations_that_were_given_are_used() -> None:
    known = RegisteredModel(uuid7("a model"), "digest-measured", provider="our own")
    service = Service(models={"gpt-4o": known}, config=uuid7("a set of guardrails"))
    service.span(CHAT)
    [signed] = service.records
    assert (body(signed)["model"], body(signed)["model_assurance"]) == (known.id, "digest-measured")
    assert body(signed)["config"] == uuid7("a set of guardrails")
    assert body(signed)["provider"] == {"name": "our own"}


def test_names_of_models_that_never_end_are_lost_and_counted() -> None:
    service = Service(config=uuid7("config"))
    for number in range(1_001):
        service.span({"gen_ai.operation.name": "chat", "gen_ai.request.model": f"model-{number}"})
    assert len(service.of("model-registration")) == 1_000
    assert service.processor.counts().lost == {"too_many_models": 1}


# ----------------------------------------------------------------------------------------------- what the service says


def test_fields_of_all_records_and_automation_of_one() -> None:
    service = Service(shared={"data_class": ["phi"], "tenant": b"t" * 16}, automation="full")
    service.span({**CHAT, "glasslog.automation": "in-loop"})
    service.span({**CHAT, "glasslog.automation": "whatever"})
    first, second = service.of("inference")
    assert (body(first)["automation"], body(second)["automation"]) == ("in-loop", "full")
    assert (fields(first)["data_class"], fields(first)["tenant"]) == (["phi"], b"t" * 16)


def test_structured_attributes_are_taken_as_they_are() -> None:
    service = Service()
    service.span({**CHAT, "gen_ai.input.messages": QUESTION})
    assert opened(service.one("inference"))["input"] == QUESTION
    assert json.loads(CHAT["gen_ai.input.messages"]) == QUESTION
