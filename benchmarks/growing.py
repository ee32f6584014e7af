"""Make figures and a curve of how a log grows: what a record costs, memory, start-up, proofs and disk."""

import tempfile
from pathlib import Path

from benchmarks import growth
from benchmarks.figures import Curve, Figure

STARTUP_S_MAX = 2.0
OVERHEAD_BYTES_MAX = 160.0
PROOFS_PER_S_MIN = 15_000.0
_MB = 1_000_000


def measure(entries: int) -> tuple[list[Figure], list[Curve]]:
    """Fill a log up to `entries` and return what was measured, the limits being those that the design asks for."""
    points = [point for point in growth.POINTS if point < entries]
    with tempfile.TemporaryDirectory() as name:
        measured = growth.measure(Path(name), [*points, entries])
    first, last = measured[0], measured[-1]
    size = f"{last.entries:.0e}".replace("+0", "")
    fsck = [point.fsck_per_s for point in measured if point.fsck_per_s is not None]
    figures = [
        Figure(f"growth_cost_{size}", "us", [last.cpu_us], first.cpu_us, "sequencer CPU a record; against 1e5 entries"),
        Figure(f"startup_s_{size}", "s", [last.startup_s], STARTUP_S_MAX, "opening the log; against the target"),
        Figure("disk_overhead_bytes", "B", [last.overhead_bytes], OVERHEAD_BYTES_MAX, "disk beyond a record; target"),
        Figure(f"proofs_per_s_{size}", "1/s", [last.proofs_per_s], PROOFS_PER_S_MIN, "random inclusion proofs; target"),
        Figure(f"sequencer_rss_mb_{size}", "MB", [last.rss_bytes / _MB], 400.0, "memory of the sequencer; target"),
        Figure("fsck_entries_per_s", "1/s", fsck, None, "entries a second of CPU that fsck checks"),
    ]
    columns = ("entries", "cpu_us", "rss_mb", "startup_s", "proofs_per_s", "disk_bytes")
    rows: list[tuple[float, ...]] = [
        (point.entries, point.cpu_us, point.rss_bytes / _MB, point.startup_s, point.proofs_per_s, point.disk_bytes)
        for point in measured
    ]
    return figures, [Curve("growth", columns, rows)]
