import pytest

from glasslog_issuer.demo.referrals import DEFECT_EVERY, Defect, arriving_cases
from tests.issuer.demo.clinic import clinic


def test_cases_are_the_held_out_people_in_their_order() -> None:
    held_out = clinic().cohort.held_out
    cases = list(arriving_cases(held_out, 40))
    assert [case.participant for case in cases] == list(held_out[:40])
    assert [case.referral.respondent for case in cases] == [person.respondent for person in held_out[:40]]


def test_a_referral_holds_nothing_of_the_answer() -> None:
    assert set(next(arriving_cases(clinic().cohort.held_out, 1)).referral.__slots__) == {
        "respondent",
        "measurements",
        "note",
    }


def test_only_the_cases_that_say_so_are_spoilt() -> None:
    for case in arriving_cases(clinic().cohort.held_out, 300):
        untouched = case.referral.measurements == case.participant.measurements and case.referral.note.endswith("due.")
        assert untouched == (case.defect is None)


def test_every_defect_comes_up_in_a_few_hundred_cases_and_seldom() -> None:
    cases = list(arriving_cases(clinic().cohort.held_out, 300))
    defects = [case.defect for case in cases if case.defect is not None]
    assert set(defects) == set(Defect)
    assert len(defects) <= len(cases) / DEFECT_EVERY


def test_there_are_no_more_cases_than_people() -> None:
    held_out = clinic().cohort.held_out
    assert list(arriving_cases(held_out, 0)) == []
    for count in (-1, len(held_out) + 1):
        with pytest.raises(ValueError, match=f"expected 0 to {len(held_out)} cases"):
            list(arriving_cases(held_out, count))
