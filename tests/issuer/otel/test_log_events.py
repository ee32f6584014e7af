"""Events that are logged in the context of a span, with the SDK's real loggers."""

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider

from glasslog_issuer.otel import GlasslogLogRecordProcessor
from tests.issuer.otel.tracing import SECRET, Service, opened

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def logs(service: Service) -> LoggerProvider:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(GlasslogLogRecordProcessor(service.processor))
    return provider


def test_an_event_is_content_of_the_span_around_it(service: Service, logs: LoggerProvider) -> None:
    with service.tracer.start_as_current_span("chat", attributes=CHAT):
        logs.get_logger("desk").emit(LogRecord(event_name="gen_ai.user.message", body={"content": SECRET}))
        logs.get_logger("desk").emit(LogRecord(event_name="gen_ai.choice", body="Yes."))
        logs.get_logger("desk").emit(LogRecord(event_name="something.else", body="No."))
    assert opened(service.one("inference")) == {
        "input": [{"role": "user", "content": SECRET}],
        "output": [{"content": "Yes."}],
    }
    assert logs.force_flush()


def test_an_event_outside_of_any_span_is_told_and_not_shown(
    logs: LoggerProvider, caplog: pytest.LogCaptureFixture
) -> None:
    logs.get_logger("desk").emit(LogRecord(event_name="gen_ai.user.message", body={"content": SECRET}))
    assert "gen_ai.user.message is not on the log" in caplog.text
    assert "Doe" not in caplog.text
