"""What is around every handler: errors become problem documents, every answer is counted, browsers may read it.

The only middleware of both sides. Nothing about a request is logged but that it failed by our fault.
"""

import time
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from glasslog_server.errors import (
    BrokenBodyError,
    CredentialsError,
    HttpSyntaxError,
    MethodError,
    NotFoundError,
    SlowBodyError,
)
from glasslog_server.http.bodies import EXPECT_CONTINUE
from glasslog_server.http.negotiation import accept_of
from glasslog_server.http.problems import CODE_HEADER, code_of, respond
from glasslog_server.metrics import Metrics

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_UNMATCHED: Final = "unmatched"
_ALWAYS: Final[Mapping[str, str]] = {
    hdrs.SERVER: "glasslog-server",
    "X-Content-Type-Options": "nosniff",  # statements hold what others have written
}
_PUBLIC: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: f"Location, Retry-After, {CODE_HEADER}",
}
PUBLIC_HEADERS: Final[Mapping[str, str]] = {**_ALWAYS, **_PUBLIC}
"""What every answer of the public side carries."""
_PREFLIGHT: Final[Mapping[str, str]] = {
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Accept, Authorization, Content-Type",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}


class Frame:
    """Make the middleware of one side. The public side may be read by pages of any origin."""

    def __init__(self, metrics: Metrics, *, public: bool) -> None:
        self._metrics = metrics
        self._headers = PUBLIC_HEADERS if public else _ALWAYS

    @web.middleware
    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer one request, whatever happens in its handler."""
        started = time.perf_counter()
        try:
            response = await handler(request)
        except web.HTTPMethodNotAllowed as error:
            response = self._other_method(request, error)
        except web.HTTPNotFound:
            response = self._problem(request, NotFoundError("expected the path of a resource of this log, got another"))
        except Exception as error:  # noqa: BLE001 (a request must never end without an answer)
            response = self._problem(request, error)
        response.headers.update(self._headers)
        self._count(request, response.status, time.perf_counter() - started)
        return response

    async def check_expectation(self, request: web.Request) -> web.StreamResponse | None:
        """Refuse a request that expects what nobody knows. To go on with a body is said when it is about to be read."""
        if request.headers[hdrs.EXPECT].lower() == EXPECT_CONTINUE:
            return None
        response = self._problem(
            request, HttpSyntaxError(f"expected no expectation but {EXPECT_CONTINUE}, got another")
        )
        response.headers.update(self._headers)
        return response

    def _problem(self, request: web.Request, error: Exception) -> web.Response:
        self._metrics.problem(code_of(error))
        response = respond(error, accept_of(request.headers))
        if isinstance(error, CredentialsError):
            response.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="entries"'
        if isinstance(error, SlowBodyError | BrokenBodyError):
            response.force_close()
        return response

    def _other_method(self, request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
        """Answer OPTIONS, for which no handler is needed, and refuse every other method with those that there are."""
        allowed = ", ".join(sorted({*error.allowed_methods, hdrs.METH_OPTIONS}))
        if request.method == hdrs.METH_OPTIONS:
            response = web.Response(status=204, headers=_PREFLIGHT)
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = allowed
        else:
            response = self._problem(request, MethodError(f"expected one of the methods {allowed}"))
        response.headers[hdrs.ALLOW] = allowed
        return response

    def _count(self, request: web.Request, status: int, seconds: float) -> None:
        resource = request.match_info.route.resource
        route = _UNMATCHED if resource is None else resource.canonical
        method = request.method if request.method in _METHODS else "other"
        self._metrics.request_done(route, method, status, seconds)
