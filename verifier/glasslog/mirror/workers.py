"""Worker processes for the replay: as many as there are cores, fed in order, answered in order.

A worker (`glasslog.mirror.worker`) is a fresh interpreter with a pipe to here and one from there, and it loads only
what it needs: starting it costs a tenth of a second. A worker that ends before its work does makes the audit one that
could not be done, never one with less in it.
"""

import marshal
import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Self

from glasslog.errors import UncheckableError
from glasslog.mirror.chunk import Replayed
from glasslog.mirror.worker import Replayer, Setting, Work, read_message, write_message

_AHEAD: Final = 2  # chunks waiting for each worker, so that none waits for us
_PROGRAM: Final = "import sys; from glasslog.mirror.worker import serve; serve(sys.stdin.buffer, 1)"


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
    """One process, and the ways to it and from it."""

    def __init__(self, setting: Setting) -> None:
        # The modules are looked for where they were found here, and not in the folder that this happens to run in (-P).
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        if self._process.stdin is None or self._process.stdout is None:
            msg = "expected pipes to a process that was started with some"
            raise AssertionError(msg)
        self._to, self._from = self._process.stdin, self._process.stdout
        with suppress(OSError):  # one that ended already shows at its first chunk
            write_message(self._to.fileno(), pickle.dumps(setting))

    def replay(self, work: Work) -> Replayed:
        chunk, keys, pickled = work
        try:
            write_message(self._to.fileno(), marshal.dumps((tuple(chunk), keys, pickled)))
            kind, value = marshal.loads(read_message(self._from))  # noqa: S302 (our own process made it)
        except (EOFError, OSError) as error:
            msg = "a worker process of the replay ended before its work did: out of memory, or killed"
            raise UncheckableError(msg) from error
        if kind == "error":
            raise pickle.loads(value)  # noqa: S301 (our own process made it)
        return Replayed(*value)

    def close(self) -> None:
        self._to.close()
        self._from.close()
        self._process.wait()


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
