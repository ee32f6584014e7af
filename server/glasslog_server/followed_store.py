"""Read a log's store in a process that only hears of it: what was published lately from memory, the rest from disk.

The sequencer's publications bring every tile that a round changed and the head that covers it, so receipts and proofs
of fresh entries cost no look at the disk. Everything else is read from a store that lags behind and is made to catch up
when, and only when, a question reaches beyond what it knows. Nothing here is above the published head.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId, tile_width
from glasslog_server.errors import StoreClosedError, StoreCorruptError, StoreError
from glasslog_server.publication import Publication
from glasslog_server.storage.store import ReadStore, StoreMeta, TreeHead

RECENT_TILES_BYTES_MAX: Final = 8 * 1_024 * 1_024
RECENT_HEADS_MAX: Final = 4_096
LAG_ENTRIES_MAX: Final = 65_536
"""So far the store may lag before it catches up unasked: by then the writer has written most of it out, which makes it
cheap, and the first question after a flood does not wait for all of the flood."""

Result = TypeVar("Result")


class LaggingStore(ReadStore, Protocol):
    """A store that shows a log as it was, until it is told to catch up."""

    @property
    def size(self) -> int:
        """Return the number of entries that can be read."""
        ...

    def catch_up(self, published: TreeHead) -> None:
        """Make everything up to a published head readable, and nothing beyond it. Blocks. Raises StoreError."""
        ...


class FollowedStore:
    """Implement `ReadStore` up to the head that was published last. For use on one event loop."""

    def __init__(self, open_store: Callable[[], LaggingStore], head: TreeHead) -> None:
        """Take how to open the store behind, at once and again after a fault of its owner, and the published head."""
        self._open_store = open_store
        self._store = open_store()
        self._closing: set[asyncio.Future[None]] = set()
        self._head = head
        # What was published lately. Tiles are as wide as in the tree of `_head`, or their last change is told here.
        self._tiles: OrderedDict[TileId, bytes] = OrderedDict()
        self._tiles_bytes = 0
        self._heads: OrderedDict[TreeSize, TreeHead] = OrderedDict({head.size: head})

    @property
    def meta(self) -> StoreMeta:
        """Return what the store was created with."""
        return self._store.meta

    @property
    def head(self) -> TreeHead:
        """Return the published head."""
        return self._head

    def follow(self, publication: Publication) -> None:
        """Take up the next publication; one without tiles tells that the store has to be opened anew."""
        if not publication.tiles:
            self._reopen()
        self._head = publication.head
        self._remember_head(publication.head)
        self._remember_tiles(publication.tiles)
        if publication.head.size - self._store.size > LAG_ENTRIES_MAX:
            self._store.catch_up(self._head)

    def told_head(self, size: TreeSize) -> TreeHead | None:
        """Return the head of `size`, when it was published lately."""
        return self._heads.get(size)

    def _reopen(self) -> None:
        """Forget what was seen of a store whose owner had to start over: not all that it wrote is in the log."""
        self._closing.add(closing := asyncio.ensure_future(self._store.close()))
        closing.add_done_callback(self._closing.discard)
        self._tiles.clear()
        self._tiles_bytes = 0
        self._store = self._open_store()

    def _remember_head(self, head: TreeHead) -> None:
        self._heads[head.size] = head
        while len(self._heads) > RECENT_HEADS_MAX:
            self._heads.popitem(last=False)

    def _remember_tiles(self, tiles: Mapping[TileId, bytes]) -> None:
        for tile, data in tiles.items():
            self._tiles_bytes += len(data) - len(self._tiles.pop(tile, b""))
            self._tiles[tile] = data
        while self._tiles_bytes > RECENT_TILES_BYTES_MAX:
            self._tiles_bytes -= len(self._tiles.popitem(last=False)[1])

    # What `ReadStore` promises.

    async def latest_head(self) -> TreeHead | None:
        """Return the published head."""
        return self._head

    async def head_covering(self, size: TreeSize) -> TreeHead | None:
        """Return the first head of at least `size`, or None."""
        if size > self._head.size:
            return None
        if self._store.size < size == self._head.size:
            return self._head
        return await self._read(size, lambda store: store.head_covering(size))

    async def heads(self, start: TreeSize, limit: int) -> list[TreeHead]:
        """Return up to `limit` heads of size `start` and above."""
        if limit == 1 and start in self._heads:
            return [self._heads[start]]
        return await self._read(self._head.size, lambda store: store.heads(start, limit))

    async def read_tiles(self, tiles: Sequence[TileId]) -> list[bytes | None]:
        """Return each tile as wide as it is in the tree of the published size, or None."""
        return [None if value is None else value[0] for value in await self.read_tiles_with_inner_nodes(tiles)]

    async def read_tiles_with_inner_nodes(self, tiles: Sequence[TileId]) -> list[tuple[bytes, bytes] | None]:
        """Return each tile with its inner nodes, or None; of a tile that was published lately, without."""
        size = self._head.size
        missing = [tile for tile in tiles if not self._is_recent(tile, size)]
        values: dict[TileId, tuple[bytes, bytes] | None] = {}
        if missing:
            behind = any(tile_width(tile, size) > tile_width(tile, TreeSize(self._store.size)) for tile in missing)
            needed = size if behind else TreeSize(0)
            read = await self._read(needed, lambda store: store.read_tiles_with_inner_nodes(missing))
            values = dict(zip(missing, read, strict=True))
        return [values[tile] if tile in values else (self._tiles[tile], b"") for tile in tiles]

    def _is_recent(self, tile: TileId, size: TreeSize) -> bool:
        data = self._tiles.get(tile)
        return data is not None and len(data) == tile_width(tile, size) * HASH_SIZE

    async def read_entries(self, start: LeafIndex, end: LeafIndex) -> list[bytes]:
        """Return the entries [start, end)."""
        if end > self._head.size:
            msg = f"expected entries below {self._head.size}, got a call for [{start}, {end})"
            raise StoreCorruptError(msg)
        return await self._read(TreeSize(end), lambda store: store.read_entries(start, end))

    async def read_bundle(self, index: int, width: int) -> bytes | None:
        """Return the entry bundle `index` of the first `width` entries, or None beyond the end of the log."""
        end = TreeSize(index * TILE_WIDTH + width)
        if end > self._head.size:
            return None
        return await self._read(end, lambda store: store.read_bundle(index, width))

    async def find_leaves(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        """Return the index of the entry with each leaf hash, or None."""
        found = await self._read(TreeSize(0), lambda store: store.find_leaves(leaf_hashes))
        if None in found and self._store.size < self._head.size:
            found = await self._read(self._head.size, lambda store: store.find_leaves(leaf_hashes))
        return found

    async def find_subject(self, subject: str, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return up to `limit` indexes, `start` and above, of the entries about `subject`."""
        return await self._read(self._head.size, lambda store: store.find_subject(subject, start, limit))

    async def find_stream(self, issuer: str, stream: str, start_seq: int, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return up to `limit` (sequence number, index) of a stream from `start_seq` on."""
        return await self._read(self._head.size, lambda store: store.find_stream(issuer, stream, start_seq, limit))

    async def close(self) -> None:
        """Close the store behind."""
        await self._store.close()

    async def _read(self, needed: TreeSize, read: Callable[[LaggingStore], Awaitable[Result]]) -> Result:
        """Read from the store once it knows `needed` entries; once more when its owner has removed a file meanwhile."""
        if self._store.size < needed:
            self._store.catch_up(self._head)
        try:
            return await read(self._store)
        except StoreClosedError:
            raise
        except StoreError:
            self._store.catch_up(self._head)
            return await read(self._store)
