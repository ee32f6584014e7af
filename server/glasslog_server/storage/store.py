"""Say what a store of the log promises, whatever engine is behind it.

One writer (the sequencer) appends rounds; everybody reads. The promise, which one contract suite checks for every
engine:

- A round is written whole or not at all, and when `append` returns it is on disk.
- A read sees a round whole, and only once it is on disk: what is served was never ahead of the disk.
- Entries, full tiles and heads never change and are never removed.
- After an `append` that raised StoreError (but StoreConflictError), or was cancelled, nobody knows whether the round is
  on disk: every further `append` is refused until the store was opened anew and its last head read again.

A store does not check hashes, signatures or statements: what a round says is the sequencer's to get right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Protocol

from glasslog.limits import ENTRY_BYTES_MAX, TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId
from glasslog_server.core.tile_nodes import INNER_NODES_BYTES
from glasslog_server.errors import StoreConflictError

STORE_ID_BYTES: Final = 16
_ENTRY, _LEAF_HASH, _STREAM = attrgetter("entry"), attrgetter("leaf_hash"), attrgetter("stream")
SEQ_MAX: Final = 2**64 - 1  # what a CBOR unsigned integer can say


@dataclass(frozen=True, slots=True)
class StoreMeta:
    """Name a store: 16 random bytes chosen when it was created, and the origin of the log that it holds."""

    store_id: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A signed tree head, as it is kept for ever.

    `time` is in POSIX seconds, is the `iat` of every receipt at this size and never decreases from head to head. `note`
    is the signed checkpoint, verbatim. `receipt_protected` is the protected header of every COSE receipt at this size,
    `receipt_signature` the signature over it and the root (64 bytes for Ed25519).
    """

    size: TreeSize
    root: Hash
    time: int
    note: bytes
    receipt_protected: bytes
    receipt_signature: bytes


class EntryRow(Protocol):
    """One new entry and what it is found by: its leaf hash, its subject and its place in a stream of its issuer."""

    @property
    def entry(self) -> bytes:
        """Return the entry."""
        ...

    @property
    def leaf_hash(self) -> Hash:
        """Return its leaf hash."""
        ...

    @property
    def issuer(self) -> str:
        """Return who signed it."""
        ...

    @property
    def subject(self) -> str:
        """Return what it is about."""
        ...

    @property
    def stream(self) -> tuple[str, int] | None:
        """Return (stream id, sequence number), or None for content without a stream."""
        ...


@dataclass(frozen=True, slots=True)
class RoundWrite:
    """Everything that one round changes.

    `tiles` holds the whole value of each changed tile, full ones and the partial ones of the right edge; `inner_nodes`
    holds, for each full one of them, its nodes of heights 3 and 6 (`core/tile_nodes`), from which proofs are quickly
    made. `head.size` is `first` plus the number of entries. No leaf hash is in the store already: the sequencer has
    looked.
    """

    first: LeafIndex
    entries: Sequence[EntryRow]
    tiles: Mapping[TileId, bytes]
    inner_nodes: Mapping[TileId, bytes]
    head: TreeHead


