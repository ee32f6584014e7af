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

VERSION: Final = 1

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
        self._parts: list[bytes] = []
        self._held = 0
        self._wanted = _HEAD.size

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """Return the frames that are whole now, in order. Raises LinkError: then nothing that follows has a meaning."""
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return []
        held = b"".join(self._parts)
        frames = []
        position = 0
        while position + _HEAD.size <= len(held):
            length, number = _HEAD.unpack_from(held, position)
            kind = self._checked(length, number)
            end = position + _HEAD.size - 1 + length
            if end > len(held):
                break
            frames.append((kind, held[position + _HEAD.size : end]))
            position = end
        self._keep(held[position:])
        return frames

    def _keep(self, rest: bytes) -> None:
        self._parts = [rest] if rest else []
        self._held = len(rest)
        self._wanted = _HEAD.size
        if self._held >= _HEAD.size:
            self._wanted += _HEAD.unpack_from(rest)[0] - 1

    def _checked(self, length: int, number: int) -> Kind:
        if not 1 <= length <= FRAME_BYTES_MAX or number not in self._kinds:
            msg = f"expected a frame of 1 to {FRAME_BYTES_MAX} bytes of a known kind, got kind {number}, {length} bytes"
            raise LinkError(msg)
        return Kind(number)
