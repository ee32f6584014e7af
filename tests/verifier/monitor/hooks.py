"""A webhook on a real socket: it remembers what it was sent, and answers as a test likes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Hook:
    status: int = 204
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    taken: Callable[[], None] = lambda: None
    """Called when alerts have come and before they are answered for."""

    @contextmanager
    def running(self) -> Iterator["Hook"]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.headers = dict(self.headers.items())
                owner.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                owner.taken()
                self.send_response(owner.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                with suppress(OSError):
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_port}/secret-path"
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
