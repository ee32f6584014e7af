"""What a demo has found out: the numbers, and the checks that decide whether it ends well."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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
    """Filled step by step; `checks` decide. A demo adds what it alone counts in a class of its own."""

    model: dict[str, Any] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    guardrails: dict[str, dict[str, int]] = field(default_factory=dict)
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

    def to_fields(self) -> Mapping[str, Any]:
        """Return the summary as it is printed in JSON."""
        fields = asdict(self)
        fields["checks"] = [{**asdict(check), "holds": check.holds} for check in self.checks]
        return {"holds": self.holds, **fields}
