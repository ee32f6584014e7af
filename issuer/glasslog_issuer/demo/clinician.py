"""The clinician who sees every proposal: approves, overrides, or decides where the system did not.

A program plays the part, by a rule that real practices use: the risk test of the American Diabetes Association (points
for age, sex, body mass index and blood pressure; the three questions about family, pregnancy and exercise were not
asked, so four points count as a high risk and not five). A confident proposal is approved; where the system was not
sure, or had nothing to go on, the rule decides, and what it decides may differ from where the model leaned.
"""

from dataclasses import dataclass
from typing import Final

from glasslog_issuer.bodies.people import OversightAction
from glasslog_issuer.demo.cohort import Measurements
from glasslog_issuer.demo.screening import Decision, Label

HIGH_RISK_POINTS: Final = 4

_AGE_POINTS: Final = ((60.0, 3), (50.0, 2), (40.0, 1))  # years
_BMI_POINTS: Final = ((40.0, 3), (30.0, 2), (25.0, 1))  # kg/m2
_SYSTOLIC_HIGH_MMHG: Final = 140.0
_DIASTOLIC_HIGH_MMHG: Final = 90.0
_CM_PER_M: Final = 100.0


@dataclass(frozen=True, slots=True)
class Review:
    """What the clinician did about a proposal, and what holds from then on."""

    action: OversightAction
    reason_code: str
    label: Label


def review(decision: Decision) -> Review:
    """Return what the clinician does about one decision."""
    if decision.status == "completed":
        return Review("approve", "agrees_with_proposal", decision.label)
    own = Label.OFFER_TEST if risk_points(decision.referral.measurements) >= HIGH_RISK_POINTS else Label.ROUTINE
    if decision.judgement is None:
        return Review("edit", "decided_without_model", own)
    leaning = Label.OFFER_TEST if decision.judgement.raised else Label.ROUTINE
    if own is leaning:
        return Review("approve", "same_as_leaning", own)
    return Review("override", "risk_test_disagrees", own)


def risk_points(measurements: Measurements) -> int:
    """Return the points of the risk test that the measurements give; what is missing gives none."""
    points = _points(measurements.age_years, _AGE_POINTS) + int(measurements.male or 0)
    weight, height = measurements.weight_kg, measurements.height_cm
    if weight is not None and height:
        points += _points(weight / (height / _CM_PER_M) ** 2, _BMI_POINTS)
    return points + (
        (measurements.systolic_mmhg or 0.0) >= _SYSTOLIC_HIGH_MMHG
        or (measurements.diastolic_mmhg or 0.0) >= _DIASTOLIC_HIGH_MMHG
    )


def _points(value: float | None, scale: tuple[tuple[float, int], ...]) -> int:
    return next((points for at_least, points in scale if value is not None and value >= at_least), 0)
