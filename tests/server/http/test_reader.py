"""The reader: nothing above the published head, whatever the store has."""

import copy
from collections.abc import Sequence

import pytest

from glasslog.limits import AUTHORITY_CHAIN_MAX
from glasslog.merkle import Hash, LeafIndex, TreeSize, verify_consistency, verify_inclusion
from glasslog.receipt import decode_receipt
from glasslog.records import decode_record
from glasslog.tiles import BundleId, TileId
from glasslog_server.core.round import Candidate, grow
from glasslog_server.core.tree import Tree
from glasslog_server.errors import FaultError, NotFoundError, ReceiptPendingError, StoreCorruptError, TreeRangeError
from glasslog_server.evidence import make_bundle
from glasslog_server.operator_entries import OperatorEntry
from glasslog_server.reader import LogReader
from glasslog_server.storage.memory import MemoryStore
from glasslog_server.storage.store import RoundWrite, StoreMeta, TreeHead
from glasslog_server.tree_heads import HeadSigner
from tests.server.http.statements import CLINIC, LOG_KEY, ORIGIN, subject_of
from tests.simulation.oracle import naive_root

SUBJECT = subject_of(10**6)
SIGNER = HeadSigner(ORIGIN, [LOG_KEY])


class Rounds:
    """A store that was written round by round, with a head that stays behind as far as the test wants."""

    def __init__(self) -> None:
        self.store = MemoryStore(StoreMeta(bytes(16), ORIGIN))
        self.heads: list[TreeHead] = []
        self.leaves: list[Hash] = []
        self._tree = Tree()

    async def add(self, entries: int) -> TreeHead:
        statements = [CLINIC.statement(subject=SUBJECT, stream="s", seq=len(self.leaves) + n) for n in range(entries)]
        candidates = [Candidate.of_statement(st, decode_record(st.payload)) for st in statements]
        first = LeafIndex(self._tree.size)
        edge = await self._edge(entries)
        tiles, inner_nodes, root = grow(self._tree, candidates, edge)
        head = await SIGNER.sign(self._tree.size, root, 1_000 + len(self.heads))
        await self.store.append(RoundWrite(first, candidates, tiles, inner_nodes, head))
        self.heads.append(head)
        self.leaves += [st.leaf_hash for st in statements]
        return head

    async def _edge(self, grown: int) -> dict[TileId, bytes]:
        edge = Tree.right_edge(TreeSize(self._tree.size + grown))
        values = await self.store.read_tiles(edge)
        return {tile: value for tile, value in zip(edge, values, strict=True) if value is not None}

    def reader(self, head: TreeHead) -> LogReader:
        return LogReader(self.store, lambda: head)


async def rounds_of(*sizes: int) -> Rounds:
    rounds = Rounds()
    for size in sizes:
        await rounds.add(size)
    return rounds


async def test_what_is_stored_and_not_published_is_not_there() -> None:
    rounds = await rounds_of(3, 2)
    reader = rounds.reader(rounds.heads[0])
    assert await reader.find(rounds.leaves) == [0, 1, 2, None, None]
    assert [entry.index for entry in (await reader.decisions(SUBJECT, LeafIndex(0), 10))[0]] == [0, 1, 2]
    assert [place.seq for place in (await reader.stream(CLINIC.uri, "s", 0, 10))[0]] == [0, 1, 2]
    assert len(await reader.tile(TileId(0, 0), 3)) == 96
    for refused in (
        reader.tile(TileId(0, 0), 4),
        reader.entry_bundle(BundleId(0), 4),
        reader.statement(LeafIndex(3)),
        reader.receipt(LeafIndex(3)),
        reader.covering_head(LeafIndex(4)),
        reader.tlog_proofs([LeafIndex(3)]),
        reader.transparent_statement(LeafIndex(3)),
        reader.inclusion_path(LeafIndex(0), TreeSize(4)),
        reader.consistency_path(TreeSize(1), TreeSize(4)),
        reader.receipts_at(rounds.heads[1], [LeafIndex(0)]),
    ):
        with pytest.raises(NotFoundError):
            await refused
    assert await reader.head_of_size(TreeSize(5)) is None
    assert await reader.consistency_receipt(TreeSize(1), TreeSize(5)) is None


async def test_a_receipt_is_made_at_the_first_head_that_covers_its_entry() -> None:
    rounds = await rounds_of(1, 1, 3, 300)
    reader = rounds.reader(rounds.heads[-1])
    for index, size in ((0, 2), (1, 2), (2, 5), (4, 5), (5, 305), (304, 305)):
        receipt = decode_receipt(await reader.receipt(LeafIndex(index)))
        assert receipt.verify_inclusion(rounds.leaves[index], LOG_KEY.public_key) == naive_root(rounds.leaves[:size])
        assert receipt.proof.size == size  # type: ignore[union-attr]


