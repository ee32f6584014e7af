"""Find attempts to talk the assistant out of its task, by rules. Answers in the shape of Azure's Prompt Shields."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from glasslog_issuer.bodies import Guardian, GuardrailExecution, Position
from glasslog_issuer.demo_llm.examination import PROVIDER, Guardrail
from glasslog_issuer.guardrails import Run, azure_prompt_shield_execution

_RULES: Final = {
    r"\b(ignore|disregard|forget)\b.{0,40}\b(instructions?|guidelines?|rules?|prompts?)\b": 2,
    r"\b(reveal|print|show|repeat)\b.{0,40}\b(system prompt|hidden instructions?|your instructions?)\b": 2,
    r"\byou (are|must) now\b": 1,
    r"\b(without|no) (any )?(rules|restrictions|limits)\b": 1,
    r"\b(pretend|act|answer) (to be|as) (the|a|an)\b": 1,
}
_ATTACK_FROM: Final = 2


class InjectionScanner(Guardrail):
    """Add up the weights of the rules that match; two and more is an attack."""

    guardian: ClassVar[Guardian] = Guardian(
        id="injection-scanner", name="Injection scanner", version="1.0.0", provider=PROVIDER
    )
    target: ClassVar[str] = "llm_input"
    position: ClassVar[Position] = "pre"

    def __init__(self) -> None:
        """Compile the rules."""
        self._rules = [(re.compile(rule, re.IGNORECASE), weight) for rule, weight in _RULES.items()]

    @property
    def document(self) -> Mapping[str, Any]:
        """Return the rules with their weights, and from which sum on a text is an attack."""
        return {"rules": _RULES, "attack_from": _ATTACK_FROM}

    def check(self, text: str) -> tuple[str, Callable[[Run], GuardrailExecution]]:
        """Scan a text."""
        score = sum(weight for rule, weight in self._rules if rule.search(text))
        result = {"userPromptAnalysis": {"attackDetected": score >= _ATTACK_FROM}, "documentsAnalysis": []}
        return text, lambda run: azure_prompt_shield_execution(result, **run)
