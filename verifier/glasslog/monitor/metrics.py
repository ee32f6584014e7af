"""What a monitor does in numbers, for Prometheus: counted by the thread that follows logs, served by others."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any, Final
from urllib.parse import urlsplit

from glasslog.errors import UncheckableError
from glasslog.monitor.rounds import Round

PREFIX: Final = "glasslog_monitor"
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_TIMEOUT_S: Final = 10.0
_HELP: Final = {
    "alerts_total": ("counter", "Alerts that were handed out."),
    "rounds_total": ("counter", "Rounds: ok, or failed because the log could not be looked at or does not verify."),
    "last_round_timestamp_seconds": ("gauge", "When the log was last looked at."),
    "last_ok_timestamp_seconds": ("gauge", "When the log was last looked at, and was what it signed."),
    "tree_size": ("gauge", "Entries in the tree that the log shows."),
    "tree_head_timestamp_seconds": ("gauge", "The log's time of the newest verified tree head."),
}


class Metrics:
    """Counters and gauges in Prometheus' text format, of all logs that are followed. May be read by any thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}
        self._gauges: dict[str, dict[str, float]] = {}

    def take(self, place: str, looked: Round | None, now_s: float) -> None:
        """Take note of a round; None is one that could not be brought to its end."""
        is_ok = looked is not None and looked.clean
        with self._lock:
            self._count("rounds_total", log=place, outcome="ok" if is_ok else "failed")
            self._set("last_round_timestamp_seconds", place, now_s)
            if is_ok:
                self._set("last_ok_timestamp_seconds", place, now_s)
            if looked is None:
                return
            for alert in looked.alerts:
                self._count("alerts_total", log=place, alert=alert.kind, severity=str(alert.severity))
            self._set("tree_size", place, looked.size)
            self._set("tree_head_timestamp_seconds", place, looked.head_time_s)

    def _count(self, name: str, **labels: str) -> None:
        self._counts.setdefault(name, Counter())[_labels(**labels)] += 1

    def _set(self, name: str, place: str, value: float | None) -> None:
        if value is not None:
            self._gauges.setdefault(name, {})[_labels(log=place)] = value

    def render(self) -> str:
        """Return the metrics as they are scraped."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, (kind, text) in _HELP.items():
            values = self._counts.get(name) or self._gauges.get(name) or {}
            yield f"# HELP {PREFIX}_{name} {text}"
            yield f"# TYPE {PREFIX}_{name} {kind}"
            for labels, value in sorted(values.items()):
                yield f"{PREFIX}_{name}{labels} {value}"


@contextmanager
def serve_metrics(metrics: Metrics, host: str, port: int) -> Iterator[str]:
    """Serve `/metrics` in the background as long as the context lasts; give its URL. Raises UncheckableError."""
    server = _listen(metrics, host, port)
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="metrics")
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _listen(metrics: Metrics, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            found = urlsplit(self.path).path == "/metrics"
            body = metrics.render().encode() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 (http.server's signature)
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 (socketserver's signature)
            """Say nothing of a scraper that went away."""

    try:
        return Server((host, port), Handler)
    except OSError as error:
        msg = f"cannot listen on {host}:{port}: {error.strerror}"
        raise UncheckableError(msg) from error


def _labels(**labels: str) -> str:
    inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inner}}}"
