"""Read and write CBOR (RFC 8949) as strictly as signed data needs it.

Three readers, one writer:

- `decode` takes deterministic encodings only (RFC 8949 section 4.2.1): one value, one encoding. Everything we register
  or issue is read with it.
- `decode_foreign` takes any well-formed encoding of definite lengths without duplicate keys: receipts of other logs may
  order their headers as they like.
- `decode_unordered` leaves order and determinism to a caller that walks the value anyway: `glasslog.records`, with
  the sizes that stand below.
- `encode` writes the deterministic encoding.

The data model is small on purpose: integers of 64 bits, byte and text strings, arrays, maps with keys that are all text
or all integers, floats, true, false and null. Tags, undefined, other simple values and big numbers are refused; the one
tag we use (18, COSE_Sign1) is read by `glasslog.cose`, which also uses the frame readers at the end of this module.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

from glasslog.errors import MalformedError
from glasslog.limits import CBOR_DEPTH_MAX, CBOR_ITEMS_MAX

Value: TypeAlias = Any
"""A decoded item: int, bytes, str, float, bool, None, list or dict of these."""

_TAGS_CBOR2_DECODES: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43_000, 55_799)
_DIRECT_HEAD_MAX: Final = 23
_ARGUMENT_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}  # by the low bits of the first byte
_pack_half, _unpack_half = struct.Struct("<e").pack, struct.Struct("<e").unpack
_pack_single, _unpack_single = struct.Struct("<f").pack, struct.Struct("<f").unpack
_INT_MIN: Final = -(2**64)
_INT_MAX: Final = 2**64 - 1

# Faults that a caller may live with. Negative keys are refused where order matters, because cbor2 sorts them
# length-first; NaN where sizes decide, because a decoded one no longer shows its bits.
_NO_FAULT: Final[frozenset[str]] = frozenset()
_WITH_NAN: Final = frozenset({"nan"})
_SORTED_BY_US: Final = frozenset({"unordered", "nan"})
_FOREIGN: Final = frozenset({"unordered", "negative", "nan"})


class _TagFoundError(Exception):
    """Leave cbor2 when it meets a tag."""


class _NanFoundError(Exception):
    """Leave the walk at a NaN, where sizes are to decide."""


def _refuse_tag(*_: object) -> NoReturn:
    raise _TagFoundError


_REFUSED_TAGS: Final = dict.fromkeys(_TAGS_CBOR2_DECODES, _refuse_tag)


def encode(value: Value) -> bytes:
    """Return the deterministic encoding of `value` (RFC 8949 section 4.2.1).

    Raises ValueError for a value outside the data model: that is the caller's mistake, not bad input.
    """
    try:
        _measure((value,), CBOR_DEPTH_MAX, _SORTED_BY_US)
        return cbor2.dumps(value, canonical=True)
    except (MalformedError, cbor2.CBOREncodeError) as error:
        msg = f"cannot encode this value: {error}"
        raise ValueError(msg) from error


def decode(data: bytes) -> Value:
    """Return the value whose deterministic encoding is exactly `data`. Raises MalformedError.

    Costs one decoding in C and one walk. An encoding whose map keys are in order is the deterministic one if it is as
    long as that: a longer head, a wider float and a byte behind the end all show in the length.
    """
    value = _loads(data)
    try:
        is_deterministic = _measure((value,), CBOR_DEPTH_MAX, _NO_FAULT) == len(data)
    except _NanFoundError:  # of all NaN of all widths one is deterministic, and the encoder knows it
        _measure((value,), CBOR_DEPTH_MAX, _WITH_NAN)
        is_deterministic = cbor2.dumps(value, canonical=True) == data
    if not is_deterministic:
        msg = "expected one CBOR item in deterministic encoding, got another encoding of it or bytes after it"
        raise MalformedError(msg)
    return value


def decode_foreign(data: bytes) -> Value:
    """Return the value of one well-formed item, whatever the order of its map keys. Raises MalformedError."""
    value = _loads(data)
    _measure((value,), CBOR_DEPTH_MAX, _FOREIGN)
    end = item_end(data, 0)
    if end != len(data):
        msg = f"expected one CBOR item of {end} bytes, got {len(data)} bytes"
        raise MalformedError(msg)
    return value


def decode_unordered(data: bytes) -> Value:
    """Return the value of the item that `data` starts with: definite, without tags or duplicate keys.

    For callers that check everything else themselves, above all types, order of keys, and that `data` is as long as the
    deterministic encoding of what they found, which leaves no room for another encoding nor for bytes after it.
    Raises MalformedError.
    """
    return _loads(data)


def _loads(data: bytes) -> Value:
    try:
        return cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED_TAGS,
            max_depth=CBOR_DEPTH_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except cbor2.CBORDecodeError as error:
        if isinstance(error.__cause__, _TagFoundError):
            msg = "expected CBOR without tags here, got a tag"
        else:
            msg = f"expected well-formed CBOR, got {len(data)} bytes that are not: {error}"
        raise MalformedError(msg) from error
    except _TagFoundError as error:
        msg = "expected CBOR without tags here, got a tag"
        raise MalformedError(msg) from error


def _measure(elements: Iterable[Value], depth: int, tolerated: frozenset[str]) -> int:
    """Walk values; return the size of their deterministic encodings. Raises MalformedError for what the model lacks.

    `depth` is how many levels of containers may follow, `tolerated` names the faults that this caller lives with.
    """
    size = 0
    for element in elements:
        kind = type(element)
        if kind is str or kind is bytes:
            length = len(element) if kind is bytes or element.isascii() else len(element.encode())
            size += length + (1 if length < 24 else 2 if length < 256 else head_size(length))  # noqa: PLR2004
        elif kind is int:
            size += 1 if 0 <= element < 24 else _int_size(element)  # noqa: PLR2004
        elif kind is dict or kind is list:
            size += _measure_container(element, depth, tolerated)
        elif kind is float:
            if element != element and "nan" not in tolerated:  # noqa: PLR0124  NaN alone differs from itself
                raise _NanFoundError
            size += float_size(element)
        elif element is None or kind is bool:
            size += 1
        else:
            msg = f"expected integers, strings, arrays, maps, floats, booleans or null, got {kind.__name__}"
            raise MalformedError(msg)
    return size


def _measure_container(value: dict[Value, Value] | list[Value], depth: int, tolerated: frozenset[str]) -> int:
    if depth == 0 or len(value) > CBOR_ITEMS_MAX:
        msg = f"expected containers of at most {CBOR_DEPTH_MAX} levels and {CBOR_ITEMS_MAX} elements"
        raise MalformedError(msg)
    if not isinstance(value, dict):
        return head_size(len(value)) + (_measure(value, depth - 1, tolerated) if value else 0)
    fault, size = _look_at_keys(*value)
    if fault is not None and fault not in tolerated:
        raise MalformedError(_FAULTS[fault])
    return size + _measure(value.values(), depth - 1, tolerated)


_FAULTS: Final = {
    "unordered": "expected map keys in the order of their encodings, got another order",
    "negative": "expected map keys that are all text or all unsigned integers, got a negative one",
    "mixed": "expected map keys that are all text or all integers",
}


# Records repeat the same few key lists; strangers may send long ones, so no more are kept. `typed`, because 1 and True
# are equal keys.
@lru_cache(maxsize=256, typed=True)
def _look_at_keys(*keys: Value) -> tuple[str | None, int]:
    """Return what is wrong with the keys of a map, or None, and the size of the map's head and keys."""
    kinds = set(map(type, keys))
    fault: str | None = None
    size = head_size(len(keys))
    if kinds <= {str}:
        encoded = [key.encode("utf-8", "surrogatepass") for key in keys]
        size += sum(head_size(len(key)) + len(key) for key in encoded)
        ranks = [(len(key), key) for key in encoded]
        fault = None if ranks == sorted(ranks) else "unordered"
    elif kinds == {int}:
        size += sum(map(_int_size, keys))
        if any(not 0 <= key <= _INT_MAX for key in keys):
            fault = "negative"
        elif list(keys) != sorted(keys):
            fault = "unordered"
    else:
        fault = "mixed"
    return fault, size


