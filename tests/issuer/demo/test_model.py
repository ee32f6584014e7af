import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from glasslog_issuer.demo.cohort import Measurements
from glasslog_issuer.demo.document import encode_document
from glasslog_issuer.demo.features import FEATURE_NAMES, features_of
from glasslog_issuer.demo.model import Curve, decode_model
from glasslog_issuer.demo.training import SENSITIVITY, evaluate, fit_model
from tests.issuer.demo.clinic import clinic

WEIGHTS_DIGEST = "23cd70099a81f415cd6eb3e337d9ea9b239e1d6a99a0bfe3452850a94ee1a2a0"
COMPLETE = Measurements(50.0, 1.0, 81.0, 180.0, 90.0, 120.0, 80.0, 70.0, 200.0, 50.0, 0.0)


def test_the_data_give_this_model_and_no_other() -> None:
    assert clinic().model.digest.hex() == WEIGHTS_DIGEST


def test_the_order_of_the_people_does_not_change_the_model() -> None:
    reversed_people = clinic().cohort.training[::-1]
    assert fit_model(reversed_people).encode() == clinic().model.encode()


def test_the_digest_is_that_of_the_bytes_that_decide() -> None:
    weights = clinic().model.encode()
    assert hashlib.sha256(weights).digest() == decode_model(weights).digest
    assert decode_model(weights) == clinic().model


def test_one_weight_more_or_less_is_another_model() -> None:
    model = clinic().model
    assert replace(model, intercept=model.intercept + 1).digest != model.digest


def test_the_model_judges_as_the_library_that_fitted_it() -> None:
    model = clinic().model
    people = [person for person in clinic().cohort.training if person.measurements.complete]
    rows = [features_of(person.measurements) for person in people]
    design = np.array(
        [[share for curve in model.curves for share in curve.basis(row[curve.feature])[1:]] for row in rows]
    )
    library = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(design, [p.raised for p in people])
    ours = [model.judge(row).probability for row in rows]
    assert ours == pytest.approx(library.predict_proba(design)[:, 1], abs=1e-5)


def test_the_model_tells_people_apart_that_it_has_never_seen() -> None:
    evaluation = evaluate(clinic().model, clinic().cohort.held_out)
    assert evaluation.count > 1_000
    assert evaluation.auc > 0.74
    assert evaluation.sensitivity == pytest.approx(SENSITIVITY, abs=0.04)
    assert evaluation.specificity > 0.5


def test_the_cut_off_finds_the_wanted_share_in_training() -> None:
    assert SENSITIVITY <= evaluate(clinic().model, clinic().cohort.training).sensitivity < SENSITIVITY + 0.01


def test_contributions_add_up_to_the_judgement() -> None:
    model = clinic().model
    average = model.intercept + sum(curve.average for curve in model.curves)
    judgement = model.judge(features_of(COMPLETE))
    log_odds = average / 1e6 + sum(judgement.contributions.values())
    assert judgement.probability == pytest.approx(1 / (1 + math.exp(-log_odds)))
    assert judgement.margin == pytest.approx(log_odds - model.cut_off / 1e6)
    assert set(judgement.contributions) == set(FEATURE_NAMES)


def test_the_standard_error_is_the_quadratic_form_of_the_covariance() -> None:
    model = clinic().model
    features = features_of(COMPLETE)
    shares = [share for curve in model.curves for share in curve.basis(features[curve.feature])[1:]]
    design = np.array([1.0, *shares])
    variance = design @ np.array(model.covariance) @ design / 1e6
    assert model.judge(features).standard_error == pytest.approx(math.sqrt(variance))


@given(st.floats(-10, 200, allow_nan=False))
def test_a_curve_is_straight_between_its_knots_and_level_beyond(value: float) -> None:
    curve = Curve("age_years", (20_000, 50_000, 80_000), (0, 300_000, 900_000))
    height = sum(share * point for share, point in zip(curve.basis(value), curve.log_odds, strict=True))
    assert height == pytest.approx(np.interp(value * 1_000, curve.knots, curve.log_odds))


@pytest.mark.parametrize(
    "change",
    [
        {"form": "neural"},
        {"name": "another"},
        {"version": "9"},
        {"curves": []},
        {"curves": [{"feature": "male", "knots": [0, 0], "log_odds": [0, 1], "average": 0}]},
        {"curves": [{"feature": "male", "knots": [0, 1], "log_odds": [1, 1], "average": 0}]},
        {"curves": [{"feature": "shoe_size", "knots": [0, 1], "log_odds": [0, 1], "average": 0}]},
        {"curves": [{"feature": "male"}]},
        {"curves": [{"feature": "male", "knots": [0, 1], "log_odds": [0, "1"], "average": 0}]},
        {"curves": {}},
        {"covariance": [[1]]},
        {"intercept": True},
        {"extra": 1},
    ],
)
def test_weights_of_another_shape_are_refused(change: dict[str, object]) -> None:
    document = json.loads(clinic().model.encode()) | change
    with pytest.raises(ValueError, match="expected"):
        decode_model(encode_document(document))


def test_features_are_derived_from_the_measurements() -> None:
    features = features_of(COMPLETE)
    assert tuple(features) == FEATURE_NAMES
    assert features["bmi_kg_m2"] == 25.0
    assert features["waist_to_height"] == 0.5


def test_features_need_every_measurement() -> None:
    with pytest.raises(ValueError, match="got none of waist_cm, smoker"):
        features_of(replace(COMPLETE, waist_cm=None, smoker=None))
    with pytest.raises(ValueError, match="positive height"):
        features_of(replace(COMPLETE, height_cm=0.0))
