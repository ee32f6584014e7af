"""Hand out every tree head that the log has kept: when it signed which tree.

    GET /heads?start=<size>&limit=<n>

The heads of size `start` and above, ascending, as a CBOR sequence of `glasslog.heads`. From them an auditor knows the
log's time of the first head that covers an entry. Heads are never removed and none is added between two others, so a
page that is full never changes; one that is not will grow.
"""

from typing import Final

from aiohttp import hdrs, web

from glasslog.heads import HEADS_MEDIA_TYPE, KeptHead, encode_heads
from glasslog.limits import HEADS_PAGE_MAX
from glasslog.merkle import TreeSize
from glasslog_server.errors import ParameterError
from glasslog_server.http.queries import decimal, only
from glasslog_server.http.routes import BINARY, IMMUTABLE, INDEX, NO_CACHE, Answer, Parameter, Route, Schema
from glasslog_server.http.service import Service

_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": HEADS_PAGE_MAX, "default": HEADS_PAGE_MAX}


class Heads:
    """Handle `/heads`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def heads(self, request: web.Request) -> web.Response:
        """Return a page of kept heads; an empty one when there is none of this size or above."""
        only(request, "start", "limit")
        start = TreeSize(decimal(request.query.get("start", "0"), "start"))
        limit = decimal(request.query.get("limit", str(HEADS_PAGE_MAX)), "limit", HEADS_PAGE_MAX)
        if limit == 0:
            msg = f"expected a limit from 1 to {HEADS_PAGE_MAX}"
            raise ParameterError(msg)
        page = await self._service.log.reader.heads(start, limit)
        kept = (KeptHead(head.size, head.root, head.receipt_protected, head.receipt_signature) for head in page)
        caching = IMMUTABLE if len(page) == limit else NO_CACHE
        return web.Response(
            body=encode_heads(kept), content_type=HEADS_MEDIA_TYPE, headers={hdrs.CACHE_CONTROL: caching}
        )

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route(
                "GET",
                "/heads",
                "readHeads",
                "Read the tree heads that the log has signed, in order",
                self.heads,
                parameters=(
                    Parameter("start", "query", "The smallest tree size wanted.", INDEX, required=False),
                    Parameter("limit", "query", "How many heads a page holds.", _LIMIT, required=False),
                ),
                answers=(Answer(200, "A CBOR sequence of [size, root, protected, signature].", _CONTENT),),
                problems=(ParameterError,),
            )
        ]


_CONTENT: Final[dict[str, Schema]] = {HEADS_MEDIA_TYPE: BINARY}
