"""One worker process of a replay: chunks come in at its standard input, what becomes of them goes out at its output.

It is started by `glasslog.mirror.workers`, as a plain interpreter that loads this module and what it needs, and nothing
of the command. It ends when its input does, so a killed audit leaves none behind. Work and results are plain values in
`marshal`'s form; the state of authority, which is none and changes rarely, comes pickled and is kept until another one
comes. Nothing here is read from anywhere but the process that started this one.
"""

import marshal
import os
import pickle
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

from glasslog.authority import Authority
from glasslog.errors import GlasslogError
from glasslog.keys import PublicKey
from glasslog.mirror.chunk import Chunk, LogIdentity, Replayed, replay_chunk
from glasslog.mirror.place import Place, open_place
from glasslog.sources.source import LogSource

_LENGTH_BYTES: Final = 8

Work: TypeAlias = tuple[Chunk, tuple[bytes, ...], bytes]
"""A chunk, the keys that may have signed tree heads, and the pickled authority before the chunk."""


class Setting(NamedTuple):
    """What all chunks have in common: the state folder, where the log is read from, and the log's origin."""

    state: Path
    place: Place
    origin: str


class Replayer:
    """Replay chunks in this process. What a worker does, and what short logs are replayed by."""

    def __init__(self, setting: Setting) -> None:
        """Open the log."""
        self._local: LogSource = open_place(setting.state, setting.place)
        self._origin = setting.origin
        self._authority: tuple[bytes, Authority | None] = (b"", None)

    def replay(self, work: Work) -> Replayed:
        """Replay one chunk."""
        chunk, keys, pickled = work
        if self._authority[0] != pickled:
            self._authority = (pickled, pickle.loads(pickled))  # noqa: S301 (our own process made it)
        identity = LogIdentity(self._origin, tuple(map(PublicKey, keys)))
        return replay_chunk(self._local, chunk, identity, self._authority[1])

    def close(self) -> None:
        """Let go of files."""
        self._local.close()


def read_message(stream: IO[bytes]) -> bytes:
    """Return the next message of a pipe. Raises EOFError where it ends, also within a message."""
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head)
    message = stream.read(length)
    if len(head) < _LENGTH_BYTES or len(message) < length:
        raise EOFError
    return message


def write_message(descriptor: int, message: bytes) -> None:
    """Write a message into a pipe. Raises OSError when nobody reads it."""
    rest = memoryview(len(message).to_bytes(_LENGTH_BYTES) + message)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def serve(source: IO[bytes], descriptor: int) -> None:
    """Be a worker until the pipe ends."""
    try:
        replayer = Replayer(pickle.loads(read_message(source)))  # noqa: S301 (our own process made it)
    except EOFError:
        return
    while True:
        try:
            chunk, keys, pickled = marshal.loads(read_message(source))  # noqa: S302 (our own process made it)
        except EOFError:
            return
        try:
            answer: tuple[str, Any] = ("replayed", tuple(replayer.replay((Chunk(*chunk), keys, pickled))))
        except GlasslogError as error:
            answer = ("error", pickle.dumps(error))
        try:
            write_message(descriptor, marshal.dumps(answer))
        except OSError:
            return
