"""Counts held against other counters: nothing was seen elsewhere that the log does not hold.

A reconciliation says itself what its counter saw and the log did not. What it calls matched, and what it found in the
log alone, must be in the log: no more inferences of that system than there are in the hours that its window touches.
With `since`, new reconciliations alone are looked at.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.tables import HOUR_MS
from glasslog.audit.view import View
from glasslog.counting import counted

_RECONCILED: Final = """
    SELECT e.entry, o.issuer, o.system, t.source, t.counter, t.start, t.stop, t.matched, t.observed_unrecorded,
        t.recorded_unobserved, t.indeterminate, (
            SELECT coalesce(sum(y.count), 0) FROM tallies y CROSS JOIN shapes h ON h.number = y.shape
            CROSS JOIN sources d ON d.number = h.source
            WHERE y.hour >= t.start / :hour AND y.hour <= t.stop / :hour AND h.call > 0 AND d.system = o.system
        )
    FROM reconciliations t CROSS JOIN scoped e ON e.entry = t.entry CROSS JOIN sources o ON o.number = e.source
    ORDER BY e.entry
"""


def run(view: View) -> Examination:
    """Look at every reconciliation in the scope."""
    examination = Examination("reconciliations", _find(view), view.count("coverage-reconciliation"))
    if not examination.count and view.count("inference"):
        examination.lacks("the log was held against no counter of others")
    return examination


def _find(view: View) -> Iterator[Finding]:
    for row in view.rows(_RECONCILED, hour=HOUR_MS):
        entry, issuer, system, source, counter, start, stop, matched, unrecorded, unobserved, unclear, there = row
        about = (issuer, system, source, 1, start, stop)
        if unrecorded:
            message = f"the log lacks {unrecorded:,} {counter} of {source}"
            yield Finding(CHECK.id, CHECK.severity, message, (entry,), *about)
        if unobserved or unclear:
            message = (
                f"{source} does not know {counted(unobserved, 'records')}, {unclear} could not be told ({counter})"
            )
            yield Finding(CHECK.id, Severity.LOW, message, (entry,), *about)
        if matched + unobserved > there:
            message = f"the log is said to have {counted(matched + unobserved, 'records')} for {source}, it has {there}"
            yield Finding(CHECK.id, CHECK.severity, message, (entry,), *about)


CHECK: Final = Check(
    "reconciliations",
    "Counters of others agree with the log",
    "Evidence records, coverage-reconciliation; SOC 2 PI1",
    Severity.HIGH,
    "Where somebody else counted too, they counted nothing that the log does not hold.",
    "That the counter counted everything, or that it was read honestly.",
    run,
)
