"""Re-read a whole log from its store and check everything that can be checked without anybody else.

One walk over the entries, in order. Every entry is decoded, hashed and looked up by each of its index rows; the tree is
grown anew from the leaf hashes, and every stored tile, every kept tree head with its two signatures, and the chain of
the operator's policy entries are held against it. At the end the guard is.

Memory is bounded by two bundles of entries, one round, and the number of registered keys. What is not checked here: the
issuers' signatures, which anybody who has the entries can check, and rows that no entry leads to.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from glasslog.authority import Authority
from glasslog.errors import GlasslogError
from glasslog.keys import PublicKey
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import LeafIndex, TreeSize
from glasslog.records import POLICY_RECORD_TYPES
from glasslog.tiles import TILE_HEIGHT, TileId
from glasslog_server.core.tile_nodes import inner_nodes_of
from glasslog_server.core.tree import TILE_BYTES, Tree
from glasslog_server.errors import GuardError, GuardLockedError, StoreError, StoreMissingError
from glasslog_server.fsck.entries import Checked, read_checked
from glasslog_server.fsck.findings import Findings, Kind, Report
from glasslog_server.fsck.heads import LogKeys, check_head
from glasslog_server.fsck.index_rows import Indexed, check_index_rows
from glasslog_server.storage.guard import Guard
from glasslog_server.storage.store import Store, TreeHead

HEADS_PAGE: Final = 256


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is: entries and their bytes so far, of so many entries in all."""

    entries: int
    entry_bytes: int
    size: TreeSize


Observer: TypeAlias = Callable[[Progress], None]
"""Called after each bundle."""


async def check_log(store: Store, open_guard: Callable[[], Guard], observe: Observer) -> Report:
    """Return what a whole check of the store and of its guard found.

    The store must not change meanwhile: this is for a log that does not run. Raises StoreMissingError for a store
    without entries, GuardLockedError.
    """
    latest = await store.latest_head()
    if latest is None:
        msg = "expected a log with its policy in entry 0, got an empty store: its creation was interrupted"
        raise StoreMissingError(msg)
    walk = _Walk(store, latest.size, observe)
    try:
        async for head in _heads(store, walk.findings):
            await walk.advance(head)
        if walk.tree.size < latest.size:
            await walk.advance(latest)
        await walk.check_right_edge()
    except StoreError as error:
        walk.findings.add(Kind.ENTRY_MISSING, walk.tree.size, f"stopped there: {error}")
    await _check_guard(open_guard, walk)
    return walk.report()


