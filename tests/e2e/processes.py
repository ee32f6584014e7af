"""Run the real programs: the server until it says that it is ready, the tools until they end."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from glasslog_server.cli.program import program

PROGRAM = [sys.executable, "-m", "glasslog_server"]
PATIENCE_S = 60.0
"""How long anything may take before the test fails; nothing ever waits for this long when all is well."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a tool has ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Return the one line on standard error."""
        [line] = self.err.splitlines()
        return line


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    """Run a tool in a process of its own, or start a server that must refuse to run."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, **(env or {})},
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run_here(*arguments: str | Path) -> Result:
    """Run a tool in this process: the same command line, without the second of work that a program takes to start.

    For tests of what a tool does to a log, after others have shown that the program runs it.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        program([str(argument) for argument in arguments], prog_name="glasslog-server")
    return Result(int(ended.value.code or 0), out.getvalue(), err.getvalue())


class Server:
    """A server process. What it says on standard error is read as it comes, one JSON event a line."""

    def __init__(self, arguments: Sequence[str | Path]) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.events: list[dict[str, Any]] = []
        self.said: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def serve(cls, config: Path, workers: int | None = None) -> Self:
        return cls(["serve", "--config", config, *([] if workers is None else ["--workers", str(workers)])])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()

    def ready(self) -> Self:
        """Wait until the server takes requests."""
        event = self.wait_for("ready")
        assert event is not None, "".join(self.said)
        return self

    @property
    def url(self) -> str:
        return self._told_when_ready("url")

    @property
    def admin_url(self) -> str:
        return self._told_when_ready("admin_url")

    @property
    def sequencer_pid(self) -> int:
        """Return the process that has the store: another than the one that was started, where there are several."""
        return int(
            next(event.get("sequencer_pid", self.process.pid) for event in self.events if event["event"] == "ready")
        )

    def _told_when_ready(self, key: str) -> str:
        return next(str(event[key]) for event in self.events if event["event"] == "ready")

    def wait_for(self, name: str, count: int = 1) -> dict[str, Any] | None:
        """Wait for the event `name` to come for the `count`-th time, and return it, or None when the process ends."""

        def found() -> dict[str, Any] | None:
            events = [event for event in self.events if event["event"] == name]
            return events[count - 1] if len(events) >= count else None

        with self._news:
            assert self._news.wait_for(lambda: found() or self._ended, PATIENCE_S), f"waited in vain for {name}"
            return found()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join()
        return code

    def kill(self) -> None:
        """Kill the process that was started, and wait for its end alone: others may be left for a moment."""
        self.process.kill()
        assert self.process.wait(PATIENCE_S) == -signal.SIGKILL

    def stop(self) -> int:
        """End the server in order."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line)
                if line.startswith("{"):
                    self.events.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()
