"""The operator's side: metrics, health, readiness. On an address of its own, without passwords or TLS."""

from aiohttp import hdrs, web

from glasslog_server.http.app import register
from glasslog_server.http.frame import Frame
from glasslog_server.http.health import Health
from glasslog_server.http.negotiation import accept_of
from glasslog_server.http.routes import TEXT, Answer, Route
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics


def build_admin_app(log: Log, metrics: Metrics) -> web.Application:
    """Return the operator's side of a log; from now on `metrics` asks `log` for its head and readiness."""
    metrics.watch(lambda: log.head, log.sequencer.check_ready)

    async def read_metrics(request: web.Request) -> web.Response:
        body, content_type = metrics.exposition(accept_of(request.headers))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"})

    route = Route(
        "GET",
        "/metrics",
        "readMetrics",
        "Read all metrics (Prometheus)",
        read_metrics,
        answers=(Answer(200, "The text format.", {"text/plain": TEXT}),),
    )
    return register([route, *Health(log, public=False).routes()], Frame(metrics, public=False))
