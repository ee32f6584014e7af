"""A log in a process that only hears of it: what a worker serves and admits by.

Who may sign is replayed from the operator's own entries, as everywhere; head, tiles and entries come from publications
and from the store that is followed.
"""

import asyncio
from collections.abc import Callable, Sequence

from glasslog.authority import Authority
from glasslog.merkle import Hash, TreeSize
from glasslog_server.core.round import Candidate
from glasslog_server.errors import StoppingError, UnavailableError
from glasslog_server.followed_store import FollowedStore, LaggingStore
from glasslog_server.intake import IntakeOutcome
from glasslog_server.link.messages import Welcome
from glasslog_server.link.workers_end import WorkersEnd
from glasslog_server.publication import Publication, apply_policy_entries
from glasslog_server.reader import LogReader
from glasslog_server.storage.store import TreeHead


class FollowedLog:
    """Implement `ServedLog` behind the link, as its `Follower`. Usable once it was welcomed and attached."""

    def __init__(self, open_store: Callable[[], LaggingStore], exposition: Callable[[], bytes]) -> None:
        """Take how to open the store for reading, and what tells this process's metrics."""
        self._open_store = open_store
        self._exposition = exposition
        self._store: FollowedStore | None = None
        self._reader: LogReader | None = None
        self._authority: Authority | None = None
        self._link: WorkersEnd | None = None
        self._stopping = False

    def attach(self, link: WorkersEnd) -> None:
        """Submit over this link from now on."""
        self._link = link

    def stop(self) -> None:
        """Take no statements any more; what is under way is answered."""
        self._stopping = True

    async def close(self) -> None:
        """Close the store that was followed."""
        if self._store is not None:
            await self._store.close()

    # What the sequencer tells (`Follower`).

    def welcome(self, welcome: Welcome) -> None:
        """Begin at the head that is published."""
        self._authority = apply_policy_entries(None, welcome.policy_entries)
        store = self._store = FollowedStore(self._open_store, welcome.head)
        self._reader = LogReader(store, lambda: store.head)

    def follow(self, publication: Publication) -> None:
        """Take up the next head; whoever asks from now on is answered by it."""
        if publication.policy_entries:
            self._authority = apply_policy_entries(self.authority, publication.policy_entries)
        self._followed().follow(publication)
        self.reader.take(publication)

    def told_head(self, size: TreeSize) -> TreeHead | None:
        """Return a head that was published lately."""
        return self._followed().told_head(size)

    def exposition(self) -> bytes:
        """Return what this process counts."""
        return self._exposition()

    # What the front end asks (`ServedLog`).

    @property
    def head(self) -> TreeHead:
        """Return the published tree head."""
        return self._followed().head

    @property
    def authority(self) -> Authority:
        """Return who may sign, as of the published head."""
        if self._authority is None:
            raise _not_welcomed()
        return self._authority

    @property
    def reader(self) -> LogReader:
        """Return what reads of the log go through."""
        if self._reader is None:
            raise _not_welcomed()
        return self._reader

    def submit(self, candidates: Sequence[Candidate]) -> asyncio.Future[list[IntakeOutcome]]:
        """Return what will have become of each candidate; a refusal is in the future, too."""
        try:
            return self._linked().submit(candidates)
        except UnavailableError as error:
            refused: asyncio.Future[list[IntakeOutcome]] = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused

    async def check_ready(self) -> None:
        """Raise UnavailableError when submissions would not be answered in time: the sequencer is asked."""
        readiness = await self._linked().ask_readiness()
        if not readiness.ready:
            error = StoppingError if readiness.code == StoppingError.code else UnavailableError
            raise error(readiness.reason)

    def announce_pending(self, leaf_hash: Hash) -> None:
        """Tell the other workers that a client was told to come back for this entry."""
        self._linked().announce_pending(leaf_hash)

    def is_pending_elsewhere(self, leaf_hash: Hash) -> bool:
        """Return whether another worker has told so, and the sequencer still holds the entry."""
        return self._link is not None and leaf_hash in self._link.pending_elsewhere

    def _followed(self) -> FollowedStore:
        if self._store is None:
            raise _not_welcomed()
        return self._store

    def _linked(self) -> WorkersEnd:
        if self._stopping:
            msg = "the server is shutting down"
            raise StoppingError(msg)
        if self._link is None:
            raise _not_welcomed()
        return self._link


def _not_welcomed() -> UnavailableError:
    return UnavailableError("the sequencer has not said yet where the log stands")
