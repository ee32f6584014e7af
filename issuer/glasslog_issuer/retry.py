"""Decide when to try again, and how long to wait before that.

A log that is overloaded says so (429 or 503, Retry-After) and a network fails now and then: the client waits and sends
the same bytes again. The wait doubles from one attempt to the next and is drawn at random, so that many clients do not
return together; what the log asks for is the least that is waited. Trying again is safe for every call that this
package makes, because the same statement is always the same entry.
"""

import email.utils
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SECONDS: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently. Time and chance come in by the last three; `chance()` is in [0, 1).

    With the defaults a log may be away for half a minute before a call gives up.
    """

    attempts_max: int = 8
    delay_s_first: float = 0.25
    delay_s_max: float = 15.0
    retry_after_s_max: float = 120.0
    sleep: Callable[[float], None] = time.sleep
    now_s: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random

    def wait(self, attempt: int, retry_after_s: float | None) -> bool:
        """Wait after the failed attempt of this number, from 1; return False at once when there shall be no other.

        There is none after the last attempt, nor when the log asks for more patience than `retry_after_s_max`.
        """
        if attempt >= self.attempts_max or (retry_after_s or 0) > self.retry_after_s_max:
            return False
        self.sleep(self.delay_s(attempt, retry_after_s))
        return True

    def delay_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Return the wait after the failed attempt of this number: half of it certain, half by chance."""
        ceiling: float = min(self.delay_s_max, self.delay_s_first * 2 ** min(attempt - 1, 32))
        return ceiling * (1 + self.chance()) / 2 + (retry_after_s or 0.0)

    def retry_after_s(self, header: str | None) -> float | None:
        """Return the seconds that a Retry-After header asks for (RFC 9110 section 10.2.3), None for nonsense."""
        if header is None:
            return None
        if _SECONDS.fullmatch(header.strip()):
            return float(header)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - self.now_s())
        except (ValueError, OverflowError):
            return None
