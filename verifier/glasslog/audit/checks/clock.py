"""Records are not from the future: no event is later than the first tree head, or cosignature, that covers its record.

The other direction, a record older than its anchor allows, is what `lateness` says: no covering head is older than
the anchor. Times may differ by the scope's `clock_skew`; the log tells its time in whole seconds. The log's heads are
looked at too: time does not run backwards from one to the next, and no witness cosigned a tree before the log's own
time of it. With `since`, new entries alone are looked at.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.covering import COVERED, IN_SCOPE, UNCOVERED
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

WHOLE_SECOND_MS: Final = 999
_EARLY: Final = f"""
    SELECT o.issuer, o.system, o.stream, h.witness, e.entry, e.time, e.time - h.time
    FROM {COVERED} CROSS JOIN sources o ON o.number = c.source
    WHERE {IN_SCOPE} AND e.time > h.time + :skew
    ORDER BY e.entry
"""  # noqa: S608  our own text
_BACKWARDS: Final = """
    SELECT size, time, before FROM (
        SELECT size, time, lag(time) OVER (ORDER BY size, time) AS before FROM heads WHERE witness = ''
    ) WHERE time + :skew < before AND size > :since
"""
_BEFORE_THE_LOG: Final = """
    SELECT w.size, w.time, w.witness, h.time
    FROM heads w CROSS JOIN heads h ON h.size = w.size AND h.witness = ''
    WHERE w.witness <> '' AND w.time + :skew < h.time AND w.size > :since
"""


def run(view: View) -> Examination:
    """Look at every record in the scope that a tree head with its time covers."""
    covered = view.value("SELECT coalesce(max(size), 0) FROM heads")
    uncovered = view.value(UNCOVERED, covered=covered)
    examination = Examination("records", _find(view), view.count() - uncovered)
    if uncovered:
        examination.lacks(f"no tree head whose time is known covers {counted(uncovered, 'records')}")
    if not view.value("SELECT EXISTS (SELECT 1 FROM heads WHERE witness <> '')"):
        examination.notes.append("no cosignature of a witness: the log's clock is the log's word")
    return examination


def _find(view: View) -> Iterator[Finding]:
    skew = view.scope.bounds.clock_skew + WHOLE_SECOND_MS
    rows = view.rows(_EARLY, skew=skew)
    for episode in gather((tuple(key), entry, time, early) for *key, entry, time, early in rows):
        issuer, system, stream, witness = episode.key
        records = counted(episode.count, "records")
        by = f"the witness {witness}" if witness else "the log"
        message = f"{records} of the stream {stream} came up to {episode.worst // 1_000} s before the event, says {by}"
        yield Finding(
            CHECK.id,
            CHECK.severity,
            message,
            tuple(episode.entries),
            issuer,
            system,
            stream,
            episode.count,
            episode.start,
            episode.end,
        )
    for size, time, before in view.rows(_BACKWARDS, skew=skew):
        message = f"the log's time went back by {(before - time) // 1_000} s at tree size {size}"
        yield Finding(CHECK.id, CHECK.severity, message, (size - 1,), start=time, end=before)
    for size, time, witness, logged in view.rows(_BEFORE_THE_LOG, skew=skew):
        tree = f"the tree of {counted(size, 'entries')}"
        message = f"{witness} cosigned {tree} {(logged - time) // 1_000} s before the log's own time"
        yield Finding(CHECK.id, CHECK.severity, message, (size - 1,), subject=witness, start=time, end=logged)


CHECK: Final = Check(
    "clock",
    "No record is from the future",
    "COSE receipts (RFC 9942), iat; C2SP tlog-cosignature",
    Severity.MEDIUM,
    "Events were over when their records were logged, and the log's clock runs forwards and agrees with its witnesses.",
    "That the issuer's clock is right: only that it is not ahead of the log's.",
    run,
)
