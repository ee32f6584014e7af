"""Make records of finished spans. Whatever goes wrong is counted and logged here, and nothing is raised from here.

    a span and its place -> role (`operations`) -> body and content (`model_call`, `step_span`, `guardrail_span`,
    `content`) -> `Recording.record`

A traced service must never break over its telemetry, and a log must never miss a record in silence. So every span of
generative AI ends in one of the numbers of `Counts`, and each that is lost is logged with its name, ids and reason,
never with what it says.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypedDict, Unpack, cast

from glasslog.errors import GlasslogError
from glasslog_issuer.bodies import Automation, Body, GuardrailExecution
from glasslog_issuer.errors import IssuerError
from glasslog_issuer.otel import content, guardrail_span, model_call, step_span
from glasslog_issuer.otel.counts import Counts, Tally
from glasslog_issuer.otel.errors import UnmappableSpanError
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.operations import Role, named, operation_of, role_of
from glasslog_issuer.otel.place import Place
from glasslog_issuer.otel.registry import RegisteredModel, Registry
from glasslog_issuer.otel.span import SpanData
from glasslog_issuer.record import CommonFields, SignedRecord
from glasslog_issuer.recording import Recording

LOGGER: Final = logging.getLogger("glasslog_issuer.otel")

_DECISIONS_REMEMBERED: Final = 10_000
_EXECUTIONS_MAX: Final = 64  # what an inference may hold
_LINKS_MAX: Final = 64  # what a record may have


class SharedFields(TypedDict, total=False):
    """The fields that may be the same in all records of spans (RECORDS section 3)."""

    tenant: bytes
    data_class: Sequence[str]
    retention: Mapping[str, Any]


class Settings(TypedDict, total=False):
    """What a service says about all its records.

    `models` are registrations by the model's name, `config` is the id of a configuration's, such as the set of
    guardrails; `shared` are fields of every record; `on_lost` is told of each span that is not on the log, and why.
    """

    models: Mapping[str, RegisteredModel]
    config: bytes
    shared: SharedFields
    on_lost: Callable[[SpanData, str], None]


@dataclass(frozen=True, slots=True)
class _Made:
    body: Body
    commit: Mapping[str, object]


@dataclass(slots=True)
class _Thread:
    """What was recorded last of a decision: the call of a model, and the guardrails since."""

    inference: bytes | None = None
    guardrails: list[bytes] = field(default_factory=list)


class SpanRecorder:
    """Record spans. May be shared by threads."""

    def __init__(self, recording: Recording, *, automation: Automation, **settings: Unpack[Settings]) -> None:
        """Take what records, how far the service acts without a person, and its settings."""
        self._recording = recording
        self._automation = automation
        self._shared = cast("CommonFields", settings.get("shared", {}))
        self._on_lost = settings.get("on_lost", _tell_nobody)
        self._tally = Tally()
        counted = _CountedRecording(recording, self._tally)
        self._record = counted.record
        self._registry = Registry(counted, models=settings.get("models"), config=settings.get("config"))
        self._threads: OrderedDict[str, _Thread] = OrderedDict()
        self._lock = Lock()

    def counts(self) -> Counts:
        """Return what became of the spans so far."""
        return self._tally.read()

    def ended(self, span: SpanData, place: Place) -> bool:
        """Record a finished span. Returns whether nothing of it was lost."""
        try:
            return self._ended(span, place)
        except UnmappableSpanError as error:
            self.lose(span, error.reason)
        except (GlasslogError, IssuerError) as error:
            self.lose(span, error.code, str(error))
        except Exception as error:  # noqa: BLE001  the traced service comes first; its messages may hold content
            self.lose(span, type(error).__name__)
        return False

    def execution_of(self, span: SpanData) -> GuardrailExecution | None:
        """Return the execution that a guardrail's span is, to be attached to its model's record; None if it is lost."""
        self._see(span)
        fields = Fields(span.attributes)
        try:
            execution = guardrail_span.execution_of_span(span, fields)
        except UnmappableSpanError as error:
            self.lose(span, error.reason)
            return None
        self._tally.add("attached")
        self._tally.add("odd", len(fields.odd))
        return execution

    def execution_left(self, execution: GuardrailExecution, place: Place) -> None:
        """Record an execution whose model's span never ended."""
        try:
            self._record(execution, decision=place.decision, subject=place.subject, **self._shared)
        except Exception as error:  # noqa: BLE001  as above
            self._tally.lose(getattr(error, "code", type(error).__name__))
            LOGGER.error("a guardrail's execution is not on the log: %s", type(error).__name__)  # noqa: TRY400

    def lose(self, span: SpanData, reason: str, message: str = "") -> None:
        """Count and log a span that is not on the log. Never raises."""
        self._tally.lose(reason)
        ids = span.trace_id.hex(), span.span_id.hex()
        LOGGER.error("span %s of trace %s is not on the log: %s %s", ids[1], ids[0], reason, message)
        try:
            self._on_lost(span, reason)
        except Exception as error:  # noqa: BLE001  as above
            LOGGER.error("on_lost raised %s", type(error).__name__)  # noqa: TRY400

    def _ended(self, span: SpanData, place: Place) -> bool:
        fields = Fields(span.attributes)
        operation = operation_of(fields)
        role = role_of(fields, operation, span.kind)
        if role is Role.FOREIGN:
            return True
        self._see(span)
        if role is Role.CONTAINER and (place.holds_calls is not False or not _names_model(fields)):
            self._tally.add("containers")
            return True
        made = self._made(span, fields, place, role, named(operation))
        self._tally.add("odd", len(fields.odd))
        self._keep(span, place, role, made)
        return True

    def _see(self, span: SpanData) -> None:
        """Count a span of generative AI, and whether it is whole."""
        self._tally.add("spans")
        if span.lost:
            self._tally.add("incomplete")
            LOGGER.warning("span %s lost %d attributes or events to the SDK's limits", span.span_id.hex(), span.lost)

    def _made(self, span: SpanData, fields: Fields, place: Place, role: Role, operation: str) -> _Made:
        match role:
            case Role.GUARDRAIL:
                return _Made(guardrail_span.execution_of_span(span, fields), content.of_guardrail(span, fields))
            case Role.STEP:
                body = step_span.step_of(span, fields, operation)
                return _Made(body, step_span.content_of(span, fields, operation))
            case Role.MODEL_CALL | Role.CONTAINER:
                return self._inference(span, fields, place, operation, called=role is Role.MODEL_CALL)
            case _:
                raise UnmappableSpanError("no_operation")

    def _inference(self, span: SpanData, fields: Fields, place: Place, operation: str, *, called: bool) -> _Made:
        asked = model_call.asked_of(fields, operation)
        reference = self._registry.reference(asked, span.start_ms)
        executions = [*place.executions, *guardrail_span.executions_of_findings(span.events)]
        inference = model_call.inference_of(
            span, fields, asked, reference, executions[:_EXECUTIONS_MAX], self._automation,
            blocked=place.denied and not called,
        )  # fmt: skip
        for execution in executions[_EXECUTIONS_MAX:]:
            self.execution_left(execution, place)
        commit = content.of_inference(span, fields)
        if "input" not in commit:
            self._tally.add("without_input")
        return _Made(inference, commit)

    def _keep(self, span: SpanData, place: Place, role: Role, made: _Made) -> None:
        fields = self._shared.copy()
        fields["time"], fields["end"], fields["trace"] = span.start_ms, span.end_ms, span.trace
        if links := self._links(place, role):
            fields["links"] = links
        signed = self._record(made.body, decision=place.decision, commit=made.commit, subject=place.subject, **fields)
        self._remember(place, role, signed.id)

    def _links(self, place: Place, role: Role) -> Sequence[Mapping[str, Any]]:
        """Return the links to what came before in the decision.

        A model's call is linked to the guardrails that ran since the last one and have records of their own; anything
        else to the last call.
        """
        with self._lock:
            thread = self._threads.get(place.decision, _Thread())
            if role in {Role.MODEL_CALL, Role.CONTAINER}:
                return [{"rel": "guardrail", "id": record_id} for record_id in thread.guardrails]
            return () if thread.inference is None else [{"rel": "inference", "id": thread.inference}]

    def _remember(self, place: Place, role: Role, record_id: bytes) -> None:
        with self._lock:
            thread = self._threads.setdefault(place.decision, _Thread())
            self._threads.move_to_end(place.decision)
            if role is Role.GUARDRAIL:
                thread.guardrails = [*thread.guardrails[1 - _LINKS_MAX :], record_id]
            elif role is not Role.STEP:
                thread.inference, thread.guardrails = record_id, []
            if len(self._threads) > _DECISIONS_REMEMBERED:
                self._threads.popitem(last=False)


class _CountedRecording:
    """A recording that counts what it records."""

    def __init__(self, recording: Recording, tally: Tally) -> None:
        self._recording = recording
        self._tally = tally

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Record and count."""
        signed = self._recording.record(body, decision=decision, commit=commit, subject=subject, **common)
        self._tally.recorded(signed.record.type)
        return signed


def _names_model(fields: Fields) -> bool:
    return model_call.asked_of(fields, "").requested != model_call.UNKNOWN


def _tell_nobody(_span: SpanData, _reason: str) -> None:
    """Do nothing: counts and the logger tell."""
