"""Register single statements without the machinery that a request otherwise goes through.

A `POST /entries` with one statement is what a busy log is sent again and again, by clients that send the same head each
time. Such a head is read once and remembered; the body behind it is judged at once, and the answer is written from
parts that stand ready. What is judged, and what is answered, is what `registration` says: this is another way through
HTTP, not through the log.

Only requests that leave no question go this way: a head that was wholly understood, with a length and no more than
that; a body that is there. All others, and whatever follows them on their connection, go to aiohttp as they came.
What comes in one turn of the event loop is passed on together, and answers that are due in one turn are made together:
their receipts share most of the work.
"""

import asyncio
import re
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from aiohttp import hdrs, web

from glasslog.errors import GlasslogError
from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog_server.core.round import Candidate
from glasslog_server.errors import ReceiptPendingError, TooLargeError, TreeRangeError
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

GATHERED_ENTRIES_MAX: Final = 256
"""Statements of one turn of the event loop that are passed on together, and so refused together, if at all."""
GATHERED_BYTES_MAX: Final = 512 * 1_024

_ANSWER: Final = "".join(f"{name}: {value}\r\n" for name, value in PUBLIC_HEADERS.items())
_CREATED: Final = b"HTTP/1.1 201 Created\r\nLocation: /entries/"
_OK: Final = b"HTTP/1.1 200 OK\r\nLocation: /entries/"
_RECEIPT: Final = f"\r\nContent-Type: application/cose\r\n{_ANSWER}Content-Length: ".encode()


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


class _Request(NamedTuple):
    """One statement on its way."""

    connection: DirectConnection
    head: Head
    candidate: Candidate
    started: float


@dataclass(slots=True, eq=False)
class _Group:
    """Statements that came in one turn of the event loop, and are passed on and answered together."""

    requests: Sequence[_Request]
    submission: Submission
    deadline: float


