"""What a guardrail is, and the evidence that it ran: one execution each time, whatever came of it.

A guardrail looks at one subject (a referral, a judgement) and rules on it. It is bound to a policy, the document with
the thresholds and patterns that it really applies, so that the digest in the record pins down what was enforced. A
guardrail that breaks is no reason to go on: its execution says `error-fail-closed`, and the subject is stopped.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic, TypeVar

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Coverage,
    Finding,
    Guardian,
    GuardrailDecision,
    GuardrailExecution,
    Position,
)
from glasslog_issuer.demo.document import Document, document_digest

Subject = TypeVar("Subject")

PROVIDER: Final = "glasslog-demo"
MODEL_INPUT: Final = "model_input"
MODEL_OUTPUT: Final = "model_output"

_STOPPING: Final = frozenset({"deny", "error-fail-closed"})
_NS_PER_MS: Final = 1_000_000
_LATENCY_DIGITS: Final = 3  # of a millisecond


@dataclass(frozen=True, slots=True)
class Policy:
    """What a guardian enforces. `digest` is SHA-256 of the document's canonical bytes."""

    id: str
    version: str
    document: Document = field(repr=False)
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", document_digest(self.document))


@dataclass(frozen=True, slots=True)
class Ruling(Generic[Subject]):
    """What a guardrail says about one subject. `replacement` goes on in the subject's place after `modify`.

    Findings name categories and never hold what was found.
    """

    decision: GuardrailDecision
    reason_code: str | None = None
    findings: tuple[Finding, ...] = ()
    coverage: Coverage | None = None
    replacement: Subject | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time comes from: POSIX milliseconds, and nanoseconds that never go back."""

    now_ms: Callable[[], int]
    ticks_ns: Callable[[], int]

    def ms_since(self, ticks_ns: int) -> float:
        """Return the milliseconds since a reading of the ticks."""
        return round((self.ticks_ns() - ticks_ns) / _NS_PER_MS, _LATENCY_DIGITS)


class Guardrail(ABC, Generic[Subject]):
    """A check with an identity and a policy. Its `rule` is pure: no clock, no I/O, nothing remembered."""

    guardian: ClassVar[Guardian]
    target: ClassVar[str]
    position: ClassVar[Position]

    @property
    @abstractmethod
    def policy(self) -> Policy:
        """Return what is enforced."""

    @abstractmethod
    def rule(self, subject: Subject) -> Ruling[Subject]:
        """Rule on one subject."""


def execute(guardrail: Guardrail[Subject], subject: Subject, clock: Clock) -> tuple[GuardrailExecution, Subject]:
    """Run a guardrail; return the evidence and the subject to go on with. Never raises what the guardrail raises."""
    started_ms, started_ns = clock.now_ms(), clock.ticks_ns()
    try:
        ruling = guardrail.rule(subject)
    except Exception as error:  # noqa: BLE001  whatever broke, nothing unchecked may pass, and the record must say so
        ruling = Ruling("error-fail-closed", reason_code=type(error).__name__)
    execution = _evidence(guardrail, ruling, started_ms, clock.ms_since(started_ns))
    return execution, subject if ruling.replacement is None else ruling.replacement


def skip(guardrail: Guardrail[Subject], reason_code: str, clock: Clock) -> GuardrailExecution:
    """Return the evidence that a guardrail had nothing to look at: it shows in the record, with the reason."""
    return _evidence(guardrail, Ruling("skipped", reason_code), clock.now_ms(), 0.0)


def stops(execution: GuardrailExecution) -> bool:
    """Return whether the subject goes no further."""
    return execution.decision in _STOPPING


def _evidence(
    guardrail: Guardrail[Subject], ruling: Ruling[Subject], started_ms: int, latency_ms: float
) -> GuardrailExecution:
    policy = guardrail.policy
    return GuardrailExecution(
        guardian=guardrail.guardian,
        policy=AppliedPolicy(id=policy.id, version=policy.version, digest=policy.digest),
        target=guardrail.target,
        position=guardrail.position,
        decision=ruling.decision,
        started=started_ms,
        latency_ms=latency_ms,
        findings=ruling.findings,
        reason_code=ruling.reason_code,
        coverage=ruling.coverage,
    )
