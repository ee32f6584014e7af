"""Entries: register statements, and read what the log says of one (SCRAPI, RFC 9943).

    POST /entries                 application/cose: one Signed Statement -> its receipt
                                  application/cbor-seq: many -> one outcome each, and the checkpoint they are in
    GET  /entries/<entry id>      the receipt, or by Accept or ?format= the statement, both, a tlog-proof, a bundle

A receipt is always the same bytes for an entry, so it may be cached for ever. The entry id is the lowercase hex of the
leaf hash. Nothing is acknowledged before it is on disk and covered by a signed checkpoint.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from aiohttp import hdrs, web

from glasslog import cose
from glasslog.bundle import BUNDLE_MEDIA_TYPE
from glasslog.errors import (
    AlgorithmError,
    AuthorityError,
    MalformedError,
    PayloadMissingError,
    SignatureError,
    UnknownKeyError,
)
from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog.merkle import Hash, LeafIndex
from glasslog_server.errors import (
    AccessError,
    BrokenBodyError,
    CredentialsError,
    InterruptedWriteError,
    MediaTypeError,
    NotAcceptableError,
    NotFoundError,
    OverloadedError,
    ParameterError,
    QuotaError,
    ReceiptPendingError,
    SlowBodyError,
    SlowRoundError,
    StoppingError,
    TooLargeError,
)
from glasslog_server.evidence import make_bundle
from glasslog_server.http.negotiation import CBOR, accept_of, choose, media_type_of
from glasslog_server.http.outcomes import encode_outcomes
from glasslog_server.http.queries import flag_of, only
from glasslog_server.http.registration import Pending, Registered, Registration
from glasslog_server.http.routes import (
    BINARY,
    ENTRY_ID,
    IMMUTABLE,
    IMMUTABLE_PRIVATE,
    NO_CACHE,
    Answer,
    Parameter,
    Route,
)
from glasslog_server.http.service import Service
from glasslog_server.http.settings import RETRY_AFTER_S
from glasslog_server.sequencer import Sequenced

COSE: Final = "application/cose"
CBOR_SEQUENCE: Final = "application/cbor-seq"
SCITT_RECEIPT: Final = "application/scitt-receipt+cose"  # RFC 9943
SCITT_STATEMENT: Final = "application/scitt-statement+cose"  # RFC 9943
TRANSPARENT_STATEMENT: Final = "application/vnd.glasslog.transparent-statement+cose"
TLOG_PROOF: Final = "application/vnd.c2sp.tlog-proof"

FORMATS: Final[Mapping[str, str]] = {
    "receipt": COSE,
    "transparent-statement": TRANSPARENT_STATEMENT,
    "tlog-proof": TLOG_PROOF,
    "statement": SCITT_STATEMENT,
    "bundle": BUNDLE_MEDIA_TYPE,
}
"""The names of `?format=` and the media types that they come in."""

_OFFERS: Final = (COSE, SCITT_RECEIPT, TRANSPARENT_STATEMENT, TLOG_PROOF, SCITT_STATEMENT, BUNDLE_MEDIA_TYPE)
_STATEMENT_TYPES: Final = frozenset({COSE, SCITT_STATEMENT})
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{64}")
_RECEIPTS_SLICE: Final = 256  # made without a pause of the event loop: about 1 ms


class Entries:
    """Handle `/entries`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.registration = Registration(service)
        self._readers: Mapping[str, Callable[[LeafIndex], Awaitable[bytes]]] = {
            COSE: self._receipt,
            SCITT_RECEIPT: self._receipt,
            TRANSPARENT_STATEMENT: self._transparent_statement,
            TLOG_PROOF: self._tlog_proof,
            SCITT_STATEMENT: self._statement,
            BUNDLE_MEDIA_TYPE: self._bundle,
        }

    # POST /entries

    async def register(self, request: web.Request) -> web.Response:
        """Register one statement, or many."""
        only(request, "receipts")
        media_type = media_type_of(request.headers.get(hdrs.CONTENT_TYPE, ""))
        if media_type in _STATEMENT_TYPES:
            return await self._register_one(request)
        if media_type == CBOR_SEQUENCE:
            return await self._register_many(request)
        msg = f"expected a body of {COSE} (one statement) or {CBOR_SEQUENCE} (many), got another media type or none"
        raise MediaTypeError(msg)

    async def _register_one(self, request: web.Request) -> web.Response:
        with self._service.bodies.reserve(request, STATEMENT_BYTES_MAX) as read:
            data = await read()
        self._service.metrics.body_read(len(data))
        outcome = await self.registration.register(data)
        location = {hdrs.LOCATION: f"/entries/{outcome.leaf_hash.hex()}"}
        if isinstance(outcome, Pending):
            return web.Response(status=202, headers={**location, hdrs.RETRY_AFTER: str(RETRY_AFTER_S)})
        try:
            [receipt] = await self._service.log.reader.receipts_at(outcome.head, [outcome.index])
        except ReceiptPendingError:
            return web.Response(status=202, headers={**location, hdrs.RETRY_AFTER: str(RETRY_AFTER_S)})
        status = 200 if outcome.duplicate else 201
        return web.Response(status=status, body=receipt, content_type=COSE, headers=location)

    async def _register_many(self, request: web.Request) -> web.Response:
        with_receipts = flag_of(request, "receipts")
        settings = self._service.settings
        with self._service.bodies.reserve(request, settings.batch_bytes_max) as read:
            data = await read()
            self._service.metrics.body_read(len(data))
            registered = await self.registration.register_all(_split(data, settings.batch_entries_max))
        receipts = await self._receipts(registered) if with_receipts else {}
        answer = encode_outcomes(registered, receipts, self._service.log.head.note)
        return web.Response(body=answer, content_type=CBOR)

    async def _receipts(self, registered: Sequence[Registered]) -> dict[LeafIndex, bytes]:
        """Return the receipts of what was sequenced. All new entries share one head, so they share its work."""
        sequenced = [outcome for outcome in registered if isinstance(outcome, Sequenced)]
        heads = {outcome.head.size: outcome.head for outcome in sequenced}
        receipts: dict[LeafIndex, bytes] = {}
        for size, head in heads.items():
            indexes = sorted({outcome.index for outcome in sequenced if outcome.head.size == size})
            for start in range(0, len(indexes), _RECEIPTS_SLICE):
                part = indexes[start : start + _RECEIPTS_SLICE]
                made = await self._service.log.reader.receipts_at(head, part)
                receipts.update(zip(part, made, strict=True))
                await asyncio.sleep(0)
        return receipts

    # GET /entries/<entry id>

    async def read(self, request: web.Request) -> web.Response:
        """Return what is asked for of one entry."""
        only(request, "format")
        leaf_hash = _leaf_hash_of(request.match_info["entry_id"])
        media_type = _format_of(request)
        [index] = await self._service.log.reader.find([leaf_hash])
        if index is None:
            if self.registration.is_pending(leaf_hash):
                return _still_running()
            msg = "expected the id of an entry of this log, got one that it does not know"
            raise NotFoundError(msg)
        if media_type not in _PUBLIC:
            grant = self._service.access.grant(request)
            if not grant.everything:
                grant.check((await self._service.log.reader.statement(index)).issuer)
        try:
            body = await self._readers[media_type](index)
        except ReceiptPendingError:
            return _still_running()
        headers = {hdrs.CACHE_CONTROL: self._caching(media_type), hdrs.VARY: hdrs.ACCEPT}
        return web.Response(body=body, content_type=media_type, headers=headers)

    def _caching(self, media_type: str) -> str:
        """Return for how long an answer holds: what is made at the newest checkpoint changes with it."""
        if media_type in {TLOG_PROOF, BUNDLE_MEDIA_TYPE}:
            return NO_CACHE
        return IMMUTABLE_PRIVATE if media_type not in _PUBLIC and self._service.access.restricted else IMMUTABLE

    async def _receipt(self, index: LeafIndex) -> bytes:
        return await self._service.log.reader.receipt(index)

    async def _transparent_statement(self, index: LeafIndex) -> bytes:
        return (await self._service.log.reader.transparent_statement(index)).encode()

    async def _tlog_proof(self, index: LeafIndex) -> bytes:
        [proof] = await self._service.log.reader.tlog_proofs([index])
        return proof.encode()

    async def _statement(self, index: LeafIndex) -> bytes:
        return (await self._service.log.reader.statement(index)).entry

    async def _bundle(self, index: LeafIndex) -> bytes:
        log = self._service.log
        operator_entries = await self._service.operator_entries.learn(log.reader, log.authority)
        return await make_bundle(log.reader, operator_entries, index)

    # The table of routes.

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        running = Answer(204, "Taken, not yet sequenced: come back after Retry-After.")
        return [
            Route(
                "POST",
                "/entries",
                "registerStatements",
                "Register one Signed Statement, or a CBOR sequence of them",
                self.register,
                body={COSE: BINARY, SCITT_STATEMENT: BINARY, CBOR_SEQUENCE: BINARY},
                parameters=(
                    Parameter(
                        "receipts",
                        "query",
                        "For a sequence: 1 puts the receipt into each outcome.",
                        {"enum": ["0", "1"]},
                        required=False,
                    ),
                ),
                answers=(
                    Answer(200, "Outcomes of a sequence; or the receipt of a statement that was logged before.", _TOLD),
                    Answer(201, "Logged: the receipt.", {COSE: BINARY}, {hdrs.LOCATION: "The entry."}),
                    Answer(202, "Taken, not yet sequenced: ask at Location.", headers={hdrs.LOCATION: "The entry."}),
                ),
                problems=_REGISTRATION_PROBLEMS,
            ),
            Route(
                "GET",
                "/entries/{entry_id}",
                "readEntry",
                "Read the receipt of an entry, or the entry in another form",
                self.read,
                parameters=(
                    Parameter("entry_id", "path", "The leaf hash of the entry in lowercase hex.", ENTRY_ID),
                    Parameter("format", "query", "Instead of Accept.", {"enum": list(FORMATS)}, required=False),
                ),
                answers=(Answer(200, "What was asked for.", dict.fromkeys(_OFFERS, BINARY)), running),
                problems=(CredentialsError, AccessError, NotFoundError, NotAcceptableError, ParameterError),
                needs_token=True,
            ),
        ]


