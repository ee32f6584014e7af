"""Bring the state of an audit up to a log's newest checkpoint: read, verify, store.

Nothing is stored that was not verified against the signed root of the checkpoint: hash tiles from the root down, each
against its parent; entry bundles against the leaf hashes of their tile; kept heads by their order, and by signature and
root when the replay comes to them. A log on this machine, a folder or an archive, is read in place: of it the tiles at
the top are verified here and everything else in the replay.

The process may be killed at any line. The checkpoint is written last, so what lies below it is complete; what lies
above it is hashed again before it counts. A checkpoint is kept in `checkpoints/` before anything is concluded from it:
a log cannot take back what it showed once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar

from glasslog.checkpoint import Checkpoint, TrustedCheckpoint, open_checkpoint
from glasslog.errors import MalformedError, ProofError, UncheckableError, VerificationError
from glasslog.fork import FORK_SUFFIX, prove_fork
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import Hash, TreeSize, hash_leaf
from glasslog.mirror.evidence import checkpoint_name
from glasslog.mirror.kept_heads import store_heads
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Progress
from glasslog.mirror.state import State
from glasslog.policy import Policy
from glasslog.sources.source import LogSource, read_bundle, read_tile
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import (
    TILE_HEIGHT,
    BundleId,
    TileId,
    bundle_path,
    bundle_width,
    decode_bundle,
    decode_tile,
    encode_tile,
    tile_path,
    tile_width,
)
from glasslog.vkey import VerifierKey

_AHEAD: Final = 2  # answers waiting for each reader: a bundle may have 16 MiB
_TRIES: Final = 2  # for what arrives damaged

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of the log, and the relying party's policy on witnesses."""

    log_keys: tuple[VerifierKey, ...]
    policy: Policy | None = None

    def open(self, note: bytes) -> TrustedCheckpoint:
        """Return a checkpoint that the log signed, with the cosignatures of the policy's witnesses; no quorum asked."""
        witnesses = self.policy.witness_keys if self.policy is not None else ()
        return open_checkpoint(note, self.log_keys, witnesses)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a source shows as its newest tree: the note, verbatim, and opened."""

    note: bytes
    trusted: TrustedCheckpoint


@dataclass(frozen=True, slots=True)
class Synced:
    """What the state holds now: the note of its tree, opened, and verified tiles. `shown` is what the source has.

    Whoever is done with it closes `local`.
    """

    note: bytes
    trusted: TrustedCheckpoint
    tiles: VerifiedTiles
    local: LogSource
    shown: TrustedCheckpoint

    @property
    def head(self) -> Checkpoint:
        """Return the tree head."""
        return self.trusted.checkpoint


def take_checkpoint(source: LogSource, state: State, trust: Trust) -> Shown:
    """Read the newest checkpoint of a source and keep it, and those that earlier audits of it saw.

    Raises UncheckableError, MalformedError, VerificationError for one that the log did not sign: it is kept as evidence
    of what was shown.
    """
    note = source.checkpoint()
    try:
        trusted = trust.open(note)
    except (MalformedError, VerificationError):
        state.keep_evidence(checkpoint_name(note), note)
        raise
    for seen in (note, *source.seen()):
        state.keep_seen(trust.open(seen).checkpoint, seen)
    return Shown(note, trusted)


def sync(source: LogSource, place: Place, state: State, trust: Trust, shown: Shown, progress: Progress) -> Synced:
    """Bring `state` to the checkpoint that `source` shows. It is read in place unless `place` is the state.

    When the source shows a tree that is not a later one of the same log, the state stays at the tree that it has, and
    evidence is kept. Raises UncheckableError, MalformedError, VerificationError, ProofError.
    """
    head = shown.trusted.checkpoint
    before, standing = state.checkpoint(), state.standing()
    complete = TreeSize(0)
    if before is not None:
        opened = trust.open(before)
        if not _is_continued(source, place, state, (before, opened.checkpoint), (shown.note, head)):
            local = state.reader(standing.place)
            return Synced(before, opened, _tiles(local, opened.checkpoint), local, shown.trusted)
        if standing.place == place and not standing.damaged:
            complete = opened.checkpoint.size
    elif head.size == 0:
        msg = "expected a log with entries, got an empty one: there is nothing to audit yet"
        raise UncheckableError(msg)
    if place == Place():
        _Mirror(source, state, head, complete, progress).run()
    state.write_standing(replace(standing, place=place, damaged=False))
    state.write_checkpoint(shown.note)
    local = state.reader(place)
    return Synced(shown.note, shown.trusted, _tiles(local, head), local, shown.trusted)


def _tiles(local: LogSource, head: Checkpoint) -> VerifiedTiles:
    return VerifiedTiles(head.size, head.root, lambda tile, width: read_tile(local, tile, width))


def _is_continued(
    source: LogSource, place: Place, state: State, before: tuple[bytes, Checkpoint], after: tuple[bytes, Checkpoint]
) -> bool:
    """Tell whether the tree that a source shows is a later one of the log that was mirrored; keep evidence otherwise.

    A smaller tree that is a prefix of the mirrored one is no fork, and not a later tree either.
    """
    (_, head1), (_, head2) = before, after
    if head1.origin != head2.origin:
        msg = f"expected the log {head1.origin}, which this state is of, got {head2.origin}"
        raise UncheckableError(msg)
    backwards = head2.size < head1.size
    (older, older_head), (newer, newer_head) = (after, before) if backwards else (before, after)
    with closing(state.reader(state.standing().place)) if backwards else nullcontext(source) as holder:
        tiles = _tiles(holder, newer_head)
        if tiles.root_at(older_head.size) != older_head.root:
            evidence = prove_fork(older, newer, (older_head, newer_head), tiles)
            state.keep_evidence(fork_name(older_head, newer_head), evidence)
            return False
    if backwards and place != Place():
        msg = f"expected a copy of the log with {head1.size} entries or more, as this state has, got {head2.size}"
        raise UncheckableError(msg)
    return not backwards


def fork_name(older: Checkpoint, newer: Checkpoint) -> str:
    """Return the name of the evidence of a fork: the same for two trees of one size in either order."""
    first, second = sorted((head.size, head.root.hex()[:8]) for head in (older, newer))
    return f"{first[0]}-{first[1]}-{second[0]}-{second[1]}{FORK_SUFFIX}"


class _Mirror:
    """One run towards one checkpoint. Everything below the size `complete` is there already."""

    def __init__(
        self, source: LogSource, state: State, head: Checkpoint, complete: TreeSize, progress: Progress
    ) -> None:
        self._source = source
        self._state = state
        self._head = head
        self._complete = complete
        self._progress = progress
        self._edge: dict[str, bytes] = {}
        try:
            self._tiles = VerifiedTiles(head.size, head.root, self._read_tile)
        except ProofError:
            for name, data in self._edge.items():
                self._keep_wrong(name, data)
            raise

    def run(self) -> None:
        """Take heads, tiles and bundles, in this order: what is short first."""
        store_heads(self._source, self._state, self._head.size, self._progress)
        for level in reversed(range(TILE_HEIGHT)):
            self._take_tiles(level)
        self._take_bundles()
        self._drop_partial_ones()

    def _read_tile(self, tile: TileId, width: int) -> list[Hash]:
        """Read a tile from the state where it is, so that no parent is asked for twice."""
        name = tile_path(tile, width)
        if self._state.holds(name):
            try:
                return decode_tile((self._state.path / name).read_bytes(), width)
            except MalformedError:
                self._state.discard(name)
        hashes = self._fetch_tile(tile)
        if width < TILE_WIDTH:
            self._edge[name] = encode_tile(hashes)
        return hashes

    # ----------------------------------------------------------------------------------------------------------- tiles

    def _take_tiles(self, level: int) -> None:
        count, complete = (size >> (TILE_HEIGHT * level) for size in (self._head.size, self._complete))
        first, end = complete // TILE_WIDTH, -(-count // TILE_WIDTH)
        if first == end:
            return
        self._progress.begin(f"tiles of level {level}", end, first)
        tiles = (TileId(level, index) for index in range(first, end))
        missing = (tile for tile in tiles if not self._has_tile(tile))
        for tile, data in self._fetched(missing, self._fetch_tile):
            self._store_tile(tile, data)
            self._progress.advance(1)
        self._progress.end()

    def _has_tile(self, tile: TileId) -> bool:
        """Tell whether a tile is there and right; one that is there from a run that was stopped is hashed again."""
        width = tile_width(tile, self._head.size)
        name = tile_path(tile, width)
        if not self._state.holds(name):
            return False
        try:
            hashes = decode_tile((self._state.path / name).read_bytes(), width)
            self._check_tile(tile, hashes)
        except (MalformedError, ProofError):
            self._state.discard(name)
            return False
        self._progress.advance(1)
        return True

    def _fetch_tile(self, tile: TileId) -> list[Hash]:
        """Return the hashes of a tile, not verified. What is none is asked for once more, and then kept."""
        width = tile_width(tile, self._head.size)
        try:
            return read_tile(self._source, tile, width)
        except MalformedError:
            name, data = tile_path(tile, width), self._source.tile(tile, width)
        try:
            return decode_tile(data, width)
        except MalformedError as error:
            self._keep_wrong(name, data)
            msg = f"{name}: {error}"
            raise MalformedError(msg) from error

    def _check_tile(self, tile: TileId, hashes: list[Hash]) -> None:
        if len(hashes) == TILE_WIDTH:
            self._tiles.check(tile, hashes)
        elif self._tiles.hashes(tile) != hashes:
            msg = f"expected {tile_path(tile, len(hashes))} to be what leads to the signed root, got other hashes"
            raise ProofError(msg)

    def _store_tile(self, tile: TileId, hashes: list[Hash]) -> None:
        for last in (False, True):
            try:
                self._check_tile(tile, hashes)
            except ProofError:
                if last:
                    self._keep_wrong(tile_path(tile, len(hashes)), encode_tile(hashes))
                    raise
                hashes = self._fetch_tile(tile)
            else:
                break
        self._state.store(tile_path(tile, len(hashes)), encode_tile(hashes))

    # --------------------------------------------------------------------------------------------------------- bundles

    def _take_bundles(self) -> None:
        size = self._head.size
        first, end = self._complete // TILE_WIDTH, -(-size // TILE_WIDTH)
        self._progress.begin("entries", size, first * TILE_WIDTH)
        missing = (BundleId(index) for index in range(first, end) if not self._has_bundle(BundleId(index)))
        for bundle, data in self._fetched(missing, self._fetch_bundle):
            self._store_bundle(bundle, data)
            self._progress.advance(bundle_width(bundle, size))
        self._progress.end()

    def _has_bundle(self, bundle: BundleId) -> bool:
        width = bundle_width(bundle, self._head.size)
        name = bundle_path(bundle, width)
        if not self._state.holds(name):
            return False
        try:
            self._check_bundle(bundle, (self._state.path / name).read_bytes())
        except (MalformedError, ProofError):
            self._state.discard(name)
            return False
        self._progress.advance(width)
        return True

    def _fetch_bundle(self, bundle: BundleId) -> bytes:
        return read_bundle(self._source, bundle, bundle_width(bundle, self._head.size))

    def _check_bundle(self, bundle: BundleId, data: bytes) -> None:
        """Hold every entry of a bundle against the leaf hashes of its tile."""
        width = bundle_width(bundle, self._head.size)
        hashes = self._tiles.hashes(TileId(0, bundle.index))
        for offset, (entry, expected) in enumerate(zip(decode_bundle(data, width), hashes, strict=True)):
            computed = hash_leaf(entry)
            if computed != expected:
                index = bundle.index * TILE_WIDTH + offset
                msg = f"expected entry {index} with the leaf hash {expected.hex()}, got {computed.hex()}"
                raise ProofError(msg)

    def _store_bundle(self, bundle: BundleId, data: bytes) -> None:
        name = bundle_path(bundle, bundle_width(bundle, self._head.size))
        for attempt in range(_TRIES):
            try:
                self._check_bundle(bundle, data)
            except (MalformedError, ProofError) as error:
                if attempt + 1 == _TRIES:
                    self._keep_wrong(name, data)
                    msg = f"{name}: {error}"
                    raise type(error)(msg) from error
                data = self._fetch_bundle(bundle)
            else:
                break
        self._state.store(name, data)

    # ----------------------------------------------------------------------------------------------------------- below

    def _fetched(self, wanted: Iterable[T], fetch: Callable[[T], U]) -> Iterator[tuple[T, U]]:
        """Yield what is wanted and what a source has of it, in order; a bounded number of reads run ahead."""
        readers = self._source.readers
        pending: deque[tuple[T, Future[U]]] = deque()
        iterator = iter(wanted)
        with ThreadPoolExecutor(readers) as executor:
            try:
                while True:
                    room = readers * _AHEAD - len(pending)
                    pending.extend((item, executor.submit(fetch, item)) for item in islice(iterator, room))
                    if not pending:
                        return
                    item, future = pending.popleft()
                    yield item, future.result()
            finally:
                executor.shutdown(wait=False, cancel_futures=True)

    def _keep_wrong(self, name: str, data: bytes) -> None:
        self._state.keep_evidence(f"{self._head.size}-{name.replace('/', '-')}", data)

    def _drop_partial_ones(self) -> None:
        """Remove partial tiles and bundles of trees before this one: the full or wider ones are there."""
        size = self._head.size
        for folder in self._state.path.glob("tile/**/*.p"):
            for path in folder.iterdir():
                name = str(path.relative_to(self._state.path))
                if name not in _partial_names(size):
                    path.unlink()
            if not any(folder.iterdir()):
                folder.rmdir()


def _partial_names(size: TreeSize) -> set[str]:
    """Return the names of the partial tiles, and of the partial bundle, of a tree of `size`."""
    names = set()
    for level in range(TILE_HEIGHT):
        count = size >> (TILE_HEIGHT * level)
        if width := count % TILE_WIDTH:
            names.add(tile_path(TileId(level, count // TILE_WIDTH), width))
            if level == 0:
                names.add(bundle_path(BundleId(count // TILE_WIDTH), width))
    return names
