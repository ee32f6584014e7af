"""A submission on the link: candidates, flat, in the order in which their caller gave them. Pure.

    number(u32) names(u16) { length(u16) name }*   origins(u16) { issuer kid content_type record_type stream }*
    candidates(u32) { origin(u16) seq(u64) subject(u16) entry(u32) leaf_hash(32) }*   { subject entry }*

What the candidates of an issuer share (its name, its key, the types, the stream) is said once for each combination: an
origin, five names by number. What differs stands in a fixed row each, and the texts and entries behind all rows. Costs
about a microsecond a candidate on each side.
"""

import struct
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from glasslog.limits import ENTRY_BYTES_MAX
from glasslog.merkle import HASH_SIZE
from glasslog_server.core.limits import ROUND_ENTRIES_MAX
from glasslog_server.core.round import Candidate
from glasslog_server.errors import LinkError

_NUMBERS: Final = struct.Struct(">IH")
_LENGTH: Final = struct.Struct(">H")
_ORIGIN: Final = struct.Struct(">5H")
_COUNT: Final = struct.Struct(">I")
_ROW: Final = struct.Struct(f">HQHI{HASH_SIZE}s")
_ABSENT: Final = 0xFFFF
_NAMES_MAX: Final = 0xFFFE
_candidate = partial(tuple.__new__, Candidate)  # what `Candidate._make` does, for half of its cost


class Submitted(NamedTuple):
    """A submission as it came: the number that its answer will carry, and the candidates."""

    number: int
    candidates: list[Candidate]


def encode_submission(number: int, candidates: Sequence[Candidate]) -> list[bytes]:
    """Return the payload, in parts. The candidates are those of one submission: at most a round's."""
    names: dict[bytes, int] = {}
    origins: dict[tuple[str, bytes, str, str | None, str | None], int] = {}
    rows: list[bytes] = []
    texts: list[bytes] = []
    pack = _ROW.pack
    for entry, leaf_hash, issuer, subject, kid, content_type, record_type, stream in candidates:
        stream_id, seq = (None, 0) if stream is None else stream
        key = (issuer, kid, content_type, record_type, stream_id)
        origin = origins.get(key)
        if origin is None:
            origin = origins[key] = len(origins)
        text = subject.encode()
        rows.append(pack(origin, seq, len(text), len(entry), leaf_hash))
        texts += (text, entry)
    table = [_encode_origin(origin, names) for origin in origins]
    listed = [part for name in names for part in (_LENGTH.pack(len(name)), name)]
    return [
        _NUMBERS.pack(number, len(names)),
        *listed,
        _LENGTH.pack(len(table)),
        *table,
        _COUNT.pack(len(rows)),
        *rows,
        *texts,
    ]


def _encode_origin(origin: tuple[str, bytes, str, str | None, str | None], names: dict[bytes, int]) -> bytes:
    issuer, kid, content_type, record_type, stream_id = origin
    optional = (
        None if record_type is None else record_type.encode(),
        None if stream_id is None else stream_id.encode(),
    )
    numbers = [names.setdefault(name, len(names)) for name in (issuer.encode(), kid, content_type.encode())]
    numbers += [_ABSENT if name is None else names.setdefault(name, len(names)) for name in optional]
    if len(names) > _NAMES_MAX:
        msg = f"expected at most {_NAMES_MAX} names in one submission, got {len(names)}"
        raise LinkError(msg)
    return _ORIGIN.pack(*numbers)


def decode_submission(data: bytes) -> Submitted:
    """Return the submission that a payload is. Raises LinkError."""
    try:
        number, position, names = _decode_names(data)
        origins, position = _decode_origins(data, position, names)
        (count,) = _COUNT.unpack_from(data, position)
        position += _COUNT.size
        if not 1 <= count <= ROUND_ENTRIES_MAX:
            msg = f"expected 1 to {ROUND_ENTRIES_MAX} candidates in a submission, got {count}"
            raise LinkError(msg)
        return Submitted(number, _decode_rows(data, position, count, origins))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        msg = f"expected a submission, got {len(data)} bytes that are none: {error}"
        raise LinkError(msg) from error


def _decode_names(data: bytes) -> tuple[int, int, list[bytes]]:
    number, count = _NUMBERS.unpack_from(data)
    position = _NUMBERS.size
    names = []
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size
        names.append(data[position : position + length])
        position += length
    return number, position, names


_Origin = tuple[str, bytes, str, str | None, str | None]


def _decode_origins(data: bytes, position: int, names: list[bytes]) -> tuple[list[_Origin], int]:
    (count,) = _LENGTH.unpack_from(data, position)
    position += _LENGTH.size
    end = position + count * _ORIGIN.size
    if end > len(data):
        msg = f"expected {count} origins in a submission of {len(data)} bytes, got fewer"
        raise LinkError(msg)
    origins: list[_Origin] = []
    for issuer, kid, content_type, record_type, stream_id in _ORIGIN.iter_unpack(data[position:end]):
        origins.append(
            (
                names[issuer].decode(),
                names[kid],
                names[content_type].decode(),
                None if record_type == _ABSENT else names[record_type].decode(),
                None if stream_id == _ABSENT else names[stream_id].decode(),
            )
        )
    return origins, end


def _decode_rows(data: bytes, position: int, count: int, origins: list[_Origin]) -> list[Candidate]:
    start = position + count * _ROW.size
    if start > len(data):
        msg = f"expected {count} candidates in a submission of {len(data)} bytes, got fewer"
        raise LinkError(msg)
    candidates: list[Candidate] = []
    add = candidates.append
    for origin, seq, subject_length, entry_length, leaf_hash in _ROW.iter_unpack(data[position:start]):
        issuer, kid, content_type, record_type, stream_id = origins[origin]
        middle = start + subject_length
        end = middle + entry_length
        stream = None if stream_id is None else (stream_id, seq)
        subject = data[start:middle].decode()
        add(_candidate((data[middle:end], leaf_hash, issuer, subject, kid, content_type, record_type, stream)))
        if entry_length > ENTRY_BYTES_MAX:
            msg = f"expected entries of at most {ENTRY_BYTES_MAX} bytes, got {entry_length}"
            raise LinkError(msg)
        start = end
    if start != len(data):
        msg = f"expected a submission of {start} bytes, got {len(data)}"
        raise LinkError(msg)
    return candidates
