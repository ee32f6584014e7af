"""Where a demo tells what it does and keeps what it finds: steps with their time, checks with their outcome."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.summary import Summary


@dataclass(frozen=True, slots=True)
class Stage:
    """The summary that decides how a demo ends, and who tells of it."""

    summary: Summary
    narration: Narration

    @contextmanager
    def step(self, title: str, name: str) -> Iterator[None]:
        """Tell of a step, and keep how many seconds it took under its name."""
        self.narration.step(title)
        started_s = time.perf_counter()
        yield
        self.summary.seconds[name] = round(time.perf_counter() - started_s, 3)

    def check(self, name: str, *, expected: object, found: object) -> None:
        """Check something, and tell how it is."""
        self.narration.check(self.summary.check(name, expected=expected, found=found))

    def check_exit(self, name: str, expected: int, found: int) -> None:
        """Check how a command has ended."""
        self.check(name, expected=f"exit code {expected}", found=f"exit code {found}")
