"""Rounds to write into a store: whole and consistent, but with heads that nobody signed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_leaf
from glasslog.tiles import TileId
from glasslog_server.core.round import Candidate
from glasslog_server.core.tile_nodes import inner_nodes_of
from glasslog_server.core.tree import TILE_BYTES, Tree
from glasslog_server.storage.store import RoundWrite, Store, StoreMeta, TreeHead

META = StoreMeta(bytes(range(16)), "log.example/decisions")


def entry(number: int) -> bytes:
    """Return an entry whose length, 10 to 96 bytes, and content depend on its number."""
    return b"entry %d " % number + hashlib.sha512(b"%d" % number).digest()[: number * 7 % 70]


def row(number: int) -> Candidate:
    """Return entry `number` of a log with 7 subjects and 3 streams; every fifth entry has no stream."""
    data = entry(number)
    stream = None if number % 5 == 0 else (f"stream {number % 3}", number // 3)
    subject = f"urn:example:{number % 7}"
    return Candidate(data, hash_leaf(data), "https://issuer.example", subject, bytes(32), "text/plain", None, stream)


def head(size: int, root: Hash) -> TreeHead:
    return TreeHead(
        TreeSize(size),
        root,
        1_700_000_000 + size,
        f"note {size}".encode(),
        b"protected %d" % size,
        bytes([size % 256] * 64),
    )


@dataclass
class Writer:
    """Make the rounds of a log one after the other, as the sequencer would."""

    tree: Tree = field(default_factory=Tree)
    tiles: dict[TileId, bytes] = field(default_factory=dict)
    heads: list[TreeHead] = field(default_factory=list)

    @classmethod
    def after(cls, size: int) -> Self:
        """Return a writer of the rounds that follow a log of `size` entries."""
        writer = cls()
        writer.tree.append([row(number).leaf_hash for number in range(size)])
        return writer

    def round(self, count: int) -> RoundWrite:
        """Return a round of the next `count` entries."""
        return self.round_of([row(number) for number in range(self.tree.size, self.tree.size + count)])

    def round_of(self, rows: Sequence[Candidate]) -> RoundWrite:
        first = LeafIndex(self.tree.size)
        changed = self.tree.append([new.leaf_hash for new in rows])
        self.tiles.update(changed)
        self.heads.append(head(self.tree.size, self.tree.root()))
        nodes = {tile: inner_nodes_of(data) for tile, data in changed.items() if len(data) == TILE_BYTES}
        return RoundWrite(first, rows, changed, nodes, self.heads[-1])

    async def write(self, store: Store, counts: Iterable[int]) -> None:
        for count in counts:
            await store.append(self.round(count))


async def check_store(store: Store, size: int) -> None:
    """Read everything that a log of `size` entries made by `Writer.round` must hold, by every way there is."""
    latest = await store.latest_head()
    assert (latest.size if latest else 0) == size
    assert await store.read_entries(LeafIndex(0), LeafIndex(size)) == [entry(number) for number in range(size)]
    rows = [row(number) for number in range(size)]
    assert await store.find_leaves([each.leaf_hash for each in rows]) == list(range(size))
    tree = Tree()
    tiles = tree.append([each.leaf_hash for each in rows])
    assert await store.read_tiles(list(tiles)) == list(tiles.values())
    nodes = [inner_nodes_of(data) if len(data) == TILE_BYTES else b"" for data in tiles.values()]
    assert await store.read_tiles_with_inner_nodes(list(tiles)) == list(zip(tiles.values(), nodes, strict=True))
    assert latest is None or latest == head(size, tree.root())
    for subject in range(7):
        found = await store.find_subject(f"urn:example:{subject}", LeafIndex(0), size + 1)
        assert found == list(range(subject, size, 7))
    for stream in range(3):
        expected = [(number // 3, number) for number in range(stream, size, 3) if number % 5]
        assert await store.find_stream("https://issuer.example", f"stream {stream}", 0, size + 1) == expected
