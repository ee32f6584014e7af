"""Start the processes that are measured, and read what they have used from the kernel."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

_READY = re.compile(r"(http://[0-9.]+:[0-9]+)")
_START_S = 60
_STOP_S = 60
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def started(arguments: list[str], errors: Path) -> Iterator[tuple[str, int]]:
    """Run a server until the block ends; yield its URL, which it prints in one line, and its process id."""
    with _running(arguments, errors, subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = _READY.search(process.stdout.readline())
        if ready is None:
            msg = f"{arguments[0]} did not start: {errors.read_text()[-2_000:]}"
            raise RuntimeError(msg)
        yield ready[1], process.pid
        process.stdout.close()


@contextmanager
def serving(arguments: list[str], url: str, errors: Path) -> Iterator[int]:
    """Run a server until the block ends; yield its process id once it is ready at `url`."""
    with _running(arguments, errors, subprocess.DEVNULL) as process:
        deadline = time.monotonic() + _START_S
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > deadline:
                msg = f"{arguments[0]} did not start: {errors.read_text()[-2_000:]}"
                raise RuntimeError(msg)
            time.sleep(0.02)
        yield process.pid


@contextmanager
def _running(arguments: list[str], errors: Path, stdout: int) -> Iterator[subprocess.Popen[str]]:
    with errors.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=stdout, stderr=log, text=True)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _is_ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def tree(pid: int) -> list[int]:
    """Return the ids of a process and of all below it that live, parents before their children."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of one process, without that of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / _TICKS


def tree_cpu_seconds(pid: int) -> dict[int, float]:
    """Return the time of each process of a tree. The processes must not change while something is measured."""
    return {process: cpu_seconds(process) for process in tree(pid)}


def rss_bytes(pid: int) -> int:
    """Return the resident memory of one process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1_024


def folder_bytes(folder: Path) -> int:
    """Return how many bytes the files below a folder take on disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
