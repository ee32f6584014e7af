from collections.abc import Iterable, Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.limits import PROOF_HASHES_MAX, TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize, verify_consistency, verify_inclusion
from glasslog.tiles import TileId, tile_width
from glasslog_server.core.inclusion import FindTile, RightEdge, finding, frame, plan_inclusion, prove_inclusion
from glasslog_server.core.limits import TILE_PYRAMID_BYTES_MAX
from glasslog_server.core.proofs import plan_consistency, plan_root, prove_consistency, root_at
from glasslog_server.core.tile_nodes import TileNodes, TileNodesCache, inner_nodes_of
from glasslog_server.core.tree import Tree
from glasslog_server.errors import TreeCorruptError, TreeRangeError
from tests.server.model_trees import SparseTree, leaves, tiles_of
from tests.verifier.trees import NaiveTree, index, size

SMALL = 300
NAIVE = NaiveTree(leaves(0, 1_200))
TILES = tiles_of(NAIVE, 1_200)
BOUNDARIES = [1, 2, 3, 254, 255, 256, 257, 258, 511, 512, 513, 767, 768, 769]
LARGE_BOUNDARIES = [65_535, 65_536, 65_537, 65_791, 65_792, 65_793]
SIZES = st.integers(1, TREE_SIZE_MAX)


@pytest.fixture(scope="session")
def large() -> NaiveTree:
    return NaiveTree(leaves(0, 66_000))


@pytest.fixture(scope="session")
def large_tiles(large: NaiveTree) -> dict[TileId, bytes]:
    return Tree().append(large.leaves)


def planned(tiles: Mapping[TileId, bytes], plan: Iterable[TileId]) -> dict[TileId, bytes]:
    """Return what a caller reads: the tiles of the plan and no other."""
    return {tile: tiles[tile] for tile in plan}


def inclusion(tiles: Mapping[TileId, bytes], leaf_index: int, tree_size: int) -> list[Hash]:
    plan = plan_inclusion([index(leaf_index)], size(tree_size))
    return prove_inclusion(index(leaf_index), size(tree_size), planned(tiles, plan))


def consistency(tiles: Mapping[TileId, bytes], size1: int, size2: int) -> list[Hash]:
    plan = plan_consistency(size(size1), size(size2))
    return prove_consistency(size(size1), size(size2), planned(tiles, plan))


# ----------------------------------------------------------------------------------------------- against the definition


def test_every_inclusion_proof_in_every_small_tree_is_the_defined_one() -> None:
    pyramids = {(tile.level, tile.index): TileNodes(tile, data) for tile, data in TILES.items()}
    for tree_size in range(1, SMALL + 1):
        root = NAIVE.root(tree_size)
        edge = RightEdge(size(tree_size), lambda level, place: pyramids[level, place])
        for leaf_index in range(tree_size):
            path = edge.path(index(leaf_index), lambda level, place: pyramids[level, place])
            assert tuple(path) == NAIVE.inclusion_path(leaf_index, tree_size)
            verify_inclusion(NAIVE.leaves[leaf_index], index(leaf_index), size(tree_size), path, root)


def test_every_consistency_proof_between_small_trees_is_the_defined_one() -> None:
    pyramids = {tile: TileNodes(tile, data) for tile, data in TILES.items()}
    for size2 in range(1, SMALL + 1):
        for size1 in range(1, size2 + 1):
            path = prove_consistency(size(size1), size(size2), pyramids)
            assert tuple(path) == NAIVE.consistency_path(size1, size2)
            verify_consistency(size(size1), size(size2), NAIVE.root(size1), NAIVE.root(size2), path)


def test_the_roots_of_all_earlier_sizes_are_found() -> None:
    for tree_size in range(SMALL + 1):
        assert root_at(size(tree_size), planned(TILES, plan_root(size(tree_size)))) == NAIVE.root(tree_size)


@pytest.mark.parametrize("tree_size", BOUNDARIES)
def test_the_plan_names_all_that_a_proof_needs(tree_size: int) -> None:
    for leaf_index in range(tree_size):
        assert tuple(inclusion(TILES, leaf_index, tree_size)) == NAIVE.inclusion_path(leaf_index, tree_size)
    for size1 in range(1, tree_size):
        assert tuple(consistency(TILES, size1, tree_size)) == NAIVE.consistency_path(size1, tree_size)


