"""Axes: from numbers to places on a chart, and where to put readable marks."""

import math
from dataclasses import dataclass
from typing import Final

from glasslog.moments import iso_time

_STEPS: Final = (1, 2, 2.5, 5, 10)
_MS_PER_S: Final = 1_000
_MS_PER_MINUTE: Final = 60_000
_MS_PER_HOUR: Final = 3_600_000
_MS_PER_DAY: Final = 86_400_000
# Steps of clocks and calendars, in milliseconds; longer ones are powers of ten of days.
_TIME_STEPS: Final = (
    *(unit * count for unit in (1, 10, 100) for count in (1, 2, 5)),
    *(_MS_PER_S * count for count in (1, 2, 5, 10, 15, 30)),
    *(_MS_PER_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_MS_PER_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_MS_PER_DAY * count for count in (1, 2, 7, 14, 28)),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from [low, high] to [start, end] on the chart. One value alone stands in the middle."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value stands, kept within the chart."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        part = (value - self.low) / (self.high - self.low)
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)


def round_step(low: float, high: float, marks: int) -> float:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten that makes at most about `marks` marks."""
    width = high - low
    if width <= 0 or not math.isfinite(width):
        return 1.0
    power = 10.0 ** math.floor(math.log10(width / marks))
    return next(step * power for step in _STEPS if step * power * marks >= width * (1 - 1e-9))


def ticks(low: float, high: float, marks: int = 5) -> list[float]:
    """Return round values within [low, high], rising."""
    step = round_step(low, high, marks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)][: 4 * marks]


def time_ticks(start: int, end: int, marks: int = 5) -> list[int]:
    """Return round times within [start, end], in POSIX milliseconds, rising."""
    wanted = max(1, (end - start) // marks)
    fitting = [step for step in _TIME_STEPS if step >= wanted]
    step = fitting[0] if fitting else _MS_PER_DAY * math.ceil(wanted / _MS_PER_DAY / 50) * 50
    return list(range(-(-start // step) * step, end + 1, step))[: 4 * marks]


def time_label(moment: int, step: int) -> str:
    """Return a short label for a time on an axis whose marks are `step` milliseconds apart."""
    text = iso_time(moment)
    if step >= _MS_PER_DAY:
        return text[:-14]
    if step >= _MS_PER_MINUTE:
        return text[-13:-8] if moment % _MS_PER_DAY else text[:-14]
    return text[-13:-5] if step >= _MS_PER_S else text[-10:-1]


def number_label(value: float) -> str:
    """Return a number as it is read: `12,500`, `0.25`."""
    if float(value).is_integer() and abs(value) < 1e15:  # noqa: PLR2004 (beyond, digits are not exact anyway)
        return f"{int(value):,}"
    return f"{value:.4g}"
