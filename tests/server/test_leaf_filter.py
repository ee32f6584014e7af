"""The filter over leaf hashes never denies one that the log has, whatever happened before."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.merkle import Hash, LeafIndex
from glasslog.tiles import TileId
from glasslog_server.errors import StoreError
from glasslog_server.storage import keys
from glasslog_server.storage.leaf_filter import LeafFilter
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from tests.server.rounds import META, Writer, check_store, row

HASHES = st.binary(min_size=32, max_size=32).map(Hash)
ABSENT = [Hash(Random(7).randbytes(32)) for _ in range(300)]


@settings(max_examples=50)
@given(added=st.lists(HASHES, max_size=40), asked=st.lists(HASHES, max_size=40))
def test_what_was_added_is_always_possible(added: list[Hash], asked: list[Hash]) -> None:
    """Held against a set: every member is possible, and of the others those alone that share the bit of a member."""
    leaf_filter = LeafFilter()
    leaf_filter.add(iter(added[:20]))
    leaf_filter.add_tile(b"".join(added[20:]))
    all_asked = [*asked, *added]
    possible = set(leaf_filter.possible(all_asked))
    assert possible >= {place for place, leaf in enumerate(all_asked) if leaf in set(added)}
    bits = {bit_of(leaf) for leaf in added}
    assert possible <= {place for place, leaf in enumerate(all_asked) if bit_of(leaf) in bits}


def bit_of(leaf: Hash) -> tuple[int, int]:
    word = int.from_bytes(leaf[:4], sys.byteorder)
    return word >> 7, word & 7


def test_most_absent_hashes_are_denied_in_a_large_filter() -> None:
    rng = Random(1)
    leaf_filter = LeafFilter()
    leaf_filter.add_tile(rng.randbytes(32 * 100_000))
    asked = [Hash(rng.randbytes(32)) for _ in range(20_000)]
    assert len(leaf_filter.possible(asked)) < 100  # expected: 7


class CountingEngine(RocksEngine):
    """An engine that counts the leaf rows that it is asked for."""

    __slots__ = ("asked", "torn")

    asked: int
    torn: int | None

    def get_many(self, wanted: Sequence[bytes]) -> list[bytes | None]:
        self.asked += sum(key.startswith(b"l") for key in wanted)
        if any(key[:2] == b"t\x00" and int.from_bytes(key[2:], "big") == self.torn for key in wanted):
            msg = "a tile that cannot be read"
            raise StoreError(msg)
        return super().get_many(wanted)


async def reopened(path: Path, size: int, torn: int | None = None) -> tuple[RocksStore, CountingEngine]:
    """Return a store of `size` entries that was closed and opened again, and its engine."""
    store = RocksStore.create(path, META)
    await Writer().write(store, [size])
    await store.close()
    engine = CountingEngine.open(path)
    engine.asked, engine.torn = 0, torn
    return RocksStore.of_engine(engine), engine


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


async def test_a_new_store_looks_for_nothing_that_it_knows_to_be_absent(path: Path) -> None:
    store = RocksStore.create(path, META)
    await Writer().write(store, [300, 300])
    await check_store(store, 600)
    assert await store.find_leaves(ABSENT) == [None] * len(ABSENT)
    await store.close()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 2_048, 2_049, 5_000])
async def test_a_reopened_store_learns_all_leaves_and_then_looks_for_few(path: Path, size: int) -> None:
    store, engine = await reopened(path, size)
    writer = Writer.after(size)
    assert await store.find_leaves(ABSENT) == [None] * len(ABSENT)
    assert engine.asked == len(ABSENT)  # nothing was learnt yet: a reader that never appends learns nothing at all
    await writer.write(store, [10])
    await turns(10)
    engine.asked = 0
    assert await store.find_leaves(ABSENT) == [None] * len(ABSENT)
    assert engine.asked < 10
    await check_store(store, size + 10)
    await store.close()


async def test_while_it_learns_every_entry_is_found(path: Path) -> None:
    """Rounds are appended and entries are looked for between the turns in which the filter learns."""
    size = 20_000
    store, _ = await reopened(path, size)
    writer = Writer.after(size)
    wanted = [0, 255, 256, 10_000, size - 1]
    for grown in range(1, 30):
        await writer.write(store, [1])
        newest = size + grown - 1
        hashes = [row(number).leaf_hash for number in [*wanted, newest]]
        assert await store.find_leaves([*hashes, ABSENT[0]]) == [*wanted, newest, None]
        await turns(1)
    await store.close()


@pytest.mark.parametrize("torn", [0, 3, 9])
async def test_with_a_tile_that_cannot_be_read_the_filter_is_never_asked(path: Path, torn: int) -> None:
    store, engine = await reopened(path, 2_500, torn)
    await Writer.after(2_500).write(store, [10])
    await turns(20)
    engine.asked = 0
    assert await store.find_leaves([*ABSENT, row(2_400).leaf_hash]) == [*[None] * len(ABSENT), 2_400]
    assert engine.asked == len(ABSENT) + 1
    await store.close()


async def test_with_a_tile_that_is_not_there_the_filter_is_never_asked(path: Path) -> None:
    store, engine = await reopened(path, 2_500)
    engine.write([], [keys.tile_key(TileId(0, 5))])
    await Writer.after(2_500).write(store, [10])
    await turns(20)
    assert await store.find_leaves([row(5 * 256).leaf_hash, *ABSENT]) == [LeafIndex(5 * 256), *[None] * len(ABSENT)]
    await store.close()


async def test_closing_a_store_that_still_learns_ends_it(path: Path) -> None:
    store, _ = await reopened(path, 10_000)
    await Writer.after(10_000).write(store, [1])
    await store.close()
    reopened_store = RocksStore.open(path)
    await check_store(reopened_store, 10_001)
    await reopened_store.close()
