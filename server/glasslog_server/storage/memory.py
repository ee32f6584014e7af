"""Keep the store in memory: for tests, simulations and logs that need not outlive their process.

It keeps every promise of `Store` but the disk. An append never gives up its turn, so no reader sees half a round.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Sequence

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId, encode_bundle
from glasslog_server.errors import StoreClosedError, StoreCorruptError
from glasslog_server.storage.store import RoundWrite, StoreMeta, TreeHead, check_round


class MemoryStore:
    """Implement `Store` on dictionaries and lists."""

    def __init__(self, meta: StoreMeta) -> None:
        self._meta = meta
        self._closed = False
        self._entries: list[bytes] = []
        self._tiles: dict[TileId, bytes] = {}
        self._inner_nodes: dict[TileId, bytes] = {}
        self._heads: list[TreeHead] = []
        self._by_leaf: dict[Hash, LeafIndex] = {}
        self._by_subject: dict[str, list[LeafIndex]] = defaultdict(list)
        self._by_stream: dict[tuple[str, str], list[tuple[int, LeafIndex]]] = defaultdict(list)

    @property
    def meta(self) -> StoreMeta:
        """Return what the store was created with."""
        return self._meta

    async def append(self, write: RoundWrite, and_then: Callable[[], None] | None = None) -> None:
        """Add one round. What `and_then` raises leaves it in place."""
        self._check_open()
        check_round(write, len(self._entries))
        for number, row in enumerate(write.entries, write.first):
            index = LeafIndex(number)
            self._entries.append(row.entry)
            self._by_leaf[row.leaf_hash] = index
            self._by_subject[row.subject].append(index)
            if row.stream is not None:
                stream, seq = row.stream
                insort(self._by_stream[row.issuer, stream], (seq, index))
        self._tiles.update(write.tiles)
        self._inner_nodes.update(write.inner_nodes)
        self._heads.append(write.head)
        if and_then is not None:
            and_then()

    async def latest_head(self) -> TreeHead | None:
        """Return the head of the last round, or None in a new store."""
        self._check_open()
        return self._heads[-1] if self._heads else None

    async def head_covering(self, size: TreeSize) -> TreeHead | None:
        """Return the first head of at least `size`, or None."""
        return next(iter(await self.heads(size, 1)), None)

    async def heads(self, start: TreeSize, limit: int) -> list[TreeHead]:
        """Return up to `limit` heads of size `start` and above."""
        self._check_open()
        first = bisect_left(self._heads, start, key=lambda head: head.size)
        return self._heads[first : first + limit]

    async def read_tiles(self, tiles: Sequence[TileId]) -> list[bytes | None]:
        """Return each tile as wide as it is in the tree of the current size, or None."""
        self._check_open()
        return [self._tiles.get(tile) for tile in tiles]

    async def read_tiles_with_inner_nodes(self, tiles: Sequence[TileId]) -> list[tuple[bytes, bytes] | None]:
        """Return each tile with its inner nodes, or None."""
        values = zip(tiles, await self.read_tiles(tiles), strict=True)
        return [None if data is None else (data, self._inner_nodes.get(tile, b"")) for tile, data in values]

    async def read_entries(self, start: LeafIndex, end: LeafIndex) -> list[bytes]:
        """Return the entries [start, end)."""
        self._check_open()
        if end > len(self._entries):
            msg = f"expected entries below {len(self._entries)}, got a call for [{start}, {end})"
            raise StoreCorruptError(msg)
        return self._entries[start:end]

    async def read_bundle(self, index: int, width: int) -> bytes | None:
        """Return the entry bundle `index` of the first `width` entries, or None beyond the end of the log."""
        self._check_open()
        start = index * TILE_WIDTH
        entries = self._entries[start : start + width]
        return encode_bundle(entries) if len(entries) == width else None

    async def find_leaves(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        """Return the index of the entry with each leaf hash, or None."""
        self._check_open()
        return [self._by_leaf.get(leaf_hash) for leaf_hash in leaf_hashes]

    async def find_subject(self, subject: str, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return up to `limit` indexes, `start` and above, of the entries about `subject`."""
        self._check_open()
        indexes = self._by_subject.get(subject, [])
        first = bisect_left(indexes, start)
        return indexes[first : first + limit]

    async def find_stream(self, issuer: str, stream: str, start_seq: int, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return up to `limit` (sequence number, index) of a stream from `start_seq` on."""
        self._check_open()
        places = self._by_stream.get((issuer, stream), [])
        first = bisect_left(places, (start_seq, 0))
        return places[first : first + limit]

    async def close(self) -> None:
        """Close the store; every later call raises StoreClosedError."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            msg = "expected an open store, got one that was closed"
            raise StoreClosedError(msg)
