from collections import Counter

import pytest

from glasslog_issuer.demo.cohort import ADULT_AGE_YEARS, MEASUREMENT_NAMES, read_cohort
from tests.issuer.demo.clinic import clinic


def test_the_cohort_is_the_one_described() -> None:
    cohort = clinic().cohort
    assert (len(cohort.training), len(cohort.held_out)) == (2_849, 1_202)


def test_nobody_is_in_both_parts() -> None:
    cohort = clinic().cohort
    respondents = [person.respondent for person in cohort.training + cohort.held_out]
    assert len(set(respondents)) == len(respondents)


def test_all_are_adults_with_a_blood_test() -> None:
    cohort = clinic().cohort
    for person in cohort.training + cohort.held_out:
        assert person.measurements.age_years is not None
        assert person.measurements.age_years >= ADULT_AGE_YEARS
        assert 3 < person.hba1c_percent < 20


def test_no_measurement_is_the_tiny_number_that_stands_for_zero() -> None:
    cohort = clinic().cohort
    for person in cohort.training + cohort.held_out:
        values = [getattr(person.measurements, name) for name in MEASUREMENT_NAMES]
        assert all(value is None or value == 0 or value >= 1 for value in values)


def test_both_parts_are_alike() -> None:
    cohort = clinic().cohort
    shares = [sum(person.raised for person in part) / len(part) for part in (cohort.training, cohort.held_out)]
    assert shares == pytest.approx([0.34, 0.34], abs=0.03)


def test_groups_are_known() -> None:
    held_out = clinic().cohort.held_out
    assert set(Counter(person.sex for person in held_out)) == {"female", "male"}
    assert min(Counter(person.race for person in held_out).values()) >= 30


def test_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the table with SHA-256"):
        read_cohort(b"SEQN\tGender\n")
