"""The log record processor: messages that an instrumentation writes as events to OpenTelemetry's logs.

Some instrumentations put no content on spans: they log `gen_ai.user.message`, `gen_ai.choice` or
`gen_ai.client.inference.operation.details` in the span's context. These events are given to the span processor, which
commits to them with the span. The SDK's logs are not stable yet, so this is apart from everything else.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.processor import GlasslogSpanProcessor
from glasslog_issuer.otel.span import Event
from glasslog_issuer.otel.span_recorder import LOGGER

_TAKEN: Final = names.CONTENT_EVENTS | {names.FINDING_EVENT}


class GlasslogLogRecordProcessor(LogRecordProcessor):
    """Give the events of generative AI to the spans in whose context they were logged."""

    def __init__(self, processor: GlasslogSpanProcessor) -> None:
        """Take the processor that knows the spans."""
        self._processor = processor

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Note an event. Never raises; an event outside of any open span is logged as lost."""
        try:
            self._note(log_record)
        except Exception as error:  # noqa: BLE001  the traced service comes first
            LOGGER.error("an event is not on the log: %s", type(error).__name__)

    def shutdown(self) -> None:
        """Do nothing: events wait with their spans."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: events wait with their spans."""
        del timeout_millis
        return True

    def _note(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        attributes = dict(record.attributes or {})
        name = record.event_name or attributes.get("event.name")
        if name not in _TAKEN:
            return
        event = Event(str(name), record.timestamp or record.observed_timestamp or 0, attributes, _body(record.body))
        if not self._processor.note_event(record.trace_id or 0, record.span_id or 0, event):
            LOGGER.error("an event %s is not on the log: no span of this process is open around it", name)


def _body(body: object) -> object:
    return {str(key): value for key, value in body.items()} if isinstance(body, Mapping) else body
