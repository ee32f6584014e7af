"""Look up the interior nodes of tiles: what all hashes of one tile lead to, and a bounded cache of tiles.

A tile holds every eighth height of the tree; a proof needs the heights between. To hash them from a full tile costs
254 hashes, whichever leaf is asked for. So full tiles are stored with their inner nodes, the 32 of height 3 and the 4
of height 6, from which the 8 siblings of one leaf are 9 hashes away. And where a tile is asked for again and again,
which is so near the right edge and high up in the tree, all its nodes are computed at once and kept (its pyramid). A
tile that grew extends the pyramid that is there and costs only its new nodes.
"""

import hashlib
from collections import OrderedDict
from typing import Final

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash
from glasslog.tiles import TILE_HEIGHT, TileId
from glasslog_server.core.limits import TILE_CACHE_BYTES, TILE_PYRAMID_BYTES_MAX
from glasslog_server.errors import TreeCorruptError

INNER_HEIGHT: Final = 3
"""The heights of the inner nodes that are stored with a tile, above its hashes, are the multiples of this."""
INNER_NODES_BYTES: Final = ((TILE_WIDTH >> INNER_HEIGHT) + (TILE_WIDTH >> 2 * INNER_HEIGHT)) * HASH_SIZE

_LOWER_INNER_BYTES: Final = (TILE_WIDTH >> INNER_HEIGHT) * HASH_SIZE
_PAIR_BYTES: Final = 2 * HASH_SIZE
_SINGLE_PATH_HASHES: Final = 9
_PYRAMID_HASHES: Final = 254  # once single nodes have cost as much, the pyramid is built: it serves all that follow


class TileNodes:
    """Hold the hashes of one tile and find every full node over them, up to height 7 within the tile.

    The node at height 8 is not here: it is an element of the tile one level up. What is computed is remembered, so this
    is not for use by several threads at once; what it answers never changes.
    """

    __slots__ = ("_extends", "_inner", "_layers", "_spent", "data", "tile")

    data: bytes
    """The hashes of the tile, one after the other."""

    def __init__(
        self, tile: TileId, data: bytes, narrower: "TileNodes | None" = None, inner_nodes: bytes = b""
    ) -> None:
        """Take the hashes of a tile; `narrower`, of the same tile, saves hashing what it has hashed already.

        `inner_nodes` are those of height 3, then those of height 6, which only a full tile has. Raises TreeCorruptError
        when the data are no tile, or do not begin with those of `narrower`.
        """
        if not data or len(data) % HASH_SIZE or len(data) > TILE_WIDTH * HASH_SIZE:
            msg = f"expected 1 to {TILE_WIDTH} whole hashes in {tile}, got {len(data)} bytes"
            raise TreeCorruptError(msg)
        if narrower is not None and not data.startswith(narrower.data):
            msg = f"expected {tile} to grow at its end only, got other hashes where there were some before"
            raise TreeCorruptError(msg)
        if inner_nodes and len(inner_nodes) != INNER_NODES_BYTES:
            msg = f"expected {INNER_NODES_BYTES} bytes of inner nodes with {tile}, got {len(inner_nodes)}"
            raise TreeCorruptError(msg)
        self.tile = tile
        self.data = data
        self._inner = inner_nodes
        self._layers: tuple[bytes, ...] | None = None
        self._extends = None if narrower is None else narrower.known_layers
        self._spent = 0  # hashes, on single nodes

    @property
    def width(self) -> int:
        """Return how many hashes of the tile there are: 1 to 256."""
        return len(self.data) // HASH_SIZE

    @property
    def known_layers(self) -> tuple[bytes, ...] | None:
        """Return the pyramid as far as it was computed, perhaps over a narrower value; None where nothing was."""
        return self._layers or self._extends

    @property
    def pyramid(self) -> tuple[bytes, ...] | None:
        """Return `layers` if they were computed before, else None."""
        return self._layers

    @property
    def layers(self) -> tuple[bytes, ...]:
        """Return the pyramid: by height above the tile's own hashes, the full nodes of that height one after the other.

        Costs one hash for two elements that a narrower value did not have, and so on upwards, 254 at most; once.
        """
        if self._layers is None:
            layers = [self.data]
            for layer in range(1, TILE_HEIGHT):
                known = b"" if self._extends is None else self._extends[layer]
                layers.append(known + _pair_up(layers[-1], 2 * len(known)))
            self._layers, self._extends, self._inner = tuple(layers), None, b""
        return self._layers

    def node(self, layer: int, place: int) -> Hash:
        """Return the node number `place` of those `layer` heights above the tile's own hashes.

        Raises TreeCorruptError when the tile is too short for it.
        """
        if self._layers is None and self._inner and self._spent < _PYRAMID_HASHES:
            return self._node_by_inner_nodes(layer, place)
        start = place * HASH_SIZE
        node = self.layers[layer][start : start + HASH_SIZE]
        if not node:
            msg = f"expected {self.tile} to hold at least {(place + 1) << layer} hashes, got {self.width}"
            raise TreeCorruptError(msg)
        return Hash(node)

    def siblings(self, offset: int) -> list[Hash]:
        """Return the siblings on the way from element `offset` to the root of this tile, which must be full."""
        if len(self.data) < TILE_WIDTH * HASH_SIZE:
            msg = f"expected {self.tile} to be full, got {self.width} hashes"
            raise TreeCorruptError(msg)
        if self._layers is None and self._inner and self._spent < _PYRAMID_HASHES:
            self._spent += _SINGLE_PATH_HASHES
            path = _siblings_in_8(self.data, offset)
            path += _siblings_in_8(self._inner, offset >> INNER_HEIGHT)
            high, place = self._inner[_LOWER_INNER_BYTES:], offset >> 2 * INNER_HEIGHT
            alone, pair = (place ^ 1) * HASH_SIZE, (place >> 1 ^ 1) * _PAIR_BYTES
            return [*path, Hash(high[alone : alone + HASH_SIZE]), root_over(high[pair : pair + _PAIR_BYTES])]
        path = []
        for layer in self.layers:
            start = (offset ^ 1) * HASH_SIZE
            path.append(Hash(layer[start : start + HASH_SIZE]))
            offset >>= 1
        return path

    def _node_by_inner_nodes(self, layer: int, place: int) -> Hash:
        """Return a node as the root over a few elements, or over a few inner nodes: 3 hashes at most."""
        nodes, height = self.data, layer
        if layer >= 2 * INNER_HEIGHT:
            nodes, height = self._inner[_LOWER_INNER_BYTES:], layer - 2 * INNER_HEIGHT
        elif layer >= INNER_HEIGHT:
            nodes, height = self._inner[:_LOWER_INNER_BYTES], layer - INNER_HEIGHT
        node_bytes = HASH_SIZE << height
        self._spent += (1 << height) - 1
        return root_over(nodes[place * node_bytes : (place + 1) * node_bytes])


