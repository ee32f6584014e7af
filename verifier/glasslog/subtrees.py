"""Compute nodes, roots and paths of a tree from its tiles (RFC 9162 section 2.1, C2SP tlog-tiles).

A *frontier* of a tree is the list of the roots of the full subtrees that it is made of, the largest first: one for each
bit that is set in its size. It leads to the root and grows by one hash a leaf, so it is all that an audit has to carry
from one part of a log to the next.

`VerifiedTiles` reads tiles that nobody has to be believed for: each is held against its parent, from the signed root
down, before a hash of it is used. What a tile says about entries is for the caller to check.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, cast

from glasslog.errors import ProofError
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import EMPTY_ROOT, Hash, LeafIndex, TreeSize, hash_children
from glasslog.tiles import TILE_HEIGHT, TileId, tile_path, tile_width

_LEAF_PREFIX: Final = b"\x00"
_NODE_PREFIX: Final = b"\x01"
_TILES_KEPT: Final = 256  # 511 hashes each: some 10 MB

ReadTile = Callable[[TileId, int], Sequence[Hash]]
"""How the hashes of a tile of a given width are had. Raises AbsentError, MalformedError."""


def hash_leaves(entries: Iterable[bytes]) -> list[Hash]:
    """Return the leaf hashes of entries, as `hash_leaf` does of one, with less around it: audits hash millions."""
    return cast("list[Hash]", [sha256(_LEAF_PREFIX + entry).digest() for entry in entries])


def pyramid(hashes: Sequence[Hash]) -> list[list[Hash]]:
    """Return the full nodes over up to 256 hashes by height, 0 to 8: level k has len(hashes) >> k of them."""
    level = list(hashes)
    levels = [level]
    while len(level) > 1:
        pairs = iter(level)
        nodes = [sha256(_NODE_PREFIX + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        level = cast("list[Hash]", nodes)
        levels.append(level)
    return levels


def push(frontier: list[Hash], count: int, node: Hash) -> None:
    """Add the root of the full subtree number `count` to a frontier of `count` subtrees of its size, in place."""
    while count & 1:
        node = hash_children(frontier.pop(), node)
        count >>= 1
    frontier.append(node)


def within(levels: Sequence[Sequence[Hash]], width: int) -> list[Hash]:
    """Return the frontier of the first `width` hashes of a pyramid."""
    return [levels[height][(width >> height) - 1] for height in range(len(levels) - 1, -1, -1) if width >> height & 1]


def fold(frontier: Sequence[Hash]) -> Hash:
    """Return the root of the tree that a frontier is of."""
    if not frontier:
        return EMPTY_ROOT
    node = frontier[-1]
    for left in frontier[-2::-1]:
        node = hash_children(left, node)
    return node


class VerifiedTiles:
    """The tiles of one signed tree, each verified before it is used. Keeps a bounded number of them in memory."""

    def __init__(self, size: TreeSize, root: Hash, read: ReadTile) -> None:
        """Read the right edge, at most 8 tiles, and hold it against the root. Raises ProofError and what `read` does.

        The partial tiles of the right edge are made of exactly the full subtrees that lead to the root, so every hash
        in them is what the root commits to.
        """
        self.size = size
        self.root = root
        self._read = read
        self._kept: OrderedDict[TileId, list[list[Hash]]] = OrderedDict()
        self._edge: dict[TileId, list[list[Hash]]] = {}
        for level in range(TILE_HEIGHT):
            count = size >> (TILE_HEIGHT * level)
            if width := count % TILE_WIDTH:
                tile = TileId(level, count // TILE_WIDTH)
                self._edge[tile] = pyramid(read(tile, width))
        computed = fold(self.frontier(size))
        if computed != root:
            msg = f"expected the tiles at the right edge to lead to root {root.hex()}, got {computed.hex()}"
            raise ProofError(msg)

    def hashes(self, tile: TileId) -> list[Hash]:
        """Return the hashes of a tile, as wide as it is in this tree. Raises ProofError and what `read` does."""
        return self._pyramid(tile)[0]

    def check(self, tile: TileId, hashes: Sequence[Hash]) -> None:
        """Hold a full tile against its parent. Raises ProofError."""
        self._check(tile, pyramid(hashes))

    def tile_root(self, tile: TileId) -> Hash:
        """Return what the hashes of a full tile lead to, as its parent says."""
        parent = TileId(tile.level + 1, tile.index // TILE_WIDTH)
        return self.hashes(parent)[tile.index % TILE_WIDTH]

    def node(self, height: int, place: int) -> Hash:
        """Return the root of the full subtree over leaves [place * 2^height, (place + 1) * 2^height)."""
        level, above = divmod(height, TILE_HEIGHT)
        index, offset = divmod(place << above, TILE_WIDTH)
        return self._pyramid(TileId(level, index))[above][offset >> above]

    def frontier(self, size: TreeSize) -> list[Hash]:
        """Return the frontier of the tree of `size`, of this size or less."""
        return self._cover(0, size)

    def root_at(self, size: TreeSize) -> Hash:
        """Return the root that the tree had at `size`, of this size or less (RFC 9162 section 2.1.1)."""
        return fold(self.frontier(size))

    def inclusion_path(self, index: LeafIndex, size: TreeSize) -> tuple[Hash, ...]:
        """Return the inclusion path of entry `index` in the tree of `size`, the leaf's sibling first (2.1.3.1)."""
        path: list[Hash] = []
        start, end = 0, int(size)
        while end - start > 1:
            split = start + (1 << ((end - start - 1).bit_length() - 1))
            if index < split:
                path.append(fold(self._cover(split, end)))
                end = split
            else:
                path.append(fold(self._cover(start, split)))
                start = split
        return tuple(reversed(path))

    def consistency_path(self, size1: TreeSize, size2: TreeSize) -> tuple[Hash, ...]:
        """Return the path that shows the tree of `size1` > 0 to be a prefix of that of `size2` (2.1.4.1)."""
        path: list[Hash] = []
        start, end = 0, int(size2)
        while size1 < end:
            split = start + (1 << ((end - start - 1).bit_length() - 1))
            if size1 <= split:
                path.append(fold(self._cover(split, end)))
                end = split
            else:
                path.append(fold(self._cover(start, split)))
                start = split
        if start:
            path.append(fold(self._cover(start, end)))
        return tuple(reversed(path))

    def _cover(self, start: int, end: int) -> list[Hash]:
        """Return the frontier of the leaves [start, end), where `start` is a multiple of every subtree's size."""
        nodes = []
        for height in range((end - start).bit_length() - 1, -1, -1):
            if (end - start) >> height & 1:
                below = (end - start) >> (height + 1) << (height + 1)
                nodes.append(self.node(height, (start + below) >> height))
        return nodes

    def _pyramid(self, tile: TileId) -> list[list[Hash]]:
        levels = self._edge.get(tile) or self._kept.get(tile)
        if levels is None:
            width = tile_width(tile, self.size)
            if width != TILE_WIDTH:
                msg = f"expected a tile within the tree of size {self.size}, got {tile_path(tile)}"
                raise ProofError(msg)
            levels = pyramid(self._read(tile, width))
            self._check(tile, levels)
            self._kept[tile] = levels
            if len(self._kept) > _TILES_KEPT:
                self._kept.popitem(last=False)
        elif tile in self._kept:
            self._kept.move_to_end(tile)
        return levels

    def _check(self, tile: TileId, levels: Sequence[Sequence[Hash]]) -> None:
        expected, [computed] = self.tile_root(tile), levels[-1]
        if computed != expected:
            msg = f"expected {tile_path(tile)} to lead to {expected.hex()}, got {computed.hex()}"
            raise ProofError(msg)
