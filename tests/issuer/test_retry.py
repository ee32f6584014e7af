import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_issuer import RetryPolicy

NOW_S = 1_735_689_600.0


def make_policy(slept: list[float] | None = None, chance: float = 0.5) -> RetryPolicy:
    return RetryPolicy(
        attempts_max=4,
        delay_s_first=1.0,
        delay_s_max=5.0,
        retry_after_s_max=60.0,
        sleep=(slept if slept is not None else []).append,
        now_s=lambda: NOW_S,
        chance=lambda: chance,
    )


def test_the_wait_doubles_up_to_its_bound() -> None:
    assert [make_policy(chance=0.0).delay_s(attempt, None) for attempt in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 2.5, 2.5]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 60))
def test_a_wait_is_never_shorter_than_asked_for_nor_longer_than_its_bound_beyond_that(
    attempt: int, chance: float, retry_after_s: float | None
) -> None:
    delay_s = make_policy(chance=chance).delay_s(attempt, retry_after_s)
    assert delay_s - (retry_after_s or 0.0) >= 0.5 - 1e-9
    assert delay_s <= 5.0 + (retry_after_s or 0.0)


def test_chance_spreads_the_waits() -> None:
    assert make_policy(chance=0.0).delay_s(1, None) < make_policy(chance=0.9).delay_s(1, None)


def test_there_is_no_wait_after_the_last_attempt() -> None:
    slept: list[float] = []
    policy = make_policy(slept)
    assert [policy.wait(attempt, None) for attempt in (1, 2, 3, 4, 5)] == [True, True, True, False, False]
    assert len(slept) == 3


def test_what_the_log_asks_for_is_added_to_the_wait() -> None:
    slept: list[float] = []
    assert make_policy(slept).wait(1, 30.0)
    assert slept == [30.75]


def test_nobody_waits_longer_than_the_policy_allows() -> None:
    slept: list[float] = []
    assert make_policy(slept).wait(1, 60.0)
    assert not make_policy(slept).wait(1, 61.0)
    assert len(slept) == 1


@pytest.mark.parametrize(
    "header,seconds",
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        (email.utils.formatdate(NOW_S + 90, usegmt=True), 90.0),
        (email.utils.formatdate(NOW_S - 90, usegmt=True), 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 10, None),
        ("Wed, 32 Jan 2025 00:00:00 GMT", None),
    ],
)
def test_the_retry_after_header_is_read(header: str | None, seconds: float | None) -> None:
    assert make_policy().retry_after_s(header) == seconds


@given(st.text())
def test_any_retry_after_header_is_read_or_ignored(header: str) -> None:
    seconds = make_policy().retry_after_s(header)
    assert seconds is None or seconds >= 0


def test_an_attempt_is_made_once_when_the_policy_says_so() -> None:
    assert not RetryPolicy(attempts_max=1).wait(1, None)
