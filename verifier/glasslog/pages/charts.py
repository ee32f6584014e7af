"""Charts as inline SVG: numbers in, markup out, coloured by the page's style for light, dark and paper.

A chart is a picture of numbers that the page also says in words or in a table: it has a title and a description for
those who do not see it, and no meaning hangs on colour alone. Every text is escaped here. Values outside an axis are
drawn at its edge. Coordinates are rounded, so the same numbers give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup, escape

from glasslog.counting import counted
from glasslog.moments import duration, short_time
from glasslog.pages.rendering import visible
from glasslog.pages.scales import Scale, number_label, ticks, time_label, time_ticks

WIDTH: Final = 720
SERIES_MAX: Final = 6
"""How many series the style has colours for; the seventh has the colour of the first again."""

_LABEL_WIDTH: Final = 168
_LABEL_CHARACTERS_MAX: Final = 23
_LANE_HEIGHT: Final = 30
_BAR_HEIGHT: Final = 18
_AXIS_HEIGHT: Final = 26
_PLOT_HEIGHT: Final = 180
_RIGHT: Final = WIDTH - 12
_NARROWEST: Final = 1.5
_CHARACTER_WIDTH: Final = 6.6


@dataclass(frozen=True, slots=True)
class Mark:
    """One event on a lane: POSIX ms, what it is, and its kind, as of a badge (good, bad, open, gone, calm or "")."""

    at: int
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time [start, end) on a lane, in POSIX ms. A gap is one in which something is missing."""

    start: int
    end: int
    label: str
    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of a timeline."""

    label: str
    marks: Sequence[Mark] = field(default=())
    spans: Sequence[Span] = field(default=())


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of stacked bars: one value for each series, none below 0."""

    label: str
    values: Sequence[float]


def timeline(title: str, start: int, end: int, lanes: Sequence[Lane]) -> Markup:
    """Draw what happened when, [start, end] in POSIX ms, one lane for each kind of thing; gaps are dashed boxes."""
    scale = Scale(start, end, _LABEL_WIDTH, _RIGHT)
    bottom = len(lanes) * _LANE_HEIGHT + 6
    parts = [_time_axis(scale, start, end, bottom)]
    for number, lane in enumerate(lanes):
        middle = number * _LANE_HEIGHT + _LANE_HEIGHT / 2 + 4
        parts.append(_line("lane", _LABEL_WIDTH, middle, _RIGHT, middle))
        parts.append(_text(_LABEL_WIDTH - 14, middle + 4, _cut(lane.label), "end strong"))
        parts += [_span(scale, span, middle) for span in lane.spans]
        parts += [_mark(scale, mark, middle) for mark in lane.marks]
    events = sum(len(lane.marks) for lane in lanes)
    gaps = sum(span.is_gap for lane in lanes for span in lane.spans)
    described = (
        f"{counted(events, 'events')} and {counted(gaps, 'gaps')} from {short_time(start)} to {short_time(end)} UTC."
    )
    return _svg(title, described, bottom + _AXIS_HEIGHT, parts)


def step_curve(
    title: str,
    points: Sequence[tuple[int, float]],
    *,
    unit: str = "",
    limit: float | None = None,
    over_time: bool = True,
) -> Markup:
    """Draw a value that holds until the next point: [(POSIX ms or any number, value), ...] in order.

    `limit` is a dashed line that the value should not pass.
    """
    if not points:
        return _svg(title, "There is nothing to draw.", _AXIS_HEIGHT, [_text(0, 16, "no data", "")])
    xs, ys = [x for x, _ in points], [y for _, y in points]
    top_value = max([*ys, limit if limit is not None else ys[0], 0.0])
    across = Scale(xs[0], xs[-1], 64, _RIGHT)
    up = Scale(min([*ys, 0.0]), top_value or 1.0, _PLOT_HEIGHT, 12)
    parts = [_value_axis(up, unit)]
    parts.append(_time_axis(across, xs[0], xs[-1], _PLOT_HEIGHT) if over_time else _number_axis(across, xs[0], xs[-1]))
    path = _steps([(across.at(x), up.at(y)) for x, y in points])
    base = _place(up.at(0))
    parts.append(_element("path", "area", d=f"{path} V{base} H{_place(across.at(xs[0]))} Z"))
    parts.append(_element("path", "curve", d=path))
    if limit is not None:
        parts.append(_line("limit", 64, up.at(limit), _RIGHT, up.at(limit)))
        parts.append(_text(_RIGHT, up.at(limit) - 5, f"limit {number_label(limit)}{_unit(unit)}", "end strong"))
    told = f"{counted(len(points), 'values')} from {number_label(min(ys))} to {number_label(max(ys))}{_unit(unit)}"
    return _svg(title, f"{told}, the last {number_label(ys[-1])}.", _PLOT_HEIGHT + _AXIS_HEIGHT, parts)


