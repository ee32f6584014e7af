"""Let the declared controls report themselves: how often each operated in a period, also when that was not at all.

A control is declared by a `system-registration` (or `Recorder.declare_controls`), with how often it reports. What it
did is counted where its records are kept: a guardrail whose guardian has the control's id counts by its executions, any
other by `Recorder.control("id").observe(...)`. Both counts and periods stand in the state of the spool, so that a
restart goes on where the last heartbeat ended. Periods follow each other without a gap and never overlap, whatever the
clock on the wall does; when a heartbeat is due is told by one that does not jump.

A heartbeat says `healthy: false` when an operation failed, when the owner's own check says so, and when the period is
longer than the control may be silent: then nobody was there to report, and the record does not pretend otherwise.
"""

from collections.abc import Callable
from typing import Final

from glasslog_issuer.bodies import Body, ControlOperation
from glasslog_issuer.bodies.parts import Period
from glasslog_issuer.clocks import Clocks
from glasslog_issuer.spool import ControlState, Spool, SpoolState
from glasslog_issuer.spool.state import observation

IDLE_S: Final = 1.0
"""How soon a control that is declared now is noticed, in seconds."""

_FAILED: Final = "error"


class Control:
    """A declared control, for those that are no guardrail: it is told of each operation."""

    def __init__(self, name: str, spool: Spool) -> None:
        """Take the id under which it is declared."""
        self.name = name
        self._spool = spool

    def observe(self, status: str, *, exception: bytes | None = None) -> None:
        """Count one operation that ended with a status; `exception` is the id of a record about what went wrong.

        A status that begins with "error" makes the next heartbeat unhealthy. The count is kept with the next record,
        or the next heartbeat: this call waits for nothing. What is not declared is not counted. Raises
        SpoolClosedError.
        """
        self._spool.note(observation(self.name, status, exception))


class Heartbeats:
    """Sends the heartbeats that are due. For one thread at a time."""

    def __init__(self, state: Callable[[], SpoolState], record: Callable[[Body], object], clocks: Clocks) -> None:
        """Take where the counts stand, and what records; `record` should not wait for long."""
        self._state = state
        self._record = record
        self._clocks = clocks
        self._due_s: dict[str, float] = {}
        self.checks: dict[str, Callable[[], bool]] = {}

    def tick(self) -> float:
        """Send what is due; return in how many seconds to come again. Raises what recording raises: nothing is lost."""
        controls = self._state().controls
        now_s = self._clocks.clock_s()
        self._due_s = {name: self._due_of(name, control, now_s) for name, control in controls.items()}
        for name, due_s in self._due_s.items():
            if due_s <= now_s:
                self._record(self._heartbeat(name, self._state().controls.get(name, controls[name])))
                following_s = due_s + _cadence_s(controls[name])  # not from now: lateness must not add up
                self._due_s[name] = following_s if following_s > now_s else now_s + _cadence_s(controls[name])
        next_s = min(self._due_s.values(), default=now_s + IDLE_S) - now_s
        return min(next_s, IDLE_S)

    def _due_of(self, name: str, control: ControlState, now_s: float) -> float:
        """Return when a control is due: one that is new here, a cadence after its last heartbeat ended."""
        latest_s = now_s + _cadence_s(control)
        if name in self._due_s:
            return min(self._due_s[name], latest_s)
        since_s = (self._clocks.now_ms() - control.since) / 1_000
        return min(max(now_s, latest_s - since_s), latest_s)

    def _heartbeat(self, name: str, control: ControlState) -> ControlOperation:
        to = max(control.since, self._clocks.now_ms())
        check = self.checks.get(name)
        in_time = to - control.since <= control.max_gap_s * 1_000
        failed = any(status.startswith(_FAILED) for status in control.by_status)
        return ControlOperation(
            control=name,
            period=Period(from_=control.since, to=to),
            count=sum(control.by_status.values()),
            by_status=dict(control.by_status),
            healthy=in_time and not failed and (check is None or check()),
            exceptions=control.exceptions or None,
        )


def _cadence_s(control: ControlState) -> float:
    return max(control.cadence_s, 1)
