"""The span exporter, for pipelines that take nothing else. It sees less than the processor, and cannot help it.

Only sampled spans come here, in batches, after a queue that drops what is too much. A span comes alone: the decision is
what its own attributes say, or its trace; a guardrail within a model's call gets a record of its own; a span that holds
others is always taken for a container.
"""

from collections.abc import Sequence
from typing import Unpack

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from glasslog_issuer.bodies import Automation
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.counts import Counts
from glasslog_issuer.otel.decisions import checked_urn, decision_of_trace
from glasslog_issuer.otel.place import Place
from glasslog_issuer.otel.sdk_span import span_data
from glasslog_issuer.otel.span_recorder import LOGGER, Settings, SpanRecorder
from glasslog_issuer.recording import Recording


class GlasslogSpanExporter(SpanExporter):
    """Record the spans of generative AI among those that are exported. Prefer `GlasslogSpanProcessor`."""

    def __init__(self, recording: Recording, *, automation: Automation, **settings: Unpack[Settings]) -> None:
        """Take what records, how far the service acts without a person, and its settings."""
        self._recorder = SpanRecorder(recording, automation=automation, **settings)

    def counts(self) -> Counts:
        """Return what became of the spans so far."""
        return self._recorder.counts()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Record a batch. Never raises; says FAILURE when any span of it is not on the log."""
        kept = [self._kept(span) for span in spans]
        return SpanExportResult.SUCCESS if all(kept) else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Say what was lost. The Recording stays open: its owner closes it."""
        if lost := self.counts().lost:
            LOGGER.warning("not on the log by reason: %s", lost)

    def _kept(self, span: ReadableSpan) -> bool:
        try:
            data = span_data(span)
        except Exception as error:  # noqa: BLE001  the traced service comes first
            LOGGER.error("a span is not on the log: %s", type(error).__name__)
            return False
        urn = checked_urn(data.attributes.get(names.DECISION)) or decision_of_trace(data.trace_id)
        return self._recorder.ended(data, Place(urn))
