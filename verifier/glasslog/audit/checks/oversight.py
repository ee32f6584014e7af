"""A person looked at every decision that says a person is in its loop.

Consequential is an inference in production that was completed with a decision. Each declares its automation: `full`,
`on-loop` and `advisory` are declarations, `in-loop` is a promise, which an oversight record keeps: of the same decision
(sub), or linked to the inference (rel `inference` or `reviews`), not earlier than it. A decision may wait for its
reviewer as long as the scope's bound `review` says, and is pending until then. With `since`, new decisions alone are
looked at: ask again from the oldest that was pending.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.extract import CLOCK_MS
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_SHAPES: Final = """
    scoped_shapes s CROSS JOIN calls c ON c.number = s.call CROSS JOIN sources o ON o.number = s.source
    WHERE c.label IS NOT NULL AND c.status = 'completed' AND o.env = 'production'
"""
_UNSEEN: Final = f"""
    SELECT o.issuer, o.system, e.entry, e.time
    FROM scoped e CROSS JOIN sources o ON o.number = e.source
    WHERE e.shape IN (SELECT s.shape FROM {_SHAPES} AND c.automation = 'in-loop')
        AND NOT EXISTS (
            SELECT 1 FROM oversights v CROSS JOIN entries r ON r.entry = v.entry
            WHERE v.subject = e.subject AND typeof(e.subject) = 'blob' AND r.ended >= e.time - :clock
        )
        AND NOT EXISTS (
            SELECT 1 FROM links l CROSS JOIN oversights v ON v.rowid = (
                SELECT w.rowid FROM oversights w WHERE w.entry = l.entry
            )
            WHERE l.target = e.id AND l.rel IN ('inference', 'reviews')
        )
    ORDER BY e.entry
"""  # noqa: S608  our own text
_DECISIONS: Final = f"""
    SELECT coalesce(sum(s.count), 0), coalesce(sum(s.count * (c.automation = 'in-loop')), 0) FROM {_SHAPES}
"""  # noqa: S608  our own text


def run(view: View) -> Examination:
    """Look at every consequential decision in the scope."""
    decisions, with_a_person = view.row(_DECISIONS) or (0, 0)
    examination = Examination("decisions", count=decisions)
    if with_a_person:
        examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for episode in gather(_overdue(view, examination)):
        issuer, system = episode.key
        days = view.scope.bounds.review // 86_400_000
        message = (
            f"nobody saw {counted(episode.count, 'decisions')} with a person in the loop within {counted(days, 'days')}"
        )
        entries, count = tuple(episode.entries), episode.count
        yield Finding(
            CHECK.id, CHECK.severity, message, entries, issuer, system, None, count, episode.start, episode.end
        )


def _overdue(view: View, examination: Examination) -> Iterator[tuple[tuple[str, str], int, int, int]]:
    for issuer, system, entry, time in view.rows(_UNSEEN, clock=CLOCK_MS):
        if time + view.scope.bounds.review >= view.as_of:
            examination.waits(entry)
        else:
            yield (issuer, system), entry, time, 0


CHECK: Final = Check(
    "oversight",
    "Decisions with a person in the loop were seen by one",
    "Evidence records, automation and oversight; EU AI Act Article 14; GDPR Article 22",
    Severity.HIGH,
    "Each decision that affects somebody either declares that it is automated or was looked at by a reviewer.",
    "That the reviewer really looked: the record says for how long.",
    run,
)
