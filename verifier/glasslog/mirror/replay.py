"""Replay a whole log: plan chunks, have them replayed by all cores, write down what they show, in order.

The process here follows the authority and the tree heads from chunk to chunk and writes the database; everything that
costs time is done where the chunks are. What it holds in memory does not depend on the log's size: a few chunks under
way, and tiles at the top of the tree.

An insertion is one transaction, so a killed replay goes on behind the last chunk that is whole. Before it does, the
last leaf that the database has is held against the signed tree: facts of another log, or of a tree that was given up,
are not built upon.
"""

import pickle
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from glasslog.audit.database import Database, Head
from glasslog.audit.facts import Batch
from glasslog.audit.finding import Finding, Severity
from glasslog.errors import MalformedError, UncheckableError
from glasslog.fork import ForkEvidence
from glasslog.heads import decode_head, encode_heads
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import Hash, TreeSize
from glasslog.mirror.chunk import CONSISTENCY, TREE, Chunk, Fault, Replayed
from glasslog.mirror.judgement import AUTHORITY, SCHEMA, SIGNATURE
from glasslog.mirror.kept_heads import HeadsByChunk
from glasslog.mirror.operator_entries import OperatorEntries
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Progress
from glasslog.mirror.state import State
from glasslog.mirror.sync import Synced, fork_name
from glasslog.mirror.worker import Setting, Work
from glasslog.mirror.workers import replay_all
from glasslog.sources.head_index import HEADS_INDEX
from glasslog.subtrees import fold, pyramid, within
from glasslog.tiles import BundleId, TileId, bundle_path, tile_path, tile_width

CHUNK_ENTRIES: Final = 1_024
"""Some 70 ms of work, and at the very most 64 MiB of facts."""
_ALONE_MAX: Final = 2 * CHUNK_ENTRIES  # starting processes costs more than this many signatures
_STANDING_EVERY: Final = 64  # chunks between two notes of the standing

CHECKS: Final = (TREE, CONSISTENCY, SCHEMA, AUTHORITY, SIGNATURE)
"""The checks that findings of the replay are of."""


@dataclass(slots=True)
class Outcome:
    """What a replay did: entries and tree heads that were looked at now, and faults by check."""

    entries: int = 0
    heads: int = 0
    faults: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHECKS, 0))


def replay(
    synced: Synced, state: State, database: Database, progress: Progress, processes: int
) -> tuple[Outcome, OperatorEntries]:
    """Replay every entry of the synced tree that the database has not. Raises UncheckableError, VerificationError."""
    try:
        return _Replay(synced, state, database, progress).run(processes)
    except MalformedError:
        state.discard(HEADS_INDEX)  # it may be the heads: the next mirroring reads them from their beginning and mends
        raise


