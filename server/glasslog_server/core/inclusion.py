"""Prove inclusion, one entry or thousands: plan which tiles to read, then compute paths from them.

In a tree of one size all tiles are full but for the one on the right edge of each level. The path of a leaf climbs
through full tiles, 8 siblings a tile, until it comes to an edge tile, and along the edge from there. An edge tile ends
in the root over whatever is below and to the right of it, which is no full subtree: so the edge is computed once for a
size (`RightEdge`) and serves all paths of it. Every path is what RFC 9162 section 2.1.3.1 defines and `glasslog.merkle`
verifies. Tiles may be given wider than the tree in question: only nodes that are full in that tree are looked at.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeAlias

from glasslog.limits import TILE_WIDTH, TREE_SIZE_MAX
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TILE_HEIGHT, TileId
from glasslog_server.core.tile_nodes import TileNodes
from glasslog_server.core.tree import Tree
from glasslog_server.errors import TreeCorruptError, TreeRangeError

HASH_FRAME: Final = b"\x58\x20"
"""What stands before a hash in CBOR: the head of a byte string of 32 (RFC 8949 section 3)."""
FRAMED_HASH_BYTES: Final = len(HASH_FRAME) + HASH_SIZE

_BLOCK_OF: Final = TILE_HEIGHT.__rrshift__  # the tile of level 0 that a leaf is in

FindTile: TypeAlias = Callable[[int, int], TileNodes]
"""Returns a tile by level and index, as wide as in the tree in question or wider."""

_SHARED_PATHS_MIN: Final = 16  # leaves of one tile from which on it is worth to compute all of its nodes


def plan_inclusion(indexes: Iterable[LeafIndex], size: TreeSize) -> list[TileId]:
    """Name the tiles that the inclusion paths of some leaves need together, each once: at most 16 for one leaf.

    Raises TreeRangeError.
    """
    tiles = set(Tree.right_edge(size)) if 0 <= size <= TREE_SIZE_MAX else set()
    places = set()
    for index in indexes:
        check_index(index, size)
        places.add(index >> TILE_HEIGHT)
    level = 0
    while places:
        edge = size >> (TILE_HEIGHT * (level + 1))
        places = {place for place in places if place < edge}  # from the edge on, the path goes along it
        tiles.update(TileId(level, place) for place in places)
        places = {place >> TILE_HEIGHT for place in places}
        level += 1
    return sorted(tiles)


@dataclass(frozen=True, slots=True)
class _EdgeLevel:
    """The tile on the right edge of one level: its index, its full hashes, and what is right of them at each height.

    `partial[k]` is the root over the leaves that make up no full node of height k in this tile, or None.
    """

    index: int
    width: int
    nodes: TileNodes | None
    partial: Sequence[Hash | None]

    def siblings(self, offset: int) -> list[Hash]:
        """Return the siblings on the way up from element `offset`; where there is none the node moves up as it is."""
        path = []
        layers = None if self.nodes is None else self.nodes.pyramid
        for layer, last in enumerate(self.partial[:TILE_HEIGHT]):
            place, full = offset ^ 1, self.width >> layer
            if place < full:
                start = place * HASH_SIZE
                node = layers[layer][start : start + HASH_SIZE] if layers else self.node(layer, place)
                path.append(Hash(node))
            elif place == full and last is not None:
                path.append(last)
            offset >>= 1
        return path

    def node(self, layer: int, place: int) -> Hash:
        """Return a full node, `layer` heights up."""
        if self.nodes is None:
            msg = f"expected a tile of {self.width} hashes on the right edge, got none"
            raise TreeCorruptError(msg)
        return self.nodes.node(layer, place)


class RightEdge:
    """Know the right edge of the tree of one size. Immutable; costs some 8 hashes a level, and its tiles' pyramids."""

    __slots__ = ("_along", "levels", "size")

    def __init__(self, size: TreeSize, tile: FindTile) -> None:
        """Take the size, 1 or more, and how to get the tiles of `Tree.right_edge`. Raises TreeCorruptError."""
        self.size = size
        self.levels: list[_EdgeLevel] = []
        self._along: dict[tuple[int, int], list[Hash]] = {}  # paths from the edge on, at most 256 a level above 0
        below: Hash | None = None
        for level in range(TILE_HEIGHT):
            hashes = size >> (TILE_HEIGHT * level)
            index, width = divmod(hashes, TILE_WIDTH)
            nodes = tile(level, index) if width else None
            partial = _partial_nodes(nodes, width, below)
            self.levels.append(_EdgeLevel(index, width, nodes, partial))
            if index == 0:  # this tile is over the whole tree
                break
            below = partial[TILE_HEIGHT]

    def path(self, index: LeafIndex, tile: FindTile, level: int = 0) -> list[Hash]:
        """Return the inclusion path of a leaf, its sibling first; with a `level`, that of a hash in a tile of it."""
        path: list[Hash] = []
        place = int(index)
        for number in range(level, len(self.levels)):
            above, offset = divmod(place, TILE_WIDTH)
            if above >= self.levels[number].index:
                return path + self._along_edge(number, place)
            path += tile(number, above).siblings(offset)
            place = above
        return path

    def _along_edge(self, level: int, place: int) -> list[Hash]:
        """Return the path from a hash in the edge tile of a level to the root: it does not leave the edge again."""
        path = self._along.get((level, place))
        if path is None:
            path = self.levels[level].siblings(place % TILE_WIDTH)
            if level + 1 < len(self.levels):
                path = path + self._along_edge(level + 1, place >> TILE_HEIGHT)
            if level > 0:
                self._along[level, place] = path
        return path

    def framed_paths(self, indexes: Sequence[LeafIndex], tile: FindTile) -> list[bytes]:
        """Return the inclusion paths of many leaves, in their order, each as its hashes in CBOR one after the other.

        Leaves of one tile that stand together share everything above it, and neighbours nearly everything within it.
        """
        paths: list[bytes] = []
        for block, together in groupby(indexes, _BLOCK_OF):
            leaves = list(together)
            nodes = self.levels[0].nodes if block == self.levels[0].index else tile(0, block)
            if len(leaves) < _SHARED_PATHS_MIN and (nodes is None or nodes.pyramid is None):
                paths += [frame(self.path(leaf, tile)) for leaf in leaves]
                continue
            upper = frame(self.path(LeafIndex(block), tile, level=1)) if len(self.levels) > 1 else b""
            offsets = [leaf % TILE_WIDTH for leaf in leaves]
            paths += map(self._paths_of_tile(block, nodes, offsets, upper).__getitem__, offsets)
        return paths

    def _paths_of_tile(
        self, block: int, nodes: TileNodes | None, offsets: Sequence[int], upper: bytes
    ) -> Mapping[int, bytes]:
        """Return the framed paths of some leaves of one tile, of which `upper` is what they share above it.

        Goes down from the root of the tile, along the ways to these leaves alone: the path of a node is its sibling and
        the path of the node above.
        """
        places = [dict.fromkeys(offsets)]
        for _ in range(1, TILE_HEIGHT):
            places.append(dict.fromkeys([place >> 1 for place in places[-1]]))
        edge = self.levels[0] if block == self.levels[0].index else None
        layers = (b"",) * TILE_HEIGHT if nodes is None else nodes.layers
        paths = {0: upper}
        for layer in reversed(range(TILE_HEIGHT)):
            full = TILE_WIDTH >> layer if edge is None else edge.width >> layer
            last = None if edge is None else edge.partial[layer]
            paths = _paths_below(paths, places[layer], layers[layer][: full * HASH_SIZE], last)
        return paths


