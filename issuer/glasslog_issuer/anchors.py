"""Remember the newest checkpoint of the log, for records to be anchored to: a record is not older than its anchor.

Whoever talks to the log offers what it gets (`Client(on_checkpoint=...)`); a background task refreshes what grows old.
Only checkpoints come here whose signature was verified, and none goes back: the size of a log never shrinks, and at one
size there is one root. A log that says otherwise has shown two histories: that is kept as `conflict`, and nothing is
anchored to such a log any more. An anchor that is older than the bound is not used: no anchor is better than one that
says little.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from glasslog.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two checkpoints that a log signed and that cannot both be true: evidence against it."""

    first: Checkpoint
    second: Checkpoint


class Anchors:
    """The newest checkpoint. May be shared by threads; no call waits for anything."""

    def __init__(self, *, max_age_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Take how old an anchor may be, in seconds of a clock that does not jump."""
        self._max_age_s = max_age_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._newest: tuple[Checkpoint, float] | None = None
        self.conflict: Conflict | None = None

    def offer(self, checkpoint: Checkpoint) -> None:
        """Take a verified checkpoint, which was got from the log just now."""
        now_s = self._clock_s()
        with self._lock:
            known = None if self._newest is None else self._newest[0]
            if known is not None and known.size == checkpoint.size and known.root != checkpoint.root:
                self.conflict = self.conflict or Conflict(known, checkpoint)
            if known is None or checkpoint.size >= known.size:
                self._newest = (checkpoint, now_s)

    def current(self) -> dict[str, object] | None:
        """Return the anchor for a record that is made now, None when there is no checkpoint that is new enough."""
        newest = self._newest
        if newest is None or self.conflict is not None or newest[0].size == 0:
            return None
        checkpoint, at_s = newest
        if self._clock_s() - at_s > self._max_age_s:
            return None
        return {"size": checkpoint.size, "root": checkpoint.root}

    @property
    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint, however old."""
        return None if self._newest is None else self._newest[0]
