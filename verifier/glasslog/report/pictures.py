"""Draw what happened over the period of an audit: from its windows and series to charts, each with words beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from markupsafe import Markup

from glasslog.counting import counted
from glasslog.moments import duration, readable_date, readable_time
from glasslog.pages.charts import SERIES_MAX, Bar, Lane, Span, stacked_bars, step_curve, timeline
from glasslog.pages.columns import columns

Json: TypeAlias = Any
SYSTEMS_DRAWN_MAX: Final = 8
LANES_MAX: Final = 24
BARS_MAX: Final = 16
_MS_PER_S: Final = 1_000
_OTHERS: Final = "others"
_DECISIONS: Final = ("allow", "modify", "deny", "warn", "audit", "skipped", "error-fail-closed", "error-fail-open")
_ACTIONS: Final = ("approve", "edit", "override", "reject", "escalate", "stop")


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and what it says in words."""

    chart: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class SystemPictures:
    """What is drawn of one system; None where there is nothing to draw."""

    system: str
    records: int
    work: Picture | None
    guardrails: Picture | None
    guardrails_over_time: Picture | None
    oversight: Picture | None


def tree_growth(windows: Mapping[str, Json]) -> Picture:
    """Draw the size of the tree over the period, by the log's time."""
    period, sizes = windows["period"], windows["timelines"]["tree"]
    points = [
        (min(period["start"] + (number + 1) * period["bucket_ms"], period["end"]), size)
        for number, size in enumerate(sizes)
    ]
    before = f" from {sizes[0]:,}" if sizes and sizes[0] != sizes[-1] else ""
    caption = (
        f"The size of the signed tree{before} to {counted(sizes[-1], 'entries')}, by the log's clock, "
        f"from {readable_time(period['start'])} to {readable_time(period['end'])}."
    )
    return Picture(step_curve("Growth of the tree", points), caption)


def heartbeats(windows: Mapping[str, Json]) -> Picture | None:
    """Draw when each declared control was heard of, and its gaps, those with the worst coverage first."""
    period, controls = windows["period"], windows["controls"]
    if not controls:
        return None
    chosen = sorted(controls, key=_coverage)[:LANES_MAX]
    lanes = [_lane(control, period) for control in chosen]
    gaps = sum(control["gaps"]["count"] for control in controls)
    silent = sum(control["gaps"]["seconds"] for control in controls)
    told = f"{counted(gaps, 'gaps')}, {duration(silent * _MS_PER_S)} in all" if gaps else "no gap longer than its bound"
    beats = sum(control["heartbeats"] for control in controls)
    shown = f"The {LANES_MAX} with the least coverage of " if len(controls) > LANES_MAX else ""
    heard = f"{counted(len(controls), 'declared controls')}, {counted(beats, 'heartbeats')}"
    caption = f"{shown}{heard}: {told}. A dashed box is a gap."
    return Picture(timeline("Heartbeats of controls", period["start"], period["end"], lanes), caption)


def _coverage(control: Mapping[str, Json]) -> float:
    percent = control["coverage_percent"]
    return 101.0 if percent is None else float(percent)


def _lane(control: Mapping[str, Json], period: Mapping[str, Json]) -> Lane:
    start, end = period["start"], period["end"]
    gaps = [
        Span(max(gap["start"], start), min(gap["end"], end), f"{control['control']} was silent", is_gap=True)
        for gap in control["gaps"]["first"]
        if gap["end"] > start and gap["start"] < end
    ]
    spans: list[Span] = []
    if control["first_seen"] is not None:
        reached = control["first_seen"]
        for gap in sorted(gaps, key=lambda span: span.start):
            if gap.start > reached:
                spans.append(Span(reached, gap.start, f"{control['control']} reported"))
            reached = max(reached, gap.end)
        if control["last_seen"] > reached:
            spans.append(Span(reached, control["last_seen"], f"{control['control']} reported"))
    return Lane(control["control"], spans=(*spans, *gaps))


def lateness(windows: Mapping[str, Json]) -> Picture | None:
    """Draw how long after its event each record was in a signed tree."""
    lateness = windows["timelines"]["lateness"]
    total = sum(lateness["records"])
    if not total:
        return None
    bars, before = [], ""
    for up_to, count in zip(lateness["up_to_s"], lateness["records"], strict=True):
        reached = "" if up_to is None else duration(up_to * _MS_PER_S)
        label = f"over {before}" if up_to is None else f"{before} to {reached}" if before else f"within {reached}"
        bars.append(Bar(label, [count]))
        before = reached
    late = windows["late"]["count"]
    told = f"{late:,} came later than their bound" if late else "none came later than its bound"
    return Picture(
        stacked_bars("Lateness of records", ["records"], bars),
        f"{counted(total, 'records')} by the time from the event to the first signed tree that holds it; {told}.",
    )


def systems(windows: Mapping[str, Json]) -> list[SystemPictures]:
    """Draw what each of the busiest systems did."""
    return [_system(each, windows["period"]) for each in windows["timelines"]["systems"][:SYSTEMS_DRAWN_MAX]]


def _system(each: Mapping[str, Json], period: Mapping[str, Json]) -> SystemPictures:
    return SystemPictures(
        each["system"],
        each["records"],
        _over_time("Inferences by how they ended", each["statuses"], period, ()),
        _guardrails(each["guardrails"]),
        _over_time("Decisions of guardrails", each["guardrail_decisions"], period, _DECISIONS),
        _over_time("Actions of reviewers", each["oversight_actions"], period, _ACTIONS),
    )


def _over_time(
    title: str, series: Mapping[str, Sequence[int]], period: Mapping[str, Json], order: Sequence[str]
) -> Picture | None:
    shown = _bounded({name: series[name] for name in _ordered(series, order)})
    if not any(any(counts) for counts in shown.values()):
        return None
    told = ", ".join(f"{sum(counts):,} {name}" for name, counts in shown.items() if any(counts))
    caption = f"{title}: {told}. One column is {duration(period['bucket_ms'])}, from {readable_date(period['start'])}."
    return Picture(columns(title, period["start"], period["bucket_ms"], shown), caption)


def _ordered(names: Iterable[str], order: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _bounded(series: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """Return as many series as have colours; what is beyond is added up as others."""
    if len(series) <= SERIES_MAX:
        return dict(series)
    kept = dict(list(series.items())[: SERIES_MAX - 1])
    rest = [counts for name, counts in series.items() if name not in kept]
    return {**kept, _OTHERS: [sum(bucket) for bucket in zip(*rest, strict=True)]}


def _guardrails(table: Mapping[str, Mapping[str, int]]) -> Picture | None:
    if not table:
        return None
    decisions = _ordered({name for row in table.values() for name in row}, _DECISIONS)
    named = decisions if len(decisions) <= SERIES_MAX else decisions[: SERIES_MAX - 1]
    shown = named if named == decisions else [*named, _OTHERS]
    bars = []
    for guardian, row in sorted(table.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:BARS_MAX]:
        counts = [row.get(name, 0) for name in named]
        bars.append(Bar(guardian, counts if named == decisions else [*counts, sum(row.values()) - sum(counts)]))
    total = sum(sum(row.values()) for row in table.values())
    most = f", the {BARS_MAX} that ran most" if len(table) > BARS_MAX else ""
    caption = f"{counted(total, 'executions')} of {counted(len(table), 'guardrails')}{most}, by what they decided."
    return Picture(stacked_bars("Guardrails by decision", shown, bars), caption)