def _paths_below(
    above: Mapping[int, bytes], places: Collection[int], nodes: bytes, last: Hash | None
) -> dict[int, bytes]:
    """Return the framed paths of nodes of one layer from those of the layer above.

    `nodes` are the full ones of the layer, `last` is what is right of them, if anything: a node that has neither beside
    it moves up as it is.
    """
    count = len(nodes) // HASH_SIZE
    paths = {
        place: HASH_FRAME + nodes[(place ^ 1) * HASH_SIZE : ((place ^ 1) + 1) * HASH_SIZE] + above[place >> 1]
        for place in places
        if place ^ 1 < count
    }
    alone = count - (count & 1)  # of the places that lead to leaves the only one without a full sibling
    if alone in places:
        beside = HASH_FRAME + last if count & 1 and last is not None else b""
        paths[alone] = beside + above[alone >> 1]
    return paths


def frame(path: Iterable[Hash]) -> bytes:
    """Return the hashes of a path as CBOR byte strings, one after the other."""
    return b"".join([HASH_FRAME + node for node in path])


def prove_inclusion(index: LeafIndex, size: TreeSize, tiles: Mapping[TileId, bytes]) -> list[Hash]:
    """Return the inclusion path of one leaf from the tiles of `plan_inclusion`, its sibling first.

    Raises TreeRangeError, and TreeCorruptError when a tile is missing or too short.
    """
    check_index(index, size)
    tile = finding(tiles)
    return RightEdge(size, tile).path(index, tile)


def finding(tiles: Mapping[TileId, bytes]) -> FindTile:
    """Return how to find tiles among their values."""

    def find(level: int, index: int) -> TileNodes:
        tile = TileId(level, index)
        data = tiles.get(tile)
        if data is None:
            msg = f"expected {tile} for a proof, got none"
            raise TreeCorruptError(msg)
        return TileNodes(tile, data)

    return find


def check_index(index: LeafIndex, size: TreeSize) -> None:
    """Raise TreeRangeError for an index that is not in the tree of `size`."""
    if not 0 <= size <= TREE_SIZE_MAX:
        msg = f"expected a tree size between 0 and 2^63-1, got {size}"
        raise TreeRangeError(msg)
    if not 0 <= index < size:
        msg = f"expected a leaf index below the tree size {size}, got {index}"
        raise TreeRangeError(msg)


def _partial_nodes(nodes: TileNodes | None, width: int, below: Hash | None) -> list[Hash | None]:
    """Return, by height, the root over what makes up no full node in an edge tile of `width` hashes.

    `below` is that of the level below. The last one, at height 8, is the root over all of the tile.
    """
    partial = [below]
    for layer in range(TILE_HEIGHT):
        last, full = partial[-1], width >> layer
        if full & 1 and nodes is not None:
            left = nodes.node(layer, full - 1)
            last = left if last is None else Hash(hashlib.sha256(b"\x01" + left + last).digest())
        partial.append(last)
    return partial
