"""What a scrape sees of durations is what the library's own histogram would show."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from glasslog_server.durations import Durations

BOUNDS = (0.001, 0.25, 10.0)
seconds = st.sampled_from(BOUNDS) | st.floats(0, 20)


@given(st.lists(st.tuples(st.sampled_from(["/entries", '/a"b\\']), st.lists(seconds, max_size=5))))
def test_a_scrape_shows_what_the_library_would(observed: list[tuple[str, list[float]]]) -> None:
    ours, theirs = CollectorRegistry(auto_describe=True), CollectorRegistry()
    durations = Durations("request_seconds", "Time of a request", "route", BOUNDS)
    ours.register(durations)
    histogram = Histogram("request_seconds", "Time of a request", ("route",), buckets=BOUNDS, registry=theirs)
    for route, some in observed:
        durations.observe(route, some)
        child = histogram.labels(route)
        for one in some:
            child.observe(one)
    for accept in ("", CONTENT_TYPE_LATEST):
        encode, _ = choose_encoder(accept)
        assert _lines(encode(ours)) == _lines(encode(theirs))


def _lines(exposition: bytes) -> list[tuple[str, float | None]]:
    """Return the lines by name and value, without the times at which series began."""
    lines: list[tuple[str, float | None]] = []
    for line in exposition.decode().splitlines():
        name, _, value = line.rpartition(" ")
        told = None if line.startswith("#") or "_created" in name else round(float(value), 6)
        lines.append((line if line.startswith("#") else name, told))
    return lines
