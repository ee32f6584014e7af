"""Keep the interior nodes of tiles: the pyramid over one tile, and a bounded cache of pyramids.

A tile stores every eighth height of the tree; a proof needs the heights between. Hashing them from a full tile costs
255 node hashes, whichever node is asked for, so the whole pyramid is built at once and kept while it is in use.
A tile that grew extends the pyramid that is there and costs only its new nodes.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, TreeSize
from glasslog.tiles import TILE_HEIGHT, TileId, tile_width
from glasslog_server.core.limits import TILE_CACHE_BYTES
from glasslog_server.errors import TreeCorruptError

_PAIR_BYTES = 2 * HASH_SIZE


class TileNodes:
    """Hold the hashes of one tile and every full node over them, up to height 7 within the tile.

    Immutable. The node at height 8 is not here: it is an element of the tile one level up.
    """

    __slots__ = ("layers", "tile")

    tile: TileId
    layers: tuple[bytes, ...]
    """By height above the tile's own hashes: the nodes of that height, one after the other."""

    def __init__(self, tile: TileId, data: bytes, narrower: "TileNodes | None" = None) -> None:
        """Build the pyramid over `data`; `narrower`, of the same tile, saves hashing what it holds already.

        Costs one hash for two elements that `narrower` does not have, and so on upwards: 254 at most. Raises
        TreeCorruptError when the data are no tile, or do not begin with those of `narrower`.
        """
        if not data or len(data) % HASH_SIZE or len(data) > TILE_WIDTH * HASH_SIZE:
            msg = f"expected 1 to {TILE_WIDTH} whole hashes in {tile}, got {len(data)} bytes"
            raise TreeCorruptError(msg)
        if narrower is not None and not data.startswith(narrower.layers[0]):
            msg = f"expected {tile} to grow at its end only, got other hashes where there were some before"
            raise TreeCorruptError(msg)
        layers = [data]
        for layer in range(1, TILE_HEIGHT):
            known = b"" if narrower is None else narrower.layers[layer]
            layers.append(known + _pair_up(layers[-1], 2 * len(known)))
        self.tile = tile
        self.layers = tuple(layers)

    @property
    def width(self) -> int:
        """Return how many hashes of the tile there are: 1 to 256."""
        return len(self.layers[0]) // HASH_SIZE

    @property
    def byte_size(self) -> int:
        """Return the bytes of hashes held."""
        return sum(map(len, self.layers))

    def starts_with(self, data: bytes) -> bool:
        """Return whether `data` is this tile, or an earlier and narrower value of it."""
        return self.layers[0].startswith(data)

    def node(self, layer: int, place: int) -> Hash:
        """Return the node number `place` of those `layer` heights above the tile's own hashes.

        Raises TreeCorruptError when the tile is too short for it.
        """
        start = place * HASH_SIZE
        node = self.layers[layer][start : start + HASH_SIZE]
        if not node:
            msg = f"expected {self.tile} to hold at least {(place + 1) << layer} hashes, got {self.width}"
            raise TreeCorruptError(msg)
        return Hash(node)

    def siblings(self, offset: int) -> list[Hash]:
        """Return the siblings on the way from element `offset` to the root of this tile, which must be full."""
        if self.width < TILE_WIDTH:
            msg = f"expected {self.tile} to be full, got {self.width} hashes"
            raise TreeCorruptError(msg)
        path = []
        for layer in self.layers:
            start = (offset ^ 1) * HASH_SIZE
            path.append(Hash(layer[start : start + HASH_SIZE]))
            offset >>= 1
        return path


class TileNodesCache:
    """Keep the pyramids used last, up to a number of bytes. Not for use by several threads at once."""

    __slots__ = ("_bytes", "_bytes_max", "_pyramids")

    def __init__(self, bytes_max: int = TILE_CACHE_BYTES) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._pyramids: OrderedDict[TileId, TileNodes] = OrderedDict()

    @property
    def byte_size(self) -> int:
        """Return the bytes of hashes held, never above the maximum."""
        return self._bytes

    def held(self, tiles: Iterable[TileId], size: TreeSize) -> dict[TileId, TileNodes]:
        """Return the pyramids of those `tiles` that are here and wide enough for a tree of `size`.

        The caller holds what it gets: nothing is lost when the cache drops it before the proof is computed.
        """
        found = {}
        for tile in tiles:
            pyramid = self._pyramids.get(tile)
            if pyramid is not None and pyramid.width >= tile_width(tile, size):
                self._pyramids.move_to_end(tile)
                found[tile] = pyramid
        return found

    def add(self, tiles: Mapping[TileId, bytes]) -> dict[TileId, TileNodes]:
        """Build the pyramids of tiles just read, extending those that are here, and return them all.

        Raises TreeCorruptError when a tile is none, or contradicts what was read of it before.
        """
        return {tile: self._add(tile, data) for tile, data in tiles.items()}

    def _add(self, tile: TileId, data: bytes) -> TileNodes:
        known = self._pyramids.get(tile)
        if known is not None and known.starts_with(data):
            return known
        pyramid = TileNodes(tile, data, known)
        self._bytes += pyramid.byte_size - (0 if known is None else known.byte_size)
        self._pyramids[tile] = pyramid
        self._pyramids.move_to_end(tile)
        while self._bytes > self._bytes_max:
            _, dropped = self._pyramids.popitem(last=False)
            self._bytes -= dropped.byte_size
        return pyramid


def _pair_up(layer: bytes, start: int) -> bytes:
    """Return the nodes over the pairs of hashes in `layer` from byte `start` on; a hash without sibling waits."""
    sha256 = hashlib.sha256
    starts = range(start, len(layer) // _PAIR_BYTES * _PAIR_BYTES, _PAIR_BYTES)
    return b"".join([sha256(b"\x01" + layer[pair : pair + _PAIR_BYTES]).digest() for pair in starts])
