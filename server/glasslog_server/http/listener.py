"""Listen on an address, and hold connections to their bounds.

How many there are, how long one is idle, how large a request's head is, how long an answer takes to be read.

What is no HTTP at all never reaches a handler; it gets a problem document here. A client that closes its half of a
connection has left: a body that is whole by then is dealt with, an answer may not reach it.
"""

import asyncio
import ssl
from typing import Any, Final, Self

from aiohttp import HttpVersion10, hdrs, web

from glasslog_server.addresses import ListenAddress
from glasslog_server.errors import HttpSyntaxError, ListenError, OverloadedError, ServerError
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

_BACKLOG: Final = 1_024
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

    @property
    def are_reached(self) -> bool:
        return self.open >= self.settings.connections_max


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
        self._bounds.open += 1
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._bounds.open -= 1
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
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()


class Listener:
    """Serve one application on one address until `close`.

    `address` is what is listened on, with the port that was taken.
    """

    def __init__(self, runner: web.AppRunner, server: asyncio.Server, bounds: _Bounds) -> None:
        """Take what is running; use `start`."""
        self._runner = runner
        self._server = server
        self._bounds = bounds
        host, port, *_ = server.sockets[0].getsockname()
        self.address = ListenAddress(host, port)

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
        try:
            server = await asyncio.get_running_loop().create_server(
                connect, address.host, address.port, backlog=_BACKLOG, **tls_options
            )
        except OSError as error:
            await runner.cleanup()
            msg = f"cannot listen on {address}: {error.strerror or error}"
            raise ListenError(msg) from error
        return cls(runner, server, bounds)

    @property
    def connections_open(self) -> int:
        """Return how many connections there are."""
        return self._bounds.open

    async def close(self) -> None:
        """Take no more connections, wait for the requests under way as long as was given, and close."""
        self._server.close()
        await self._runner.cleanup()
