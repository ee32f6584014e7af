"""Incidents are reported by their deadlines, and serious ones at all.

A report is late when it was made after the deadline it names. A serious incident must have a report within the scope's
bound `report` from when its issuer was aware of it. Records are of one incident when one supersedes the other, when
they are about one decision (sub), or when issuer, system, category and the time of becoming aware are the same. `since`
does not narrow this check: a report may be overdue long after the incident was logged.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View
from glasslog.counting import counted

_LATE: Final = """
    SELECT min(r.entry), count(DISTINCT r.entry), o.issuer, o.system, r.recipient, r.at, r.deadline
    FROM incident_reports r CROSS JOIN entries e ON e.entry = r.entry CROSS JOIN chosen c ON c.shape = e.shape
    CROSS JOIN sources o ON o.number = c.source
    WHERE r.deadline IS NOT NULL AND r.at > r.deadline AND e.time >= :start AND e.time < :stop
    GROUP BY o.issuer, o.system, r.recipient, r.at, r.deadline ORDER BY 1
"""
_SERIOUS: Final = """
    SELECT min(i.entry), o.issuer, o.system, i.category, i.aware_at, max(i.serious), min(r.at)
    FROM incidents i CROSS JOIN entries e ON e.entry = i.entry CROSS JOIN chosen c ON c.shape = e.shape
    CROSS JOIN sources o ON o.number = c.source LEFT JOIN incident_reports r ON r.entry = i.entry
    WHERE e.time >= :start AND e.time < :stop
    GROUP BY o.issuer, o.system, i.category, i.aware_at ORDER BY 1
"""
_REPORTED_ELSEWHERE: Final = """
    WITH RECURSIVE same (entry) AS (
        SELECT :entry
        UNION SELECT l.entry FROM same JOIN incidents i ON i.entry = same.entry
            JOIN links l ON l.target = i.id AND l.rel = 'supersedes' JOIN incidents n ON n.entry = l.entry
        UNION SELECT n.entry FROM same JOIN incidents i ON i.entry = same.entry
            JOIN incidents n ON n.subject = i.subject AND typeof(n.subject) = 'blob'
    )
    SELECT min(r.at) FROM same JOIN incident_reports r ON r.entry = same.entry
"""


def run(view: View) -> Examination:
    """Look at every incident in the window, of the issuers and systems in the scope."""
    examination = Examination("incidents")
    examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for entry, count, issuer, system, recipient, at, deadline in view.rows(_LATE):
        message = f"the report to {recipient} was made {(at - deadline) / 3_600_000:.1f} h after its deadline"
        yield Finding(CHECK.id, CHECK.severity, message, (entry,), issuer, system, recipient, count, deadline, at)
    for entry, issuer, system, category, aware_at, is_serious, reported_at in view.rows(_SERIOUS):
        if not is_serious:
            examination.count += 1
            continue
        reported = view.value(_REPORTED_ELSEWHERE, entry=entry) if reported_at is None else reported_at
        deadline = aware_at + view.scope.bounds.report
        if reported is None and view.as_of <= deadline:
            examination.pending += 1
            continue
        examination.count += 1
        if reported is None or reported > deadline:
            what = "was reported to nobody" if reported is None else "was reported late"
            days = view.scope.bounds.report // 86_400_000
            message = f"a serious incident ({category}) {what}: the bound is {counted(days, 'days')}"
            yield Finding(CHECK.id, CHECK.severity, message, (entry,), issuer, system, category, 1, aware_at, reported)


CHECK: Final = Check(
    "incidents",
    "Incidents were reported in time",
    "Evidence records, incident; EU AI Act Article 73; GDPR Article 33",
    Severity.HIGH,
    "Every report was made by the deadline it names, and every serious incident was reported.",
    "That every incident was recorded, and judged rightly as serious or not.",
    run,
)
