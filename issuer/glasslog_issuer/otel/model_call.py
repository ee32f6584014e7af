"""The span of a call to a model, as the inference that it is.

What is read here is public in the record: names of models and providers, settings that are numbers, counts of tokens,
times. Whatever might be content is left to `content`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glasslog_issuer.bodies import Automation, GuardrailExecution, Inference, Provider, Status, Usage
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.registry import Asked, Reference
from glasslog_issuer.otel.span import SpanData

UNKNOWN: Final = "unspecified"

_AUTOMATIONS: Final[Mapping[str, Automation]] = {
    "full": "full",
    "in-loop": "in-loop",
    "on-loop": "on-loop",
    "advisory": "advisory",
}
_FILTERED: Final = frozenset({"content_filter", "content_filtered", "guardrail_intervened", "safety", "blocked"})
_REFUSED: Final = frozenset({"refusal", "refused"})
_OTHER_ERROR: Final = "_OTHER"  # as the conventions say for an error of no known class
_PARAMS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call says about the model beside what was asked."""

    response_id: str | None
    fingerprint: str | None
    usage: Usage
    params: Mapping[str, str | float | bool]


def asked_of(fields: Fields, operation: str) -> Asked:
    """Return which model was asked for, of whom, and which one answered."""
    requested = fields.name(names.REQUEST_MODEL)
    answered = fields.name(names.RESPONSE_MODEL)
    return Asked(
        operation=operation,
        provider=fields.name(*names.PROVIDER) or UNKNOWN,
        requested=requested or answered or UNKNOWN,
        answered=answered,
        server=fields.name(names.SERVER_ADDRESS),
        port=fields.count(names.SERVER_PORT),
    )


def inference_of(
    span: SpanData,
    fields: Fields,
    asked: Asked,
    reference: Reference,
    guardrails: Sequence[GuardrailExecution],
    automation: Automation,
    *,
    blocked: bool = False,
) -> Inference:
    """Return the inference. `blocked` is whether a guardrail stopped it before any model was called."""
    status, error_type = _status(span, fields)
    answer = _answer(fields)
    return Inference(
        operation=asked.operation,
        provider=Provider(name=reference.provider),
        requested_model=asked.requested,
        response_model=asked.answered,
        response_id=answer.response_id,
        system_fingerprint=answer.fingerprint,
        model=reference.model,
        model_assurance=reference.assurance,
        config=reference.config,
        params=answer.params,
        status="blocked" if blocked else status,
        error_type=error_type,
        usage=answer.usage,
        latency_ms=span.latency_ms,
        automation=_AUTOMATIONS.get(fields.token(names.AUTOMATION) or "", automation),
        guardrails=tuple(guardrails),
    )


def _answer(fields: Fields) -> Answer:
    settings = fields.scalars(names.REQUEST_PREFIX, names.OTHER_PARAMS, names.WORD_PARAMS)
    return Answer(
        response_id=fields.name(names.RESPONSE_ID),
        fingerprint=fields.name(*names.FINGERPRINT),
        usage=Usage(input_tokens=fields.count(*names.INPUT_TOKENS), output_tokens=fields.count(*names.OUTPUT_TOKENS)),
        params=dict(sorted(settings.items())[:_PARAMS_MAX]),
    )


def _status(span: SpanData, fields: Fields) -> tuple[Status, str | None]:
    """Return how the call ended, and the class of its error."""
    error_type = fields.token(names.ERROR_TYPE)
    if span.failed or error_type is not None or names.ERROR_TYPE in fields:
        error_type = error_type or _raised(span) or _OTHER_ERROR
        return ("timeout" if "timeout" in error_type.lower() else "error"), error_type
    reasons = {reason.lower() for reason in fields.words(*names.FINISH_REASONS)}
    if reasons & _FILTERED:
        return "blocked", None
    return ("refused" if reasons & _REFUSED else "completed"), None


def _raised(span: SpanData) -> str | None:
    """Return the type of the exception that the span recorded."""
    raised = [Fields(event.attributes) for event in span.events if event.name == names.EXCEPTION_EVENT]
    return next((kind for fields in raised if (kind := fields.token("exception.type"))), None)
