"""Show how far an audit is: bars with rate and time left on a terminal, JSON lines for machines, nothing elsewhere.

Everything goes to standard error; standard output is for the outcome.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from glasslog.mirror.progress import Progress, Silence

_LINES_EVERY_S: Final = 1.0


@contextmanager
def progress_for(*, as_json: bool) -> Iterator[Progress]:
    """Give the progress that suits where standard error goes."""
    if as_json:
        yield _Lines()
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            yield _Bar(bars)
    else:
        yield Silence()


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="dim")


class _Bar:
    """A bar for each phase."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        self._task = self._bars.add_task(phase, total=total or None, completed=done)

    def advance(self, count: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, count)

    def end(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None


class _Lines:
    """A line of JSON at the start and end of each phase, and about every second."""

    def __init__(self) -> None:
        self._phase = ""
        self._total = self._done = self._first = 0
        self._began = self._told = 0.0

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        self._phase, self._total, self._done, self._first = phase, total, done, done
        self._began = time.monotonic()
        self._tell()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._told >= _LINES_EVERY_S:
            self._tell()

    def end(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        elapsed = self._told - self._began
        rate = (self._done - self._first) / elapsed if elapsed > 0 else 0.0
        left = round((self._total - self._done) / rate, 1) if rate else None
        line = {"phase": self._phase, "done": self._done, "total": self._total, "per_s": round(rate, 1), "left_s": left}
        print(json.dumps(line), file=sys.stderr, flush=True)  # noqa: T201 (this is what it is for)
