"""Register single statements without the machinery that a request otherwise goes through.

A `POST /entries` with one statement is what a busy log is sent again and again, by clients that send the same head each
time. Such a head is read once and remembered; the body behind it is judged at once, and the answer is written from
parts that stand ready. What is judged, and what is answered, is what `registration` says: this is another way through
HTTP, not through the log.

Only requests that leave no question go this way: a head that was wholly understood, with a length and no more than
that; a body that is there. All others, and whatever follows them on their connection, go to aiohttp as they came.
Answers that are due in one turn of the event loop are made together, because their receipts share most of the work.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import hdrs, web

from glasslog.errors import GlasslogError
from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog_server.core.round import Candidate
from glasslog_server.errors import ReceiptPendingError, ServerError, TooLargeError
from glasslog_server.http.frame import PUBLIC_HEADERS
from glasslog_server.http.problems import code_of, respond
from glasslog_server.http.registration import Pending, Registration, Submission
from glasslog_server.http.service import Service
from glasslog_server.http.settings import RETRY_AFTER_S
from glasslog_server.submissions import Sequenced

HEAD_BYTES_MAX: Final = 4_096
_HEADS_MAX: Final = 1_024
_HEADERS_MAX: Final = 32
_REQUEST_LINE: Final = b"POST /entries HTTP/1.1"
_HEADER: Final = re.compile(rb"([A-Za-z0-9-]{1,64}):[ ]?([!-~](?:[ -~]*[!-~])?)")
_LENGTH: Final = re.compile(rb"[1-9][0-9]{0,5}")
_STATEMENT_TYPES: Final = frozenset({b"application/cose", b"application/scitt-statement+cose"})
_ASKING: Final = frozenset(
    {
        b"transfer-encoding",
        b"content-encoding",
        b"expect",
        b"upgrade",
        b"connection",
        b"trailer",
        b"te",
        b"keep-alive",
        b"proxy-connection",
        b"http2-settings",
    }
)
"""Headers that ask for something beside what this way gives; "Connection: keep-alive" asks for nothing."""
_ROUTE: Final = "/entries"

_ANSWER: Final = "".join(f"{name}: {value}\r\n" for name, value in PUBLIC_HEADERS.items())
_RECEIPT: Final = f"Content-Type: application/cose\r\n{_ANSWER}".encode()


class DirectConnection(Protocol):
    """A connection on which one direct request is under way."""

    def answer(self, data: bytes) -> None:
        """Send a whole answer, if the client is still there; what else has come meanwhile is looked at then."""
        ...

    @property
    def is_last(self) -> bool:
        """Return whether the connection ends with this answer."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What a request's head says: the bytes of its body, and what it accepts for a problem document."""

    length: int
    accept: str


@dataclass(slots=True)
class _Request:
    """One statement on its way."""

    connection: DirectConnection
    head: Head
    candidate: Candidate
    submission: Submission
    started: float
    deadline: float


