"""The names of OpenTelemetry's conventions for generative AI: the current ones, and those of older packages.

Where a thing had several names, they stand in a tuple, the current one first. `gen_ai.guardian.*`, `gen_ai.security.*`
are proposed; the two proposals name the same things differently, and both are read. `glasslog.*` are our own, for what
no convention has a name for.
"""

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
OPERATION_NAMES: Final = (OPERATION, "llm.request.type")
SPAN_KIND: Final = "traceloop.span.kind"
PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system")
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINGERPRINT: Final = (
    "openai.response.system_fingerprint",
    "gen_ai.openai.response.system_fingerprint",
    "gen_ai.openai.system_fingerprint",
)
FINISH_REASONS: Final = (
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "llm.response.finish_reason",
)
INPUT_TOKENS: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
OUTPUT_TOKENS: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

# ------------------------------------------------------------------------------------------------------------ requests

REQUEST_PREFIX: Final = "gen_ai.request."
OTHER_PARAMS: Final = {
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.is_streaming": "stream",
    "llm.is_streaming": "stream",
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.top_k": "top_k",
    "gen_ai.output.type": "output_type",
    "openai.request.service_tier": "service_tier",
    "gen_ai.openai.request.service_tier": "service_tier",
}
"""Settings that stand outside of `gen_ai.request.`, and what they are called in a record."""

WORD_PARAMS: Final = frozenset({"output_type", "reasoning_effort", "service_tier"})
"""The settings whose value is a word of a short list. Any other text may be content and is committed to."""

# ------------------------------------------------------------------------------------------------------------- content

INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
OLD_INPUT: Final = "gen_ai.prompt"  # whole, or flattened: gen_ai.prompt.0.role
OLD_OUTPUT: Final = "gen_ai.completion"
ENTITY_INPUT: Final = "traceloop.entity.input"
ENTITY_OUTPUT: Final = "traceloop.entity.output"

DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
OLD_EVENTS: Final = {"gen_ai.content.prompt": OLD_INPUT, "gen_ai.content.completion": OLD_OUTPUT}
MESSAGE_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE_EVENT: Final = "gen_ai.choice"
EXCEPTION_EVENT: Final = "exception"

CONTENT_EVENTS: Final = frozenset({DETAILS_EVENT, CHOICE_EVENT, *OLD_EVENTS, *MESSAGE_EVENTS})

# --------------------------------------------------------------------------------------------------------------- steps

TOOL_NAME: Final = ("gen_ai.tool.name", "traceloop.entity.name")
TOOL_ARGUMENTS: Final = ("gen_ai.tool.call.arguments", ENTITY_INPUT)
TOOL_RESULT: Final = ("gen_ai.tool.call.result", ENTITY_OUTPUT)
DATA_SOURCE: Final = ("gen_ai.data_source.id", "gen_ai.memory.store.id", "gen_ai.memory.store.name")
RETRIEVAL_QUERY: Final = ("gen_ai.retrieval.query.text", "gen_ai.memory.query.text")
RETRIEVAL_DOCUMENTS: Final = ("gen_ai.retrieval.documents", "gen_ai.memory.records")
STEP_VERSION: Final = ("glasslog.version", "traceloop.entity.version")

# ---------------------------------------------------------------------------------------------------------- guardrails

GUARDIAN_ID: Final = ("gen_ai.guardian.id", "gen_ai.security.guardrail.id")
GUARDIAN_NAME: Final = ("gen_ai.guardian.name", "gen_ai.security.guardrail.name", "gen_ai.guardrail.name")
GUARDIAN_VERSION: Final = ("gen_ai.guardian.version", "gen_ai.security.guardrail.version")
GUARDIAN_PROVIDER: Final = (
    "gen_ai.guardian.provider.name",
    "gen_ai.security.guardrail.provider.name",
    "gen_ai.provider.name",
)
POLICY_ID: Final = "gen_ai.security.policy.id"
POLICY_NAME: Final = "gen_ai.security.policy.name"
POLICY_VERSION: Final = "gen_ai.security.policy.version"
POLICY_DIGEST: Final = "glasslog.policy.digest"
TARGET: Final = "gen_ai.security.target.type"
VERDICT: Final = ("gen_ai.security.decision.type", "gen_ai.security.verdict.type")
VERDICT_CODE: Final = ("gen_ai.security.decision.code", "gen_ai.security.verdict.code")
POSITION: Final = "glasslog.position"
COVERAGE_SEEN: Final = "glasslog.coverage.seen"
COVERAGE_TOTAL: Final = "glasslog.coverage.total"

FINDING_EVENT: Final = "gen_ai.security.finding"
RISK_CATEGORY: Final = ("gen_ai.security.risk.category", "gen_ai.security.risk.finding")
RISK_SEVERITY: Final = "gen_ai.security.risk.severity"
RISK_SCORE: Final = "gen_ai.security.risk.score"
RISK_COUNT: Final = "glasslog.risk.count"

# ---------------------------------------------------------------------------------------------------------------- ours

DECISION: Final = "glasslog.decision"
AUTOMATION: Final = "glasslog.automation"

PREFIXES: Final = ("gen_ai.", "llm.", "traceloop.entity.", "openai.", "server.", "error.", "glasslog.")
"""What is of interest of a span; other attributes belong to other conventions and stay out of records."""

NEVER_KEPT: Final = frozenset({"gen_ai.headers", "llm.headers"})
"""Request headers may hold credentials: they are not even committed to."""
