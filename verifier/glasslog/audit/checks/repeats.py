"""One number, one record: no place in a stream is taken twice by different content.

With `since`, new entries alone are looked at, against all earlier ones.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

_REPEATS: Final = """
    SELECT e.entry, e.seq, b.entry, e.time, o.issuer, o.system, o.stream
    FROM scoped e CROSS JOIN entries b ON b.stream = e.stream AND b.seq = e.seq
    CROSS JOIN sources o ON o.number = e.source
    WHERE b.entry = (SELECT min(c.entry) FROM entries c WHERE c.stream = e.stream AND c.seq = e.seq)
        AND b.entry < e.entry AND b.leaf <> e.leaf
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every numbered record in the scope."""
    return Examination("records", _find(view), view.count())


def _find(view: View) -> Iterator[Finding]:
    for entry, seq, first, time, issuer, system, stream in view.rows(_REPEATS):
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
