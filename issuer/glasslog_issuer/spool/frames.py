"""Write and read the bytes of a spool's segments. Pure: nothing here touches a file.

    segment = header, unit, unit, ...
    header  = magic, length (u32), CRC-32 of the rest (u32), deterministic CBOR of a `Header`
    unit    = marker (8), synced (u64), length (u32), CRC-32 of all but the marker (u32), items
    item    = kind (u8), length (u32), bytes

All numbers are big-endian. A unit is what one write has brought: the records of all callers who waited for it. Its
`synced` says how many bytes of the segment were known to be on disk when it was written, and that is what tells a torn
end from damage: a write that was cut off leaves units that cannot be read *behind* what was on disk, and they were
never acknowledged. Where something before that point cannot be read, somebody was promised it, and the segment is
refused. The marker is random for each segment, so that units behind a bad one are found and nothing within a record
looks like one.

For any bytes, `read_segment` returns or raises SpoolDamagedError.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.errors import MalformedError
from glasslog_issuer.errors import SpoolDamagedError

MAGIC: Final = b"glasslog-spool-1\n"
MARKER_BYTES: Final = 8
HEADER_BYTES_MAX: Final = 4 * 1_024 * 1_024  # of state: what is registered, declared and counted

_HEADER: Final = struct.Struct(">II")
_UNIT: Final = struct.Struct(">QII")
_ITEM: Final = struct.Struct(">BI")

STATEMENT: Final = 1
NOTE: Final = 2
_KINDS: Final = frozenset({STATEMENT, NOTE})


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment begins with: whose it is, and the state of the spool before its first unit.

    `state` is the encoding of a `glasslog_issuer.spool.state.SpoolState`.
    """

    issuer: str
    stream: str
    first_seq: int
    marker: bytes
    state: Value = field(repr=False)


class Item(NamedTuple):
    """One thing that is kept: a statement's entry, or a note in deterministic CBOR, by `kind`."""

    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """What can be read of a segment: [0, `end`) is good, and `torn` bytes behind it were never acknowledged."""

    header: Header
    items: list[Item] = field(repr=False)
    end: int
    torn: int


def encode_header(header: Header) -> bytes:
    """Return the beginning of a segment."""
    fields = {
        "issuer": header.issuer,
        "stream": header.stream,
        "first_seq": header.first_seq,
        "marker": header.marker,
        "state": header.state,
    }
    data = cbor.encode(fields)
    return MAGIC + _HEADER.pack(len(data), zlib.crc32(data)) + data


def encode_item(item: Item) -> bytes:
    """Return one item of a unit."""
    return _ITEM.pack(item.kind, len(item.data)) + item.data


def encode_unit(marker: bytes, synced: int, items: Iterable[bytes]) -> bytes:
    """Return a unit of items that `encode_item` made. `synced` is in bytes from the start of the segment."""
    payload = b"".join(items)
    return marker + _UNIT.pack(synced, len(payload), _checksum(synced, payload)) + payload


def read_segment(data: bytes, *, name: str) -> Segment:
    """Return what is in a segment, `name` for messages. Raises SpoolDamagedError for what is proven to be damaged."""
    header, position = read_header(data, name=name)
    items, end = read_units(data, header.marker, position)
    _check_torn(data, header.marker, end, name)
    return Segment(header, items, end, len(data) - end)


def read_header(data: bytes, *, name: str) -> tuple[Header, int]:
    """Return the header and where it ends. Raises SpoolDamagedError: a segment gets its name when it has its header."""
    position = len(MAGIC) + _HEADER.size
    if not data.startswith(MAGIC) or len(data) < position:
        msg = f"{name}: expected a segment of a spool, got something else"
        raise SpoolDamagedError(msg)
    length, checksum = _HEADER.unpack_from(data, len(MAGIC))
    encoded = data[position : position + length]
    if length > HEADER_BYTES_MAX or len(encoded) != length or zlib.crc32(encoded) != checksum:
        msg = f"{name}: expected the header that its checksum was made of"
        raise SpoolDamagedError(msg)
    try:
        fields = cbor.decode(encoded)
        header = Header(**fields)
    except (MalformedError, TypeError) as error:
        msg = f"{name}: expected the header of a segment: {error}"
        raise SpoolDamagedError(msg) from error
    return header, position + length


def read_units(data: bytes, marker: bytes, position: int) -> tuple[list[Item], int]:
    """Return the items of all units from `position` to the first that cannot be read, and where that would begin."""
    items: list[Item] = []
    while (unit := read_unit(data, marker, position)) is not None:
        items.extend(unit.items)
        position = unit.end
    return items, position


class Unit(NamedTuple):
    """One unit: how many bytes of its segment were on disk before it, its items, and where it ends."""

    synced: int
    items: list[Item]
    end: int


def read_unit(data: bytes, marker: bytes, position: int) -> Unit | None:
    """Return the unit at a position; None where there is none, or not all of it."""
    start = position + MARKER_BYTES + _UNIT.size
    if not data.startswith(marker, position) or len(data) < start:
        return None
    synced, length, checksum = _UNIT.unpack_from(data, position + MARKER_BYTES)
    payload = data[start : start + length]
    if len(payload) != length or _checksum(synced, payload) != checksum:
        return None
    items = _read_items(payload)
    return None if items is None else Unit(synced, items, start + length)


def _read_items(payload: bytes) -> list[Item] | None:
    items: list[Item] = []
    position = 0
    while position < len(payload):
        start = position + _ITEM.size
        if len(payload) < start:
            return None
        kind, length = _ITEM.unpack_from(payload, position)
        position = start + length
        if kind not in _KINDS or len(payload) < position:
            return None
        items.append(Item(kind, payload[start:position]))
    return items


def _check_torn(data: bytes, marker: bytes, end: int, name: str) -> None:
    """Refuse what cannot be read at `end` when a unit behind it says that it was on disk."""
    position = data.find(marker, end + 1)
    while position != -1:
        unit = read_unit(data, marker, position)
        if unit is not None and unit.synced > end:
            msg = f"{name}: expected what was written at byte {end} and acknowledged, got something else"
            raise SpoolDamagedError(msg)
        position = data.find(marker, position + 1)


def _checksum(synced: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_UNIT.pack(synced, len(payload), 0)))