@pytest.mark.parametrize("tree_size", BOUNDARIES)
def test_a_plan_names_no_tile_that_the_proof_does_not_look_at(tree_size: int) -> None:
    for leaf_index in range(tree_size):
        tiles = planned(TILES, plan_inclusion([index(leaf_index)], size(tree_size)))
        for tile in tiles:
            without = {other: data for other, data in tiles.items() if other != tile}
            with pytest.raises(TreeCorruptError, match="for a proof, got none"):
                prove_inclusion(index(leaf_index), size(tree_size), without)


@pytest.mark.parametrize("tree_size", BOUNDARIES)
def test_tiles_as_they_were_at_that_size_give_the_same_proofs(tree_size: int) -> None:
    narrow = tiles_of(NAIVE, tree_size)
    for leaf_index in range(tree_size):
        assert inclusion(narrow, leaf_index, tree_size) == inclusion(TILES, leaf_index, tree_size)


def test_proofs_at_the_boundary_of_the_second_level(large: NaiveTree, large_tiles: dict[TileId, bytes]) -> None:
    for tree_size in LARGE_BOUNDARIES:
        places = {0, 1, 254, 255, 256, 257, tree_size // 2, tree_size - 257, tree_size - 256, tree_size - 2}
        for place in places | {tree_size - 1, 65_534} | {other for other in LARGE_BOUNDARIES if other < tree_size}:
            path = inclusion(large_tiles, place, tree_size)
            assert tuple(path) == large.inclusion_path(place, tree_size)
            verify_inclusion(large.leaves[place], index(place), size(tree_size), path, large.root(tree_size))
            if place:
                path = consistency(large_tiles, place, tree_size)
                assert tuple(path) == large.consistency_path(place, tree_size)
                verify_consistency(size(place), size(tree_size), large.root(place), large.root(tree_size), path)


@given(st.integers(1, 66_000), st.randoms(use_true_random=False))
def test_proofs_in_a_tree_with_three_levels(
    large: NaiveTree, large_tiles: dict[TileId, bytes], tree_size: int, random: Random
) -> None:
    place = random.randrange(tree_size)
    path = inclusion(large_tiles, place, tree_size)
    verify_inclusion(large.leaves[place], index(place), size(tree_size), path, large.root(tree_size))
    size1 = random.randint(1, tree_size)
    path = consistency(large_tiles, size1, tree_size)
    verify_consistency(size(size1), size(tree_size), large.root(size1), large.root(tree_size), path)
    assert root_at(size(size1), planned(large_tiles, plan_root(size(size1)))) == large.root(size1)


@given(SIZES, st.randoms(use_true_random=False))
def test_proofs_in_trees_of_any_size(tree_size: int, random: Random) -> None:
    place, size1 = random.randrange(tree_size), random.randint(1, tree_size)
    special = {random.randrange(tree_size): leaf for leaf in leaves(1, 5)} | {place: leaves(5, 6)[0]}
    tree = SparseTree(tree_size, special)
    path = inclusion(tree, place, tree_size)
    verify_inclusion(tree.leaf(place), index(place), size(tree_size), path, tree.root(tree_size))
    path = consistency(tree, size1, tree_size)
    verify_consistency(size(size1), size(tree_size), tree.root(size1), tree.root(tree_size), path)
    assert root_at(size(size1), planned(tree, plan_root(size(size1)))) == tree.root(size1)


@given(SIZES, st.randoms(use_true_random=False))
def test_a_plan_is_short_ordered_and_within_the_tree(tree_size: int, random: Random) -> None:
    plans = [
        plan_inclusion([index(random.randrange(tree_size))], size(tree_size)),
        plan_consistency(size(random.randint(0, tree_size)), size(tree_size)),
        plan_root(size(tree_size)),
    ]
    for plan in plans:
        assert plan == sorted(set(plan))
        assert len(plan) <= 16
        assert all(tile_width(tile, size(tree_size)) for tile in plan)
    assert len(prove_inclusion(index(0), size(tree_size), SparseTree(tree_size, {}))) <= PROOF_HASHES_MAX


# -------------------------------------------------------------------------------------------------- one batch of proofs


@given(st.integers(1, 1_200), st.randoms(use_true_random=False))
def test_a_batch_proves_what_single_proofs_prove(tree_size: int, random: Random) -> None:
    indices = [index(random.randrange(tree_size)) for _ in range(random.randint(0, 40))]
    tiles = planned(TILES, plan_inclusion(indices, size(tree_size)))
    paths = RightEdge(size(tree_size), finding(tiles)).framed_paths(indices, finding(tiles))
    assert paths == [frame(inclusion(TILES, place, tree_size)) for place in indices]


@given(SIZES, st.randoms(use_true_random=False))
def test_a_batch_at_the_end_of_a_tree_of_any_size(tree_size: int, random: Random) -> None:
    first = max(0, tree_size - random.randint(1, 600))
    indices = [index(place) for place in range(first, tree_size, random.randint(1, 40))]
    tree = SparseTree(tree_size, dict.fromkeys(indices[:3], leaves(1, 2)[0]))
    tiles = finding(planned(tree, plan_inclusion(indices, size(tree_size))))
    paths = RightEdge(size(tree_size), tiles).framed_paths(indices, tiles)
    for place, path in zip(indices, map(unframed, paths), strict=True):
        verify_inclusion(tree.leaf(place), place, size(tree_size), path, tree.root(tree_size))


@pytest.mark.parametrize("tree_size", [*BOUNDARIES, 1_100])
def test_the_paths_of_all_leaves_at_once_are_the_defined_ones(tree_size: int) -> None:
    tiles = finding(TILES)
    paths = RightEdge(size(tree_size), tiles).framed_paths([index(place) for place in range(tree_size)], tiles)
    for place, path in enumerate(paths):
        assert tuple(unframed(path)) == NAIVE.inclusion_path(place, tree_size)


def unframed(path: bytes) -> list[Hash]:
    hashes = [path[start : start + 34] for start in range(0, len(path), 34)]
    assert all(framed.startswith(b"\x58\x20") and len(framed) == 34 for framed in hashes)
    return [Hash(framed[2:]) for framed in hashes]


# ------------------------------------------------------------------------------------------- arguments and broken tiles


@pytest.mark.parametrize("leaf_index, tree_size", [(0, 0), (5, 5), (6, 5), (-1, 5), (0, -1), (0, TREE_SIZE_MAX + 1)])
def test_a_leaf_outside_the_tree_has_no_proof(leaf_index: int, tree_size: int) -> None:
    with pytest.raises(TreeRangeError, match="expected"):
        plan_inclusion([index(leaf_index)], size(tree_size))
    with pytest.raises(TreeRangeError, match="expected"):
        prove_inclusion(index(leaf_index), size(tree_size), TILES)


@pytest.mark.parametrize("size1, size2", [(2, 1), (-1, 1), (1, TREE_SIZE_MAX + 1), (0, -1)])
def test_sizes_in_the_wrong_order_have_no_proof(size1: int, size2: int) -> None:
    with pytest.raises(TreeRangeError, match="expected"):
        plan_consistency(size(size1), size(size2))
    with pytest.raises(TreeRangeError, match="expected"):
        prove_consistency(size(size1), size(size2), TILES)


def test_a_bad_argument_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="expected a tree size between"):
        root_at(TreeSize(-1), TILES)
    with pytest.raises(ValueError, match="expected a tree size between"):
        plan_root(TreeSize(-1))


