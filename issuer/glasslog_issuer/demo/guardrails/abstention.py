"""Is the model sure enough to speak? If another sample of people could have turned the decision, it does not.

The log-odds carry a standard error, from the size of the training sample. When the cut-off lies within the stated
number of standard errors, the decision belongs to a clinician.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from glasslog_issuer.bodies import Finding, Guardian
from glasslog_issuer.demo.guardrails.execution import MODEL_OUTPUT, PROVIDER, Guardrail, Policy, Ruling
from glasslog_issuer.demo.model import Judgement

STANDARD_ERROR_UNITS: Final = 1_000
STANDARD_ERRORS_MIN: Final = 1_000


@dataclass(frozen=True)
class Abstention(Guardrail[Judgement]):
    """Deny a judgement that is closer to the cut-off than so many thousandths of its standard error."""

    standard_errors_min: int = STANDARD_ERRORS_MIN

    guardian: ClassVar = Guardian(
        id="abstention", name="Abstention on low confidence", version="1.0.0", provider=PROVIDER
    )
    target: ClassVar = MODEL_OUTPUT
    position: ClassVar = "post"

    @cached_property
    def policy(self) -> Policy:
        """Return the distance to be kept as the policy that is enforced."""
        document = {
            "id": "distance-to-cut-off",
            "version": "1.0.0",
            "unit": "thousandths of the log-odds' standard error",
            "standard_errors_min": self.standard_errors_min,
        }
        return Policy("distance-to-cut-off", "1.0.0", document)

    def rule(self, subject: Judgement) -> Ruling[Judgement]:
        """Deny what could have fallen on the other side."""
        standard_errors = abs(subject.margin) / subject.standard_error
        if standard_errors * STANDARD_ERROR_UNITS < self.standard_errors_min:
            finding = Finding(category="standard_errors", severity="medium", score=round(standard_errors, 3))
            return Ruling("deny", "low_confidence", (finding,))
        return Ruling("allow")
