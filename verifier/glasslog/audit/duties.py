"""The duties of declared controls: which control has to send heartbeats, from when to when, with what gap at most.

A duty begins with the system registration that declares the control and ends with the next one, by the same issuer for
the same system, that no longer does; it goes on as the same duty while declarations repeat it. `silences` gives the
times without a heartbeat that are longer than was promised, from the beginning of a duty to its end. Everything is
read from cursors.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Final

from glasslog.audit.extract import CLOCK_MS
from glasslog.audit.view import View

_DECLARED: Final = """
    SELECT o.issuer, o.system, t.entry, e.time, t.max_lateness_s, c.control, c.cadence_s, c.max_gap_s
    FROM systems t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN chosen s ON s.shape = e.shape
    CROSS JOIN sources o ON o.number = s.source
    LEFT JOIN controls c ON c.entry = t.entry
    ORDER BY o.issuer, o.system, t.entry
"""
_BEATS: Final = """
    SELECT h.entry, e.time
    FROM heartbeats h CROSS JOIN entries e ON e.entry = h.entry CROSS JOIN shapes s ON s.number = e.shape
    CROSS JOIN sources o ON o.number = s.source
    WHERE h.control = :control AND o.issuer = :issuer AND o.system = :system AND e.time >= :first
    ORDER BY e.time, h.entry
"""


@dataclass(frozen=True, slots=True)
class Duty:
    """A declared control: by whom, for what, how often at least, and in which time, [start, end), POSIX milliseconds.

    `end` is None while the declaration is in force. `entry` is the registration that began it, `lateness_ms` how late
    a heartbeat may be logged.
    """

    issuer: str
    system: str
    control: str
    cadence_s: int
    max_gap_s: int
    entry: int
    start: int
    lateness_ms: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A time without a heartbeat: which heartbeats (entries) it lies between, None at an end of the duty.

    One that lasts until now is due when a heartbeat could not be on its way to the log any more.
    """

    start: int
    end: int
    before: int | None
    after: int | None
    is_due: bool = True

    @property
    def seconds(self) -> int:
        """Return how long it was."""
        return (self.end - self.start) // 1_000


def duties(view: View) -> Iterator[Duty]:
    """Yield the duties of the issuers and systems in the scope that reach into its window."""
    for duty in _all_duties(view):
        if duty.start < view.scope.end and (duty.end is None or duty.end > view.scope.start):
            yield duty


def _all_duties(view: View) -> Iterator[Duty]:
    for (issuer, system), registrations in groupby(view.rows(_DECLARED), itemgetter(0, 1)):
        in_force: dict[str, Duty] = {}
        for (entry, time, lateness_s), controls in groupby(registrations, itemgetter(2, 3, 4)):
            declared = {
                control: Duty(issuer, system, control, cadence_s, max_gap_s, entry, time, lateness_s * 1_000)
                for *_, control, cadence_s, max_gap_s in controls
                if control is not None
            }
            for control, duty in in_force.items():
                again = declared.get(control)
                if again is not None and (again.cadence_s, again.max_gap_s) == (duty.cadence_s, duty.max_gap_s):
                    declared[control] = duty
                else:
                    yield replace(duty, end=max(time, duty.start))
            in_force = declared
        yield from in_force.values()


def beats(view: View, duty: Duty) -> Iterator[tuple[int, int]]:
    """Yield the heartbeats of a duty as (entry, time), in order of time."""
    rows = view.rows(_BEATS, control=duty.control, issuer=duty.issuer, system=duty.system, first=duty.start)
    for entry, time in rows:
        if duty.end is not None and time >= duty.end:
            return
        yield entry, time


def silences(view: View, duty: Duty) -> Iterator[Silence]:
    """Yield the silences of a duty that are longer than promised and reach into the window of the scope.

    With `since`, those between two heartbeats are left out unless the later one is new.
    """
    for silence in _all_silences(view, duty):
        is_new = silence.after is None or silence.after >= view.scope.since
        if is_new and silence.start < view.scope.end and silence.end > view.scope.start:
            yield silence


def _all_silences(view: View, duty: Duty) -> Iterator[Silence]:
    allowed = duty.max_gap_s * 1_000 + CLOCK_MS
    last, before = duty.start, None
    for entry, time in beats(view, duty):
        if time - last > allowed:
            yield Silence(last, time, before, entry)
        last, before = time, entry
    end = view.as_of if duty.end is None else duty.end
    if end - last > allowed:
        yield Silence(last, end, before, None, duty.end is not None or end - last > allowed + duty.lateness_ms)


def undeclared(view: View) -> Iterator[str]:
    """Say which systems in the scope declare no controls."""
    rows = view.rows(
        """
        SELECT DISTINCT o.system FROM scoped_shapes s CROSS JOIN sources o ON o.number = s.source
        WHERE o.type NOT IN ('log-policy', 'issuer-registration') AND NOT EXISTS (
            SELECT 1 FROM controls c CROSS JOIN entries e ON e.entry = c.entry CROSS JOIN shapes h ON h.number = e.shape
            CROSS JOIN sources d ON d.number = h.source WHERE d.system = o.system
        )
        ORDER BY o.system
        """
    )
    for (system,) in rows:
        yield f"{system} declares no controls: nothing says which heartbeats there should be"
