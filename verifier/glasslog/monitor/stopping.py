"""Stop a monitor when a signal says so: at once while it looks, and never between telling and remembering.

Looking may be cut off anywhere, because the state folder may: what was mirrored and replayed is there for the next
look, and what was not told is found again.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StoppedError(BaseException):
    """Leave a look at a log that was cut off. No step of an audit takes it for its own failure."""


class Stop:
    """Whether a monitor is to end. Of the main thread."""

    def __init__(self) -> None:
        """Begin with nobody having said so."""
        self._event = threading.Event()
        self._may_be_cut_off = False

    @contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Let SIGTERM and SIGINT say so. The second one does what it does to every process."""
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def stop(_number: int, _frame: object) -> None:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.request()

        for number in SIGNALS:
            signal.signal(number, stop)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def request(self) -> None:
        """Say so. Raises StoppedError in the main thread while that may be cut off."""
        self._event.set()
        if self._may_be_cut_off:
            self._may_be_cut_off = False
            raise StoppedError

    @property
    def is_requested(self) -> bool:
        """Return whether somebody said so."""
        return self._event.is_set()

    @contextmanager
    def may_cut_off(self) -> Iterator[None]:
        """Allow what is done here to be cut off."""
        self._may_be_cut_off = True
        try:
            if self.is_requested:
                raise StoppedError
            yield
        finally:
            self._may_be_cut_off = False

    def wait(self, seconds: float) -> bool:
        """Wait; return whether to end."""
        return self._event.wait(seconds)
