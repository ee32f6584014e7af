"""Tell whether the process lives and whether the log does its work.

GET /healthz    200 while the event loop runs: restart the process when it does not answer
GET /readyz     200 when statements are taken and answered in time, else 503 with the reason: send nothing here
"""

from aiohttp import web

from glasslog_server.errors import StoppingError, UnavailableError
from glasslog_server.http.documents import JSON, respond_json
from glasslog_server.http.routes import Answer, Route
from glasslog_server.served_log import ServedLog


class Health:
    """Handle `/healthz` and `/readyz`, on the public side and on the operator's."""

    def __init__(self, log: ServedLog, *, public: bool) -> None:
        self._log = log
        self._public = public

    async def live(self, _request: web.Request) -> web.Response:
        """Say that the process lives."""
        return respond_json({"status": "alive"}, "no-store")

    async def ready(self, _request: web.Request) -> web.Response:
        """Say that the log is ready, or raise UnavailableError with the reason why not."""
        try:
            await self._log.check_ready()
        except UnavailableError as error:
            if not self._public:
                raise
            raise type(error)("the log does not take statements now") from error
        head = self._log.head
        return respond_json({"status": "ready", "tree_size": head.size, "checkpoint_time": head.time}, "no-store")

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        document = {"type": "object", "required": ["status"]}
        return [
            Route(
                "GET",
                "/healthz",
                "checkLife",
                "Check whether the process lives",
                self.live,
                answers=(Answer(200, "It lives.", {JSON: document}),),
            ),
            Route(
                "GET",
                "/readyz",
                "checkReadiness",
                "Check whether the log does its work",
                self.ready,
                answers=(Answer(200, "It does.", {JSON: document}),),
                problems=(UnavailableError, StoppingError),
            ),
        ]
