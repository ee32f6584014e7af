"""Find a place in a file of kept heads without reading it from its beginning: a log that grows for years has millions.

Beside the file stands an index: of every hundredth head its size and the byte of the file at which it starts, 64 bits
each, ascending. It is an aid and not believed: what it says of a place is held against the file before the place is
used, and an index that is missing, damaged, or ahead of its file after a power cut costs one pass over the file.
"""

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.heads import decode_head
from glasslog.limits import HEAD_BYTES_MAX

HEADS_INDEX: Final = "heads.index"
HEADS_APART: Final = 100
"""Heads from one that is in the index to the next: what is read in vain at most."""

_PLACE: Final = struct.Struct(">QQ")


def find_place(index: Path, heads: BinaryIO, size: int) -> int:
    """Return where in the file a head of at most `size` starts, near the last such one; 0 where none is known."""
    try:
        with index.open("rb") as places:
            noted, place = _last_place(places, size)
    except FileNotFoundError:
        return 0
    return place if _starts_at(heads, place, noted) else 0


def note_places(index: Path, places: Iterable[tuple[int, int]]) -> None:
    """Add heads to an index: the size of each, and where it starts. What a kill left of an entry is overwritten."""
    with index.open("ab") as file:
        length = file.tell()
        file.truncate(length - length % _PLACE.size)
        file.write(b"".join(_PLACE.pack(size, place) for size, place in places))


def _last_place(places: BinaryIO, size: int) -> tuple[int, int]:
    """Return size and place of the last head in an index that is of at most `size`; zeros for none."""
    low, high = 0, places.seek(0, os.SEEK_END) // _PLACE.size
    found = 0, 0
    while low < high:
        middle = (low + high) // 2
        noted: tuple[int, int] = _PLACE.unpack(os.pread(places.fileno(), _PLACE.size, middle * _PLACE.size))
        if noted[0] <= size:
            low, found = middle + 1, noted
        else:
            high = middle
    return found


def _starts_at(heads: BinaryIO, place: int, size: int) -> bool:
    try:
        data = os.pread(heads.fileno(), HEAD_BYTES_MAX, place)
        return decode_head(data[: cbor.item_end(data, 0)]).size == size
    except (MalformedError, OSError, OverflowError):  # beyond the file, or what a file can have
        return False
