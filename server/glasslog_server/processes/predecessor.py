"""Take over from a server that is ending: wait for its locks and its addresses, for a bounded time.

A server that was killed can leave processes behind for a moment: a sequencer that finishes, a worker that looks up from
its work and sees that its supervisor is gone, one that was just being started. Whoever starts the next server at once,
as a service manager does, must not find it refused. Only the server waits; every other command is told at once that
somebody has the log.
"""

import asyncio
import errno
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from glasslog_server.addresses import ListenAddress
from glasslog_server.config import Config
from glasslog_server.errors import GuardLockedError, ListenError, ServerError, StoreLockedError
from glasslog_server.http.acceptor import bind
from glasslog_server.log import Log
from glasslog_server.sequencer import RoundObserver
from glasslog_server.signers import log_settings

_PAUSE_S_MIN: Final = 0.02
_PAUSE_S_MAX: Final = 0.5  # each failed opening of the store makes it turn its own log over

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.serving")

Result = TypeVar("Result")


async def open_log(config: Config, observer: RoundObserver) -> Log:
    """Open a log, once no other process has it. Raises what `Log.open` does; StoreLockedError, GuardLockedError late.

    A call that is cancelled leaves nothing open.
    """

    async def attempt() -> Log:
        return await Log.open(log_settings(config), observer)

    return await _when_free(attempt, config.storage.takeover_wait_s)


async def bind_address(address: ListenAddress, config: Config) -> list[socket.socket]:
    """Return listening sockets for an address, once nobody else listens there. Raises ListenError."""

    async def attempt() -> list[socket.socket]:
        return bind(address)

    return await _when_free(attempt, config.storage.takeover_wait_s)


async def _when_free(attempt: Callable[[], Awaitable[Result]], patience_s: float) -> Result:
    """Return what an attempt returns that finds nothing taken; raise what the last one raises."""
    deadline, pause_s, told = time.monotonic() + patience_s, _PAUSE_S_MIN, False
    while True:
        try:
            return await attempt()
        except ServerError as error:
            if not _is_taken(error) or time.monotonic() >= deadline:
                raise
            if not told:
                logger.info("waiting_for_predecessor", code=error.code, reason=str(error), wait_s_max=patience_s)
            told = True
        await asyncio.sleep(min(pause_s, max(deadline - time.monotonic(), 0)))
        pause_s = min(pause_s * 1.5, _PAUSE_S_MAX)


def _is_taken(error: ServerError) -> bool:
    """Tell whether another process has what is needed, so that its end would help."""
    if isinstance(error, ListenError):
        return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
    return isinstance(error, StoreLockedError | GuardLockedError)
