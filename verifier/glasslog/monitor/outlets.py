"""The ways out of a monitor: lines on standard output, a webhook, and metrics for Prometheus.

An outlet that fails holds the round back: nothing is remembered as told that was not. The webhook gets one POST of JSON
for each round with alerts, `{"alerts": [...]}`, and answers with any status 2xx.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol

import urllib3

from glasslog import __version__
from glasslog.errors import UncheckableError
from glasslog.moments import iso_time
from glasslog.monitor.alert import Alert
from glasslog.monitor.rounds import Round

WEBHOOK_TIMEOUT_S: Final = 10.0
_MS_PER_S: Final = 1_000
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Outlet(Protocol):
    """Hands alerts out."""

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Hand out the alerts of one round. Raises UncheckableError: then they count as not told."""
        ...


class Lines:
    """One line for each alert, by a function that writes a line at once."""

    def __init__(self, write: Callable[[str], None], *, as_json: bool) -> None:
        """Take what writes."""
        self._write = write
        self._as_json = as_json

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Write the alerts."""
        time = iso_time(int(now_s * _MS_PER_S))
        for alert in alerts:
            if self._as_json:
                self._write(json.dumps(alert.to_json(time), ensure_ascii=True))
            else:
                self._write(f"{time} {alert.severity:<8} {alert.kind:<18} {alert.log}  {alert.message}")


class Webhook:
    """A URL that is posted to."""

    def __init__(self, url: str) -> None:
        """Take the URL."""
        self._url = url
        self._pool = urllib3.PoolManager(timeout=WEBHOOK_TIMEOUT_S, retries=False)

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Post the alerts, if there are any."""
        if not alerts:
            return
        time = iso_time(int(now_s * _MS_PER_S))
        body = json.dumps({"alerts": [alert.to_json(time) for alert in alerts]}, ensure_ascii=True)
        headers = {"Content-Type": "application/json", "User-Agent": f"glasslog/{__version__}"}
        try:
            answer = self._pool.request("POST", self._url, body=body.encode(), headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            msg = f"cannot reach the webhook {self._url}: {error}"
            raise UncheckableError(msg) from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004 (2xx)
            msg = f"expected the webhook {self._url} to take the alerts, got status {answer.status}"
            raise UncheckableError(msg)


class Metrics:
    """Counters and gauges in Prometheus' text format, of all logs that are followed. May be read by any thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._alerts: Counter[tuple[str, str, str]] = Counter()
        self._rounds: Counter[tuple[str, str]] = Counter()
        self._gauges: dict[tuple[str, str], float] = {}

    def take(self, source: str, looked: Round, now_s: float) -> None:
        """Take note of a round."""
        with self._lock:
            self._rounds[source, "ok" if looked.reachable else "failed"] += 1
            for alert in looked.alerts:
                self._alerts[source, alert.kind, str(alert.severity)] += 1
            self._gauges["glasslog_monitor_last_round_timestamp_seconds", source] = now_s
            if looked.size is not None:
                self._gauges["glasslog_monitor_tree_size", source] = looked.size
            if looked.head_time_s is not None:
                self._gauges["glasslog_monitor_tree_head_timestamp_seconds", source] = looked.head_time_s

    def render(self) -> str:
        """Return the metrics as they are scraped."""
        with self._lock:
            lines = ["# TYPE glasslog_monitor_alerts_total counter"]
            for (source, kind, severity), count in sorted(self._alerts.items()):
                labels = _labels(log=source, alert=kind, severity=severity)
                lines.append(f"glasslog_monitor_alerts_total{labels} {count}")
            lines.append("# TYPE glasslog_monitor_rounds_total counter")
            for (source, outcome), count in sorted(self._rounds.items()):
                lines.append(f"glasslog_monitor_rounds_total{_labels(log=source, outcome=outcome)} {count}")
            for name in sorted({name for name, _ in self._gauges}):
                lines.append(f"# TYPE {name} gauge")
                lines += [
                    f"{name}{_labels(log=source)} {value!r}"
                    for (gauge, source), value in sorted(self._gauges.items())
                    if gauge == name
                ]
        return "\n".join(lines) + "\n"


def serve_metrics(metrics: Metrics, host: str, port: int) -> ThreadingHTTPServer:
    """Serve `/metrics` in the background; the caller ends that with `shutdown`. Raises UncheckableError."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            found = self.path == "/metrics"
            body = metrics.render().encode() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", _METRICS_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 (http.server's signature)
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        msg = f"cannot listen on {host}:{port}: {error.strerror}"
        raise UncheckableError(msg) from error
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
    return server


def _labels(**labels: str) -> str:
    inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inner}}}"
