"""How long a caller waits for a durable receipt, at a tenth, half and four fifths of what the log can take.

The saturated rate is measured first, in a closed loop; then single POSTs arrive at random, or as a trace says, whether
the log is ready or not, and the wait counts from the arrival. The load generator shares the machine with the log, so
the waits are what this machine can show, not what the log could do alone on it.
"""

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.corpus import write_corpus
from benchmarks.figures import Curve, Figure, say
from benchmarks.load import Seen, generate
from benchmarks.logs import Served, create_log, issuer_keys
from benchmarks.physical import sync_ms
from glasslog.keys import SigningKey

SHARES: Mapping[str, float] = {"tenth": 0.1, "half": 0.5, "80": 0.8}
_CURVE_SHARES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
_SATURATING_CALLERS = 128
_SATURATING_POSTS = 6_000
_TRACE_POSTS_MAX = 50_000
_RUN_S = 3.0


class _Callers:
    """Single POSTs of statements that the log has never seen."""

    def __init__(self, server: Served, folder: Path, keys: Mapping[str, SigningKey]) -> None:
        self._server = server
        self._folder = folder
        self._keys = keys
        self._seed = 0

    def post(self, count: int, *options: object) -> Seen:
        """Post `count` new statements and return what was seen."""
        self._seed += 1
        corpus = self._folder / "corpus.cborseq"
        write_corpus(corpus, self._keys, count, self._seed)
        seen = generate(self._server.url, corpus, "--count", count, *options)
        seen.check_all_good()
        return seen

    def saturate(self) -> float:
        """Return how many POSTs a second the log answers when callers never pause."""
        self.post(1_000, "--connections", _SATURATING_CALLERS)  # warms up
        return self.post(_SATURATING_POSTS, "--connections", _SATURATING_CALLERS).rate

    def arrive(self, rate: float) -> Seen:
        """Let POSTs arrive at random, `rate` a second."""
        return self.post(max(300, round(rate * _RUN_S)), "--rate", rate, "--seed", self._seed)


def measure(runs: int, trace: Path | None = None) -> tuple[list[Figure], Curve]:
    """Return the latencies at each share of the saturated rate, and the curve over the offered load."""
    with tempfile.TemporaryDirectory() as name:
        folder, keys = Path(name), issuer_keys()
        sync = statistics.median(sync_ms())
        with create_log(folder / "log", keys).served() as server:
            callers = _Callers(server, folder, keys)
            say("single POSTs: the saturated rate")
            saturated = callers.saturate()
            figures = [
                Figure("saturated_posts_per_s", "1/s", [saturated], None, "single POSTs, 128 callers in a closed loop")
            ]
            for share, factor in SHARES.items():
                say(f"single POSTs: {factor:.0%} of {saturated:,.0f}/s, {runs} runs")
                seen = [callers.arrive(factor * saturated) for _ in range(runs)]
                figures += _latencies(share, seen, sync, f"open loop at {factor:.0%} of saturated_posts_per_s")
            if trace is not None:
                seen = [callers.post(_TRACE_POSTS_MAX, "--trace", trace)]
                figures += _latencies("trace", seen, sync, f"arrivals of {trace.name}")
            say("single POSTs: the curve over the offered load")
            points = [_point(callers, factor * saturated) for factor in _CURVE_SHARES]
    return figures, Curve("latency", ("offered_per_s", "answered_per_s", "p50_ms", "p99_ms"), points)


def _latencies(share: str, seen: list[Seen], sync: float, meaning: str) -> list[Figure]:
    """Return p50 and p99; the least there can be is one sync of the store and one of the guard."""
    limit = 2 * sync
    return [
        Figure(f"latency_ms_p50_{share}", "ms", [run.latency_ms(0.5) for run in seen], limit, meaning),
        Figure(f"latency_ms_p99_{share}", "ms", [run.latency_ms(0.99) for run in seen], limit, meaning),
    ]


def _point(callers: _Callers, rate: float) -> tuple[float, ...]:
    seen = callers.arrive(rate)
    return (rate, seen.rate, seen.latency_ms(0.5), seen.latency_ms(0.99))
