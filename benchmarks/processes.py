"""Start the processes that are measured, and read what they have used from the kernel."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READY = re.compile(r"(http://[0-9.]+:[0-9]+)")
_STOP_S = 30
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def started(arguments: list[str], errors: Path) -> Iterator[tuple[str, int]]:
    """Run a server until the block ends; yield its URL, which it prints in one line, and its process id."""
    with errors.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            ready = _READY.search(process.stdout.readline())
            if ready is None:
                msg = f"{arguments[0]} did not start: {errors.read_text()[-2_000:]}"
                raise RuntimeError(msg)
            yield ready[1], process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_S)
            if process.stdout is not None:
                process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def folder_bytes(folder: Path) -> int:
    """Return how many bytes the files below a folder take on disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
