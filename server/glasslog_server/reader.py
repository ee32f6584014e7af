"""Read a log: entries, tiles, proofs, receipts and what is found by name. Nothing above the published tree head.

The sequencer may have more on disk than it has published; what it has not published may still vanish with a crash. So
every question is first held against the published head, and tiles are cut to it. Everything here only reads, and what
it returns for an index or a pair of sizes never changes, but for `tlog_proofs`, which are made at the newest head.

Proofs are the `prover`'s to make: the receipts of one round, and of rounds close to each other, share almost all of the
work, and `take` saves even reading its tiles.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.receipt import ConsistencyProof, encode_receipt
from glasslog.statement import SignedStatement, TransparentStatement, decode_statement
from glasslog.tiles import BundleId, TileId, bundle_width, tile_width
from glasslog.tlog_proof import TlogProof
from glasslog_server.errors import NotFoundError, ReceiptPendingError, StoreCorruptError
from glasslog_server.prover import Prover, check_tile
from glasslog_server.publication import Publication
from glasslog_server.receipts import ReceiptEncoder
from glasslog_server.storage.store import ReadStore, TreeHead

RECEIPT_SIZE_MIN: Final = TreeSize(2)
"""The smallest tree with inclusion receipts (RFC 9942: a path holds at least one hash)."""
SAME_SEQ_ENTRIES_MAX: Final = 10_000
"""How many entries with one sequence number of one stream are told apart: more than one is an issuer's fault."""


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """The place of an entry and its leaf hash, whose lowercase hex is the entry id."""

    index: LeafIndex
    leaf_hash: Hash


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """An entry and its sequence number in the stream that was asked for."""

    seq: int
    entry: LoggedEntry


