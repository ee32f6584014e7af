"""A process that does not own the store reads it: what is published, and nothing beyond."""

import time
from pathlib import Path

import pytest

from glasslog.merkle import LeafIndex
from glasslog_server.errors import StoreError
from glasslog_server.storage import keys, rocks_secondary
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.rocks_secondary import SecondaryEngine, SecondaryStore
from tests.server.rounds import META, Writer


async def test_a_follower_reads_what_the_writer_has_published(tmp_path: Path) -> None:
    writer, store = Writer(), RocksStore.create(tmp_path / "store", META)
    await writer.write(store, [10, 300])
    follower = SecondaryStore.follow(tmp_path / "store", tmp_path / "own")
    assert follower.meta == META
    assert follower.size == 310
    assert await follower.read_entries(LeafIndex(0), LeafIndex(310)) == await store.read_entries(
        LeafIndex(0), LeafIndex(310)
    )
    await writer.write(store, [5])
    assert follower.size == 310
    published = await store.latest_head()
    assert published is not None
    follower.catch_up(published)
    assert follower.size == 315
    await follower.close()
    await store.close()


async def test_a_head_that_the_writer_does_not_have_is_an_error(tmp_path: Path) -> None:
    writer, store = Writer(), RocksStore.create(tmp_path / "store", META)
    await writer.write(store, [3])
    follower = SecondaryStore.follow(tmp_path / "store", tmp_path / "own")
    elsewhere, other = Writer(), RocksStore.create(tmp_path / "other", META)
    await elsewhere.write(other, [3, 4])
    foreign = await other.latest_head()
    assert foreign is not None
    with pytest.raises(StoreError, match="expected the published head of size 7 in the store, got none"):
        follower.catch_up(foreign)
    for opened in (follower, store, other):
        await opened.close()


def test_a_view_that_is_empty_at_first_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer that recovers looks like for some milliseconds."""
    engine = RocksEngine.create(tmp_path / "store")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        engine.write([(keys.META, keys.encode_meta(META))])

    monkeypatch.setattr(time, "sleep", pause)
    follower = SecondaryStore.follow(tmp_path / "store", tmp_path / "own")
    assert follower.meta == META
    assert len(pauses) == 1
    engine.close()


def test_a_view_that_stays_empty_is_no_reason_to_remove_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = RocksEngine.create(tmp_path / "store")
    monkeypatch.setattr(rocks_secondary, "OPENING_S", 0.05)
    with pytest.raises(StoreError, match=r"expected to see what the writer of .* has written, got an empty view"):
        SecondaryStore.follow(tmp_path / "store", tmp_path / "own")
    engine.close()


def test_nobody_waits_for_a_view_that_is_not_wanted_any_more(tmp_path: Path) -> None:
    engine = RocksEngine.create(tmp_path / "store")
    asked: list[None] = []

    def give_up() -> bool:
        asked.append(None)
        return len(asked) == 2

    with pytest.raises(StoreError, match="got an empty view"):
        SecondaryStore.follow(tmp_path / "store", tmp_path / "own", give_up)
    assert len(asked) == 2
    engine.close()


LARGE = bytes(range(256)) * 256  # as large as a bundle


def test_large_rows_that_were_written_out_can_be_read(tmp_path: Path) -> None:
    """Once they were in files of their own, and a secondary that read one crashed its process."""
    engine = RocksEngine.create(tmp_path / "store")
    engine.write([(b"large", LARGE)])
    engine.flush()
    follower = SecondaryEngine(tmp_path / "store", tmp_path / "own")
    assert follower.get(b"large") == LARGE
    assert [value for _, value in follower.scan(b"large", b"large")] == [LARGE]
    follower.close()
    engine.close()


def test_a_store_is_seen_after_large_rows_were_replaced(tmp_path: Path) -> None:
    """Once the files of replaced rows were removed, and then a new secondary saw nothing at all."""
    engine = RocksEngine.create(tmp_path / "store")
    for name in (b"first", b"second"):
        engine.write([(name, LARGE)])
        engine.flush()
    follower = SecondaryEngine(tmp_path / "store", tmp_path / "own")
    engine.write([(b"third", b"small")], deletes=[b"second"])
    engine.flush()
    engine._db.compact_range(None, None)  # noqa: SLF001 (a server never does this by hand)
    engine.write([(b"fourth", b"after")])
    engine.flush()
    opened_anew = SecondaryEngine(tmp_path / "store", tmp_path / "new")
    follower.catch_up()
    for reader in (follower, opened_anew):
        names = [b"first", b"second", b"third", b"fourth"]
        assert reader.get_many(names) == [LARGE, None, b"small", b"after"]
        reader.close()
    engine.close()
