"""A process that does not own the store reads it: what is published, and nothing beyond."""

import time
from pathlib import Path

import pytest

from glasslog.merkle import LeafIndex
from glasslog_server.errors import StoreError
from glasslog_server.storage import keys, rocks_secondary
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.rocks_secondary import SecondaryStore
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
