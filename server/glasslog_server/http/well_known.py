"""What the log says of itself: its keys, its description, whom it takes statements from.

    GET /.well-known/scitt-keys             the log's keys as a COSE Key Set (SCRAPI)
    GET /.well-known/scitt-keys/<kid>       one of them, kid in base64url
    GET /.well-known/glasslog               what a client needs to know of this log
    GET /issuers                            the registered issuer keys
    GET /                                   a few words for people

Retired log keys stay served: receipts made with them have to be verified for as long as anybody keeps them.
"""

import base64
import binascii
from typing import Any, Final

from aiohttp import hdrs, web

from glasslog import __version__
from glasslog.authority import Authority, RegisteredKey
from glasslog.counting import counted
from glasslog.keys import KID_BYTES, PublicKey
from glasslog.limits import STATEMENT_BYTES_MAX, TILE_WIDTH
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.errors import NotFoundError
from glasslog_server.http.documents import JSON, respond_json
from glasslog_server.http.entries import CBOR_SEQUENCE, COSE, FORMATS
from glasslog_server.http.negotiation import CBOR
from glasslog_server.http.routes import BINARY, NO_CACHE, TEXT, Answer, Parameter, Route, Schema
from glasslog_server.http.service import Service

_MINUTES: Final = "public, max-age=300"


