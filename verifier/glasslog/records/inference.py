"""The bodies of `inference` and `guardrail-execution`: what a model decided, and what watched over it.

Names follow OpenTelemetry's GenAI conventions where they have one: `operation` is gen_ai.operation.name,
`provider.name` is gen_ai.provider.name, `requested_model` and `response_model` are gen_ai.request.model and
gen_ai.response.model, `usage` holds gen_ai.usage.input_tokens and output_tokens.

Prompts, outputs and features are never here: they are commitments of the record (`input`, `output`,
`system_instructions`, `context`, `features`, `factors`).
"""

from typing import Final

from glasslog.records.schema import (
    PARAMS_MAX,
    Check,
    array,
    closed_map,
    number,
    octets,
    octets_between,
    one_of,
    open_map,
    scalar,
    text,
    time_ms,
    token,
    unsigned,
    uuid7,
)

MODEL_ASSURANCE: Final = ("self-asserted", "provider-returned", "digest-measured", "tee-attested")
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
GUARDRAILS_MAX: Final = 64
REASON_CODES_MAX: Final = 32

_FINDING: Final = closed_map(
    {"category": token, "severity": token},
    {"score": number, "count": unsigned()},
)

GUARDRAIL_EXECUTION: Final[Check] = closed_map(
    {
        "guardian": closed_map({"id": token, "name": text(), "version": text(), "provider": text()}),
        "policy": closed_map({"id": token, "version": text(), "digest": octets(32)}),
        "target": token,
        "position": one_of(*POSITIONS),
        "decision": one_of(*GUARDRAIL_DECISIONS),
        "findings": array(_FINDING),
        "started": time_ms,
        "latency_ms": number,
    },
    {"reason_code": token, "coverage": closed_map({"seen": unsigned(), "total": unsigned()})},
)
"""One run of one guardrail, with the digest of the policy document that it applied."""

INFERENCE: Final[Check] = closed_map(
    {
        "operation": token,
        "provider": closed_map({"name": text()}, {"region": token}),
        "requested_model": text(),
        "model": uuid7,
        "model_assurance": one_of(*MODEL_ASSURANCE),
        "config": uuid7,
        "params": open_map(scalar, PARAMS_MAX),
        "status": one_of(*STATUSES),
        "usage": closed_map({}, {"input_tokens": unsigned(), "output_tokens": unsigned()}),
        "latency_ms": number,
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
        "principal": octets_between(16, 64),  # a keyed tag, never a name
        "routed": closed_map({"from": text(), "to": text(), "reason": token}),
    },
)
"""One inference. `model` and `config` are the record ids of their registrations."""

INFERENCE_ATTEMPT: Final[Check] = closed_map(
    {"operation": token, "provider": closed_map({"name": text()}, {"region": token}), "requested_model": text()},
    {"required_guardrails": octets(32)},
)
"""What is sent before the call, so that a question without an answer shows."""
