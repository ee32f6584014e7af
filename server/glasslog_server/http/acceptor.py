"""Take connections from sockets that several processes may listen on.

A socket that is shared has one queue: what waits in it when a process ends is taken by the others. The system wakes
whoever it likes, and of several that are idle mostly the same; so a process that has more connections than another
leaves the next one to others (`connection_table.Share`): it looks away for a moment, and looks again. Who shows no sign
of life meanwhile is not waited for. Each process takes one connection a turn of its event loop.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from glasslog_server.addresses import ListenAddress
from glasslog_server.errors import ListenError
from glasslog_server.http.connection_table import Share

_BACKLOG: Final = 1_024
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_EXHAUSTED_PAUSE_S: Final = 1.0
LEAVING_S: Final = 0.001
"""For so long a process looks away from a connection that is for others."""
PATIENCE_S: Final = 0.2
"""So long it goes on doing that while nobody takes one: longer than a process that lives has its hands full."""

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
        share: Share | None = None,
    ) -> None:
        """Take listening sockets, what makes a protocol, and TLS options of the event loop; begin at once.

        `share` is where connections are counted, and given up when they do not come to have a protocol; whoever makes
        the protocols counts them out when they end. Without it every connection is taken.
        """
        self._loop = asyncio.get_running_loop()
        self._sockets = list(sockets)
        self._connect = connect
        self._tls_options = tls_options
        self._share = share
        self._beginning: set[asyncio.Task[None]] = set()
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        share = self._share
        if share is not None and share.is_for_others(self._loop.time(), PATIENCE_S):
            self._look_away(listening, LEAVING_S)
            return
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            if share is not None:
                share.missed()
            return  # another process was faster, or the client has left
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            logger.warning("cannot_accept", error=error.strerror)
            self._look_away(listening, _EXHAUSTED_PAUSE_S)
            return
        if share is not None:
            share.took()
        connection.setblocking(False)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def _look_away(self, listening: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listening)
        self._loop.call_later(seconds, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connect, connection, **self._tls_options)
        except OSError:  # the client has left, or its TLS was none
            if self._share is not None:
                self._share.lost()

    def close(self) -> None:
        """Take no more connections; those that are there stay."""
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        if self._share is not None:
            self._share.leave()
