"""A log's server for the client's tests: the standard library's, with answers that a test decides.

It speaks real HTTP on a real socket, says what it is told to, and remembers what it was asked.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.verifier.evidence import Ledger

MEDIA_TYPES: Final = {
    "bundle": "application/vnd.glasslog.bundle+cbor",
    "receipt": "application/cose",
    "statement": "application/scitt-statement+cose",
    "transparent-statement": "application/vnd.glasslog.transparent-statement+cose",
    "tlog-proof": "application/vnd.c2sp.tlog-proof",
}


@dataclass
class Answer:
    """What the server says; `raw` is written as it is, for answers that no server should give."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass
class Asked:
    path: str
    headers: dict[str, str]


class LogServer:
    """The server, its URL, the answers it gives and the requests it had."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.url = ""

    @contextmanager
    def running(self) -> Iterator["LogServer"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(Asked(self.path, dict(self.headers.items())))
                answer = owner.answer(self.path)
                if answer.raw is not None:
                    self.wfile.write(answer.raw)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Type", answer.media_type)
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        return Handler


def json_answer(document: object, **more: object) -> Answer:
    return Answer(body=json.dumps(document).encode(), **more)  # type: ignore[arg-type]


def honest(ledger: Ledger) -> Callable[[str], Answer]:
    """Return the answers of a log that serves a ledger."""
    by_id = {statement.leaf_hash.hex(): number for number, statement in enumerate(ledger.entries)}

    def entry(index: int, form: str) -> bytes:
        forms: dict[str, Callable[[], bytes]] = {
            "bundle": lambda: ledger.bundle(index).encode(),
            "receipt": lambda: ledger.receipt(index),
            "statement": lambda: ledger.entries[index].entry,
            "transparent-statement": lambda: ledger.transparent_statement(index),
            "tlog-proof": lambda: ledger.proof(index).encode(),
        }
        return forms[form]()

    def answer(path: str) -> Answer:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        kind, _, name = parts.path.lstrip("/").partition("/")
        if kind == "entries" and name in by_id:
            form = query["format"][0]
            return Answer(body=entry(by_id[name], form), media_type=MEDIA_TYPES[form])
        if kind == "decisions":
            subject = unquote(name)
            entries = [
                {"entry_id": entry_id, "index": index}
                for entry_id, index in by_id.items()
                if ledger.entries[index].subject == subject
            ]
            return json_answer({"subject": subject, "entries": entries})
        body = json.dumps({"title": "Not Found", "detail": "no such\x1b[31m entry"}).encode()
        return Answer(404, body, "application/problem+json")

    return answer
