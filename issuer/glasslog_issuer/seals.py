"""Seal windows: the issuer's word for how many records there are, so that none can be taken away or added later.

A window is a time and the numbers of the stream that were used in it: every number lies in one window, and windows
follow each other without a gap. A window is sealed when the log has all its records, and the seal says between which
sizes of the log they lie: it had at least `tree_size_start` entries before any of them (0 where nobody had asked yet),
and has `tree_size_end` with all.
"""

from collections.abc import Callable

from glasslog_issuer.anchors import Anchors
from glasslog_issuer.bodies import Body, SealedStream, WindowSeal
from glasslog_issuer.clocks import Clocks
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.spool import Spool, Window
from glasslog_issuer.spool.state import cut

RETRY_S = 1.0


class Seals:
    """Closes windows and seals them. For one thread at a time."""

    def __init__(
        self,
        spool: Spool,
        record: Callable[[Body], SignedRecord],
        anchors: Anchors,
        clocks: Clocks,
        every_s: int | None,
    ) -> None:
        """Take the length of windows in seconds, None for those that are closed by `cut` alone."""
        self._spool = spool
        self._record = record
        self._anchors = anchors
        self._clocks = clocks
        self._every_s = every_s
        self._opened_s = clocks.clock_s()

    def cut(self) -> None:
        """Close the open window and open the next, now."""
        window = self._spool.state.window
        end = max(self._clocks.now_ms(), 0 if window is None else window.start)  # where a clock is set back: no time
        newest = self._anchors.newest
        self._spool.commit(self._spool.note(cut(end, 0 if newest is None else newest.size)))
        self._opened_s = self._clocks.clock_s()

    def tick(self) -> float:
        """Close the window when its time is over, and seal what can be; return in how many seconds to come again."""
        if self._every_s is not None and self._is_over(self._every_s):
            self.cut()
        self.seal()
        return RETRY_S

    def seal(self) -> list[SignedRecord]:
        """Seal the closed windows whose records the log has; return the seals."""
        newest = self._anchors.newest
        if newest is None:
            return []
        ready = [window for window in self._spool.state.closed if window.last_seq < self._spool.done_seq]
        return [self._record(self._body(window, newest.size)) for window in ready]

    def _is_over(self, every_s: int) -> bool:
        """Return whether it is time to cut: by either clock, so that a window outlives restarts, and always ends."""
        window = self._spool.state.window
        began_ms = self._clocks.now_ms() if window is None else window.start
        elapsed_s = max(self._clocks.clock_s() - self._opened_s, (self._clocks.now_ms() - began_ms) / 1_000)
        return elapsed_s >= every_s

    def _body(self, window: Window, tree_size: int) -> WindowSeal:
        stream = SealedStream(
            id=self._spool.state.place.id,
            first_seq=window.first_seq,
            last_seq=window.last_seq,
            count=window.last_seq + 1 - window.first_seq,
        )
        return WindowSeal(
            from_=window.start,
            to=window.end,
            tree_size_start=window.tree_size,
            tree_size_end=max(tree_size, window.tree_size),
            streams=[stream],
        )
