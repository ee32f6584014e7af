from dataclasses import replace

import pytest

from glasslog_issuer.demo.clinician import review, risk_points
from glasslog_issuer.demo.cohort import Measurements
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.demo.screening import Label
from tests.issuer.demo.clinic import clinic

HEALTHY = Measurements(35.0, 0.0, 60.0, 170.0, 75.0, 118.0, 75.0, 70.0, 180.0, 60.0, 0.0)


@pytest.mark.parametrize(
    "changes, points",
    [
        ({}, 0),
        ({"age_years": 40.0}, 1),
        ({"age_years": 59.9}, 2),
        ({"age_years": 60.0}, 3),
        ({"male": 1.0}, 1),
        ({"weight_kg": 75.0}, 1),
        ({"weight_kg": 90.0}, 2),
        ({"weight_kg": 120.0}, 3),
        ({"systolic_mmhg": 140.0}, 1),
        ({"diastolic_mmhg": 90.0, "systolic_mmhg": 150.0}, 1),
        ({"age_years": None, "weight_kg": None, "systolic_mmhg": None, "male": None}, 0),
        ({"height_cm": 0.0, "weight_kg": 120.0}, 0),
    ],
)
def test_points_are_those_of_the_risk_test(changes: dict[str, float | None], points: int) -> None:
    assert risk_points(replace(HEALTHY, **changes)) == points


def test_a_confident_proposal_is_approved_and_the_rest_is_decided_by_the_rule() -> None:
    reasons = set()
    for case in arriving_cases(clinic().cohort.held_out, 300):
        decision = clinic().screening.decide(case.referral)
        done = review(decision)
        reasons.add(done.reason_code)
        assert done.label is not Label.CLINICIAN
        if decision.status == "completed":
            assert (done.action, done.label) == ("approve", decision.label)
        if done.action == "override":
            assert decision.judgement is not None
            assert (done.label is Label.OFFER_TEST) != decision.judgement.raised
    assert reasons == {"agrees_with_proposal", "decided_without_model", "same_as_leaning", "risk_test_disagrees"}
