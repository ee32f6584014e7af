from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.limits import TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, Hash, TreeSize
from glasslog.tiles import TileId, tile_width
from glasslog_server.core.tree import TILE_BYTES, Tree, recompute, root_from_tiles
from glasslog_server.errors import TreeCorruptError, TreeRangeError
from tests.server.model_trees import SparseTree, leaves, tiles_of
from tests.verifier.trees import NaiveTree

LEAVES = leaves(0, 1_200)
NAIVE = NaiveTree(LEAVES)

BOUNDARIES = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]


@pytest.fixture(scope="module")
def large() -> NaiveTree:
    return NaiveTree(leaves(0, 66_000))


def grown(sizes: list[int], hashes: list[Hash] = LEAVES) -> Iterator[tuple[Tree, dict[TileId, bytes], int, int]]:
    """Yield (tree, every tile, size before, size after) for rounds that end at `sizes`."""
    tree, tiles = Tree(), dict[TileId, bytes]()
    for start, end in pairwise([0, *sizes]):
        tiles.update(tree.append(hashes[start:end]))
        yield tree, tiles, start, end


def edge_of(tiles: dict[TileId, bytes], size: int) -> dict[TileId, bytes]:
    return {tile: tiles[tile] for tile in Tree.right_edge(TreeSize(size))}


def flip(data: bytes, random: Random) -> bytes:
    bit = random.randrange(8 * len(data))
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(data))


# ------------------------------------------------------------------------------------------------------------- the tree


def test_the_empty_tree_has_the_root_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT
    assert Tree().size == 0
    assert Tree().append([]) == {}
    assert Tree.right_edge(TreeSize(0)) == []
    assert root_from_tiles(TreeSize(0), {}) == EMPTY_ROOT
    assert Tree.from_tiles(TreeSize(0), {}).root() == EMPTY_ROOT


def test_roots_and_tiles_agree_with_the_definition_at_every_size() -> None:
    for tree, tiles, _, size in grown(list(range(1, 601))):
        assert tree.size == size
        assert tree.root() == NAIVE.root(size)
        assert recompute(TreeSize(size), tiles, LEAVES[size - 1 : size]).root == NAIVE.root(size)
        assert Tree.from_tiles(TreeSize(size), edge_of(tiles, size)).root() == NAIVE.root(size)
        if size % 50 == 0 or size in BOUNDARIES:
            assert tiles == tiles_of(NAIVE, size)


@given(st.lists(st.integers(1, len(LEAVES)), min_size=1, max_size=8, unique=True).map(sorted))
def test_rounds_of_any_size_lead_to_the_same_tiles(sizes: list[int]) -> None:
    for tree, tiles, start, end in grown(sizes):
        assert tree.root() == NAIVE.root(end)
        assert tiles == tiles_of(NAIVE, end)
        assert recompute(TreeSize(end), tiles, LEAVES[start:end]).root == NAIVE.root(end)


def test_the_boundaries_of_tiles_are_as_defined(large: NaiveTree) -> None:
    for tree, tiles, start, end in grown(BOUNDARIES, large.leaves):
        assert tree.root() == large.root(end)
        assert tiles == tiles_of(large, end)
        assert recompute(TreeSize(end), tiles, large.leaves[start:end]).root == large.root(end)
        reopened = Tree.from_tiles(TreeSize(end), edge_of(tiles, end))
        assert reopened.append(large.leaves[end : end + 300]) == {
            tile: data for tile, data in tiles_of(large, end + 300).items() if tiles.get(tile) != data
        }
        assert reopened.root() == large.root(end + 300)


@given(st.integers(0, 900), st.integers(1, 300))
def test_a_round_returns_exactly_the_tiles_that_changed(before: int, count: int) -> None:
    tree = Tree()
    earlier = tree.append(LEAVES[:before])
    changed = tree.append(LEAVES[before : before + count])
    assert changed == {
        tile: data for tile, data in tiles_of(NAIVE, before + count).items() if earlier.get(tile) != data
    }
    assert all(data.startswith(earlier.get(tile, b"")) for tile, data in changed.items())