def test_proofs_that_say_nothing_are_empty_by_rule() -> None:
    assert plan_consistency(size(0), size(7)) == []
    assert prove_consistency(size(0), size(7), {}) == []
    assert prove_consistency(size(7), size(7), {}) == []
    assert prove_inclusion(index(0), size(1), TILES) == []
    assert plan_root(size(0)) == []
    assert root_at(size(0), {}) == EMPTY_ROOT


def test_a_tile_that_is_too_short_is_our_fault() -> None:
    short = {**TILES, TileId(0, 0): TILES[TileId(0, 0)][: 100 * 32]}
    with pytest.raises(TreeCorruptError, match="to be full, got 100 hashes"):
        prove_inclusion(index(0), size(300), short)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), bytes(257 * 32)])
def test_bytes_that_are_no_tile_are_our_fault(data: bytes) -> None:
    with pytest.raises(TreeCorruptError, match="expected 1 to 256 whole hashes"):
        prove_inclusion(index(0), size(2), {TileId(0, 0): data})


# ------------------------------------------------------------------------------------------------------------- pyramids

TILE = TileId(0, 0)
DATA = TILES[TILE]


@given(st.lists(st.integers(1, 256), min_size=1, max_size=6).map(sorted))
def test_a_pyramid_that_grew_is_the_one_built_at_once(widths: list[int]) -> None:
    pyramid = None
    for width in widths:
        pyramid = TileNodes(TILE, DATA[: 32 * width], pyramid)
        assert pyramid.layers == TileNodes(TILE, DATA[: 32 * width]).layers
        assert pyramid.width == width


