"""Listen on an address: give each connection its protocol, or refuse it when there are too many.

A client that closes its half of a connection has left: a body that is whole by then is dealt with, an answer may not
reach it.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final, Self, cast

from aiohttp import web

from glasslog_server.addresses import ListenAddress
from glasslog_server.http.acceptor import Acceptor, address_of, bind
from glasslog_server.http.connection import Bounds, Connection
from glasslog_server.http.connection_table import Share
from glasslog_server.http.direct import DIRECT
from glasslog_server.http.settings import RETRY_AFTER_S, HttpSettings
from glasslog_server.metrics import Metrics

_TLS_HANDSHAKE_S: Final = 10.0
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n" + f"Retry-After: {RETRY_AFTER_S}\r\n\r\n".encode()
)


class _Refusal(asyncio.Protocol):
    """A connection that is one too many: it is told so and closed, before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).write(_FULL)  # uvloop's transports are no subclass
        transport.close()


class Listener:
    """Serve one application on one address until `close`.

    `address` is what is listened on, with the port that was taken.
    """

    def __init__(self, runner: web.AppRunner, acceptor: Acceptor, bounds: Bounds, address: ListenAddress) -> None:
        """Take what is running; use `start` or `start_on`."""
        self._runner = runner
        self._acceptor = acceptor
        self._bounds = bounds
        self.address = address

    @classmethod
    async def start(
        cls,
        app: web.Application,
        address: ListenAddress,
        metrics: Metrics,
        settings: HttpSettings,
        *,
        tls: ssl.SSLContext | None = None,
        shutdown_timeout_s: float = 10.0,
    ) -> Self:
        """Listen on `address`. Raises ListenError."""
        return await cls.start_on(app, bind(address), metrics, settings, tls=tls, shutdown_timeout_s=shutdown_timeout_s)

    @classmethod
    async def start_on(
        cls,
        app: web.Application,
        sockets: Sequence[socket.socket],
        metrics: Metrics,
        settings: HttpSettings,
        *,
        tls: ssl.SSLContext | None = None,
        shutdown_timeout_s: float = 10.0,
        share: Share | None = None,
    ) -> Self:
        """Take connections from sockets that listen already, perhaps beside other processes: then with a `share`."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout_s)
        await runner.setup()
        manager = runner.server
        bounds = Bounds(settings, share.lost if share is not None else None)
        direct = app.get(DIRECT)

        def connect() -> asyncio.BaseProtocol:
            if bounds.are_reached or manager is None:
                metrics.connection_refused()
                if share is not None:
                    share.lost()
                return _Refusal()
            return Connection(manager, bounds, metrics, direct)

        tls_options: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": _TLS_HANDSHAKE_S} if tls else {}
        address = address_of(sockets[0])
        return cls(runner, Acceptor(sockets, connect, tls_options, share), bounds, address)

    @property
    def connections_open(self) -> int:
        """Return how many connections there are."""
        return self._bounds.open

    def take_no_more(self) -> None:
        """Take no more connections; those that are there stay."""
        self._acceptor.close()

    async def drain(self) -> None:
        """Take no more connections, and wait until those that are there have ended.

        Each is told with its next answer that it is its last; one that asks for nothing ends when it was idle for as
        long as it may. So no request is refused, and none meets a connection that has just been closed.
        """
        self.take_no_more()
        await self._bounds.drain()

    async def close(self) -> None:
        """Take no more connections, wait for the requests under way as long as was given, and close."""
        self.take_no_more()
        await self._runner.cleanup()
