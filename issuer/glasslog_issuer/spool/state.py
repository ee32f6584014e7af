"""What a spool knows: where its stream stands, what is registered, what controls have done, which windows are open.

A state is a value that never changes; `after_record` and `after_note` return the next one. Each segment begins with
the state before it, so that the state after a crash is that of the last segment, and then one step for each of its
items: there is no other memory that could disagree with the records.

A note is what the records do not say: a control operated without a record of its own, a window was closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, Self

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.records import Record
from glasslog.records import Stream as Place

STATUSES_MAX: Final = 64  # what a heartbeat can tell apart
REGISTRATIONS_MAX: Final = 4_096
WINDOWS_MAX: Final = 4_096  # closed and not sealed yet: of an hour each, half a year without the log

_REGISTRATIONS: Final = frozenset(
    {"model-registration", "config-registration", "dataset-registration", "system-registration"}
)
_UNCHANGED: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Registration:
    """What was registered last under a name: the record's id, and the SHA-256 of its body without `previous`."""

    id: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class ControlState:
    """A declared control and what it did since its last heartbeat ended, `since` in POSIX milliseconds."""

    cadence_s: int
    max_gap_s: int
    since: int
    by_status: Mapping[str, int] = field(default_factory=dict)
    exceptions: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A window of time, [start, end) in POSIX milliseconds, and the numbers of the stream that were used in it.

    `tree_size` is the size of the log before any of them.
    """

    start: int
    first_seq: int
    tree_size: int
    end: int = 0
    last_seq: int = -1


@dataclass(frozen=True, slots=True)
class SpoolState:
    """The state between two items of a spool. `place` is where the next record goes.

    `registrations` are by type and name; `window` is the one that is open, `closed` are those that wait for their seal.
    """

    place: Place
    registrations: Mapping[str, Registration] = field(default_factory=dict)
    controls: Mapping[str, ControlState] = field(default_factory=dict)
    window: Window | None = None
    closed: tuple[Window, ...] = ()

    def after_record(self, record: Record, leaf_hash: bytes) -> Self:
        """Return the state after a record that stands at `place`."""
        place = Place(self.place.id, self.place.seq + 1, leaf_hash)
        change = _CHANGES.get(record.type)
        more = _UNCHANGED if change is None else change(self, record)
        return type(self)(
            place,
            more.get("registrations", self.registrations),
            more.get("controls", self.controls),
            self.window,
            more.get("closed", self.closed),
        )

    def after_note(self, note: Mapping[str, Value]) -> Self:
        """Return the state after a note that `observation`, `declaration` or `cut` made."""
        match note:
            case {"control": control, "status": status, "exceptions": exceptions}:
                return replace(self, controls=_counted(self.controls, control, {status: 1}, exceptions))
            case {"declared": declared, "since": since}:
                return replace(self, controls=_declared(self.controls, declared, since))
            case {"cut": end, "tree_size": tree_size}:
                return self._cut(end, tree_size)
        return self

    def _cut(self, end: int, tree_size: int) -> Self:
        """Close the open window, where there is one, and open the next."""
        following = Window(end, self.place.seq, tree_size)
        if self.window is None:
            return replace(self, window=following)
        closed = (*self.closed, replace(self.window, end=end, last_seq=self.place.seq - 1))
        if len(closed) > WINDOWS_MAX:  # the two oldest become one: nothing is left out
            oldest, second, *others = closed
            closed = (replace(oldest, end=second.end, last_seq=second.last_seq), *others)
        return replace(self, window=following, closed=closed)

    def encode(self) -> Value:
        """Return the state as a value that CBOR can hold; `decode_state` reads it."""
        place = [self.place.id, self.place.seq, self.place.prev]
        registrations = {name: [known.id, known.fingerprint] for name, known in self.registrations.items()}
        controls = {
            name: [c.cadence_s, c.max_gap_s, c.since, dict(c.by_status), list(c.exceptions)]
            for name, c in self.controls.items()
        }
        windows = [_window_fields(window) for window in self.closed]
        opened = None if self.window is None else _window_fields(self.window)
        return {
            "place": place,
            "registrations": registrations,
            "controls": controls,
            "window": opened,
            "closed": windows,
        }


def decode_state(value: Value) -> SpoolState:
    """Return the state that `SpoolState.encode` made `value` of. Raises ValueError, TypeError, KeyError for others."""
    window = value["window"]
    return SpoolState(
        Place(*value["place"]),
        {name: Registration(*known) for name, known in value["registrations"].items()},
        {name: _control(*fields) for name, fields in value["controls"].items()},
        None if window is None else Window(*window),
        tuple(Window(*fields) for fields in value["closed"]),
    )


def _control(
    cadence_s: int, max_gap_s: int, since: int, by_status: Mapping[str, int], exceptions: list[bytes]
) -> ControlState:
    return ControlState(cadence_s, max_gap_s, since, by_status, tuple(exceptions))


def observation(control: str, status: str, exception: bytes | None = None) -> dict[str, Value]:
    """Return the note that a control operated once, with the id of the record of an exception."""
    return {"control": control, "status": status, "exceptions": [] if exception is None else [exception]}


def declaration(controls: Mapping[str, tuple[int, int]], since: int) -> dict[str, Value]:
    """Return the note that these controls, by cadence and longest gap in seconds, report from `since` on."""
    return {"declared": {name: list(times) for name, times in controls.items()}, "since": since}


def cut(end: int, tree_size: int) -> dict[str, Value]:
    """Return the note that a window ends and the next begins at `end`, when the log has `tree_size` entries."""
    return {"cut": end, "tree_size": tree_size}


def registration_key(record_type: str, body: Mapping[str, Value]) -> str:
    """Return under what a registration is remembered: its type, its kind where it has one, and its name."""
    return " ".join((record_type, str(body.get("kind", "")), str(body["name"])))


def fingerprint(body: Mapping[str, Value]) -> bytes:
    """Return what tells two registrations apart: SHA-256 of the body without the one that it replaces."""
    return sha256(cbor.encode({name: value for name, value in body.items() if name != "previous"})).digest()


def _registered(state: SpoolState, record: Record) -> dict[str, Any]:
    key = registration_key(record.type, record.body)
    others = {name: known for name, known in state.registrations.items() if name != key}
    while len(others) >= REGISTRATIONS_MAX:
        del others[next(iter(others))]  # the oldest: it is registered again when it is met again
    return {"registrations": {**others, key: Registration(record.id, fingerprint(record.body))}}


def _registered_system(state: SpoolState, record: Record) -> dict[str, Any]:
    declared = {c["id"]: (c["cadence_s"], c["max_gap_s"]) for c in record.body["declared_controls"]}
    return {**_registered(state, record), "controls": _declared(state.controls, declared, record.time)}


def _executed(state: SpoolState, record: Record) -> Mapping[str, Any]:
    """Count the guardrails that ran, alone or within an inference, where they are declared controls."""
    controls = state.controls
    if not controls:
        return _UNCHANGED
    executions = record.body.get("guardrails", ()) if record.type == "inference" else (record.body,)
    for execution in executions:
        guardian, status = execution["guardian"]["id"], execution["decision"]
        if guardian in controls:
            exceptions = [record.id] if status.startswith("error-") else []
            controls = _counted(controls, guardian, {status: 1}, exceptions)
    return _UNCHANGED if controls is state.controls else {"controls": controls}


def _beaten(state: SpoolState, record: Record) -> Mapping[str, Any]:
    """Take from the counts of a control what its heartbeat has told."""
    name, told = record.body["control"], record.body["by_status"]
    control = state.controls.get(name)
    if control is None:
        return _UNCHANGED
    left = {status: count - told.get(status, 0) for status, count in control.by_status.items()}
    exceptions = tuple(one for one in control.exceptions if one not in record.body.get("exceptions", ()))
    following = replace(
        control,
        since=record.body["period"]["to"],
        by_status={status: count for status, count in left.items() if count > 0},
        exceptions=exceptions,
    )
    return {"controls": {**state.controls, name: following}}


def _sealed(state: SpoolState, record: Record) -> dict[str, Any]:
    sealed = (record.body["from"], record.body["to"])
    return {"closed": tuple(window for window in state.closed if (window.start, window.end) != sealed)}


_CHANGES: Final = {
    **dict.fromkeys(_REGISTRATIONS, _registered),
    "system-registration": _registered_system,
    "inference": _executed,
    "guardrail-execution": _executed,
    "control-operation": _beaten,
    "window-seal": _sealed,
}

_EXCEPTIONS_MAX: Final = 64  # ids that one heartbeat names


def _counted(
    controls: Mapping[str, ControlState], name: str, more: Mapping[str, int], exceptions: list[bytes]
) -> Mapping[str, ControlState]:
    control = controls.get(name)
    if control is None:
        return controls
    by_status = dict(control.by_status)
    for status, count in more.items():
        known = status in by_status or len(by_status) < STATUSES_MAX - 1
        kept = status if known else "other"
        by_status[kept] = by_status.get(kept, 0) + count
    kept_exceptions = (*control.exceptions, *exceptions)[:_EXCEPTIONS_MAX]
    return {**controls, name: replace(control, by_status=by_status, exceptions=kept_exceptions)}


def _declared(
    controls: Mapping[str, ControlState], declared: Mapping[str, Any], since: int
) -> Mapping[str, ControlState]:
    """Return the declared controls: with what they have done where they were declared before."""
    known = ((name, times, controls.get(name)) for name, times in declared.items())
    return {
        name: replace(control or ControlState(0, 0, since), cadence_s=cadence_s, max_gap_s=max_gap_s)
        for name, (cadence_s, max_gap_s), control in known
    }


def _window_fields(window: Window) -> list[int]:
    return [window.start, window.first_seq, window.tree_size, window.end, window.last_seq]
