"""Window seals agree with the log: as many records in each stream as the issuer sealed, and no numbers between seals.

The stream of a seal holds exactly as many different numbers from its first to its last as it says. The next seal of the
same issuer that begins where this one ends goes on with the next number. The tree sizes of a seal are not larger than
the log was when the seal was logged. A stream whose records may still be on their way (the system's bound of lateness
after the seal) is pending. With `since`, new seals alone are looked at.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_SEALED: Final = """
    SELECT e.entry, e.time, o.issuer, o.system, t.start, t.stop, t.tree_size_end, w.stream, w.first_seq, w.last_seq,
        w.count, (
            SELECT count(DISTINCT r.seq) FROM streams n CROSS JOIN entries r ON r.stream = +n.number
            WHERE n.issuer = o.issuer AND n.name = w.stream AND r.seq >= w.first_seq AND r.seq <= w.last_seq
        )
    FROM seals t CROSS JOIN scoped e ON e.entry = t.entry CROSS JOIN sources o ON o.number = e.source
    LEFT JOIN sealed_streams w ON w.entry = t.entry
    ORDER BY e.entry
"""
_NEXT: Final = """
    SELECT p.entry, p.last_seq
    FROM seals q CROSS JOIN entries f ON f.entry = q.entry CROSS JOIN shapes h ON h.number = f.shape
    CROSS JOIN sources d ON d.number = h.source CROSS JOIN sealed_streams p ON p.entry = q.entry
    WHERE q.stop = :begin AND d.issuer = :issuer AND p.stream = :stream AND q.entry < :entry
    ORDER BY q.entry DESC LIMIT 1
"""


def run(view: View) -> Examination:
    """Look at every window seal in the scope."""
    examination = Examination("sealed streams")
    examination.findings = _find(view, examination)
    if not view.count("window-seal") and view.count():
        examination.lacks("no window was sealed")
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for entry, time, issuer, system, start, stop, size, stream, first, last, count, there in view.rows(_SEALED):
        about = (issuer, system, stream, 1, start, stop)
        if size > entry:
            message = f"the seal speaks of {counted(size, 'entries')}, when the log had {entry}"
            yield Finding(CHECK.id, CHECK.severity, message, (entry,), *about)
        if stream is None:
            continue
        declared = view.systems.declared(issuer, system, entry)
        lateness_ms = view.lateness_ms if declared is None else declared.lateness_ms
        if there < count and time + lateness_ms >= view.as_of:
            examination.waits(entry)
            continue
        examination.count += 1
        if there != count:
            sealed = f"{counted(count, 'records')} of the stream {stream} ({first} to {last})"
            message = f"the seal says {sealed}, the log has {there}"
            yield Finding(CHECK.id, CHECK.severity, message, (entry,), *about)
        before = view.row(_NEXT, begin=start, issuer=issuer, stream=stream, entry=entry)
        if before is not None and before[1] + 1 != first:
            message = (
                f"the seal before ends with number {before[1]} of the stream {stream}, this one begins with {first}"
            )
            yield Finding(CHECK.id, CHECK.severity, message, (entry, before[0]), *about)


CHECK: Final = Check(
    "seals",
    "Sealed windows hold what was sealed",
    "Evidence records, window-seal; EU AI Act Article 12",
    Severity.HIGH,
    "The log has exactly as many records as their issuer counted when a window was closed, so none was taken away or"
    " added later.",
    "That the issuer counted everything: see the reconciliations with counters of others.",
    run,
)
