"""Count the cores that this process may use."""

import os


def usable_cores() -> int:
    """Return how many cores there are for this process: fewer than the machine has where it is bound to some."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