class DirectRegistration:
    """Take single statements for one front end. For use on one event loop."""

    def __init__(self, service: Service, registration: Registration) -> None:
        """Take what the front end works with, and what registers statements for all of it."""
        self._service = service
        self._registration = registration
        self._heads: dict[bytes, Head | None] = {}
        self._waiting: OrderedDict[int, _Request] = OrderedDict()
        self._expiry: asyncio.TimerHandle | None = None
        self._due: list[_Request] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._date = (0, b"")

    # Requests.

    def head_of(self, head: bytes) -> Head | None:
        """Return what a head says, without the empty line at its end; None when it is not one for this way."""
        try:
            return self._heads[head]
        except KeyError:
            if len(self._heads) >= _HEADS_MAX:
                self._heads.clear()
            known = self._heads[head] = parse_head(head)
            return known

    def has_room(self, body_bytes: int) -> bool:
        """Return whether the memory for bodies takes one more."""
        return self._service.bodies.has_room(body_bytes)

    def register(self, connection: DirectConnection, head: Head, body: bytes) -> None:
        """Judge a statement and pass it on; the connection is answered later, or at once where it is refused."""
        service = self._service
        started = time.perf_counter()
        service.metrics.body_read(len(body))
        try:
            candidate = service.admission.admit(body)
            submission = self._registration.submit([candidate])
        except (GlasslogError, TooLargeError):
            self._spawn(self._register_slowly(connection, head, body, started))
            return
        loop = asyncio.get_running_loop()
        request = _Request(
            connection, head, candidate, submission, started, loop.time() + service.settings.round_wait_s
        )
        self._waiting[id(request)] = request
        if self._expiry is None:
            self._expiry = loop.call_at(request.deadline, self._expire)
        submission.add_done_callback(lambda _: self._settle(request))

    async def _register_slowly(self, connection: DirectConnection, head: Head, body: bytes, started: float) -> None:
        """Let `registration` decide: a statement that is refused now may be in the log already."""
        try:
            outcome = await self._registration.register(body)
            if isinstance(outcome, Pending):
                self._answer_pending(connection, outcome.leaf_hash.hex(), started)
                return
            [receipt] = await self._service.log.reader.receipts_at(outcome.head, [outcome.index])
            self._answer_receipt(connection, outcome, receipt, started)
        except Exception as error:  # noqa: BLE001 (a request must never end without an answer)
            self._answer_problem(connection, error, head.accept, started)

    def _settle(self, request: _Request) -> None:
        """Take note that a submission has its outcome; all of this turn are answered together."""
        if self._waiting.pop(id(request), None) is None:
            return
        if not self._due:
            asyncio.get_running_loop().call_soon(self._answer_due)
        self._due.append(request)

    def _expire(self) -> None:
        """Answer those that have waited too long with where to ask; look again when the next one will have."""
        loop = asyncio.get_running_loop()
        self._expiry = None
        while self._waiting:
            key, request = next(iter(self._waiting.items()))
            if request.deadline > loop.time():
                self._expiry = loop.call_at(request.deadline, self._expire)
                return
            del self._waiting[key]
            leaf_hash = request.candidate.leaf_hash
            self._registration.remember(leaf_hash, request.submission)
            self._answer_pending(request.connection, leaf_hash.hex(), request.started)

    # Answers.

    def _answer_due(self) -> None:
        due, self._due = self._due, []
        self._spawn(self._answer_all(due))

    async def _answer_all(self, due: Sequence[_Request]) -> None:
        by_head: dict[int, list[tuple[_Request, Sequenced]]] = {}
        for request in due:
            try:
                [outcome] = request.submission.result()
                self._registration.count(1, [outcome])
                if not isinstance(outcome, Sequenced):
                    raise outcome  # noqa: TRY301 (told like any other)
                by_head.setdefault(outcome.head.size, []).append((request, outcome))
            except Exception as error:  # noqa: BLE001 (the same)
                self._answer_problem(request.connection, error, request.head.accept, request.started)
        for together in by_head.values():
            await self._answer_receipts(together)

    async def _answer_receipts(self, together: Sequence[tuple[_Request, Sequenced]]) -> None:
        head = together[0][1].head
        try:
            receipts = await self._service.log.reader.receipts_at(head, [outcome.index for _, outcome in together])
        except ReceiptPendingError:
            for request, outcome in together:
                self._answer_pending(request.connection, outcome.leaf_hash.hex(), request.started)
        except ServerError as error:
            for request, _ in together:
                self._answer_problem(request.connection, error, request.head.accept, request.started)
        else:
            for (request, outcome), receipt in zip(together, receipts, strict=True):
                self._answer_receipt(request.connection, outcome, receipt, request.started)

    def _answer_receipt(self, connection: DirectConnection, outcome: Sequenced, receipt: bytes, started: float) -> None:
        status = b"200 OK" if outcome.duplicate else b"201 Created"
        location = outcome.leaf_hash.hex().encode()
        connection.answer(
            b"HTTP/1.1 %b\r\nLocation: /entries/%b\r\n%bContent-Length: %d\r\n%b%b\r\n%b"
            % (status, location, _RECEIPT, len(receipt), self._date_header(), _ending(connection), receipt)
        )
        self._done(int(status[:3]), started)

    def _answer_pending(self, connection: DirectConnection, entry_id: str, started: float) -> None:
        head = f"HTTP/1.1 202 Accepted\r\nLocation: /entries/{entry_id}\r\nRetry-After: {RETRY_AFTER_S}\r\n{_ANSWER}"
        ending = b"Content-Length: 0\r\n" + self._date_header() + _ending(connection) + b"\r\n"
        connection.answer(head.encode() + ending)
        self._done(202, started)

    def _answer_problem(self, connection: DirectConnection, error: Exception, accept: str, started: float) -> None:
        self._service.metrics.problem(code_of(error))
        response = respond(error, accept)
        response.headers.update(PUBLIC_HEADERS)
        connection.answer(self._encode(response, connection))
        self._done(response.status, started)

    def _encode(self, response: web.Response, connection: DirectConnection) -> bytes:
        """Return the bytes of an answer that was made for aiohttp to send."""
        body = response.body if isinstance(response.body, bytes) else b""
        headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        head = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{headers}"
        length = "" if hdrs.CONTENT_LENGTH in response.headers else f"Content-Length: {len(body)}\r\n"
        return (head + length).encode() + self._date_header() + _ending(connection) + b"\r\n" + body

    def _done(self, status: int, started: float) -> None:
        self._service.metrics.request_done(_ROUTE, "POST", status, time.perf_counter() - started)

    def _date_header(self) -> bytes:
        """Return the Date header, which is made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode())
        return self._date[1]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ending(connection: DirectConnection) -> bytes:
    return b"Connection: close\r\n" if connection.is_last else b""


def parse_head(head: bytes) -> Head | None:
    """Return what the head of a request says, or None when it is not plainly one for a single statement. Total."""
    request_line, *lines = head.split(b"\r\n")
    if request_line != _REQUEST_LINE or not 1 <= len(lines) <= _HEADERS_MAX:
        return None
    found: dict[bytes, bytes] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            return None
        name, value = match[1].lower(), match[2]
        asks = name in _ASKING and (name, value.lower()) != (b"connection", b"keep-alive")
        if asks or name in found:
            return None
        found[name] = value
    length = found.get(b"content-length", b"")
    if not _LENGTH.fullmatch(length) or int(length) > STATEMENT_BYTES_MAX or b"host" not in found:
        return None
    if found.get(b"content-type", b"").lower() not in _STATEMENT_TYPES:
        return None
    return Head(int(length), found.get(b"accept", b"").decode())


DIRECT: Final = web.AppKey("direct", DirectRegistration)
"""Where an application holds what takes its single statements."""
