"""What is gathered and measured while an inference or a guardrail runs, until it becomes the body of a record.

Pure but for the clocks that come in: `glasslog_issuer.recorder.decision` opens and closes these and records them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Coverage,
    Decision,
    Finding,
    Guardian,
    GuardrailExecution,
    Inference,
    Provider,
    Routing,
    Usage,
)
from glasslog_issuer.bodies.inference import Automation, GuardrailDecision, Position, Status
from glasslog_issuer.bodies.parts import ModelAssurance
from glasslog_issuer.clocks import Clocks, Stopwatch
from glasslog_issuer.record import SignedRecord

_NOT_OF_A_TOKEN: Final = re.compile(r"^[^A-Za-z0-9]+|[^A-Za-z0-9_.:/-]+")


class InferenceRequest(TypedDict, total=False):
    """What is known of an inference before it begins, by the fields of `glasslog_issuer.bodies.Inference`."""

    operation: str
    provider: Provider
    requested_model: str
    model: bytes
    model_assurance: ModelAssurance
    config: bytes
    automation: Automation
    params: Mapping[str, str | float | bool | None]
    principal: bytes


@dataclass(slots=True, eq=False)
class InferenceInProgress:
    """An inference that is under way: set what becomes known of it, and it is recorded when its block ends.

    The names are those of `glasslog_issuer.bodies.Inference` and its OpenTelemetry attributes: `response_model` is
    gen_ai.response.model, `response_id` gen_ai.response.id, `usage` gen_ai.usage.*. An exception in the block makes the
    status "error" ("timeout" for a TimeoutError) and `error_type` (error.type) the name of its class. After the block
    `signed` is the record.
    """

    request: InferenceRequest
    stopwatch: Stopwatch
    clocks: Clocks
    status: Status = "completed"
    error_type: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None
    decision: Decision | None = None
    routed: Routing | None = None
    usage: Usage = field(default_factory=Usage)
    latency_ms: float | None = None
    guardrails: list[GuardrailExecution] = field(default_factory=list)
    content: dict[str, object] = field(default_factory=dict, repr=False)
    signed: SignedRecord | None = None

    def commit(self, **content: object) -> None:
        """Commit to content by name: `input` (gen_ai.input.messages), `output` (gen_ai.output.messages), `features`."""
        self.content.update(content)

    def add(self, *executions: GuardrailExecution) -> None:
        """Add guardrails that ran elsewhere, or whose results were mapped from another tool's."""
        self.guardrails.extend(executions)

    def guardrail(
        self,
        *,
        guardian: Guardian,
        policy: AppliedPolicy,
        target: str,
        position: Position,
        fail: Literal["open", "closed"] = "closed",
    ) -> "GuardrailInProgress":
        """Run a guardrail as a part of this inference: a block that measures it and takes what it decides."""
        running = GuardrailInProgress(guardian, policy, target, position, fail, self.clocks)
        running.on_end = self.guardrails.append
        return running

    def stop_clock(self) -> None:
        """Take the latency now: what follows in the block is not the model's."""
        self.latency_ms = self.stopwatch.elapsed_ms()

    def failed(self, error: BaseException) -> None:
        """Note that the block was left by an exception, unless the block has said itself what became of the call."""
        if self.status == "completed":
            self.status = "timeout" if isinstance(error, TimeoutError) else "error"
        self.error_type = self.error_type or error_type_of(error)

    def body(self) -> Inference:
        """Return what is recorded."""
        latency_ms = self.stopwatch.elapsed_ms() if self.latency_ms is None else self.latency_ms
        fields: dict[str, Any] = {**self.request}
        return Inference(
            **fields,
            status=self.status,
            latency_ms=latency_ms,
            usage=self.usage,
            guardrails=tuple(self.guardrails),
            response_model=self.response_model,
            response_id=self.response_id,
            system_fingerprint=self.system_fingerprint,
            error_type=self.error_type,
            decision=self.decision,
            routed=self.routed,
        )


class GuardrailInProgress:
    """A guardrail that is running: its block sets `decision`, and may add findings, a reason code and coverage.

    An exception in the block makes the decision "error-fail-closed", or "error-fail-open" where it was said that the
    system goes on without this guardrail. After the block `execution` is what was measured.
    """

    def __init__(
        self,
        guardian: Guardian,
        policy: AppliedPolicy,
        target: str,
        position: Position,
        fail: Literal["open", "closed"],
        clocks: Clocks,
    ) -> None:
        """Begin, with the clocks running."""
        self._who = (guardian, policy, target, position)
        self._fail: Literal["error-fail-open", "error-fail-closed"] = (
            "error-fail-open" if fail == "open" else "error-fail-closed"
        )
        self.stopwatch = Stopwatch(clocks)
        self.decision: GuardrailDecision | None = None
        self.reason_code: str | None = None
        self.coverage: Coverage | None = None
        self.findings: list[Finding] = []
        self.execution: GuardrailExecution | None = None
        self.on_end: Callable[[GuardrailExecution], object] = lambda _: None

    def finding(self, category: str, severity: str, *, score: float | None = None, count: int | None = None) -> None:
        """Add what was met (gen_ai.security.risk.category, .severity, .score), never its content."""
        self.findings.append(Finding(category=category, severity=severity, score=score, count=count))

    def end(self, error: BaseException | None) -> GuardrailExecution:
        """Return what is recorded. Raises ValueError where the block has not said what was decided."""
        if error is not None:
            self.decision = self._fail
            self.reason_code = self.reason_code or error_type_of(error)
        if self.decision is None:
            msg = f"expected the decision of the guardrail {self._who[0].id}, got none: set `decision` in its block"
            raise ValueError(msg)
        guardian, policy, target, position = self._who
        self.execution = GuardrailExecution(
            guardian=guardian,
            policy=policy,
            target=target,
            position=position,
            decision=self.decision,
            started=self.stopwatch.began_ms,
            latency_ms=self.stopwatch.elapsed_ms(),
            findings=tuple(self.findings),
            reason_code=self.reason_code,
            coverage=self.coverage,
        )
        return self.execution

    def __enter__(self) -> Self:
        """Return itself, to be told what is decided."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Measure, and hand on what was measured."""
        self.on_end(self.end(error))


def error_type_of(error: BaseException) -> str:
    """Return the name of an exception's class as a record can hold it (error.type)."""
    return _NOT_OF_A_TOKEN.sub("", type(error).__name__)[:64] or "error"
