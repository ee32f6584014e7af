"""A log as its front end sees it, wherever the sequencer is: in this process (`LocalLog`) or behind the link.

This is the seam between admission and sequencer. What is behind it means the same in both places; only the way there
differs.
"""

import time
from collections.abc import Awaitable, Sequence
from typing import Protocol

from glasslog.authority import Authority
from glasslog.merkle import Hash
from glasslog_server.core.round import Candidate
from glasslog_server.intake import Intake, IntakeOutcome
from glasslog_server.log import Log
from glasslog_server.quotas import Quotas
from glasslog_server.reader import LogReader
from glasslog_server.storage.store import TreeHead


class ServedLog(Protocol):
    """Take candidates, and answer what is published. For use on one event loop."""

    @property
    def head(self) -> TreeHead:
        """Return the published tree head: durable, guarded, and covered by readable tiles."""
        ...

    @property
    def authority(self) -> Authority:
        """Return who may sign, as of the published head."""
        ...

    @property
    def reader(self) -> LogReader:
        """Return what reads of the log go through: never above the published head."""
        ...

    def submit(self, candidates: Sequence[Candidate]) -> Awaitable[list[IntakeOutcome]]:
        """Return what became of each candidate, in order, once all of it is durable and covered by a published head.

        All or nothing is taken. Raises TreeRangeError, UnavailableError, as `Sequencer.submit`. A cancelled call leaves
        the outcome open.
        """
        ...

    async def check_ready(self) -> None:
        """Raise UnavailableError with the reason when submissions would not be answered in time."""
        ...

    def announce_pending(self, leaf_hash: Hash) -> None:
        """Tell other processes that a client was told to come back for this entry, which is not sequenced yet."""
        ...

    def is_pending_elsewhere(self, leaf_hash: Hash) -> bool:
        """Return whether another process has told so, and the sequencer still holds the entry."""
        ...


class LocalLog:
    """Serve a log whose sequencer runs in this process."""

    def __init__(self, log: Log, quotas: Quotas | None = None) -> None:
        """Take an open log, and the quotas of its issuers, None for no quota."""
        self._log = log
        self._intake = Intake(log.sequencer, quotas or Quotas(None, 1, time.monotonic))

    @property
    def head(self) -> TreeHead:
        """Return the published tree head."""
        return self._log.head

    @property
    def authority(self) -> Authority:
        """Return who may sign."""
        return self._log.authority

    @property
    def reader(self) -> LogReader:
        """Return what reads of the log go through."""
        return self._log.reader

    async def submit(self, candidates: Sequence[Candidate]) -> list[IntakeOutcome]:
        """Return what became of each candidate."""
        return await self._intake.submit(candidates)

    async def check_ready(self) -> None:
        """Raise UnavailableError when submissions would not be answered in time."""
        self._log.sequencer.check_ready()

    def announce_pending(self, leaf_hash: Hash) -> None:
        """Do nothing: there is no other process."""

    def is_pending_elsewhere(self, leaf_hash: Hash) -> bool:
        """Return False: there is no other process."""
        del leaf_hash
        return False