_TOLD: Final = {CBOR: BINARY, COSE: BINARY}
_PUBLIC: Final = frozenset({COSE, SCITT_RECEIPT, TLOG_PROOF})
_REGISTRATION_PROBLEMS: Final = (
    MalformedError,
    AlgorithmError,
    PayloadMissingError,
    SignatureError,
    UnknownKeyError,
    AuthorityError,
    ParameterError,
    BrokenBodyError,
    SlowBodyError,
    TooLargeError,
    MediaTypeError,
    QuotaError,
    OverloadedError,
    StoppingError,
    InterruptedWriteError,
    SlowRoundError,
)


def _split(data: bytes, entries_max: int) -> list[bytes]:
    """Return the items of a CBOR sequence (RFC 8742), each as its own bytes, undecoded.

    Raises MalformedError for a sequence that is empty or ends within an item, TooLargeError for too many items.
    """
    statements = list(islice(cose.sequence_items(data), entries_max + 1))
    if len(statements) > entries_max:
        msg = f"expected at most {entries_max} statements in a sequence, got more"
        raise TooLargeError(msg)
    if not statements:
        msg = "expected at least one statement in the sequence, got none"
        raise MalformedError(msg)
    return statements


def _leaf_hash_of(entry_id: str) -> Hash:
    if not _ENTRY_ID.fullmatch(entry_id):
        msg = "expected an entry id of 64 lowercase hex digits"
        raise NotFoundError(msg)
    return Hash(bytes.fromhex(entry_id))


def _format_of(request: web.Request) -> str:
    """Return the media type to answer with. `?format=` decides over Accept."""
    name = request.query.get("format")
    if name is not None:
        media_type = FORMATS.get(name)
        if media_type is None:
            msg = f"expected a format of {', '.join(FORMATS)}"
            raise ParameterError(msg)
        return media_type
    chosen = choose(accept_of(request.headers), _OFFERS)
    if chosen is None:
        msg = f"expected a client that accepts one of {', '.join(_OFFERS)}"
        raise NotAcceptableError(msg)
    return chosen


def _still_running() -> web.Response:
    return web.Response(status=204, headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S), hdrs.CACHE_CONTROL: "no-store"})
