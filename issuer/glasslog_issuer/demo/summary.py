"""What the demo counts beside what every demo does: reviews by their reason, records by their type."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from glasslog_issuer.demo.screening import Decision
from glasslog_issuer.stage.summary import Summary


@dataclass
class ScreeningSummary(Summary):
    """The summary of this demo."""

    reviews: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)

    def count(self, decisions: Iterable[Decision]) -> None:
        """Count what became of the referrals, and what each guardrail did."""
        made = list(decisions)
        self.decisions = {"total": len(made), **_counted(decision.status for decision in made)}
        executions = [execution for decision in made for execution in decision.executions]
        for guardian in dict.fromkeys(execution.guardian.id for execution in executions):
            own = (execution.decision for execution in executions if execution.guardian.id == guardian)
            self.guardrails[guardian] = _counted(own)

    def reviewed(self, reasons: Iterable[str]) -> None:
        """Count what the clinician did, by the reason given."""
        self.reviews = _counted(reasons)

    def count_records(self, types: Iterable[str]) -> None:
        """Count what was recorded, by type."""
        self.records = _counted(types)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
