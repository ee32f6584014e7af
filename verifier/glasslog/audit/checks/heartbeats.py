"""Heartbeats come as often as was declared: no time between two of them is longer than the control's max_gap_s.

A heartbeat counts at its `time`, to the second. With `since`, a gap is told when the heartbeat that ends it is new.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.duties import duties, silences, undeclared
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View


def run(view: View) -> Examination:
    """Look at every declared control in the scope, over the whole window."""
    examination = Examination("heartbeats", _find(view), view.count("control-operation"))
    examination.lacks(undeclared(view))
    return examination


def _find(view: View) -> Iterator[Finding]:
    for duty in duties(view):
        for silence in silences(view, duty):
            if silence.before is None or silence.after is None:
                continue
            yield Finding(
                CHECK.id,
                CHECK.severity,
                f"the control {duty.control} was silent for {silence.seconds} s, {duty.max_gap_s} s are allowed",
                (silence.after, silence.before),
                duty.issuer,
                duty.system,
                duty.control,
                1,
                silence.start,
                silence.end,
            )


CHECK: Final = Check(
    "heartbeat-gaps",
    "Controls were never silent for too long",
    "System registration, declared_controls; SOC 2 CC7.2; EU AI Act Article 17",
    Severity.HIGH,
    "Between the first and the last heartbeat, every declared control reported itself as often as it promised.",
    "That the control did its work well; only that it was alive, and what it counted.",
    run,
)
