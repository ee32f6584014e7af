"""Replay one chunk of a log: hold its entries against the signed tree, judge each, and take its facts.

This runs in worker processes. A chunk is given everything that came before it in a few hashes and one state of
authority, so chunks are replayed in any order and at the same time, with the outcome that one replay in the order of
the log has. What goes in and out are plain values (`marshal`), because most of a chunk's cost beside the signatures
would otherwise be the way between processes.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from glasslog.audit.facts import Batch
from glasslog.authority import Authority, operator_issuer
from glasslog.errors import GlasslogError, MalformedError
from glasslog.heads import KeptHead, decode_heads
from glasslog.keys import PublicKey
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import Hash, TreeSize
from glasslog.mirror.judgement import SCHEMA, Judge, Judged
from glasslog.sources.source import LogSource, read_bundle, read_tile
from glasslog.statement_frame import Signatory
from glasslog.subtrees import fold, hash_leaves, push, pyramid, within
from glasslog.tiles import BundleId, TileId, bundle_width, decode_bundle, tile_path

TREE: Final = "tree"
"""The entry, or the hash tile, that the source has is not the one of the signed tree."""
CONSISTENCY: Final = "consistency"
"""A tree head that the log gave receipts at is not signed by it, or is of another tree."""

Levels = list[list[Hash]]
Fault = tuple[str, int, str, str | None]
"""What is wrong: the check, the entry (or the size of the tree head), in words, and the issuer."""


class Chunk(NamedTuple):
    """What a worker is given: entries [start, end) of the tree of `size`.

    `frontier` holds the roots of the full subtrees below the first bundle, `roots` what each bundle of the chunk must
    lead to. `heads` (encoded) are those with sizes above `start`, up to the first that covers the last entry; `times`
    are what they say of the log's time, in POSIX seconds.
    """

    start: int
    end: int
    size: int
    frontier: list[bytes]
    roots: list[bytes]
    heads: bytes
    times: list[int]


class Replayed(NamedTuple):
    """What a worker gives back: facts (`Batch.plain`), size and time of each head that was checked, and faults."""

    facts: tuple[Any, ...]
    heads: list[tuple[int, int]]
    faults: list[Fault]
    forks: list[tuple[bytes, bytes]]
    """Heads over another root than the tree's at their size: each encoded, with the root that the tree has there."""


class LogIdentity(NamedTuple):
    """Whose log is replayed: its origin, and every key that may have signed its heads."""

    origin: str
    keys: tuple[PublicKey, ...]


def replay_chunk(local: LogSource, chunk: Chunk, identity: LogIdentity, authority: Authority | None) -> Replayed:
    """Replay one chunk. Raises UncheckableError when a bundle is not there; everything else wrong is a fault."""
    return _Replay(local, chunk, identity, authority).run()


