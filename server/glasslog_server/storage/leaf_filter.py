"""Tell of most leaf hashes, without a look at the disk, that the log does not have them.

Nearly every statement is new, and to learn so from an engine costs more with each of its sorted runs. So whoever writes
a log keeps a table of bits in memory: a leaf hash, which is random already, names one bit, and a bit that is not set
says that no entry has such a hash. A bit that is set says nothing: then the store is asked. The table has one size
whatever the log's, so in a very large log more is asked for and nothing becomes wrong.

Nothing of it is kept on disk, so nothing of it can be stale or damaged. After a start the writer (`RocksStore`) fills
it from the tiles, and until that is done it is not asked.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from glasslog.merkle import HASH_SIZE, Hash
from glasslog_server.core.limits import LEAF_FILTER_BYTES

_WORD: Final = "I"  # 32 bits of each hash, in the order of this machine: they never leave it
_WORDS = HASH_SIZE // 4
_SHIFT = 32 - (LEAF_FILTER_BYTES.bit_length() - 1)  # bits of a word above this name the byte, the lowest 3 the bit


class LeafFilter:
    """Hold the bits of all leaf hashes that were added; there is no way to take one out."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        self._table = bytearray(LEAF_FILTER_BYTES)  # the system gives the memory when a bit in it is first set

    def add(self, leaf_hashes: Iterable[Hash]) -> None:
        """Add leaf hashes, as many as they are. Costs a quarter of a microsecond each."""
        self.add_tile(b"".join(leaf_hashes))

    def add_tile(self, data: bytes) -> None:
        """Add the leaf hashes in a tile of level 0: whole hashes, one after the other."""
        table = self._table
        for word in memoryview(data).cast(_WORD)[::_WORDS].tolist():
            table[word >> _SHIFT] |= 1 << (word & 7)

    def possible(self, leaf_hashes: Sequence[Hash]) -> list[int]:
        """Return the places of those that may have been added; none of the others ever was."""
        table = self._table
        words = memoryview(b"".join(leaf_hashes)).cast(_WORD)[::_WORDS].tolist()
        return [place for place, word in enumerate(words) if table[word >> _SHIFT] >> (word & 7) & 1]
