"""The two clocks that recording needs: one that tells the time, and one that measures it and never jumps."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day in POSIX milliseconds, and seconds of a clock that does not jump."""

    now_ms: Callable[[], int]
    clock_s: Callable[[], float]


class Stopwatch:
    """When something began, by the clock on the wall, and how long it took, by one that does not jump."""

    def __init__(self, clocks: Clocks) -> None:
        """Begin."""
        self._clocks = clocks
        self.began_ms = clocks.now_ms()
        self._began_s = clocks.clock_s()

    def elapsed_ms(self) -> float:
        """Return the milliseconds since it began, to the microsecond."""
        return round((self._clocks.clock_s() - self._began_s) * 1_000, 3)
