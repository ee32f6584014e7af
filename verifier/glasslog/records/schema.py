"""Small checkers from which the record types are put together.

A checker takes a decoded value and returns how many bytes its deterministic encoding has, or raises
`SchemaMismatchError` with what was expected. The sum of these sizes is what makes one pass enough: an encoding of a
value that is as short as possible is the deterministic one, but for the order of map keys, and that is checked here
too. So a record is decoded once, walked once, and never encoded again.

Containers add where they were on the way out, so a record that is right pays nothing for the path that an error names.
Types are exact: `True` is not an integer here.
"""

import math
import re
import struct
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

from glasslog.cbor import Value
from glasslog.limits import URI_BYTES_MAX

Check: TypeAlias = Callable[[Value], int]

NAME_BYTES_MAX: Final = 256
TIME_MS_MAX: Final = 253_402_300_799_999  # the end of the year 9999
COUNT_MAX: Final = 2**63 - 1
INTEGER_MIN: Final = -(2**63)
ARRAY_ITEMS_MAX: Final = 256
PARAMS_MAX: Final = 64
_MEMO_MAX: Final = 1_024  # words and map shapes that a checker remembers: those of honest records are few

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # no line breaks, no bidi


class SchemaMismatchError(Exception):
    """Carry what a checker expected, and the path to it as the containers unwind."""

    def __init__(self, expected: str, got: Value) -> None:
        """Keep what was expected and of which kind the value was; never the value itself, which may be content."""
        super().__init__(expected)
        self.expected = expected
        self.got = describe(got)
        self.path: list[str] = []

    def __str__(self) -> str:
        """Return `field.path: expected X, got Y`."""
        where = ".".join(reversed(self.path)) or "the record"
        return f"{where}: expected {self.expected}, got {self.got}"


def describe(value: Value) -> str:
    """Return the kind and size of a value, never its content."""
    names = {str: "text", bytes: "bytes", dict: "a map", list: "an array", type(None): "null", bool: "a boolean"}
    name = names.get(type(value), "a number")
    if isinstance(value, str | bytes):
        return f"{name} of length {len(value)}"
    if isinstance(value, dict | list):
        return f"{name} of {len(value)} elements"
    return name


# Sizes (RFC 8949 section 3: the shortest head for an argument).


def head_size(argument: int) -> int:
    """Return the bytes of the shortest head with this argument: a length, a count or an unsigned integer."""
    if argument < 24:  # noqa: PLR2004
        return 1
    if argument < 1 << 8:
        return 2
    if argument < 1 << 16:
        return 3
    return 5 if argument < 1 << 32 else 9


def _float_size(value: float) -> int:
    """Return the bytes of the shortest float that holds `value` exactly."""
    for size, form in ((3, "<e"), (5, "<f")):
        try:
            if struct.unpack(form, struct.pack(form, value))[0] == value:
                return size
        except OverflowError:
            continue
    return 9


def _text_size(value: str) -> int:
    length = len(value) if value.isascii() else len(value.encode())
    return head_size(length) + length


# Scalars.


def text(maximum: int = NAME_BYTES_MAX) -> Check:
    """Accept text of 1 to `maximum` bytes without control characters: names, versions, titles."""

    def accepts(value: str) -> bool:
        return value != "" and len(value.encode()) <= maximum and not _CONTROL.search(value)

    return _memoised(accepts, f"text of 1 to {maximum} bytes without control characters")


def _memoised(accepts: Callable[[str], object], expected: str) -> Check:
    """Accept what `accepts` does, and remember the size of a bounded number of accepted words."""
    sizes: dict[str, int] = {}

    def check(value: Value) -> int:
        if type(value) is str:
            size = sizes.get(value)
            if size is not None:
                return size
            if accepts(value):
                size = _text_size(value)
                if len(sizes) < _MEMO_MAX:
                    sizes[value] = size
                return size
        raise SchemaMismatchError(expected, value)

    return check


token: Final = _memoised(_TOKEN.fullmatch, "an identifier of 1 to 64 letters, digits or any of _.:/-")
"""Accept an identifier of an open vocabulary: 1 to 64 characters of letters, digits and `_.:/-`."""

uri: Final = _memoised(
    lambda value: len(value) <= URI_BYTES_MAX and _URI.fullmatch(value), f"a URI of at most {URI_BYTES_MAX} bytes"
)
"""Accept an absolute URI of at most 512 visible ASCII characters."""


def one_of(*choices: str) -> Check:
    """Accept one of a closed list of words."""
    return _memoised(frozenset(choices).__contains__, "one of " + ", ".join(choices))


def unsigned(maximum: int = COUNT_MAX) -> Check:
    """Accept an integer from 0 to `maximum`."""

    def check(value: Value) -> int:
        if type(value) is not int or not 0 <= value <= maximum:
            raise SchemaMismatchError(f"an integer from 0 to {maximum}", value)
        return 1 if value < 24 else 9 if value >= 1 << 32 else head_size(value)  # noqa: PLR2004 (the usual ones first)

    return check


