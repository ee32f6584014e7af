"""A period of observation: what each declared control did in it, which records came late, which streams have holes.

This is what a SOC 2 Type II report asks of a period: not whether a control existed on a day, but whether it operated
all the time. Coverage is the share of the time that a control had to report in, within the period, that lies in no
silence longer than its bound. What was not recorded is listed as that.
"""

from itertools import islice
from typing import Final

from glasslog.audit.checks.lateness import late_records
from glasslog.audit.duties import Duty, Silence, beats, duties, silences, undeclared
from glasslog.audit.sequences import count_numbers
from glasslog.audit.series import Period, period_of, timelines
from glasslog.audit.view import View
from glasslog.cbor import Value

CONTROLS_SHOWN_MAX: Final = 500
GAPS_SHOWN_MAX: Final = 50  # of one control
LATE_SHOWN_MAX: Final = 200
STREAMS_SHOWN_MAX: Final = 500
NOT_RECORDED_SHOWN_MAX: Final = 50


def windows(view: View) -> dict[str, Value]:
    """Return what the scope's period shows, bounded in size. Costs a few passes over the entries of the scope."""
    period = period_of(view)
    return {
        "period": period.to_json(),
        "controls": [_control(view, duty, period) for duty in islice(duties(view), CONTROLS_SHOWN_MAX)],
        "undeclared_controls": _undeclared_controls(view),
        "late": _late(view),
        "streams": _streams(view),
        "timelines": timelines(view, period),
        "not_recorded": list(islice(undeclared(view), NOT_RECORDED_SHOWN_MAX)),
    }


def _control(view: View, duty: Duty, period: Period) -> dict[str, Value]:
    start = max(duty.start, period.start)
    end = min(period.end, view.as_of if duty.end is None else duty.end)
    gaps = count = silent = 0
    shown: list[dict[str, Value]] = []
    for silence in silences(view, duty):
        if not silence.is_due:
            continue
        gaps += 1
        silent += max(0, min(silence.end, end) - max(silence.start, start))
        if len(shown) < GAPS_SHOWN_MAX:
            shown.append(_gap(silence))
    first = last = None
    for _, time in beats(view, duty):
        if start <= time < period.end:
            first, last, count = time if first is None else first, time, count + 1
    operations, unhealthy = view.row(_OPERATED, **_whose(duty, start, period.end)) or (0, 0)
    return {
        "issuer": duty.issuer,
        "system": duty.system,
        "control": duty.control,
        "cadence_s": duty.cadence_s,
        "max_gap_s": duty.max_gap_s,
        "declared_at": duty.start,
        "declared_by": duty.entry,
        "withdrawn_at": duty.end,
        "first_seen": first,
        "last_seen": last,
        "heartbeats": count,
        "operations": operations,
        "unhealthy": unhealthy,
        "gaps": {"count": gaps, "seconds": silent // 1_000, "first": shown},
        "coverage_percent": round(100 * (1 - silent / (end - start)), 3) if end > start else None,
    }


def _whose(duty: Duty, start: int, end: int) -> dict[str, Value]:
    return {"control": duty.control, "issuer": duty.issuer, "system": duty.system, "first": start, "last": end}


_OPERATED: Final = """
    SELECT CAST(total(h.count) AS INTEGER), coalesce(sum(NOT h.healthy), 0)
    FROM heartbeats h CROSS JOIN entries e ON e.entry = h.entry CROSS JOIN shapes s ON s.number = e.shape
    CROSS JOIN sources o ON o.number = s.source
    WHERE h.control = :control AND o.issuer = :issuer AND o.system = :system AND e.time >= :first AND e.time < :last
"""


def _gap(silence: Silence) -> dict[str, Value]:
    return {
        "start": silence.start,
        "end": silence.end,
        "seconds": silence.seconds,
        "entries": [entry for entry in (silence.before, silence.after) if entry is not None],
    }


def _undeclared_controls(view: View) -> list[dict[str, Value]]:
    """Return controls that send heartbeats which nobody declared."""
    rows = view.rows(
        """
        SELECT o.issuer, o.system, h.control, count(*), min(e.time), max(e.time)
        FROM heartbeats h CROSS JOIN scoped e ON e.entry = h.entry CROSS JOIN sources o ON o.number = e.source
        WHERE NOT EXISTS (
            SELECT 1 FROM controls c CROSS JOIN entries d ON d.entry = c.entry CROSS JOIN shapes s ON s.number = d.shape
            CROSS JOIN sources p ON p.number = s.source
            WHERE c.control = h.control AND p.issuer = o.issuer AND p.system = o.system
        )
        GROUP BY o.issuer, o.system, h.control ORDER BY 1, 2, 3 LIMIT :most
        """,
        most=CONTROLS_SHOWN_MAX,
    )
    names = ("issuer", "system", "control", "heartbeats", "first_seen", "last_seen")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _late(view: View) -> dict[str, Value]:
    """Return how many records came late, and the first of them."""
    count = 0
    shown: list[dict[str, Value]] = []
    for late in late_records(view):
        count += 1
        if len(shown) < LATE_SHOWN_MAX:
            shown.append(late._asdict())
    return {"count": count, "first": shown}


def _streams(view: View) -> dict[str, Value]:
    """Return the streams of the scope with the numbers they have, miss and repeat, the worst first.

    Numbers are those of the whole log up to the last one: a window has no gaps of its own.
    """
    count_numbers(view)
    rows = view.rows(
        """
        SELECT n.issuer, n.name, k.first, k.last, k.records, k.numbers
        FROM temp.sequences k CROSS JOIN streams n ON n.number = k.stream
        WHERE k.stream IN (SELECT s.stream FROM chosen c CROSS JOIN shapes s ON s.number = c.shape)
        ORDER BY k.last + 1 - k.numbers DESC, 1, 2 LIMIT :most
        """,
        most=STREAMS_SHOWN_MAX,
    )
    streams = [
        {
            "issuer": issuer,
            "stream": name,
            "first_seq": first,
            "last_seq": last,
            "records": records,
            "missing": last + 1 - numbers,
            "repeated": records - numbers,
        }
        for issuer, name, first, last, records, numbers in rows
    ]
    return {"count": _stream_count(view), "first": streams}


def _stream_count(view: View) -> int:
    return int(view.value("SELECT count(DISTINCT s.stream) FROM chosen c CROSS JOIN shapes s ON s.number = c.shape"))