class ReadStore(Protocol):
    """Read entries, tiles, indexes and tree heads. Ranges are half open; every list is in ascending order."""

    @property
    def meta(self) -> StoreMeta:
        """Return what the store was created with."""
        ...

    async def latest_head(self) -> TreeHead | None:
        """Return the head of the last round, or None in a new store."""
        ...

    async def head_covering(self, size: TreeSize) -> TreeHead | None:
        """Return the first head of at least `size`, or None: no round reached it yet."""
        ...

    async def heads(self, start: TreeSize, limit: int) -> list[TreeHead]:
        """Return up to `limit` heads of size `start` and above."""
        ...

    async def read_tiles(self, tiles: Sequence[TileId]) -> list[bytes | None]:
        """Return each tile as wide as it is in the tree of the current size, or None where there is none.

        A narrower partial tile, of an earlier size, is a prefix of it.
        """
        ...

    async def read_tiles_with_inner_nodes(self, tiles: Sequence[TileId]) -> list[tuple[bytes, bytes] | None]:
        """Return what `read_tiles` returns, each with its inner nodes (`RoundWrite`): of a tile that is not full, none.

        Also of a full one there may be none (b""), in a store that does not know all of the disk.
        """
        ...

    async def read_entries(self, start: LeafIndex, end: LeafIndex) -> list[bytes]:
        """Return the entries [start, end).

        Raises StoreCorruptError when one of them is not there, also when `end` is beyond the current size: the caller
        knows the size. Other tasks get a turn after each bundle of 256.
        """
        ...

    async def read_bundle(self, index: int, width: int) -> bytes | None:
        """Return the tlog-tiles entry bundle `index` of the first `width` (1 to 256) entries.

        None when the log does not reach so far. Raises StoreCorruptError when it does and an entry is missing.
        """
        ...

    async def find_leaves(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        """Return the index of the entry with each leaf hash, or None."""
        ...

    async def find_subject(self, subject: str, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return up to `limit` indexes, `start` and above, of the entries about `subject`."""
        ...

    async def find_stream(self, issuer: str, stream: str, start_seq: int, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return up to `limit` (sequence number, index) of a stream from `start_seq` on.

        A sequence number that was used twice appears twice: by sequence number first, then by index.
        """
        ...

    async def close(self) -> None:
        """Close the store, after a write that still runs has ended; every later call raises StoreClosedError.

        Closing twice does nothing. Raises StoreError when the engine fails to close; what was acknowledged is on disk
        all the same.
        """
        ...


class Store(ReadStore, Protocol):
    """Keep what can be read, and append to it. One writer has it; others have a `ReadStore` of the same log at most."""

    async def append(self, write: RoundWrite, and_then: Callable[[], None] | None = None) -> None:
        """Write one round as one atomic step, durable when this returns.

        `and_then` may block: it runs once the round is on disk and before any read sees it, in a thread where the
        store has one. What it raises is raised here, and leaves the outcome unknown like any failure of the store.

        A round that does not start at the current size, has no entries or contradicts itself is refused with
        StoreConflictError before anything is written. Any other StoreError, or a cancellation, leaves the outcome
        unknown: the store takes no further round and must be reopened. Calls at the same time run one after the other.
        """
        ...


def check_round(write: RoundWrite, size: int) -> None:
    """Refuse a round that cannot follow a store of `size`, with StoreConflictError. Every store calls this first."""
    end = size + len(write.entries)
    if write.first != size:
        msg = f"expected a round that starts at the current size {size}, got one at {write.first}"
        raise StoreConflictError(msg)
    if not write.entries or write.head.size != end:
        msg = f"expected a round of one entry or more with a head of size {end}, got a head of size {write.head.size}"
        raise StoreConflictError(msg)
    if len(write.head.root) != HASH_SIZE:
        msg = f"expected a root of {HASH_SIZE} bytes, got {len(write.head.root)}"
        raise StoreConflictError(msg)
    for tile, data in write.tiles.items():
        if (len(write.inner_nodes.get(tile, b"")) == INNER_NODES_BYTES) != (len(data) == TILE_WIDTH * HASH_SIZE):
            msg = (
                f"expected {INNER_NODES_BYTES} bytes of inner nodes with each full tile, and with no other, got {tile}"
            )
            raise StoreConflictError(msg)
    longest, hashes = max(map(len, map(_ENTRY, write.entries))), set(map(len, map(_LEAF_HASH, write.entries)))
    if longest > ENTRY_BYTES_MAX or hashes != {HASH_SIZE}:
        msg = f"expected entries of at most {ENTRY_BYTES_MAX} bytes with leaf hashes of {HASH_SIZE} bytes"
        raise StoreConflictError(msg)
    for _, seq in filter(None, map(_STREAM, write.entries)):
        if not 0 <= seq <= SEQ_MAX:
            msg = f"expected a sequence number between 0 and 2^64-1, got {seq}"
            raise StoreConflictError(msg)