async def test_many_receipts_are_the_same_as_each_alone() -> None:
    rounds = await rounds_of(1, 700)
    reader = rounds.reader(rounds.heads[-1])
    indexes = [LeafIndex(index) for index in (1, 255, 256, 257, 511, 512, 700)]
    together = await reader.receipts_at(rounds.heads[-1], indexes)
    assert together == [await rounds.reader(rounds.heads[-1]).receipt(index) for index in indexes]


async def test_a_tree_of_one_has_no_receipt_yet() -> None:
    rounds = await rounds_of(1)
    reader = rounds.reader(rounds.heads[0])
    with pytest.raises(ReceiptPendingError):
        await reader.receipt(LeafIndex(0))
    with pytest.raises(ReceiptPendingError):
        await reader.receipts_at(rounds.heads[0], [LeafIndex(0)])


async def test_proofs_hold_between_any_two_sizes_around_the_edges_of_tiles() -> None:
    rounds = await rounds_of(254, 1, 1, 1, 260)
    reader = rounds.reader(rounds.heads[-1])
    sizes = [TreeSize(size) for size in (1, 2, 254, 255, 256, 257, 258, 511, 512, 513, 517)]
    roots = {size: Hash(naive_root(rounds.leaves[:size])) for size in sizes}
    for size in sizes:
        for index in {0, size // 2, size - 1}:
            path = await reader.inclusion_path(LeafIndex(index), size)
            verify_inclusion(rounds.leaves[index], LeafIndex(index), size, path, roots[size])
        for older in [older for older in sizes if older <= size]:
            path = await reader.consistency_path(older, size)
            verify_consistency(older, size, roots[older], roots[size], path)
    with pytest.raises(TreeRangeError):
        await reader.inclusion_path(LeafIndex(5), TreeSize(5))
    with pytest.raises(TreeRangeError):
        await reader.consistency_path(TreeSize(6), TreeSize(5))


async def test_what_was_never_published_leaves_no_trace_in_the_cache() -> None:
    lost = await rounds_of(3)
    kept = copy.deepcopy(lost)
    await lost.add(2)  # on disk, never published, gone after a crash
    await kept.add(2)
    head = lost.heads[0]
    reader = LogReader(lost.store, lambda: head)
    await reader.inclusion_path(LeafIndex(0), TreeSize(3))
    reader.store, head = kept.store, kept.heads[1]
    path = await reader.inclusion_path(LeafIndex(4), TreeSize(5))
    verify_inclusion(kept.leaves[4], LeafIndex(4), TreeSize(5), path, head.root)


class HoledStore(MemoryStore):
    async def read_tiles(self, tiles: Sequence[TileId]) -> list[bytes | None]:
        return [value and value[:32] for value in await super().read_tiles(tiles)]

    async def read_bundle(self, *_: int) -> bytes | None:
        return None


async def test_a_store_with_less_than_was_published_is_a_fault() -> None:
    rounds = await rounds_of(3)
    rounds.store.__class__ = HoledStore
    reader = rounds.reader(rounds.heads[0])
    with pytest.raises(StoreCorruptError):
        await reader.tile(TileId(0, 0), 3)
    with pytest.raises(StoreCorruptError):
        await reader.inclusion_path(LeafIndex(0), TreeSize(3))
    with pytest.raises(StoreCorruptError):
        await reader.entry_bundle(BundleId(0), 3)


async def test_pages_of_a_stream_hold_every_use_of_a_number() -> None:
    rounds = await rounds_of(5)
    reader = rounds.reader(rounds.heads[0])
    page, following = await reader.stream(CLINIC.uri, "s", 1, 2)
    assert ([place.seq for place in page], following) == ([1, 2], 3)
    page, following = await reader.stream(CLINIC.uri, "s", 3, 2)
    assert ([place.seq for place in page], following) == ([3, 4], None)
    assert await reader.stream(CLINIC.uri, "t", 0, 2) == ([], None)


def _operator_entries(policies: int, kid: bytes | None) -> list[OperatorEntry]:
    return [OperatorEntry(LeafIndex(index), kid if index % 2 else None, ()) for index in range(policies)]


async def test_a_bundle_leaves_out_later_policies_before_it_gives_up() -> None:
    rounds = await rounds_of(40)
    reader = rounds.reader(rounds.heads[0])
    kid = CLINIC.key.public_key.kid
    assert await make_bundle(reader, _operator_entries(AUTHORITY_CHAIN_MAX, kid), LeafIndex(39))
    assert await make_bundle(reader, _operator_entries(AUTHORITY_CHAIN_MAX + 1, kid), LeafIndex(3))
    with pytest.raises(FaultError, match="authority chain"):
        await make_bundle(reader, _operator_entries(AUTHORITY_CHAIN_MAX + 1, kid), LeafIndex(39))
