"""A disk that outlives the stores opened on it, and that fails on demand.

Every fault comes in two versions: the write failed and is not there, and the write failed but is there all the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glasslog.merkle import Hash, LeafIndex
from glasslog_server.errors import GuardConflictError, GuardError, StoreError
from glasslog_server.sequencer import Storage
from glasslog_server.storage.guard_record import FileIdentity, GuardRecord
from glasslog_server.storage.memory import MemoryStore
from glasslog_server.storage.store import RoundWrite, StoreMeta
from tests.simulation.parties import ORIGIN

STORE_ID = bytes(range(16))


@dataclass
class Disk:
    """What is on disk, and the faults that are still to happen: each is used up by the operation it hits."""

    rows: MemoryStore = field(default_factory=lambda: MemoryStore(StoreMeta(STORE_ID, ORIGIN)))
    guarded: bytes = b""
    store_faults: list[bool] = field(default_factory=list)
    guard_faults: list[bool] = field(default_factory=list)
    read_faults: int = 0
    open_faults: int = 0
    opened: int = 0

    async def open(self) -> Storage:
        self.opened += 1
        if self.open_faults:
            self.open_faults -= 1
            raise StoreError("the disk does not answer")
        return Storage(FaultyStore(self), FaultyGuard(self))


class FaultyStore(MemoryStore):
    """One opening of the rows on a disk: it shares them, and takes nothing more once a write has failed."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk.rows.meta)
        self.__dict__.update(disk.rows.__dict__)
        self._disk = disk
        self._failed = False

    async def append(self, write: RoundWrite, and_then: Callable[[], None] | None = None) -> None:
        if self._failed:
            raise StoreError("a write failed before: open the store anew")
        fault = self._disk.store_faults.pop(0) if self._disk.store_faults else None
        await asyncio.sleep(0)  # a crash may come before the write
        if fault is not False:
            await super().append(write)
        await asyncio.sleep(0)  # or after it
        if fault is not None:
            self._failed = True
            raise StoreError("the write failed")
        if and_then is not None:
            and_then()
            await asyncio.sleep(0)  # or after what follows it

    async def find_leaves(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        if self._disk.read_faults:
            self._disk.read_faults -= 1
            raise StoreError("the read failed")
        return await super().find_leaves(leaf_hashes)


class FaultyGuard:
    """One opening of the guard on a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._failed = False

    async def read(self) -> GuardRecord:
        return GuardRecord(0, STORE_ID, FileIdentity(inode=0, birth_ns=0), self._disk.guarded)

    async def swap(self, expected: bytes, new: bytes) -> None:
        await asyncio.sleep(0)
        self.swap_now(expected, new)
        await asyncio.sleep(0)

    def swap_now(self, expected: bytes, new: bytes) -> None:
        if self._failed:
            raise GuardError("a swap failed before: open the guard anew")
        if self._disk.guarded != expected:
            raise GuardConflictError("another note is guarded")
        fault = self._disk.guard_faults.pop(0) if self._disk.guard_faults else None
        if fault is not False:
            self._disk.guarded = new
        if fault is not None:
            self._failed = True
            raise GuardError("the swap failed")

    async def close(self) -> None:
        """Nothing is held."""
