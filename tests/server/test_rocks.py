"""What is RocksDB's own: opening, closing, locking, recovery and damage on disk."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from glasslog.merkle import TreeSize
from glasslog.tiles import encode_bundle
from glasslog_server.core.limits import STORE_CACHE_BYTES
from glasslog_server.errors import (
    StoreCorruptError,
    StoreError,
    StoreExistsError,
    StoreFormatError,
    StoreLockedError,
    StoreMissingError,
)
from glasslog_server.storage import keys
from glasslog_server.storage.rocks import FRAGMENTS_MAX, RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.rocks_options import FAMILIES, TREE_FAMILY
from glasslog_server.storage.rows import merge_places
from tests.server.rounds import META, Writer, check_store, entry, head, row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


async def make(path: Path, *counts: int) -> None:
    store = RocksStore.create(path, META)
    await Writer().write(store, counts)
    await store.close()


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store as a crash leaves it: four rounds of 10 entries, in the write-ahead log alone."""
    folder = tmp_path_factory.mktemp("crashed")

    async def copy_while_running() -> None:
        store = RocksStore.create(folder / "running", META)
        await Writer().write(store, [10] * 4)
        shutil.copytree(folder / "running", folder / "store")
        await store.close()

    asyncio.run(copy_while_running())
    return folder / "store"


def log_of(store: Path) -> Path:
    """Return the one write-ahead log that holds anything."""
    (log,) = [file for file in store.glob("*.log") if file.stat().st_size]
    return log


# ------------------------------------------------------------------------------------------------- creating and opening


@pytest.mark.parametrize("counts", [(), (1,), (300, 1, 700)])
async def test_a_reopened_store_holds_what_was_appended_and_goes_on(path: Path, counts: tuple[int, ...]) -> None:
    await make(path, *counts)
    for _ in range(3):
        store = RocksStore.open(path)
        assert store.meta == META
        head = await store.latest_head()
        size = head.size if head else 0
        await check_store(store, size)
        await store.append(Writer.after(size).round(100))
        await store.close()
    store = RocksStore.open(path)
    await check_store(store, sum(counts) + 300)
    await store.close()


@pytest.mark.parametrize("exists", [False, True], ids=["no folder", "empty folder"])
def test_a_missing_store_is_not_made_by_opening_it(path: Path, *, exists: bool) -> None:
    if exists:
        path.mkdir()
    with pytest.raises(StoreMissingError, match="glasslog-server init"):
        RocksStore.open(path)
    assert path.exists() == exists
    assert not exists or list(path.iterdir()) == []


async def test_a_store_is_never_created_over_another(path: Path) -> None:
    await make(path, 5)
    with pytest.raises(StoreExistsError, match="never overwritten"):
        RocksStore.create(path, META)
    store = RocksStore.open(path)
    await check_store(store, 5)
    await store.close()


def test_a_store_in_a_place_that_is_no_folder_is_refused(path: Path) -> None:
    path.write_text("a file")
    with pytest.raises(StoreError, match="could not"):
        RocksStore.create(path, META)
    with pytest.raises(StoreError, match="expected a store"):
        RocksStore.open(path)


async def test_folders_above_a_new_store_are_made(path: Path) -> None:
    await make(path / "deep" / "deeper", 1)
    store = RocksStore.open(path / "deep" / "deeper")
    await check_store(store, 1)
    await store.close()


def test_an_interrupted_creation_is_recognised(path: Path) -> None:
    RocksEngine.create(path).close()
    with pytest.raises(StoreFormatError, match="its creation was interrupted"):
        RocksStore.open(path)


@pytest.mark.parametrize("version", [0, 3, 5, 2**32 - 1])
def test_a_store_of_another_format_is_refused(path: Path, version: int) -> None:
    write_row(path, keys.META, version.to_bytes(4, "big") + keys.encode_meta(META)[4:])
    with pytest.raises(StoreFormatError, match=f"expected a store of format version 4, got {version}:"):
        RocksStore.open(path)
    with pytest.raises(StoreFormatError):
        RocksStore.open(path)


@pytest.mark.parametrize("damage", [lambda data: data[:19], lambda data: data + b"\xff"])
def test_a_meta_row_that_says_nothing_is_corrupt(path: Path, damage: Callable[[bytes], bytes]) -> None:
    write_row(path, keys.META, damage(keys.encode_meta(META)))
    with pytest.raises(StoreCorruptError, match="expected a store id and an origin"):
        RocksStore.open(path)


def write_row(path: Path, key: bytes, value: bytes) -> None:
    exists = (path / "CURRENT").exists()
    engine = RocksEngine.open(path) if exists else RocksEngine.create(path)
    engine.write([(key, value)])
    engine.sync()
    engine.close()


def test_a_store_without_the_families_of_this_format_is_refused_and_left_alone(path: Path) -> None:
    before = Options(raw_mode=True)
    Rdict(str(path), before).close()
    with pytest.raises(StoreFormatError, match="use the release that wrote it"):
        RocksStore.open(path)
    Rdict(str(path), Options(raw_mode=True)).close()


