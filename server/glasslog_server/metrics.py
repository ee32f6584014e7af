"""All metrics of the server, in one place and in a registry of their own.

A label is always one of a closed set (a route, an error code, a reason): never an issuer, an index or anything that a
client chooses, so that the number of series is known before the server runs. The sequencer reports through its
`RoundObserver`, which `Metrics` is; everything else calls the methods here. What is known only at the moment of a
scrape (head, queue, readiness) is asked for then.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from glasslog_server.durations import Durations
from glasslog_server.errors import ServerError
from glasslog_server.storage.store import TreeHead

_REQUEST_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROUND_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_ROUND_ENTRIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192)


class Metrics:
    """Count what the server does. One object a log; methods are called on the event loop and take microseconds."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        # Requests.
        self._requests = Counter(
            "glasslog_http_requests",
            "Requests by route, method and status",
            ("route", "method", "status"),
            registry=registry,
        )
        self._request_seconds = Durations(
            "glasslog_http_request_seconds",
            "Time from the request's head to its answer, by route",
            "route",
            _REQUEST_SECONDS,
        )
        registry.register(self._request_seconds)
        self._requests_by: dict[tuple[str, str, int], Counter] = {}  # to ask the library for them costs more
        self._problems = Counter(
            "glasslog_http_problems",
            "Problem documents by code, also those within a batch",
            ("code",),
            registry=registry,
        )
        self._body_bytes = Counter("glasslog_http_body_bytes", "Bytes of request bodies read", registry=registry)
        self._connections = Gauge("glasslog_http_connections", "Open connections", registry=registry)
        self._connections_refused = Counter(
            "glasslog_http_connections_refused", "Connections closed because there were too many", registry=registry
        )
        self._answers_abandoned = Counter(
            "glasslog_http_answers_abandoned", "Connections broken because an answer was not read", registry=registry
        )
        # Statements.
        self._admitted = Counter("glasslog_statements_admitted", "Statements that passed admission", registry=registry)
        self._refused = Counter(
            "glasslog_statements_refused",
            "Statements refused, at admission or by the sequencer",
            ("code",),
            registry=registry,
        )
        self._begin_rounds(registry)

    def _begin_rounds(self, registry: CollectorRegistry) -> None:
        self._entries = Counter("glasslog_entries", "Entries appended to the log", registry=registry)
        self._duplicates = Counter("glasslog_duplicates", "Statements that the log had already", registry=registry)
        self._round_seconds = Histogram(
            "glasslog_round_seconds", "Duration of a round", buckets=_ROUND_SECONDS, registry=registry
        )
        self._round_entries = Histogram(
            "glasslog_round_entries", "New entries of a round", buckets=_ROUND_ENTRIES, registry=registry
        )
        self._sync_seconds = Histogram(
            "glasslog_store_sync_seconds", "Duration of a durable write", buckets=_ROUND_SECONDS, registry=registry
        )
        self._faults = Counter(
            "glasslog_faults", "Faults that made the sequencer reopen the store", ("code",), registry=registry
        )
        self._queue = Gauge("glasslog_queue_entries", "Statements that wait for a round", registry=registry)
        self._tree_size = Gauge("glasslog_tree_size", "Size of the published tree", registry=registry)
        self._checkpoint_age = Gauge(
            "glasslog_checkpoint_age_seconds", "Time since the published checkpoint was signed", registry=registry
        )
        self._ready = Gauge("glasslog_ready", "1 when statements are taken and answered in time", registry=registry)

    # Called by the HTTP layer.

    def request_done(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the path's pattern and `method` one that the server knows."""
        self.requests_done(route, method, status, (seconds,))

    def requests_done(self, route: str, method: str, status: int, seconds: Sequence[float]) -> None:
        """Count requests that were answered alike, by what each took."""
        requests = self._requests_by.get((route, method, status))
        if requests is None:
            requests = self._requests_by[route, method, status] = self._requests.labels(route, method, str(status))
        requests.inc(len(seconds))
        self._request_seconds.observe(route, seconds)

    def problem(self, code: str) -> None:
        """Count a problem document."""
        self._problems.labels(code).inc()

    def body_read(self, size: int) -> None:
        """Count the bytes of a request body."""
        self._body_bytes.inc(size)

    def connection_opened(self) -> None:
        """Count a connection."""
        self._connections.inc()

    def connection_closed(self) -> None:
        """Count a connection no more."""
        self._connections.dec()

    def connection_refused(self) -> None:
        """Count a connection that was one too many."""
        self._connections_refused.inc()

    def answer_abandoned(self) -> None:
        """Count an answer that its client did not read in time."""
        self._answers_abandoned.inc()

    def statements_judged(self, admitted: int, refused_codes: list[str]) -> None:
        """Count the outcome of admission for one request."""
        self._admitted.inc(admitted)
        for code in refused_codes:
            self._refused.labels(code).inc()

    # Called by the sequencer (its RoundObserver).

    def round_done(self, *, new: int, duplicates: int, refused: int, size: int, seconds: float) -> None:
        """Take note of a finished round."""
        del refused, size  # refusals are counted by code where they are answered; the size is asked for at a scrape
        self._entries.inc(new)
        self._duplicates.inc(duplicates)
        self._round_seconds.observe(seconds)
        self._round_entries.observe(new)

    def write_synced(self, seconds: float) -> None:
        """Take note of how long a durable write of the store took."""
        self._sync_seconds.observe(seconds)

    def failed(self, code: str) -> None:
        """Take note of a fault that made the sequencer reopen the store."""
        self._faults.labels(code).inc()

    def queue_changed(self, entries: int) -> None:
        """Take note of how many entries wait."""
        self._queue.set(entries)

    # Called at a scrape.

    def watch(
        self, head: Callable[[], TreeHead], check_ready: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        """Ask for head and readiness at each scrape. `clock` gives POSIX seconds."""

        def ready() -> float:
            check_ready()
            return 1.0

        self._tree_size.set_function(_unless_unavailable(lambda: head().size, 0.0))
        self._checkpoint_age.set_function(_unless_unavailable(lambda: max(0.0, clock() - head().time), math.nan))
        self._ready.set_function(_unless_unavailable(ready, 0.0))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return everything in the text format that an Accept header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _unless_unavailable(value: Callable[[], float], otherwise: float) -> Callable[[], float]:
    """Return a function that a scrape can call while the log is closed: a scrape must never fail as a whole."""

    def read() -> float:
        try:
            return value()
        except ServerError:
            return otherwise

    return read
