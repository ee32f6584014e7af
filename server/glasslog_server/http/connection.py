"""An HTTP connection within bounds, with two ways for its requests: aiohttp's, and the direct one of `http.direct`.

A connection begins on the direct way and stays on it as long as each of its requests is one for it; with the first that
is not, it goes to aiohttp for good, with all that has come. Here, too, are the bounds that aiohttp does not know: how
long an answer may take to be read, how many bytes of answers are held. What is no HTTP at all gets its problem document
here; what it was is neither told nor logged.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from aiohttp import HttpVersion10, hdrs, web

from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog_server.errors import BrokenBodyError, HttpSyntaxError, OverloadedError, ServerError
from glasslog_server.http.direct import HEAD_BYTES_MAX, DirectRegistration
from glasslog_server.http.frame import PUBLIC_HEADERS
from glasslog_server.http.problems import code_of, respond
from glasslog_server.http.settings import HEADER_BYTES_MAX, HEADERS_MAX, REQUEST_LINE_BYTES_MAX, HttpSettings
from glasslog_server.metrics import Metrics

DIRECT_PATIENCE_S: Final = 0.05
"""How long a body may lag behind its head on the direct way; then aiohttp, which has limits for that, takes over."""
DIRECT_BYTES_MAX: Final = 2 * (HEAD_BYTES_MAX + STATEMENT_BYTES_MAX)  # held of requests that follow on a connection


class Bounds:
    """Count what the connections of one listener take together: places, and bytes of answers being sent."""

    def __init__(self, settings: HttpSettings, on_closed: Callable[[], None] | None = None) -> None:
        self.settings = settings
        self.open = 0
        self._on_closed = on_closed
        self.answers_bytes = 0
        self.draining = False
        self._emptied = asyncio.Event()

    @property
    def are_reached(self) -> bool:
        """Return whether there is no place for another connection."""
        return self.open >= self.settings.connections_max

    def opened(self) -> None:
        """Count a connection."""
        self.open += 1

    def closed(self) -> None:
        """Count a connection no more."""
        self.open -= 1
        if self._on_closed is not None:
            self._on_closed()
        if not self.open:
            self._emptied.set()

    async def drain(self) -> None:
        """Let every answer be the last of its connection, and wait until none is left."""
        self.draining = True
        while self.open:
            self._emptied.clear()
            await self._emptied.wait()


class Connection(web.RequestHandler):
    """An HTTP connection within the bounds."""

    __slots__ = ("_answered", "_bounds", "_direct", "_held", "_metrics", "_patience", "_under_way")

    def __init__(
        self, manager: web.Server, bounds: Bounds, metrics: Metrics, direct: DirectRegistration | None
    ) -> None:
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
        # The direct way (`http.direct`), None once this connection has left it for good.
        self._direct = direct
        self._under_way = False
        self._answered: asyncio.Future[None] | None = None  # what `shutdown` waits for
        self._held = b""
        self._patience: asyncio.TimerHandle | None = None

    # The direct way.

    def data_received(self, data: bytes) -> None:
        """Take a request for which there is the direct way; give everything else to aiohttp."""
        direct = self._direct
        if direct is None:
            super().data_received(data)
            return
        held = self._held = self._held + data if self._held else data
        if self._under_way:  # the next request, before this one is answered
            if len(held) > DIRECT_BYTES_MAX and self.transport is not None:
                cast("asyncio.ReadTransport", self.transport).pause_reading()
            return
        start = held.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX) + 4
        head = direct.head_of(held[: start - 4]) if start >= 4 and self._may_go_on else None  # noqa: PLR2004
        if head is None or not direct.has_room(head.length):
            self._leave_direct_way()
            return
        end = start + head.length
        if len(held) < end:
            if self._patience is None:
                self._patience = self._loop.call_later(DIRECT_PATIENCE_S, self._leave_direct_way)
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._held = held[end:]
        self._under_way = True
        direct.register(self, head, held[start:end])

    @property
    def _may_go_on(self) -> bool:
        """Return whether the next request may go the direct way: the connection is open, its last answer is taken."""
        transport = self.transport
        if transport is None or self._force_close or transport.is_closing():
            return False
        return not transport.get_write_buffer_size()

    def _leave_direct_way(self) -> None:
        """Give this connection to aiohttp, with what has come of its next request."""
        if self._patience is not None:
            self._patience.cancel()
        held, self._held, self._direct, self._patience = self._held, b"", None, None
        if held and not self._under_way:
            super().data_received(held)

    @property
    def is_last(self) -> bool:
        """Return whether the connection ends with the answer under way."""
        return self._bounds.draining or self._force_close

    def answer(self, data: bytes) -> None:
        """Send the answer of the direct request under way; then look at what else has come."""
        self._under_way = False
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if self.is_last:
            self.close()
            transport.close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._bounds.settings.idle_s
        if self._held:
            if not transport.is_reading():
                transport.resume_reading()
            self.data_received(b"")

    def _process_keepalive(self) -> None:
        """Close an idle connection; one with a direct request under way is none."""
        if self._under_way:
            self._keepalive_handle = self._loop.call_later(self._bounds.settings.idle_s, self._process_keepalive)
        else:
            super()._process_keepalive()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 (aiohttp's own signature)
        """Let the request under way be answered, whichever way it goes, and close."""
        if self._under_way:
            self._force_close = True  # its answer is the last
            self._answered = self._loop.create_future()
            await asyncio.wait([self._answered], timeout=timeout)
        await super().shutdown(timeout)

    # Aiohttp's way.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place."""
        self._bounds.opened()
        self._metrics.connection_opened()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave the place."""
        self._bounds.closed()
        self._metrics.connection_closed()
        if self._patience is not None:
            self._patience.cancel()
        self._direct, self._held, self._patience = None, b"", None
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Count a request that will not be whole; the client has left, so there is nobody to answer."""
        if self._held and not self._under_way:
            self._held = b""
            self._metrics.problem(BrokenBodyError.code)
        super().eof_received()

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