class _Walk:
    """The state of one walk: how far the entries were read, how far the tree was grown, who may sign there."""

    def __init__(self, store: Store, size: TreeSize, observe: Observer) -> None:
        self._store = store
        self._size = size
        self._observe = observe
        self.findings = Findings()
        # Entries that were read and checked by themselves, but that no head was reached for yet: one bundle at most.
        self._waiting: list[Checked] = []
        self._read = 0
        self._entry_bytes = 0
        # The tree over all entries before those, its open tiles by level, and who may sign next.
        self.tree = Tree()
        self._open_tiles: dict[int, tuple[TileId, bytes]] = {}
        self._authority: Authority | None = None
        # The last head that was checked, and the one before.
        self.heads: tuple[TreeHead | None, TreeHead | None] = (None, None)
        self._heads_checked = 0
        self._tiles_checked = 0

    async def advance(self, head: TreeHead) -> None:
        """Go through the entries that `head` is the first to cover, then check it. Raises StoreCorruptError."""
        keys = self._log_keys()
        while self.tree.size < head.size:
            if not self._waiting:
                await self._read_bundle()
            count = head.size - self.tree.size
            covered, self._waiting = self._waiting[:count], self._waiting[count:]
            await self._grow(covered)
            for entry in covered:
                self._replay(entry, head)
        keys = list(dict.fromkeys([*keys, *self._log_keys()]))  # a policy entry may have changed them in this round
        newest, _ = self.heads
        check_head(head, self.tree.root(), newest, LogKeys(self._store.meta.origin, keys), self.findings)
        self.heads = head, newest
        self._heads_checked += 1

    async def check_right_edge(self) -> None:
        """Check the tiles that are not full."""
        await self._check_tiles(dict(self._open_tiles.values()))

    def report(self) -> Report:
        """Return what was found."""
        return Report(
            origin=self._store.meta.origin,
            size=self.tree.size,
            root=self.tree.root(),
            entry_bytes=self._entry_bytes,
            tiles=self._tiles_checked,
            heads=self._heads_checked,
            findings=self.findings,
        )

    async def _read_bundle(self) -> None:
        """Read the next bundle and check its entries by themselves and by their index rows."""
        self._waiting = await read_checked(self._store, LeafIndex(self._read), self._size, self.findings)
        self._read += len(self._waiting)
        self._entry_bytes += sum(entry.entry_bytes for entry in self._waiting)
        await check_index_rows(self._store, list(filter(None, map(_indexed, self._waiting))), self.findings)
        self._observe(Progress(self._read, self._entry_bytes, self._size))

    async def _grow(self, entries: Sequence[Checked]) -> None:
        """Append the leaf hashes and check each tile that became full."""
        changed = self.tree.append([entry.leaf_hash for entry in entries])
        full = {}
        for tile, value in changed.items():
            if len(value) == TILE_BYTES:
                full[tile] = value
                self._open_tiles.pop(tile.level, None)
            else:
                self._open_tiles[tile.level] = tile, value
        await self._check_tiles(full)

    async def _check_tiles(self, computed: Mapping[TileId, bytes]) -> None:
        """Hold stored tiles against computed ones. Those of level 0 were held against the entries, hash by hash."""
        self._tiles_checked += len(computed)
        stored_tiles = await self._store.read_tiles_with_inner_nodes(list(computed))
        for (tile, expected), stored in zip(computed.items(), stored_tiles, strict=True):
            place = tile.index * TILE_WIDTH << (TILE_HEIGHT * tile.level)
            data, inner_nodes = stored or (b"", b"")
            if tile.level > 0 and data[: len(expected)] != expected:
                got = f"{len(data)} other bytes" if data else "none"
                message = f"expected {tile} to be the {len(expected)} bytes that the entries lead to, got {got}"
                self.findings.add(Kind.TILE, place, message)
            if len(expected) == TILE_BYTES and data and inner_nodes != inner_nodes_of(expected):
                message = f"expected with {tile} the inner nodes that its hashes lead to, got other bytes"
                self.findings.add(Kind.TILE, place, message)

    def _replay(self, entry: Checked, head: TreeHead) -> None:
        """Check that the policy in force at `head` admits an entry, and apply it when it is about the log itself."""
        statement, record = entry.statement, entry.record
        if statement is None:
            return
        try:
            if entry.index == 0:
                self._authority = Authority.establish(statement)
            elif self._authority is not None:
                self._authority.key_for(statement.issuer, statement.kid, head.time * 1_000)
                self._authority.check_admissible(statement, record)
                if record is not None and record.type in POLICY_RECORD_TYPES:
                    statement.verify(self._authority.policy.operator_key)
                    self._authority = self._authority.apply(statement, record, entry.index)
        except GlasslogError as error:
            about_the_log = record is not None and record.type in POLICY_RECORD_TYPES
            kind = Kind.POLICY if about_the_log else Kind.ENTRY_UNAUTHORISED
            self.findings.add(kind, entry.index, f"expected entry {entry.index} to be admitted by the policy: {error}")

    def _log_keys(self) -> list[PublicKey]:
        return [] if self._authority is None else list(self._authority.policy.log_keys)


def _indexed(entry: Checked) -> Indexed | None:
    statement, record = entry.statement, entry.record
    if statement is None:
        return None
    stream = None if record is None else (statement.issuer, record.stream.id, record.stream.seq)
    return Indexed(entry.index, entry.leaf_hash, statement.subject, stream)


async def _heads(store: Store, findings: Findings) -> AsyncIterator[TreeHead]:
    """Yield all kept heads in the order of their sizes, as far as they can be read."""
    start = TreeSize(0)
    while True:
        try:
            page = await store.heads(start, HEADS_PAGE)
        except StoreError as error:
            findings.add(Kind.HEAD_ORDER, start, f"expected readable tree heads from size {start} on, got: {error}")
            return
        if not page:
            return
        for head in page:
            yield head
        start = TreeSize(page[-1].size + 1)


async def _check_guard(open_guard: Callable[[], Guard], walk: _Walk) -> None:
    """Check that the guard holds the last checkpoint or the one before it, which a crash leaves and a start repairs."""
    newest, previous = walk.heads
    place = newest.size if newest else 0
    try:
        guard = open_guard()
        try:
            note = (await guard.read()).note
        finally:
            await guard.close()
    except GuardLockedError:
        raise
    except GuardError as error:
        walk.findings.add(Kind.GUARD, place, str(error))
        return
    if note not in {head.note for head in (newest, previous) if head is not None}:
        message = f"expected the checkpoint of size {place}, or of the round before, in the guard, got another one"
        walk.findings.add(Kind.GUARD, place, message)
