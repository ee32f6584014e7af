"""A traced service in one process: the SDK as it is, and a vendor who keeps every signed record in a list."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from glasslog import cbor
from glasslog_issuer import SignedRecord
from glasslog_issuer.otel import GlasslogSpanProcessor
from glasslog_issuer.recording import DirectRecording
from tests.issuer.parties import make_issuer

SECRET = "Ms. Doe has had chest pain since Tuesday"
QUESTION = [{"role": "user", "parts": [{"type": "text", "content": SECRET}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "See a doctor."}], "finish_reason": "stop"}]

CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-123",
    "gen_ai.request.temperature": 0.25,
    "gen_ai.request.max_tokens": 100,
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.response.finish_reasons": ("stop",),
    "openai.response.system_fingerprint": "fp_44709d6fcb",
    "gen_ai.input.messages": json.dumps(QUESTION),
    "gen_ai.output.messages": json.dumps(ANSWER),
}
GUARDRAIL: dict[str, Any] = {
    "gen_ai.operation.name": "apply_guardrail",
    "gen_ai.guardian.id": "pii-filter",
    "gen_ai.guardian.name": "PII Filter",
    "gen_ai.security.target.type": "llm_input",
    "gen_ai.security.decision.type": "allow",
}


class Service:
    """A service with a tracer, the processor under test, and the records that came of its spans."""

    def __init__(self, *, sampler: Sampler = ALWAYS_ON, **settings: Any) -> None:  # noqa: ANN401
        self.records: list[SignedRecord] = []
        self.subjects: list[str | None] = []
        self.provider = TracerProvider(
            sampler=sampler,
            resource=Resource({"service.name": "desk", "service.version": "4.2"}),
            shutdown_on_exit=False,
        )
        self.recording = DirectRecording(make_issuer(), self._keep)
        settings.setdefault("automation", "advisory")
        self.processor = GlasslogSpanProcessor(self.recording, **settings)
        self.provider.add_span_processor(self.processor)

    def _keep(self, signed: SignedRecord, subject: str | None) -> None:
        self.records.append(signed)
        self.subjects.append(subject)

    @property
    def tracer(self) -> Tracer:
        return self.provider.get_tracer("desk")

    def span(
        self,
        attributes: Mapping[str, Any],
        *,
        kind: SpanKind = SpanKind.CLIENT,
        error: str | None = None,
        events: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ) -> None:
        """Make one span with nothing in it."""
        with self.tracer.start_as_current_span("a span", kind=kind, attributes=dict(attributes)) as span:
            for name, event in events:
                span.add_event(name, dict(event))
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error))

    def of(self, record_type: str) -> list[SignedRecord]:
        return [signed for signed in self.records if signed.record.type == record_type]

    def one(self, record_type: str) -> SignedRecord:
        [signed] = self.of(record_type)
        return signed


def body(signed: SignedRecord) -> dict[str, Any]:
    return dict(signed.record.body)


def fields(signed: SignedRecord) -> dict[str, Any]:
    """Return all fields of the record, as they were signed."""
    found: dict[str, Any] = cbor.decode(signed.statement.payload)
    return found


def opened(signed: SignedRecord) -> dict[str, Any]:
    return {disclosure.name: disclosure.value for disclosure in signed.disclosures}


def ids_of(span: Span) -> tuple[bytes, bytes]:
    context = span.get_span_context()
    return context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
