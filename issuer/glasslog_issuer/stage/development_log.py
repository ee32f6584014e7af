"""Run a real log for a while: `glasslog-server dev` as a child process.

The child gets a process group of its own, so an interrupt at the terminal reaches the demo alone, and the demo ends the
child, by its process id, whatever happens. Every wait is bounded.
"""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog_issuer.stage.errors import DemoError

START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 20.0
ISSUER_URI: Final = "https://issuer.dev.example"  # whom the development log knows
_LINE_BYTES_MAX: Final = 4_096
_TAIL_CHARACTERS: Final = 2_000


@dataclass(frozen=True)
class DevelopmentLog:
    """A running log: where it is reached, its verifier key, and the key of the issuer that it knows."""

    url: str
    vkey: str
    issuer_key: Path
    process: "subprocess.Popen[bytes]"

    def stop(self) -> int:
        """Ask the server to end and wait for it; return its exit code. One that does not end is killed."""
        return _stop(self.process)


@contextmanager
def development_log(folder: Path, output: Path) -> Iterator[DevelopmentLog]:
    """Start a log in a folder on a free port of this machine; what it says goes to the file `output`.

    It has ended when the block is left. Raises DemoError when it does not start.
    """
    command = [sys.executable, "-m", "glasslog_server", "dev", "--dir", str(folder), "--listen", "127.0.0.1:0"]
    with output.open("wb") as log_file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log_file, start_new_session=True
        )
    try:
        url = _wait_for_url(process, output)
        vkey = (folder / "log.vkey").read_text().strip()
        yield DevelopmentLog(url, vkey, folder / "issuer.pem", process)
    finally:
        _stop(process)
        if process.stdout is not None:
            process.stdout.close()


def _wait_for_url(process: "subprocess.Popen[bytes]", output: Path) -> str:
    """Return the URL in the line that the server prints when it is ready."""
    assert process.stdout is not None  # noqa: S101  we asked for a pipe
    deadline_s = time.monotonic() + START_TIMEOUT_S
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"\n" not in line and len(line) < _LINE_BYTES_MAX:
            if not selector.select(deadline_s - time.monotonic()):
                msg = f"expected glasslog-server to be ready within {START_TIMEOUT_S:.0f} s, got {_tail(output)}"
                raise DemoError(msg)
            chunk = os.read(process.stdout.fileno(), _LINE_BYTES_MAX)
            if not chunk:
                msg = f"expected glasslog-server to start, got {_tail(output)}"
                raise DemoError(msg)
            line += chunk
    urls = [word for word in line.decode(errors="replace").split() if word.startswith(("http://", "https://"))]
    if not urls:
        msg = f"expected a line with the log's URL, got {line[:200]!r}"
        raise DemoError(msg)
    return urls[0]


def _tail(output: Path) -> str:
    return output.read_text(errors="replace")[-_TAIL_CHARACTERS:].strip() or "nothing"


def _stop(process: "subprocess.Popen[bytes]") -> int:
    process.terminate()  # does nothing to a process that has ended
    try:
        return process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
