"""Controls operate over the whole window: from their declaration on, until it is withdrawn or until now.

A control is withdrawn by registering the system again without it. Until now means the newest tree head; a heartbeat
may be on its way for as long as the system's bound of lateness. `since` changes nothing: a control that has stopped is
told each time, until it is back.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.duties import Duty, Silence, duties, silences, undeclared
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View


def run(view: View) -> Examination:
    """Look at both ends of every declared control in the scope."""
    examination = Examination("controls")
    examination.lacks(undeclared(view))
    examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    for duty in duties(view):
        examination.count += 1
        for silence in silences(view, duty):
            if silence.before is not None and silence.after is not None:
                continue
            if not silence.is_due:
                examination.pending += 1
                continue
            entries = [duty.entry, *(entry for entry in (silence.before, silence.after) if entry is not None)]
            yield Finding(
                CHECK.id,
                CHECK.severity,
                f"the control {duty.control} {_what(duty, silence)}",
                tuple(entries),
                duty.issuer,
                duty.system,
                duty.control,
                1,
                silence.start,
                silence.end,
            )


def _what(duty: Duty, silence: Silence) -> str:
    if silence.before is None and silence.after is None:
        return f"has sent no heartbeat in {silence.seconds} s since it was declared"
    if silence.before is None:
        return f"started late: {silence.seconds} s after it was declared, {duty.max_gap_s} s are allowed"
    until = "the newest tree head" if duty.end is None else "it was withdrawn"
    return f"stopped early: no heartbeat for {silence.seconds} s until {until}"


CHECK: Final = Check(
    "control-lifetimes",
    "Controls operated from beginning to end",
    "System registration, declared_controls; SOC 2 CC7.2",
    Severity.HIGH,
    "Every declared control began with its declaration, and has not stopped since or not before it was withdrawn.",
    "That a system declares the controls that it should have.",
    run,
)
