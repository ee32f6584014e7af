"""Find entries by what they are about: one decision, or a place in an issuer's stream.

    GET /decisions/<sub>                          the entries of one decision, `sub` percent-encoded
    GET /streams?issuer=&stream=&from=            the entries of one stream, by sequence number

Both come in pages: `next`, when it is there, is the `from` of the page that follows. With a token that opens some
issuers only, the entries of others are left out.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from glasslog.limits import URI_BYTES_MAX
from glasslog.merkle import LeafIndex
from glasslog.records.schema import token, uri
from glasslog_server.errors import AccessError, CredentialsError, ParameterError
from glasslog_server.http.access import Grant
from glasslog_server.http.documents import JSON, respond_json
from glasslog_server.http.queries import checked, decimal, decode_segment, limit_of, only, raw_path
from glasslog_server.http.routes import ENTRY_ID, INDEX, NO_CACHE, Answer, Parameter, Route, Schema
from glasslog_server.http.service import Service
from glasslog_server.http.settings import PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX
from glasslog_server.reader import LoggedEntry
from glasslog_server.storage.store import SEQ_MAX

_DECISIONS: Final = "/decisions/"
_LIMIT: Final = Parameter(
    "limit",
    "query",
    "How many entries a page holds.",
    {"type": "integer", "minimum": 1, "maximum": PAGE_ENTRIES_MAX, "default": PAGE_ENTRIES_DEFAULT},
    required=False,
)
_ENTRY: Final[dict[str, Schema]] = {"entry_id": ENTRY_ID, "index": INDEX}


class Decisions:
    """Handle `/decisions` and `/streams`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def decision(self, request: web.Request) -> web.Response:
        """Return the entries about one subject, by index."""
        only(request, "from", "limit")
        subject = checked(decode_segment(raw_path(request)[len(_DECISIONS) :], "the subject"), "the subject", uri)
        grant = self._service.access.grant(request)
        start = LeafIndex(decimal(request.query.get("from", "0"), "from"))
        page, following = await self._service.log.reader.decisions(subject, start, limit_of(request))
        entries = [_told(entry) for entry in await self._opened(page, grant)]
        return self._page({"subject": subject, "entries": entries}, following)

    async def stream(self, request: web.Request) -> web.Response:
        """Return the entries of one stream, by sequence number."""
        only(request, "issuer", "stream", "from", "limit")
        issuer = checked(request.query.get("issuer", ""), "issuer", uri)
        stream = checked(request.query.get("stream", ""), "stream", token)
        self._service.access.grant(request).check(issuer)
        start = decimal(request.query.get("from", "0"), "from", SEQ_MAX)
        page, following = await self._service.log.reader.stream(issuer, stream, start, limit_of(request))
        entries = [{"seq": place.seq, **_told(place.entry)} for place in page]
        return self._page({"issuer": issuer, "stream": stream, "entries": entries}, following)

    async def _opened(self, page: Sequence[LoggedEntry], grant: Grant) -> Sequence[LoggedEntry]:
        """Return those entries of a page that a request may know of. Costs a read of each where not all are open."""
        if grant.everything:
            return page
        reader = self._service.log.reader
        return [entry for entry in page if grant.opens((await reader.statement(entry.index)).issuer)]

    @staticmethod
    def _page(document: dict[str, Any], following: int | None) -> web.Response:
        if following is not None:
            document["next"] = following
        return respond_json(document, NO_CACHE)

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [
            Route(
                "GET",
                "/decisions/{subject}",
                "findDecision",
                "Find the entries about one subject",
                self.decision,
                parameters=(
                    Parameter("subject", "path", "The CWT sub of the entries.", _URI),
                    Parameter("from", "query", "The first index.", INDEX, required=False),
                    _LIMIT,
                ),
                answers=(Answer(200, "A page of entries.", {JSON: _page_schema({"subject": {"type": "string"}}, {})}),),
                problems=(CredentialsError, ParameterError),
                needs_token=True,
                pattern="/decisions/{subject:.+}",
            ),
            Route(
                "GET",
                "/streams",
                "readStream",
                "Find the entries of one stream of an issuer",
                self.stream,
                parameters=(
                    Parameter("issuer", "query", "The CWT iss of the entries.", _URI),
                    Parameter("stream", "query", "The stream's id.", _TOKEN),
                    Parameter("from", "query", "The first sequence number.", _SEQ, required=False),
                    _LIMIT,
                ),
                answers=(Answer(200, "A page of entries.", {JSON: _page_schema(_STREAM_NAMES, {"seq": _SEQ})}),),
                problems=(CredentialsError, AccessError, ParameterError),
                needs_token=True,
            ),
        ]


_URI: Final[Schema] = {
    "type": "string",
    "pattern": r"^[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+$",
    "maxLength": URI_BYTES_MAX,
}
_TOKEN: Final[Schema] = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.:/\-]{0,63}$"}
_SEQ: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": SEQ_MAX}
_STREAM_NAMES: Final[dict[str, Schema]] = {"issuer": {"type": "string"}, "stream": {"type": "string"}}


def _told(entry: LoggedEntry) -> dict[str, Any]:
    return {"entry_id": entry.leaf_hash.hex(), "index": entry.index}


def _page_schema(names: dict[str, Schema], more: dict[str, Schema]) -> Schema:
    entry = {**more, **_ENTRY}
    entries = {"type": "array", "items": {"type": "object", "properties": entry, "required": list(entry)}}
    return {
        "type": "object",
        "properties": {**names, "entries": entries, "next": _SEQ},
        "required": [*names, "entries"],
    }
