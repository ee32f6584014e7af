"""Every question that was asked has an answer: attempts are followed by an inference.

An inference answers the attempts that it links to (rel `attempt`); one that links to none answers those of its decision
(sub). Any status is an answer: an error is one too. An attempt is pending for as long as the system's bound of lateness
allows the inference to be on its way. `since` does not narrow this check: an attempt may be overdue long after it was
logged. Costs a look-up for each entry among the attempts that links do not answer, where there are attempts at all.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_ANSWER_BY_LINK: Final = (
    "DROP TABLE IF EXISTS temp.answered",
    "CREATE TEMP TABLE answered (attempt INTEGER PRIMARY KEY)",
    """INSERT OR IGNORE INTO temp.answered
        SELECT a.entry FROM links l CROSS JOIN entries e ON e.entry = l.entry CROSS JOIN shapes s ON s.number = e.shape
        CROSS JOIN attempts a ON a.id = l.target WHERE l.rel = 'attempt' AND s.call > 0""",
)
_ANSWER_BY_DECISION: Final = (
    "DROP TABLE IF EXISTS temp.linking",
    "CREATE TEMP TABLE linking (entry INTEGER PRIMARY KEY)",
    "INSERT OR IGNORE INTO temp.linking SELECT entry FROM links WHERE rel = 'attempt'",
    "DROP TABLE IF EXISTS temp.open",
    "CREATE TEMP TABLE open (subject, attempt, PRIMARY KEY (subject, attempt)) WITHOUT ROWID",
    """INSERT INTO temp.open
        SELECT subject, entry FROM attempts
        WHERE typeof(subject) = 'blob' AND entry NOT IN (SELECT attempt FROM temp.answered)""",
    """INSERT OR IGNORE INTO temp.answered
        SELECT a.attempt FROM entries e CROSS JOIN temp.open a ON a.subject = e.subject
        CROSS JOIN shapes s ON s.number = e.shape
        WHERE s.call > 0 AND e.entry NOT IN (SELECT entry FROM temp.linking)""",
)
_UNANSWERED: Final = """
    SELECT o.issuer, o.system, e.entry, e.time
    FROM attempts a CROSS JOIN entries e ON e.entry = a.entry CROSS JOIN chosen c ON c.shape = e.shape
    CROSS JOIN sources o ON o.number = c.source
    WHERE a.entry NOT IN (SELECT attempt FROM temp.answered) AND e.time >= :start AND e.time < :stop
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every attempt in the window, of the issuers and systems in the scope."""
    count = view.value(
        """
        SELECT count(*) FROM attempts a CROSS JOIN entries e ON e.entry = a.entry
        CROSS JOIN chosen c ON c.shape = e.shape WHERE e.time >= :start AND e.time < :stop
        """
    )
    examination = Examination("attempts", count=count)
    if count:
        examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for statement in (*_ANSWER_BY_LINK, *_ANSWER_BY_DECISION):
        view.database.execute(statement)
    for episode in gather(_overdue(view, examination)):
        issuer, system = episode.key
        message = f"no inference belongs to {counted(episode.count, 'attempts')}"
        entries, count = tuple(episode.entries), episode.count
        yield Finding(
            CHECK.id, CHECK.severity, message, entries, issuer, system, None, count, episode.start, episode.end
        )


def _overdue(view: View, examination: Examination) -> Iterator[tuple[tuple[str, str], int, int, int]]:
    for issuer, system, entry, time in view.rows(_UNANSWERED):
        declared = view.systems.declared(issuer, system, entry)
        lateness_ms = view.lateness_ms if declared is None else declared.lateness_ms
        if time + lateness_ms >= view.as_of:
            examination.pending += 1
        else:
            yield (issuer, system), entry, time, 0


CHECK: Final = Check(
    "attempts",
    "Every attempt has its inference",
    "Evidence records, inference-attempt; EU AI Act Article 12",
    Severity.HIGH,
    "No answer of a model was dropped after the question had been announced.",
    "Anything about questions that were not announced.",
    run,
)
