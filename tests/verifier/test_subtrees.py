"""Nodes, roots and paths from tiles: the same as word for word after the RFC, and wrong tiles are found out."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.errors import ProofError
from glasslog.merkle import EMPTY_ROOT, Hash, LeafIndex, TreeSize, verify_consistency, verify_inclusion
from glasslog.subtrees import VerifiedTiles, fold, push, pyramid, within
from glasslog.tiles import TileId
from tests.verifier.trees import NaiveTree

TREE = NaiveTree.numbered(256 * 256 + 256 * 3 + 77)
SMALL = NaiveTree.numbered(700)
sizes = st.integers(1, TREE.size) | st.integers(1, 1_100)


def tile_of(tree: NaiveTree, tile: TileId, width: int) -> list[Hash]:
    span = 256**tile.level
    first = tile.index * 256
    return [tree._subtree(number * span, (number + 1) * span) for number in range(first, first + width)]  # noqa: SLF001


def verified(tree: NaiveTree, size: int) -> VerifiedTiles:
    return VerifiedTiles(TreeSize(size), tree.root(size), lambda tile, width: tile_of(tree, tile, width))


@given(st.integers(0, 300))
def test_a_frontier_leads_to_the_root_at_every_size(count: int) -> None:
    frontier: list[Hash] = []
    for number in range(count):
        push(frontier, number, SMALL.leaves[number])
    assert fold(frontier) == SMALL.root(count)
    assert len(frontier) == count.bit_count()


@given(st.integers(1, 256), st.data())
def test_a_pyramid_holds_the_frontier_of_each_of_its_prefixes(count: int, data: st.DataObject) -> None:
    width = data.draw(st.integers(0, count))
    assert fold(within(pyramid(SMALL.leaves[:count]), width)) == SMALL.root(width)


@settings(max_examples=30, deadline=None)
@given(sizes, st.data())
def test_roots_and_paths_are_those_of_the_rfc(size: int, data: st.DataObject) -> None:
    tiles = verified(TREE, size)
    older = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, size - 1))
    assert tiles.root_at(TreeSize(older)) == TREE.root(older)
    path = tiles.consistency_path(TreeSize(older), TreeSize(size))
    assert path == TREE.consistency_path(older, size)
    verify_consistency(TreeSize(older), TreeSize(size), TREE.root(older), TREE.root(size), path)
    path = tiles.inclusion_path(LeafIndex(index), TreeSize(size))
    assert path == TREE.inclusion_path(index, size)
    verify_inclusion(TREE.leaves[index], LeafIndex(index), TreeSize(size), path, TREE.root(size))


def test_the_empty_tree_has_its_root() -> None:
    tiles = VerifiedTiles(TreeSize(0), EMPTY_ROOT, lambda _tile, _width: pytest.fail("nothing is to be read"))
    assert tiles.root_at(TreeSize(0)) == EMPTY_ROOT
    with pytest.raises(ProofError):
        VerifiedTiles(TreeSize(0), Hash(bytes(32)), lambda _tile, _width: [])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([300, 513, 70_000 % TREE.size, TREE.size]), st.data())
def test_one_wrong_hash_in_any_tile_is_found_before_it_is_used(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    honest = verified(TREE, size)
    read: list[TileId] = []

    def note(tile: TileId, width: int) -> Sequence[Hash]:
        read.append(tile)
        return tile_of(TREE, tile, width)

    VerifiedTiles(TreeSize(size), TREE.root(size), note).hashes(TileId(0, index // 256))
    lying = data.draw(st.sampled_from(sorted(set(read))))

    def lie(tile: TileId, width: int) -> Sequence[Hash]:
        hashes = tile_of(TREE, tile, width)
        if tile == lying:
            hashes[data.draw(st.integers(0, width - 1))] = Hash(bytes(32))
        return hashes

    with pytest.raises(ProofError):
        VerifiedTiles(TreeSize(size), TREE.root(size), lie).hashes(TileId(0, index // 256))
    assert honest.hashes(TileId(0, index // 256))[index % 256] == TREE.leaves[index]


def test_a_full_tile_is_held_against_its_parent() -> None:
    tiles = verified(SMALL, 700)
    tiles.check(TileId(0, 1), SMALL.leaves[256:512])
    with pytest.raises(ProofError, match="tile/0/001"):
        tiles.check(TileId(0, 1), SMALL.leaves[:256])
    with pytest.raises(ProofError, match="within the tree"):
        tiles.hashes(TileId(0, 3))
