"""What the tree and its proofs are compared with: tiles by their definition, and trees as large as there are."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from glasslog.merkle import Hash, TreeSize
from glasslog.tiles import TileId, tile_width
from tests.verifier.trees import NaiveTree, largest_power_of_two_below


def leaf(number: int) -> Hash:
    return Hash(hashlib.sha256(b"leaf %d" % number).digest())


def leaves(start: int, end: int) -> list[Hash]:
    return [leaf(number) for number in range(start, end)]


def parent(left: Hash, right: Hash) -> Hash:
    return Hash(hashlib.sha256(b"\x01" + left + right).digest())


def tiles_of(tree: NaiveTree, size: int) -> dict[TileId, bytes]:
    """Return every tile of the tree of `size`: element i is the root over its leaves, once all of them are there."""
    subtree = tree._subtree  # noqa: SLF001 (the definition of a subtree's root, which the naive tree keeps to itself)
    tiles = {}
    for level in range(3):
        step = 256**level
        for index in range(size // (256 * step) + 1):
            starts = range(index * 256 * step, min((index + 1) * 256 * step, size - step + 1), step)
            if starts:
                tiles[TileId(level, index)] = b"".join(subtree(start, start + step) for start in starts)
    return tiles


class SparseTree(Mapping[TileId, bytes]):
    """A tree of `size` leaves that are all alike, but for `special` ones; a mapping of its tiles."""

    def __init__(self, size: int, special: Mapping[int, Hash]) -> None:
        self.size = TreeSize(size)
        self.special = dict(special)
        self.places = sorted(special)
        self.plain = [leaf(0)]
        for _ in range(63):
            self.plain.append(parent(self.plain[-1], self.plain[-1]))

    def root(self, size: int) -> Hash:
        return self._mth(0, size)

    def leaf(self, index: int) -> Hash:
        return self._full(0, index)

    def __getitem__(self, tile: TileId) -> bytes:
        width = tile_width(tile, self.size)
        if not width:
            raise KeyError(tile)
        return b"".join(self._full(8 * tile.level, tile.index * 256 + place) for place in range(width))

    def __iter__(self) -> Iterator[TileId]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def _full(self, height: int, place: int) -> Hash:
        start, end = place << height, place + 1 << height
        nearest = bisect_left(self.places, start)
        if nearest == len(self.places) or self.places[nearest] >= end:
            return self.plain[height]
        if height == 0:
            return self.special[place]
        return parent(self._full(height - 1, 2 * place), self._full(height - 1, 2 * place + 1))

    def _mth(self, start: int, end: int) -> Hash:
        count = end - start
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self._full(height, start >> height)
        middle = start + largest_power_of_two_below(count)
        return parent(self._mth(start, middle), self._mth(middle, end))