def stacked_bars(title: str, series: Sequence[str], bars: Sequence[Bar], *, unit: str = "") -> Markup:
    """Draw one bar for each row, made of one part for each series, on one scale; a legend names the series."""
    largest = max((sum(bar.values) for bar in bars), default=0.0) or 1.0
    scale = Scale(0.0, largest, _LABEL_WIDTH, _RIGHT - 60)
    legend, top = _legend(series)
    parts = [legend]
    for number, bar in enumerate(bars):
        y = top + number * (_BAR_HEIGHT + 10)
        parts.append(_text(_LABEL_WIDTH - 14, y + 13, _cut(bar.label), "end strong"))
        reached = 0.0
        for place, value in enumerate(bar.values):
            left, right = scale.at(reached), scale.at(reached + value)
            reached += value
            if value > 0:
                told = f"{bar.label}, {series[place]}: {number_label(value)}{_unit(unit)}"
                parts.append(_box(f"s{place % SERIES_MAX + 1}", left, y, right - left, _BAR_HEIGHT, told))
        parts.append(_text(scale.at(reached) + 8, y + 13, f"{number_label(sum(bar.values))}{_unit(unit)}", ""))
    described = (
        f"{counted(len(bars), 'bars')} of {', '.join(series)}; the largest is {number_label(largest)}{_unit(unit)}."
    )
    return _svg(title, described, top + len(bars) * (_BAR_HEIGHT + 10), parts)


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], *, unit: str = "") -> Markup:
    """Draw how many values lie in each bin: `counts[i]` of them in [edges[i], edges[i + 1]).

    Raises ValueError unless there is one edge more than there are counts, rising.
    """
    if len(edges) != len(counts) + 1 or list(edges) != sorted(edges):
        msg = f"expected {len(counts) + 1} rising edges for {len(counts)} bins, got {len(edges)}"
        raise ValueError(msg)
    across = Scale(edges[0], edges[-1], 64, _RIGHT)
    up = Scale(0, max([*counts, 1]), _PLOT_HEIGHT, 12)
    parts = [_value_axis(up, ""), _number_axis(across, edges[0], edges[-1], unit)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            told = f"{number_label(low)} to {number_label(high)}{_unit(unit)}: {count}"
            left, width = across.at(low), across.at(high) - across.at(low)
            parts.append(_box("span", left + 0.5, up.at(count), width - 1, _PLOT_HEIGHT - up.at(count), told))
    values, bins = counted(sum(counts), "values"), counted(len(counts), "bins")
    described = f"{values} in {bins} from {number_label(edges[0])} to {number_label(edges[-1])}"
    return _svg(title, f"{described}{_unit(unit)}.", _PLOT_HEIGHT + _AXIS_HEIGHT, parts)


# ------------------------------------------------------------------------------------------------------------ the parts


def _svg(title: str, described: str, height: float, parts: Iterable[Markup]) -> Markup:
    label = escape(visible(f"{title}. {described}"))
    opening = Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">')
    return opening.format(WIDTH, _place(height), label) + Markup("").join(parts) + Markup("</svg>")


def _span(scale: Scale, span: Span, middle: float) -> Markup:
    left = scale.at(span.start)
    told = f"{span.label}: {short_time(span.start)} to {short_time(span.end)}, {duration(span.end - span.start)}"
    height = 16 if span.is_gap else 6
    kind = "gap" if span.is_gap else "span"
    return _box(kind, left, middle - height / 2, scale.at(span.end) - left, height, told)


def _mark(scale: Scale, mark: Mark, middle: float) -> Markup:
    """Draw an event: a circle, and for what went wrong a diamond, so that the shape tells too."""
    told = _title(f"{short_time(mark.at)} {mark.label}")
    x = scale.at(mark.at)
    name = f"mark {mark.kind}".rstrip()
    if mark.kind in {"bad", "open"}:
        corners = ((x, middle - 7), (x + 7, middle), (x, middle + 7), (x - 7, middle))
        return _element("polygon", name, told, points=" ".join(f"{_place(a)},{_place(b)}" for a, b in corners))
    return _element("circle", name, told, cx=_place(x), cy=_place(middle), r="5.5")


def _time_axis(scale: Scale, start: int, end: int, y: float) -> Markup:
    moments = time_ticks(start, end)
    step = moments[1] - moments[0] if len(moments) > 1 else end - start
    parts = [_line("axis", scale.start, y, scale.end, y)]
    for moment in moments or [start]:
        x = scale.at(moment)
        parts.append(_line("axis", x, y, x, y + 5))
        parts.append(_label(x, y + 19, time_label(moment, step)))
    return Markup("").join(parts)


def _number_axis(scale: Scale, low: float, high: float, unit: str = "") -> Markup:
    parts = [_line("axis", scale.start, _PLOT_HEIGHT, scale.end, _PLOT_HEIGHT)]
    for value in ticks(low, high, 7):
        x = scale.at(value)
        parts.append(_line("axis", x, _PLOT_HEIGHT, x, _PLOT_HEIGHT + 5))
        parts.append(_label(x, _PLOT_HEIGHT + 19, number_label(value) + _unit(unit)))
    return Markup("").join(parts)


def _value_axis(scale: Scale, unit: str) -> Markup:
    parts = []
    for value in ticks(scale.low, scale.high, 4):
        y = scale.at(value)
        parts.append(_line("grid", 64, y, _RIGHT, y))
        parts.append(_text(54, y + 4, number_label(value) + _unit(unit), "end"))
    return Markup("").join(parts)


def _legend(series: Sequence[str]) -> tuple[Markup, float]:
    """Return the names of the series with their colours, and the height that they take."""
    parts: list[Markup] = []
    x, y = 0.0, 0.0
    for number, name in enumerate(series):
        text = _cut(name)
        width = 26 + len(text) * _CHARACTER_WIDTH + 18
        if x and x + width > WIDTH:
            x, y = 0.0, y + 20
        parts.append(_box(f"s{number % SERIES_MAX + 1}", x, y + 2, 12, 12, name))
        parts.append(_text(x + 18, y + 12, text, ""))
        x += width
    return Markup("").join(parts), y + 32


def _steps(places: Sequence[tuple[float, float]]) -> str:
    x, y = places[0]
    return f"M{_place(x)} {_place(y)}" + "".join(f" H{_place(x)} V{_place(y)}" for x, y in places[1:])


def _box(name: str, x: float, y: float, width: float, height: float, told: str) -> Markup:
    wide = max(width, _NARROWEST)
    return _element(
        "rect", name, _title(told), x=_place(x), y=_place(y), width=_place(wide), height=_place(max(height, 0))
    )


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return _element("line", name, x1=_place(x1), y1=_place(y1), x2=_place(x2), y2=_place(y2))


def _label(x: float, y: float, text: str) -> Markup:
    """Write below an axis, so that the first and the last label stay within the chart."""
    half = len(text) * _CHARACTER_WIDTH / 2
    if x + half > WIDTH:
        return _text(WIDTH, y, text, "end")
    return _text(x, y, text, "middle")


def _text(x: float, y: float, text: str, name: str) -> Markup:
    return _element("text", name, escape(visible(text)), x=_place(x), y=_place(y))


def _title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(visible(text))


def _element(tag: str, name: str, inner: Markup | None = None, **attributes: str) -> Markup:
    given = {"class": name, **attributes} if name else attributes
    written = Markup("").join(Markup(' {}="{}"').format(key, value) for key, value in given.items())
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), written, inner or Markup(""))  # noqa: S704 (names of ours)


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LABEL_CHARACTERS_MAX else text[: _LABEL_CHARACTERS_MAX - 1] + "…"


def _place(value: float) -> str:
    """Return a coordinate with two digits at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
