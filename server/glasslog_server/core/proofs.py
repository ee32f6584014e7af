"""Say which tiles a root or a consistency proof needs, and compute it from them: twins `plan_x` and `prove_x`.

A caller plans, reads the named tiles in one go, and proves. Any tile may be given wider than the tree in question: only
nodes that are full in that tree are looked at, and those never change. A tile is given as its bytes or as `TileNodes`,
its bytes with what they lead to. Every proof is what RFC 9162 section 2.1 defines and `glasslog.merkle` verifies;
proofs of inclusion are in `inclusion`. Nothing here decides which sizes may be asked for: a proof to a size that was
never signed is as easily computed.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from glasslog.limits import TILE_WIDTH, TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize, hash_children
from glasslog.tiles import TILE_HEIGHT, TileId
from glasslog_server.core.tile_nodes import TileNodes
from glasslog_server.errors import TreeCorruptError, TreeRangeError

Tiles = Mapping[TileId, bytes | TileNodes]
"""What the proving twins read from: stored (widest) values, or pyramids over them."""


class Node(NamedTuple):
    """Name a full subtree: the leaves [place * 2^height, (place+1) * 2^height)."""

    height: int
    place: int


Cover = tuple[Node, ...]
"""The full subtrees, larger ones first, that make up one subtree of the RFC's definition. Mostly it is one."""


def plan_root(size: TreeSize) -> list[TileId]:
    """Name the tiles that `root_at` needs: the right edge of that tree, at most 8."""
    _check_size(size)
    return _tiles_of([_cover(0, size)])


def root_at(size: TreeSize, tiles: Tiles) -> Hash:
    """Return the root of the tree of `size`, from tiles of that tree or of any later one (RFC 9162 section 2.1.1).

    Raises TreeCorruptError when a tile is missing or too short.
    """
    _check_size(size)
    return _Nodes(tiles).fold(_cover(0, size)) if size else EMPTY_ROOT


def plan_consistency(size1: TreeSize, size2: TreeSize) -> list[TileId]:
    """Name the tiles that `prove_consistency` needs. Raises TreeRangeError."""
    return _tiles_of(_consistency_path(size1, size2))


def prove_consistency(size1: TreeSize, size2: TreeSize, tiles: Tiles) -> list[Hash]:
    """Return the consistency path between two sizes (RFC 9162 section 2.1.4.1).

    It is empty, by rule, from size 0 and between equal sizes; from size 0 it proves nothing, and verifiers refuse it.
    Raises TreeRangeError, and TreeCorruptError when a tile is missing or too short.
    """
    return _Nodes(tiles).fold_all(_consistency_path(size1, size2))


class _Nodes:
    """Look up nodes for the length of one call, so that each tile is hashed, and each cover folded, once."""

    __slots__ = ("_folded", "_pyramids", "_tiles")

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._pyramids: dict[tuple[int, int], TileNodes] = {}  # by level and index
        self._folded: dict[Cover, Hash] = {}

    def fold_all(self, covers: Iterable[Cover]) -> list[Hash]:
        """Return the root over each cover."""
        return [self.fold(cover) for cover in covers]

    def fold(self, cover: Cover) -> Hash:
        """Return the root over the subtrees of a cover."""
        if len(cover) == 1:
            return self._node(cover[0])
        root = self._folded.get(cover)
        if root is None:
            root = self._node(cover[-1])
            for node in reversed(cover[:-1]):
                root = hash_children(self._node(node), root)
            self._folded[cover] = root
        return root

    def pyramid(self, level: int, index: int) -> TileNodes:
        """Return the pyramid over a tile. Raises TreeCorruptError when the tile was not given or is none."""
        pyramid = self._pyramids.get((level, index))
        if pyramid is None:
            tile = TileId(level, index)
            value = self._tiles.get(tile)
            if value is None:
                msg = f"expected {tile} for a proof, got none"
                raise TreeCorruptError(msg)
            pyramid = value if isinstance(value, TileNodes) else TileNodes(tile, value)
            self._pyramids[level, index] = pyramid
        return pyramid

    def _node(self, node: Node) -> Hash:
        height, place = node
        layer = height % TILE_HEIGHT
        index, place = divmod(place, TILE_WIDTH >> layer)
        return self.pyramid(height // TILE_HEIGHT, index).node(layer, place)


def _path(height: int, index: int, size: int) -> list[Cover]:
    """Return the covers of the siblings on the way from a node to the root of the tree of `size`, lowest first.

    Where the last node of a height has no sibling it moves up as it is. At most one sibling is not full: the one that
    holds the end of the tree.
    """
    covers: list[Cover] = []
    last = (size - 1) >> height
    while last:
        sibling = index ^ 1
        if sibling < last:
            covers.append((Node(height, sibling),))
        elif sibling == last:
            covers.append(_cover(sibling << height, size))
        height, index, last = height + 1, index >> 1, last >> 1
    return covers


def _consistency_path(size1: int, size2: int) -> list[Cover]:
    """Return the covers of a consistency proof: from the largest full subtree at the end of the older tree upwards.

    That subtree leads the proof, unless it is the whole older tree, whose root the verifier has.
    """
    _check_size(size2)
    if not 0 <= size1 <= size2:
        msg = f"expected an older size between 0 and {size2}, got {size1}"
        raise TreeRangeError(msg)
    if size1 in (0, size2):
        return []
    height = (size1 & -size1).bit_length() - 1
    node = Node(height, (size1 >> height) - 1)
    path = _path(height, node.place, size2)
    return path if node.place == 0 else [(node,), *path]


def _cover(start: int, end: int) -> Cover:
    """Return the full subtrees that make up the leaves [start, end).

    `start` must be a multiple of a power of two that is not smaller than the range.
    """
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append(Node(height, start >> height))
        start += 1 << height
    return tuple(nodes)


def _tiles_of(covers: Iterable[Cover]) -> list[TileId]:
    """Return the tiles that hold the nodes of some covers, each once, in order."""
    nodes = (node for cover in covers for node in cover)
    return sorted(
        {TileId(height // TILE_HEIGHT, index // (TILE_WIDTH >> height % TILE_HEIGHT)) for height, index in nodes}
    )


def _check_size(size: int) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        msg = f"expected a tree size between 0 and 2^63-1, got {size}"
        raise TreeRangeError(msg)
