"""The sequencer: the only writer of a log.

Callers hand over admitted statements and wait; one task takes what is pending, gives out indexes, writes, signs,
publishes and answers, round after round. A round costs one sync of the store and one of the guard whatever its size, so
what arrives during a round waits for the next one and shares its cost.

Any failure after the first byte was written leaves the outcome unknown. Then the sequencer answers nobody with a guess:
it drops its state, refuses everything it holds, opens the store anew through `recovery`, and goes on from what is
really there. Nothing here looks at signatures of statements: that is admission's work.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, Protocol, TypeAlias, cast

import structlog

from glasslog.authority import Authority
from glasslog.errors import GlasslogError
from glasslog.merkle import LeafIndex, TreeSize
from glasslog_server.core.round import Candidate, Duplicate, RoundPlan, grow, plan_round
from glasslog_server.core.tree import TILE_BYTES
from glasslog_server.errors import (
    FaultError,
    GuardError,
    InterruptedWriteError,
    ServerError,
    StoppingError,
    StoreCorruptError,
    StoreError,
    TreeCorruptError,
    UnavailableError,
)
from glasslog_server.publication import PolicyEntry, Publication
from glasslog_server.recovery import LogState, read_policy_entries, recover
from glasslog_server.storage.guard import Guard
from glasslog_server.storage.store import RoundWrite, Store, TreeHead
from glasslog_server.submissions import Outcome, Sequenced, SequencerLimits, Submission, SubmissionQueue
from glasslog_server.tree_heads import HeadSigner

__all__ = [
    "Outcome",
    "RoundObserver",
    "Sequenced",
    "Sequencer",
    "SequencerLimits",
    "Storage",
    "Subscriber",
]

RECEIPT_SIZE_MIN: Final = TreeSize(2)
"""The smallest tree with inclusion receipts (RFC 9942: a path holds at least one hash)."""
_HASH_BYTES: Final = 32

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.sequencer")


class RoundObserver(Protocol):
    """Watch the sequencer: metrics. Called on the event loop; must not block."""

    def round_done(self, *, new: int, duplicates: int, refused: int, size: int, seconds: float) -> None:
        """Take note of a finished round."""
        ...

    def write_synced(self, seconds: float) -> None:
        """Take note of how long it took to make a round durable, in the store and in the guard."""
        ...

    def failed(self, code: str) -> None:
        """Take note of a fault that made the sequencer reopen the store."""
        ...

    def queue_changed(self, entries: int) -> None:
        """Take note of how many entries wait."""
        ...


Subscriber: TypeAlias = Callable[[Publication], Awaitable[None] | None]
"""Takes each publication, on the event loop and in order, before the round's callers are answered.

It must not block. What it returns to be awaited holds up the answers of the round, and the next round: meant for
publications with `policy_entries`, which have to be everywhere before they are acknowledged. It must not raise: that
would count as a failure of the round.
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """The two places a log is kept in, open."""

    store: Store
    guard: Guard

    async def close(self) -> None:
        """Close both, the guard last: while it is held, no other server can start on this log."""
        try:
            await self.store.close()
        finally:
            await self.guard.close()


