"""The operator's side: metrics, health, readiness, workers. On an address of its own, without passwords or TLS."""

from collections.abc import Callable

from aiohttp import hdrs, web

from glasslog_server.http.app import register
from glasslog_server.http.documents import JSON, respond_json
from glasslog_server.http.frame import Frame
from glasslog_server.http.health import Health
from glasslog_server.http.negotiation import accept_of
from glasslog_server.http.routes import TEXT, Answer, Route
from glasslog_server.link.sequencers_end import WorkerLinks
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.served_log import LocalLog
from glasslog_server.worker_metrics import merged_exposition


class Operated(LocalLog):
    """A log as its operator sees it: ready when its workers are, too, where it has them."""

    def __init__(self, log: Log, links: WorkerLinks | None) -> None:
        """Take an open log, and the workers that serve it; None where this process serves it."""
        super().__init__(log)
        self._check: Callable[[], None] = log.sequencer.check_ready if links is None else links.check_ready

    async def check_ready(self) -> None:
        """Raise UnavailableError with the reason when submissions would not be answered in time."""
        self._check()


def build_admin_app(log: Log, metrics: Metrics, links: WorkerLinks | None = None) -> web.Application:
    """Return the operator's side of a log; from now on `metrics` asks `log` for its head and readiness.

    `links` are the workers that serve it, None where this process does.
    """
    metrics.watch(lambda: log.head, log.sequencer.check_ready if links is None else links.check_ready)

    async def read_metrics(request: web.Request) -> web.Response:
        accept = accept_of(request.headers)
        exposition = metrics.exposition(accept) if links is None else await merged_exposition(metrics, links, accept)
        body, content_type = exposition
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"})

    async def read_workers(_request: web.Request) -> web.Response:
        workers = [] if links is None else links.workers
        told = [
            {"worker": link.hello.slot, "pid": link.hello.pid, "ready": link.ready, "under_way": link.entries_under_way}
            for link in workers
            if link.hello is not None
        ]
        return respond_json({"workers": told}, "no-store")

    routes = [
        Route(
            "GET",
            "/metrics",
            "readMetrics",
            "Read all metrics (Prometheus)",
            read_metrics,
            answers=(Answer(200, "The text format.", {"text/plain": TEXT}),),
        ),
        Route(
            "GET",
            "/workers",
            "listWorkers",
            "List the admission workers; none where one process does it all",
            read_workers,
            answers=(Answer(200, "The workers.", {JSON: {"type": "object", "required": ["workers"]}}),),
        ),
    ]
    return register([*routes, *Health(Operated(log, links), public=False).routes()], Frame(metrics, public=False))
