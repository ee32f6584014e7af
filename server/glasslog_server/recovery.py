"""Find out where the log stands when it starts, and refuse to run when store and guard tell different stories.

This is the only way a log starts, after a clean stop, a crash or a failed write alike. What a crash can leave is one
round in the store that the guard does not know yet: the round was durable before the guard was moved. That is repaired.
Everything else (a restored backup, a copied disk, a second server, a replaced guard) could make the log sign two trees,
so it stops here with a message that says what to do. Reading costs the right edge of the tree and the operator's
entries, not the log's size.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from glasslog.authority import Authority, operator_issuer
from glasslog.checkpoint import open_checkpoint
from glasslog.errors import GlasslogError
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_leaf
from glasslog.records import decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement
from glasslog.tiles import TileId, decode_tile, tile_width
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.core.proofs import plan_root, root_at
from glasslog_server.core.tree import Tree, root_from_tiles
from glasslog_server.errors import (
    GuardAheadError,
    GuardBehindError,
    GuardCorruptError,
    StoreCorruptError,
    StoreMissingError,
    TreeCorruptError,
)
from glasslog_server.publication import PolicyEntry
from glasslog_server.storage.guard import Guard
from glasslog_server.storage.store import ReadStore, Store, TreeHead

_PAGE = 1_024
_AHEAD = (
    "The store is older than the last checkpoint this log has signed: an old copy or backup was restored, or the guard "
    "belongs to another copy of the log. Put back the newest store. A log must never go on from an old one: it would "
    "sign a second tree"
)
_BEHIND = (
    "The guard is older than a crash can explain: an old guard file was put in place, or a second server has written "
    "to this store. Put back the newest guard file, and make sure that one server alone uses this store"
)


@dataclass(frozen=True, slots=True)
class LogState:
    """Where a log stands: its newest signed head, the tree that it is the head of, and who may sign.

    `edge` holds the tiles on the right edge of the tree (`Tree.right_edge`), as they are stored.
    """

    head: TreeHead
    tree: Tree
    edge: Mapping[TileId, bytes]
    authority: Authority


async def recover(store: Store, guard: Guard) -> LogState:
    """Return where the log stands, after checking that store, guard, tree and signatures agree.

    Moves the guard by one round when a crash left it behind. Raises StoreError, TreeCorruptError, GuardError.
    """
    head = await store.latest_head()
    if head is None:
        msg = "expected a log with its policy in entry 0, got an empty store: its creation was interrupted"
        raise StoreMissingError(msg)
    authority = await replay_authority(store, head.size)
    _check_signed(store, head, authority)
    tree, edge = await _recover_tree(store, head)
    await _reconcile(store, guard, head, authority)
    return LogState(head, tree, edge, authority)


def _log_keys(store: Store, authority: Authority) -> list[VerifierKey]:
    return [VerifierKey(store.meta.origin, TYPE_ED25519, key) for key in authority.policy.log_keys]


def _check_signed(store: Store, head: TreeHead, authority: Authority) -> None:
    """Check that the newest note is this log's own and says what its row says."""
    try:
        checkpoint = open_checkpoint(head.note, _log_keys(store, authority)).checkpoint
    except GlasslogError as error:
        msg = f"expected the newest checkpoint to be signed by the log, got a note that is not: {error}"
        raise StoreCorruptError(msg) from error
    if (checkpoint.size, checkpoint.root) != (head.size, head.root):
        msg = f"expected the newest checkpoint at size {head.size}, got another size or root in its note"
        raise StoreCorruptError(msg)


async def _recover_tree(store: Store, head: TreeHead) -> tuple[Tree, dict[TileId, bytes]]:
    """Return the tree of `head` with the tiles of its right edge, from which it is rebuilt.

    It is held against the signed root and the newest entries.
    """
    edge = Tree.right_edge(head.size)
    tiles = await _read_tiles(store, edge, head.size)
    tree = Tree.from_tiles(head.size, tiles)
    for root in (tree.root(), root_from_tiles(head.size, tiles)):
        if root != head.root:
            msg = f"expected the stored tiles to lead to the signed root {head.root.hex()}, got {root.hex()}"
            raise TreeCorruptError(msg)
    await _check_tail(store, head.size)
    return tree, tiles


async def _read_tiles(store: Store, tiles: list[TileId], size: TreeSize) -> dict[TileId, bytes]:
    """Return the tiles as wide as they are in the tree of `size`; of a missing one, nothing."""
    values = await store.read_tiles(tiles)
    read = zip(tiles, values, strict=True)
    return {tile: value[: tile_width(tile, size) * 32] for tile, value in read if value is not None}