class Sequencer:
    """Order, store, sign and publish. One object and one `run` task for a log, in one process."""

    def __init__(
        self,
        open_storage: Callable[[], Awaitable[Storage]],
        signer: HeadSigner,
        limits: SequencerLimits,
        observer: RoundObserver,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take everything the sequencer works with; `open` then brings it to life. `clock` gives POSIX seconds."""
        self._open_storage = open_storage
        self._signer = signer
        self._limits = limits
        self._observer = observer
        self._clock = clock
        # Known once open. What `_state` says is published: durable, guarded and readable.
        self._storage: Storage | None = None
        self._state: LogState | None = None
        self._subscribers: list[Subscriber] = []
        self._queue = SubmissionQueue(limits, observer.queue_changed)
        self._wake = asyncio.Event()
        self._stopping = False
        # The round under way.
        self._taken: list[Submission] = []
        self._round_started: float | None = None
        self._round_entries = 0
        # The fault since which nothing is taken; None while all is well.
        self._fault: ServerError | None = None

    async def open(self) -> None:
        """Open store and guard and find out where the log stands. Raises FaultError: then the log must not run."""
        self._storage = await self._open_storage()
        try:
            self._state = await recover(self._storage.store, self._storage.guard)
        except BaseException:
            await self._storage.close()
            raise

    # What others may know.

    @property
    def store(self) -> Store:
        """Return the store to read from; it changes when the store had to be opened anew."""
        return self._opened().store

    @property
    def head(self) -> TreeHead:
        """Return the published tree head: durable, guarded, and covered by readable tiles."""
        return self._known().head

    @property
    def authority(self) -> Authority:
        """Return who may sign, as of the published head."""
        return self._known().authority

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand every publication from now on to `subscriber`; the head to start from is `head`, read before or after.

        Nothing is published between two turns of the event loop, so a subscriber that takes `head` and `authority` in
        the same turn misses nothing. `recovery.read_policy_entries` gives the entries that lead to that authority.
        """
        self._subscribers.append(subscriber)

    def _opened(self) -> Storage:
        if self._storage is None:
            msg = "the store is not open yet"
            raise UnavailableError(msg)
        return self._storage

    def _known(self) -> LogState:
        if self._state is None:
            msg = "the log is not open yet"
            raise UnavailableError(msg)
        return self._state

    def check_ready(self) -> None:
        """Raise UnavailableError with the reason when submissions would not be answered in time."""
        self._check_running()
        waiting = [start for start in (self._round_started, self._queue.oldest_arrival) if start is not None]
        age = time.monotonic() - min(waiting) if waiting else 0.0
        if age > self._limits.round_age_max_s:
            limit = self._limits.round_age_max_s
            msg = f"expected a checkpoint within {limit:.0f} s, got none over what was submitted {age:.0f} s ago"
            raise UnavailableError(msg)

    def _check_running(self) -> None:
        if self._fault is not None:
            msg = f"the log takes no statements since a fault: {self._fault}"
            raise UnavailableError(msg)
        if self._stopping:
            msg = "the server is shutting down"
            raise StoppingError(msg)

    # What callers do.

    async def submit(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Return what became of each candidate, in order, once all of it is durable and covered by a published head.

        All or nothing is taken. Raises TreeRangeError for more than a round can hold, OverloadedError, StoppingError,
        UnavailableError (nothing was taken), InterruptedWriteError (the outcome is unknown: submit again). A cancelled
        call leaves the outcome open too: the candidates may already be in a round.
        """
        entry_bytes = sum(len(candidate.entry) for candidate in candidates)
        self._queue.check_fits(len(candidates), entry_bytes)
        self._check_running()
        if not candidates:
            return []
        answer = self._queue.put(candidates, entry_bytes)
        self._wake.set()
        return await answer

    # The task.

    async def run(self) -> None:
        """Run rounds until `stop` is called and the queue is empty. Raises the FaultError that no reopening mended."""
        next_start = float("-inf")
        try:
            while await self._work_pending():
                await self._pause(next_start)
                started = time.monotonic()
                try:
                    await self._round()
                except Exception as error:  # noqa: BLE001 (whatever failed, the state in memory cannot be trusted)
                    await self._start_over(error)
                next_start = started + self._limits.interval_after(self._round_entries)
        finally:
            self._stopping = True
            self._refuse_all(StoppingError("the server is shutting down"))

    def stop(self) -> None:
        """Take nothing more; `run` returns once everything taken is answered."""
        self._stopping = True
        self._wake.set()

    async def close(self) -> None:
        """Close store and guard; call it after `run` has returned."""
        if self._storage is not None:
            await self._storage.close()

    async def _work_pending(self) -> bool:
        while not self._queue and not self._stopping:
            self._wake.clear()
            await self._wake.wait()
        return bool(self._queue)

    async def _pause(self, until: float) -> None:
        """Let submissions gather, unless the server is stopping or the queue already fills a round."""
        while not self._stopping and not self._queue.fills_round:
            remaining = until - time.monotonic()
            if remaining <= 0:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._wake.wait()

    async def _round(self) -> None:
        """Run one round. The comments say what a crash after each step leaves behind."""
        state, storage = self._known(), self._opened()
        started = self._round_started = time.monotonic()
        # 1. Take what is pending. Crash: nothing was promised yet; callers see a broken connection and submit again.
        self._taken = self._queue.take_round()
        candidates = [candidate for submission in self._taken for candidate in submission.candidates]
        self._round_entries = len(candidates)

        # 2. Look up what the log has already, and give indexes to the rest. Time never runs backwards in a log.
        found = await storage.store.find_leaves([candidate.leaf_hash for candidate in candidates])
        now = max(state.head.time, int(self._clock()))
        plan = plan_round(candidates, found, state.head.size, state.authority, now, self._signer.public_keys)

        # 3. Grow the tree, write, sign, guard, publish. Crash: see there.
        if plan.new:
            self._state, publication = await self._commit(storage, state, plan, now)
            await self._publish(publication)

        # 4. Answer. Crash: everything is durable; who got no answer submits again and gets the same index.
        outcomes = await self._outcomes(storage.store, candidates, plan)
        self._answer(outcomes)
        self._round_started = None
        self._observe(plan, time.monotonic() - started)

    async def _commit(
        self, storage: Storage, state: LogState, plan: RoundPlan, now: int
    ) -> tuple[LogState, Publication]:
        """Make the new entries part of the log for ever; return where it then stands, and what may be published."""
        # a. Compute the tree, twice. From here on the tree in memory is ahead of the store: any failure makes the
        #    sequencer start over from what is on disk.
        tree = state.tree
        tiles, inner_nodes, root = grow(tree, plan.new, state.edge)

        # b. Sign. The signed head exists in memory only. Crash: nobody has seen it; the next round may sign another
        #    tree of this size, because this one never left the process.
        head = await self._signer.sign(tree.size, root, now)

        # c. One atomic, synced write of entries, tiles, indexes and head. Crash before: nothing of the round exists.
        #    Crash after: store one round ahead of the guard; recovery finds that and moves the guard. Failure: the
        #    outcome is unknown, and only opening the store anew tells.
        # d. In the same breath, move the guard, from exactly the checkpoint that this round grew from. Crash after:
        #    store and guard agree; the checkpoint was not published yet, and is when the server is back.
        def move_guard() -> None:
            storage.guard.swap_now(state.head.note, head.note)

        before = time.monotonic()
        await storage.store.append(RoundWrite(plan.first, plan.new, tiles, inner_nodes, head), move_guard)
        self._observer.write_synced(time.monotonic() - before)
        policy_entries = [PolicyEntry(index, plan.new[index - plan.first].entry) for index in plan.policy_indexes]
        edge = {tile: data for tile, data in {**state.edge, **tiles}.items() if len(data) < TILE_BYTES}
        return LogState(head, tree, edge, plan.authority), Publication(plan.first, head, tiles, policy_entries)

    async def _publish(self, publication: Publication) -> None:
        """Tell everybody. Crash: as after the guard was moved; who heard of it heard of what is durable."""
        for subscriber in self._subscribers:
            settled = subscriber(publication)
            if settled is not None:
                await settled

    async def _outcomes(self, store: Store, candidates: Sequence[Candidate], plan: RoundPlan) -> list[Outcome]:
        """Pair each verdict with the first head that covers it; only duplicates need to ask the store for theirs."""
        head = self.head
        if len(plan.new) == len(candidates):
            indexes = cast("Sequence[LeafIndex]", plan.verdicts)
            leaf_hashes = [candidate.leaf_hash for candidate in candidates]
            return list(map(Sequenced, indexes, leaf_hashes, repeat(head), repeat(False)))
        heads: dict[LeafIndex, TreeHead] = {}
        outcomes: list[Outcome] = []
        for candidate, verdict in zip(candidates, plan.verdicts, strict=True):
            if isinstance(verdict, int):
                outcomes.append(Sequenced(verdict, candidate.leaf_hash, head, duplicate=False))
            elif isinstance(verdict, Duplicate):
                index, covering = verdict.index, head
                if index < plan.first:
                    covering = heads.get(index) or await _covering_head(store, index, head)
                    heads[index] = covering
                outcomes.append(Sequenced(index, candidate.leaf_hash, covering, duplicate=True))
            else:
                outcomes.append(verdict)
        return outcomes

    def _answer(self, outcomes: list[Outcome]) -> None:
        position = 0
        for submission in self._taken:
            end = position + len(submission.candidates)
            submission.settle(outcomes[position:end])
            position = end
        self._taken = []

    def _observe(self, plan: RoundPlan, seconds: float) -> None:
        refused = sum(isinstance(verdict, GlasslogError) for verdict in plan.verdicts)
        duplicates = len(plan.verdicts) - refused - len(plan.new)
        size = self.head.size
        self._observer.round_done(new=len(plan.new), duplicates=duplicates, refused=refused, size=size, seconds=seconds)

    # When something fails.

    async def _start_over(self, error: Exception) -> None:
        """Drop the state, refuse what is held, and open the store anew. Raises when that cannot mend it."""
        self._fault = error if isinstance(error, ServerError) else FaultError(f"unexpected: {error!r}")
        self._round_started = None
        code = self._fault.code
        logger.error("round_failed", code=code, error=str(error), exc_info=not isinstance(error, ServerError))
        self._observer.failed(code)
        self._refuse_all(InterruptedWriteError("the log failed during this round; submit again to learn the outcome"))
        for delay in self._limits.reopen_delays_s:
            await asyncio.sleep(delay)
            try:
                await self._reopen()
            except ServerError as fault:
                logger.warning("reopen_failed", code=fault.code, error=str(fault))
                self._fault = fault
                if not _may_pass(fault):
                    raise
            else:
                self._fault = None
                logger.info("reopened", size=self.head.size)
                return
        raise self._fault

    async def _reopen(self) -> None:
        with contextlib.suppress(StoreError, GuardError):  # they failed already; what counts is what is found on disk
            await self._opened().close()
        self._storage = await self._open_storage()
        known, self._state = self._state, await recover(self._storage.store, self._storage.guard)
        if known is not None and known.head.size < self._state.head.size:  # the failed round is there all the same
            first = LeafIndex(known.head.size)
            entries = await read_policy_entries(self._storage.store, first, self._state.head.size)
            await self._publish(Publication(first, self._state.head, {}, entries))

    def _refuse_all(self, error: UnavailableError) -> None:
        """Answer everything taken and queued with one error."""
        held = [*self._taken, *self._queue.take_all()]
        self._taken = []
        for submission in held:
            submission.refuse(type(error)(str(error)))


def _may_pass(fault: ServerError) -> bool:
    """Tell whether opening again may help: not where store and guard were read and tell different stories."""
    if isinstance(fault, StoreCorruptError | TreeCorruptError):
        return False
    return not isinstance(fault, GuardError) or type(fault) is GuardError


async def _covering_head(store: Store, index: LeafIndex, newest: TreeHead) -> TreeHead:
    """Return the first head of size 2 or more that covers `index`; for the only entry of a log, the one there is."""
    size = max(TreeSize(index + 1), RECEIPT_SIZE_MIN)
    return await store.head_covering(TreeSize(size)) or newest