def test_the_right_edge_names_the_partial_tiles_alone() -> None:
    assert Tree.right_edge(TreeSize(256)) == [TileId(1, 0)]
    assert Tree.right_edge(TreeSize(65_537)) == [TileId(0, 256), TileId(2, 0)]
    edge = Tree.right_edge(TreeSize(TREE_SIZE_MAX))
    assert [tile.level for tile in edge] == list(range(8))
    assert [tile_width(tile, TreeSize(TREE_SIZE_MAX)) for tile in edge] == [255] * 7 + [127]


@given(st.integers(1, TREE_SIZE_MAX), st.randoms(use_true_random=False))
def test_both_computations_agree_in_trees_of_any_size(size: int, random: Random) -> None:
    special = {random.randrange(size): leaf for leaf in LEAVES[1:9]}
    sparse = SparseTree(size, special)
    tree = Tree.from_tiles(TreeSize(size), sparse)
    assert tree.root() == sparse.root(size)
    assert root_from_tiles(TreeSize(size), sparse) == sparse.root(size)


def test_the_largest_tree_takes_its_last_leaf_and_no_more() -> None:
    sparse = SparseTree(TREE_SIZE_MAX, {TREE_SIZE_MAX - 1: LEAVES[1]})
    almost = SparseTree(TREE_SIZE_MAX - 1, {})
    tree = Tree.from_tiles(TreeSize(TREE_SIZE_MAX - 1), almost)
    changed = tree.append(LEAVES[1:2])
    assert tree.root() == sparse.root(TREE_SIZE_MAX)
    assert changed == {tile: sparse[tile] for tile in changed}
    with pytest.raises(TreeRangeError, match="expected a tree size between"):
        tree.append(LEAVES[1:2])
    assert tree.root() == sparse.root(TREE_SIZE_MAX)


# ------------------------------------------------------------------------------------------- what does not fit together


def test_a_leaf_hash_of_another_length_is_refused() -> None:
    with pytest.raises(TreeCorruptError, match="another length"):
        Tree().append([Hash(b"short")])


@pytest.mark.parametrize("damage", [lambda data: data[:-32], lambda data: data + bytes(32), lambda data: data[:-1]])
def test_a_tile_of_another_width_is_refused(damage: Callable[[bytes], bytes]) -> None:
    tiles = tiles_of(NAIVE, 300)
    for tile in Tree.right_edge(TreeSize(300)):
        damaged = {**tiles, tile: damage(tiles[tile])}
        with pytest.raises(TreeCorruptError, match=r"expected .* bytes of TileId"):
            Tree.from_tiles(TreeSize(300), damaged)
        with pytest.raises(TreeCorruptError, match=r"expected .* bytes of TileId"):
            root_from_tiles(TreeSize(300), damaged)


def test_every_tile_that_a_round_changed_must_be_there() -> None:
    for start, end in [(0, 1), (0, 600), (250, 260), (500, 513), (511, 512)]:
        tree = Tree()
        tiles = tree.append(LEAVES[:start])
        changed = tree.append(LEAVES[start:end])
        for tile in changed:
            remaining = {other: data for other, data in {**tiles, **changed}.items() if other != tile}
            with pytest.raises(TreeCorruptError, match="got None"):
                recompute(TreeSize(end), remaining, LEAVES[start:end])


def test_sizes_outside_the_tree_are_refused() -> None:
    for size in (-1, TREE_SIZE_MAX + 1):
        with pytest.raises(TreeRangeError, match="expected a tree size between"):
            Tree.right_edge(TreeSize(size))
        with pytest.raises(TreeRangeError, match="expected a tree size between"):
            root_from_tiles(TreeSize(size), {})
    with pytest.raises(TreeRangeError, match="expected at most 2 new leaves"):
        recompute(TreeSize(2), tiles_of(NAIVE, 2), LEAVES[:3])


