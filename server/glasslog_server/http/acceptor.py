"""Take connections from sockets that several processes may listen on.

Each process takes one connection a turn of its event loop, so that those who have less to do take more of them. A
socket that is shared has one queue: what waits in it when a process ends is taken by the others.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from glasslog_server.addresses import ListenAddress
from glasslog_server.errors import ListenError

_BACKLOG: Final = 1_024
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_EXHAUSTED_PAUSE_S: Final = 1.0

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.http")


def bind(address: ListenAddress) -> list[socket.socket]:
    """Return listening sockets for an address: one, or one for each address of a host name. Raises ListenError."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in dict.fromkeys(found):
            listening = socket.socket(family, kind, protocol)
            bound.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(place)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
    except OSError as error:
        for listening in bound:
            listening.close()
        msg = f"cannot listen on {address}: {error.strerror or error}"
        raise ListenError(msg) from error
    return bound


def address_of(listening: socket.socket) -> ListenAddress:
    """Return what a socket listens on, with the port that was taken."""
    host, port, *_ = listening.getsockname()
    return ListenAddress(host, port)


class Acceptor:
    """Give every connection a protocol, until `close`. Owns the sockets."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        connect: Callable[[], asyncio.BaseProtocol],
        tls_options: dict[str, Any],
    ) -> None:
        """Take listening sockets, what makes a protocol, and TLS options of the event loop; begin at once."""
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._connect = connect
        self._tls_options = tls_options
        self._beginning: set[asyncio.Task[None]] = set()
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster, or the client has left
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            logger.warning("cannot_accept", error=error.strerror)
            self._loop.remove_reader(listening)
            self._loop.call_later(_EXHAUSTED_PAUSE_S, self._resume, listening)
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    async def _begin(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client has left, or its TLS was none
            await self._loop.connect_accepted_socket(self._connect, connection, **self._tls_options)

    def close(self) -> None:
        """Take no more connections; those that are there stay."""
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
