"""Censor bad words in answers, with better-profanity. Answers in the shape of Guardrails AI's validation outcome."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar, Final

from better_profanity import Profanity

from glasslog_issuer.bodies import Guardian, GuardrailExecution, Position
from glasslog_issuer.demo_llm.examination import Guardrail
from glasslog_issuer.guardrails import Run, guardrails_ai_execution

_PACKAGE: Final = "better-profanity"


class ProfanityFilter(Guardrail):
    """Replace bad words by asterisks."""

    guardian: ClassVar[Guardian] = Guardian(
        id="profanity-filter", name="Profanity filter", version=version(_PACKAGE), provider=_PACKAGE
    )
    target: ClassVar[str] = "llm_output"
    position: ClassVar[Position] = "post"

    def __init__(self) -> None:
        """Load the package's list of words."""
        self._profanity = Profanity()

    @property
    def document(self) -> Mapping[str, Any]:
        """Return which list of words is applied."""
        return {"package": _PACKAGE, "version": version(_PACKAGE), "words": "the package's own"}

    def check(self, text: str) -> tuple[str, Callable[[Run], GuardrailExecution]]:
        """Look for bad words and replace them."""
        clean = not self._profanity.contains_profanity(text)
        passed_on = text if clean else str(self._profanity.censor(text))
        status = "pass" if clean else "fail"
        outcome = {
            "raw_llm_output": text,
            "validated_output": passed_on,
            "validation_passed": True,
            "validation_summaries": [{"validator_name": "ProfanityFree", "validator_status": status}],
        }
        return passed_on, lambda run: guardrails_ai_execution(outcome, **run)
