"""Do the people who arrive still look like those the model was fitted to? One comparison for each feature.

The distance between two samples is that of Kolmogorov and Smirnov (the widest gap between their distribution functions,
0 to 1), computed by scipy. The threshold is the vendor's declared policy, not a test of significance: with some hundred
people a distance of a fifth is no accident.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.stats import ks_2samp

from glasslog_issuer.demo.cohort import Participant
from glasslog_issuer.demo.features import FEATURE_NAMES, features_of

METRIC: Final = "kolmogorov-smirnov-distance"
DISTANCE_MAX: Final = 0.2
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far the people who arrived are from the reference in one feature."""

    feature: str
    distance: float
    reference_n: int
    current_n: int

    @property
    def breached(self) -> bool:
        """Whether the distance is beyond the threshold."""
        return self.distance > DISTANCE_MAX


def measure_drift(reference: Sequence[Participant], arrived: Sequence[Mapping[str, float]]) -> tuple[FeatureDrift, ...]:
    """Compare every feature of those who arrived (as the model saw them) with the reference; the farthest first."""
    known = [features_of(person.measurements) for person in reference if person.measurements.complete]
    drifts = [
        FeatureDrift(
            name,
            round(float(ks_2samp([row[name] for row in known], [row[name] for row in arrived]).statistic), _DIGITS),
            len(known),
            len(arrived),
        )
        for name in FEATURE_NAMES
    ]
    return tuple(sorted(drifts, key=lambda drift: -drift.distance))
