"""The static read API: the checkpoint, hash tiles and entry bundles (C2SP tlog-tiles).

    GET /checkpoint                      the newest signed tree head, a note
    GET /tile/<L>/<N>[.p/<W>]            hashes
    GET /tile/entries/<N>[.p/<W>]        entries

What is not published is 404 and nothing else, because clients fall back from a partial tile to the full one on that
alone. A partial tile stays served when it has grown. A tile has one path: every other spelling is 404 too.
"""

import asyncio
import gzip
from typing import Final

from aiohttp import hdrs, web

from glasslog.errors import MalformedError
from glasslog.tiles import BundleId, parse_tile_path
from glasslog_server.errors import AccessError, CredentialsError, NotFoundError
from glasslog_server.http.negotiation import accepts_gzip
from glasslog_server.http.queries import raw_path
from glasslog_server.http.routes import BINARY, IMMUTABLE, IMMUTABLE_PRIVATE, NO_CACHE, TEXT, Answer, Parameter, Route
from glasslog_server.http.service import Service

NOTE: Final = "text/plain"
TILE: Final = "application/octet-stream"

_GZIP_LEVEL: Final = 1  # 20 times faster than 9, and the entries are mostly digests
_GZIP_BYTES_MIN: Final = 1_024


class Tiles:
    """Handle `/checkpoint` and `/tile`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def checkpoint(self, _request: web.Request) -> web.Response:
        """Return the published checkpoint, verbatim."""
        return web.Response(
            body=self._service.log.head.note,
            content_type=NOTE,
            charset="utf-8",
            headers={hdrs.CACHE_CONTROL: NO_CACHE},
        )

    async def tile(self, request: web.Request) -> web.Response:
        """Return a hash tile or an entry bundle."""
        try:
            tile, width = parse_tile_path(raw_path(request)[1:])
        except MalformedError as error:
            raise NotFoundError(str(error)) from error
        if isinstance(tile, BundleId):
            return await self._bundle(request, tile, width)
        body = await self._service.log.reader.tile(tile, width)
        return web.Response(body=body, content_type=TILE, headers={hdrs.CACHE_CONTROL: IMMUTABLE})

    async def _bundle(self, request: web.Request, bundle: BundleId, width: int) -> web.Response:
        access = self._service.access
        access.grant(request).check_everything()
        body = await self._service.log.reader.entry_bundle(bundle, width)
        headers = {
            hdrs.CACHE_CONTROL: IMMUTABLE_PRIVATE if access.restricted else IMMUTABLE,
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        if len(body) >= _GZIP_BYTES_MIN and accepts_gzip(request.headers):
            body = await asyncio.to_thread(
                gzip.compress, body, _GZIP_LEVEL, mtime=0
            )  # which lets go of the interpreter
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, content_type=TILE, headers=headers)

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        index = Parameter(
            "index",
            "path",
            "Groups of three digits, all but the last prefixed with x: 005, x001/x234/067; `.p/<width>` behind it "
            "for a partial tile. The slashes are part of the path.",
            {"type": "string", "pattern": r"^(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"},
        )
        level = Parameter("level", "path", "The level of the tile.", {"type": "integer", "minimum": 0, "maximum": 63})
        return [
            Route(
                "GET",
                "/checkpoint",
                "readCheckpoint",
                "Read the newest signed tree head (C2SP tlog-checkpoint)",
                self.checkpoint,
                answers=(Answer(200, "A signed note.", {f"{NOTE}; charset=utf-8": TEXT}),),
            ),
            Route(
                "GET",
                "/tile/entries/{index}",
                "readEntryBundle",
                "Read up to 256 entries (C2SP tlog-tiles)",
                self.tile,
                parameters=(index,),
                answers=(Answer(200, "Entries, each behind its length in 16 bits.", {TILE: BINARY}),),
                problems=(CredentialsError, AccessError, NotFoundError),
                needs_token=True,
                pattern=r"/tile/entries/{index:.+}",
            ),
            Route(
                "GET",
                "/tile/{level}/{index}",
                "readTile",
                "Read up to 256 hashes of the tree (C2SP tlog-tiles)",
                self.tile,
                parameters=(level, index),
                answers=(Answer(200, "Hashes of 32 bytes each.", {TILE: BINARY}),),
                problems=(NotFoundError,),
                pattern=r"/tile/{level}/{index:.+}",
            ),
        ]