async def test_a_reopened_store_runs_with_our_options_and_not_with_those_on_disk(path: Path) -> None:
    await make(path, 1)
    store = RocksStore.open(path)
    said = (path / "LOG").read_text()
    await store.close()
    assert re.findall(r"\n +capacity : (\d+)\n", said) == [str(STORE_CACHE_BYTES)] * 2  # and none for entries
    assert len(set(re.findall(r"\n +block_cache: (0x\w+)\n", said))) == 1
    assert re.findall(r"\n +filter_policy: (\w+)\n", said) == ["bloomfilter"] * len({*FAMILIES.values(), TREE_FAMILY})
    assert sorted(re.findall(r"Options\.compression: (\w+)\n", said)) == ["LZ4", "LZ4", "NoCompression"]
    assert re.findall(r"Options\.wal_recovery_mode: (\d+)\n", said) == ["0"]  # tolerate_corrupted_tail_records


async def test_the_bytes_of_entries_on_disk_are_known_once_they_are_written_out(path: Path) -> None:
    store = RocksStore.create(path, META)
    await Writer().write(store, [600])
    assert store.entry_file_bytes == 0
    await store.close()
    store = RocksStore.open(path)
    assert 10_000 < store.entry_file_bytes < sum(file.stat().st_size for file in path.glob("*.sst"))
    await store.close()


# ----------------------------------------------------------------------------------------------------- two at one store


async def test_a_second_opener_in_this_process_is_refused(path: Path) -> None:
    store = RocksStore.create(path, META)
    with pytest.raises(StoreLockedError, match="lock"):
        RocksStore.open(path)
    await Writer().write(store, [3])
    await check_store(store, 3)
    await store.close()


