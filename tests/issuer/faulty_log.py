"""A log of a few lines that answers over HTTP, rightly or in any wrong way that a test has scripted for it.

For what a real server cannot be made to show: a 503 that passes, an answer cut off, a connection reset, a lie in a
receipt. It admits everything, and its tree and receipts are those of `tests.verifier.evidence.Ledger`.
"""

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import cbor2

from glasslog.cose import split_sequence
from glasslog.statement import SignedStatement, decode_statement
from tests.verifier.evidence import Ledger, small_log

COSE = "application/cose"
CBOR = "application/cbor"
PROBLEM = "application/concise-problem-details+cbor"


@dataclass(frozen=True)
class Reply:
    """What to send: a whole answer, or less than `length` says; nothing at all if `reset` or `silent`."""

    status: int = 200
    media_type: str = COSE
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    reset: bool = False
    silent: bool = False


@dataclass(frozen=True)
class Got:
    """What was received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Script = Reply | Callable[["FaultyLog", Got], Reply]


def problem(status: int, title: str, detail: str = "", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, PROBLEM, cbor2.dumps({-1: title, -2: detail}), named)


def unavailable(retry_after: str | None = None) -> Reply:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return problem(503, "Service Unavailable", "the queue is full", **headers)


class FaultyLog:
    """Answer as `script` says, one reply a request, and honestly when the script is at its end."""

    def __init__(self, *script: Script, certificate: Path | None = None) -> None:
        self.ledger: Ledger = small_log(decisions=3)
        self.script = deque(script)
        self.got: list[Got] = []
        self.connections: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False  # so that closing waits for them, and none outlives its test
        self._scheme = "http"
        if certificate is not None:
            self._scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def vkey(self) -> str:
        return str(self.ledger.vkey)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self.connections:
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def reply(self, got: Got) -> Reply:
        self.got.append(got)
        if self.script:
            step = self.script.popleft()
            return step if isinstance(step, Reply) else step(self, got)
        return honest(self, got)

    def register(self, statement: SignedStatement) -> int:
        known = {entry.entry: index for index, entry in enumerate(self.ledger.entries)}
        return known.get(statement.entry, len(known)) if statement.entry in known else self.ledger.append(statement)


def honest(log: FaultyLog, got: Got) -> Reply:
    if got.method == "GET":
        entry_id = got.path.rpartition("/")[2]
        index = [statement.leaf_hash.hex() for statement in log.ledger.entries].index(entry_id)
        return Reply(200, COSE, log.ledger.receipt(index))
    if got.headers["content-type"] == COSE:
        return Reply(201, COSE, log.ledger.receipt(log.register(decode_statement(got.body))))
    return batch(log, got)


def batch(
    log: FaultyLog, got: Got, change: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda _, item: item
) -> Reply:
    """Register a sequence; `change` may spoil the outcome at a place."""
    statements = [decode_statement(item) for item in split_sequence(got.body, 4_096)]
    outcomes = []
    for place, outcome in enumerate(_outcomes(log, statements)):
        outcomes.append(change(place, outcome))
    return Reply(200, CBOR, cbor2.dumps({"checkpoint": log.ledger.checkpoint(), "outcomes": outcomes}))


def _outcomes(log: FaultyLog, statements: Sequence[SignedStatement]) -> list[dict[str, Any]]:
    known = len(log.ledger.entries)
    indexes = [log.register(statement) for statement in statements]
    return [
        {
            "index": index,
            "entry_id": statement.leaf_hash,
            "receipt": log.ledger.receipt(index),
            **({"duplicate": True} if index < known else {}),
        }
        for statement, index in zip(statements, indexes, strict=True)
    ]


def _handler(log: FaultyLog) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            log.connections.append(self.connection)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = log.reply(Got(self.command, self.path, headers, body))
            if reply.reset or reply.silent:
                self.close_connection = True
                if reply.silent:
                    self.rfile.read(1)  # until the other side has had enough
                return
            self.send_response(reply.status)
            if reply.media_type:
                self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = reply.length is not None

        do_GET = do_POST = _serve  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
