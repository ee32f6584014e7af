"""Read the SDK's spans and log records into plain data."""

from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.sdk.resources import SERVICE_VERSION
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from glasslog_issuer.otel.fields import is_name
from glasslog_issuer.otel.span import Event, Kind, SpanData

_KINDS: Final[Mapping[SpanKind, Kind]] = {
    SpanKind.INTERNAL: "internal",
    SpanKind.SERVER: "server",
    SpanKind.CLIENT: "client",
    SpanKind.PRODUCER: "producer",
    SpanKind.CONSUMER: "consumer",
}
TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8


def span_data(span: ReadableSpan, logged: Iterable[Event] = ()) -> SpanData:
    """Return a span that has ended, with the events that were logged in its context."""
    spoken = span.context
    if spoken is None or span.start_time is None or span.end_time is None:
        raise ValueError("expected a span that has begun and ended")
    events = [Event(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]
    version = span.resource.attributes.get(SERVICE_VERSION)
    return SpanData(
        name=span.name,
        kind=_KINDS.get(span.kind, "internal"),
        trace_id=spoken.trace_id.to_bytes(TRACE_ID_BYTES, "big"),
        span_id=spoken.span_id.to_bytes(SPAN_ID_BYTES, "big"),
        start_ns=span.start_time,
        end_ns=span.end_time,
        attributes=dict(span.attributes or {}),
        events=(*events, *logged),
        failed=span.status.status_code is StatusCode.ERROR,
        failure=span.status.description,
        service_version=str(version) if is_name(version) else None,
        lost=span.dropped_attributes + span.dropped_events,
    )
