"""Is each measurement there, and possible? The limits are those of the people the model was trained on.

A value that is missing, or that nobody in training had, stops the referral: the model would have to guess beyond what
it knows. A value that only one person in a thousand had passes with a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from glasslog_issuer.bodies import Coverage, Finding, Guardian
from glasslog_issuer.demo.cohort import MEASUREMENT_NAMES, Measurements
from glasslog_issuer.demo.guardrails.execution import MODEL_INPUT, PROVIDER, Guardrail, Policy, Ruling
from glasslog_issuer.demo.referrals import Referral

RANGE_UNITS: Final = 1_000  # limits are in thousandths of the measurement's unit


@dataclass(frozen=True, slots=True)
class Limits:
    """The closed ranges of one measurement in training, in thousandths: of everybody, and of all but the extremes."""

    lowest: int
    usual_low: int
    usual_high: int
    highest: int


@dataclass(frozen=True)
class InputRange(Guardrail[Referral]):
    """Check every measurement by itself, against the limits by its name."""

    limits: Mapping[str, Limits]

    guardian: ClassVar = Guardian(id="input-range", name="Input range check", version="1.0.0", provider=PROVIDER)
    target: ClassVar = MODEL_INPUT
    position: ClassVar = "pre"

    @cached_property
    def policy(self) -> Policy:
        """Return the limits as the policy that is enforced."""
        limits = {
            name: [of.lowest, of.usual_low, of.usual_high, of.highest] for name, of in sorted(self.limits.items())
        }
        document = {
            "id": "training-ranges",
            "version": "1.0.0",
            "unit": "thousandths; lowest, usual low, usual high, highest of the training data",
            "missing": "deny",
            "outside": "deny",
            "unusual": "warn",
            "limits": limits,
        }
        return Policy("training-ranges", "1.0.0", document)

    def rule(self, subject: Referral) -> Ruling[Referral]:
        """Deny what is missing or outside, warn of what is unusual."""
        measurements = subject.measurements
        looks = [self._look(measurements, name) for name in sorted(self.limits)]
        findings = tuple(finding for finding in looks if finding is not None)
        present = sum(getattr(measurements, name) is not None for name in MEASUREMENT_NAMES)
        coverage = Coverage(seen=present, total=len(MEASUREMENT_NAMES))
        if any(finding.severity == "high" for finding in findings):
            return Ruling("deny", "value_outside_training_range", findings, coverage)
        if any(finding.severity == "medium" for finding in findings):
            return Ruling("deny", "measurement_missing", findings, coverage)
        if findings:
            return Ruling("warn", "value_unusual", findings, coverage)
        return Ruling("allow", coverage=coverage)

    def _look(self, measurements: Measurements, name: str) -> Finding | None:
        value = getattr(measurements, name)
        if value is None:  # what is derived from a missing measurement adds nothing to say
            return Finding(category=f"missing:{name}", severity="medium") if name in MEASUREMENT_NAMES else None
        limits = self.limits[name]
        position = round(value * RANGE_UNITS)
        if not limits.lowest <= position <= limits.highest:
            return Finding(category=f"outside:{name}", severity="high")
        if not limits.usual_low <= position <= limits.usual_high:
            return Finding(category=f"unusual:{name}", severity="low")
        return None
