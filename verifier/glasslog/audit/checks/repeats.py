"""One number, one record: no place in a stream is taken twice by different content.

With `since`, new entries alone are looked at, against all earlier ones.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.sequences import WITH_REPEATS, count_numbers
from glasslog.audit.view import View

_REPEATS: Final = """
    SELECT e.entry, e.seq, b.entry, e.time, o.issuer, o.system, o.stream
    FROM (
        SELECT stream, seq, min(entry) AS first FROM entries WHERE {looked_at} GROUP BY stream, seq HAVING count(*) > 1
    ) t
    CROSS JOIN entries b ON b.entry = t.first
    CROSS JOIN entries r ON r.stream = t.stream AND r.seq = t.seq
    CROSS JOIN scoped e ON e.entry = r.entry
    CROSS JOIN sources o ON o.number = e.source
    WHERE b.entry < e.entry AND b.leaf <> e.leaf
    ORDER BY e.entry
"""
_OF_ALL: Final = _REPEATS.format(looked_at=f"stream IN ({WITH_REPEATS})")
_OF_NEW: Final = _REPEATS.format(
    looked_at="(stream, seq) IN (SELECT stream, seq FROM entries WHERE entry >= :since AND +stream > 0)"
)


def run(view: View) -> Examination:
    """Look at every numbered record in the scope."""
    return Examination("records", _find(view), view.count())


def _find(view: View) -> Iterator[Finding]:
    if not view.is_incremental:
        count_numbers(view)
    repeats = view.rows(_OF_NEW if view.is_incremental else _OF_ALL)
    for entry, seq, first, time, issuer, system, stream in repeats:
        message = f"number {seq} of the stream {stream} is given to two different records"
        yield Finding(CHECK.id, CHECK.severity, message, (entry, first), issuer, system, stream, 2, time, time)


CHECK: Final = Check(
    "stream-repeats",
    "No number is used twice",
    "Evidence records, rule 3",
    Severity.CRITICAL,
    "There is one version of each numbered record: nobody holds another one with the same number.",
    "Which of two records with one number is the true one.",
    run,
)
