"""What happens in one decision: attempt, inference, guardrails, steps, and the truth observed later.

No body holds content: prompts, outputs, features and reasons in words are what `Issuer.sign` commits to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body
from glasslog_issuer.bodies.parts import ModelAssurance

Status: TypeAlias = Literal["completed", "refused", "blocked", "error", "timeout"]
Automation: TypeAlias = Literal["full", "in-loop", "on-loop", "advisory"]
GuardrailDecision: TypeAlias = Literal[
    "allow", "audit", "deny", "modify", "warn", "skipped", "error-fail-open", "error-fail-closed"
]
Position: TypeAlias = Literal["pre", "post", "parallel"]
StepOperation: TypeAlias = Literal["preprocess", "embeddings", "retrieval", "execute_tool", "postprocess", "write_back"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Who runs the model, and where."""

    name: str
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class InferenceAttempt(Body, record_type="inference-attempt"):
    """What was about to be asked, of whom, so that a question without an answer shows. Signed before the call.

    `required_guardrails` is the SHA-256 (32 bytes) of the guardrail set that must run.
    """

    operation: str
    provider: Provider
    requested_model: str
    required_guardrails: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardian:
    """The program that runs a guardrail."""

    id: str
    name: str
    version: str
    provider: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedPolicy:
    """What a guardian enforced. `digest` is SHA-256 of the policy document, 32 bytes."""

    id: str
    version: str
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a guardrail met: its category, never its content."""

    category: str
    severity: str
    score: float | None = None
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much of what it had to look at a guardrail has seen."""

    seen: int
    total: int


@dataclass(frozen=True, kw_only=True)
class GuardrailExecution(Body, record_type="guardrail-execution"):
    """Which guardrail ran, by which policy, on what, and what it decided: within an inference, or on its own.

    `started` is in POSIX milliseconds.
    """

    guardian: Guardian
    policy: AppliedPolicy
    target: str
    position: Position
    decision: GuardrailDecision
    started: int
    latency_ms: float
    findings: Sequence[Finding] = ()
    reason_code: str | None = None
    coverage: Coverage | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens that went in and came out."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was decided. The label is public: put what must not be read into the commitment `output`."""

    label: str
    score: float | None = None
    threshold: float | None = None
    reason_codes: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Another model answered than the one that was asked first."""

    from_: str
    to: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Inference(Body, record_type="inference"):
    """Which model ran, how it was set, which guardrails ran, and what came of it.

    `model` and `config` are the record ids (16 bytes) of their registrations; `principal` is the keyed tag (16 to 64
    bytes) of whoever asked.
    """

    operation: str
    provider: Provider
    requested_model: str
    model: bytes
    model_assurance: ModelAssurance
    config: bytes
    status: Status
    latency_ms: float
    automation: Automation
    params: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    guardrails: Sequence[GuardrailExecution] = ()
    response_model: str | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None
    error_type: str | None = None
    decision: Decision | None = None
    principal: bytes | None = None
    routed: Routing | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorization:
    """By which policy a step was allowed or not, and what that policy decided."""

    policy: str
    decision: str


@dataclass(frozen=True, kw_only=True)
class Step(Body, record_type="step"):
    """What was done on the way to or from a decision, by which version of what, and who allowed it."""

    operation: StepOperation
    name: str
    version: str
    data_source: str | None = None
    authorization: Authorization | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome(Body, record_type="outcome"):
    """Where the truth about a decision came from, and when. What it was is the commitment `outcome`.

    `observed_at` is in POSIX milliseconds.
    """

    source: str
    observed_at: int