async def test_a_second_opener_in_another_process_is_refused(path: Path) -> None:
    store = RocksStore.create(path, META)
    code = (
        "import sys, pathlib\n"
        "from glasslog_server.errors import StoreLockedError\n"
        "from glasslog_server.storage.rocks import RocksStore\n"
        "try:\n"
        "    RocksStore.open(pathlib.Path(sys.argv[1]))\n"
        "except StoreLockedError as error:\n"
        "    print(error.code)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    assert run.stdout == "store_locked\n"
    await store.close()


# --------------------------------------------------------------------------------------------------------------- layout


async def test_a_full_bundle_is_one_row_however_small_the_rounds(path: Path) -> None:
    store = RocksStore.create(path, META)
    await Writer().write(store, [1, 2, 200, 50, 1, 1, 1, 3, 200, 50, 2, 1])
    await store.close()
    engine = RocksEngine.open(path)
    fragments = [key for key, _ in engine.scan(b"e", b"e")]
    assert fragments == [keys.fragment_key(0, 0), keys.fragment_key(1, 0)]
    engine.close()


async def test_a_full_bundle_stays_in_a_few_fragments(path: Path) -> None:
    store = RocksStore.create(path, META)
    writer = Writer()
    await writer.write(store, [100, 1, 299, 200])
    await check_store(store, 600)
    assert await store.read_bundle(1, 200) == encode_bundle(entry(number) for number in range(256, 456))
    await store.close()
    engine = RocksEngine.open(path)
    fragments = [key for key, _ in engine.scan(b"e", b"e")]
    places = [(0, 0), (0, 100), (0, 101), (1, 0), (1, 144), (2, 0)]
    assert FRAGMENTS_MAX >= 3
    assert fragments == [keys.fragment_key(bundle, offset) for bundle, offset in places]
    engine.close()


async def test_a_round_adds_one_fragment_to_an_open_bundle(path: Path) -> None:
    store = RocksStore.create(path, META)
    await Writer().write(store, [1, 2, 50])
    await store.close()
    engine = RocksEngine.open(path)
    fragments = [key for key, _ in engine.scan(b"e", b"e")]
    assert fragments == [keys.fragment_key(0, 0), keys.fragment_key(0, 1), keys.fragment_key(0, 3)]
    engine.close()


def test_places_that_lie_far_apart_are_in_rows_of_their_own() -> None:
    places = [(256, 0), (256, 2**15 - 1), (257, 2**15), (258, 2**16), (511, 2**40)]
    rows = list(keys.encode_stream_rows(b"q" + bytes(16), places))
    assert [keys.decode_stream_row(key, value) for key, value in rows] == [
        places[:2],
        places[2:3],
        places[3:4],
        places[4:],
    ]
    assert list(merge_places(sorted(rows), 257)) == places[2:]


# --------------------------------------------------------------------------------------------------------------- damage


async def test_a_torn_end_of_the_log_loses_whole_rounds_and_no_others(crashed: Path, tmp_path: Path) -> None:
    """Cut the write-ahead log anywhere: what is behind the cut was never acknowledged, what is before it is there."""
    log = log_of(crashed)
    whole = log.stat().st_size
    sizes = []
    for cut in [*range(whole // 20, whole, whole // 20), whole - 1, whole]:
        copy = tmp_path / f"cut at {cut}"
        shutil.copytree(crashed, copy)
        os.truncate(copy / log.name, cut)
        store = RocksStore.open(copy)
        sizes.append(await size_of(store))
        await check_store(store, sizes[-1])
        await store.append(Writer.after(sizes[-1]).round(3))
        await store.close()
    assert sizes == sorted(sizes)
    assert set(sizes) == {0, 10, 20, 30, 40}
    assert sizes[-2:] == [30, 40]


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=25)
async def test_a_flipped_bit_in_the_log_is_refused_or_ends_it(crashed: Path, place: int, bit: int) -> None:
    """What hides behind a damaged length looks like a torn end: then the guard, which is ahead, stops the start."""
    log = log_of(crashed)
    data = bytearray(log.read_bytes())
    data[place % len(data)] ^= 1 << bit
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "store"
        shutil.copytree(crashed, copy)
        (copy / log.name).write_bytes(data)
        try:
            store = RocksStore.open(copy)
        except StoreCorruptError:
            return
        size = await size_of(store)
        assert size in {0, 10, 20, 30}
        await check_store(store, size)
        await store.close()


async def test_damage_before_the_end_of_the_log_is_refused(crashed: Path, path: Path) -> None:
    shutil.copytree(crashed, path)
    data = bytearray(log_of(path).read_bytes())
    data[len(data) // 3] ^= 1
    log_of(path).write_bytes(data)
    with pytest.raises(StoreCorruptError, match="Corruption"):
        RocksStore.open(path)


async def test_damage_in_a_table_is_never_taken_for_absence(path: Path) -> None:
    await make(path, 300)
    for table in path.glob("*.sst"):
        data = bytearray(table.read_bytes())
        for place in range(0, len(data), 50):
            data[place] ^= 1
        table.write_bytes(data)
    with pytest.raises(StoreError, match="could not"):
        await check_store(RocksStore.open(path), 300)


def test_a_scan_over_a_damaged_block_does_not_end_as_if_there_were_no_more(path: Path) -> None:
    engine = RocksEngine.create(path)
    rows = [(b"u%04d" % number, os.urandom(100)) for number in range(1_000)]
    engine.write(rows)
    engine.flush()
    engine.close()
    (table,) = path.glob("*.sst")
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    engine = RocksEngine.open(path)
    scan = engine.scan(b"u", b"u")
    assert [next(scan) for _ in range(100)] == rows[:100]
    with pytest.raises(StoreCorruptError, match="could not scan rows"):
        list(scan)
    del scan
    engine.close()


DAMAGED_ROWS: list[tuple[bytes, bytes, str]] = [
    (keys.fragment_key(0, 0), b"", "whole entries"),
    (keys.fragment_key(0, 0), b"\0", "whole entries"),
    (keys.fragment_key(0, 0), b"\0\5four", "whole entries"),
    (keys.fragment_key(0, 0), b"\0\1x", "expected the entries of bundle 0 from offset 1 on, got none"),
    (keys.leaf_keys([row(0).leaf_hash])[0], b"short", "expected an index of 8 bytes, got 5"),
    (keys.stream_prefix("https://issuer.example", "stream 1") + bytes(16), b"xx", "expected places of a stream"),
    (keys.head_key(TreeSize(20)), b"short", "expected a tree head of"),
    (keys.head_key(TreeSize(20)), bytes(100), "expected a tree head of 60 bytes, got 100"),
]


@pytest.mark.parametrize("key, value, message", DAMAGED_ROWS)
async def test_a_row_that_cannot_be_read_is_our_fault(path: Path, key: bytes, value: bytes, message: str) -> None:
    await make(path, 20, 10)
    write_row(path, key, value)
    store = RocksStore.open(path)

    async def read_all() -> None:
        await store.read_bundle(0, 20)
        await store.find_leaves([row(0).leaf_hash])
        await store.heads(TreeSize(0), 9)
        await store.find_stream("https://issuer.example", "stream 1", 0, 9)

    with pytest.raises(StoreCorruptError, match=message):
        await read_all()
    await store.close()


async def test_a_newest_head_that_cannot_be_read_stops_the_start(path: Path) -> None:
    await make(path, 20)
    write_row(path, keys.head_key(TreeSize(20)), b"short")
    with pytest.raises(StoreCorruptError, match="expected a tree head"):
        RocksStore.open(path)
    write_row(path, keys.head_key(TreeSize(20)), keys.encode_head(head(20, Writer.after(20).tree.root())))
    store = RocksStore.open(path)
    await check_store(store, 20)
    await store.close()


async def test_a_round_that_would_fill_a_bundle_with_a_hole_is_refused_before_it_is_written(path: Path) -> None:
    await make(path, 20, 10)
    write_row(path, keys.fragment_key(0, 0), b"\0\1x")
    store = RocksStore.open(path)
    with pytest.raises(StoreCorruptError, match="bundle 0 from offset 1 on"):
        await store.append(Writer.after(30).round(226))
    await store.append(Writer.after(30).round(1))
    assert await size_of(store) == 31
    await store.close()


async def size_of(store: RocksStore) -> int:
    latest = await store.latest_head()
    return latest.size if latest else 0
