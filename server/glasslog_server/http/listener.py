"""Listen on an address, and hold connections to their bounds.

How many there are, how long one is idle, how large a request's head is, how long an answer takes to be read.

What is no HTTP at all never reaches a handler; it gets a problem document here. A client that closes its half of a
connection has left: a body that is whole by then is dealt with, an answer may not reach it.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final, Self, cast

from aiohttp import HttpVersion10, hdrs, web

from glasslog_server.addresses import ListenAddress
from glasslog_server.errors import HttpSyntaxError, OverloadedError, ServerError
from glasslog_server.http.acceptor import Acceptor, address_of, bind
from glasslog_server.http.frame import PUBLIC_HEADERS
from glasslog_server.http.problems import code_of, respond
from glasslog_server.http.settings import (
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    REQUEST_LINE_BYTES_MAX,
    RETRY_AFTER_S,
    HttpSettings,
)
from glasslog_server.metrics import Metrics

_TLS_HANDSHAKE_S: Final = 10.0
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n" + f"Retry-After: {RETRY_AFTER_S}\r\n\r\n".encode()
)


class _Bounds:
    """Count what the connections of one listener take together: places, and bytes of answers being sent."""

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self.open = 0
        self.answers_bytes = 0
        self.draining = False
        self._emptied = asyncio.Event()

    @property
    def are_reached(self) -> bool:
        return self.open >= self.settings.connections_max

    def opened(self) -> None:
        self.open += 1

    def closed(self) -> None:
        self.open -= 1
        if not self.open:
            self._emptied.set()

    async def drain(self) -> None:
        """Let every answer be the last of its connection, and wait until none is left."""
        self.draining = True
        while self.open:
            self._emptied.clear()
            await self._emptied.wait()


class _Connection(web.RequestHandler):
    """An HTTP connection within the bounds."""

    __slots__ = ("_bounds", "_metrics")

    def __init__(self, manager: web.Server, bounds: _Bounds, metrics: Metrics) -> None:
        settings = bounds.settings
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=settings.idle_s,  # also what a request's head may take to arrive
            lingering_time=settings.linger_s,
            access_log=None,  # type: ignore[arg-type]  # None is how aiohttp is told not to keep one
            max_line_size=REQUEST_LINE_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
            auto_decompress=False,
        )
        self._bounds = bounds
        self._metrics = metrics

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._bounds.opened()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._bounds.closed()
        super().connection_lost(exc)

    def force_close(self) -> None:
        """Close without waiting for more than what is on its way: a client that does not read loses that too."""
        transport = self.transport
        super().force_close()
        if transport is not None and transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(self._bounds.settings.linger_s, transport.abort)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer within its time, or break the connection; refuse to hold more answers than memory is for."""
        if request.version < HttpVersion10:  # a line without a version, which is no HTTP that anybody speaks today
            return self._close_unanswered(resp)
        bounds = self._bounds
        if bounds.draining:
            resp.force_close()
        size = len(resp.body) if isinstance(resp, web.Response) and isinstance(resp.body, bytes) else 0
        if size and bounds.answers_bytes + size > bounds.settings.answers_bytes_max:
            resp, size = self._problem(request, OverloadedError("too many answers are being sent")), 0
        bounds.answers_bytes += size
        transport = self.transport
        try:
            async with asyncio.timeout(bounds.settings.answer_s):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            self._metrics.answer_abandoned()
            if transport is not None:
                transport.abort()
            return resp, True
        finally:
            bounds.answers_bytes -= size

    def _close_unanswered(self, resp: web.StreamResponse) -> tuple[web.StreamResponse, bool]:
        """Break the connection: there is no form in which this client could be told anything."""
        self._metrics.problem(HttpSyntaxError.code)
        if self.transport is not None:
            self.transport.abort()
        return resp, True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no handler can: bytes that are no request. What they were is neither told nor logged."""
        del exc, message
        if status == web.HTTPBadRequest.status_code:
            msg = "expected an HTTP/1.1 request whose head is within the limits, got other bytes"
            return self._problem(request, HttpSyntaxError(msg))
        return self._problem(request, ServerError("expected an answer, got none"))

    def _problem(self, request: web.BaseRequest, error: Exception) -> web.Response:
        """Return the last answer on this connection."""
        self._metrics.problem(code_of(error))
        response = respond(error, request.headers.get(hdrs.ACCEPT, ""))
        response.headers.update(PUBLIC_HEADERS)
        response.force_close()
        return response


class _Refusal(asyncio.Protocol):
    """A connection that is one too many: it is told so and closed, before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).write(_FULL)  # uvloop's transports are no subclass
        transport.close()


class Listener:
    """Serve one application on one address until `close`.

    `address` is what is listened on, with the port that was taken.
    """

    def __init__(self, runner: web.AppRunner, acceptor: Acceptor, bounds: _Bounds, address: ListenAddress) -> None:
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
    ) -> Self:
        """Take connections from sockets that listen already, perhaps beside other processes."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_timeout_s)
        await runner.setup()
        manager = runner.server
        bounds = _Bounds(settings)

        def connect() -> asyncio.BaseProtocol:
            if bounds.are_reached or manager is None:
                metrics.connection_refused()
                return _Refusal()
            return _Connection(manager, bounds, metrics)

        tls_options: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": _TLS_HANDSHAKE_S} if tls else {}
        address = address_of(sockets[0])
        return cls(runner, Acceptor(sockets, connect, tls_options), bounds, address)

    @property
    def connections_open(self) -> int:
        """Return how many connections there are."""
        return self._bounds.open

    async def drain(self) -> None:
        """Take no more connections, and wait until those that are there have ended.

        Each is told with its next answer that it is its last; one that asks for nothing ends when it was idle for as
        long as it may. So no request is refused, and none meets a connection that has just been closed.
        """
        self._acceptor.close()
        await self._bounds.drain()

    async def close(self) -> None:
        """Take no more connections, wait for the requests under way as long as was given, and close."""
        self._acceptor.close()
        await self._runner.cleanup()
