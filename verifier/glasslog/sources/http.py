"""Fetch evidence from a log's server (SCRAPI and what Glasslog adds to it), trusting it with nothing.

Every answer is bounded in size and time, must have the media type that was asked for, and comes from the host that was
named: redirects are followed within it alone. Failures of the network are tried again with back-off, as a server asks
for by Retry-After. What comes back is bytes; `glasslog.verify` says what they are worth.

Everything that goes wrong here is an UncheckableError: a server that does not answer proves nothing.
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from glasslog import __version__
from glasslog.bundle import BUNDLE_MEDIA_TYPE
from glasslog.errors import UncheckableError
from glasslog.limits import (
    EVIDENCE_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    STATEMENT_BYTES_MAX,
    TLOG_PROOF_BYTES_MAX,
    TRANSPARENT_STATEMENT_BYTES_MAX,
)
from glasslog.merkle import HASH_SIZE, Hash

_PAGES_MAX: Final = 64  # of entries about one decision, which has a handful
_LIST_BYTES_MAX: Final = 1_024 * 1_024
_PROBLEM_CHARACTERS_MAX: Final = 300
_CHUNK_BYTES: Final = 65_536
_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RETRIED: Final = frozenset({429, 502, 503, 504})
_RETRY_AFTER_S_MAX: Final = 30
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EntryForm:
    """A form in which a log gives out an entry: the value of `format=`, its media type, its limit."""

    name: str
    media_type: str
    bytes_max: int


BUNDLE: Final = EntryForm("bundle", BUNDLE_MEDIA_TYPE, EVIDENCE_BYTES_MAX)
_TRANSPARENT_STATEMENT: Final = "application/vnd.glasslog.transparent-statement+cose"
ENTRY_FORMS: Final = {
    form.name: form
    for form in (
        BUNDLE,
        EntryForm("receipt", "application/cose", RECEIPT_BYTES_MAX),
        EntryForm("statement", "application/scitt-statement+cose", STATEMENT_BYTES_MAX),
        EntryForm("transparent-statement", _TRANSPARENT_STATEMENT, TRANSPARENT_STATEMENT_BYTES_MAX),
        EntryForm("tlog-proof", "application/vnd.c2sp.tlog-proof", TLOG_PROOF_BYTES_MAX),
    )
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for: seconds to connect, for each read and for a whole answer, and how many tries."""

    connect_s: float = 10.0
    read_s: float = 30.0
    answer_s: float = 120.0
    tries: int = 4
    backoff_s: float = 0.5


