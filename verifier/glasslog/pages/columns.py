"""Columns over time as inline SVG: how many of what in each stretch of time, stacked, coloured by the page's style.

As `glasslog.pages.charts`, for counts in equal buckets. Every text is escaped here.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from glasslog.moments import short_time
from glasslog.pages.charts import SERIES_MAX, WIDTH
from glasslog.pages.rendering import visible
from glasslog.pages.scales import Scale, number_label, ticks, time_label, time_ticks

_LEFT: Final = 64
_RIGHT: Final = WIDTH - 12
_PLOT_HEIGHT: Final = 150
_AXIS_HEIGHT: Final = 26
_LEGEND_STEP: Final = 20
_CHARACTER_WIDTH: Final = 6.6
_NAME_CHARACTERS_MAX: Final = 28


def columns(title: str, start: int, bucket_ms: int, series: Mapping[str, Sequence[int]]) -> Markup:
    """Draw counts by bucket, the first of which begins at `start`, POSIX ms; every series has as many buckets.

    Raises ValueError for series of different lengths.
    """
    lengths = {len(counts) for counts in series.values()}
    if len(lengths) > 1:
        msg = f"expected series of one length, got {', '.join(map(str, sorted(lengths)))}"
        raise ValueError(msg)
    buckets = max(lengths, default=0)
    sums = [sum(counts[bucket] for counts in series.values()) for bucket in range(buckets)]
    legend, top = _legend(list(series))
    base = top + _PLOT_HEIGHT
    across = Scale(start, start + max(buckets, 1) * bucket_ms, _LEFT, _RIGHT)
    up = Scale(0, max([*sums, 1]), base, top)
    parts = [legend, *_value_axis(up), *_time_axis(across, base)]
    for bucket in range(buckets):
        parts += _column(bucket, start, bucket_ms, series, (across, up))
    total = f"{sum(sums):,} in all, at most {max(sums, default=0):,} in one column"
    opening = Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">')
    label = visible(f"{title}. {', '.join(series) or 'Nothing'}: {total}.")
    return opening.format(WIDTH, _place(base + _AXIS_HEIGHT), label) + Markup("").join(parts) + Markup("</svg>")


def _column(
    bucket: int, start: int, bucket_ms: int, series: Mapping[str, Sequence[int]], scales: tuple[Scale, Scale]
) -> list[Markup]:
    across, up = scales
    moment = start + bucket * bucket_ms
    left, right = across.at(moment), across.at(moment + bucket_ms)
    width = max(right - left - (1 if right - left > 4 else 0.2), 0.8)  # noqa: PLR2004 (room for a space between)
    parts, reached = [], 0
    for number, (name, counts) in enumerate(series.items()):
        count = counts[bucket]
        if count:
            low, high = up.at(reached), up.at(reached + count)
            told = f"{name}, {short_time(moment)}: {number_label(count)}"
            parts.append(_box(number, left, high, width, max(low - high, 0.8), told))
            reached += count
    return parts


def _legend(names: Sequence[str]) -> tuple[Markup, float]:
    parts: list[Markup] = []
    x, y = 0.0, 0.0
    for number, name in enumerate(names):
        text = name if len(name) <= _NAME_CHARACTERS_MAX else name[: _NAME_CHARACTERS_MAX - 1] + "…"
        width = 44 + len(text) * _CHARACTER_WIDTH
        if x and x + width > WIDTH:
            x, y = 0.0, y + _LEGEND_STEP
        parts += [_box(number, x, y + 2, 12, 12, name), _text(x + 18, y + 12, text, "")]
        x += width
    return Markup("").join(parts), y + 36


def _value_axis(up: Scale) -> list[Markup]:
    parts: list[Markup] = []
    for value in ticks(0, up.high, 4):
        if float(value).is_integer():
            y = up.at(value)
            parts += [_line("grid", _LEFT, y, _RIGHT, y), _text(54, y + 4, number_label(value), "end")]
    return parts


def _time_axis(across: Scale, y: float) -> list[Markup]:
    start, end = int(across.low), int(across.high)
    moments = time_ticks(start, end)
    step = moments[1] - moments[0] if len(moments) > 1 else end - start
    parts = [_line("axis", _LEFT, y, _RIGHT, y)]
    for moment in moments or [start]:
        x, text = across.at(moment), time_label(moment, step)
        parts.append(_line("axis", x, y, x, y + 5))
        is_last = x + len(text) * _CHARACTER_WIDTH / 2 > WIDTH
        parts.append(_text(WIDTH if is_last else x, y + 19, text, "end" if is_last else "middle"))
    return parts


def _box(number: int, x: float, y: float, width: float, height: float, told: str) -> Markup:
    rect = Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
    place = number % SERIES_MAX + 1
    return rect.format(place, _place(x), _place(y), _place(width), _place(height), visible(told))


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    line = Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"></line>')
    return line.format(name, _place(x1), _place(y1), _place(x2), _place(y2))


def _text(x: float, y: float, text: str, name: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(name, _place(x), _place(y), visible(text))


def _place(value: float) -> str:
    """Return a coordinate with two digits at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
