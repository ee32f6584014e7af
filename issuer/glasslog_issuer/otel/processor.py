"""The span processor: see every span begin and end, and record those of generative AI when they end.

    on_start   note the span, its parent in this process, and the decision that its context says
    on_end     record it (`span_recorder`), or attach it to the call that it guards

A processor is called for every span that is recorded at all, sampled or not; an exporter only sees the sampled ones.
What a sampler drops, nobody sees: `sampler.EverySpan` keeps it from dropping. Recording happens in the thread that
ends the span, before `end` returns: when the span is over, the record is kept as the Recording promises. Nothing is
ever raised into the service.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias, Unpack, runtime_checkable

from opentelemetry import context as otel_context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import get_current_span

from glasslog_issuer.bodies import Automation, GuardrailExecution
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.counts import Counts
from glasslog_issuer.otel.decisions import Said, checked_urn, decision_of_trace, said_in
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.operations import Role, operation_of, role_of
from glasslog_issuer.otel.place import Place
from glasslog_issuer.otel.sdk_span import SPAN_ID_BYTES, TRACE_ID_BYTES, span_data
from glasslog_issuer.otel.span import Event
from glasslog_issuer.otel.span_recorder import LOGGER, Settings, SpanRecorder
from glasslog_issuer.recording import Recording

OPEN_SPANS_MAX: Final = 100_000  # spans that began and have not ended; those beyond are recorded without a parent
_EVENTS_MAX: Final = 1_000  # logged within one span
_GUARDRAILS_MAX: Final = 64
_MS_PER_S: Final = 1_000

Scope: TypeAlias = Literal["trace", "operation"]
"""What one decision is where nobody says so: a trace, or the topmost span of generative AI in it."""


@runtime_checkable
class Flushing(Protocol):
    """A Recording that can be told to send what it keeps."""

    def flush(self, timeout_s: float) -> object:
        """Send, for at most so long."""


@dataclass(slots=True)
class _Open:
    """A span that has begun. The lock of the processor guards what changes."""

    span: Span
    parent: "_Open | None"
    said: Said
    executions: list[GuardrailExecution] = field(default_factory=list)
    logged: list[Event] = field(default_factory=list)
    holds_calls: bool = False
    denied: bool = False

    def above(self) -> "Iterator[_Open]":
        """Yield the spans around this one, the nearest first."""
        around = self.parent
        while around is not None:
            yield around
            around = around.parent


class GlasslogSpanProcessor(SpanProcessor):
    """Record every span of generative AI of the providers that it is added to."""

    def __init__(
        self,
        recording: Recording,
        *,
        automation: Automation,
        scope: Scope = "trace",
        **settings: Unpack[Settings],
    ) -> None:
        """Take what records, how far the service acts without a person, and what one decision is.

        `automation` (full, in-loop, on-loop, advisory) is a claim that no span makes; `glasslog.automation` on a span
        overrides it.
        """
        self._recording = recording
        self._recorder = SpanRecorder(recording, automation=automation, **settings)
        self._scope = scope
        self._open: dict[tuple[int, int], _Open] = {}
        self._lock = threading.Lock()

    def counts(self) -> Counts:
        """Return what became of the spans so far."""
        return self._recorder.counts()

    # ------------------------------------------------------------------------------------------------ the SDK's calls

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a span that begins. Never raises."""
        try:
            self._begin(span, parent_context)
        except Exception as error:  # noqa: BLE001  the traced service comes first
            LOGGER.error("a span that begins was not noted: %s", type(error).__name__)

    def on_end(self, span: ReadableSpan) -> None:
        """Record a span that has ended. Never raises."""
        token = otel_context.attach(otel_context.set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
        try:
            self._end(span)
        except Exception as error:  # noqa: BLE001  the traced service comes first
            LOGGER.error("a span that ended is not on the log: %s", type(error).__name__)
        finally:
            otel_context.detach(token)

    def shutdown(self) -> None:
        """Record what waits for spans that will not end. The Recording stays open: its owner closes it."""
        with self._lock:
            left = list(self._open.values())
            self._open.clear()
        for noted in left:
            for execution in noted.executions:
                self._recorder.execution_left(execution, self._place(noted))
        counts = self.counts()
        if left or counts.lost:
            LOGGER.warning("%d spans never ended; not on the log by reason: %s", len(left), counts.lost)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the Recording, where it can be flushed. Returns whether it could."""
        if not isinstance(self._recording, Flushing):
            return True
        try:
            return self._recording.flush(timeout_millis / _MS_PER_S) is not False
        except Exception as error:  # noqa: BLE001  the traced service comes first
            LOGGER.error("the recording could not be flushed: %s", type(error).__name__)
            return False

    def note_event(self, trace_id: int, span_id: int, event: Event) -> bool:
        """Note an event that was logged in the context of a span; return whether that span is open here."""
        with self._lock:
            noted = self._open.get((trace_id, span_id))
            if noted is None or len(noted.logged) >= _EVENTS_MAX:
                return False
            noted.logged.append(event)
        return True

    # ------------------------------------------------------------------------------------------------------- inside

    def _begin(self, span: Span, parent_context: Context | None) -> None:
        context = span.context
        around = get_current_span(parent_context).get_span_context()
        said = said_in(parent_context)
        with self._lock:
            if len(self._open) < OPEN_SPANS_MAX:
                parent = self._open.get((around.trace_id, around.span_id))
                self._open[context.trace_id, context.span_id] = _Open(span, parent, said)

    def _end(self, span: ReadableSpan) -> None:
        context = span.context
        if context is None:
            return
        with self._lock:
            noted = self._open.pop((context.trace_id, context.span_id), None)
        data = span_data(span, noted.logged if noted else ())
        fields = Fields(data.attributes)
        role = role_of(fields, operation_of(fields), data.kind)
        if noted is None:
            urn = checked_urn(data.attributes.get(names.DECISION)) or decision_of_trace(data.trace_id)
            self._recorder.ended(data, Place(urn))
        elif role is Role.GUARDRAIL and (call := self._guarded_call(noted)) is not None:
            execution = self._recorder.execution_of(data)
            if execution is not None:
                self._attach(noted, call, execution)
        else:
            self._recorder.ended(data, self._place(noted))
            self._mark(noted, role, data.attributes)

    def _guarded_call(self, noted: _Open) -> _Open | None:
        """Return the model's call within which a guardrail runs, while it is open and has room."""
        for around in noted.above():
            if _role(around) is Role.MODEL_CALL:
                return around if len(around.executions) < _GUARDRAILS_MAX else None
        return None

    def _attach(self, noted: _Open, call: _Open, execution: GuardrailExecution) -> None:
        with self._lock:
            call.executions.append(execution)
            if execution.decision == "deny":
                for around in noted.above():
                    around.denied = True

    def _mark(self, noted: _Open, role: Role, attributes: object) -> None:
        """Tell the spans around that a model was called in them, or that a guardrail stopped something."""
        denied = role is Role.GUARDRAIL and isinstance(attributes, dict) and _denies(attributes)
        called = role is Role.MODEL_CALL
        if denied or called:
            with self._lock:
                for around in noted.above():
                    around.denied |= denied
                    around.holds_calls |= called

    def _place(self, noted: _Open) -> Place:
        with self._lock:
            executions = tuple(noted.executions)
        return Place(
            decision=self._decision(noted),
            subject=next((one.said.subject for one in (noted, *noted.above()) if one.said.subject), None),
            executions=executions,
            holds_calls=noted.holds_calls,
            denied=noted.denied,
        )

    def _decision(self, noted: _Open) -> str:
        """Return the decision that the span says, or the nearest around it; else that of the trace or operation."""
        topmost = noted
        for one in (noted, *noted.above()):
            urn = checked_urn((one.span.attributes or {}).get(names.DECISION)) or one.said.urn
            if urn is not None:
                return urn
            if _role(one) is not Role.FOREIGN:
                topmost = one
        context = topmost.span.context
        trace_id = context.trace_id.to_bytes(TRACE_ID_BYTES, "big")
        if self._scope == "trace":
            return decision_of_trace(trace_id)
        return decision_of_trace(trace_id, context.span_id.to_bytes(SPAN_ID_BYTES, "big"))


def _role(noted: _Open) -> Role:
    fields = Fields(dict(noted.span.attributes or {}))
    return role_of(fields, operation_of(fields), "client" if noted.span.kind.name == "CLIENT" else "internal")


def _denies(attributes: dict[str, object]) -> bool:
    return any(attributes.get(key) in {"deny", "denied", "block", "blocked"} for key in names.VERDICT)