class LogReader:
    """Answer what can be asked of a log. Stateless but for a bounded cache; for use on one event loop.

    Methods raise NotFoundError for what is not published, TreeRangeError for sizes in the wrong order, StoreError.
    """

    def __init__(self, store: ReadStore, head: Callable[[], TreeHead]) -> None:
        """Take an open store, and how to learn the published head."""
        self.store = store
        self._head = head
        self._prover = Prover(lambda: self.store, lambda: head().size)

    def take(self, publication: Publication) -> None:
        """Keep the tiles of a round that was just published: proofs about its entries then read nothing."""
        self._prover.learn(publication.tiles)

    # The static read API.

    async def tile(self, tile: TileId, width: int) -> bytes:
        """Return the first `width` hashes of a tile. Any width that is published stays served."""
        published = tile_width(tile, self._head().size)
        if width > published:
            msg = f"expected a width of at most {published}, which is what is published of this tile, got {width}"
            raise NotFoundError(msg)
        return (await self._read_tiles([tile]))[tile][: width * HASH_SIZE]

    async def entry_bundle(self, bundle: BundleId, width: int) -> bytes:
        """Return the first `width` entries of a bundle, packed."""
        published = bundle_width(bundle, self._head().size)
        if width > published:
            msg = f"expected a width of at most {published}, which is what is published of this bundle, got {width}"
            raise NotFoundError(msg)
        data = await self.store.read_bundle(bundle.index, width)
        if data is None:
            msg = f"expected {width} entries in the stored bundle {bundle.index}, got fewer"
            raise StoreCorruptError(msg)
        return data

    # Entries.

    async def find(self, leaf_hashes: Sequence[Hash]) -> list[LeafIndex | None]:
        """Return the index of the published entry with each leaf hash, or None."""
        size = self._head().size
        found = await self.store.find_leaves(leaf_hashes)
        return [None if index is None or index >= size else index for index in found]

    async def statement(self, index: LeafIndex) -> SignedStatement:
        """Return the statement that is entry `index`."""
        self._check_published(index)
        [entry] = await self.store.read_entries(index, LeafIndex(index + 1))
        return decode_statement(entry)

    async def decisions(self, subject: str, start: LeafIndex, limit: int) -> tuple[list[LoggedEntry], LeafIndex | None]:
        """Return up to `limit` entries about `subject` from index `start` on, and where to go on, None at the end."""
        found = await self.store.find_subject(subject, start, limit + 1)
        following = found[limit] if len(found) > limit else None
        size = self._head().size
        return await self._logged([index for index in found[:limit] if index < size]), following

    async def stream(
        self, issuer: str, stream: str, start_seq: int, limit: int
    ) -> tuple[list[StreamEntry], int | None]:
        """Return about `limit` entries of a stream from `start_seq` on, and the number to go on from, None at the end.

        All entries that claim one sequence number are on one page, so that a number used twice cannot hide between two:
        that page may be longer. Of a number that was used more than 10,000 times the rest is left out.
        """
        found = await self.store.find_stream(issuer, stream, start_seq, limit + 1)
        following = None
        if len(found) > limit:
            following = found[limit][0]
            if found[0][0] == following:  # one number fills the page
                same = await self.store.find_stream(issuer, stream, following, SAME_SEQ_ENTRIES_MAX)
                found = [place for place in same if place[0] == following]
                following += 1
            else:
                found = [place for place in found if place[0] < following]
        size = self._head().size
        found = [place for place in found if place[1] < size]
        entries = await self._logged([index for _, index in found])
        return [StreamEntry(seq, entry) for (seq, _), entry in zip(found, entries, strict=True)], following

    async def _logged(self, indexes: Sequence[LeafIndex]) -> list[LoggedEntry]:
        """Pair indexes with their leaf hashes, which the tiles of level 0 hold."""
        tiles = await self._read_tiles(sorted({TileId(0, index // TILE_WIDTH) for index in indexes}))
        entries = []
        for index in indexes:
            start = index % TILE_WIDTH * HASH_SIZE
            leaf_hash = Hash(tiles[TileId(0, index // TILE_WIDTH)][start : start + HASH_SIZE])
            entries.append(LoggedEntry(index, leaf_hash))
        return entries

    # Tree heads and proofs.

    async def head_of_size(self, size: TreeSize) -> TreeHead | None:
        """Return the head that was signed at exactly `size`, or None: most sizes between two rounds have none."""
        if size > self._head().size:
            return None
        heads = await self.store.heads(size, 1)
        return heads[0] if heads and heads[0].size == size else None

    async def heads(self, start: TreeSize, limit: int) -> list[TreeHead]:
        """Return up to `limit` published heads of size `start` and above, ascending."""
        size = self._head().size
        return [head for head in await self.store.heads(start, limit) if head.size <= size]

    async def covering_head(self, index: LeafIndex) -> TreeHead:
        """Return the first head, of size 2 or more, that covers entry `index`: the one that its receipt is made at.

        Raises ReceiptPendingError while the log holds entry 0 alone.
        """
        self._check_published(index)
        head = await self.store.head_covering(max(TreeSize(index + 1), RECEIPT_SIZE_MIN))
        if head is None or head.size > self._head().size:
            msg = "expected a tree of two entries or more, got one of one: its receipt comes with the next entry"
            raise ReceiptPendingError(msg)
        return head

    async def inclusion_path(self, index: LeafIndex, size: TreeSize) -> tuple[Hash, ...]:
        """Return the inclusion path of an entry in the tree of any published `size`. Raises TreeRangeError."""
        self._check_size(size)
        return tuple(await self._prover.path(index, size))

    async def consistency_path(self, size1: TreeSize, size2: TreeSize) -> tuple[Hash, ...]:
        """Return the consistency path between any two published sizes. Raises TreeRangeError."""
        self._check_size(size2)
        return tuple(await self._prover.consistency_path(size1, size2))

    async def receipt(self, index: LeafIndex) -> bytes:
        """Return the receipt of an entry: always the same one, made at the first head that covers it."""
        [receipt] = await self.receipts_at(await self.covering_head(index), [index])
        return receipt

    async def receipts_at(self, head: TreeHead, indexes: Sequence[LeafIndex]) -> list[bytes]:
        """Return the receipts of many entries at one kept head. Raises ReceiptPendingError for a head of size 1.

        Costs one lookup of the tiles that all paths need together, and hashes only for tiles not at hand: some 2 us for
        each receipt of a round that was just published, where they are many.
        """
        if head.size < RECEIPT_SIZE_MIN:
            msg = f"expected a tree of {RECEIPT_SIZE_MIN} entries or more for a receipt, got {head.size}"
            raise ReceiptPendingError(msg)
        self._check_size(head.size)
        encoder = ReceiptEncoder(head)
        paths = await self._prover.framed_paths(indexes, head.size)
        return [encoder.encode(index, path) for index, path in zip(indexes, paths, strict=True)]

    async def consistency_receipt(self, size1: TreeSize, size2: TreeSize) -> bytes | None:
        """Return the receipt of consistency between two sizes, or None when no head was signed at `size2`."""
        head = await self.head_of_size(size2)
        if head is None:
            return None
        proof = ConsistencyProof(size1, size2, await self.consistency_path(size1, size2))
        return encode_receipt(head.receipt_protected, proof, head.receipt_signature)

    async def tlog_proofs(self, indexes: Sequence[LeafIndex]) -> list[TlogProof]:
        """Return the offline proofs of entries, all at the newest checkpoint, with the cosignatures that it carries."""
        head = self._head()
        for index in indexes:
            self._check_published(index)
        paths = [await self._prover.path(index, head.size) for index in indexes]
        return [TlogProof(index, tuple(path), head.note) for index, path in zip(indexes, paths, strict=True)]

    async def transparent_statement(self, index: LeafIndex) -> TransparentStatement:
        """Return the statement of an entry with its receipt attached."""
        return TransparentStatement(await self.statement(index), (await self.receipt(index),))

    # Below.

    def _check_published(self, index: LeafIndex) -> None:
        size = self._head().size
        if not 0 <= index < size:
            msg = f"expected an index below the published tree size {size}, got {index}"
            raise NotFoundError(msg)

    def _check_size(self, size: TreeSize) -> None:
        published = self._head().size
        if size > published:
            msg = f"expected a tree size of at most {published}, which is published, got {size}"
            raise NotFoundError(msg)

    async def _read_tiles(self, tiles: Sequence[TileId]) -> dict[TileId, bytes]:
        """Read tiles, cut to the published tree."""
        size = self._head().size
        values = await self.store.read_tiles(tiles)
        return {tile: check_tile(tile, value, size) for tile, value in zip(tiles, values, strict=True)}
