"""Do the measurements go together? The Mahalanobis distance to the people the model was trained on.

Each number may be possible and the person still not: 180 kg with a waist of 85 cm is a weight in pounds. The distance
takes the measurements together, on a scale where they spread evenly (logarithms of what is skewed), with the training
data's mean and covariance. Its limits are quantiles of the training data's own distances.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from glasslog_issuer.bodies import Finding, Guardian
from glasslog_issuer.demo.cohort import Measurements
from glasslog_issuer.demo.guardrails.execution import MODEL_INPUT, PROVIDER, Guardrail, Policy, Ruling
from glasslog_issuer.demo.referrals import Referral

PLAIN_QUANTITIES: Final = ("age_years",)
LOGARITHMIC_QUANTITIES: Final = (
    "weight_kg",
    "height_cm",
    "waist_cm",
    "systolic_mmhg",
    "diastolic_mmhg",
    "pulse_bpm",
    "cholesterol_mg_dl",
    "hdl_mg_dl",
)
POSITION_UNITS: Final = 1_000_000  # centre and spread are in millionths of a quantity
PRECISION_UNITS: Final = 1_000_000
DISTANCE_UNITS: Final = 1_000  # of a squared distance


def position_of(measurements: Measurements) -> list[float] | None:
    """Return where a person stands, plain quantities first; None where a quantity is missing or has no logarithm."""
    plain = [getattr(measurements, name) for name in PLAIN_QUANTITIES]
    skewed = [getattr(measurements, name) for name in LOGARITHMIC_QUANTITIES]
    if None in plain or any(value is None or value <= 0 for value in skewed):
        return None
    return [*plain, *map(math.log, skewed)]


@dataclass(frozen=True)
class Distribution(Guardrail[Referral]):
    """Check the squared distance to the centre.

    `spread` is the standard deviations, `precision` the inverse of the correlations; the limits are squared distances.
    """

    centre: tuple[int, ...]
    spread: tuple[int, ...]
    precision: tuple[tuple[int, ...], ...]
    warn_above: int
    deny_above: int

    guardian: ClassVar = Guardian(
        id="out-of-distribution", name="Mahalanobis distance check", version="1.0.0", provider=PROVIDER
    )
    target: ClassVar = MODEL_INPUT
    position: ClassVar = "pre"

    @cached_property
    def policy(self) -> Policy:
        """Return centre, precision and limits as the policy that is enforced."""
        document = {
            "id": "training-distribution",
            "version": "1.0.0",
            "unit": "millionths; limits are squared distances in thousandths",
            "plain": list(PLAIN_QUANTITIES),
            "logarithmic": list(LOGARITHMIC_QUANTITIES),
            "centre": list(self.centre),
            "spread": list(self.spread),
            "precision": [list(row) for row in self.precision],
            "warn_above": self.warn_above,
            "deny_above": self.deny_above,
        }
        return Policy("training-distribution", "1.0.0", document)

    def squared_distance(self, position: Sequence[float]) -> float:
        """Return the squared Mahalanobis distance of a position to the centre."""
        offset = [
            (here * POSITION_UNITS - centre) / spread
            for here, centre, spread in zip(position, self.centre, self.spread, strict=True)
        ]
        terms = (
            left * right * weight
            for left, row in zip(offset, self.precision, strict=True)
            for right, weight in zip(offset, row, strict=True)
        )
        return sum(terms) / PRECISION_UNITS

    def rule(self, subject: Referral) -> Ruling[Referral]:
        """Deny who is further away than nearly everybody in training, warn of who is far."""
        position = position_of(subject.measurements)
        if position is None:
            return Ruling("skipped", "measurements_incomplete")
        distance = self.squared_distance(position)
        score = round(math.sqrt(distance), 3)
        if distance * DISTANCE_UNITS > self.deny_above:
            return Ruling("deny", "out_of_distribution", (Finding(category="distance", severity="high", score=score),))
        if distance * DISTANCE_UNITS > self.warn_above:
            return Ruling("warn", "far_from_training", (Finding(category="distance", severity="low", score=score),))
        return Ruling("allow")
