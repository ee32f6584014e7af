"""Put the public side together: the handlers, their routes, the frame around them."""

from typing import Final

from aiohttp import web

from glasslog_server.http.decisions import Decisions
from glasslog_server.http.direct import DIRECT, DirectRegistration
from glasslog_server.http.documents import respond_json
from glasslog_server.http.entries import Entries
from glasslog_server.http.frame import Frame
from glasslog_server.http.heads import Heads
from glasslog_server.http.health import Health
from glasslog_server.http.negotiation import JSON
from glasslog_server.http.openapi import describe
from glasslog_server.http.proofs import Proofs
from glasslog_server.http.routes import Answer, Route
from glasslog_server.http.service import Service
from glasslog_server.http.tiles import Tiles
from glasslog_server.http.well_known import WellKnown

_MINUTES: Final = "public, max-age=300"


def build_app(service: Service) -> web.Application:
    """Return the public side of a log."""
    entries = Entries(service)
    app = register(public_routes(service, entries), Frame(service.metrics, public=True))
    app[DIRECT] = DirectRegistration(service, entries.registration)
    return app


def public_routes(service: Service, entries: Entries | None = None) -> list[Route]:
    """Return every route of the public side, the description of them all included."""
    routes = [
        *(entries or Entries(service)).routes(),
        *Tiles(service).routes(),
        *Proofs(service).routes(),
        *Heads(service).routes(),
        *Decisions(service).routes(),
        *WellKnown(service).routes(),
        *Health(service.log, public=True).routes(),
    ]
    return [*routes, _description_of(routes)]


def register(routes: list[Route], frame: Frame) -> web.Application:
    """Return an application that serves routes within a frame. GET answers HEAD too."""
    app = web.Application(middlewares=[frame.__call__])
    for route in routes:
        pattern = route.pattern or route.path
        if route.method == "GET":
            app.router.add_get(pattern, route.handler, expect_handler=frame.check_expectation)
        else:
            app.router.add_route(route.method, pattern, route.handler, expect_handler=frame.check_expectation)
    return app


def _description_of(routes: list[Route]) -> Route:
    async def read(_request: web.Request) -> web.Response:
        return respond_json(document, _MINUTES)

    own = Route(
        "GET",
        "/openapi.json",
        "describeInterface",
        "Describe this interface (OpenAPI 3.1)",
        read,
        answers=(Answer(200, "This document.", {JSON: {"type": "object"}}),),
    )
    document = describe([*routes, own])
    return own
