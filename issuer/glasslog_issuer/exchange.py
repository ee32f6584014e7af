"""Exchange requests and bounded answers with a log over HTTP, again and again while it is not to be had.

An exchange ends with an answer that is to be looked at (whatever its status), or with UnavailableError. Redirects are
answers: following one would carry a statement to a host that nobody has named. What an answer means is for
`glasslog_issuer.client`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from glasslog import __version__
from glasslog_issuer.errors import BrokenAnswerError, UnavailableError
from glasslog_issuer.retry import RetryPolicy

USER_AGENT: Final = f"glasslog-issuer/{__version__}"
_CHUNK_BYTES: Final = 65_536
_SERVER_ERRORS: Final = range(500, 600)
_NOT_LATER_EITHER: Final = frozenset({501, 505})  # not implemented, version not supported: no wait changes that
_LATER: Final = frozenset({408, 425, 429})  # request timeout, too early, too many requests


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for a connection, for each wait on the network, and for a whole answer."""

    connect_s: float = 5.0
    read_s: float = 30.0
    answer_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. `answer_bytes_max` bounds the body that is read in return."""

    method: str
    path: str
    answer_bytes_max: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole. `media_type` is in lower case and without parameters; empty when there is none.

    `problem_code` is the log's constant code for what is wrong, where it gives one.
    """

    status: int
    media_type: str
    body: bytes = field(repr=False)
    retry_after: str | None = None
    problem_code: str = ""

    @property
    def is_transient(self) -> bool:
        """Whether the same request may have another answer later."""
        return self.status in _LATER or (self.status in _SERVER_ERRORS and self.status not in _NOT_LATER_EITHER)


class Exchange:
    """The way to one log. May be shared by threads; connections are kept and used again."""

    def __init__(
        self,
        url: str,
        *,
        retry: RetryPolicy,
        timeouts: Timeouts,
        pool: urllib3.PoolManager | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the log's URL, with a path where it has one. `pool` brings proxies, certificates and the like."""
        self.url = _checked_url(url)
        self._retry = retry
        self._timeouts = timeouts
        self._pool = pool or urllib3.PoolManager()
        self._clock_s = clock_s

    def __call__(self, request: Request) -> Answer:
        """Return the first answer that is not transient. Raises UnavailableError, BrokenAnswerError."""
        attempt = 1
        while True:
            retry_after_s, answer = None, None
            try:
                answer = self._once(request)
                if not answer.is_transient:
                    return answer
                retry_after_s = self._retry.retry_after_s(answer.retry_after)
                problem: str = f"HTTP status {answer.status}"
            except SSLError as error:
                msg = f"{self.url}: cannot make a secure connection: {error}"
                raise UnavailableError(msg, attempts=attempt) from error
            except HTTPError as error:
                problem = _reason(error)
            if not self._retry.wait(attempt, retry_after_s):
                later = "" if retry_after_s is None else f", which asks to come back in {retry_after_s:.0f} s"
                msg = f"{self.url}: expected an answer, got {problem}{later} ({attempt} attempts)"
                raise UnavailableError(msg, attempts=attempt, retry_after_s=retry_after_s)
            attempt += 1

    def wait(self, attempt: int, retry_after: str | None = None) -> bool:
        """Wait before asking again after an answer that is whole but not the last word; return False to stop asking."""
        return self._retry.wait(attempt, self._retry.retry_after_s(retry_after))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _once(self, request: Request) -> Answer:
        deadline_s = self._clock_s() + self._timeouts.answer_s
        response = self._pool.request(
            request.method,
            f"{self.url}{request.path}",
            body=request.body,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **request.headers},
            timeout=urllib3.Timeout(connect=self._timeouts.connect_s, read=self._timeouts.read_s),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            body = self._read(response, request.answer_bytes_max, deadline_s)
        except BaseException:
            response.close()  # a connection with an unread answer is of no further use
            raise
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        retry_after, code = response.headers.get("Retry-After"), response.headers.get("Glasslog-Problem", "")
        return Answer(response.status, media_type, body, retry_after, code)

    def _read(self, response: urllib3.BaseHTTPResponse, bytes_max: int, deadline_s: float) -> bytes:
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):  # what one read of the network brings, so that the clock is seen
            body += chunk
            if len(body) > bytes_max:
                msg = f"{self.url}: expected an answer of at most {bytes_max} bytes, got more"
                raise BrokenAnswerError(msg)
            if self._clock_s() > deadline_s:
                msg = f"no whole answer within {self._timeouts.answer_s:g} s"
                raise HTTPError(msg)
        return bytes(body)


def _checked_url(url: str) -> str:
    """Return the URL without a slash at its end. Raises ValueError for what requests cannot be sent to."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        usable = usable and not (parts.query or parts.fragment or parts.username)
    except ValueError:  # brackets or a port that are none
        usable = False
    if not usable:
        msg = f"expected the URL of a log such as https://log.example, got {url!r:.200}"
        raise ValueError(msg)
    return url.rstrip("/")


def _reason(error: HTTPError) -> str:
    """Return what failed, without the connection's own name that urllib3 puts before it."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.partition("): ")[2] or text
