"""Count what a guardrail met, by category and severity, as the findings of an execution."""

from typing import Final

from glasslog_issuer.bodies import Finding
from glasslog_issuer.guardrails.errors import GuardrailResultError

UNRATED: Final = "unrated"
"""The severity of what a product finds without saying how grave it is."""

_FINDINGS_MAX: Final = 256  # what an execution may hold


class Tally:
    """Findings by category and severity: how many, and the highest score."""

    def __init__(self) -> None:
        """Begin with none."""
        self._met: dict[tuple[str, str], tuple[int, float | None]] = {}

    def __bool__(self) -> bool:
        """Whether anything was met."""
        return bool(self._met)

    def add(self, category: str, severity: str = UNRATED, *, score: float | None = None) -> None:
        """Count one."""
        number, highest = self._met.get((category, severity), (0, None))
        scores = [known for known in (highest, score) if known is not None]
        self._met[category, severity] = number + 1, max(scores, default=None)

    def findings(self) -> tuple[Finding, ...]:
        """Return one finding for each category and severity, in order. Raises GuardrailResultError for too many."""
        if len(self._met) > _FINDINGS_MAX:
            msg = f"expected at most {_FINDINGS_MAX} categories of findings, got {len(self._met)}"
            raise GuardrailResultError(msg)
        return tuple(
            Finding(category=category, severity=severity, score=highest, count=number)
            for (category, severity), (number, highest) in sorted(self._met.items(), key=lambda met: met[0])
        )
