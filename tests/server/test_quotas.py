"""Token buckets."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog_server.errors import QuotaError
from glasslog_server.quotas import Quotas


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_rate_there_is_no_quota() -> None:
    quotas = Quotas(None, 1, Clock())
    for _ in range(1_000):
        quotas.spend("a")


def test_a_burst_is_had_at_once_and_then_the_rate() -> None:
    clock = Clock()
    quotas = Quotas(2.0, 3, clock)
    for _ in range(3):
        quotas.spend("a")
    with pytest.raises(QuotaError) as refused:
        quotas.spend("a")
    assert refused.value.retry_after_s == 1
    clock.now = 0.5
    quotas.spend("a")
    with pytest.raises(QuotaError):
        quotas.spend("a")


def test_one_issuer_does_not_spend_what_another_has() -> None:
    quotas = Quotas(0.1, 1, Clock())
    quotas.spend("a")
    quotas.spend("b")
    with pytest.raises(QuotaError) as refused:
        quotas.spend("a")
    assert refused.value.retry_after_s == 10


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.1, 100), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(waits: list[float], rate: float, burst: int) -> None:
    clock = Clock()
    quotas = Quotas(rate, burst, clock)
    spent = 0
    for wait in waits:
        clock.now += wait
        for _ in range(5):
            with contextlib.suppress(QuotaError):
                quotas.spend("a")
                spent += 1
    assert spent <= burst + clock.now * rate + 1e-6
