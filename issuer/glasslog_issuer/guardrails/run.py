"""One run of a guardrail: what is known of it beside the result, and the execution that both make."""

from collections.abc import Sequence
from typing import TypedDict

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Coverage,
    Finding,
    Guardian,
    GuardrailDecision,
    GuardrailExecution,
    Position,
)


class Run(TypedDict):
    """What the caller knows: who examined, by which policy, what, where in the flow, when, and for how long.

    `target` is `gen_ai.security.target.type` (proposed): llm_input, llm_output, tool_call, knowledge_result ...;
    `started` is in POSIX milliseconds.
    """

    guardian: Guardian
    policy: AppliedPolicy
    target: str
    position: Position
    started: int
    latency_ms: float


def execution_of(
    run: Run,
    decision: GuardrailDecision,
    findings: Sequence[Finding] = (),
    *,
    reason_code: str | None = None,
    coverage: Coverage | None = None,
) -> GuardrailExecution:
    """Return the execution of a run that ended with a decision."""
    return GuardrailExecution(
        guardian=run["guardian"],
        policy=run["policy"],
        target=run["target"],
        position=run["position"],
        decision=decision,
        started=run["started"],
        latency_ms=run["latency_ms"],
        findings=tuple(findings),
        reason_code=reason_code,
        coverage=coverage,
    )
