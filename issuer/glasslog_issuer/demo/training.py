"""Fit the model and the limits of its guardrails to the training part of the cohort, in about a second.

Everything that is fitted leaves as whole numbers of small units (see `document`). The fit is a strictly convex problem
solved far below those units, so that the numbers, and the digests of what holds them, do not depend on the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from glasslog_issuer.demo.cohort import DERIVED_NAMES, MEASUREMENT_NAMES, Participant
from glasslog_issuer.demo.features import FEATURE_NAMES, features_of
from glasslog_issuer.demo.guardrails.distribution import (
    DISTANCE_UNITS,
    POSITION_UNITS,
    PRECISION_UNITS,
    Distribution,
    position_of,
)
from glasslog_issuer.demo.guardrails.ranges import RANGE_UNITS, InputRange, Limits
from glasslog_issuer.demo.model import COVARIANCE_UNITS, FIRST_VERSION, KNOT_UNITS, LOG_ODDS_UNITS, Curve, RiskModel

Vector = npt.NDArray[np.float64]

SENSITIVITY: Final = 0.80  # the share of people with raised blood sugar whom the cut-off finds in training
KNOT_QUANTILES: Final = (0.05, 0.35, 0.65, 0.95)  # where four knots usually stand (Harrell)
PENALTY: Final = 1.0  # ridge on the curves' values, not on the intercept
GRADIENT_MAX: Final = 1e-10
ITERATIONS_MAX: Final = 100
USUAL_QUANTILES: Final = (0.001, 0.999)  # beyond them a measurement is warned of
DISTANCE_QUANTILES: Final = (0.99, 0.999)  # beyond them a person is warned of, and stopped


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the model does on people it was not fitted to, all those with complete measurements."""

    count: int
    raised: int
    auc: float  # area under the receiver operating characteristic
    sensitivity: float
    specificity: float


def fit_model(
    training: Sequence[Participant], *, version: str = FIRST_VERSION, sensitivity: float = SENSITIVITY
) -> RiskModel:
    """Return the model that these people give; those with incomplete measurements are left out.

    `sensitivity` is the share of those with raised blood sugar whom the cut-off must find among these people.
    """
    complete = [person for person in training if person.measurements.complete]
    rows = [features_of(person.measurements) for person in complete]
    raised = np.array([person.raised for person in complete])
    curves = tuple(_flat_curve(name, rows) for name in FEATURE_NAMES)
    design = np.array([_design_row(curves, row) for row in rows])
    fit = LogisticRegression(C=1 / PENALTY, solver="newton-cholesky", tol=GRADIENT_MAX, max_iter=ITERATIONS_MAX).fit(
        design[:, 1:], raised
    )
    weights = np.rint(np.concatenate([fit.intercept_, fit.coef_[0]]) * LOG_ODDS_UNITS)
    model = RiskModel(
        intercept=int(weights[0]),
        cut_off=0,
        curves=_with_weights(curves, weights[1:], design[:, 1:].mean(axis=0)),
        covariance=_covariance(design, design @ weights / LOG_ODDS_UNITS),
        version=version,
    )
    return replace(model, cut_off=_cut_off(design @ weights, raised, sensitivity))


def fit_ranges(training: Sequence[Participant]) -> InputRange:
    """Return the check that allows what the training data hold."""
    limits = {}
    for name in (*MEASUREMENT_NAMES, *DERIVED_NAMES):
        given = [getattr(person.measurements, name) for person in training]
        values = np.array([value for value in given if value is not None])
        low, high = np.quantile(values, USUAL_QUANTILES)
        bounds = np.rint(np.array([values.min(), low, high, values.max()]) * RANGE_UNITS)
        limits[name] = Limits(*map(int, bounds))
    return InputRange(limits)


def fit_distribution(training: Sequence[Participant]) -> Distribution:
    """Return the check of the distance to the training data's centre."""
    positions = [position for person in training if (position := position_of(person.measurements)) is not None]
    points = np.array(positions)
    precision = np.rint(np.linalg.inv(np.corrcoef(points.T)) * PRECISION_UNITS)
    unlimited = Distribution(
        centre=tuple(map(int, np.rint(points.mean(axis=0) * POSITION_UNITS))),
        spread=tuple(map(int, np.rint(points.std(axis=0, ddof=1) * POSITION_UNITS))),
        precision=tuple(tuple(map(int, row)) for row in precision),
        warn_above=0,
        deny_above=0,
    )
    distances = [unlimited.squared_distance(position) * DISTANCE_UNITS for position in positions]
    warn_above, deny_above = np.rint(np.quantile(distances, DISTANCE_QUANTILES))
    return replace(unlimited, warn_above=int(warn_above), deny_above=int(deny_above))


def evaluate(model: RiskModel, people: Sequence[Participant]) -> Evaluation:
    """Return how well the model does on `people`; who is incomplete is left out, and no guardrail helps."""
    complete = [person for person in people if person.measurements.complete]
    margins = np.array([model.judge(features_of(person.measurements)).margin for person in complete])
    raised = np.array([person.raised for person in complete])
    return Evaluation(
        count=len(complete),
        raised=int(raised.sum()),
        auc=float(roc_auc_score(raised, margins)),
        sensitivity=float((margins[raised] >= 0).mean()),
        specificity=float((margins[~raised] < 0).mean()),
    )


def _flat_curve(name: str, rows: Sequence[dict[str, float]]) -> Curve:
    """Return a curve without weights that may bend at quantiles, or at the feature's two values if it has no more."""
    values = np.array([row[name] for row in rows])
    distinct = np.unique(values)
    points = distinct if len(distinct) == 2 else np.quantile(values, KNOT_QUANTILES)  # noqa: PLR2004
    knots = tuple(map(int, np.unique(np.rint(points * KNOT_UNITS))))
    return Curve(name, knots, (0,) * len(knots))


def _design_row(curves: Sequence[Curve], features: dict[str, float]) -> list[float]:
    """Return 1 for the intercept, then the share of every knot but each curve's first, which is the reference."""
    return [1.0, *(share for curve in curves for share in curve.basis(features[curve.feature])[1:])]


def _with_weights(curves: Sequence[Curve], weights: Vector, average_shares: Vector) -> tuple[Curve, ...]:
    weighted, start = [], 0
    for curve in curves:
        end = start + len(curve.knots) - 1
        heights = (0, *map(int, weights[start:end]))
        average = round(float(weights[start:end] @ average_shares[start:end]))
        weighted.append(replace(curve, log_odds=heights, average=average))
        start = end
    return tuple(weighted)


def _covariance(design: Vector, log_odds: Vector) -> tuple[tuple[int, ...], ...]:
    """Return the inverse of the penalised information matrix (the Laplace approximation), in its units."""
    probability = 1 / (1 + np.exp(-log_odds))
    information = (design * (probability * (1 - probability))[:, None]).T @ design
    penalty = np.diag([0.0, *[PENALTY] * (design.shape[1] - 1)])
    covariance = np.rint(np.linalg.inv(information + penalty) * COVARIANCE_UNITS)
    return tuple(tuple(map(int, row)) for row in covariance)


def _cut_off(log_odds: Vector, raised: npt.NDArray[np.bool_], sensitivity: float) -> int:
    """Return the highest cut-off, in its units, that still finds the wanted share of those with raised blood sugar."""
    ascending = np.sort(log_odds[raised])
    return int(np.floor(ascending[int((1 - sensitivity) * len(ascending))]))
