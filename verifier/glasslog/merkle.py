"""Verify RFC 9162 Merkle tree proofs (section 2.1), from hashes alone.

This is the relying party's side: it recomputes roots and compares. Nothing here reads a tree or builds a proof, and
nothing here knows what an entry means. Hashing is SHA-256 with the domain bytes 0x00 (leaf) and 0x01 (node), so that a
node can never be passed off as an entry.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NewType

from glasslog.errors import ProofError
from glasslog.limits import TREE_SIZE_MAX

Hash = NewType("Hash", bytes)
"""A SHA-256 value, 32 bytes: a leaf hash, an interior node or a root."""
LeafIndex = NewType("LeafIndex", int)
"""The place of an entry, from 0."""
TreeSize = NewType("TreeSize", int)
"""A number of entries: an entry of index i is in every tree of size > i."""

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = Hash(hashlib.sha256(b"").digest())

_LEAF_PREFIX: Final = b"\x00"
_NODE_PREFIX: Final = b"\x01"


def hash_leaf(entry: bytes) -> Hash:
    """Return SHA-256(0x00 || entry), the leaf hash of an entry (RFC 9162 section 2.1.1)."""
    return Hash(hashlib.sha256(_LEAF_PREFIX + entry).digest())


def hash_children(left: bytes, right: bytes) -> Hash:
    """Return SHA-256(0x01 || left || right), the hash of an interior node (RFC 9162 section 2.1.1)."""
    return Hash(hashlib.sha256(_NODE_PREFIX + left + right).digest())


def root_from_inclusion_proof(leaf: Hash, index: LeafIndex, size: TreeSize, path: Sequence[Hash]) -> Hash:
    """Return the root that `path` leads to from `leaf` at `index` in a tree of `size` (RFC 9162 section 2.1.3.2).

    `path` holds 32-byte hashes, the leaf's sibling first. Its length must be exactly what index and size imply.
    Costs one hash per element. Raises ProofError.
    """
    _check_size(size)
    if not 0 <= index < size:
        msg = f"expected a leaf index below the tree size {size}, got {index}"
        raise ProofError(msg)
    _check_hash(leaf, "leaf hash")
    _check_path(path, _inclusion_path_length(index, size))
    inner = _inner_length(index, size)
    node = leaf
    for level, sibling in enumerate(path[:inner]):
        node = hash_children(sibling, node) if (index >> level) & 1 else hash_children(node, sibling)
    for sibling in path[inner:]:
        node = hash_children(sibling, node)
    return node


def verify_inclusion(leaf: Hash, index: LeafIndex, size: TreeSize, path: Sequence[Hash], root: Hash) -> None:
    """Check that `leaf` is entry `index` of the tree of `size` with `root` (RFC 9162 section 2.1.3.2).

    Raises ProofError with the expected and the computed root.
    """
    computed = root_from_inclusion_proof(leaf, index, size, path)
    if computed != root:
        msg = f"expected the inclusion path to lead to root {root.hex()}, got {computed.hex()}"
        raise ProofError(msg)


def root_before(index: LeafIndex, size: TreeSize, path: Sequence[Hash]) -> Hash:
    """Return the root of the tree of the `index` entries before a leaf, as its inclusion path commits to it.

    The left siblings in the path are the full subtrees that those entries are made of. So two paths for one index, in
    trees of any two sizes, show without a further proof whether both trees have the same entries before it. The path
    must have been checked by `verify_inclusion`. Raises ProofError for a path of the wrong length.
    """
    _check_size(size)
    if not 0 <= index < size:
        msg = f"expected a leaf index below the tree size {size}, got {index}"
        raise ProofError(msg)
    _check_path(path, _inclusion_path_length(index, size))
    inner = _inner_length(index, size)
    left = [sibling for level, sibling in enumerate(path[:inner]) if (index >> level) & 1] + list(path[inner:])
    if not left:
        return EMPTY_ROOT
    node = left[0]
    for sibling in left[1:]:
        node = hash_children(sibling, node)
    return node


def verify_consistency(size1: TreeSize, size2: TreeSize, root1: Hash, root2: Hash, path: Sequence[Hash]) -> None:
    """Check that the tree of `size1` is a prefix of the tree of `size2` (RFC 9162 section 2.1.4.2).

    Equal sizes need equal roots and an empty path. A proof from size 0 proves nothing and is refused.
    Raises ProofError.
    """
    _check_size(size1)
    _check_size(size2)
    if size1 == 0:
        msg = "expected an older tree of size 1 or more, got 0: everything is consistent with the empty tree"
        raise ProofError(msg)
    if size1 > size2:
        msg = f"expected the older tree size first, got {size1} before {size2}"
        raise ProofError(msg)
    _check_hash(root1, "older root")
    _check_hash(root2, "newer root")
    if size1 == size2:
        _check_path(path, 0)
        if root1 != root2:
            msg = f"expected one root at size {size1}, got {root1.hex()} and {root2.hex()}"
            raise ProofError(msg)
        return
    older, newer = _roots_from_consistency_proof(size1, size2, root1, path)
    if older != root1:
        msg = f"expected the consistency path to lead to the older root {root1.hex()}, got {older.hex()}"
        raise ProofError(msg)
    if newer != root2:
        msg = f"expected the consistency path to lead to the newer root {root2.hex()}, got {newer.hex()}"
        raise ProofError(msg)


def _roots_from_consistency_proof(
    size1: TreeSize, size2: TreeSize, root1: Hash, path: Sequence[Hash]
) -> tuple[Hash, Hash]:
    """Return the older and the newer root that a path between two different sizes leads to.

    The path starts at the largest full subtree that ends at size1; when size1 is a power of two that subtree is the
    older tree itself, which the proof leaves out.
    """
    shift = (size1 & -size1).bit_length() - 1  # the height of that subtree
    index = LeafIndex((size1 - 1) >> shift)
    width = TreeSize(((size2 - 1) >> shift) + 1)
    starts_at_root = size1 == 1 << shift
    expected = _inclusion_path_length(index, width) + (0 if starts_at_root else 1)
    _check_path(path, expected)
    seed, rest = (root1, path) if starts_at_root else (path[0], path[1:])
    inner = _inner_length(index, width)
    older = newer = seed
    for level, sibling in enumerate(rest[:inner]):
        if (index >> level) & 1:
            older = hash_children(sibling, older)
            newer = hash_children(sibling, newer)
        else:
            newer = hash_children(newer, sibling)
    for sibling in rest[inner:]:
        older = hash_children(sibling, older)
        newer = hash_children(sibling, newer)
    return older, newer


def _inner_length(index: int, size: int) -> int:
    """Return how many levels lie below the point where the paths of `index` and of the last leaf meet."""
    return (index ^ (size - 1)).bit_length()


def _inclusion_path_length(index: int, size: int) -> int:
    """Return the only length an inclusion path may have: the inner levels, then one for each set bit above them."""
    inner = _inner_length(index, size)
    return inner + (index >> inner).bit_count()


def _check_size(size: int) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        msg = f"expected a tree size between 0 and 2^63-1, got {size}"
        raise ProofError(msg)


def _check_hash(value: bytes, name: str) -> None:
    if len(value) != HASH_SIZE:
        msg = f"expected a {name} of {HASH_SIZE} bytes, got {len(value)}"
        raise ProofError(msg)


def _check_path(path: Sequence[bytes], expected: int) -> None:
    if len(path) != expected:
        msg = f"expected a path of {expected} hashes, got {len(path)}"
        raise ProofError(msg)
    for element in path:
        _check_hash(element, "path element")