class DirectRegistration:
    """Take single statements for one front end. For use on one event loop."""

    def __init__(self, service: Service, registration: Registration) -> None:
        """Take what the front end works with, and what registers statements for all of it."""
        self._service = service
        self._registration = registration
        self._loop = asyncio.get_running_loop()
        self._heads: dict[bytes, Head | None] = {}
        # Statements of this turn of the event loop, then with the sequencer, in the order of their deadlines.
        self._gathered: list[_Request] = []
        self._waiting: dict[_Group, None] = {}
        self._expiry: asyncio.TimerHandle | None = None
        self._due: list[_Group] = []
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
        """Judge a statement, to be passed on with the others of this turn; the connection is answered later."""
        started = time.perf_counter()
        try:
            candidate = self._service.admission.admit(body)
        except (GlasslogError, TooLargeError):
            self._service.metrics.body_read(len(body))
            self._spawn(self._register_slowly(connection, head, body, started))
            return
        if not self._gathered:
            self._loop.call_soon(self._pass_on)
        self._gathered.append(_Request(connection, head, candidate, started))

    def _pass_on(self) -> None:
        """Submit what has gathered, as much together as may be refused together."""
        gathered, self._gathered = self._gathered, []
        self._service.metrics.body_read(sum([len(request.candidate.entry) for request in gathered]))
        first = entry_bytes = 0
        for place, request in enumerate(gathered):
            size = len(request.candidate.entry)
            if place > first and (place - first == GATHERED_ENTRIES_MAX or entry_bytes + size > GATHERED_BYTES_MAX):
                self._submit(gathered[first:place])
                first, entry_bytes = place, 0
            entry_bytes += size
        self._submit(gathered[first:])

    def _submit(self, requests: Sequence[_Request]) -> None:
        submission = self._registration.submit([request.candidate for request in requests])
        group = _Group(requests, submission, self._loop.time() + self._service.settings.round_wait_s)
        self._waiting[group] = None
        if self._expiry is None:
            self._expiry = self._loop.call_at(group.deadline, self._expire)
        submission.add_done_callback(lambda _: self._settle(group))

    async def _register_slowly(self, connection: DirectConnection, head: Head, body: bytes, started: float) -> None:
        """Let `registration` decide: a statement that is refused now may be in the log already."""
        try:
            outcome = await self._registration.register(body)
            if isinstance(outcome, Pending):
                self._answer_pending(connection, outcome.leaf_hash.hex())
                self._done(202, [started])
                return
            [receipt] = await self._service.log.reader.receipts_at(outcome.head, [outcome.index])
            self._answer_receipt(connection, outcome, receipt, self._date_header())
            self._done(200 if outcome.duplicate else 201, [started])
        except Exception as error:  # noqa: BLE001 (a request must never end without an answer)
            self._answer_problem(connection, error, head.accept, started)

    def _settle(self, group: _Group) -> None:
        """Take note that a group has its outcomes; all groups of this turn are answered together."""
        if group not in self._waiting:  # too late: its clients were told where to ask
            return
        del self._waiting[group]
        if len(group.requests) > 1 and isinstance(group.submission.exception(), TreeRangeError):
            for request in group.requests:  # together they are more than the operator lets a round take
                self._submit([request])
            return
        if not self._due:
            self._loop.call_soon(self._answer_due)
        self._due.append(group)

    def _expire(self) -> None:
        """Answer those that have waited too long with where to ask; look again when the next ones will have."""
        self._expiry = None
        while self._waiting:
            group = next(iter(self._waiting))
            if group.deadline > self._loop.time():
                self._expiry = self._loop.call_at(group.deadline, self._expire)
                return
            del self._waiting[group]
            for request in group.requests:
                leaf_hash = request.candidate.leaf_hash
                self._registration.remember(leaf_hash, group.submission)
                self._answer_pending(request.connection, leaf_hash.hex())
            self._done(202, [request.started for request in group.requests])

    # Answers.

    def _answer_due(self) -> None:
        due, self._due = self._due, []
        self._spawn(self._answer_all(due))

    async def _answer_all(self, due: Sequence[_Group]) -> None:
        by_head: dict[int, list[tuple[_Request, Sequenced]]] = {}
        for group in due:
            try:
                outcomes = group.submission.result()
            except Exception as error:  # noqa: BLE001 (the same)
                refusal = TooLargeError(str(error)) if isinstance(error, TreeRangeError) else error
                for connection, head, _, started in group.requests:
                    self._answer_problem(connection, refusal, head.accept, started)
                continue
            self._registration.count(len(outcomes), outcomes)
            for request, outcome in zip(group.requests, outcomes, strict=True):
                if isinstance(outcome, Sequenced):
                    by_head.setdefault(outcome.head.size, []).append((request, outcome))
                else:
                    self._answer_problem(request.connection, outcome, request.head.accept, request.started)
        for together in by_head.values():
            await self._answer_receipts(together)

    async def _answer_receipts(self, together: Sequence[tuple[_Request, Sequenced]]) -> None:
        head = together[0][1].head
        try:
            receipts = await self._service.log.reader.receipts_at(head, [outcome.index for _, outcome in together])
        except ReceiptPendingError:
            for request, outcome in together:
                self._answer_pending(request.connection, outcome.leaf_hash.hex())
            self._done(202, [request.started for request, _ in together])
        except Exception as error:  # noqa: BLE001 (the same)
            for request, _ in together:
                self._answer_problem(request.connection, error, request.head.accept, request.started)
        else:
            date = self._date_header()
            for (request, outcome), receipt in zip(together, receipts, strict=True):
                self._answer_receipt(request.connection, outcome, receipt, date)
            for status, duplicate in ((201, False), (200, True)):
                self._done(status, [one.started for one, outcome in together if outcome.duplicate is duplicate])

    def _answer_receipt(self, connection: DirectConnection, outcome: Sequenced, receipt: bytes, date: bytes) -> None:
        connection.answer(
            b"%b%b%b%d\r\n%b%b\r\n%b"
            % (
                _OK if outcome.duplicate else _CREATED,
                outcome.leaf_hash.hex().encode(),
                _RECEIPT,
                len(receipt),
                date,
                _ending(connection),
                receipt,
            )
        )

    def _answer_pending(self, connection: DirectConnection, entry_id: str) -> None:
        head = f"HTTP/1.1 202 Accepted\r\nLocation: /entries/{entry_id}\r\nRetry-After: {RETRY_AFTER_S}\r\n{_ANSWER}"
        ending = b"Content-Length: 0\r\n" + self._date_header() + _ending(connection) + b"\r\n"
        connection.answer(head.encode() + ending)

    def _answer_problem(self, connection: DirectConnection, error: Exception, accept: str, started: float) -> None:
        self._service.metrics.problem(code_of(error))
        response = respond(error, accept)
        response.headers.update(PUBLIC_HEADERS)
        connection.answer(self._encode(response, connection))
        self._done(response.status, [started])

    def _encode(self, response: web.Response, connection: DirectConnection) -> bytes:
        """Return the bytes of an answer that was made for aiohttp to send."""
        body = response.body if isinstance(response.body, bytes) else b""
        headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        head = f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{headers}"
        length = "" if hdrs.CONTENT_LENGTH in response.headers else f"Content-Length: {len(body)}\r\n"
        return (head + length).encode() + self._date_header() + _ending(connection) + b"\r\n" + body

    def _done(self, status: int, started: Sequence[float]) -> None:
        """Count requests that were answered alike, by the times at which they began."""
        if started:
            now = time.perf_counter()
            self._service.metrics.requests_done(_ROUTE, "POST", status, [now - one for one in started])

    def _date_header(self) -> bytes:
        """Return the Date header, which is made once a second."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode())
        return self._date[1]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
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