time_ms: Final = unsigned(TIME_MS_MAX)
"""Accept POSIX milliseconds."""


def number(value: Value) -> int:
    """Accept a finite number: an integer of at most 64 bits with its sign, or a float."""
    if type(value) is int and INTEGER_MIN <= value <= COUNT_MAX:
        return head_size(value if value >= 0 else -1 - value)
    if type(value) is float and math.isfinite(value):
        return _float_size(value)
    raise SchemaMismatchError("a finite number", value)


def boolean(value: Value) -> int:
    """Accept true or false."""
    if type(value) is not bool:
        raise SchemaMismatchError("true or false", value)
    return 1


def scalar(value: Value) -> int:
    """Accept a short text, a finite number, true, false or null: a model parameter."""
    if value is None or type(value) is bool:
        return 1
    return _SHORT_TEXT(value) if type(value) is str else number(value)


_SHORT_TEXT: Final = text()


def octets(length: int) -> Check:
    """Accept exactly `length` bytes."""
    size = head_size(length) + length

    def check(value: Value) -> int:
        if type(value) is not bytes or len(value) != length:
            raise SchemaMismatchError(f"{length} bytes", value)
        return size

    return check


def octets_between(minimum: int, maximum: int) -> Check:
    """Accept `minimum` to `maximum` bytes."""

    def check(value: Value) -> int:
        if type(value) is not bytes or not minimum <= len(value) <= maximum:
            raise SchemaMismatchError(f"{minimum} to {maximum} bytes", value)
        return head_size(len(value)) + len(value)

    return check


def uuid7(value: Value) -> int:
    """Accept a UUIDv7 (RFC 9562 section 5.7) as 16 bytes."""
    if type(value) is not bytes or len(value) != 16 or value[6] >> 4 != 7 or value[8] >> 6 != 2:  # noqa: PLR2004
        raise SchemaMismatchError("a UUIDv7 of 16 bytes", value)
    return 17


# Containers.


def array(of: Check, maximum: int = ARRAY_ITEMS_MAX, minimum: int = 0) -> Check:
    """Accept an array of `minimum` to `maximum` elements, each accepted by `of`."""

    def check(value: Value) -> int:
        if type(value) is not list or not minimum <= len(value) <= maximum:
            raise SchemaMismatchError(f"an array of {minimum} to {maximum} elements", value)
        size = head_size(len(value))
        for position, element in enumerate(value):
            try:
                size += of(element)
            except SchemaMismatchError as error:
                error.path.append(str(position))
                raise
        return size

    return check


def closed_map(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Accept a map that has every required field and none that is neither required nor optional, in order."""
    fields = {**required, **(optional or {})}
    # By the tuple of a map's keys: the size of its head and keys, and the checkers of its values in that order.
    shapes: dict[tuple[Value, ...], tuple[int, tuple[Check, ...]]] = {}

    def learn(value: dict[Value, Value]) -> tuple[int, tuple[Check, ...]]:
        for name in value:
            if name not in fields:
                raise SchemaMismatchError(f"no fields but {_names(fields)}", value)
        if not required.keys() <= value.keys():
            raise SchemaMismatchError(f"the fields {_names(required.keys() - value.keys())} too", value)
        _check_order(value)
        shape = (head_size(len(value)) + sum(map(_text_size, value)), tuple(fields[name] for name in value))
        if len(shapes) < _MEMO_MAX:
            shapes[tuple(value)] = shape
        return shape

    def check(value: Value) -> int:
        if type(value) is not dict:
            raise SchemaMismatchError("a map", value)
        size, checks = shapes.get(tuple(value)) or learn(value)
        try:
            for inner, element in zip(checks, value.values(), strict=True):
                size += inner(element)
        except SchemaMismatchError:
            _locate(value, fields)
            raise
        return size

    return check


def open_map(of: Check, maximum: int, name_check: Check = token) -> Check:
    """Accept a map of at most `maximum` fields, in order, whose names and values are accepted by the checkers."""

    def check(value: Value) -> int:
        if type(value) is not dict or len(value) > maximum:
            raise SchemaMismatchError(f"a map of at most {maximum} fields", value)
        size = head_size(len(value))
        for name, element in value.items():
            try:
                size += name_check(name) + of(element)
            except SchemaMismatchError as error:
                error.path.append(name if isinstance(name, str) and _TOKEN.fullmatch(name) else "(a field name)")
                raise
        _check_order(value)
        return size

    return check


def _locate(value: Mapping[str, Value], fields: Mapping[str, Check]) -> None:
    """Check the fields of a map again, and raise the mismatch of the first bad one with its name in the path."""
    for name, element in value.items():
        try:
            fields[name](element)
        except SchemaMismatchError as error:
            error.path.append(name)
            raise


def _check_order(value: Mapping[str, Value]) -> None:
    """Check that text keys stand in the order of their encodings: the shorter first, then byte by byte."""
    ranks = [(len(name), name) for name in map(str.encode, value)]
    if ranks != sorted(ranks):
        raise SchemaMismatchError("map keys in the order of their encodings", value)


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
