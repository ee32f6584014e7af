"""Hold the last signed checkpoint where a restored or copied store cannot take it back.

The store may be restored from a backup, copied to a second machine, or started twice; each of these would make the log
sign two trees that contradict each other. The guard is a small file beside the store, never part of a backup, that is
only ever moved from one checkpoint to the next by compare-and-swap, on disk before anything is published. What the log
does when guard and store differ is the recovery's to decide; whether the guard itself can be trusted is decided here.
"""

import asyncio
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, Self

from glasslog_server.core.limits import GUARD_SLOT_BYTES
from glasslog_server.errors import (
    GuardConflictError,
    GuardCopiedError,
    GuardCorruptError,
    GuardError,
    GuardExistsError,
    GuardForeignError,
    GuardLockedError,
    GuardMissingError,
)
from glasslog_server.storage.disk import sync_data, sync_folder
from glasslog_server.storage.guard_record import SLOTS, GuardRecord, encode_slot, identify, measure_slot, newest_record

_FILE_BYTES: Final = SLOTS * GUARD_SLOT_BYTES
_USUAL_RECORD_BYTES: Final = 4 * 1_024
_FILE_MODE: Final = 0o600


class Guard(Protocol):
    """Hold one checkpoint note, and exchange it only by compare-and-swap. One holder at a time."""

    async def read(self) -> GuardRecord:
        """Return what is guarded now. Raises GuardError."""
        ...

    async def swap(self, expected: bytes, new: bytes) -> None:
        """Replace the note `expected`, byte for byte, by `new`; durable when this returns.

        Raises GuardConflictError, and changes nothing, when another note is guarded. After another GuardError the
        outcome is unknown: the guard takes no further swap and must be opened anew. A swap whose caller is cancelled
        may still take effect, before any later call.
        """
        ...

    def swap_now(self, expected: bytes, new: bytes) -> None:
        """Do what `swap` does, in the thread of the caller: blocks for a disk write."""
        ...

    async def close(self) -> None:
        """Let go of the guard. Closing twice does nothing."""
        ...


