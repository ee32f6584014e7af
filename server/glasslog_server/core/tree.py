"""Grow the RFC 9162 tree in tiles of 256, and compute its root a second time before anybody signs it.

Two computations stand here side by side and share no hashing. `Tree` grows from leaf hashes: it keeps the nodes that
wait for a right sibling and the open tile of each level, and never looks back at what it wrote. `recompute`
starts from tile bytes alone, as they are about to be stored, and follows the recursive definition. The round signs only
what both agree on: one flipped bit in a leaf hash, in a tile or in an interior node makes them differ, or makes the
second refuse. Neither reads the tiles itself, and neither knows entries: that a leaf hash is the hash of its entry is
the round's to see to.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Self

from glasslog.limits import TILE_WIDTH, TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, HASH_SIZE, Hash, TreeSize
from glasslog.tiles import TILE_HEIGHT, TileId, tile_width
from glasslog_server.core.limits import RECOMPUTED_SUBTREES_MAX
from glasslog_server.core.tile_nodes import inner_nodes_of, root_over_inner_nodes
from glasslog_server.errors import TreeCorruptError, TreeRangeError

TILE_BYTES: Final = TILE_WIDTH * HASH_SIZE
LEVELS: Final = 8
"""Levels of tiles in the largest tree: 2^63-1 leaves fill level 7 to less than a half."""

_PAIR_BYTES: Final = 2 * HASH_SIZE
_MEMOISED_BYTES_MIN: Final = 8 * HASH_SIZE  # below that, hashing again is as fast as looking up


class Tree:
    """Hold the right edge of an append-only tree.

    Memory is bounded whatever the size: the open tile of each level (at most 8 x 255 hashes) and one waiting node a
    height. Not for use by several tasks at once. `append` changes the tree at once: when the tiles that it returned
    could not be stored, the tree is ahead of the store and has to be made anew with `from_tiles`.
    """

    __slots__ = ("_edge", "_size", "_waiting")

    def __init__(self) -> None:
        self._size = 0
        self._edge = [b""] * LEVELS  # by level: the hashes of its open tile
        self._waiting: list[bytes | None] = [None] * (LEVELS * TILE_HEIGHT)  # by height: a node without right sibling

    @property
    def size(self) -> TreeSize:
        """Return the number of leaves."""
        return TreeSize(self._size)

    @staticmethod
    def right_edge(size: TreeSize) -> list[TileId]:
        """Name the partial tiles on the right edge of a tree of `size`: at most 8, all that `from_tiles` needs."""
        _check_size(size)
        edge = (TileId(level, size >> (TILE_HEIGHT * (level + 1))) for level in range(LEVELS))
        return [tile for tile in edge if tile_width(tile, size)]

    @classmethod
    def from_tiles(cls, size: TreeSize, tiles: Mapping[TileId, bytes]) -> Self:
        """Make the tree of `size` from the values of the tiles on its right edge, each exactly as wide as in that tree.

        Costs less than 256 hashes a level. Raises TreeCorruptError when a tile is missing or of another width.
        """
        tree = cls()
        for tile in cls.right_edge(size):
            data = _tile_value(tiles, tile, size)
            tree._edge[tile.level] = data
            tree._climb(tile.level, [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)])
        tree._size = size
        return tree

    def append(self, leaf_hashes: Sequence[Hash]) -> dict[TileId, bytes]:
        """Add leaves on the right and return the whole value of every tile that changed, full and partial.

        Costs one node hash a leaf, amortised, and copies the open tile of each level that changed.
        """
        _check_size(self._size + len(leaf_hashes))
        changed: dict[TileId, bytes] = {}
        nodes: list[bytes] = list(leaf_hashes)
        for level in range(LEVELS):
            if not nodes:
                break
            self._fill_tiles(level, nodes, changed)
            nodes = self._climb(level, nodes)
        self._size += len(leaf_hashes)
        return changed

    def root(self) -> Hash:
        """Return the root: the waiting nodes, folded from the right. Costs at most one hash a height."""
        root: bytes | None = None
        for node in self._waiting:
            if node is not None:
                root = node if root is None else hashlib.sha256(b"\x01" + node + root).digest()
        return EMPTY_ROOT if root is None else Hash(root)

    def _fill_tiles(self, level: int, nodes: list[bytes], changed: dict[TileId, bytes]) -> None:
        """Append `nodes` to the open tile of `level` and note each tile that they reach."""
        data = self._edge[level] + b"".join(nodes)
        if len(data) != len(self._edge[level]) + len(nodes) * HASH_SIZE:
            msg = f"expected {len(nodes)} hashes of {HASH_SIZE} bytes at level {level}, got hashes of another length"
            raise TreeCorruptError(msg)
        index = self._size >> (TILE_HEIGHT * (level + 1))
        for start in range(0, len(data), TILE_BYTES):
            changed[TileId(level, index)] = data[start : start + TILE_BYTES]
            index += 1
        self._edge[level] = data[len(data) // TILE_BYTES * TILE_BYTES :]

    def _climb(self, level: int, nodes: list[bytes]) -> list[bytes]:
        """Pair `nodes` up through the 8 heights of `level` and return the nodes that arise for the level above."""
        sha256 = hashlib.sha256
        waiting = self._waiting
        for height in range(level * TILE_HEIGHT, (level + 1) * TILE_HEIGHT):
            left = waiting[height]
            if left is not None:
                nodes = [left, *nodes]
            waiting[height] = nodes.pop() if len(nodes) & 1 else None
            if not nodes:
                break
            pairs = iter(nodes)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
        return nodes


class Recomputed(NamedTuple):
    """What the second computation has found: the root, and the inner nodes of each tile that became full.

    Inner nodes are those of heights 3 and 6 above the hashes of a tile, one after the other (`tile_nodes`).
    """

    root: Hash
    inner_nodes: Mapping[TileId, bytes]


def recompute(size: TreeSize, tiles: Mapping[TileId, bytes], new_leaves: Sequence[Hash] = ()) -> Recomputed:
    """Return the root of the tree of `size` as its tile bytes say, and check the tiles of the round that led to it.

    `tiles` holds the right edge (`Tree.right_edge`) and every tile that `new_leaves`, the last leaves of the tree, have
    changed; all exactly as wide as in that tree. Checked are: the new leaves stand in the tiles of level 0, byte for
    byte; each tile that became full leads, hashed from its bytes, to the hash that the level above has for it.
    Costs about one hash for a new leaf; what did not change on the right edge is remembered by its content.
    Raises TreeCorruptError when a tile is missing, has another width or contradicts another one.
    """
    _check_size(size)
    if len(new_leaves) > size:
        msg = f"expected at most {size} new leaves in a tree of that size, got {len(new_leaves)}"
        raise TreeRangeError(msg)
    _check_leaves(size, tiles, new_leaves)
    inner_nodes = {}
    for level in range(LEVELS):
        for tile in _changed_tiles(level, size, len(new_leaves)):
            if tile_width(tile, size) == TILE_WIDTH:
                inner_nodes[tile] = _check_full_tile(size, tiles, tile)
    root = b""
    for tile in Tree.right_edge(size):
        root = _ragged_root(_tile_value(tiles, tile, size) + root)
    return Recomputed(Hash(root) if root else EMPTY_ROOT, inner_nodes)


def root_from_tiles(size: TreeSize, tiles: Mapping[TileId, bytes]) -> Hash:
    """Return the root of the tree of `size` as the tiles on its right edge say. Raises TreeCorruptError."""
    return recompute(size, tiles).root


def _changed_tiles(level: int, size: int, grown: int) -> list[TileId]:
    """Name the tiles of `level` that changed when the last `grown` leaves were added."""
    shift = TILE_HEIGHT * level
    first, end = (size - grown) >> shift, size >> shift
    if first == end:
        return []
    return [TileId(level, index) for index in range(first // TILE_WIDTH, (end - 1) // TILE_WIDTH + 1)]


def _check_leaves(size: TreeSize, tiles: Mapping[TileId, bytes], new_leaves: Sequence[Hash]) -> None:
    """Check that the tiles of level 0 end in exactly `new_leaves`."""
    changed = _changed_tiles(0, size, len(new_leaves))
    stored = b"".join(_tile_value(tiles, tile, size) for tile in changed)
    expected = b"".join(new_leaves)
    if stored[len(stored) - len(expected) :] != expected:
        msg = f"expected the tiles of level 0 to end in the {len(new_leaves)} new leaf hashes, got other bytes"
        raise TreeCorruptError(msg)


def _check_full_tile(size: TreeSize, tiles: Mapping[TileId, bytes], tile: TileId) -> bytes:
    """Check that a full tile leads to the hash that stands for it one level up; return its inner nodes."""
    parent = TileId(tile.level + 1, tile.index // TILE_WIDTH)
    start = tile.index % TILE_WIDTH * HASH_SIZE
    expected = _tile_value(tiles, parent, size)[start : start + HASH_SIZE]
    inner_nodes = inner_nodes_of(_tile_value(tiles, tile, size))
    computed = root_over_inner_nodes(inner_nodes)
    if computed != expected:
        msg = f"expected {tile} to hash to {expected.hex()} as {parent} says, got {computed.hex()}"
        raise TreeCorruptError(msg)
    return inner_nodes


def _tile_value(tiles: Mapping[TileId, bytes], tile: TileId, size: TreeSize) -> bytes:
    data = tiles.get(tile)
    expected = tile_width(tile, size) * HASH_SIZE
    if data is None or len(data) != expected:
        msg = f"expected {expected} bytes of {tile} in a tree of {size}, got {None if data is None else len(data)}"
        raise TreeCorruptError(msg)
    return data


def _ragged_root(data: bytes) -> bytes:
    """Return MTH over the hashes in `data` (RFC 9162 section 2.1.1).

    The last hash may stand for a subtree that is smaller than the others: the split, at the largest power of two below
    the number of hashes, is the same.
    """
    count = len(data) // HASH_SIZE
    if count == 1:
        return data
    split = (1 << ((count - 1).bit_length() - 1)) * HASH_SIZE
    return hashlib.sha256(b"\x01" + _full_root(data[:split]) + _ragged_root(data[split:])).digest()


def _full_root(data: bytes) -> bytes:
    """Return MTH over a power of two of hashes."""
    if len(data) >= _MEMOISED_BYTES_MIN:
        return _remembered_root(data)
    return data if len(data) == HASH_SIZE else _split_in_half(data)


@lru_cache(maxsize=RECOMPUTED_SUBTREES_MAX)
def _remembered_root(data: bytes) -> bytes:
    """Do the same, remembered by content: a byte that changed is another key and is hashed anew."""
    return _split_in_half(data)


def _split_in_half(data: bytes) -> bytes:
    half = len(data) // 2
    return hashlib.sha256(b"\x01" + _full_root(data[:half]) + _full_root(data[half:])).digest()


def _check_size(size: int) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        msg = f"expected a tree size between 0 and 2^63-1, got {size}"
        raise TreeRangeError(msg)
