"""Open the folder of a spool: find out from its files alone where the stream stands.

The last segment tells: its header has the state before it, and each of its records is one step further. Everything that
is read is held against the chain (numbers, `prev`), so that a spool that lost a part is refused here and not found out
by an auditor.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog import cbor
from glasslog.errors import GlasslogError
from glasslog.records import Stream as Place
from glasslog.records import decode_record
from glasslog.statement import decode_statement
from glasslog_issuer.errors import SpoolDamagedError, SpoolError
from glasslog_issuer.spool import segments
from glasslog_issuer.spool.frames import MARKER_BYTES, STATEMENT, Header, Item
from glasslog_issuer.spool.progress import SENT_NAME, Progress, read_sent
from glasslog_issuer.spool.segments import SegmentFile, SegmentName
from glasslog_issuer.spool.state import SpoolState, decode_state

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """What a folder holds: the segment to go on in, the state, and what was not sent yet; or that it `is_new`."""

    issuer: str
    file: SegmentFile
    state: SpoolState
    progress: Progress
    unsent_bytes: int
    is_new: bool = False


def open_folder(folder: Path, *, issuer: str | None, stream: str | None) -> Opened:
    """Open a spool, or begin one for `issuer`; a stream without a name gets one that no other has.

    Raises OSError, SpoolDamagedError, and SpoolError for the spool of another issuer or stream.
    """
    names = segments.segments(folder)
    if not names:
        return _begin(folder, issuer, stream)
    file, last = segments.recover(names[-1])
    try:
        _check_whose(folder, last.header, issuer, stream)
        state = _state_after(last.header, last.items, str(names[-1].path))
        done_seq = _done_seq(folder, names, state)
        unsent_bytes = _unsent_bytes(names, last.items, done_seq)
        progress = Progress(folder, names, done_seq)
    except BaseException:
        file.close()
        raise
    return Opened(last.header.issuer, file, state, progress, unsent_bytes)


@dataclass(frozen=True, slots=True)
class Overview:
    """What a folder holds, told without opening it for writing. `done_seq` says how far was sent."""

    issuer: str
    state: SpoolState
    done_seq: int
    unsent_bytes: int
    torn_bytes: int

    @property
    def unsent_records(self) -> int:
        """Return how many records wait."""
        return self.state.place.seq - self.done_seq


def inspect_folder(folder: Path) -> Overview:
    """Return what a spool holds, also while a process has it open. Changes nothing.

    Raises OSError, SpoolDamagedError, and SpoolError for a folder without a spool.
    """
    for _ in range(_TRIES):
        try:
            return _inspect(folder)
        except FileNotFoundError:  # a segment was sent and removed meanwhile
            continue
    return _inspect(folder)


def _inspect(folder: Path) -> Overview:
    names = segments.segments(folder)
    if not names:
        msg = f"{folder}: expected a spool, got a folder without one"
        raise SpoolError(msg)
    last = segments.read(names[-1])
    state = _state_after(last.header, last.items, str(names[-1].path))
    done_seq = min(_sent_seq(folder, names), state.place.seq)
    return Overview(last.header.issuer, state, done_seq, _unsent_bytes(names, last.items, done_seq), last.torn)


def _begin(folder: Path, issuer: str | None, stream: str | None) -> Opened:
    if (folder / SENT_NAME).exists():
        msg = f"{folder}: expected the segments of a spool from which records were sent, got none"
        raise SpoolDamagedError(msg)
    if issuer is None:
        msg = f"{folder}: expected a spool, got a folder without one"
        raise SpoolError(msg)
    state = SpoolState(Place(stream or f"recorder/{secrets.token_hex(8)}", 0))
    header = Header(issuer, state.place.id, 0, os.urandom(MARKER_BYTES), state.encode())
    file = segments.create(folder, header)
    progress = Progress(folder, [SegmentName(0, file.path)], 0)
    return Opened(issuer, file, state, progress, 0, is_new=True)


def _check_whose(folder: Path, header: Header, issuer: str | None, stream: str | None) -> None:
    if issuer not in {None, header.issuer} or stream not in {None, header.stream}:
        msg = f"{folder}: expected the spool of {issuer}, stream {stream}, got that of {header.issuer}, {header.stream}"
        raise SpoolError(msg)


def _state_after(header: Header, items: Iterable[Item], name: str) -> SpoolState:
    """Return the state after all items of a segment. Raises SpoolDamagedError."""
    try:
        state = decode_state(header.state)
        for item in items:
            state = _step(state, item)
    except (GlasslogError, ValueError, TypeError, KeyError, LookupError) as error:
        msg = f"{name}: expected the records of a stream: {error}"
        raise SpoolDamagedError(msg) from error
    return state


def _step(state: SpoolState, item: Item) -> SpoolState:
    if item.kind != STATEMENT:
        return state.after_note(cbor.decode(item.data))
    statement = decode_statement(item.data)
    record = decode_record(statement.payload)
    if record.stream != state.place:
        msg = f"expected number {state.place.seq} behind what came before it, got {record.stream.seq}"
        raise ValueError(msg)
    return state.after_record(record, statement.leaf_hash)


def _done_seq(folder: Path, names: list[SegmentName], state: SpoolState) -> int:
    done_seq = _sent_seq(folder, names)
    if done_seq > state.place.seq:
        msg = (
            f"{folder}: expected {done_seq} records, because so many were sent, got {state.place.seq}: is this an old "
            "copy? A spool that is gone on with from a copy uses numbers twice"
        )
        raise SpoolDamagedError(msg)
    return done_seq


def _sent_seq(folder: Path, names: list[SegmentName]) -> int:
    return max(read_sent(folder), names[0].first_seq)


def _unsent_bytes(names: list[SegmentName], last: list[Item], done_seq: int) -> int:
    """Return the bytes of the entries from `done_seq` on, after checking that all segments are there."""
    unsent = 0
    for position, name in enumerate(names):
        is_last = position == len(names) - 1
        following = None if is_last else names[position + 1].first_seq
        if following is not None and following <= done_seq:
            continue
        items = last if is_last else segments.read(name).items
        entries = [item.data for item in items if item.kind == STATEMENT]
        if following not in {None, name.first_seq + len(entries)}:
            msg = f"{name.path}: expected records up to {following}, got {len(entries)} from {name.first_seq}"
            raise SpoolDamagedError(msg)
        unsent += sum(len(entry) for entry in entries[max(0, done_seq - name.first_seq) :])
    return unsent
