"""Ids of records are unique, so that a link leads to one record. With `since`, new entries are held against all."""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

_TWICE: Final = """
    SELECT e.entry, b.entry, b.leaf = e.leaf, e.time, o.issuer, o.system, hex(e.id)
    FROM scoped e CROSS JOIN entries b ON b.id = e.id CROSS JOIN sources o ON o.number = e.source
    WHERE b.entry = (SELECT min(c.entry) FROM entries c WHERE c.id = e.id) AND b.entry < e.entry
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at the id of every record in the scope."""
    return Examination("records", _find(view), view.count())


def _find(view: View) -> Iterator[Finding]:
    for entry, first, is_same, time, issuer, system, number in view.rows(_TWICE):
        message = "the same statement is in the log twice" if is_same else "the id of this record is that of another"
        yield Finding(CHECK.id, CHECK.severity, message, (entry, first), issuer, system, number.lower(), 2, time, time)


CHECK: Final = Check(
    "ids",
    "Ids of records are unique",
    "RFC 9562; Evidence records, common fields",
    Severity.HIGH,
    "An id means one record, and the log holds no statement twice.",
    "Which of two records with one id another record means.",
    run,
)