class HttpLog:
    """The read side of one log's server. Not for use by several threads at once."""

    def __init__(self, url: str, *, token: str | None = None, patience: Patience | None = None) -> None:
        """Take the log's base URL, and a bearer token for logs that do not show their entries to everybody.

        Raises UncheckableError for a URL that is none, and for a token that would be sent in clear.
        """
        self._base = url.rstrip("/") + "/"
        parts = urlsplit(self._base)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            msg = f"expected the log's URL, http or https, without query or fragment, got {url}"
            raise UncheckableError(msg)
        if token is not None and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            msg = "expected an https URL to send a token to, got http"
            raise UncheckableError(msg)
        self._patience = patience or Patience()
        self._headers = {"User-Agent": f"glasslog/{__version__}", "Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(
            timeout=Timeout(connect=self._patience.connect_s, read=self._patience.read_s), retries=False
        )
        self._retries = Retry(
            total=self._patience.tries - 1,
            allowed_methods=("GET",),
            backoff_factor=self._patience.backoff_s,
            retry_after_max=_RETRY_AFTER_S_MAX,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def entry(self, entry_id: Hash, form: EntryForm = BUNDLE) -> bytes:
        """Return an entry in one of the forms of `ENTRY_FORMS`. Raises UncheckableError."""
        return self._get(f"entries/{entry_id.hex()}?format={form.name}", form.media_type, form.bytes_max)

    def decision(self, subject: str) -> tuple[Hash, ...]:
        """Return the ids of all entries about a subject, in the order of the log. Raises UncheckableError."""
        path = f"decisions/{quote(subject, safe='')}"
        ids: list[Hash] = []
        query = ""
        for _ in range(_PAGES_MAX):
            page = _decode_page(self._get(path + query, "application/json", _LIST_BYTES_MAX))
            ids.extend(page.entry_ids)
            if page.following is None:
                return tuple(ids)
            query = f"?from={page.following}"
        msg = f"expected the entries about one decision on at most {_PAGES_MAX} pages, got more"
        raise UncheckableError(msg)

    def _get(self, path: str, media_type: str, bytes_max: int) -> bytes:
        """Return the body of an answer 200 of the right type; failures that may pass are tried again."""
        url = urljoin(self._base, path)
        retries = self._retries
        while True:
            try:
                return self._get_once(url, media_type, bytes_max)
            except (HTTPError, _RefusedForNowError) as error:
                try:
                    if isinstance(error, _RefusedForNowError):
                        retries = retries.increment("GET", url, response=error.response)
                        retries.sleep(error.response)
                    else:
                        retries = retries.increment("GET", url, error=error)
                        retries.sleep()
                except HTTPError as final:
                    reason = getattr(final, "reason", None) or final
                    msg = f"cannot get an answer from the log at {self._base}: {reason}"
                    raise UncheckableError(msg) from final

    def _get_once(self, url: str, media_type: str, bytes_max: int) -> bytes:
        deadline = time.monotonic() + self._patience.answer_s
        # What goes wrong is wanted in JSON, and no server says what goes right in a problem document.
        headers = {**self._headers, "Accept": f"{media_type};q=0.9, application/problem+json"}
        for _ in range(_REDIRECTS_MAX + 1):
            response = self._pool.request(
                "GET", url, headers=headers, redirect=False, preload_content=False, decode_content=False
            )
            try:
                if response.status in _RETRIED:
                    raise _RefusedForNowError(response)
                if response.status not in _REDIRECTS:
                    return _read_answer(response, media_type, bytes_max, deadline)
                url = self._redirected(url, response.headers.get("Location", ""))
            finally:
                response.close()  # nobody waits for the rest of a body that is not wanted
        msg = f"expected at most {_REDIRECTS_MAX} redirects, got one more"
        raise UncheckableError(msg)

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        if _place(target) != _place(self._base):
            msg = f"expected an answer from {self._base}, got a redirect to another place: {target}"
            raise UncheckableError(msg)
        return target


class _RefusedForNowError(Exception):
    """Carry an answer that asks to come again later."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class _Page:
    entry_ids: list[Hash]
    following: int | None


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _read_answer(response: urllib3.BaseHTTPResponse, media_type: str, bytes_max: int, deadline: float) -> bytes:
    if response.status != 200:  # noqa: PLR2004 (OK)
        raise UncheckableError(_describe_refusal(response, deadline))
    got = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if got != media_type:
        msg = f"expected an answer of type {media_type}, got {got or 'one without a type'}"
        raise UncheckableError(msg)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        msg = "expected an answer without content encoding, as was asked for"
        raise UncheckableError(msg)
    return _read_body(response, bytes_max, deadline)


def _read_body(response: urllib3.BaseHTTPResponse, bytes_max: int, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES, decode_content=False):  # read1 returns what is there: a slow answer too
        body += chunk
        if len(body) > bytes_max:
            msg = f"expected an answer of at most {bytes_max} bytes, got more"
            raise UncheckableError(msg)
        if time.monotonic() > deadline:
            msg = "expected the whole answer in time, got it too slowly"
            raise UncheckableError(msg)
    return bytes(body)


def _describe_refusal(response: urllib3.BaseHTTPResponse, deadline: float) -> str:
    """Return what a status other than 200 says, with the detail of a problem document in JSON (RFC 9457)."""
    meanings = {
        204: "the log has taken the entry but not sequenced it yet: try again",
        401: "the log shows its entries to holders of a token alone",
        403: "the log does not show this entry to the holder of this token",
        404: "the log does not know it",
        406: "the log does not give out this form of an entry",
    }
    meaning = meanings.get(response.status, "the log does not answer this request")
    detail = ""
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        detail = _problem_detail(_read_body(response, _LIST_BYTES_MAX, deadline))
    return f"{meaning} (status {response.status}){detail}"


def _problem_detail(body: bytes) -> str:
    problem = _decode_json(body)
    text = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f": {text[:_PROBLEM_CHARACTERS_MAX]}" if isinstance(text, str) else ""


def _decode_page(body: bytes) -> _Page:
    """Return the entries of a page `{"entries": [{"entry_id": hex, ...}, ...], "next": index or null}`."""
    page = _decode_json(body)
    entries = page.get("entries") if isinstance(page, dict) else None
    following = page.get("next") if isinstance(page, dict) else None
    if not isinstance(entries, list) or not (following is None or type(following) is int):
        msg = "expected a list of entries from the log, got something else"
        raise UncheckableError(msg)
    return _Page([_decode_entry_id(entry) for entry in entries], following)


def _decode_entry_id(entry: object) -> Hash:
    text = entry.get("entry_id") if isinstance(entry, dict) else None
    if not isinstance(text, str) or not _ENTRY_ID.fullmatch(text):
        msg = f"expected an entry_id of {2 * HASH_SIZE} hex digits in the log's list, got something else"
        raise UncheckableError(msg)
    return Hash(bytes.fromhex(text))


def _decode_json(body: bytes) -> Any:  # noqa: ANN401 (whatever the server says)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "expected JSON from the log, got something else"
        raise UncheckableError(msg) from error
