"""Ids of records are unique, so that a link leads to one record. With `since`, new entries are held against all."""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

_TWICE: Final = """
    SELECT e.entry, b.entry, b.leaf = e.leaf, e.time, o.issuer, o.system, hex(e.id)
    FROM (SELECT id, min(entry) AS first FROM entries WHERE {looked_at} GROUP BY id HAVING count(*) > 1) t
    CROSS JOIN entries b ON b.entry = t.first
    CROSS JOIN entries r ON r.id = t.id
    CROSS JOIN scoped e ON e.entry = r.entry
    CROSS JOIN sources o ON o.number = e.source
    WHERE b.entry < e.entry
    ORDER BY e.entry
"""
_OF_ALL: Final = _TWICE.format(looked_at="id IS NOT NULL")
_OF_NEW: Final = _TWICE.format(looked_at="id IN (SELECT id FROM entries WHERE entry >= :since)")


def run(view: View) -> Examination:
    """Look at the id of every record in the scope."""
    return Examination("records", _find(view), view.count())


def _find(view: View) -> Iterator[Finding]:
    twice = view.rows(_OF_NEW if view.is_incremental else _OF_ALL)
    for entry, first, is_same, time, issuer, system, number in twice:
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
