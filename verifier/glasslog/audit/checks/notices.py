"""Notices, appeals and requests for reasons were answered by their due date.

Something that was `sent` is late when it went out after its `due`. Something that was `opened` with a `due` is done
when a later record of the same type, kind and subject (sub) was sent, and late or overdue otherwise. `since` does not
narrow this check: what is overdue is told each time, until it is done. An adverse notice, or a matter that a person
opened, without a due date cannot be judged: that is not recorded. Other notices need none.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View

_DUE: Final = """
    SELECT e.entry, o.issuer, o.system, t.type, t.kind, t.due, t.sent, t.opened, (
        SELECT min(a.sent) FROM correspondence a
        WHERE a.subject = t.subject AND a.type = t.type AND a.kind IS t.kind AND a.entry > t.entry
    )
    FROM correspondence t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN chosen c ON c.shape = e.shape
    CROSS JOIN sources o ON o.number = c.source
    WHERE t.due IS NOT NULL AND e.time >= :start AND e.time < :stop
    ORDER BY e.entry
"""

_UNDATED: Final = """
    SELECT count(*) FROM correspondence t CROSS JOIN scoped e ON e.entry = t.entry
    WHERE t.due IS NULL AND (t.kind = 'adverse' OR (t.type <> 'notice' AND t.opened IS NOT NULL))
"""


def run(view: View) -> Examination:
    """Look at every notice, contest and explanation in the window that has a due date."""
    examination = Examination("due dates")
    examination.findings = _find(view, examination)
    undated = view.value(_UNDATED)
    if undated:
        examination.lacks(f"{undated} adverse notices, appeals or requests do not say when they are due")
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for entry, issuer, system, kind_of_record, kind, due, sent, opened, answered in view.rows(_DUE):
        done = sent if opened is None else answered
        if done is None and due >= view.as_of:
            examination.pending += 1
            continue
        examination.count += 1
        if done is not None and done <= due:
            continue
        what = kind_of_record if kind is None else f"{kind_of_record} ({kind})"
        late_ms = (view.as_of if done is None else done) - due
        hours = f"{late_ms / 3_600_000:.1f} h"
        message = f"{what} is overdue by {hours}" if done is None else f"{what} was sent {hours} after it was due"
        severity = Severity.HIGH if done is None or kind == "adverse" else Severity.MEDIUM
        yield Finding(CHECK.id, severity, message, (entry,), issuer, system, None, 1, due, done)


CHECK: Final = Check(
    "notices",
    "People were told and answered in time",
    "Evidence records, notice, contest, explanation; 12 CFR 1002.9; GDPR Article 12(3); EU AI Act Article 86",
    Severity.HIGH,
    "Whatever had a due date was sent by then.",
    "That everybody was told who had to be: a decision does not say by itself whether it was an adverse one.",
    run,
)
