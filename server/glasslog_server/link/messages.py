"""The frames of the link beside submissions and outcomes: publications, greetings, questions. Pure.

    HELLO     [version, slot, process id]              a worker's first word
    WELCOME   [version, head, policy entries]          the answer: where the log stands
    APPLIED   size                                     the worker has taken up the head of this size
    READINESS [question, ready, code, reason]
    METRICS   [question, exposition]
    PENDING   leaf hash                                also PENDING_ELSEWHERE and SETTLED

These are deterministic CBOR, strictly decoded. A publication, which every round of every worker has, is not:

    PUBLISH   first(u64) lengths(2 x u32) head, policy entries  { level(u8) index(u64) length(u16) tile }*

Policy entries are one byte string: index(u64) length(u32) entry, again and again; an operator may have made thousands.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId
from glasslog_server.errors import LinkError
from glasslog_server.link.frames import VERSION
from glasslog_server.link.heads import decode_head, encode_head
from glasslog_server.publication import PolicyEntry, Publication
from glasslog_server.storage.store import TreeHead

_POLICY_ENTRY: Final = struct.Struct(">QI")
_PUBLICATION: Final = struct.Struct(">QII")
_TILE: Final = struct.Struct(">BQH")


class Hello(NamedTuple):
    """Who a worker is: the place it fills, and its process id, by which it is ended if it stops answering."""

    slot: int
    pid: int


class Welcome(NamedTuple):
    """Where the log stands: the published head, and every entry that led to who may sign."""

    head: TreeHead
    policy_entries: list[PolicyEntry]


class Readiness(NamedTuple):
    """Whether the sequencer takes statements; else the code of an error and its message."""

    question: int
    ready: bool
    code: str
    reason: str


class WorkerMetrics(NamedTuple):
    """What a worker counts, in the text format of Prometheus."""

    question: int
    exposition: bytes


def encode_hello(hello: Hello) -> bytes:
    """Return the payload of HELLO."""
    return cbor.encode([VERSION, *hello])


def decode_hello(data: bytes) -> Hello:
    """Return who greets. Raises LinkError, also for another version of the link."""
    _, slot, pid = _versioned(data, int, int)
    return Hello(slot, pid)


def encode_welcome(welcome: Welcome) -> bytes:
    """Return the payload of WELCOME."""
    return cbor.encode([VERSION, encode_head(welcome.head), _encode_policy(welcome.policy_entries)])


def decode_welcome(data: bytes) -> Welcome:
    """Return where the log stands. Raises LinkError, also for another version of the link."""
    _, head, policy = _versioned(data, bytes, bytes)
    return Welcome(decode_head(head), _decode_policy(policy))


def encode_publication(publication: Publication) -> bytes:
    """Return the payload of PUBLISH."""
    head, policy = encode_head(publication.head), _encode_policy(publication.policy_entries)
    parts = [_PUBLICATION.pack(publication.first, len(head), len(policy)), head, policy]
    for tile, data in publication.tiles.items():
        parts += (_TILE.pack(tile.level, tile.index, len(data)), data)
    return b"".join(parts)


def decode_publication(data: bytes) -> Publication:
    """Return the publication. Raises LinkError."""
    try:
        first, head_bytes, policy_bytes = _PUBLICATION.unpack_from(data)
        policy = _PUBLICATION.size + head_bytes
        position = policy + policy_bytes
        tiles = {}
        while position < len(data):
            level, index, length = _TILE.unpack_from(data, position)
            start = position + _TILE.size
            position = start + length
            tiles[TileId(level, index)] = data[start:position]
    except struct.error as error:
        msg = f"expected a publication, got {len(data)} bytes that are none: {error}"
        raise LinkError(msg) from error
    if position != len(data):
        msg = f"expected a publication of {position} bytes, got {len(data)}"
        raise LinkError(msg)
    head = decode_head(data[_PUBLICATION.size : policy])
    return Publication(LeafIndex(first), head, tiles, _decode_policy(data[policy : policy + policy_bytes]))


def encode_size(size: TreeSize) -> bytes:
    """Return the payload of APPLIED."""
    return cbor.encode(size)


def decode_number(data: bytes) -> int:
    """Return the number that is a payload of its own: a size, or a question's. Raises LinkError."""
    number = _decoded(data)
    if type(number) is not int or number < 0:
        msg = "expected a number on the link, got something else"
        raise LinkError(msg)
    return number


def encode_readiness(readiness: Readiness) -> bytes:
    """Return the payload of READINESS."""
    return cbor.encode(list(readiness))


def decode_readiness(data: bytes) -> Readiness:
    """Return whether the sequencer is ready. Raises LinkError."""
    return Readiness(*_fields(data, int, bool, str, str))


def encode_metrics(metrics: WorkerMetrics) -> bytes:
    """Return the payload of METRICS."""
    return cbor.encode(list(metrics))


def decode_metrics(data: bytes) -> WorkerMetrics:
    """Return what a worker counts. Raises LinkError."""
    return WorkerMetrics(*_fields(data, int, bytes))


def decode_leaf_hash(data: bytes) -> Hash:
    """Return the leaf hash that is the payload of PENDING and its like. Raises LinkError."""
    if len(data) != HASH_SIZE:
        msg = f"expected a leaf hash of {HASH_SIZE} bytes, got {len(data)}"
        raise LinkError(msg)
    return Hash(data)


def _encode_policy(entries: Sequence[PolicyEntry]) -> bytes:
    return b"".join(_POLICY_ENTRY.pack(entry.index, len(entry.entry)) + entry.entry for entry in entries)


def _decode_policy(data: bytes) -> list[PolicyEntry]:
    entries = []
    position = 0
    while position < len(data):
        if position + _POLICY_ENTRY.size > len(data):
            msg = "expected whole policy entries, got the beginning of one"
            raise LinkError(msg)
        index, length = _POLICY_ENTRY.unpack_from(data, position)
        position += _POLICY_ENTRY.size
        entries.append(PolicyEntry(LeafIndex(index), data[position : position + length]))
        position += length
    if position > len(data):
        msg = "expected a whole policy entry, got a part of it"
        raise LinkError(msg)
    return entries


def _versioned(data: bytes, *kinds: type) -> list[Any]:
    """Return version and fields of a greeting: the version is looked at before anything else is made of it."""
    fields = _decoded(data)
    if not isinstance(fields, list) or not fields or fields[0] != VERSION:
        msg = f"expected a process that speaks version {VERSION} of the link, got another: restart all of the server"
        raise LinkError(msg)
    return _typed(fields, int, *kinds)


def _fields(data: bytes, *kinds: type) -> list[Any]:
    return _typed(_decoded(data), *kinds)


def _typed(fields: cbor.Value, *kinds: type) -> list[Any]:
    if not isinstance(fields, list) or [type(field) for field in fields] != list(kinds):
        msg = f"expected [{', '.join(kind.__name__ for kind in kinds)}] on the link, got something else"
        raise LinkError(msg)
    if any(kind is int and field < 0 for kind, field in zip(kinds, fields, strict=True)):
        msg = "expected numbers from 0 on the link, got a negative one"
        raise LinkError(msg)
    return fields


def _decoded(data: bytes) -> cbor.Value:
    try:
        return cbor.decode(data)
    except MalformedError as error:
        msg = f"expected a message of the link: {error}"
        raise LinkError(msg) from error
