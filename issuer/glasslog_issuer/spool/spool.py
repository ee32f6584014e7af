"""Keep signed records, durably and in order, until the log has them: one spool is one stream of one issuer.

    with spool.turn(...) as place: sign there  ->  a batch in memory  ->  one write and one fsync for all who wait
                                                                       ->  the sender reads what is on disk

A number is used when its record is on disk and not before. So whatever stops the process, the stream goes on from what
can be read: a record that was written has its number, sent or not, acknowledged or not; one that was not written never
had one. A write that fails takes back the numbers of all who waited for it, and tells them.

Concurrent callers share the cost: the first writes for everybody who has signed by then, the others find it done. The
sender never reads beyond what is on disk, so that no power failure can make the log know more than the spool.

What is here knows neither the log nor the network: that is `glasslog_issuer.sender`.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.counting import counted
from glasslog.limits import ENTRY_BYTES_MAX
from glasslog.records import Stream as Place
from glasslog_issuer.errors import SpoolDamagedError, SpoolError, SpoolFullError, SpoolWriteError
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.spool import segments
from glasslog_issuer.spool.bounds import Bounds, Durability
from glasslog_issuer.spool.frames import MARKER_BYTES, NOTE, STATEMENT, Header, Item, encode_item
from glasslog_issuer.spool.opening import Opened, open_folder
from glasslog_issuer.spool.ownership import Ownership
from glasslog_issuer.spool.progress import Progress
from glasslog_issuer.spool.refused import RefusedFolder
from glasslog_issuer.spool.state import SpoolState

Keep: TypeAlias = Callable[[Sequence[tuple[SignedRecord, str | None]]], object]
"""Keeps what opens the commitments of records, durably, before the records themselves are kept."""


@dataclass(slots=True, eq=False)
class Batch:
    """What one write brings: it is open until it is written, and then done or failed."""

    items: list[bytes] = field(default_factory=list)
    notes: list[Mapping[str, Value]] = field(default_factory=list)
    records: list[tuple[SignedRecord, str | None]] = field(default_factory=list)
    is_open: bool = True
    error: Exception | None = None


class Spool:
    """The records of one stream that the log does not have yet. May be shared by threads."""

    def __init__(self, opened: Opened, ownership: Ownership, settings: "Settings") -> None:
        """Take what `open_folder` found. Use `Spool.open`."""
        self.folder = settings.folder
        self.issuer = opened.issuer
        self.is_new = opened.is_new
        self.refused = RefusedFolder(settings.folder / "refused")
        self._settings = settings
        self._ownership = ownership
        self._file = opened.file
        self._progress: Progress = opened.progress
        self._state = self._kept_state = opened.state
        self._synced_seq = opened.state.place.seq
        self._unsent_bytes = opened.unsent_bytes
        self._batch = Batch()
        self._broken: Exception | None = None
        self._lock = threading.Lock()  # guards what changes with each record
        self._room = threading.Condition(self._lock)
        self._writing = threading.Lock()  # held by the one who writes
        self.on_synced: Callable[[], object] = lambda: None

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        issuer: str | None = None,
        stream: str | None = None,
        bounds: Bounds | None = None,
        durability: Durability = "disk",
        keep: Keep = lambda _: None,
    ) -> Self:
        """Open the spool in a folder, or begin one where `issuer` and `stream` say whose.

        `durability` says when a record is kept: "disk", when an fsync has returned; "system", when the operating system
        has it, which survives the end of this process but not a loss of power (`sync` brings it to disk). Raises
        SpoolInUseError, SpoolDamagedError, and SpoolError where there is no spool or it is another's.
        """
        settings = Settings(folder, bounds or Bounds(), durability, keep)
        if issuer is None and not folder.is_dir():
            msg = f"{folder}: expected the folder of a spool, got none"
            raise SpoolError(msg)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ownership = Ownership(folder)
        try:
            return cls(open_folder(folder, issuer=issuer, stream=stream), ownership, settings)
        except OSError as error:
            ownership.release()
            msg = f"{folder}: cannot open the spool: {error.strerror}"
            raise SpoolError(msg) from error
        except BaseException:
            ownership.release()
            raise

    # --------------------------------------------------------------------------------------------------------- adding

    @property
    def state(self) -> SpoolState:
        """Return the state after the last record that was added, kept yet or not."""
        return self._state

    def add(
        self, sign: Callable[[Place], SignedRecord], *, subject: str | None = None, timeout_s: float | None = None
    ) -> tuple[SignedRecord, Batch]:
        """Sign a record at the next place and put it into the open batch; it is not kept before `commit` returns.

        Waits for room at most `timeout_s` seconds, None for as long as it takes. Raises SpoolFullError,
        SpoolClosedError, SpoolWriteError for a spool that cannot be written to any more, and what `sign` raises: then
        the place is not used.
        """
        self._ownership.check()
        with self._lock:
            if not self._has_room():
                self._wait_for_room(timeout_s)
            self._check_writable()
            signed = sign(self._state.place)
            entry = signed.statement.entry
            self._state = self._state.after_record(signed.record, signed.statement.leaf_hash)
            self._unsent_bytes += len(entry)
            batch = self._batch
            batch.items.append(encode_item(Item(STATEMENT, entry)))
            batch.records.append((signed, subject))
        return signed, batch

    def note(self, note: Mapping[str, Value]) -> Batch:
        """Put a note into the open batch: it is kept with the next record, or when its batch is committed."""
        self._ownership.check()
        with self._lock:
            self._check_writable()
            self._put_note(note)
            return self._batch

    def _put_note(self, note: Mapping[str, Value]) -> None:
        self._state = self._state.after_note(note)
        self._batch.items.append(encode_item(Item(NOTE, cbor.encode(dict(note)))))
        self._batch.notes.append(note)

    def commit(self, batch: Batch) -> None:
        """Return when a batch is kept, as `durability` says.

        Raises SpoolWriteError when it is not: then none of its records was recorded. (After an fsync that failed, the
        disk may have them all the same. Then they come to light when the spool is opened again, and are sent.) Raises
        SpoolClosedError for a spool that was closed before.
        """
        if batch.is_open:
            self._ownership.check()
            with self._writing:
                if batch.is_open:
                    self._write_batch()
        if batch.error is not None:
            msg = f"{self.folder}: cannot keep the record: {batch.error}"
            raise SpoolWriteError(msg) from batch.error

    def sync(self) -> None:
        """Bring to disk what was kept so far, while others record: nothing to do where the durability is "disk".

        Raises SpoolWriteError: then the spool must be opened again.
        """
        with self._writing:
            self._ownership.check()
            seq = self._kept_state.place.seq
            if self._file.synced == self._file.written:
                self._tell_synced(seq)
                return
            pending = self._file.begin_sync()
        try:
            pending.run()
        except OSError as error:
            self._broken = error
            msg = f"{self.folder}: cannot bring the spool to disk: {error.strerror}"
            raise SpoolWriteError(msg) from error
        with self._writing:
            pending.end()
            self._tell_synced(seq)

    def _has_room(self) -> bool:
        bounds, refused = self._settings.bounds, self.refused
        records = self._state.place.seq - self._progress.done_seq + refused.count
        bytes_then = self._unsent_bytes + refused.bytes + ENTRY_BYTES_MAX
        return records < bounds.records_max and bytes_then <= bounds.bytes_max

    def _wait_for_room(self, timeout_s: float | None) -> None:
        done = self._room.wait_for(lambda: self._has_room() or self._ownership.is_released, timeout_s)
        self._ownership.check()
        if not done:
            msg = (
                f"{self.folder}: expected room for a record, got {counted(self.unsent_records, 'records')} of "
                f"{self._unsent_bytes} bytes that wait to be sent, and {self.refused.count} that were refused"
            )
            raise SpoolFullError(msg)

    def _check_writable(self) -> None:
        if self._broken is not None:
            msg = f"{self.folder}: expected a disk that keeps what it is given: {self._broken}: open the spool again"
            raise SpoolWriteError(msg) from self._broken

    def _write_batch(self) -> None:
        """Write the open batch, with `_writing` held. What a crash leaves after each step stands beside it."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            batch.is_open = False
            state = self._state
        try:
            self._ownership.check()
            self._check_writable()
            self._settings.keep(batch.records)  # a crash behind this: disclosures of records that never were
            self._file.append(batch.items)  # behind this: a unit, whole or torn; the records are there if it is whole
            if self._settings.durability == "disk":
                self._file.sync()  # behind this: all of them are there, and will be sent
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told, and the numbers go back
            self._take_back(batch, error)
            return
        with self._lock:
            self._kept_state = state
        if self._file.synced == self._file.written:
            self._tell_synced(state.place.seq)
        self._begin_segment_when_full(state)

    def _take_back(self, batch: Batch, error: Exception) -> None:
        """Undo a batch that was not kept, and what was signed behind it meanwhile: the chain would not hold."""
        if self._settings.durability == "disk" and self._file.synced != self._file.written:
            self._broken = error  # an fsync failed: nobody knows what is on disk
            self._file.give_up()
        if isinstance(error, SpoolDamagedError):
            self._broken = error
        with self._lock:
            behind, self._batch = self._batch, Batch()
            behind.is_open = False
            behind.error = batch.error = error
            lost = [signed for signed, _ in (*batch.records, *behind.records)]
            self._unsent_bytes -= sum(len(signed.statement.entry) for signed in lost)
            self._state = self._kept_state
            for note in (*batch.notes, *behind.notes):  # nobody waits for these, so they try again with the next batch
                self._put_note(note)
            self._room.notify_all()

    def _sync_written(self) -> None:
        """Bring to disk what was kept, with `_writing` held. Raises OSError."""
        if self._file.synced != self._file.written:
            self._file.sync()
        self._tell_synced(self._kept_state.place.seq)

    def _tell_synced(self, seq: int) -> None:
        """Let the sender have the records below a number, with `_writing` held."""
        if seq > self._synced_seq:
            self._synced_seq = seq
            self.on_synced()

    def _begin_segment_when_full(self, state: SpoolState) -> None:
        """Go on in a new segment. Where there is no room for one, the old grows until there is."""
        first_seq = state.place.seq
        if self._file.written < self._settings.bounds.segment_bytes or first_seq == self._file.header.first_seq:
            return
        try:
            self._sync_written()
            following = segments.create(self.folder, self._header(state))
        except OSError as error:
            if self._file.synced != self._file.written:
                self._broken = error
            return
        self._file.close()
        self._file = following

    def _header(self, state: SpoolState) -> Header:
        return Header(self.issuer, state.place.id, state.place.seq, os.urandom(MARKER_BYTES), state.encode())

    # -------------------------------------------------------------------------------------------------------- sending

    @property
    def unsent_records(self) -> int:
        """Return how many records the log is not known to have, those aside that it refused."""
        return self._state.place.seq - self._progress.done_seq

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes of their entries."""
        return self._unsent_bytes

    @property
    def done_seq(self) -> int:
        """Return the number of the first record that the sender has not done with."""
        return self._progress.done_seq

    @property
    def synced_seq(self) -> int:
        """Return the number behind the last record that is on disk, and so may be sent."""
        return self._synced_seq

    def read_unsent(self, count_max: int) -> list[tuple[int, bytes]]:
        """Return the first records that are on disk and not done with: numbers and entries, in order.

        For one sender. Raises SpoolDamagedError, SpoolError for what cannot be read.
        """
        self._ownership.check()
        try:
            return self._progress.read(self._synced_seq, count_max)
        except OSError as error:
            msg = f"{self.folder}: cannot read the spool: {error.strerror}"
            raise SpoolError(msg) from error

    def done_with(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Forget records, the first ones that are unsent: the log has them, or they were set aside.

        Raises SpoolError when the progress cannot be written; then they are sent again after the next start.
        """
        self._ownership.check()
        with self._lock:
            self._unsent_bytes -= sum(len(entry) for _, entry in records)
            self._progress.advance(records[-1][0] + 1)
            self._room.notify_all()
        try:
            self._progress.save()
        except OSError as error:
            msg = f"{self.folder}: cannot write how far was sent: {error.strerror}"
            raise SpoolError(msg) from error

    # -------------------------------------------------------------------------------------------------------- closing

    @property
    def is_closed(self) -> bool:
        """Return whether the spool can no longer be used here: it was closed, or this is the child of a fork."""
        return self._ownership.is_released

    def close(self) -> None:
        """Keep what is still in a batch, and let others have the spool. Closing twice does nothing."""
        if self._ownership.is_released:
            return
        with self._writing:
            if self._batch.items:
                self._write_batch()
            try:
                if self._broken is None:
                    self._sync_written()
            except OSError as error:
                self._broken = error
            self._ownership.release()
            self._file.close()
        with self._lock:
            self._room.notify_all()

    def __enter__(self) -> Self:
        """Return the spool, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


@dataclass(frozen=True, slots=True)
class Settings:
    """How a spool is used: given at each opening, and not kept."""

    folder: Path
    bounds: Bounds
    durability: Durability
    keep: Keep
