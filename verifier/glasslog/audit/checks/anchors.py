"""Anchors are earlier tree heads of this log: a record that names one was signed after it was published.

With `since`, anchors of new entries alone are looked at. Costs one root a distinct anchor.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize

_FALSE: Final = """
    SELECT e.entry, a.size, f.anchor IS NULL, e.time, o.issuer, o.system
    FROM scoped e CROSS JOIN anchors a ON a.number = e.anchor LEFT JOIN temp.false_anchors f ON f.anchor = a.number
    JOIN sources o ON o.number = e.source
    WHERE f.anchor IS NOT NULL OR a.size > e.entry
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every record in the scope that has an anchor."""
    count, records = view.row("SELECT coalesce(sum(anchor > 0), 0), count(*) FROM scoped") or (0, 0)
    examination = Examination("records", _find(view), count)
    if count == 0 < records:
        examination.lacks("no record has an anchor: nothing shows that records were not signed before they happened")
    elif count < records:
        examination.notes.append(f"{records - count} of {records} records have no anchor")
    return examination


def _find(view: View) -> Iterator[Finding]:
    view.database.execute("DROP TABLE IF EXISTS temp.false_anchors")
    view.database.execute("CREATE TEMP TABLE false_anchors (anchor INTEGER PRIMARY KEY)")
    view.database.executemany("INSERT INTO temp.false_anchors VALUES (?)", _false_anchors(view))
    for entry, size, is_real, time, issuer, system in view.rows(_FALSE):
        what = "was larger than the log just before this entry" if is_real else "this log never had"
        message = f"the anchor names a tree of {size} entries which {what}"
        yield Finding(CHECK.id, CHECK.severity, message, (entry,), issuer, system, None, 1, time, time)


def _false_anchors(view: View) -> Iterator[tuple[int]]:
    rows = view.rows(
        "SELECT number, size, root FROM anchors WHERE number IN (SELECT DISTINCT anchor FROM scoped) ORDER BY size"
    )
    for number, size, root in rows:
        if size > view.tree.size or root != _root_at(view, TreeSize(size)):
            yield (number,)


def _root_at(view: View, size: TreeSize) -> Hash:
    return view.tree.root_at(size) if size else EMPTY_ROOT


CHECK: Final = Check(
    "anchors",
    "Anchors are earlier heads of this log",
    "Evidence records, anchor; C2SP tlog-checkpoint",
    Severity.CRITICAL,
    "A record with an anchor was signed after that tree head, and its issuer was shown the same log as this audit.",
    "When the event itself happened, before the record was signed.",
    run,
)
