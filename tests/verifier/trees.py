"""A Merkle tree and its proofs, word for word after RFC 9162 section 2.1: slow, recursive, and easy to believe.

It shares no code with what it tests; even the hashing is spelled out here.
"""

import hashlib
from collections.abc import Sequence
from functools import cache

from glasslog.merkle import Hash, LeafIndex, TreeSize


def largest_power_of_two_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


class NaiveTree:
    """The tree over a list of leaf hashes; every prefix of the list is a tree of its own."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = [Hash(leaf) for leaf in leaves]
        self._subtree = cache(self._subtree_root)

    @classmethod
    def of_entries(cls, entries: Sequence[bytes]) -> "NaiveTree":
        return cls([hashlib.sha256(b"\x00" + entry).digest() for entry in entries])

    @classmethod
    def numbered(cls, count: int) -> "NaiveTree":
        return cls.of_entries([f"entry {number}".encode() for number in range(count)])

    @property
    def size(self) -> TreeSize:
        return TreeSize(len(self.leaves))

    def root(self, size: int | None = None) -> Hash:
        """MTH(D_n), section 2.1.1."""
        end = len(self.leaves) if size is None else size
        return self._subtree(0, end) if end else Hash(hashlib.sha256(b"").digest())

    def inclusion_path(self, index: int, size: int | None = None) -> tuple[Hash, ...]:
        """PATH(m, D_n), section 2.1.3.1."""
        return tuple(self._path(index, 0, len(self.leaves) if size is None else size))

    def consistency_path(self, size1: int, size2: int | None = None) -> tuple[Hash, ...]:
        """PROOF(m, D_n), section 2.1.4.1."""
        end = len(self.leaves) if size2 is None else size2
        return tuple(self._subproof(size1, 0, end, known=True))

    def _subtree_root(self, start: int, end: int) -> Hash:
        if end - start == 1:
            return self.leaves[start]
        middle = start + largest_power_of_two_below(end - start)
        return Hash(hashlib.sha256(b"\x01" + self._subtree(start, middle) + self._subtree(middle, end)).digest())

    def _path(self, index: int, start: int, end: int) -> list[Hash]:
        if end - start == 1:
            return []
        middle = start + largest_power_of_two_below(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._subtree(middle, end)]
        return [*self._path(index, middle, end), self._subtree(start, middle)]

    def _subproof(self, size1: int, start: int, end: int, *, known: bool) -> list[Hash]:
        if size1 == end:
            return [] if known else [self._subtree(start, end)]
        middle = start + largest_power_of_two_below(end - start)
        if size1 <= middle:
            return [*self._subproof(size1, start, middle, known=known), self._subtree(middle, end)]
        return [*self._subproof(size1, middle, end, known=False), self._subtree(start, middle)]


def index(number: int) -> LeafIndex:
    return LeafIndex(number)


def size(number: int) -> TreeSize:
    return TreeSize(number)
