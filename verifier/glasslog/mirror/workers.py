"""Worker processes for the replay: as many as there are cores, fed in order, answered in order.

A worker (`glasslog.mirror.worker`) is a fresh interpreter with a pipe to here and one from there, and it loads only
what it needs: starting it takes less than a tenth of a second. Each has its next chunk before it is done with one, so
that it never waits for this process, which has a database to write. A worker that ends before its work does makes the
audit one that could not be done, never one with less in it.
"""

import fcntl
import marshal
import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import IO, Final, Self

from glasslog.errors import UncheckableError
from glasslog.mirror.chunk import Replayed
from glasslog.mirror.worker import Replayer, Setting, Work, read_message, write_message

_AT_ONCE: Final = 2  # chunks that a worker has: one under way, one to go on with
_AHEAD: Final = 3  # chunks for each worker that were given out, or are done and not yet taken
_PIPE_BYTES: Final = (
    1_024 * 1_024
)  # what becomes of a chunk fits, so that a worker goes on; what Linux lets anybody have
# Nothing that is imported becomes garbage, so there is nothing to look for until all is there, and in that never.
_PROGRAM: Final = """
import gc, sys
gc.disable()
from glasslog.mirror.worker import serve
gc.freeze()
gc.enable()
serve(sys.stdin.buffer, 1)
"""

_Answer = Future[bytes]
_Room = queue.SimpleQueue["_Worker"]


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
    """One process, the ways to it and from it, and a thread here that takes its answers as they come."""

    def __init__(self, setting: Setting, room: _Room) -> None:
        # The modules are looked for where they were found here, and not in the folder that this happens to run in (-P).
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            process_group=0,  # Ctrl-C is for the process that shows it, from the worker's first moment on
        )
        if self._process.stdin is None or self._process.stdout is None:
            msg = "expected pipes to a process that was started with some"
            raise AssertionError(msg)
        self._to, self._from = self._process.stdin, self._process.stdout
        _widen(self._from)
        self._room = room
        self._awaited: queue.SimpleQueue[_Answer | None] = queue.SimpleQueue()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()
        self._send(pickle.dumps(setting))

    def give(self, work: Work) -> _Answer:
        """Have a chunk replayed, after those that were given before."""
        chunk, keys, pickled = work
        answer = _Answer()
        self._awaited.put(answer)
        self._send(marshal.dumps((tuple(chunk), keys, pickled)))
        return answer

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # one that has ended shows where its answer is awaited
            write_message(self._to.fileno(), message)

    def _listen(self) -> None:
        """Pass answers on, and say at each that there is room for another chunk."""
        while (answer := self._awaited.get()) is not None:
            try:
                answer.set_result(read_message(self._from))
            except (EOFError, OSError) as error:
                msg = "a worker process of the replay ended before its work did: out of memory, or killed"
                failure = UncheckableError(msg)
                failure.__cause__ = error
                answer.set_exception(failure)
            self._room.put(self)

    def close(self) -> None:
        self._to.close()
        self._awaited.put(None)
        self._thread.join()  # what was given is done first: a worker looks up only then
        self._from.close()
        self._process.wait()


class _Pool:
    """Workers, and which of them have room for a chunk."""

    def __init__(self, setting: Setting, processes: int) -> None:
        self._room: _Room = queue.SimpleQueue()
        self._workers = [_Worker(setting, self._room) for _ in range(processes)]
        for worker in self._workers * _AT_ONCE:
            self._room.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.close()

    def run(self, work: Iterable[Work]) -> Iterator[Replayed]:
        pending: deque[_Answer] = deque()
        for item in work:
            pending.append(self._room.get().give(item))
            while pending and (pending[0].done() or len(pending) >= _AHEAD * len(self._workers)):
                yield _replayed(pending.popleft())
        while pending:
            yield _replayed(pending.popleft())


def _replayed(answer: _Answer) -> Replayed:
    kind, value = marshal.loads(answer.result())  # noqa: S302 (our own process made it)
    if kind == "error":
        raise pickle.loads(value)  # noqa: S301 (our own process made it)
    return Replayed(*value)


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more than the usual 64 KiB, where the system can."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
