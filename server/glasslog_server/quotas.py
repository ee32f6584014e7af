"""Hold issuers to their rate: one token bucket each.

Asked after admission, so that only an issuer's own signature spends its quota, and the number of buckets is bounded by
the number of registered issuers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from glasslog_server.errors import QuotaError


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Quotas:
    """Count records of issuers against `rate` records a second, with `burst` saved up at most."""

    def __init__(self, rate: float | None, burst: int, clock: Callable[[], float]) -> None:
        """Take the quota of every issuer, None for no quota, and a monotonic clock in seconds."""
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    @property
    def are_limited(self) -> bool:
        """Return whether there is any quota."""
        return self._rate is not None

    def spend(self, issuer: str) -> None:
        """Take one record from the quota of `issuer`. Raises QuotaError with the time until the next one fits."""
        if self._rate is None:
            return
        now = self._clock()
        bucket = self._buckets.get(issuer)
        if bucket is None:
            bucket = self._buckets[issuer] = _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        if bucket.tokens < 1.0:
            wait_s = max(1, math.ceil((1.0 - bucket.tokens) / self._rate))
            msg = f"expected at most {self._rate:g} records a second from one issuer; the next one fits in {wait_s} s"
            raise QuotaError(msg, wait_s)
        bucket.tokens -= 1.0
