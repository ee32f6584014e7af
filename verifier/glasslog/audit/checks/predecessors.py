"""The chain of a stream: `prev` is the leaf hash of the entry with the number before.

Where that number is missing in the log, the gap is another check's finding and this one judges nothing. With `since`,
new entries alone are looked at.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_BROKEN: Final = """
    SELECT e.entry, e.seq, b.entry, e.time, o.issuer, o.system, o.stream
    FROM scoped e CROSS JOIN entries b ON b.stream = e.stream AND b.seq = e.seq - 1
    CROSS JOIN sources o ON o.number = e.source
    WHERE e.entry IN (
            SELECT f.entry FROM entries f CROSS JOIN entries b ON b.stream = f.stream AND b.seq = f.seq - 1
            WHERE f.entry >= :since AND b.leaf <> f.prev
        )
        AND b.entry = (SELECT min(c.entry) FROM entries c WHERE c.stream = e.stream AND c.seq = e.seq - 1)
        AND NOT EXISTS (
            SELECT 1 FROM entries c WHERE c.stream = e.stream AND c.seq = e.seq - 1 AND c.leaf = e.prev
        )
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every record in the scope that names the one before it."""
    chained, numbered = view.references.chained, view.references.numbered
    examination = Examination("records", _find(view), chained)
    if chained == 0 < numbered:
        examination.lacks("no record names the one before it (prev)")
    elif chained < numbered:
        examination.notes.append(
            f"the record before (prev) is not named by {numbered - chained} of {counted(numbered, 'records')}"
        )
    return examination


def _find(view: View) -> Iterator[Finding]:
    for entry, seq, before, time, issuer, system, stream in view.rows(_BROKEN):
        message = f"number {seq} of the stream {stream} was signed after another number {seq - 1} than the log holds"
        yield Finding(CHECK.id, CHECK.severity, message, (entry, before), issuer, system, stream, 2, time, time)


CHECK: Final = Check(
    "stream-chain",
    "Each record names the one before it",
    "Evidence records, rule 3",
    Severity.CRITICAL,
    "When a record was signed, its issuer had signed the one before it, and it was the one that is in the log.",
    "Anything about records that name none: the field is optional.",
    run,
)
