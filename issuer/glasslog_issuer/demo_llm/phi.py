"""Replace what identifies a patient, by patterns. Answers in the shape of Presidio's analyzer."""

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from glasslog_issuer.bodies import Guardian, GuardrailExecution, Position
from glasslog_issuer.demo_llm.examination import PROVIDER, Guardrail
from glasslog_issuer.guardrails import Run, presidio_execution

_PATTERNS: Final = {
    "MEDICAL_RECORD_NUMBER": (r"\bMRN[ -]?\d{6,10}\b", 0.95),
    "US_SSN": (r"\b\d{3}-\d{2}-\d{4}\b", 0.85),
    "EMAIL_ADDRESS": (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", 1.0),
    "PHONE_NUMBER": (r"(?<!\d)(?:\+1[ -]?)?\d{3}[ -]\d{3}[ -]\d{4}(?!\d)", 0.75),
    "DATE_OF_BIRTH": (r"\b(?:19|20)\d{2}-\d{2}-\d{2}\b", 0.6),
}


class PhiRedaction(Guardrail):
    """Replace every match of a pattern by the name of its kind."""

    guardian: ClassVar[Guardian] = Guardian(
        id="phi-redaction", name="PHI redaction", version="1.0.0", provider=PROVIDER
    )
    target: ClassVar[str] = "llm_input"
    position: ClassVar[Position] = "pre"

    def __init__(self) -> None:
        """Compile the patterns."""
        self._patterns = [(kind, re.compile(pattern), score) for kind, (pattern, score) in _PATTERNS.items()]

    @property
    def document(self) -> Mapping[str, Any]:
        """Return the patterns with their scores, which are thousandths here."""
        return {kind: [pattern, round(score * 1_000)] for kind, (pattern, score) in _PATTERNS.items()}

    def check(self, text: str) -> tuple[str, Callable[[Run], GuardrailExecution]]:
        """Look for identifiers and replace them."""
        found = [
            {"entity_type": kind, "start": match.start(), "end": match.end(), "score": score}
            for kind, pattern, score in self._patterns
            for match in pattern.finditer(text)
        ]
        for kind, pattern, _ in self._patterns:
            text = pattern.sub(f"<{kind}>", text)
        return text, lambda run: presidio_execution(found, **run)
