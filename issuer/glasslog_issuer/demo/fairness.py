"""Compare how the model treats groups of people, by a library that others maintain (fairlearn).

For everybody whose blood test is known: how often a test is offered, and how many of those who need it are found, in
each group by sex and by race. The model sees sex and never race; the survey asked for both. What the comparison finds
is recorded whether it pleases or not: the thresholds are the vendor's declared policy, the verdict follows from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np
from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate, true_positive_rate

from glasslog_issuer.bodies.assurance import Disparity, Group, Metric, Tool, Verdict
from glasslog_issuer.demo.cohort import Participant
from glasslog_issuer.demo.features import features_of
from glasslog_issuer.demo.model import RiskModel

SELECTION_RATIO_MIN: Final = 0.8
"""The least share of a group that is offered a test, against the group with the most (the four-fifths rule)."""
SENSITIVITY_DIFFERENCE_MAX: Final = 0.1
"""By how much the share of those found, among all who need a test, may differ between two groups."""
GROUP_MIN: Final = 30
"""Smaller groups are left out: their rates would be noise, and would point at persons."""

_MEASURES: Final = {
    "selection_rate": selection_rate,
    "sensitivity": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "n": count,
}
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """What was measured in each group, and how far the groups are apart."""

    n: int
    metrics: tuple[Metric, ...]
    disparities: tuple[Disparity, ...]
    verdict: Verdict


def fairness_tool() -> Tool:
    """Return the library that computes the comparison."""
    return Tool(name="fairlearn", version=version("fairlearn"))


def compare_groups(model: RiskModel, people: Sequence[Participant]) -> GroupComparison:
    """Return how the model treats groups; who has incomplete measurements is left out."""
    complete = [person for person in people if person.measurements.complete]
    needed = np.array([person.raised for person in complete])
    offered = np.array([model.judge(features_of(person.measurements)).raised for person in complete])
    metrics: list[Metric] = []
    disparities: list[Disparity] = []
    for attribute in ("sex", "race"):
        frame = MetricFrame(
            metrics=_MEASURES,
            y_true=needed,
            y_pred=offered,
            sensitive_features=[getattr(person, attribute) for person in complete],
        )
        groups = frame.by_group[frame.by_group["n"] >= GROUP_MIN]
        for value, row in groups.iterrows():
            group = Group(attribute=attribute, value=str(value))
            metrics += [
                Metric(name=name, value=round(float(row[name]), _DIGITS), group=group, n=int(row["n"]))
                for name in _MEASURES
                if name != "n"
            ]
        disparities += _disparities(attribute, {name: list(groups[name]) for name in _MEASURES})
    verdict: Verdict = "pass" if all(map(_within, disparities)) else "fail"
    return GroupComparison(len(complete), tuple(metrics), tuple(disparities), verdict)


def _disparities(attribute: str, measured: Mapping[str, Sequence[float]]) -> list[Disparity]:
    rates, sensitivities = measured["selection_rate"], measured["sensitivity"]
    return [
        Disparity(
            metric="selection_rate",
            attribute=attribute,
            ratio=round(min(rates) / max(rates), _DIGITS),
            threshold=SELECTION_RATIO_MIN,
        ),
        Disparity(
            metric="sensitivity",
            attribute=attribute,
            difference=round(max(sensitivities) - min(sensitivities), _DIGITS),
            threshold=SENSITIVITY_DIFFERENCE_MAX,
        ),
    ]


def _within(disparity: Disparity) -> bool:
    if disparity.ratio is not None:
        return disparity.ratio >= disparity.threshold
    return disparity.difference is not None and disparity.difference <= disparity.threshold
