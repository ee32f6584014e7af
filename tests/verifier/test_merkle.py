import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import ProofError
from glasslog.limits import TREE_SIZE_MAX
from glasslog.merkle import (
    EMPTY_ROOT,
    Hash,
    hash_children,
    hash_leaf,
    root_before,
    root_from_inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from tests.verifier.trees import NaiveTree, index, size

SIZES = 260
TREE = NaiveTree.numbered(SIZES)
OTHER = Hash(hashlib.sha256(b"another").digest())

# The eight leaves and the roots of RFC 6962's reference implementation, known to every implementation of this tree.
REFERENCE_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_naive_tree_has_the_reference_roots() -> None:
    tree = NaiveTree.of_entries(REFERENCE_ENTRIES)
    assert [tree.root(count).hex() for count in range(9)] == REFERENCE_ROOTS


def test_leaves_nodes_and_the_empty_tree_are_hashed_apart() -> None:
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    assert hash_leaf(b"ab") == hashlib.sha256(b"\x00ab").digest()
    assert hash_children(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


@pytest.mark.parametrize("count", [*range(1, 70), 127, 128, 129, 255, 256, 257, 260])
def test_every_inclusion_proof_leads_to_the_root(count: int) -> None:
    root = TREE.root(count)
    for number in range(count):
        verify_inclusion(TREE.leaves[number], index(number), size(count), TREE.inclusion_path(number, count), root)


def test_every_pair_of_sizes_is_consistent() -> None:
    for newer in range(1, SIZES + 1):
        root = TREE.root(newer)
        for older in range(1, newer + 1):
            path = TREE.consistency_path(older, newer)
            verify_consistency(size(older), size(newer), TREE.root(older), root, path)


def test_every_inclusion_path_commits_to_the_tree_before_the_entry() -> None:
    for count in (1, 2, 3, 7, 8, 9, 31, 64, 65, 100, 256, 257):
        for number in range(count):
            path = TREE.inclusion_path(number, count)
            assert root_before(index(number), size(count), path) == TREE.root(number)


@given(st.data())
def test_two_paths_for_one_entry_commit_to_the_same_past(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, SIZES - 1))
    sizes = [data.draw(st.integers(number + 1, SIZES)) for _ in range(2)]
    roots = {root_before(index(number), size(count), TREE.inclusion_path(number, count)) for count in sizes}
    assert len(roots) == 1


@given(st.data())
def test_another_past_shows_in_the_path(data: st.DataObject) -> None:
    number = data.draw(st.integers(1, SIZES - 1))
    changed = data.draw(st.integers(0, number - 1))
    leaves = [*TREE.leaves[:changed], OTHER, *TREE.leaves[changed + 1 :]]
    forked = NaiveTree(leaves)
    honest = root_before(index(number), size(SIZES), TREE.inclusion_path(number))
    assert root_before(index(number), size(SIZES), forked.inclusion_path(number)) != honest


def mutations_of_path(path: tuple[Hash, ...]) -> dict[str, tuple[Hash, ...]]:
    mutated = {
        "one hash more at the end": (*path, OTHER),
        "one hash more at the start": (OTHER, *path),
        "the root again at the end": (*path, TREE.root()),
    }
    if path:
        mutated["the last hash missing"] = path[:-1]
        mutated["the first hash missing"] = path[1:]
        mutated["no hash at all"] = ()
        mutated["the first hash another"] = (OTHER, *path[1:])
        mutated["the last hash another"] = (*path[:-1], OTHER)
        mutated["a hash of 31 bytes"] = (*path[:-1], Hash(path[-1][:-1]))
        mutated["a hash of 33 bytes"] = (*path[:-1], Hash(path[-1] + b"\0"))
        mutated["an empty hash"] = (*path[:-1], Hash(b""))
    if len(set(path)) > 1:
        mutated["reversed"] = tuple(reversed(path))
    return {name: changed for name, changed in mutated.items() if changed != path}


def holds(verify: Callable[..., None], *arguments: object) -> bool:
    try:
        verify(*arguments)
    except ProofError:
        return False
    return True


@given(st.data())
def test_a_mutated_inclusion_proof_is_refused(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, SIZES))
    number = data.draw(st.integers(0, count - 1))
    leaf, root, path = TREE.leaves[number], TREE.root(count), TREE.inclusion_path(number, count)
    for name, changed in mutations_of_path(path).items():
        assert not holds(verify_inclusion, leaf, index(number), size(count), changed, root), name
    for other_leaf, other_root in ((OTHER, root), (leaf, OTHER), (Hash(leaf[:-1]), root), (leaf, Hash(root[:-1]))):
        with pytest.raises(ProofError):
            verify_inclusion(other_leaf, index(number), size(count), path, other_root)


