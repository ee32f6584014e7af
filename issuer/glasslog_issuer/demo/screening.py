"""The system that decides: guardrails, the model, a guardrail again, and one `Decision` for every referral.

All guardrails leave an execution in every decision. Those before the model all run, also when one of them has denied:
the record then says everything that was wrong. What comes after a denial is skipped, with the reason.

The system only ever proposes (a human is in the loop): a test, routine follow-up, or that a clinician should look.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from glasslog_issuer.bodies import Automation, GuardrailExecution, Status
from glasslog_issuer.demo.features import features_of
from glasslog_issuer.demo.guardrails.execution import Clock, Guardrail, Policy, execute, skip, stops
from glasslog_issuer.demo.model import Judgement, RiskModel
from glasslog_issuer.demo.referrals import Referral

AUTOMATION: Final[Automation] = "in-loop"
REASONS_MAX: Final = 3
REASON_LOG_ODDS_MIN: Final = 0.1  # a smaller contribution is no reason
_SCORE_DIGITS: Final = 6


class Label(StrEnum):
    """What is proposed."""

    OFFER_TEST = "offer-hba1c-test"
    ROUTINE = "routine-follow-up"
    CLINICIAN = "clinician-review"


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one referral. `accepted` is the referral after the guardrails; the record commits to its content.

    Its status is `completed`, `blocked` when a guardrail stopped the referral before the model, or `refused` when the
    model was not sure enough. Features and judgement are None when the model did not run.
    """

    referral: Referral
    accepted: Referral
    features: Mapping[str, float] | None
    judgement: Judgement | None
    status: Status
    label: Label
    threshold: float
    reason_codes: tuple[str, ...]
    executions: tuple[GuardrailExecution, ...]
    started_ms: int
    latency_ms: float

    @property
    def score(self) -> float | None:
        """Return the probability that the model gave, as it is recorded."""
        return None if self.judgement is None else round(self.judgement.probability, _SCORE_DIGITS)

    def content(self) -> dict[str, Any]:
        """Return what the record commits to and never shows, by the name of the commitment."""
        content: dict[str, Any] = {
            "input": asdict(self.referral),
            "context": {"note": self.accepted.note},
            "output": {"label": self.label.value, "score": self.score, "reason_codes": list(self.reason_codes)},
        }
        if self.features is not None and self.judgement is not None:
            content["features"] = dict(self.features)
            content["factors"] = {
                name: round(value, _SCORE_DIGITS) for name, value in self.judgement.contributions.items()
            }
        return content


@dataclass(frozen=True)
class Screening:
    """The screening system: a model between the guardrails that watch what goes in and what comes out."""

    model: RiskModel
    before: tuple[Guardrail[Referral], ...]
    after: tuple[Guardrail[Judgement], ...]
    clock: Clock

    @property
    def policies(self) -> dict[str, Policy]:
        """Return the policy of every guardrail that runs, by the id of its guardian, in the order they run in."""
        policies = {guardrail.guardian.id: guardrail.policy for guardrail in self.before}
        return policies | {guardrail.guardian.id: guardrail.policy for guardrail in self.after}

    def decide(self, referral: Referral) -> Decision:
        """Return the decision on one referral."""
        started_ms, started_ns = self.clock.now_ms(), self.clock.ticks_ns()
        accepted, executions = referral, []
        for entry_guardrail in self.before:
            execution, accepted = execute(entry_guardrail, accepted, self.clock)
            executions.append(execution)
        if any(map(stops, executions)):
            features = judgement = None
            executions += [skip(guardrail, "stopped_before_model", self.clock) for guardrail in self.after]
        else:
            features = features_of(accepted.measurements)
            judgement = self.model.judge(features)
            executions += [execute(guardrail, judgement, self.clock)[0] for guardrail in self.after]
        status, label, reason_codes = _conclude(judgement, executions)
        return Decision(
            referral=referral,
            accepted=accepted,
            features=features,
            judgement=judgement,
            status=status,
            label=label,
            threshold=round(self.model.threshold, _SCORE_DIGITS),
            reason_codes=reason_codes,
            executions=tuple(executions),
            started_ms=started_ms,
            latency_ms=self.clock.ms_since(started_ns),
        )


def _conclude(
    judgement: Judgement | None, executions: list[GuardrailExecution]
) -> tuple[Status, Label, tuple[str, ...]]:
    """Return what becomes of the referral: how far it came, what is proposed, and why."""
    stopped_by = tuple(execution.reason_code for execution in executions if stops(execution) and execution.reason_code)
    if judgement is None:
        return "blocked", Label.CLINICIAN, stopped_by
    if stopped_by:
        return "refused", Label.CLINICIAN, stopped_by
    return "completed", Label.OFFER_TEST if judgement.raised else Label.ROUTINE, reasons_of(judgement)


def reasons_of(judgement: Judgement) -> tuple[str, ...]:
    """Return the features that pulled the judgement to its side of the cut-off, strongest first."""
    sign, direction = (1, "raises") if judgement.raised else (-1, "lowers")
    pulls = {name: sign * value for name, value in judgement.contributions.items()}
    strongest = sorted((name for name in pulls if pulls[name] >= REASON_LOG_ODDS_MIN), key=lambda name: -pulls[name])
    return tuple(f"{direction}:{name}" for name in strongest[:REASONS_MAX])
