"""The span of a step on the way to a decision: a tool that ran, documents that were looked up, a memory."""

from collections.abc import Mapping
from typing import Final

from glasslog_issuer.bodies import Step, StepOperation
from glasslog_issuer.otel import content
from glasslog_issuer.otel import conventions as names
from glasslog_issuer.otel.fields import Fields
from glasslog_issuer.otel.span import SpanData

OPERATIONS: Final[Mapping[str, StepOperation]] = {
    "execute_tool": "execute_tool",
    "retrieval": "retrieval",
    "rerank": "retrieval",
    "search_memory": "retrieval",
    "create_memory": "write_back",
    "update_memory": "write_back",
    "upsert_memory": "write_back",
    "delete_memory": "write_back",
}
_UNKNOWN: Final = "unspecified"


def step_of(span: SpanData, fields: Fields, operation: str) -> Step:
    """Return the step. Without a version of its own, a step is as old as the service that runs it."""
    kind = OPERATIONS[operation]
    source = fields.name(*names.DATA_SOURCE)
    name = fields.name(*names.TOOL_NAME) if kind == "execute_tool" else source
    return Step(
        operation=kind,
        name=name or operation,
        version=fields.name(*names.STEP_VERSION) or span.service_version or _UNKNOWN,
        data_source=source,
    )


def content_of(span: SpanData, fields: Fields, operation: str) -> dict[str, object]:
    """Return what the step commits to: `input` and `output`, arguments and result or query and documents."""
    if OPERATIONS[operation] == "execute_tool":
        return content.of_step(span, fields, names.TOOL_ARGUMENTS, names.TOOL_RESULT)
    return content.of_step(span, fields, names.RETRIEVAL_QUERY, names.RETRIEVAL_DOCUMENTS)