async def _check_tail(store: Store, size: TreeSize) -> None:
    """Check that the entries of the last bundle hash to the leaves that the tree was built from."""
    tile = TileId(0, (size - 1) // TILE_WIDTH)
    width = tile_width(tile, size)
    stored = (await _read_tiles(store, [tile], size)).get(tile, b"")
    if len(stored) != width * 32:
        msg = f"expected the last tile to hold {width} leaf hashes, got {len(stored)} bytes"
        raise StoreCorruptError(msg)
    start = LeafIndex(tile.index * TILE_WIDTH)
    entries = await store.read_entries(start, LeafIndex(size))
    for offset, (entry, leaf) in enumerate(zip(entries, decode_tile(stored, width), strict=True)):
        if hash_leaf(entry) != leaf:
            msg = f"expected entry {start + offset} to hash to its leaf, got another entry. Run fsck"
            raise StoreCorruptError(msg)


async def replay_authority(store: ReadStore, size: TreeSize) -> Authority:
    """Return who may sign after the first `size` entries, from the operator's own among them.

    Costs one read for each entry about the log itself.
    """
    try:
        authority = Authority.establish(await _statement_at(store, LeafIndex(0)))
    except GlasslogError as error:
        msg = f"expected the log's own signed policy as entry 0, got another statement: {error}"
        raise StoreCorruptError(msg) from error
    async for index, statement in _about_the_log(store, LeafIndex(1), size):
        authority = _apply(authority, statement, index)
    return authority


async def read_policy_entries(store: ReadStore, start: LeafIndex, size: TreeSize) -> list[PolicyEntry]:
    """Return the entries [start, size) that change who may sign, in order; with `start` 0 the log's policy is first.

    They are the operator's records of the types about the log: a log admits those from nobody else, and no others
    from the operator. Costs one read for each entry about the log itself. Raises StoreError.
    """
    entries = []
    async for index, statement in _about_the_log(store, start, size):
        if statement.content_type == CONTENT_TYPE_RECORD and statement.issuer == operator_issuer(store.meta.origin):
            entries.append(PolicyEntry(index, statement.entry))
    return entries


async def _about_the_log(
    store: ReadStore, start: LeafIndex, size: TreeSize
) -> AsyncIterator[tuple[LeafIndex, SignedStatement]]:
    """Yield the entries of [start, size) whose subject is the log itself, by whomever they are."""
    subject = operator_issuer(store.meta.origin)
    while indexes := [index for index in await store.find_subject(subject, start, _PAGE) if index < size]:
        for index in indexes:
            yield index, await _statement_at(store, index)
        start = LeafIndex(indexes[-1] + 1)


def _apply(authority: Authority, statement: SignedStatement, index: LeafIndex) -> Authority:
    """Return the authority after an entry about the log itself, which others than the operator may have written too."""
    if statement.kid != authority.policy.operator_key.kid or statement.content_type != CONTENT_TYPE_RECORD:
        return authority
    try:
        return authority.apply(statement, decode_record(statement.payload), index)
    except GlasslogError as error:
        msg = f"expected entry {index} to continue the operator's policy stream, got one that does not: {error}"
        raise StoreCorruptError(msg) from error


async def _statement_at(store: ReadStore, index: LeafIndex) -> SignedStatement:
    [entry] = await store.read_entries(index, LeafIndex(index + 1))
    try:
        return decode_statement(entry)
    except GlasslogError as error:
        msg = f"expected a Signed Statement as entry {index}, got bytes that are none: {error}"
        raise StoreCorruptError(msg) from error


async def _reconcile(store: Store, guard: Guard, head: TreeHead, authority: Authority) -> None:
    """Hold the guard against the store; repair what a crash leaves, refuse the rest."""
    guarded = (await guard.read()).note
    try:
        checkpoint = open_checkpoint(guarded, _log_keys(store, authority)).checkpoint
    except GlasslogError as error:
        msg = f"expected a checkpoint signed by this log in the guard, got another note: {error}"
        raise GuardCorruptError(msg) from error
    if (checkpoint.size, checkpoint.root) == (head.size, head.root):
        return
    if checkpoint.size >= head.size:
        msg = f"expected the guard at size {head.size} or one round before, got {checkpoint.size}. {_AHEAD}"
        raise GuardAheadError(msg)
    root = await _root_at(store, checkpoint.size)
    rounds = [kept.size for kept in await store.heads(checkpoint.size, 3)]
    if root != checkpoint.root or rounds != [checkpoint.size, head.size]:
        msg = f"expected the guard at most one round behind size {head.size}, got {checkpoint.size}. {_BEHIND}"
        raise GuardBehindError(msg)
    await guard.swap(guarded, head.note)


async def _root_at(store: Store, size: TreeSize) -> Hash:
    plan = plan_root(size)
    values = await store.read_tiles(plan)
    return root_at(size, {tile: value for tile, value in zip(plan, values, strict=True) if value is not None})