# Sizes of deterministic encodings (RFC 8949 section 4.2.1: the shortest head, the narrowest float).


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
    """Return the bytes of the narrowest float that holds `value` exactly. What a half holds, a single holds too."""
    size = 9
    try:
        if _unpack_single(_pack_single(value))[0] == value:
            size = 5
            if _unpack_half(_pack_half(value))[0] == value:
                size = 3
    except OverflowError:  # too great for the narrower one
        return size
    return size if value == value else 3  # noqa: PLR0124  NaN alone differs from itself, and the deterministic one is a half


def _int_size(value: int) -> int:
    if not _INT_MIN <= value <= _INT_MAX:
        msg = "expected an integer of at most 64 bits"
        raise MalformedError(msg)
    return head_size(value if value >= 0 else -1 - value)


# Frames, for readers that need the bytes as they came.


def read_bytes(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the byte string that starts at `position`, and where it ends. Only the shortest head is accepted.

    Raises MalformedError when there is anything else, or when the string does not fit in `data`.
    """
    start, length = _read_head(data, position, major=2)
    end = start + length
    if end > len(data):
        msg = f"expected a byte string of {length} bytes at byte {position}, got {len(data) - start}"
        raise MalformedError(msg)
    return data[start:end], end


def _read_head(data: bytes, position: int, *, major: int) -> tuple[int, int]:
    """Return where the head at `position` ends and the argument it carries, in its shortest form."""
    if position < len(data) and data[position] >> 5 == major:
        info = data[position] & 0x1F
        if info <= _DIRECT_HEAD_MAX:
            return position + 1, info
        width = _ARGUMENT_BYTES.get(info)
        if width is not None and position + 1 + width <= len(data):
            end = position + 1 + width
            argument = int.from_bytes(data[position + 1 : end], "big")
            if argument > _DIRECT_HEAD_MAX and (width == 1 or argument >= 1 << (4 * width)):
                return end, argument
    msg = f"expected a CBOR item of major type {major} in its shortest form at byte {position}"
    raise MalformedError(msg)


def item_end(data: bytes, position: int) -> int:
    """Return where the well-formed, definite item that starts at `position` ends, without decoding it.

    Raises MalformedError. Costs one step for each item within.
    """
    pending = 1
    while pending:
        pending -= 1
        if position >= len(data):
            msg = f"expected a CBOR item at byte {position}, got the end"
            raise MalformedError(msg)
        major, info = data[position] >> 5, data[position] & 0x1F
        width = 0 if info <= _DIRECT_HEAD_MAX else _ARGUMENT_BYTES.get(info)
        if width is None:
            msg = f"expected a CBOR item of definite length at byte {position}"
            raise MalformedError(msg)
        argument = int.from_bytes(data[position + 1 : position + 1 + width], "big") if width else info
        position += 1 + width
        if major in {2, 3}:
            position += argument
        elif major in {4, 5, 6}:
            pending += {4: argument, 5: 2 * argument, 6: 1}[major]
        if position > len(data) or pending > len(data):
            msg = "expected a whole CBOR item, got a truncated one"
            raise MalformedError(msg)
    return position


def sequence_items(data: bytes) -> Iterator[bytes]:
    """Yield the items of a CBOR sequence (RFC 8742), each as its own bytes, undecoded.

    Raises MalformedError where an item is not well formed or not whole. How many there may be is the caller's to say.
    """
    position = 0
    while position < len(data):
        end = item_end(data, position)
        yield data[position:end]
        position = end