class FileGuard:
    """Implement `Guard` on one file, locked while it is open. Made by `create`, `open` or `adopt`, which block.

    The lock goes with the descriptor: it ends with the process, and a fork that outlives the process would keep it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._closed = False
        self._swapping = threading.Lock()  # a swap whose task was cancelled still runs in its thread
        self._outcome_unknown = False

    @classmethod
    def create(cls, path: Path, store_id: bytes, note: bytes) -> Self:
        """Make the guard of a new log and return it open; file and folder entry are on disk then.

        Raises GuardExistsError, GuardError. An interrupted creation leaves a file that `open` refuses.
        """
        with _opened(path, os.O_CREAT | os.O_EXCL) as descriptor:
            try:
                _write_all(descriptor, bytes(_FILE_BYTES), 0)  # no swap will ever need space that the disk lacks
                _write_record(descriptor, GuardRecord(0, store_id, identify(descriptor), note))
                os.fsync(descriptor)
                sync_folder(path.resolve().parent)
            except BaseException:
                path.unlink()
                raise
            return cls(path, descriptor)

    @classmethod
    def open(cls, path: Path, store_id: bytes) -> Self:
        """Open the guard of a store, and prove that it can be written.

        What it holds is written once more, as the next record: it may have been read from a memory of the system whose
        own write to the disk had failed. Raises GuardMissingError, GuardLockedError, GuardCorruptError,
        GuardForeignError, GuardCopiedError, GuardError.
        """
        with _opened(path) as descriptor:
            record = _read_own_record(descriptor, path, store_id)
            if not record.identity.is_same_file(identify(descriptor)):
                msg = (
                    f"expected the guard that was created for this log, got a copy of it at {path}: the original may "
                    "still be running, or have run on since. Make sure that no other copy of this log will ever run "
                    "again and that this one is the newest, then take it over with `glasslog-server guard adopt`"
                )
                raise GuardCopiedError(msg)
            _write_record(descriptor, replace(record, sequence=record.sequence + 1))
            return cls(path, descriptor)

    @classmethod
    def adopt(cls, path: Path, store_id: bytes) -> Self:
        """Make a copied guard the one and only of its store, and return it open.

        An act of the operator, who knows that the original will never run again: nothing here can check that. Raises
        what `open` raises, but GuardCopiedError.
        """
        with _opened(path) as descriptor:
            record = _read_own_record(descriptor, path, store_id)
            adopted = replace(record, sequence=record.sequence + 1, identity=identify(descriptor))
            _write_record(descriptor, adopted)
            os.fsync(descriptor)
            sync_folder(path.resolve().parent)
            return cls(path, descriptor)

    async def read(self) -> GuardRecord:
        """Return what is guarded now, from the file."""
        with _typed(f"read the guard at {self._path}"):
            self._check_usable()
            return _read_record(self._descriptor, self._path)

    async def swap(self, expected: bytes, new: bytes) -> None:
        """Replace the note `expected` by `new`: one write and one sync, in a thread."""
        await asyncio.to_thread(self.swap_now, expected, new)

    def swap_now(self, expected: bytes, new: bytes) -> None:
        """Replace the note `expected` by `new`; blocks for one write and one sync."""
        with self._swapping, _typed(f"swap the guard at {self._path}"):
            self._check_usable()
            self._check_in_place()
            record = _read_record(self._descriptor, self._path)
            if record.note != expected:
                msg = f"expected the guard at {self._path} to hold the last checkpoint of this log, got another one"
                raise GuardConflictError(msg)
            following = replace(record, sequence=record.sequence + 1, note=new)
            data = encode_slot(following)
            self._outcome_unknown = True
            _write_slot(self._descriptor, following.sequence, data)
            self._outcome_unknown = False

    async def close(self) -> None:
        """Close the file, and with it the lock, after a swap that still runs."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._swapping:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def _check_usable(self) -> None:
        if self._closed or self._outcome_unknown:
            state = "that was closed" if self._closed else "whose last swap failed"
            msg = f"expected an open and settled guard at {self._path}, got one {state}: open it anew"
            raise GuardError(msg)

    def _check_in_place(self) -> None:
        """Check that the path still names the open file: a swap of a file that nobody finds again guards nothing."""
        try:
            in_place = os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))  # noqa: PTH116 (every round)
        except FileNotFoundError:
            in_place = False
        if not in_place:
            msg = f"expected the guard to stay at {self._path} while the log runs, got another file or none there"
            raise GuardMissingError(msg)


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[int]:
    """Open and lock a guard file; it stays open unless the block raises."""
    with _typed(f"open the guard at {path}"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, _FILE_MODE)
        except FileNotFoundError as error:
            msg = (
                f"expected the guard of this log at {path}, got none: without it nobody knows what was signed last. "
                "Bring the file itself back; never replace it by a copy or an older one"
            )
            raise GuardMissingError(msg) from error
        except FileExistsError as error:
            msg = (
                f"expected no guard at {path}, got one: a guard is never overwritten. If the creation of this log was "
                "interrupted before it ever ran, remove its store and its guard and create both anew"
            )
            raise GuardExistsError(msg) from error
        try:
            _lock(descriptor, path)
            yield descriptor
        except BaseException:
            os.close(descriptor)
            raise


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        msg = f"expected to be the only one with the guard at {path}, got it locked: another server runs this log"
        raise GuardLockedError(msg) from error


def _read_own_record(descriptor: int, path: Path, store_id: bytes) -> GuardRecord:
    """Return the newest record, which must belong to the store."""
    record = _read_record(descriptor, path)
    if record.store_id != store_id:
        msg = (
            f"expected the guard of store {store_id.hex()}, got at {path} the one of store {record.store_id.hex()}: "
            "check that store and guard are of the same log"
        )
        raise GuardForeignError(msg)
    return record


def _read_record(descriptor: int, path: Path) -> GuardRecord:
    record = newest_record([_read_slot(descriptor, slot) for slot in range(SLOTS)])
    if record is None:
        msg = (
            f"expected a valid record in the guard at {path}, got none in either slot: without it nobody knows what "
            "was signed last. Bring the file itself back; if the log was never run, remove store and guard and create "
            "both anew"
        )
        raise GuardCorruptError(msg)
    return record


def _read_slot(descriptor: int, slot: int) -> bytes:
    """Return the bytes of a slot, as far as a record can use them: notes are much smaller than the largest."""
    start = slot * GUARD_SLOT_BYTES
    data = os.pread(descriptor, _USUAL_RECORD_BYTES, start)
    return data if measure_slot(data) <= len(data) else os.pread(descriptor, GUARD_SLOT_BYTES, start)


def _write_record(descriptor: int, record: GuardRecord) -> None:
    _write_slot(descriptor, record.sequence, encode_slot(record))


def _write_slot(descriptor: int, sequence: int, data: bytes) -> None:
    """Write record number `sequence` to its slot and bring it to the disk; the other slot is not touched."""
    _write_all(descriptor, data, sequence % SLOTS * GUARD_SLOT_BYTES)
    sync_data(descriptor)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


@contextmanager
def _typed(action: str) -> Iterator[None]:
    """Turn what the system raises into our error."""
    try:
        yield
    except OSError as error:
        msg = f"could not {action}: {error}"
        raise GuardError(msg) from error