# ------------------------------------------------------------------------------------------------------------ bit flips

ROUNDS = st.tuples(st.integers(0, 900), st.integers(1, 300)).map(lambda pair: (pair[0], sum(pair)))


def agree(size: int, root: Hash, tiles: dict[TileId, bytes], new: list[Hash]) -> bool:
    """Do what the round does before it signs: compute the root a second time, and compare."""
    try:
        return recompute(TreeSize(size), tiles, new).root == root
    except TreeCorruptError:
        return False


@given(ROUNDS, st.randoms(use_true_random=False))
def test_a_bit_flipped_in_a_new_leaf_hash_is_noticed(sizes: tuple[int, int], random: Random) -> None:
    start, end = sizes
    tree = Tree()
    tiles = tree.append(LEAVES[:start])
    new = LEAVES[start:end]
    place = random.randrange(len(new))
    flipped = [*new[:place], Hash(flip(new[place], random)), *new[place + 1 :]]
    tiles.update(tree.append(flipped))
    assert agree(end, tree.root(), tiles, flipped)
    assert not agree(end, tree.root(), tiles, new)


@given(ROUNDS, st.randoms(use_true_random=False))
def test_a_bit_flipped_in_a_tile_is_noticed(sizes: tuple[int, int], random: Random) -> None:
    start, end = sizes
    tree = Tree()
    tiles = tree.append(LEAVES[:start])
    changed = tree.append(LEAVES[start:end])
    tiles.update(changed)
    assert agree(end, tree.root(), tiles, LEAVES[start:end])
    for tile in {*changed, *Tree.right_edge(TreeSize(end))}:
        flipped = {**tiles, tile: flip(tiles[tile], random)}
        assert not agree(end, tree.root(), flipped, LEAVES[start:end])


@given(ROUNDS, st.randoms(use_true_random=False))
def test_a_bit_flipped_in_an_interior_node_is_noticed(sizes: tuple[int, int], random: Random) -> None:
    start, end = sizes
    for moment in ("before", "after"):
        tree = Tree()
        tiles = tree.append(LEAVES[:start])
        if moment == "before" and start:
            flip_a_waiting_node(tree, random)
        tiles.update(tree.append(LEAVES[start:end]))
        if moment == "after" or not start:
            flip_a_waiting_node(tree, random)
        assert not agree(end, tree.root(), tiles, LEAVES[start:end])


@given(ROUNDS, st.randoms(use_true_random=False))
def test_a_bit_flipped_in_an_open_tile_is_noticed_before_it_is_written(sizes: tuple[int, int], random: Random) -> None:
    start, end = sizes
    tree = Tree()
    tiles = tree.append(LEAVES[:start])
    edge = tree._edge  # noqa: SLF001 (a flipped bit knows no privacy)
    open_levels = [level for level, data in enumerate(edge) if data]
    if not open_levels:
        return
    level = random.choice(open_levels)
    edge[level] = flip(edge[level], random)
    changed = tree.append(LEAVES[start:end])
    tiles.update(changed)
    reached = TileId(level, (start >> 8 * level) // 256) in changed
    assert agree(end, tree.root(), tiles, LEAVES[start:end]) is not reached


def flip_a_waiting_node(tree: Tree, random: Random) -> None:
    waiting = tree._waiting  # noqa: SLF001 (the same)
    height = random.choice([height for height, node in enumerate(waiting) if node is not None])
    waiting[height] = flip(waiting[height] or b"", random)


def test_a_tile_holds_256_hashes() -> None:
    tiles = Tree().append(LEAVES[:256])
    assert {tile: len(data) for tile, data in tiles.items()} == {TileId(0, 0): TILE_BYTES, TileId(1, 0): 32}
