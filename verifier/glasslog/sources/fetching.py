"""Get documents from one HTTP server, politely and within bounds.

Every answer is bounded in size and time, must have the media type that was asked for, and comes from the host that was
named: redirects are followed within it alone. No content encoding is accepted, so nothing grows after it arrived.
Failures of the network are tried again with back-off, and a server that asks for time by Retry-After gets it from all
threads at once. What comes back is bytes, and nothing here knows what they mean.

What a server does not have (404) is an AbsentError, everything else that goes wrong another UncheckableError.
"""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from glasslog import __version__
from glasslog.errors import AbsentError, UncheckableError

LIST_BYTES_MAX: Final = 1_024 * 1_024
"""What a list, or a problem document, may have."""

_PROBLEM_CHARACTERS_MAX: Final = 300
_CHUNK_BYTES: Final = 65_536
_REDIRECTS_MAX: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RETRIED: Final = frozenset({429, 502, 503, 504})
_RETRY_AFTER_S_MAX: Final = 30
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OK: Final = 200
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for: seconds to connect, for each read and for a whole answer, and how many tries."""

    connect_s: float = 10.0
    read_s: float = 30.0
    answer_s: float = 120.0
    tries: int = 4
    backoff_s: float = 0.5


class Fetcher:
    """GET from one place. May be used by `connections` threads at once."""

    def __init__(self, url: str, *, token: str | None, patience: Patience, connections: int = 1) -> None:
        """Take the base URL of the place, and a bearer token.

        Raises UncheckableError for a URL that is none, and for a token that would be sent in clear.
        """
        self.base = url.rstrip("/") + "/"
        parts = urlsplit(self.base)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            msg = f"expected the log's URL, http or https, without query or fragment, got {url}"
            raise UncheckableError(msg)
        if token is not None and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            msg = "expected an https URL to send a token to, got http"
            raise UncheckableError(msg)
        self._patience = patience
        self._headers = {"User-Agent": f"glasslog/{__version__}", "Accept-Encoding": "identity"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = urllib3.PoolManager(
            maxsize=connections, timeout=Timeout(connect=patience.connect_s, read=patience.read_s), retries=False
        )
        self._retries = Retry(
            total=patience.tries - 1,
            allowed_methods=("GET",),
            backoff_factor=patience.backoff_s,
            retry_after_max=_RETRY_AFTER_S_MAX,
        )
        self._not_before = 0.0  # the moment until which the server asked to be left alone
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def get(self, path: str, media_type: str | None, bytes_max: int) -> bytes:
        """Return the body of an answer 200, of the right type where one is given; what may pass is tried again.

        Raises AbsentError, UncheckableError.
        """
        url = urljoin(self.base, path)
        retries = self._retries
        while True:
            try:
                self._wait_as_asked()
                return self._get_once(url, media_type, bytes_max)
            except (HTTPError, _RefusedForNowError) as error:
                try:
                    if isinstance(error, _RefusedForNowError):
                        retries = retries.increment("GET", url, response=error.response)
                        self._leave_alone(retries.get_retry_after(error.response) or 0.0)
                        retries.sleep(error.response)
                    else:
                        retries = retries.increment("GET", url, error=error)
                        retries.sleep()
                except HTTPError as final:
                    reason = getattr(final, "reason", None) or final
                    msg = f"cannot get an answer from the log at {self.base}: {reason}"
                    raise UncheckableError(msg) from final

    def _leave_alone(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + min(seconds, _RETRY_AFTER_S_MAX))

    def _wait_as_asked(self) -> None:
        """Wait until the server may be asked again, if it told another thread when."""
        with self._lock:
            remaining = self._not_before - time.monotonic()
        if remaining > 0:
            time.sleep(remaining)

    def _get_once(self, url: str, media_type: str | None, bytes_max: int) -> bytes:
        deadline = time.monotonic() + self._patience.answer_s
        # What goes wrong is wanted in JSON, and no server says what goes right in a problem document.
        accepted = f"{media_type or '*/*'};q=0.9, application/problem+json"
        headers = {**self._headers, "Accept": accepted}
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
        if _place(target) != _place(self.base):
            msg = f"expected an answer from {self.base}, got a redirect to another place: {target}"
            raise UncheckableError(msg)
        return target


class _RefusedForNowError(Exception):
    """Carry an answer that asks to come again later."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        super().__init__()
        self.response = response


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _read_answer(response: urllib3.BaseHTTPResponse, media_type: str | None, bytes_max: int, deadline: float) -> bytes:
    if response.status != _OK:
        refusal = _describe_refusal(response, deadline)
        raise AbsentError(refusal) if response.status == _NOT_FOUND else UncheckableError(refusal)
    got = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type is not None and got != media_type:
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
        403: "the log does not show this to the holder of this token",
        404: "the log does not know it",
        406: "the log does not give out this form of an entry",
    }
    meaning = meanings.get(response.status, "the log does not answer this request")
    detail = ""
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        detail = _problem_detail(_read_body(response, LIST_BYTES_MAX, deadline))
    return f"{meaning} (status {response.status}){detail}"


def _problem_detail(body: bytes) -> str:
    problem = decode_json(body)
    text = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return f": {text[:_PROBLEM_CHARACTERS_MAX]}" if isinstance(text, str) else ""


def decode_json(body: bytes) -> Any:  # noqa: ANN401 (whatever the server says)
    """Return the JSON document that a server sent. Raises UncheckableError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "expected JSON from the log, got something else"
        raise UncheckableError(msg) from error