def _siblings_in_8(nodes: bytes, place: int) -> list[Hash]:
    """Return the siblings on the way from a node to the root over the 8 that it is among. Costs 4 hashes."""
    sha256 = hashlib.sha256
    alone = (place ^ 1) * HASH_SIZE
    pair = (place >> 1 ^ 1) * _PAIR_BYTES
    four = (place >> 2 ^ 1) * 2 * _PAIR_BYTES
    middle, end = four + _PAIR_BYTES, four + 2 * _PAIR_BYTES
    left, right = sha256(b"\x01" + nodes[four:middle]).digest(), sha256(b"\x01" + nodes[middle:end]).digest()
    return [
        Hash(nodes[alone : alone + HASH_SIZE]),
        Hash(sha256(b"\x01" + nodes[pair : pair + _PAIR_BYTES]).digest()),
        Hash(sha256(b"\x01" + left + right).digest()),
    ]


class TileNodesCache:
    """Keep the tiles used last, up to a number of bytes. Not for use by several threads at once."""

    __slots__ = ("_bytes_max", "_tiles")

    def __init__(self, bytes_max: int = TILE_CACHE_BYTES) -> None:
        self._bytes_max = bytes_max
        self._tiles: OrderedDict[tuple[int, int], TileNodes] = OrderedDict()  # by level and index

    @property
    def byte_size(self) -> int:
        """Return the bytes that the hashes held will take when all their nodes are computed; never above the limit."""
        return len(self._tiles) * TILE_PYRAMID_BYTES_MAX

    def get(self, level: int, index: int, width: int) -> TileNodes | None:
        """Return a tile that is here and has `width` hashes or more, else None."""
        found = self._tiles.get((level, index))
        if found is None or len(found.data) < width * HASH_SIZE:
            return None
        self._tiles.move_to_end((level, index))
        return found

    def add(self, tile: TileId, data: bytes, inner_nodes: bytes = b"") -> TileNodes:
        """Keep a tile just read or published, as a growth of the one that is here, and return what is kept.

        Raises TreeCorruptError when a tile is none, or contradicts what was known of it before.
        """
        place = (tile.level, tile.index)
        known = self._tiles.get(place)
        if known is not None and known.data.startswith(data):
            return known
        kept = self._tiles[place] = TileNodes(tile, data, known, inner_nodes)
        self._tiles.move_to_end(place)
        while len(self._tiles) * TILE_PYRAMID_BYTES_MAX > self._bytes_max:
            self._tiles.popitem(last=False)
        return kept


def inner_nodes_of(data: bytes) -> bytes:
    """Return the inner nodes of a full tile: the 32 of height 3, then the 4 of height 6. Costs 252 hashes."""
    lower = _climb(data)
    return lower + _climb(lower)


def root_over_inner_nodes(inner_nodes: bytes) -> Hash:
    """Return the root over a full tile from its inner nodes. Costs 3 hashes."""
    return root_over(inner_nodes[_LOWER_INNER_BYTES:])


def _climb(nodes: bytes) -> bytes:
    for _ in range(INNER_HEIGHT):
        nodes = _pair_up(nodes, 0)
    return nodes


def root_over(data: bytes) -> Hash:
    """Return the root over a power of two of hashes (RFC 9162 section 2.1.1)."""
    while len(data) > HASH_SIZE:
        data = _pair_up(data, 0)
    return Hash(data)


def _pair_up(layer: bytes, start: int) -> bytes:
    """Return the nodes over the pairs of hashes in `layer` from byte `start` on; a hash without sibling waits."""
    sha256 = hashlib.sha256
    starts = range(start, len(layer) // _PAIR_BYTES * _PAIR_BYTES, _PAIR_BYTES)
    return b"".join([sha256(b"\x01" + layer[pair : pair + _PAIR_BYTES]).digest() for pair in starts])
