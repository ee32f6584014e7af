"""Groups and drift: what is measured by libraries is what can be counted by hand."""

import pytest

from glasslog_issuer.demo.arrivals import ARRIVALS_MAX, ARRIVALS_MIN, ELDERLY_YEARS, arrivals
from glasslog_issuer.demo.drift import measure_drift
from glasslog_issuer.demo.fairness import compare_groups
from glasslog_issuer.demo.features import features_of
from tests.issuer.demo.clinic import clinic


def test_rates_of_groups_are_what_counting_gives() -> None:
    model, people = clinic().model, [person for person in clinic().cohort.held_out if person.measurements.complete]
    compared = compare_groups(model, people)
    women = [person for person in people if person.sex == "female"]
    needing = [person for person in women if person.raised]
    found = [person for person in needing if model.judge(features_of(person.measurements)).raised]
    [sensitivity] = [
        metric
        for metric in compared.metrics
        if metric.name == "sensitivity" and metric.group is not None and metric.group.value == "female"
    ]
    assert sensitivity.value == pytest.approx(len(found) / len(needing), abs=1e-4)
    assert sensitivity.n == len(women)
    assert compared.n == len(people)


def test_the_same_people_do_not_drift() -> None:
    training = [person for person in clinic().cohort.training if person.measurements.complete]
    drifts = measure_drift(training, [features_of(person.measurements) for person in training])
    assert [drift.distance for drift in drifts] == [0.0] * 9
    assert not any(drift.breached for drift in drifts)


@pytest.mark.parametrize("count", [ARRIVALS_MIN, 61, 300, ARRIVALS_MAX])
def test_everybody_arrives_once_or_never_and_the_elderly_later(count: int) -> None:
    held_out = clinic().cohort.held_out
    people = arrivals(held_out, count)
    assert len(people.all) == count
    assert len({person.respondent for person in (*people.all, *people.never)}) == len(held_out)
    for person in (*people.shifted, *people.after_retraining):
        assert (person.measurements.age_years or 0.0) >= ELDERLY_YEARS


@pytest.mark.parametrize("count", [ARRIVALS_MIN - 1, ARRIVALS_MAX + 1])
def test_no_other_numbers_can_arrive(count: int) -> None:
    with pytest.raises(ValueError, match=f"expected {ARRIVALS_MIN} to {ARRIVALS_MAX} arrivals, got {count}"):
        arrivals(clinic().cohort.held_out, count)
