"""Count how long things took, by a label, in the buckets of a Prometheus histogram: many at a time, for little.

What a scrape sees is what the library's own histogram shows. That one takes a lock for each bucket and each sum of each
observation, which for requests was a good part of what they cost; all of this server counts on one event loop.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class _Series:
    """What was counted under one value of the label."""

    __slots__ = ("counts", "created", "seconds")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.seconds = 0.0
        self.created = time.time()


class Durations(Collector):
    """A histogram of seconds with one label. For use on one event loop."""

    def __init__(self, name: str, meaning: str, label: str, bounds: Sequence[float]) -> None:
        """Take the upper bounds of the buckets, ascending, without the last one, which has none."""
        self._name = name
        self._meaning = meaning
        self._label = label
        self._bounds = [*bounds, float("inf")]
        self._series: dict[str, _Series] = {}

    def observe(self, label: str, seconds: Sequence[float]) -> None:
        """Count durations under a value of the label."""
        series = self._series.get(label)
        if series is None:
            series = self._series[label] = _Series(len(self._bounds))
        counts, bounds = series.counts, self._bounds
        for one in seconds:
            counts[bisect_left(bounds, one)] += 1
        series.seconds += sum(seconds)

    def describe(self) -> Iterator[Metric]:
        """Yield what will be collected, without its values."""
        yield HistogramMetricFamily(self._name, self._meaning, labels=[self._label])

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=[self._label])
        names = [*map(repr, self._bounds[:-1]), "+Inf"]
        for label, series in self._series.items():
            family.add_metric([label], list(zip(names, accumulate(series.counts), strict=True)), series.seconds)
            family.add_sample(f"{self._name}_created", {self._label: label}, series.created)
        yield family
