"""Cut the stream between two processes into frames: length (u32, big-endian, of what follows), kind (u8), payload.

The kinds are the whole vocabulary of the link; VERSION is said in the first frame of each side and changes with any
change of what a frame holds, so that processes of two releases part instead of guessing. Pure.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from glasslog_server.core.limits import ROUND_BYTES_MAX, ROUND_ENTRIES_MAX
from glasslog_server.errors import LinkError

VERSION: Final = 2

_HEAD: Final = struct.Struct(">IB")
_ENTRY_OVERHEAD_BYTES_MAX: Final = 2_048  # of one candidate beside its entry: names, kid, leaf hash, lengths
FRAME_BYTES_MAX: Final = ROUND_BYTES_MAX + ROUND_ENTRIES_MAX * _ENTRY_OVERHEAD_BYTES_MAX
"""The largest submission that one round can take, with all that goes beside the entries."""


class Kind(IntEnum):
    """What a frame holds."""

    # From a worker.
    HELLO = 1
    READY = 2
    SUBMIT = 3
    APPLIED = 4
    ASK_READINESS = 5
    METRICS = 6
    PENDING = 7
    # From the sequencer.
    WELCOME = 32
    PUBLISH = 33
    OUTCOMES = 34
    REFUSED = 35
    READINESS = 36
    ASK_METRICS = 37
    PENDING_ELSEWHERE = 38
    SETTLED = 39


FROM_WORKER: Final = frozenset(kind for kind in Kind if kind < Kind.WELCOME)
FROM_SEQUENCER: Final = frozenset(Kind) - FROM_WORKER
_KINDS: Final = {kind.value: kind for kind in Kind}  # what `Kind(number)` finds with more ado


def encode_frame(kind: Kind, parts: Sequence[bytes] = ()) -> bytes:
    """Return a frame with these parts, one behind the other, as its payload. Raises LinkError above the limit."""
    length = sum(map(len, parts)) + 1
    if length > FRAME_BYTES_MAX:
        msg = f"expected a frame of at most {FRAME_BYTES_MAX} bytes, got {length}"
        raise LinkError(msg)
    return b"".join((_HEAD.pack(length, kind), *parts))


class FrameReader:
    """Gather what arrives until frames are whole. Holds at most one frame beyond what was given out."""

    def __init__(self, kinds: frozenset[Kind]) -> None:
        """Take the kinds that the other side may send."""
        self._kinds = kinds
        self._rest = b""  # the beginning of a frame's head
        self._kind: Kind | None = None  # of the frame whose payload is gathered
        self._parts: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """Return the frames that are whole now, in order. Raises LinkError: then nothing that follows has a meaning.

        A payload that came in one piece is one slice of it, and one that came in several is joined once.
        """
        frames: list[tuple[Kind, bytes]] = []
        position = 0
        if self._kind is not None:
            if len(data) < self._missing:
                self._gather(data)
                return frames
            position = self._missing
            self._gather(data[:position])
            frames.append((self._kind, b"".join(self._parts)))
            self._kind, self._parts = None, []
        elif self._rest:
            data, self._rest = self._rest + data, b""
        while position + _HEAD.size <= len(data):
            length, number = _HEAD.unpack_from(data, position)
            kind = self._checked(length, number)
            start, position = position + _HEAD.size, position + _HEAD.size + length - 1
            if position > len(data):
                self._kind, self._missing = kind, length - 1
                self._gather(data[start:])
                return frames
            frames.append((kind, data[start:position]))
        self._rest = data[position:]
        return frames

    def _gather(self, part: bytes) -> None:
        self._parts.append(part)
        self._missing -= len(part)

    def _checked(self, length: int, number: int) -> Kind:
        if not 1 <= length <= FRAME_BYTES_MAX or number not in self._kinds:
            msg = f"expected a frame of 1 to {FRAME_BYTES_MAX} bytes of a known kind, got kind {number}, {length} bytes"
            raise LinkError(msg)
        return _KINDS[number]
