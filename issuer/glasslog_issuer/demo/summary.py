"""What the demo has found out: the numbers, and the checks that decide whether it ends well."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from glasslog_issuer.demo.screening import Decision


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so."""

    name: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.expected == self.found


@dataclass
class Summary:
    """Filled step by step; `checks` decide."""

    model: dict[str, Any] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    guardrails: dict[str, dict[str, int]] = field(default_factory=dict)
    reviews: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether everything that should verify did, and everything that should be caught was."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def check(self, name: str, *, expected: object, found: object) -> Check:
        """Add a check; both sides are compared as they are shown."""
        check = Check(name, str(expected), str(found))
        self.checks.append(check)
        return check

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

    def to_fields(self) -> Mapping[str, Any]:
        """Return the summary as it is printed in JSON."""
        fields = asdict(self)
        fields["checks"] = [{**asdict(check), "holds": check.holds} for check in self.checks]
        return {"holds": self.holds, **fields}


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())
