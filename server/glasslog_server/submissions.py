"""What waits for the sequencer: submissions in the order of their arrival, bounded in entries and in bytes.

Candidates that came together are taken together and answered together, all or nothing. Whether submissions are taken
at all is the sequencer's to say; the queue says only whether there is room.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from glasslog.counting import counted
from glasslog.errors import GlasslogError
from glasslog.merkle import Hash, LeafIndex
from glasslog_server.core.limits import ROUND_BYTES_MAX, ROUND_ENTRIES_MAX
from glasslog_server.core.round import Candidate
from glasslog_server.errors import OverloadedError, TreeRangeError
from glasslog_server.storage.store import TreeHead


@dataclass(slots=True)  # frozen it would cost three times as much to make, and one is made for every entry
class Sequenced:
    """A durable place in the log. `head` is the first signed head, of size 2 or more, that covers it.

    `duplicate` tells that the log had this statement before. Treat it as immutable.
    """

    index: LeafIndex
    leaf_hash: Hash
    head: TreeHead
    duplicate: bool


Outcome: TypeAlias = Sequenced | GlasslogError
"""What became of one candidate: its place, or why the policy in force when it was sequenced refuses it."""


BUSY_ENTRIES: Final = 8
"""A log whose last round took more than so many entries is busy."""


@dataclass(frozen=True, slots=True)
class SequencerLimits:
    """Bounds of rounds and of the queue.

    A round starts when work is pending and, while the log is busy, `round_interval_s` has passed since the last one
    started: what gathers meanwhile shares the cost of a round. An idle log waits for nothing. When what was submitted
    has no answer after `round_age_max_s`, the log is not ready. After a failure the store is opened anew, once after
    each of `reopen_delays_s`.
    """

    round_interval_s: float = 0.01
    round_entries_max: int = ROUND_ENTRIES_MAX
    round_bytes_max: int = ROUND_BYTES_MAX
    queue_entries_max: int = 65_536
    queue_bytes_max: int = 64 * 1_024 * 1_024
    round_age_max_s: float = 30.0
    reopen_delays_s: tuple[float, ...] = (0.0, 0.1, 0.5, 2.0, 10.0)

    def interval_after(self, entries: int) -> float:
        """Return the seconds from the start of a round that took so many entries to that of the next.

        After a single one there is no wait: who sends one statement after the other has each as fast as the disk is.
        From there to `BUSY_ENTRIES` the interval grows, so that the load itself finds the pace.
        """
        return self.round_interval_s * min(max(entries - 1, 0), BUSY_ENTRIES) / BUSY_ENTRIES


@dataclass(slots=True)
class Submission:
    """Candidates that came together and are answered together."""

    candidates: Sequence[Candidate]
    entry_bytes: int
    arrived: float
    answer: asyncio.Future[list[Outcome]]

    def settle(self, outcomes: list[Outcome]) -> None:
        """Answer the caller, unless it went away."""
        if not self.answer.done():
            self.answer.set_result(outcomes)

    def refuse(self, error: Exception) -> None:
        """Answer the caller with an error, unless it went away."""
        if not self.answer.done():
            self.answer.set_exception(error)


class SubmissionQueue:
    """Hold submissions until a round takes them. `observe` hears how many entries wait, whenever that changes."""

    def __init__(self, limits: SequencerLimits, observe: Callable[[int], None]) -> None:
        self._limits = limits
        self._observe = observe
        self._waiting: deque[Submission] = deque()
        self._entries = 0
        self._entry_bytes = 0

    def __bool__(self) -> bool:
        """Return whether anything waits."""
        return bool(self._waiting)

    @property
    def fills_round(self) -> bool:
        """Return whether what waits is enough for a whole round."""
        return self._entries >= self._limits.round_entries_max or self._entry_bytes >= self._limits.round_bytes_max

    @property
    def oldest_arrival(self) -> float | None:
        """Return the `time.monotonic` at which the first that waits arrived, None when nothing waits."""
        return self._waiting[0].arrived if self._waiting else None

    def check_fits(self, entries: int, entry_bytes: int) -> None:
        """Raise TreeRangeError for what no round can hold, OverloadedError when there is no room for it now."""
        limits = self._limits
        if entries > limits.round_entries_max or entry_bytes > limits.round_bytes_max:
            msg = (
                f"expected at most {limits.round_entries_max} statements and {limits.round_bytes_max} bytes at once, "
                f"got {entries} and {entry_bytes}"
            )
            raise TreeRangeError(msg)
        if (
            self._entries + entries > limits.queue_entries_max
            or self._entry_bytes + entry_bytes > limits.queue_bytes_max
        ):
            msg = f"the queue is full with {counted(self._entries, 'statements')}"
            raise OverloadedError(msg)

    def put(self, candidates: Sequence[Candidate], entry_bytes: int) -> asyncio.Future[list[Outcome]]:
        """Append a submission for which `check_fits` has passed; return the future that will hold its answer."""
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append(Submission(candidates, entry_bytes, time.monotonic(), answer))
        self._count(len(candidates), entry_bytes)
        return answer

    def take_round(self) -> list[Submission]:
        """Take whole submissions from the front, as many as fit one round."""
        limits = self._limits
        taken: list[Submission] = []
        entries = entry_bytes = 0
        for submission in self._waiting:
            entries += len(submission.candidates)
            entry_bytes += submission.entry_bytes
            if taken and (entries > limits.round_entries_max or entry_bytes > limits.round_bytes_max):
                break
            taken.append(submission)
        return self._take(len(taken))

    def take_all(self) -> list[Submission]:
        """Take everything."""
        return self._take(len(self._waiting))

    def _take(self, number: int) -> list[Submission]:
        taken = [self._waiting.popleft() for _ in range(number)]
        self._count(
            -sum(len(submission.candidates) for submission in taken),
            -sum(submission.entry_bytes for submission in taken),
        )
        return taken

    def _count(self, entries: int, entry_bytes: int) -> None:
        self._entries += entries
        self._entry_bytes += entry_bytes
        self._observe(self._entries)
