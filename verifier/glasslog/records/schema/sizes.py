"""How many bytes the deterministic encoding of a value has (RFC 8949 section 4.2.1: the shortest head, and float)."""

import struct
from collections.abc import Mapping
from typing import Final

from glasslog.records.schema.mismatch import SchemaMismatchError

_HALF: Final = struct.Struct("<e")
_SINGLE: Final = struct.Struct("<f")


def head_size(argument: int) -> int:
    """Return the bytes of the shortest head with this argument: a length, a count or an unsigned integer."""
    if argument < 24:  # noqa: PLR2004
        return 1
    if argument < 1 << 8:
        return 2
    if argument < 1 << 16:
        return 3
    return 5 if argument < 1 << 32 else 9


def text_size(value: str) -> int:
    """Return the bytes of a text with its head."""
    length = len(value) if value.isascii() else len(value.encode())
    return head_size(length) + length


def float_size(value: float) -> int:
    """Return the bytes of the shortest float that holds `value` exactly. What a half holds, a single holds too."""
    if not _holds(_SINGLE, value):
        return 9
    return 3 if _holds(_HALF, value) else 5


def _holds(form: struct.Struct, value: float) -> bool:
    try:
        return bool(form.unpack(form.pack(value))[0] == value)
    except OverflowError:
        return False


def check_order(value: Mapping[str, object]) -> None:
    """Check that text keys stand in the order of their encodings: the shorter first, then byte by byte."""
    ranks = [(len(name), name) for name in map(str.encode, value)]
    if ranks != sorted(ranks):
        raise SchemaMismatchError("map keys in the order of their encodings", value)
