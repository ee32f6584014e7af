"""Read entries a bundle at a time, and find the damaged ones by holding each against its leaf hash in the tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from glasslog.errors import GlasslogError
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize, hash_leaf
from glasslog.records import Record, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement
from glasslog.tiles import TileId
from glasslog_server.errors import StoreCorruptError, StoreError
from glasslog_server.fsck.findings import Findings, Kind
from glasslog_server.storage.store import Store


@dataclass(frozen=True, slots=True)
class Checked:
    """An entry as far as it could be read.

    `leaf_hash` is the one to grow the tree with. `statement` is None when the entry is missing or damaged, `record`
    also when its content is foreign.
    """

    index: LeafIndex
    leaf_hash: Hash
    entry_bytes: int
    statement: SignedStatement | None
    record: Record | None


async def read_checked(store: Store, start: LeafIndex, size: TreeSize, findings: Findings) -> list[Checked]:
    """Return the entries of one bundle from `start`, its first entry, to its end or to `size`.

    Damage is noted and stepped over: where an entry cannot be trusted, its leaf hash in the stored tile stands in, so
    that one bad entry is one finding. Raises StoreCorruptError when both are gone: nothing behind can be checked then.
    """
    end = LeafIndex(min(start + TILE_WIDTH, size))
    stored = await _stored_leaves(store, start, end, findings)
    entries = await _read_entries(store, start, end, findings)
    return [
        await _check(store, LeafIndex(start + offset), entry, leaf, findings)
        for offset, (entry, leaf) in enumerate(zip(entries, stored, strict=True))
    ]


async def _stored_leaves(store: Store, start: LeafIndex, end: LeafIndex, findings: Findings) -> list[Hash | None]:
    tile = TileId(0, start // TILE_WIDTH)
    try:
        data = (await store.read_tiles([tile]))[0] or b""
        problem = f"{len(data)} bytes"
    except StoreError as error:
        data, problem = b"", str(error)
    needed = (end - start) * HASH_SIZE
    if len(data) < needed:
        findings.add(Kind.TILE, start, f"expected {needed} bytes or more in {tile}, got {problem}")
    places = range(0, needed, HASH_SIZE)
    return [Hash(data[place : place + HASH_SIZE]) if place + HASH_SIZE <= len(data) else None for place in places]


async def _read_entries(store: Store, start: LeafIndex, end: LeafIndex, findings: Findings) -> Sequence[bytes | None]:
    """Return the entries [start, end), None for those that cannot be read."""
    try:
        return await store.read_entries(start, end)
    except StoreError:
        entries: list[bytes | None] = []
    for index in range(start, end):
        try:
            entries += await store.read_entries(LeafIndex(index), LeafIndex(index + 1))
        except StoreError as error:
            findings.add(Kind.ENTRY_MISSING, index, f"expected entry {index}, got: {error}")
            entries.append(None)
    return entries


async def _check(
    store: Store, index: LeafIndex, entry: bytes | None, stored: Hash | None, findings: Findings
) -> Checked:
    if entry is None:
        if stored is None:
            msg = f"expected entry {index} or its leaf hash, got neither: nothing behind it can be checked"
            raise StoreCorruptError(msg)
        return Checked(index, stored, 0, None, None)
    computed = hash_leaf(entry)
    if stored is not None and computed != stored:
        if not await _is_logged_at(store, computed, index):
            message = f"expected entry {index} to hash to its leaf {stored.hex()}, got {computed.hex()}"
            findings.add(Kind.ENTRY_DAMAGED, index, message)
            return Checked(index, stored, len(entry), None, None)
        message = f"expected the leaf hash {computed.hex()} of entry {index} in its tile, got {stored.hex()}"
        findings.add(Kind.TILE, index, message)
    try:
        statement = decode_statement(entry)
        record = decode_record(statement.payload) if statement.content_type == CONTENT_TYPE_RECORD else None
    except GlasslogError as error:
        findings.add(Kind.ENTRY_DAMAGED, index, f"expected a Signed Statement as entry {index}: {error}")
        return Checked(index, computed, len(entry), None, None)
    return Checked(index, computed, len(entry), statement, record)


async def _is_logged_at(store: Store, leaf_hash: Hash, index: LeafIndex) -> bool:
    """Return whether the row of a leaf hash, written when the entry was, agrees: then the tile is what is wrong."""
    try:
        return await store.find_leaves([leaf_hash]) == [index]
    except StoreError:
        return False
