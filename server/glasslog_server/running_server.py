"""Talk to the server that runs a log: what the operator's commands do while the store is locked.

A client for this machine and this configuration, not the one for issuers. A server with TLS is trusted by the very
certificate that the configuration gives it, whatever name that is for.
"""

import json
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

import urllib3

from glasslog.authority import POLICY_STREAM, RegisteredKey
from glasslog.errors import GlasslogError
from glasslog.keys import PublicKey
from glasslog.merkle import LeafIndex
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.records import Stream
from glasslog.statement import SignedStatement
from glasslog_server.config import Config
from glasslog_server.errors import RequestError, ServerError, UnavailableError
from glasslog_server.policy_statements import PolicyEntries

TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 16 * 1_024 * 1_024
SEQUENCED_WAIT_S: Final = 60.0

_JSON: Final = "application/json"
_COSE: Final = "application/cose"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str
    body: bytes

    @property
    def wait_s(self) -> float:
        """Return when to ask again."""
        return min(float(self.retry_after), TIMEOUT_S) if self.retry_after.isdecimal() else 1.0

    def json(self) -> dict[str, Any] | None:
        """Return the body as a JSON object, None when it is none."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def detail(self) -> str:
        """Return what a problem document says (RFC 9457), as the end of a sentence."""
        detail = (self.json() or {}).get("detail")
        return f": {detail}" if isinstance(detail, str) else ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a server takes statements: `reason` is empty, or says why not. `time` is its checkpoint's."""

    reason: str
    size: int | None
    time: int | None

    @property
    def ready(self) -> bool:
        """Return whether it does."""
        return not self.reason


class RunningServer:
    """A server at a base URL. Every call raises UnavailableError when it does not answer as expected."""

    def __init__(self, url: str, certificate: Path | None = None) -> None:
        """Take the URL, and the PEM file with the certificate that a server with TLS presents."""
        self.url = url
        tls: dict[str, Any] = {}
        if certificate is not None:
            context = ssl.create_default_context(cafile=certificate)
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            tls = {"ssl_context": context, "assert_hostname": False}
        self._pool = urllib3.PoolManager(timeout=TIMEOUT_S, retries=False, **tls)

    def read_json(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path."""
        answer = self._request("GET", path, {"Accept": _JSON})
        document = answer.json()
        if answer.status != HTTPStatus.OK or document is None:
            msg = f"{self.url}{path}: expected a JSON document, got status {answer.status}{answer.detail()}"
            raise UnavailableError(msg)
        return document

    @classmethod
    def of(cls, config: Config, url: str | None = None) -> Self:
        """Return the server that runs the log of a configuration, at `url` or where it listens."""
        if url is None and not config.http.listen.port:
            msg = "the server listens on a port that it chose itself: say its URL with --url"
            raise UnavailableError(msg)
        server = cls(url or config.http.listen.url(tls=config.http.has_tls), config.http.tls_certificate)
        found = server.description().get("origin")
        if found != config.origin:
            msg = f"{server.url}: expected the server of the log {config.origin}, got the one of {found}"
            raise UnavailableError(msg)
        return server

    def description(self) -> dict[str, Any]:
        """Return what the log says of itself."""
        return self.read_json("/.well-known/glasslog")

    def readiness(self) -> Readiness:
        """Return whether the log takes statements and answers them in time."""
        answer = self._request("GET", "/readyz", {"Accept": _JSON})
        document = answer.json() or {}
        if answer.status == HTTPStatus.OK:
            return Readiness("", document.get("tree_size"), document.get("checkpoint_time"))
        return Readiness(answer.detail().removeprefix(": ") or f"status {answer.status}", None, None)

    def policy_entries(self) -> PolicyEntries:
        """Return what the operator has said so far, and where the next statement goes."""
        document = self.read_json("/issuers")
        try:
            place = document["policy_stream"]
            keys = [_registered_key(told) for told in document["issuers"]]
            return PolicyEntries(Stream(POLICY_STREAM, place["next_seq"], bytes.fromhex(place["last_leaf"])), keys)
        except (KeyError, TypeError, ValueError, GlasslogError) as error:
            msg = f"{self.url}/issuers: expected the registered keys and the place of the next policy entry"
            raise UnavailableError(msg) from error

    def register(self, statement: SignedStatement) -> LeafIndex:
        """Register a statement and return its index once it is sequenced. Raises RequestError when it is refused."""
        accept = {"Accept": f"{_COSE}, {_JSON}"}
        answer = self._request("POST", "/entries", {**accept, "Content-Type": _COSE}, statement.entry)
        patience = time.monotonic() + SEQUENCED_WAIT_S
        while answer.status in {HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT} and time.monotonic() < patience:
            time.sleep(answer.wait_s)
            answer = self._request("GET", f"/entries/{statement.leaf_hash.hex()}", accept)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
            msg = f"{self.url}: expected the statement to be logged, got status {answer.status}"
            error: type[ServerError] = RequestError if refused else UnavailableError
            raise error(msg + answer.detail())
        try:
            proof = decode_receipt(answer.body).proof
        except GlasslogError as error:
            msg = f"{self.url}: expected a receipt: {error}"
            raise UnavailableError(msg) from error
        if not isinstance(proof, InclusionProof):
            msg = f"{self.url}: expected a receipt of inclusion, got one of consistency"
            raise UnavailableError(msg)
        return proof.index

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> _Answer:
        try:
            answer = self._pool.request(
                method, self.url + path, headers=headers, body=body, redirect=False, preload_content=False
            )
            data = answer.read(ANSWER_BYTES_MAX)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            msg = f"{self.url}: expected an answer, got none: {str(error).partition(': ')[2] or error}"
            raise UnavailableError(msg) from error
        return _Answer(answer.status, answer.headers.get("Retry-After", ""), data)


def _registered_key(told: dict[str, Any]) -> RegisteredKey:
    return RegisteredKey(
        issuer=told["issuer"],
        key=PublicKey(bytes.fromhex(told["key"])),
        valid_from=told["valid_from"],
        valid_until=told["valid_until"],
        registered_at=LeafIndex(told["registered_at"]),
        revoked_at=None if told["revoked_at"] is None else LeafIndex(told["revoked_at"]),
    )
