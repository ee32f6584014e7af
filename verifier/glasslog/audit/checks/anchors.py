"""Anchors are earlier tree heads of this log: a record that names one was signed after it was published.

With `since`, anchors of new entries alone are looked at. Costs one root a distinct anchor.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize

_FALSE: Final = """
    SELECT e.entry, a.size, a.is_real, e.time, o.issuer, o.system
    FROM scoped e CROSS JOIN temp.anchors_judged a ON a.anchor = e.anchor CROSS JOIN sources o ON o.number = e.source
    WHERE NOT a.is_real OR a.size > e.entry
    ORDER BY e.entry
"""
_NAMED: Final = """
    SELECT number, size, root FROM anchors
    WHERE :since = 0 OR number IN (SELECT anchor FROM entries WHERE entry >= :since) ORDER BY size
"""


def run(view: View) -> Examination:
    """Look at every record in the scope that has an anchor."""
    count, records = view.references.anchored, view.count()
    examination = Examination("records", count=count)
    if count:
        examination.findings = _find(view)
    if count == 0 < records:
        examination.lacks("no record has an anchor: nothing shows that records were not signed before they happened")
    elif count < records:
        examination.notes.append(f"no anchor in {records - count} of {counted(records, 'records')}")
    return examination


def _find(view: View) -> Iterator[Finding]:
    view.database.execute("DROP TABLE IF EXISTS temp.anchors_judged")
    view.database.execute("CREATE TEMP TABLE anchors_judged (anchor INTEGER PRIMARY KEY, size, is_real)")
    view.database.executemany("INSERT INTO temp.anchors_judged VALUES (?, ?, ?)", _judged(view))
    for entry, size, is_real, time, issuer, system in view.rows(_FALSE):
        what = "was larger than the log just before this entry" if is_real else "this log never had"
        message = f"the anchor names a tree of {counted(size, 'entries')} which {what}"
        yield Finding(CHECK.id, CHECK.severity, message, (entry,), issuer, system, None, 1, time, time)


def _judged(view: View) -> Iterator[tuple[int, int, bool]]:
    """Yield anchors with their sizes, and whether this log had such a tree."""
    for number, size, root in view.rows(_NAMED):
        yield number, size, size <= view.tree.size and root == _root_at(view, TreeSize(size))


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
