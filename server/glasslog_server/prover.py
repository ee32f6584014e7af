"""Make proofs from a store: read the tiles that they need, keep those in use, compute paths.

Never above the published size: the sequencer may have more on disk than it has published, and what it has not published
may still vanish, so tiles are cut to the published tree before they are kept. Two things are remembered, both bounded:
the tiles used last, which new publications extend, and the right edges of the trees asked for last.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from glasslog.limits import TILE_WIDTH
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TILE_HEIGHT, TileId, tile_width
from glasslog_server.core.inclusion import RightEdge, check_index, frame
from glasslog_server.core.proofs import plan_consistency, prove_consistency
from glasslog_server.core.tile_nodes import TileNodes, TileNodesCache
from glasslog_server.core.tree import Tree
from glasslog_server.errors import StoreCorruptError
from glasslog_server.storage.store import ReadStore

EDGES_MAX: Final = 32
"""Right edges remembered: of the trees that the receipts of the last rounds are made at."""


class Prover:
    """Compute paths in the trees of one log, of any published size. For use on one event loop.

    Methods raise TreeRangeError for places that are not in the tree in question, StoreError, TreeCorruptError. The
    caller sees to it that no size above the published one is asked for.
    """

    def __init__(self, store: Callable[[], ReadStore], published: Callable[[], TreeSize]) -> None:
        self._store = store
        self._published = published
        self._cache = TileNodesCache()
        self._edges: OrderedDict[int, RightEdge] = OrderedDict()

    def learn(self, tiles: Mapping[TileId, bytes]) -> None:
        """Keep tiles that were just published, as wide as they are in the published tree: nobody need read them."""
        for tile, data in tiles.items():
            self._cache.add(tile, data)

    async def path(self, index: LeafIndex, size: TreeSize) -> list[Hash]:
        """Return the inclusion path of a leaf, its sibling first. Costs 9 hashes for each tile not at hand."""
        check_index(index, size)
        edge = await self._edge(size)
        tiles = await self._tiles_below(edge, (index >> TILE_HEIGHT,))
        return edge.path(index, lambda level, place: tiles[level, place])

    async def framed_paths(self, indexes: Sequence[LeafIndex], size: TreeSize) -> list[bytes]:
        """Return the inclusion paths of many leaves, each as its hashes in CBOR one after the other."""
        if not indexes:
            return []
        if len(indexes) == 1:
            return [frame(await self.path(indexes[0], size))]
        for index in indexes:
            check_index(index, size)
        edge = await self._edge(size)
        tiles = await self._tiles_below(edge, {index >> TILE_HEIGHT for index in indexes})
        return edge.framed_paths(indexes, lambda level, place: tiles[level, place])

    async def consistency_path(self, size1: TreeSize, size2: TreeSize) -> list[Hash]:
        """Return the consistency path between two sizes."""
        return prove_consistency(size1, size2, await self._find(plan_consistency(size1, size2), size2))

    async def _edge(self, size: TreeSize) -> RightEdge:
        edge = self._edges.get(size)
        if edge is None:
            tiles = await self._find(Tree.right_edge(size), size)
            edge = self._edges[size] = RightEdge(size, lambda level, place: tiles[TileId(level, place)])
            if len(self._edges) > EDGES_MAX:
                self._edges.popitem(last=False)
        return edge

    async def _tiles_below(self, edge: RightEdge, blocks: Iterable[int]) -> dict[tuple[int, int], TileNodes]:
        """Return the full tiles on the ways from tiles of level 0 up to the right edge, by level and index."""
        found: dict[tuple[int, int], TileNodes] = {}
        missing: list[TileId] = []
        for level, at_edge in enumerate(edge.levels):
            blocks = [block for block in blocks if block < at_edge.index]
            if not blocks:
                break
            for block in blocks:
                nodes = self._cache.get(level, block, TILE_WIDTH)
                if nodes is None:
                    missing.append(TileId(level, block))
                else:
                    found[level, block] = nodes
            blocks = {block >> TILE_HEIGHT for block in blocks}
        if missing:
            for tile, nodes in (await self._read(missing)).items():
                found[tile.level, tile.index] = nodes
        return found

    async def _find(self, plan: Sequence[TileId], size: TreeSize) -> dict[TileId, TileNodes]:
        """Return tiles, each wide enough for the tree of `size`."""
        found = {}
        missing = []
        for tile in plan:
            nodes = self._cache.get(tile.level, tile.index, tile_width(tile, size))
            if nodes is None:
                missing.append(tile)
            else:
                found[tile] = nodes
        return found | await self._read(missing) if missing else found

    async def _read(self, tiles: Sequence[TileId]) -> dict[TileId, TileNodes]:
        """Read tiles from the store and keep them, cut to the published tree."""
        size = self._published()
        values = await self._store().read_tiles_with_inner_nodes(tiles)
        return {
            tile: self._cache.add(tile, check_tile(tile, None if value is None else value[0], size), _inner(value))
            for tile, value in zip(tiles, values, strict=True)
        }


def check_tile(tile: TileId, data: bytes | None, size: TreeSize) -> bytes:
    """Return a tile as it is in the tree of `size`. Raises StoreCorruptError when the store has less of it."""
    expected = tile_width(tile, size) * HASH_SIZE
    if data is None or len(data) < expected:
        msg = f"expected {expected} bytes of the stored tile {tile}, got {None if data is None else len(data)}"
        raise StoreCorruptError(msg)
    return data[:expected]


def _inner(value: tuple[bytes, bytes] | None) -> bytes:
    return b"" if value is None else value[1]
