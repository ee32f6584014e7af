"""End a command before its work is done: Ctrl-C, SIGTERM and the end of its terminal all end it in one way.

A program's `main` holds `ending_on_signals`, which makes a KeyboardInterrupt of each of them, so that whatever removes
what is half done does so. `Interruptible` tells it in one line; a command that keeps what it has done says that with
`resumable`. A signal that the caller wants to be ignored (`nohup`) stays ignored. What a running server or monitor does
when it is told to stop is not decided here: they take the signals for themselves.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn

import click

from glasslog.cli import BEGIN_AGAIN

EXIT_UNABLE: Final = 3
SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


class InterruptedCommandError(click.Abort):
    """Report that somebody ended a command; the message says what was kept, and how to go on."""


class Interruptible(click.Group):
    """Turn the interruption of any command into InterruptedCommandError, with a sentence where it has none.

    A reader of the output who goes away ends a command too, and click would have that look like a failed verification.
    """

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 (click's signature)
        """Read the arguments, and print the help where it is asked for."""
        with _ending_unread():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's signature)
        """Run the subcommand."""
        with _ending_unread(), resumable(BEGIN_AGAIN):
            return super().invoke(ctx)


@contextmanager
def _ending_unread() -> Iterator[None]:
    """End as what could not be done when nobody reads the output any more."""
    try:
        yield
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would fail again when it exits
        complain("Error: cannot write the output: nobody reads it any more")
        raise SystemExit(EXIT_UNABLE) from error


@contextmanager
def resumable(said: str) -> Iterator[None]:
    """Have an interruption of what is done here told as `said`: what was kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptedCommandError(said) from error


@contextmanager
def ending_on_signals(signals: Sequence[signal.Signals] = SIGNALS) -> Iterator[None]:
    """Let signals that ask a process to end do what Ctrl-C does. For the main thread."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    taken = [number for number in signals if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def told_of(error: click.Abort, before: str = "") -> str:
    """Return the line about a command that somebody ended; on a terminal it does not stand behind the `^C`."""
    return ("\n" if sys.stderr.isatty() else "") + before + (str(error) or BEGIN_AGAIN)


def complain(line: str) -> None:
    """Write a line to standard error. That nobody can read it any more changes no exit code."""
    with suppress(OSError):
        click.echo(line, err=True)
