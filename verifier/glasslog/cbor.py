"""Read and write CBOR (RFC 8949) as strictly as signed data needs it.

Three readers, one writer:

- `decode` takes deterministic encodings only (RFC 8949 section 4.2.1): one value, one encoding. Everything we register
  or issue is read with it.
- `decode_foreign` takes any well-formed encoding of definite lengths without duplicate keys: receipts of other logs may
  order their headers as they like.
- `decode_unordered` leaves order and determinism to a caller that walks the value anyway: `glasslog.records`.
- `encode` writes the deterministic encoding.

The data model is small on purpose: integers of 64 bits, byte and text strings, arrays, maps with keys that are all text
or all integers, floats, true, false and null. Tags, undefined, other simple values and big numbers are refused; the one
tag we use (18, COSE_Sign1) is read by `glasslog.cose`, which also uses the frame readers at the end of this module.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias

import cbor2

from glasslog.errors import MalformedError
from glasslog.limits import CBOR_DEPTH_MAX, CBOR_ITEMS_MAX

Value: TypeAlias = Any
"""A decoded item: int, bytes, str, float, bool, None, list or dict of these."""

_TAGS_CBOR2_DECODES: Final = (*range(6), 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43_000, 55_799)
_SCALARS: Final = frozenset({int, bytes, str, bool, type(None)})
_DIRECT_HEAD_MAX: Final = 23
_INT_MIN: Final = -(2**64)
_INT_MAX: Final = 2**64 - 1

# Faults of the keys of a map. Negative keys are refused where order matters, because cbor2 sorts them length-first.
_NO_FAULT: Final[frozenset[str]] = frozenset()
_SORTED_BY_US: Final = frozenset({"unordered"})
_FOREIGN: Final = frozenset({"unordered", "negative"})


class _TagFoundError(Exception):
    """Leave cbor2 when it meets a tag."""


def _refuse_tag(*_: object) -> NoReturn:
    raise _TagFoundError


_REFUSED_TAGS: Final = dict.fromkeys(_TAGS_CBOR2_DECODES, _refuse_tag)


def encode(value: Value) -> bytes:
    """Return the deterministic encoding of `value` (RFC 8949 section 4.2.1).

    Raises ValueError for a value outside the data model: that is the caller's mistake, not bad input.
    """
    try:
        _check_model(value, CBOR_DEPTH_MAX, _SORTED_BY_US)
        return cbor2.dumps(value, canonical=True)
    except (MalformedError, cbor2.CBOREncodeError) as error:
        msg = f"cannot encode this value: {error}"
        raise ValueError(msg) from error


def decode(data: bytes) -> Value:
    """Return the value whose deterministic encoding is exactly `data`. Raises MalformedError.

    Costs one decoding and one encoding in C, and one walk over the containers.
    """
    value = _loads(data)
    has_float = _check_model(value, CBOR_DEPTH_MAX, _NO_FAULT)
    # Re-encoding in the received order shows overlong heads and trailing bytes; the walk has seen the order of keys.
    # Floats have several widths, and only the canonical encoder picks the shortest.
    if cbor2.dumps(value, canonical=has_float) != data:
        msg = "expected one CBOR item in deterministic encoding, got another encoding of it or bytes after it"
        raise MalformedError(msg)
    return value


def decode_foreign(data: bytes) -> Value:
    """Return the value of one well-formed item, whatever the order of its map keys. Raises MalformedError."""
    value = _loads(data)
    _check_model(value, CBOR_DEPTH_MAX, _FOREIGN)
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


def _check_model(value: Value, depth: int, tolerated: frozenset[str]) -> bool:
    """Walk a value; return whether it holds a float. Raises MalformedError for what the data model lacks.

    `tolerated` names the faults of map keys that this caller lives with.
    """
    kind = type(value)
    if kind in _SCALARS:
        if kind is int and not _INT_MIN <= value <= _INT_MAX:
            msg = "expected an integer of at most 64 bits"
            raise MalformedError(msg)
        return False
    if kind is float:
        return True
    if kind is not dict and kind is not list:
        msg = f"expected integers, strings, arrays, maps, floats, booleans or null, got {kind.__name__}"
        raise MalformedError(msg)
    if depth == 0 or len(value) > CBOR_ITEMS_MAX:
        msg = f"expected containers of at most {CBOR_DEPTH_MAX} levels and {CBOR_ITEMS_MAX} elements"
        raise MalformedError(msg)
    if kind is dict:
        _check_keys(tuple(value), tolerated)
        value = value.values()
    has_float = False
    for element in value:
        if type(element) not in _SCALARS or type(element) is int:
            has_float |= _check_model(element, depth - 1, tolerated)
    return has_float


@lru_cache(maxsize=256)  # records repeat the same few key lists; strangers may send long ones, so no more are kept
def _keys_verdict(keys: tuple[object, ...], kinds: tuple[type, ...]) -> str | None:
    """Return what is wrong with the keys of a map, or None. `kinds` keeps apart 1 and True, which are equal keys."""
    if set(kinds) <= {str}:
        encoded = [str(key).encode("utf-8", "surrogatepass") for key in keys]
        ranks = [(len(key), key) for key in encoded]
        return None if ranks == sorted(ranks) else "unordered"
    if set(kinds) == {int}:
        if any(isinstance(key, int) and not 0 <= key <= _INT_MAX for key in keys):
            return "negative"
        return None if list(keys) == sorted(keys) else "unordered"  # type: ignore[type-var]
    return "mixed"


def _check_keys(keys: tuple[object, ...], tolerated: frozenset[str]) -> None:
    verdict = _keys_verdict(keys, tuple(map(type, keys)))
    if verdict is None or verdict in tolerated:
        return
    reasons = {
        "unordered": "expected map keys in the order of their encodings, got another order",
        "negative": "expected map keys that are all text or all unsigned integers, got a negative one",
        "mixed": "expected map keys that are all text or all integers",
    }
    raise MalformedError(reasons[verdict])


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
        width = {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
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
        width = 0 if info <= _DIRECT_HEAD_MAX else {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
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
