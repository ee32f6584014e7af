"""Keep the store in an embedded RocksDB: the engine of a log on one machine.

One process has it open, and the event loop makes every call but one: the wrapper holds the interpreter's lock while it
reads and writes, so threads would gain nothing; only the sync of a round, which lets go of it, runs in a thread,
with what has to follow it on another disk: a thread costs a round more than most of its other work.
Readers see a round when that sync has returned; until then they look past it, by its indexes and its size.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Self

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId, decode_bundle, encode_bundle, tile_width
from glasslog_server.core.tree import TILE_BYTES
from glasslog_server.errors import StoreClosedError, StoreCorruptError, StoreError, StoreFormatError
from glasslog_server.storage import keys
from glasslog_server.storage.leaf_filter import LeafFilter
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.rows import Row, index_rows, merge_places
from glasslog_server.storage.store import RoundWrite, StoreMeta, TreeHead, check_round

FRAGMENTS_MAX = 4
"""A full bundle stays in the fragments that rounds have left unless they are more: busy rounds write an entry once."""

_ENTRY, _LEAF_HASH = attrgetter("entry"), attrgetter("leaf_hash")
_LEARNT_AT_ONCE = 8  # tiles that the filter learns without a pause of the event loop: half a millisecond


class RocksStore:
    """Implement `Store` on RocksDB. Made by `create` or `open`; belongs to one event loop."""

    def __init__(self, engine: RocksEngine, meta: StoreMeta, head: TreeHead | None) -> None:
        self._engine = engine
        self._meta = meta
        self._closed = False
        # The state of appending. `_head` is what is on disk: reads see nothing beyond it.
        self._head = head
        self._writing = asyncio.Lock()
        self._sync: asyncio.Future[None] | None = None
        self._outcome_unknown = False
        # Who appends has a filter. It may be asked once it has learnt every leaf hash that there was before.
        self._filter: LeafFilter | None = None
        self._filter_is_whole = False
        self._learning: asyncio.Task[None] | None = None

    @classmethod
    def create(cls, path: Path, meta: StoreMeta) -> Self:
        """Make a new store and return it open; its meta row is on disk then. Blocks.

        Raises StoreExistsError where there is one, StoreError. An interrupted creation leaves what `open` refuses.
        """
        engine = RocksEngine.create(path)
        engine.write([(keys.META, keys.encode_meta(meta))])
        engine.sync()
        engine.flush()
        store = cls(engine, meta, None)
        store._filter, store._filter_is_whole = LeafFilter(), True
        return store

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store and recover what its last run wrote. Blocks: replays up to a memtable of the write-ahead log.

        Raises StoreMissingError, StoreLockedError, StoreFormatError, StoreCorruptError, StoreError.
        """
        engine = RocksEngine.open(path)
        try:
            return cls.of_engine(engine)
        except StoreError:
            engine.close()
            raise

    @classmethod
    def of_engine(cls, engine: RocksEngine) -> Self:
        """Make the store over an open database. Raises StoreFormatError, StoreCorruptError, StoreError."""
        row = engine.get(keys.META)
        if row is None:
            msg = (
                "expected a meta row in the store, got none: its creation was interrupted, remove it and create it anew"
            )
            raise StoreFormatError(msg)
        last = engine.last(keys.HEADS, keys.HEADS_LAST)
        return cls(engine, keys.decode_meta(row), None if last is None else keys.decode_head(last))

    @property
    def meta(self) -> StoreMeta:
        """Return what the store was created with."""
        return self._meta

    async def append(self, write: RoundWrite, and_then: Callable[[], None] | None = None) -> None:
        """Write one round, as `Store` promises; each step says what a crash after it leaves."""
        async with self._writing:
            if self._outcome_unknown:
                msg = "expected a store whose last round is settled, got one whose last write failed: reopen it"
                raise StoreError(msg)
            check_round(write, self._size)
            # (1) Lay out the rows. Reads the fragments of a bundle that this round fills; nothing is written yet. What
            #     the filter learns here may never be written: it may say "perhaps" too often, and must not too rarely.
            puts, deletes = self._rows(write)
            self._fill_filter(write)
            # (2) From here on the outcome is unknown until the last step: also when this task is cancelled.
            self._outcome_unknown = True
            # (3) One atomic batch into the write-ahead log, in the system's memory. A crash of the process leaves the
            #     whole round or, where the record is torn, nothing of it; a crash of the machine leaves either.
            self._engine.write(puts, deletes)
            # (4) To the disk, and what follows. The thread goes on when this task is cancelled; `close` waits for it.
            self._sync = asyncio.get_running_loop().run_in_executor(None, self._make_durable, and_then)
            await asyncio.shield(self._sync)
            # (5) The round is durable, and from here on visible.
            self._head = write.head
            self._outcome_unknown = False

    def _make_durable(self, and_then: Callable[[], None] | None) -> None:
        self._engine.sync()
        if and_then is not None:
            and_then()

    async def latest_head(self) -> TreeHead | None:
        """Return the head of the last round, or None in a new store."""
        self._check_open()
        return self._head

    async def head_covering(self, size: TreeSize) -> TreeHead | None:
        """Return the first head of at least `size`, or None."""
        return next(self._heads_from(size), None)

    async def heads(self, start: TreeSize, limit: int) -> list[TreeHead]:
        """Return up to `limit` heads of size `start` and above."""
        return list(islice(self._heads_from(start), limit))

    async def read_tiles(self, tiles: Sequence[TileId]) -> list[bytes | None]:
        """Return each tile as wide as it is in the tree of the current size, or None."""
        return [None if value is None else value[0] for value in await self.read_tiles_with_inner_nodes(tiles)]

    async def read_tiles_with_inner_nodes(self, tiles: Sequence[TileId]) -> list[tuple[bytes, bytes] | None]:
        """Return each tile with its inner nodes, or None."""
        size = TreeSize(self._size)
        rows = self._engine.get_many([keys.tile_key(tile) for tile in tiles])
        values: list[tuple[bytes, bytes] | None] = []
        for tile, row in zip(tiles, rows, strict=True):
            end = tile_width(tile, size) * HASH_SIZE
            inner_nodes = row[TILE_BYTES:] if row and end == TILE_BYTES else b""
            values.append((row[:end], inner_nodes) if row and end else None)
        return values

    async def read_entries(self, start: LeafIndex, end: LeafIndex) -> list[bytes]:
        """Return the entries [start, end), with a pause for other tasks after each bundle."""
        if end > self._size:
            msg = f"expected entries below {self._size}, got a call for [{start}, {end})"
            raise StoreCorruptError(msg)
        entries: list[bytes] = []
        while start < end:
            bundle, offset = divmod(start, TILE_WIDTH)
            width = min(TILE_WIDTH, end - bundle * TILE_WIDTH)
            entries += decode_bundle(self._packed(bundle, width), width)[offset:]
            start = LeafIndex(bundle * TILE_WIDTH + width)
            await asyncio.sleep(0)
        return entries

    async def read_bundle(self, index: int, width: int) -> bytes | None:
        """Return the entry bundle `index` of the first `width` entries, or None beyond the end of the log."""
        return None if index * TILE_WIDTH + width > self._size else self._packed(index, width)

    async def find_leaves(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        """Return the index of the entry with each leaf hash, or None."""
        size = self._size
        found: list[LeafIndex | None] = [None] * len(leaf_hashes)
        places: Sequence[int] = range(len(leaf_hashes))
        if self._filter is not None and self._filter_is_whole:
            places = self._filter.possible(leaf_hashes)
        rows = self._engine.get_many(keys.leaf_keys(leaf_hashes[place] for place in places))
        for place, row in zip(places, rows, strict=True):
            if row is not None and (index := keys.decode_index(row)) < size:
                found[place] = index
        return found

    async def find_subject(self, subject: str, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return up to `limit` indexes, `start` and above, of the entries about `subject`."""
        prefix = keys.subject_prefix(subject)
        rows = self._engine.scan(prefix, prefix + keys.encode_number(start))
        indexes = (keys.decode_index(key) for key, _ in rows)
        return list(islice((index for index in indexes if index < self._size), limit))

    async def find_stream(self, issuer: str, stream: str, start_seq: int, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return up to `limit` (sequence number, index) of a stream from `start_seq` on."""
        prefix = keys.stream_prefix(issuer, stream)
        rows = self._engine.scan(prefix, keys.stream_block_start(prefix, start_seq))
        places = merge_places(rows, start_seq)
        return list(islice((place for place in places if place[1] < self._size), limit))

    @property
    def entry_file_bytes(self) -> int:
        """Return the bytes on disk of the packed entries, but for the newest, which are in the write-ahead log."""
        return self._engine.file_bytes(keys.ENTRIES)

    async def close(self) -> None:
        """Close the database after a write that still runs; every later call raises StoreClosedError."""
        async with self._writing:
            if self._closed:
                return
            if self._sync is not None:
                await asyncio.wait({self._sync})
            if self._learning is not None:
                self._learning.cancel()
                await asyncio.wait({self._learning})
            self._closed = True
            await asyncio.to_thread(self._engine.close)

    @property
    def _size(self) -> int:
        """Return the number of entries that are on disk."""
        self._check_open()
        return 0 if self._head is None else self._head.size

    def _check_open(self) -> None:
        if self._closed:
            msg = "expected an open store, got one that was closed"
            raise StoreClosedError(msg)

    def _fill_filter(self, write: RoundWrite) -> None:
        """Add the leaf hashes of a round; the first round after a start begins to add all others, from the tiles."""
        if self._filter is None:
            self._filter = LeafFilter()
            self._learning = asyncio.create_task(self._learn_leaves(self._filter, self._size))
        self._filter.add(map(_LEAF_HASH, write.entries))

    async def _learn_leaves(self, learning: LeafFilter, size: int) -> None:
        """Add the leaf hashes of the first `size` entries to a filter, a few tiles in each turn of the event loop.

        Some 50 us a tile: two seconds for 10^7 entries. Where tiles cannot be read the filter stays incomplete, and is
        not asked.
        """
        tiles = [TileId(0, index) for index in range(-(-size // TILE_WIDTH))]
        with contextlib.suppress(StoreError):
            for start in range(0, len(tiles), _LEARNT_AT_ONCE):
                rows = self._engine.get_many([keys.tile_key(tile) for tile in tiles[start : start + _LEARNT_AT_ONCE]])
                for row in rows:
                    if row is None:
                        return
                    learning.add_tile(row[:TILE_BYTES])
                await asyncio.sleep(0)
            self._filter_is_whole = True

    def _heads_from(self, size: TreeSize) -> Iterator[TreeHead]:
        """Yield the heads of at least `size` that are on disk."""
        durable = self._size
        for _, row in self._engine.scan(keys.HEADS, keys.head_key(size)):
            head = keys.decode_head(row)
            if head.size > durable:
                return
            yield head

    def _packed(self, bundle: int, width: int) -> bytes:
        """Return the first `width` entries of a bundle, packed. Raises StoreCorruptError when one is missing."""
        return b"".join(data for _, data in self._fragments(bundle, width))

    def _fragments(self, bundle: int, width: int) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, packed entries) along the chain of fragments up to `width` entries, where the last is cut."""
        offset = 0
        while offset < width:
            data = self._engine.get(keys.fragment_key(bundle, offset))
            if data is None:
                msg = f"expected the entries of bundle {bundle} from offset {offset} on, got none"
                raise StoreCorruptError(msg)
            count, end = keys.measure_fragment(data, width - offset)
            yield offset, data[:end]
            offset += count

    def _rows(self, write: RoundWrite) -> tuple[list[Row], list[bytes]]:
        """Return the rows that a round puts, and the keys that it deletes."""
        nodes = write.inner_nodes
        puts = [(keys.tile_key(tile), data + nodes.get(tile, b"")) for tile, data in write.tiles.items()]
        puts.append((keys.head_key(write.head.size), keys.encode_head(write.head)))
        deletes: list[bytes] = []
        for bundle in range(write.first // TILE_WIDTH, (write.head.size - 1) // TILE_WIDTH + 1):
            self._lay_out_bundle(write, bundle, puts, deletes)
        puts += index_rows(write.first, write.entries)
        return puts, deletes

    def _lay_out_bundle(self, write: RoundWrite, bundle: int, puts: list[Row], deletes: list[bytes]) -> None:
        """Add the round's part of one bundle: a fragment, or, where small ones have gathered, one row for them all."""
        start = max(write.first, bundle * TILE_WIDTH)
        end = min(write.head.size, (bundle + 1) * TILE_WIDTH)
        offset = start - bundle * TILE_WIDTH
        packed = encode_bundle(list(map(_ENTRY, write.entries[start - write.first : end - write.first])))
        if offset and end == (bundle + 1) * TILE_WIDTH:
            earlier = list(self._fragments(bundle, offset))
            if len(earlier) + 1 > FRAGMENTS_MAX:
                packed = b"".join([*(data for _, data in earlier), packed])
                deletes += [keys.fragment_key(bundle, place) for place, _ in earlier if place]
                offset = 0
        puts.append((keys.fragment_key(bundle, offset), packed))
