"""One suite for every engine: each promise of the `Store` protocol is a test here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.limits import ENTRY_BYTES_MAX
from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_leaf
from glasslog.tiles import TileId, decode_bundle, encode_bundle
from glasslog_server.core.round import Candidate
from glasslog_server.errors import GuardError, StoreClosedError, StoreConflictError, StoreCorruptError
from glasslog_server.storage.memory import MemoryStore
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.store import SEQ_MAX, RoundWrite, Store
from tests.server.rounds import META, Writer, check_store, entry, row


def create(engine: str, folder: Path) -> Store:
    return MemoryStore(META) if engine == "memory" else RocksStore.create(folder / "store", META)


@pytest.fixture(params=["memory", "rocks"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store = create(request.param, tmp_path)
    yield store
    await store.close()


@pytest.fixture
def writer() -> Writer:
    return Writer()


def numbered(*numbers: int) -> list[LeafIndex]:
    return [LeafIndex(number) for number in numbers]


# ---------------------------------------------------------------------------------------------------------- a new store


async def test_a_new_store_knows_its_name_and_nothing_else(store: Store) -> None:
    assert store.meta == META
    assert await store.latest_head() is None
    assert await store.head_covering(TreeSize(0)) is None
    assert await store.heads(TreeSize(0), 10) == []
    assert await store.read_tiles([TileId(0, 0)]) == [None]
    assert await store.read_entries(LeafIndex(0), LeafIndex(0)) == []
    assert await store.read_bundle(0, 1) is None
    assert await store.find_leaves([row(0).leaf_hash]) == [None]
    assert await store.find_subject("urn:example:0", LeafIndex(0), 10) == []
    assert await store.find_stream("https://issuer.example", "stream 0", 0, 10) == []
    await check_store(store, 0)


async def test_reading_nothing_gives_nothing(store: Store, writer: Writer) -> None:
    await writer.write(store, [3])
    assert await store.read_tiles([]) == []
    assert await store.find_leaves([]) == []
    assert await store.heads(TreeSize(0), 0) == []
    assert await store.find_subject("urn:example:0", LeafIndex(0), 0) == []
    assert await store.find_stream("https://issuer.example", "stream 1", 0, 0) == []


# ------------------------------------------------------------------------------------------------------------ appending


@pytest.mark.parametrize(
    "counts", [[1], [255], [256], [257], [1] * 5, [255, 1], [255, 2], [256, 1], [100, 100, 100], [1, 600, 1, 256, 42]]
)
async def test_what_was_appended_is_there_whatever_the_rounds(store: Store, writer: Writer, counts: list[int]) -> None:
    size = 0
    for count in counts:
        await store.append(writer.round(count))
        size += count
        await check_store(store, size)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
@settings(max_examples=15)
@pytest.mark.parametrize("engine", ["memory", "rocks"])
async def test_bundles_are_the_same_across_rounds_of_any_size(engine: str, counts: list[int]) -> None:
    with TemporaryDirectory() as folder:
        store = create(engine, Path(folder))
        await Writer().write(store, counts)
        await check_store(store, sum(counts))
        for bundle in range(sum(counts) // 256 + 1):
            width = min(256, sum(counts) - 256 * bundle)
            if width:
                expected = encode_bundle(entry(256 * bundle + place) for place in range(width))
                assert await store.read_bundle(bundle, width) == expected
        await store.close()


@pytest.mark.parametrize("damage", ["gap", "overlap", "no entries", "head too small", "head too large"])
async def test_a_round_that_does_not_follow_is_refused_before_anything_is_written(
    store: Store, writer: Writer, damage: str
) -> None:
    await writer.write(store, [10])
    good = writer.round(5)
    bad = {
        "gap": replace(good, first=LeafIndex(11), head=replace(good.head, size=TreeSize(16))),
        "overlap": replace(good, first=LeafIndex(9), head=replace(good.head, size=TreeSize(14))),
        "no entries": replace(good, entries=[], head=replace(good.head, size=TreeSize(10))),
        "head too small": replace(good, head=replace(good.head, size=TreeSize(14))),
        "head too large": replace(good, head=replace(good.head, size=TreeSize(16))),
    }[damage]
    with pytest.raises(StoreConflictError, match="expected a round"):
        await store.append(bad)
    await check_store(store, 10)
    await store.append(good)
    await check_store(store, 15)


@pytest.mark.parametrize(
    "bad_row",
    [
        row(2)._replace(entry=bytes(ENTRY_BYTES_MAX + 1)),
        row(2)._replace(leaf_hash=Hash(bytes(31))),
        row(2)._replace(stream=("s", -1)),
        row(2)._replace(stream=("s", SEQ_MAX + 1)),
    ],
)
async def test_a_row_that_cannot_be_stored_is_refused_before_anything_is_written(
    store: Store, writer: Writer, bad_row: Candidate
) -> None:
    good = writer.round(3)
    bad = replace(good, entries=[*good.entries[:2], bad_row])
    with pytest.raises(StoreConflictError, match="expected"):
        await store.append(bad)
    await check_store(store, 0)
    await store.append(good)
    await check_store(store, 3)


async def test_a_root_of_another_length_is_refused(store: Store, writer: Writer) -> None:
    good = writer.round(1)
    with pytest.raises(StoreConflictError, match="expected a root of 32 bytes, got 31"):
        await store.append(replace(good, head=replace(good.head, root=Hash(bytes(31)))))


@pytest.mark.parametrize(
    "inner_nodes", [{}, {TileId(0, 0): bytes(1_151)}, {TileId(0, n): bytes(1_152) for n in range(2)}]
)
async def test_a_full_tile_without_its_inner_nodes_is_refused(
    store: Store, writer: Writer, inner_nodes: dict[TileId, bytes]
) -> None:
    good = writer.round(300)
    with pytest.raises(StoreConflictError, match="expected 1152 bytes of inner nodes"):
        await store.append(replace(good, inner_nodes=inner_nodes))
    await check_store(store, 0)
    await store.append(good)
    await check_store(store, 300)


async def test_of_two_rounds_at_once_one_is_refused(store: Store, writer: Writer) -> None:
    first, second = writer.round(5), Writer().round(7)
    outcomes = await asyncio.gather(store.append(first), store.append(second), return_exceptions=True)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], StoreConflictError)
    await check_store(store, 5)


async def test_rounds_called_at_once_are_written_one_after_the_other(store: Store, writer: Writer) -> None:
    await asyncio.gather(*(store.append(writer.round(count)) for count in (100, 200, 1, 300)))
    await check_store(store, 601)


async def test_what_follows_a_round_is_called_once_and_its_error_is_raised(store: Store, writer: Writer) -> None:
    calls = []
    await store.append(writer.round(5), lambda: calls.append("here"))
    assert calls == ["here"]
    bad = replace(writer.round(5), first=LeafIndex(99))
    with pytest.raises(StoreConflictError):
        await store.append(bad, lambda: calls.append("not here"))
    assert calls == ["here"]

    def fail() -> None:
        raise GuardError("no")

    with pytest.raises(GuardError, match="no"):
        await store.append(Writer.after(5).round(5), fail)


async def test_no_reader_sees_half_a_round(store: Store, writer: Writer) -> None:
    await writer.write(store, [1])
    appending = asyncio.create_task(writer.write(store, [250, 10, 255, 1, 600]))
    allowed = {1, 251, 261, 516, 517, 1_117}
    last = row(1_116).leaf_hash
    seen = set()
    while not appending.done():
        head = await store.latest_head()
        assert head is not None
        seen.add(head.size)
        heads = await store.heads(TreeSize(0), 100)
        assert {each.size for each in heads} == {size for size in allowed if size <= head.size}
        assert await store.head_covering(TreeSize(head.size + 1)) is None
        assert len(await store.find_subject("urn:example:0", LeafIndex(0), 2_000)) == (head.size + 6) // 7
        assert await store.find_leaves([last]) == [1_116 if head.size == 1_117 else None]
        assert await store.read_bundle(head.size // 256, head.size % 256 + 1) is None
        with pytest.raises(StoreCorruptError, match="expected entries below"):
            await store.read_entries(LeafIndex(0), LeafIndex(head.size + 1))
        await asyncio.sleep(0)
    await appending
    assert seen <= allowed
    await check_store(store, 1_117)


# ---------------------------------------------------------------------------------------------------------------- heads


async def test_heads_come_back_as_they_were_written(store: Store, writer: Writer) -> None:
    await writer.write(store, [1, 2, 300, 5])
    assert await store.heads(TreeSize(0), 10) == writer.heads
    assert await store.latest_head() == writer.heads[-1]
    assert [head.size for head in writer.heads] == [1, 3, 303, 308]


async def test_heads_are_read_from_a_size_on_and_up_to_a_limit(store: Store, writer: Writer) -> None:
    await writer.write(store, [1, 2, 300, 5])
    assert await store.heads(TreeSize(3), 2) == writer.heads[1:3]
    assert await store.heads(TreeSize(4), 9) == writer.heads[2:]
    assert await store.heads(TreeSize(309), 9) == []


async def test_the_first_head_that_covers_a_size_is_found(store: Store, writer: Writer) -> None:
    await writer.write(store, [1, 2, 300, 5])
    covering = {0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 303: 2, 304: 3, 308: 3}
    for size, place in covering.items():
        assert await store.head_covering(TreeSize(size)) == writer.heads[place]
    assert await store.head_covering(TreeSize(309)) is None


async def test_a_head_may_have_empty_and_long_parts(store: Store, writer: Writer) -> None:
    write = writer.round(1)
    head = replace(write.head, note=b"", receipt_protected=bytes(5_000), receipt_signature=b"")
    await store.append(replace(write, head=head))
    assert await store.heads(TreeSize(0), 9) == [head]


# ---------------------------------------------------------------------------------------------------- tiles and entries


async def test_tiles_come_back_in_the_order_of_the_question(store: Store, writer: Writer) -> None:
    await writer.write(store, [700])
    tiles = writer.tiles
    wanted = [TileId(1, 0), TileId(0, 2), TileId(0, 7), TileId(0, 0), TileId(0, 0)]
    assert await store.read_tiles(wanted) == [
        tiles[wanted[0]],
        tiles[wanted[1]],
        None,
        tiles[wanted[3]],
        tiles[wanted[3]],
    ]


async def test_a_partial_tile_grows_and_keeps_its_prefix(store: Store, writer: Writer) -> None:
    earlier: bytes = b""
    for count in [1, 1, 100, 153, 1, 1]:
        await writer.write(store, [count])
        (data,) = await store.read_tiles([TileId(0, 0)])
        assert data is not None
        assert data.startswith(earlier)
        assert len(data) == 32 * min(256, writer.tree.size)
        earlier = data


@pytest.mark.parametrize("counts", [[600], [1] * 3 + [50] * 12, [200, 200, 200]])
async def test_a_bundle_is_read_at_every_width(store: Store, writer: Writer, counts: list[int]) -> None:
    await writer.write(store, counts)
    size = sum(counts)
    for bundle in range(3):
        for width in range(1, 257):
            data = await store.read_bundle(bundle, width)
            if 256 * bundle + width > size:
                assert data is None
            else:
                assert data is not None
                assert decode_bundle(data, width) == [entry(256 * bundle + place) for place in range(width)]


@pytest.mark.parametrize("counts", [[600], [1] * 3 + [50] * 12, [200, 200, 200]])
async def test_any_range_of_entries_is_read(store: Store, writer: Writer, counts: list[int]) -> None:
    await writer.write(store, counts)
    edges = [0, 1, 2, 3, 53, 199, 200, 254, 255, 256, 257, 399, 511, 512, 513, sum(counts) - 1, sum(counts)]
    for start in edges:
        for end in edges:
            found = await store.read_entries(LeafIndex(start), LeafIndex(end))
            assert found == [entry(number) for number in range(start, end)]


async def test_entries_beyond_the_end_are_a_hole(store: Store, writer: Writer) -> None:
    await writer.write(store, [300])
    with pytest.raises(StoreCorruptError, match=r"expected entries below 300, got a call for \[299, 301\)"):
        await store.read_entries(LeafIndex(299), LeafIndex(301))


async def test_the_smallest_and_the_largest_entries_are_kept(store: Store, writer: Writer) -> None:
    entries = [b"", b"x", bytes(ENTRY_BYTES_MAX), b"", bytes(ENTRY_BYTES_MAX)]
    for data in entries:
        await store.append(writer.round_of([row(0)._replace(entry=data, leaf_hash=hash_leaf(data), stream=None)]))
    assert await store.read_entries(LeafIndex(0), LeafIndex(5)) == entries
    assert await store.read_bundle(0, 5) == encode_bundle(entries)


# -------------------------------------------------------------------------------------------------------------- finding


async def test_leaves_are_found_in_the_order_of_the_question(store: Store, writer: Writer) -> None:
    await writer.write(store, [300, 1])
    wanted = [row(300).leaf_hash, row(301).leaf_hash, row(0).leaf_hash, row(300).leaf_hash]
    assert await store.find_leaves(wanted) == [300, None, 0, 300]


async def test_entries_of_a_subject_are_found_from_an_index_on(store: Store, writer: Writer) -> None:
    await writer.write(store, [10, 10, 10])
    assert await store.find_subject("urn:example:3", LeafIndex(0), 9) == numbered(3, 10, 17, 24)
    assert await store.find_subject("urn:example:3", LeafIndex(10), 9) == numbered(10, 17, 24)
    assert await store.find_subject("urn:example:3", LeafIndex(11), 1) == numbered(17)
    assert await store.find_subject("urn:example:3", LeafIndex(25), 9) == []
    assert await store.find_subject("urn:example:", LeafIndex(0), 9) == []


async def test_any_text_can_be_a_subject(store: Store, writer: Writer) -> None:
    subjects = ["", "urn:example:ü", "x" * 5_000, "\ud800", "urn:example:\0"]
    await store.append(
        writer.round_of([row(number)._replace(subject=each, stream=None) for number, each in enumerate(subjects)])
    )
    for number, subject in enumerate(subjects):
        assert await store.find_subject(subject, LeafIndex(0), 9) == [number]


async def test_a_stream_is_found_in_the_order_of_its_numbers(store: Store, writer: Writer) -> None:
    places = [5, 3, 3, 300, 0, SEQ_MAX]
    rows = [row(number)._replace(issuer="https://a.example", stream=("s", seq)) for number, seq in enumerate(places)]
    await store.append(writer.round_of(rows[:2]))
    await store.append(writer.round_of(rows[2:]))

    async def find(start: int, limit: int) -> list[tuple[int, LeafIndex]]:
        return await store.find_stream("https://a.example", "s", start, limit)

    assert await find(0, 9) == [(0, 4), (3, 1), (3, 2), (5, 0), (300, 3), (SEQ_MAX, 5)]
    assert await find(3, 2) == [(3, 1), (3, 2)]
    assert await find(4, 9) == [(5, 0), (300, 3), (SEQ_MAX, 5)]
    assert await find(SEQ_MAX, 9) == [(SEQ_MAX, 5)]


PLACES = st.tuples(
    st.sampled_from([0, 1, 2, 254, 255, 256, 257, 511, 512, 70_000, SEQ_MAX - 1, SEQ_MAX]), st.booleans()
)


@given(st.lists(st.lists(PLACES, min_size=1, max_size=30), min_size=1, max_size=4), st.data())
@settings(max_examples=40)
@pytest.mark.parametrize("engine", ["memory", "rocks"])
async def test_numbers_in_any_order_and_used_any_number_of_times_are_found(
    engine: str, rounds: list[list[tuple[int, bool]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        store, writer = create(engine, Path(folder)), Writer()
        expected: list[tuple[int, int]] = []
        for places in rounds:
            first = writer.tree.size
            rows = [row(first + n)._replace(stream=("s" if is_s else "t", seq)) for n, (seq, is_s) in enumerate(places)]
            expected += [(seq, first + n) for n, (seq, is_s) in enumerate(places) if is_s]
            await store.append(writer.round_of(rows))
        expected.sort()
        issuer = row(0).issuer
        assert await store.find_stream(issuer, "s", 0, 1_000) == expected
        start, limit = data.draw(PLACES)[0], data.draw(st.integers(0, 12))
        later = [place for place in expected if place[0] >= start]
        assert await store.find_stream(issuer, "s", start, limit) == later[:limit]
        await store.close()


async def test_streams_of_other_issuers_and_names_are_others(store: Store, writer: Writer) -> None:
    names = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
    rows = [row(number)._replace(issuer=issuer, stream=(name, 0)) for number, (issuer, name) in enumerate(names)]
    await store.append(writer.round_of(rows))
    for number, (issuer, stream) in enumerate(names):
        assert await store.find_stream(issuer, stream, 0, 9) == [(0, number)]


async def test_content_without_a_stream_is_in_none(store: Store, writer: Writer) -> None:
    await store.append(writer.round_of([row(number)._replace(stream=None) for number in range(3)]))
    assert await store.find_stream("https://issuer.example", "stream 1", 0, 9) == []
    assert await store.find_stream("", "", 0, 9) == []


# -------------------------------------------------------------------------------------------------------------- closing


async def test_a_closed_store_refuses_every_call(store: Store, writer: Writer) -> None:
    await writer.write(store, [3])
    write: RoundWrite = writer.round(1)
    await store.close()
    await store.close()
    calls: list[Awaitable[object]] = [
        store.append(write),
        store.latest_head(),
        store.head_covering(TreeSize(1)),
        store.heads(TreeSize(0), 1),
        store.read_tiles([TileId(0, 0)]),
        store.read_entries(LeafIndex(0), LeafIndex(1)),
        store.read_bundle(0, 1),
        store.find_leaves([row(0).leaf_hash]),
        store.find_subject("urn:example:0", LeafIndex(0), 1),
        store.find_stream("https://issuer.example", "stream 1", 0, 1),
    ]
    for call in calls:
        with pytest.raises(StoreClosedError):
            await call
