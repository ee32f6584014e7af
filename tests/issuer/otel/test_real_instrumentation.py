"""Spans of a real instrumentation package, around the real client: opentelemetry-instrumentation-openai and openai.

Neither knows of Glasslog. The server behind them is ours.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider

from glasslog_issuer.otel import GlasslogLogRecordProcessor, decision
from tests.issuer.otel.model_server import ANSWER, MODEL, model_server
from tests.issuer.otel.tracing import SECRET, Service, body, opened

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20"),  # the instrumentation's own
]

MESSAGES: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}]
INPUT = [
    {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
    {"role": "user", "parts": [{"type": "text", "content": SECRET}]},
]
OUTPUT = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]


@pytest.fixture(scope="module")
def traced() -> Iterator[Service]:
    """Return the service of all these tests: the instrumentation can be put on once in a process, and not taken off."""
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor  # noqa: PLC0415  its import warns

    made = Service()
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(GlasslogLogRecordProcessor(made.processor))
    instrumentor = OpenAIInstrumentor(
        use_attributes=False
    )  # only so does it get a logger; `content` chooses for each test
    instrumentor.instrument(tracer_provider=made.provider, logger_provider=logs)
    yield made
    instrumentor.uninstrument()
    logs.shutdown()


@pytest.fixture
def service(traced: Service) -> Service:
    traced.records.clear()
    return traced


@pytest.fixture
def client(service: Service) -> Iterator[Any]:
    """Return OpenAI's client, instrumented."""
    from openai import OpenAI  # noqa: PLC0415  as above

    with model_server() as url, OpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(params=["attributes"], autouse=True)
def content(traced: Service, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the instrumentation put messages into attributes, or log them as events: what `use_attributes` says."""
    from opentelemetry.instrumentation.openai.shared.config import Config  # noqa: PLC0415  as above

    monkeypatch.setattr(Config, "use_legacy_attributes", request.param == "attributes")


def test_a_chat_completion_is_an_inference(service: Service, client: Any) -> None:  # noqa: ANN401
    client.chat.completions.create(model="desk-1", messages=MESSAGES, temperature=0, max_tokens=30)
    signed = service.one("inference")
    found = body(signed)
    assert (found["operation"], found["provider"], found["status"]) == ("chat", {"name": "openai"}, "completed")
    assert (found["requested_model"], found["response_model"]) == ("desk-1", MODEL)
    assert (found["response_id"], found["system_fingerprint"]) == ("chatcmpl-1", "fp_desk")
    assert found["usage"] == {"input_tokens": 11, "output_tokens": 4}
    assert found["params"] == {"temperature": 0, "max_tokens": 30, "stream": False}
    assert (opened(signed)["input"], opened(signed)["output"]) == (INPUT, OUTPUT)
    assert b"Doe" not in b"".join(one.statement.entry for one in service.records)
    assert service.processor.counts().lost == {}


def test_the_model_that_answered_is_registered(service: Service, client: Any) -> None:  # noqa: ANN401
    client.chat.completions.create(model="desk-2", messages=MESSAGES)
    model = service.one("model-registration")
    assert (body(model)["version"], body(model)["assurance"]) == (MODEL, "provider-returned")
    assert body(service.one("inference"))["model"] == model.id


def test_a_stream_is_an_inference_when_it_has_been_read(service: Service, client: Any) -> None:  # noqa: ANN401
    stream = client.chat.completions.create(model="desk-1", messages=MESSAGES, stream=True)
    assert service.of("inference") == []
    assert len(list(stream)) == 5
    signed = service.one("inference")
    assert body(signed)["params"]["stream"] is True
    assert (opened(signed)["input"], opened(signed)["output"]) == (INPUT, OUTPUT)


def test_embeddings_are_an_inference(service: Service, client: Any) -> None:  # noqa: ANN401
    client.embeddings.create(model="embed-1", input=SECRET)
    signed = service.one("inference")
    assert (body(signed)["operation"], body(signed)["usage"]) == ("embeddings", {"input_tokens": 3})
    assert opened(signed)["input"] == [{"role": "user", "parts": [{"type": "text", "content": SECRET}]}]


def test_a_failed_call_is_an_inference_too(service: Service, client: Any) -> None:  # noqa: ANN401
    from openai import InternalServerError  # noqa: PLC0415

    with pytest.raises(InternalServerError, match="out of order"):
        client.chat.completions.create(model="broken", messages=MESSAGES)
    signed = service.one("inference")
    assert (body(signed)["status"], body(signed)["error_type"]) == ("error", "InternalServerError")
    assert "out of order" in opened(signed)["error"]["description"]
    assert b"out of order" not in signed.statement.entry


def test_tools_are_committed_to(service: Service, client: Any) -> None:  # noqa: ANN401
    tool = {"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}
    client.chat.completions.create(model="desk-1", messages=MESSAGES, tools=[tool])
    assert opened(service.one("inference"))["tools"] == [
        {"type": "function", "name": "book", "parameters": {"type": "object"}}
    ]


def test_calls_of_one_decision_have_one_subject(service: Service, client: Any) -> None:  # noqa: ANN401
    with decision() as urn:
        for _ in range(2):
            client.chat.completions.create(model="desk-1", messages=MESSAGES)
    assert [one.decision for one in service.of("inference")] == [urn, urn]


@pytest.mark.parametrize("content", ["events"], indirect=True)
def test_messages_that_are_logged_as_events_are_committed_to(service: Service, client: Any) -> None:  # noqa: ANN401
    client.chat.completions.create(model="desk-1", messages=MESSAGES)
    found = opened(service.one("inference"))
    assert found["input"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}]
    [choice] = found["output"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (ANSWER, "stop")
