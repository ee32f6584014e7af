"""Say how far an audit is. Whoever shows it, on a terminal or to a machine, implements `Progress`."""

from typing import Protocol


class Progress(Protocol):
    """Be told of phases, one after the other. Called often from one thread: cheap, and never blocking."""

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        """Take note that a phase begins: how much there is to do, and how much of it was done before."""
        ...

    def advance(self, count: int) -> None:
        """Take note that `count` more are done."""
        ...

    def end(self) -> None:
        """Take note that the phase is over."""
        ...


class Silence:
    """Show nothing."""

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