class _Replay:
    def __init__(self, local: LogSource, chunk: Chunk, identity: LogIdentity, authority: Authority | None) -> None:
        self._local = local
        self._chunk = chunk
        self._identity = identity
        self._judge = Judge(authority)
        self._batch = Batch()
        self._frontier = [Hash(node) for node in chunk.frontier]
        self._heads = decode_heads(chunk.heads)
        self._heads_checked = 0
        self._covers = zip((head.size for head in self._heads), chunk.times, strict=True)
        self._covered, self._time = 0, 0  # entries below the first of these are covered by a head of the second
        self._result = Replayed(self._batch.plain(), [], [], [])

    def run(self) -> Replayed:
        for number, root in enumerate(self._chunk.roots, start=self._chunk.start // TILE_WIDTH):
            entries, levels = self._bundle(BundleId(number), Hash(root))
            self._judge_all(number * TILE_WIDTH, entries, levels[0])
            self._check_heads(number * TILE_WIDTH, levels)
            if len(entries) == TILE_WIDTH:
                push(self._frontier, number, levels[-1][0])
        return self._result

    # ------------------------------------------------------------------------------------------------------- inclusion

    def _bundle(self, bundle: BundleId, root: Hash) -> tuple[Sequence[bytes | None], Levels]:
        """Return the entries of a bundle, None where they are not those of the tree, and the nodes over their leaves.

        The hash tile that the source has must be the same: it is what others are shown.
        """
        width = bundle_width(bundle, TreeSize(self._chunk.size))
        try:
            entries: list[bytes] = decode_bundle(read_bundle(self._local, bundle, width), width)
        except MalformedError as error:
            entries = []
            self._result.faults.append((TREE, bundle.index * TILE_WIDTH, str(error), None))
        levels = pyramid(hash_leaves(entries))
        tile = self._tile(TileId(0, bundle.index), width)
        if entries and _root(levels) == root:
            if levels[0] != tile:
                message = (
                    f"expected {tile_path(TileId(0, bundle.index), width)} with the leaf hashes of the signed tree"
                )
                self._result.faults.append((TREE, bundle.index * TILE_WIDTH, f"{message}, got others", None))
            return entries, levels
        return self._differing(bundle.index * TILE_WIDTH, root, list(zip(entries, levels[0], strict=True)), tile)

    def _tile(self, tile: TileId, width: int) -> list[Hash] | None:
        try:
            return read_tile(self._local, tile, width)
        except MalformedError:
            return None

    def _differing(
        self, first: int, root: Hash, entries: list[tuple[bytes, Hash]], tile: list[Hash] | None
    ) -> tuple[Sequence[bytes | None], Levels]:
        """Find out by the tile which entries are wrong.

        Raises MalformedError when the tile is wrong too: nobody can tell then which entries the tree holds.
        """
        levels = pyramid(tile or [])
        if tile is None or _root(levels) != root:
            msg = f"expected entries from {first} on that lead to {root.hex()}, got others, and no tile that does"
            raise MalformedError(msg)
        right: list[bytes | None] = []
        for offset, expected in enumerate(tile):
            entry, leaf = entries[offset] if offset < len(entries) else (None, None)
            right.append(entry if leaf == expected else None)
            if leaf != expected:
                got = leaf.hex() if leaf is not None else "none"
                message = f"expected the entry with leaf hash {expected.hex()}, which is in the signed tree, got {got}"
                self._result.faults.append((TREE, first + offset, message, None))
        return right, levels

    # -------------------------------------------------------------------------------------------------------- judgment

    def _judge_all(self, first: int, entries: Sequence[bytes | None], leaves: Sequence[Hash]) -> None:
        """Judge the chunk's entries in a bundle: those that one head covers first together."""
        start, end = max(self._chunk.start, first), min(self._chunk.end, first + len(entries))
        while start < end:
            while self._covered <= start:
                self._covered, self._time = next(self._covers)
            stop = min(end, self._covered)
            judged = self._judge.judge_all(entries[start - first : stop - first], start, self._time)
            self._add_all(start, leaves[start - first : stop - first], judged)
            start = stop

    def _add_all(self, first: int, leaves: Sequence[Hash], judged: Sequence[Judged]) -> None:
        add, add_other = self._batch.add, self._batch.add_other
        for index, (leaf, (signatory, subject, extract, check, error)) in enumerate(
            zip(leaves, judged, strict=True), first
        ):
            if signatory is None or extract is None:
                add_other(index, leaf, signatory, subject)
            else:
                add(index, leaf, signatory, subject, extract)
            if error is not None:
                self._result.faults.append(_fault(index, signatory, check, error))

    # ----------------------------------------------------------------------------------------------------------- heads

    def _check_heads(self, first: int, levels: Sequence[Sequence[Hash]]) -> None:
        """Check signature and root of every head that ends within a bundle, of those after the chunk's start."""
        end = min(first + len(levels[0]), self._chunk.end)
        issuer = operator_issuer(self._identity.origin)
        while self._heads_checked < len(self._heads) and self._heads[self._heads_checked].size <= end:
            head = self._heads[self._heads_checked]
            self._heads_checked += 1
            try:
                self._result.heads.append((head.size, head.verify(issuer, self._identity.keys)))
            except GlasslogError as error:
                self._result.faults.append(
                    (CONSISTENCY, head.size - 1, f"tree head of size {head.size}: {error}", None)
                )
                continue
            self._check_root(head, fold([*self._frontier, *within(levels, head.size - first)]))

    def _check_root(self, head: KeptHead, root: Hash) -> None:
        if head.root != root:
            message = f"expected root {root.hex()} at size {head.size}, got one signed over {head.root.hex()}"
            self._result.faults.append((CONSISTENCY, head.size - 1, message, None))
            self._result.forks.append((head.encode(), root))


def _root(levels: Levels) -> Hash:
    return fold(within(levels, len(levels[0])))


def _fault(index: int, signatory: Signatory | None, check: str | None, error: GlasslogError) -> Fault:
    return check or SCHEMA, index, str(error), None if signatory is None else signatory.issuer