def test_a_pyramid_holds_the_defined_nodes() -> None:
    pyramid = TileNodes(TILE, DATA)
    for layer in range(8):
        for place in range(256 >> layer):
            assert pyramid.node(layer, place) == NaiveTree(NAIVE.leaves[place << layer : place + 1 << layer]).root()


def test_a_tile_that_changed_where_it_was_written_is_noticed() -> None:
    changed = bytes(32) + DATA[32:]
    with pytest.raises(TreeCorruptError, match="to grow at its end only"):
        TileNodes(TILE, changed, TileNodes(TILE, DATA[:64]))
    cache = TileNodesCache()
    cache.add(TILE, DATA)
    with pytest.raises(TreeCorruptError, match="to grow at its end only"):
        cache.add(TILE, changed[:64])


@given(
    st.lists(st.integers(0, 255), max_size=40), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 255)), max_size=9)
)
def test_nodes_by_inner_nodes_are_those_of_the_pyramid(offsets: list[int], nodes: list[tuple[int, int]]) -> None:
    tile, pyramid = TileNodes(TILE, DATA, inner_nodes=inner_nodes_of(DATA)), TileNodes(TILE, DATA)
    for layer, place in nodes:
        assert tile.node(layer, place >> layer) == pyramid.node(layer, place >> layer)
    for offset in offsets:  # after some of them the pyramid takes over
        assert tile.siblings(offset) == pyramid.siblings(offset)


def test_inner_nodes_of_another_length_are_our_fault() -> None:
    with pytest.raises(TreeCorruptError, match="expected 1152 bytes of inner nodes"):
        TileNodes(TILE, DATA, inner_nodes=inner_nodes_of(DATA)[:-1])


def test_inner_nodes_are_two_layers_of_the_pyramid() -> None:
    layers = TileNodes(TILE, DATA).layers
    assert inner_nodes_of(DATA) == layers[3] + layers[6]


def test_the_cache_gives_what_is_wide_enough() -> None:
    cache = TileNodesCache()
    assert cache.get(0, 0, 1) is None
    added = cache.add(TILE, DATA[: 32 * 100])
    assert cache.get(0, 0, 100) is added
    assert cache.get(1, 0, 100) is cache.get(0, 0, 101) is None
    wider = cache.add(TILE, DATA[: 32 * 101])
    assert cache.get(0, 0, 101) is cache.add(TILE, DATA[:32]) is wider


def test_paths_from_the_cache_are_the_same_while_the_tree_grows() -> None:
    cache = TileNodesCache()
    for tree_size in range(1, 700, 3):
        for tile, data in tiles_of(NAIVE, tree_size).items():
            cache.add(tile, data)
        tiles = {(level, place): cache.get(level, place, 1) for level in range(2) for place in range(3)}
        found: FindTile = lambda level, place: tiles[level, place] or pytest.fail("not kept")  # noqa: B023, E731
        path = RightEdge(size(tree_size), found).path(index(tree_size - 1), found)
        assert tuple(path) == NAIVE.inclusion_path(tree_size - 1, tree_size)


def test_the_cache_drops_what_was_used_longest_ago() -> None:
    cache = TileNodesCache(bytes_max=2 * TILE_PYRAMID_BYTES_MAX)
    for number in range(2):
        cache.add(TileId(0, number), TILES[TileId(0, number)])
    cache.get(0, 0, 256)
    cache.add(TileId(0, 2), TILES[TileId(0, 2)])
    assert [cache.get(0, number, 256) is not None for number in range(3)] == [True, False, True]
    assert cache.byte_size == 2 * TILE_PYRAMID_BYTES_MAX


def test_a_tile_larger_than_the_cache_is_used_and_not_kept() -> None:
    cache = TileNodesCache(bytes_max=100)
    assert cache.add(TILE, DATA).width == 256
    assert cache.get(0, 0, 1) is None
    assert cache.byte_size == 0
