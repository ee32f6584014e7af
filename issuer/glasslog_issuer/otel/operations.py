"""What kind of thing a span is, by its operation's name: a model's call, a step, a guardrail, or only a container."""

from enum import StrEnum
from typing import Final

from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel import guardrail_span, step_span
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.model_call import UNKNOWN
from glasslog_issuer.otel.span import Kind

_CONTAINERS: Final = frozenset({"invoke_agent", "invoke_workflow", "create_agent", "create_memory_store"})
_OLDER: Final = {  # words of older packages: of llm.request.type, and of traceloop.span.kind
    "completion": "text_completion",
    "embedding": "embeddings",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
    "task": "invoke_workflow",
}


class Role(StrEnum):
    """What becomes of a span."""

    MODEL_CALL = "model_call"
    STEP = "step"
    GUARDRAIL = "guardrail"
    CONTAINER = "container"
    UNKNOWN = "unknown"
    """It has attributes of generative AI, and says neither an operation nor a model."""
    FOREIGN = "foreign"
    """It is none of ours."""


def operation_of(fields: Fields) -> str | None:
    """Return the name of the operation in the words of the current conventions."""
    written = fields.token(*names.OPERATION_NAMES) or fields.token(names.SPAN_KIND)
    return written if written is None else _OLDER.get(written, written)


def role_of(fields: Fields, operation: str | None, kind: Kind) -> Role:
    """Return what becomes of a span that names an operation, or none."""
    if operation in guardrail_span.OPERATIONS:
        return Role.GUARDRAIL
    if operation in step_span.OPERATIONS:
        return Role.STEP
    if operation in _CONTAINERS:  # an agent elsewhere is to this service what a model is; its own agents hold calls
        return Role.MODEL_CALL if kind == "client" and operation == "invoke_agent" else Role.CONTAINER
    if names.REQUEST_MODEL in fields or names.RESPONSE_MODEL in fields:
        return Role.MODEL_CALL
    if operation in {"chat", "text_completion", "generate_content", "embeddings"}:
        return Role.MODEL_CALL
    return Role.UNKNOWN if fields.of_generative_ai() else Role.FOREIGN


def named(operation: str | None) -> str:
    """Return an operation's name as a record has it."""
    return operation or UNKNOWN
