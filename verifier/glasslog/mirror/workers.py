"""Worker processes for the replay: as many as there are cores, fed in order, answered in order.

A worker is a fresh interpreter (`spawn`) with one pipe to here. It ends when the pipe does, so a killed audit leaves
none behind. Work and results are plain values in `marshal`'s form; the state of authority, which is none and changes
rarely, comes pickled and is kept by the worker until another one comes.
"""

import marshal
import multiprocessing
import pickle
import queue
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeAlias

from glasslog.authority import Authority
from glasslog.errors import GlasslogError, UncheckableError
from glasslog.keys import PublicKey
from glasslog.mirror.chunk import Chunk, LogIdentity, Replayed, replay_chunk
from glasslog.mirror.state import Place, open_place
from glasslog.sources.source import LogSource

_AHEAD: Final = 2  # chunks waiting for each worker, so that none waits for us

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


def replay_all(work: Iterable[Work], setting: Setting, processes: int) -> Iterator[Replayed]:
    """Yield what becomes of each chunk, in order; with 0 processes in this one. Raises what a chunk raises."""
    if processes == 0:
        replayer = Replayer(setting)
        try:
            yield from map(replayer.replay, work)
        finally:
            replayer.close()
        return
    with _Pool(setting, processes) as pool:
        yield from pool.run(work)


class _Worker:
    """One process, and the way to it."""

    def __init__(self, setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, setting), daemon=True)
        self.process.start()
        theirs.close()

    def replay(self, work: Work) -> Replayed:
        chunk, keys, pickled = work
        try:
            self._connection.send_bytes(marshal.dumps((tuple(chunk), keys, pickled)))
            kind, value = marshal.loads(self._connection.recv_bytes())  # noqa: S302 (our own process made it)
        except (EOFError, OSError) as error:
            msg = "a worker process of the replay ended before its work did: out of memory, or killed"
            raise UncheckableError(msg) from error
        if kind == "error":
            raise pickle.loads(value)  # noqa: S301 (our own process made it)
        return Replayed(*value)

    def close(self) -> None:
        self._connection.close()
        self.process.join()


class _Pool:
    """Workers, each with a thread here that waits for it."""

    def __init__(self, setting: Setting, processes: int) -> None:
        self._workers = [_Worker(setting) for _ in range(processes)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def run(self, work: Iterable[Work]) -> Iterator[Replayed]:
        pending: deque[Future[Replayed]] = deque()
        for item in work:
            pending.append(self._threads.submit(self._replay, item))
            if len(pending) >= _AHEAD * len(self._workers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def _replay(self, work: Work) -> Replayed:
        worker = self._idle.get()
        try:
            return worker.replay(work)
        finally:
            self._idle.put(worker)


def _serve(connection: Connection, setting: Setting) -> None:
    """Be a worker until the pipe ends. An interruption from the keyboard is for the process that shows it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replayer = Replayer(setting)
    while True:
        try:
            chunk, keys, pickled = marshal.loads(connection.recv_bytes())  # noqa: S302 (our own process made it)
        except (EOFError, OSError):
            return
        try:
            answer: tuple[str, Any] = ("replayed", tuple(replayer.replay((Chunk(*chunk), keys, pickled))))
        except GlasslogError as error:
            answer = ("error", pickle.dumps(error))
        try:
            connection.send_bytes(marshal.dumps(answer))
        except OSError:
            return