class WellKnown:
    """Handle `/.well-known`, `/issuers` and `/`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def keys(self, _request: web.Request) -> web.Response:
        """Return all keys of the log, the current ones first."""
        keys = await self._log_keys()
        body = _array_head(len(keys)) + b"".join(key.cose_key() for key in keys)
        return web.Response(body=body, content_type=CBOR, headers={hdrs.CACHE_CONTROL: _MINUTES})

    async def key(self, request: web.Request) -> web.Response:
        """Return one key of the log."""
        kid = _decode_kid(request.match_info["kid"])
        for key in await self._log_keys():
            if key.kid == kid:
                return web.Response(body=key.cose_key(), content_type=CBOR, headers={hdrs.CACHE_CONTROL: _MINUTES})
        msg = "expected the kid of a key of this log, got another"
        raise NotFoundError(msg)

    async def _log_keys(self) -> list[PublicKey]:
        """Return the keys that the policy in force names, then those that only earlier policies named."""
        log = self._service.log
        entries = await self._service.operator_entries.learn(log.reader, log.authority)
        earlier = (key for entry in reversed(entries) for key in entry.log_keys)
        return list(dict.fromkeys((*log.authority.policy.log_keys, *earlier)))

    async def description(self, _request: web.Request) -> web.Response:
        """Return what a client needs to know of this log."""
        log, settings = self._service.log, self._service.settings
        policy = log.authority.policy
        document = {
            "origin": policy.origin,
            "vkeys": [str(VerifierKey(policy.origin, TYPE_ED25519, key)) for key in policy.log_keys],
            "operator_key": policy.operator_key.raw.hex(),
            "issuer": log.authority.operator_issuer,
            "entries_access": policy.entries_access,
            "content_types": sorted(policy.content_types),
            "record_types": sorted(policy.record_types),
            "limits": {
                "statement_bytes_max": min(STATEMENT_BYTES_MAX, policy.entry_bytes_max),
                "batch_entries_max": settings.batch_entries_max,
                "batch_bytes_max": settings.batch_bytes_max,
                "issuer_records_per_second": settings.issuer_rate,
                "tile_width": TILE_WIDTH,
            },
            "formats": {"submit": [COSE, CBOR_SEQUENCE], "entry": FORMATS},
            "endpoints": _ENDPOINTS,
            "tree_size": log.head.size,
            "software": f"glasslog-server/{__version__}",
        }
        return respond_json(document, NO_CACHE)

    async def issuers(self, _request: web.Request) -> web.Response:
        """Return every issuer key that was ever registered, in the order of the log, and where the next one goes."""
        authority = self._service.log.authority
        keys = sorted(authority.keys.items(), key=lambda item: item[1].registered_at)
        document = {
            "issuers": [_told(kid, registered) for kid, registered in keys],
            "policy_stream": {"next_seq": authority.next_seq, "last_leaf": authority.last_leaf.hex()},
        }
        return respond_json(document, NO_CACHE)

    async def home(self, _request: web.Request) -> web.Response:
        """Say what this is."""
        text = _home(self._service.log.authority, self._service.log.head.size)
        return web.Response(text=text, headers={hdrs.CACHE_CONTROL: NO_CACHE})

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        kid = Parameter("kid", "path", "The key's RFC 9679 thumbprint in base64url, without padding.", TEXT)
        return [
            Route(
                "GET",
                "/.well-known/scitt-keys",
                "listKeys",
                "List the keys that receipts are signed with (SCRAPI)",
                self.keys,
                answers=(Answer(200, "A COSE Key Set.", {CBOR: BINARY}),),
            ),
            Route(
                "GET",
                "/.well-known/scitt-keys/{kid}",
                "readKey",
                "Read one key (SCRAPI)",
                self.key,
                parameters=(kid,),
                answers=(Answer(200, "A COSE Key.", {CBOR: BINARY}),),
                problems=(NotFoundError,),
            ),
            Route(
                "GET",
                "/.well-known/glasslog",
                "describeLog",
                "Describe the log: name, keys, limits, formats",
                self.description,
                answers=(Answer(200, "The description.", {JSON: _DESCRIPTION}),),
            ),
            Route(
                "GET",
                "/issuers",
                "listIssuers",
                "List the registered issuer keys",
                self.issuers,
                answers=(Answer(200, "All keys, revoked ones too.", {JSON: _ISSUERS}),),
            ),
            Route(
                "GET",
                "/",
                "sayWhatThisIs",
                "Say in a few words what this is",
                self.home,
                answers=(Answer(200, "Plain text.", {"text/plain; charset=utf-8": TEXT}),),
            ),
        ]


_ENDPOINTS: Final = {
    "register": "/entries",
    "entry": "/entries/{entry_id}",
    "checkpoint": "/checkpoint",
    "tile": "/tile/{level}/{index}",
    "entry_bundle": "/tile/entries/{index}",
    "decision": "/decisions/{subject}",
    "stream": "/streams?issuer={issuer}&stream={stream}&from={from}",
    "inclusion_proof": "/proofs/inclusion/{index}/{size}",
    "consistency_proof": "/proofs/consistency/{size1}/{size2}",
    "heads": "/heads?start={size}",
    "keys": "/.well-known/scitt-keys",
    "issuers": "/issuers",
    "description": "/openapi.json",
}
_DESCRIPTION: Final[Schema] = {
    "type": "object",
    "required": ["origin", "vkeys", "entries_access", "limits", "formats", "endpoints", "tree_size", "software"],
}
_KEY_FIELDS: Final = ("issuer", "kid", "key", "valid_from", "valid_until", "registered_at", "revoked_at")
_ISSUERS: Final[Schema] = {
    "type": "object",
    "required": ["issuers", "policy_stream"],
    "properties": {
        "issuers": {"type": "array", "items": {"type": "object", "required": list(_KEY_FIELDS)}},
        "policy_stream": {"type": "object", "required": ["next_seq", "last_leaf"]},
    },
}


def _told(kid: bytes, registered: RegisteredKey) -> dict[str, Any]:
    values = (
        registered.issuer,
        kid.hex(),
        registered.key.raw.hex(),
        registered.valid_from,
        registered.valid_until,
        registered.registered_at,
        registered.revoked_at,
    )
    return dict(zip(_KEY_FIELDS, values, strict=True))


def _array_head(length: int) -> bytes:
    """Return the head of a CBOR array (RFC 8949 section 3)."""
    if length < 24:  # noqa: PLR2004 (the length fits the first byte)
        return bytes((0x80 | length,))
    return b"\x99" + length.to_bytes(2, "big") if length > 255 else bytes((0x98, length))  # noqa: PLR2004


def _decode_kid(text: str) -> bytes:
    """Return the kid that base64url without padding says; the empty string, which is no kid, for anything else."""
    try:
        kid = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    canonical = len(kid) == KID_BYTES and base64.urlsafe_b64encode(kid).rstrip(b"=").decode() == text
    return kid if canonical else b""


def _home(authority: Authority, size: int) -> str:
    return (
        f"This is {authority.policy.origin}, a Glasslog transparency log of {counted(size, 'entries')}.\n"
        "\n"
        "What it signs:        /checkpoint\n"
        "What it is:           /.well-known/glasslog\n"
        "What can be asked:    /openapi.json\n"
        "Who may submit:       /issuers\n"
    )
