"""A server that speaks the part of OpenAI's API which the tests use, with answers that never change."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "desk-1-2026-05-01"
ANSWER = "Please come at nine."

_CHOICE = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop", "logprobs": None}
_USAGE = {"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] == "broken":
            self._answer(500, {"error": {"message": "out of order", "type": "server_error"}})
        elif self.path.endswith("/embeddings"):
            self._answer(200, _embeddings(asked))
        elif asked.get("stream"):
            self._stream()
        else:
            self._answer(200, _completion(asked))

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer).encode())

    def _stream(self) -> None:
        parts = [{"content": word} for word in ("Please ", "come ", "at nine.")]
        chunks: list[dict[str, Any]] = [{"delta": {"role": "assistant"}}, *({"delta": part} for part in parts)]
        chunks.append({"delta": {}, "finish_reason": "stop"})
        lines = [json.dumps(_chunk({"index": 0, "finish_reason": None, **chunk})) for chunk in chunks]
        body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
        self._send(200, "text/event-stream", body)

    def _send(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    del asked
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [_CHOICE],
        "usage": _USAGE,
        "system_fingerprint": "fp_desk",
    }


def _chunk(choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


def _embeddings(asked: dict[str, Any]) -> dict[str, Any]:
    vector = {"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return {"object": "list", "model": asked["model"], "data": [vector], "usage": usage}


@contextmanager
def model_server() -> Iterator[str]:
    """Serve on a free port of this machine; give the base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
