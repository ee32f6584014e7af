"""Streams without gaps: every number from 0 up to the last is in the log.

With `since`, numbers of new entries alone are looked at, each for the number before it. A gap that was told and is
filled later is not told again; the record that fills it is late, which another check says.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.sequences import WITH_GAPS, count_numbers
from glasslog.audit.view import View

_GAPS: Final = """
    SELECT e.entry, e.seq, b.entry, b.seq, b.time, e.time, o.issuer, o.system, o.stream
    FROM scoped e CROSS JOIN sources o ON o.number = e.source
    LEFT JOIN entries b ON b.entry = (
        SELECT c.entry FROM entries c WHERE c.stream = e.stream AND c.seq < e.seq ORDER BY c.seq DESC, c.entry LIMIT 1
    )
    WHERE e.entry IN (
        SELECT f.entry FROM entries f WHERE f.seq > 0 AND {looked_at}
            AND NOT EXISTS (SELECT 1 FROM entries c WHERE c.stream = f.stream AND c.seq = f.seq - 1)
            AND NOT EXISTS (SELECT 1 FROM entries c WHERE c.stream = f.stream AND c.seq = f.seq AND c.entry < f.entry)
    )
    ORDER BY e.entry
"""
_OF_ALL: Final = _GAPS.format(looked_at=f"f.stream IN ({WITH_GAPS})")
_OF_NEW: Final = _GAPS.format(looked_at="f.entry >= :since")


def run(view: View) -> Examination:
    """Look at every numbered record in the scope."""
    return Examination("records", _find(view), view.count())


def _find(view: View) -> Iterator[Finding]:
    if not view.is_incremental:
        count_numbers(view)
    gaps = view.rows(_OF_NEW if view.is_incremental else _OF_ALL)
    for entry, seq, before, last, start, end, issuer, system, stream in gaps:
        first = 0 if last is None else last + 1
        missing = f"number {first} is" if first == seq - 1 else f"numbers {first} to {seq - 1} are"
        yield Finding(
            CHECK.id,
            CHECK.severity,
            f"{missing} missing in the stream {stream}",
            (entry,) if before is None else (entry, before),
            issuer,
            system,
            stream,
            seq - first,
            start,
            end,
        )


CHECK: Final = Check(
    "stream-gaps",
    "Streams have no gaps",
    "Evidence records, rule 3; EU AI Act Article 12",
    Severity.HIGH,
    "No record was left out between two that are in the log: numbers run from 0 without a gap in every stream.",
    "That nothing was left out after the last number, or never numbered: that is what seals, heartbeats and counters of"
    " others are for.",
    run,
)
