"""What this machine can do without a log: the limits that every figure is held against."""

from benchmarks import physical
from benchmarks.figures import Figure, say


def measure() -> list[Figure]:
    """Return the figures of the machine itself."""
    say("the machine: the interpreter, SHA-256, fdatasync, RocksDB")
    return [
        Figure("interpreter", "us", physical.interpreter_us(), None, "1,000 turns of a loop in Python, CPU"),
        Figure("sha256", "us", physical.sha256_us(), None, "one SHA-256 of 1 KB, CPU"),
        Figure("fdatasync", "ms", physical.sync_ms(), None, "64 KiB appended and synced, wall"),
        Figure(
            "rocksdict_write", "us", physical.rocks_write_us(), None, "1 KB written raw in a synced batch of 1,000, CPU"
        ),
    ]
