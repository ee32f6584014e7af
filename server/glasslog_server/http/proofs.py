"""Proofs between any published sizes, for those who do not want to compute them from tiles.

    GET /proofs/inclusion/<index>/<size>
    GET /proofs/consistency/<size1>/<size2>

JSON with the path in base64, or, for a size at which the log has signed a tree head, a COSE receipt by
`Accept: application/cose` (RFC 9942). They never change, so they may be cached for ever.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import hdrs, web

from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog_server.errors import NotAcceptableError, NotFoundError, ParameterError, TreeRangeError
from glasslog_server.http.documents import JSON, respond_json
from glasslog_server.http.negotiation import accept_of, choose
from glasslog_server.http.queries import decimal, only
from glasslog_server.http.routes import BINARY, HASH, IMMUTABLE, INDEX, Answer, Parameter, Route, Schema
from glasslog_server.http.service import Service
from glasslog_server.reader import RECEIPT_SIZE_MIN

COSE: Final = "application/cose"
_OFFERS: Final = (JSON, COSE)
_PATH: Final[Schema] = {"type": "array", "items": HASH, "maxItems": 64}


class Proofs:
    """Handle `/proofs`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def inclusion(self, request: web.Request) -> web.Response:
        """Return the inclusion path of an index in the tree of a size."""
        only(request)
        index = LeafIndex(decimal(request.match_info["index"], "the index"))
        size = TreeSize(decimal(request.match_info["size"], "the size"))
        reader = self._service.log.reader
        if _wants_receipt(request):
            head = await reader.head_of_size(size)
            if head is None or size < RECEIPT_SIZE_MIN:
                raise _no_head(size)
            [receipt] = await reader.receipts_at(head, [index])
            return _receipt(receipt)
        path = await reader.inclusion_path(index, size)
        return _document({"index": index, "size": size}, path)

    async def consistency(self, request: web.Request) -> web.Response:
        """Return the consistency path between two sizes."""
        only(request)
        size1 = TreeSize(decimal(request.match_info["size1"], "the older size"))
        size2 = TreeSize(decimal(request.match_info["size2"], "the newer size"))
        reader = self._service.log.reader
        if _wants_receipt(request):
            receipt = await reader.consistency_receipt(size1, size2) if size1 else None
            if receipt is None:
                raise _no_head(size2)
            return _receipt(receipt)
        path = await reader.consistency_path(size1, size2)
        return _document({"size1": size1, "size2": size2}, path)

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        problems = (ParameterError, TreeRangeError, NotFoundError, NotAcceptableError)
        return [
            Route(
                "GET",
                "/proofs/inclusion/{index}/{size}",
                "proveInclusion",
                "Prove that an entry is in the tree of a size",
                self.inclusion,
                parameters=(_number("index", "The entry's index."), _number("size", "A published tree size.")),
                answers=(Answer(200, "The path, the leaf's sibling first.", _content("index", "size")),),
                problems=problems,
            ),
            Route(
                "GET",
                "/proofs/consistency/{size1}/{size2}",
                "proveConsistency",
                "Prove that the tree of one size is a prefix of the tree of another",
                self.consistency,
                parameters=(_number("size1", "The older tree size."), _number("size2", "The newer, published one.")),
                answers=(
                    Answer(200, "The path; empty from size 0 and between equal sizes.", _content("size1", "size2")),
                ),
                problems=problems,
            ),
        ]


def _wants_receipt(request: web.Request) -> bool:
    chosen = choose(accept_of(request.headers), _OFFERS)
    if chosen is None:
        msg = f"expected a client that accepts {JSON} or {COSE}"
        raise NotAcceptableError(msg)
    return chosen == COSE


def _no_head(size: TreeSize) -> NotFoundError:
    msg = f"expected sizes of which this log has signed a receipt, got {size}: as JSON there is a proof for every size"
    return NotFoundError(msg)


def _receipt(receipt: bytes) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: IMMUTABLE, hdrs.VARY: hdrs.ACCEPT}
    return web.Response(body=receipt, content_type=COSE, headers=headers)


def _document(names: dict[str, Any], path: Sequence[Hash]) -> web.Response:
    encoded = [base64.b64encode(element).decode() for element in path]
    response = respond_json({**names, "path": encoded}, IMMUTABLE)
    response.headers[hdrs.VARY] = hdrs.ACCEPT
    return response


def _number(name: str, description: str) -> Parameter:
    return Parameter(name, "path", description, INDEX)


def _content(*names: str) -> dict[str, Schema]:
    properties = {**dict.fromkeys(names, INDEX), "path": _PATH}
    return {JSON: {"type": "object", "properties": properties, "required": list(properties)}, COSE: BINARY}
