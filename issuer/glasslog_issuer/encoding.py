"""Write the deterministic CBOR of records (RFC 8949 section 4.2.1) faster than an encoder that must look for the order.

`glasslog.cbor.encode` is the encoder; this one is for signing, where each microsecond is the caller's, and where what
was written is read again at once by the strict decoder. It takes values in the data model of `to_value`, whose maps are
in the order of their encodings already, and refuses what it does not know by TypeError: then the other encoder says
what is wrong with it. What records repeat (names, words, small numbers) is encoded once and remembered; the content of
commitments is not remembered.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from glasslog.cbor import Value, float_size
from glasslog.limits import CBOR_ITEMS_MAX

_HALF, _SINGLE, _DOUBLE = struct.Struct(">Be"), struct.Struct(">Bf"), struct.Struct(">Bd")
_FLOATS: Final = {3: (_HALF, 0xF9), 5: (_SINGLE, 0xFA), 9: (_DOUBLE, 0xFB)}
_REMEMBERED: Final = 8_192

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = (major << 5 for major in range(6))
_CONTAINERS: Final = frozenset({dict, list})
_CONSTANTS: Final[dict[bool | None, bytes]] = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}


def encode_record_fields(fields: dict[str, Value]) -> bytes:
    """Return the encoding of a record's fields. Raises TypeError, ValueError for what is not in the data model."""
    parts: list[bytes] = []
    _put(parts, fields, _text)
    return b"".join(parts)


def encode_claim(salt: bytes, value: Value, name: str) -> bytes:
    """Return the encoding of a salted claim whose value is a scalar, or a list or map of scalars.

    Raises TypeError for other values, whose depth and size somebody must look at; ValueError, OverflowError.
    """
    kind = type(value)
    if kind is str:  # what most content is
        return b"".join((b"\x83", _octets(salt), _encode_text(value), _text(name)))
    elements = value.values() if kind is dict else value if kind is list else ()
    if len(elements) > CBOR_ITEMS_MAX or any(type(element) in _CONTAINERS for element in elements):
        raise TypeError("expected a value of one level")
    parts = [b"\x83", _octets(salt)]
    _put(parts, value, _encode_text)
    parts.append(_text(name))
    return b"".join(parts)


def in_order(fields: dict[str, Value]) -> dict[str, Value]:
    """Return a map with its text keys in the order of their encodings: shorter ones first."""
    return {name: fields[name] for name in sorted(fields, key=_text)}


def _put(parts: list[bytes], value: Any, text: Callable[[str], bytes]) -> None:  # noqa: ANN401  any value
    """Append the encoding of a value."""
    kind = type(value)
    if kind is str:
        parts.append(text(value))
    elif kind is dict:
        parts.append(_head(_MAP, len(value)))
        for name, element in value.items():
            if type(name) is not str:
                raise TypeError("expected a text key")
            parts.append(text(name))
            _put(parts, element, text)
    elif kind is bytes:
        parts.append(_octets(value))
    elif kind is int:
        parts.append(_head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value))
    elif kind is float:
        parts.append(_float(value))
    elif kind is list:
        parts.append(_head(_ARRAY, len(value)))
        for element in value:
            _put(parts, element, text)
    else:
        parts.append(_constant(value))


def _head(major: int, argument: int) -> bytes:
    """Return the head of an item: its major type, and a number in as few bytes as hold it. Raises OverflowError."""
    return _short_head(major, argument) if argument < 1 << 10 else _encode_head(major, argument)


def _encode_head(major: int, argument: int) -> bytes:
    if argument < 24:  # noqa: PLR2004 (RFC 8949 section 3)
        return bytes((major | argument,))
    for more, width in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << (8 * width):
            return bytes((major | more,)) + argument.to_bytes(width, "big")
    return bytes((major | 27,)) + argument.to_bytes(8, "big")


_short_head = lru_cache(_REMEMBERED)(_encode_head)


def _constant(value: object) -> bytes:
    if value is None or type(value) is bool:
        return _CONSTANTS[value]
    msg = f"expected a value of the data model, got {type(value).__name__}"
    raise TypeError(msg)


def _octets(value: bytes) -> bytes:
    return _head(_BYTES, len(value)) + value


def _encode_text(value: str) -> bytes:
    encoded = value.encode()
    return _head(_TEXT, len(encoded)) + encoded


_text = lru_cache(_REMEMBERED)(_encode_text)


def _encode_float(value: float) -> bytes:
    form, head = _FLOATS[float_size(value)]
    return form.pack(head, value)


_remembered_float = lru_cache(_REMEMBERED)(_encode_float)


def _float(value: float) -> bytes:
    """Return the shortest encoding. What is equal and not the same, zeros and NaN, is not remembered."""
    return _remembered_float(value) if value else _encode_float(value)
