"""A process as its supervisor sees it: started, ready, ended, and what it has reported."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, Self

from glasslog_server.errors import FaultError, ProcessError, ServerError
from glasslog_server.processes.control import LINE_BYTES_MAX, Order

READY_S: Final = 600.0
"""How long a start may take: a sequencer may have much of a write-ahead log to replay."""
RETIRED_S: Final = 5.0


class ChildProcess:
    """One started process. Made by `start`; belongs to one event loop."""

    def __init__(self, order: Order, process: asyncio.subprocess.Process) -> None:
        """Take what runs; use `start`."""
        self.name = order.name
        self.told: dict[str, Any] = {}
        self.failure: ServerError | None = None
        self._process = process
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._retired: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.ensure_future(process.wait())
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, order: Order, lock: int) -> Self:
        """Start a process and give it its order. Raises ProcessError.

        It keeps the descriptor `lock` open, and does nothing with it: what it locks is locked until its end.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "glasslog_server.processes.child",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(), lock, *order.listening),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            ours.close()
            msg = f"cannot start the process {order.name}: {error.strerror or error}"
            raise ProcessError(msg) from error
        finally:
            theirs.close()
        child = cls(order, process)
        reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES_MAX)
        writer.write(order.encode())
        child._listening = asyncio.ensure_future(child._listen(reader, writer))
        return child

    async def ready(self) -> None:
        """Wait until the process is ready. Raises the error that it reports instead, ProcessError when it just ends."""
        async with asyncio.timeout(READY_S):
            waits: set[asyncio.Future[Any]] = {self._ready, self._ended}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not self._ready.done():
                code = await self.wait()
                raise self.failure or ProcessError(f"the process {self.name} has ended at its start, with code {code}")

    async def retire(self) -> None:
        """Let a worker take no more connections, and end with those that it has; wait until it takes none, or is gone.

        One that does not hear is not waited for longer than RETIRED_S.
        """
        self.signal(signal.SIGHUP)
        waits: set[asyncio.Future[Any]] = {self._retired, self._ended}
        await asyncio.wait(waits, timeout=RETIRED_S, return_when=asyncio.FIRST_COMPLETED)

    async def wait(self) -> int:
        """Wait for the end of the process, and of what it had to say; return its exit code."""
        code = await asyncio.shield(self._ended)
        if self._listening is not None:
            await asyncio.shield(self._listening)
        return code

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Return whether the process is gone."""
        return self._ended.done()

    def when_ended(self, act: Callable[[], None]) -> None:
        """Call `act` when the process is gone."""
        self._ended.add_done_callback(lambda _: act())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if there is still somebody to get it."""
        if not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self) -> None:
        """End the process at once."""
        self.signal(signal.SIGKILL)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take note of the reports until the process closes the line."""
        try:
            while line := await reader.readline():
                report = json.loads(line)
                if report["state"] == "ready" and not self._ready.done():
                    self.told = report
                    self._ready.set_result(None)
                elif report["state"] == "retired" and not self._retired.done():
                    self._retired.set_result(None)
                elif report["state"] == "failed":
                    self.failure = _error_of(report["code"], report["message"])
        except (OSError, ValueError, KeyError):  # it was killed while it spoke
            return
        finally:
            writer.close()


def _error_of(code: str, message: str) -> ServerError:
    """Return the error that a process has reported: of the class with that code."""
    pending: list[type[ServerError]] = [ServerError]
    while pending:
        kind = pending.pop()
        if kind.code == code and "code" in vars(kind):
            return kind(message)
        pending += kind.__subclasses__()
    return FaultError(message)