class _Replay:
    def __init__(self, synced: Synced, state: State, database: Database, progress: Progress) -> None:
        self._synced = synced
        self._head = synced.head
        self._state = state
        self._database = database
        self._progress = progress
        self._standing = state.standing()
        self._operator = OperatorEntries(synced.local, synced.tiles, self._head.origin)
        self._planned: deque[Chunk] = deque()
        self._outcome = Outcome()

    def run(self, processes: int) -> tuple[Outcome, OperatorEntries]:
        start = self._database.next_index
        size = self._head.size
        self._check_start(start)
        setting = Setting(self._state.path, self._standing.place, self._head.origin)
        alone = size - start <= _ALONE_MAX
        self._progress.begin("replay", size, start)
        for number, replayed in enumerate(replay_all(self._plan(start), setting, 0 if alone else processes), start=1):
            self._write(replayed)
            if number % _STANDING_EVERY == 0:
                self._note()
        self._note()
        self._progress.end()
        return self._outcome, self._operator

    def _check_start(self, start: int) -> None:
        """Hold what the database has against the tree, and follow the operator's entries up to there."""
        if start > self._head.size:
            msg = f"expected facts of at most {self._head.size} entries, got {start}: the state has seen a larger tree"
            raise UncheckableError(msg)
        if start:
            leaf = self._synced.tiles.hashes(TileId(0, (start - 1) // TILE_WIDTH))[(start - 1) % TILE_WIDTH]
            if self._database.leaf_of(start - 1) != leaf:
                msg = f"expected facts of this log, got another entry {start - 1}: remove {self._state.database_path}"
                raise UncheckableError(msg)
        known = [found for found in self._standing.operator_entries if found[0] < start]
        scanned = min(start, self._standing.scanned)
        if known and known[0][0] == 0:
            self._operator.recall(known)
        else:
            scanned = 0
        if scanned < start:
            self._scan(scanned, start)

    def _scan(self, start: int, end: int) -> None:
        """Look for the operator's entries among those that were replayed before a kill and not noted."""
        heads = HeadsByChunk(self._synced.local, start, self._head)
        for first, following in _cuts(start, end):
            covers = heads.take(following)
            self._look(first, following, [head.size for head, _ in covers], [time for _, time in covers])

    # ------------------------------------------------------------------------------------------------------------ plan

    def _plan(self, start: int) -> Iterator[Work]:
        """Yield the chunks from entry `start` on, each with the authority before it."""
        heads = HeadsByChunk(self._synced.local, start, self._head)
        trusted = tuple(line.key.public_key for line in self._synced.trusted.log_signatures)
        pickled, of = b"", object()
        for first, end in _cuts(start, self._head.size):
            covers = heads.take(end)
            if of is not self._operator.authority or not pickled:
                of = self._operator.authority
                pickled = pickle.dumps(of)
            chunk = self._chunk(first, end, encode_heads(head for head, _ in covers), [time for _, time in covers])
            self._look(first, end, [head.size for head, _ in covers], chunk.times)
            self._planned.append(chunk)
            keys = tuple(key.raw for key in dict.fromkeys((*trusted, *self._operator.log_keys)))
            yield chunk, keys, pickled

    def _chunk(self, start: int, end: int, heads: bytes, times: list[int]) -> Chunk:
        first, size = start // TILE_WIDTH, self._head.size
        frontier = self._synced.tiles.frontier(TreeSize(first * TILE_WIDTH))
        roots = [self._bundle_root(TileId(0, number)) for number in range(first, -(-end // TILE_WIDTH))]
        return Chunk(start, end, size, list(frontier), list(roots), heads, times)

    def _bundle_root(self, tile: TileId) -> Hash:
        """Return what the leaves of a bundle must lead to."""
        if tile_width(tile, self._head.size) == TILE_WIDTH:
            return self._synced.tiles.tile_root(tile)
        levels = pyramid(self._synced.tiles.hashes(tile))
        return fold(within(levels, len(levels[0])))

    def _look(self, start: int, end: int, sizes: list[int], times: list[int]) -> None:
        bounds = [start, *range((start // TILE_WIDTH + 1) * TILE_WIDTH, end, TILE_WIDTH), end]
        for first, following in pairwise(bounds):
            self._operator.look(first, following, lambda index: times[bisect_right(sizes, index)])

    # ----------------------------------------------------------------------------------------------------------- write

    def _write(self, replayed: Replayed) -> None:
        chunk = self._planned.popleft()
        self._refuse_damage(replayed)
        for encoded, root in replayed.forks:
            self._keep_fork(encoded, Hash(root))
        self._database.insert_heads(Head(size, time * 1_000) for size, time in replayed.heads)
        sorts, entries, rows = replayed.facts
        self._database.insert_batch(Batch.of_plain((sorts, entries, rows)), map(_finding, replayed.faults))
        for check, *_ in replayed.faults:
            self._outcome.faults[check] += 1
        self._outcome.entries += chunk.end - chunk.start
        self._outcome.heads += len(replayed.heads)
        self._progress.advance(chunk.end - chunk.start)

    def _refuse_damage(self, replayed: Replayed) -> None:
        """Stop at files of the state's own that are not what they were when they were verified, and remove them."""
        if self._standing.place != Place():
            return
        size = self._head.size
        damaged = {fault[1] // TILE_WIDTH for fault in replayed.faults if fault[0] == TREE}
        for number in damaged:
            width = tile_width(TileId(0, number), size)
            self._state.discard(bundle_path(BundleId(number), width))
            self._state.discard(tile_path(TileId(0, number), width))
        if damaged:
            self._state.write_standing(replace(self._standing, damaged=True))
            first = min(damaged) * TILE_WIDTH
            msg = (
                f"expected the stored entries from {first} on as they were verified, got others: run again for new ones"
            )
            raise UncheckableError(msg)

    def _keep_fork(self, encoded: bytes, root: Hash) -> None:
        """Keep the proof that the log gave receipts at another tree than the one it shows here."""
        head, newer = decode_head(encoded), self._head
        path = self._synced.tiles.consistency_path(head.size, newer.size)
        evidence = ForkEvidence(head, self._synced.note, root, path)
        older = replace(newer, size=head.size, root=head.root)
        self._state.keep_evidence(fork_name(older, newer), evidence.encode())

    def _note(self) -> None:
        """Note which entries are the operator's, as far as the database has come."""
        done = self._database.next_index
        found = tuple(found for found in self._operator.found if found[0] < done)
        self._state.write_standing(replace(self._standing, scanned=done, operator_entries=found))


def _cuts(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the chunks of [start, end): they end at multiples of CHUNK_ENTRIES."""
    bounds = [start]
    while bounds[-1] < end:
        following = min(end, (bounds[-1] // CHUNK_ENTRIES + 1) * CHUNK_ENTRIES)
        yield bounds[-1], following
        bounds = [following]


def _finding(fault: Fault) -> Finding:
    check, entry, message, issuer = fault
    return Finding(check, Severity.CRITICAL, message, (entry,), issuer)