@given(st.data())
def test_an_inclusion_proof_holds_at_its_own_index_alone(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, SIZES))
    number = data.draw(st.integers(0, count - 1))
    elsewhere = data.draw(st.integers(-1, SIZES + 2).filter(lambda other: other != number))
    with pytest.raises(ProofError):
        verify_inclusion(
            TREE.leaves[number], index(elsewhere), size(count), TREE.inclusion_path(number, count), TREE.root(count)
        )


@given(st.data())
def test_a_mutated_consistency_proof_is_refused(data: st.DataObject) -> None:
    newer = data.draw(st.integers(2, SIZES))
    older = data.draw(st.integers(1, newer - 1))
    root1, root2, path = TREE.root(older), TREE.root(newer), TREE.consistency_path(older, newer)
    for name, changed in mutations_of_path(path).items():
        assert not holds(verify_consistency, size(older), size(newer), root1, root2, changed), name
    for other1, other2 in ((OTHER, root2), (root1, OTHER), (root2, root1), (Hash(b""), root2), (root1, Hash(b""))):
        with pytest.raises(ProofError):
            verify_consistency(size(older), size(newer), other1, other2, path)


def test_a_consistency_proof_from_size_0_proves_nothing() -> None:
    for newer in (0, 1, 5):
        with pytest.raises(ProofError, match="size 1 or more"):
            verify_consistency(size(0), size(newer), EMPTY_ROOT, TREE.root(newer), ())


def test_equal_sizes_need_equal_roots_and_an_empty_path() -> None:
    root = TREE.root(5)
    verify_consistency(size(5), size(5), root, root, ())
    with pytest.raises(ProofError, match="one root"):
        verify_consistency(size(5), size(5), root, OTHER, ())
    with pytest.raises(ProofError, match="path of 0"):
        verify_consistency(size(5), size(5), root, root, (root,))


def test_the_older_tree_comes_first() -> None:
    with pytest.raises(ProofError, match="older tree size first"):
        verify_consistency(size(6), size(5), TREE.root(6), TREE.root(5), TREE.consistency_path(5, 6))


@pytest.mark.parametrize("count", [-1, TREE_SIZE_MAX + 1, 2**64])
def test_sizes_outside_63_bits_are_refused(count: int) -> None:
    with pytest.raises(ProofError, match="between 0 and"):
        root_from_inclusion_proof(OTHER, index(0), size(count), ())
    with pytest.raises(ProofError, match="between 0 and"):
        root_before(index(0), size(count), ())
    with pytest.raises(ProofError, match="between 0 and"):
        verify_consistency(size(1), size(count), OTHER, OTHER, ())


@pytest.mark.parametrize("number", [-1, 5, 2**63])
def test_an_index_outside_the_tree_is_refused(number: int) -> None:
    with pytest.raises(ProofError, match="below the tree size"):
        root_from_inclusion_proof(OTHER, index(number), size(5), ())
    with pytest.raises(ProofError, match="below the tree size"):
        root_before(index(number), size(5), ())


def test_the_largest_tree_has_paths_of_63_hashes() -> None:
    path = (OTHER,) * 63
    root = root_from_inclusion_proof(OTHER, index(0), size(TREE_SIZE_MAX), path)
    verify_inclusion(OTHER, index(0), size(TREE_SIZE_MAX), path, root)
    with pytest.raises(ProofError, match="path of 63"):
        root_from_inclusion_proof(OTHER, index(0), size(TREE_SIZE_MAX), path[:-1])


@given(st.integers(1, TREE_SIZE_MAX), st.data())
def test_random_large_trees_take_paths_of_one_length_only(count: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, count - 1))
    accepted = []
    for length in range(65):
        try:
            root_from_inclusion_proof(OTHER, index(number), size(count), (OTHER,) * length)
        except ProofError:
            continue
        accepted.append(length)
    assert len(accepted) == 1
