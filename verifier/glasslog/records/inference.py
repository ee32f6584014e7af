"""The bodies of what happens in one decision: attempt, inference, guardrails, steps, and the truth observed later.

Names follow OpenTelemetry's GenAI conventions where these have one. Prompts, outputs, features and reasons in words are
never here: they are commitments of the record, named `input` (gen_ai.input.messages), `output`
(gen_ai.output.messages), `system_instructions` (gen_ai.system_instructions), `context`, `features` and `factors`.
"""

from typing import Final

from glasslog.records.parts import DIGEST, MODEL_ASSURANCE, TAG
from glasslog.records.schema import (
    Relation,
    array,
    boolean,
    closed_map,
    either,
    measure,
    null,
    number,
    one_of,
    open_map,
    text,
    time_ms,
    token,
    unsigned,
    uuid7,
)

STATUSES: Final = ("completed", "refused", "blocked", "error", "timeout")
AUTOMATION: Final = ("full", "in-loop", "on-loop", "advisory")
GUARDRAIL_DECISIONS: Final = (
    "allow",
    "audit",
    "deny",
    "modify",
    "warn",
    "skipped",
    "error-fail-open",
    "error-fail-closed",
)
POSITIONS: Final = ("pre", "post", "parallel")
STEP_OPERATIONS: Final = ("preprocess", "embeddings", "retrieval", "execute_tool", "postprocess", "write_back")
GUARDRAILS_MAX: Final = 64
REASON_CODES_MAX: Final = 32
PARAMS_MAX: Final = 64

SCALAR: Final = either(
    {int: number.rules[int], float: number.rules[float], str: text(), bool: boolean, type(None): null},
    "a finite number, a short text, true, false or null",
)
"""A parameter of a model call."""

_PROVIDER: Final = closed_map({"name": text()}, {"region": token})
"""gen_ai.provider.name, and the region in which it runs the model: where the data went."""

INFERENCE_ATTEMPT: Final = closed_map(
    {"operation": token, "provider": _PROVIDER, "requested_model": text()},
    {"required_guardrails": DIGEST},
)
"""What is sent before the call, so that a question without an answer shows.

`required_guardrails` is the digest of the registered guardrail set that must run.
"""

_FINDING: Final = closed_map({"category": token, "severity": token}, {"score": number, "count": unsigned()})
"""A gen_ai.security.finding, as proposed: gen_ai.security.risk.category, .severity, .score. Never what was found."""

GUARDRAIL_EXECUTION: Final = closed_map(
    {
        "guardian": closed_map({"id": token, "name": text(), "version": text(), "provider": text()}),
        "policy": closed_map({"id": token, "version": text(), "digest": DIGEST}),
        "target": token,
        "position": one_of(*POSITIONS),
        "decision": one_of(*GUARDRAIL_DECISIONS),
        "findings": array(_FINDING),
        "started": time_ms,
        "latency_ms": measure,
    },
    {
        "reason_code": token,
        "coverage": closed_map(
            {"seen": unsigned(), "total": unsigned()},
            relations=[Relation(("seen", "total"), lambda seen, total: seen <= total, "no less than was seen")],
        ),
    },
)
"""One run of one guardrail: who ran, by which policy document, on what, and what it decided.

Named after OpenTelemetry's proposal for guardrail spans (gen_ai.operation.name `apply_guardrail`): `guardian` is
gen_ai.guardian.id, .name, .version and .provider.name; `policy` is gen_ai.security.policy.id and .version, with SHA-256
of the document that was applied; `target` is gen_ai.security.target.type (`llm_input`, `tool_call` ...); `decision` is
gen_ai.security.decision.type and, beyond it, what became of a guardrail that did not run to its end.
"""

INFERENCE: Final = closed_map(
    {
        "operation": token,
        "provider": _PROVIDER,
        "requested_model": text(),
        "model": uuid7,
        "model_assurance": one_of(*MODEL_ASSURANCE),
        "config": uuid7,
        "params": open_map(SCALAR, PARAMS_MAX),
        "status": one_of(*STATUSES),
        "usage": closed_map({}, {"input_tokens": unsigned(), "output_tokens": unsigned()}),
        "latency_ms": measure,
        "automation": one_of(*AUTOMATION),
        "guardrails": array(GUARDRAIL_EXECUTION, GUARDRAILS_MAX),
    },
    {
        "response_model": text(),
        "response_id": text(),
        "system_fingerprint": text(),
        "error_type": token,
        "decision": closed_map(
            {"label": token},
            {"score": number, "threshold": number, "reason_codes": array(token, REASON_CODES_MAX)},
        ),
        "principal": TAG,
        "routed": closed_map({"from": text(), "to": text(), "reason": token}),
    },
)
"""One inference. `model` and `config` are the record ids of their registrations.

OpenTelemetry: `operation` is gen_ai.operation.name, `requested_model` gen_ai.request.model, `response_model`
gen_ai.response.model, `response_id` gen_ai.response.id, `system_fingerprint` openai.response.system_fingerprint,
`error_type` error.type; `usage` holds gen_ai.usage.input_tokens and .output_tokens; `params` the gen_ai.request.*
attributes by their last name (`temperature`, `seed`, `max_tokens`, `top_p` ...). `automation` says what a person does
about the decision, which is what GDPR Article 22 and EU AI Act Article 14 turn on.
"""

STEP: Final = closed_map(
    {"operation": one_of(*STEP_OPERATIONS), "name": text(), "version": text()},
    {"data_source": text(), "authorization": closed_map({"policy": text(), "decision": token})},
)
"""One step on the way to or from a decision that is no inference.

OpenTelemetry: `operation` is gen_ai.operation.name where that has the word (`embeddings`, `retrieval`,
`execute_tool`), `name` is gen_ai.tool.name for a tool, `data_source` is gen_ai.data_source.id.
"""

OUTCOME: Final = closed_map({"source": text(), "observed_at": time_ms})
"""The truth about an inference, observed later. What it was is the commitment `outcome`; `links` name the inference.

Post-market monitoring (EU AI Act Article 72) and back-testing of models compare these with what was decided.
"""
