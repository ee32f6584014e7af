"""Run a sequencer on a simulated disk, and bring it back after whatever happened."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from glasslog.authority import Authority
from glasslog.merkle import Hash, LeafIndex
from glasslog.tiles import TileId
from glasslog_server.core.round import Candidate
from glasslog_server.errors import ServerError, UnavailableError
from glasslog_server.genesis import write_first_entry
from glasslog_server.publication import Publication, apply_policy_entries
from glasslog_server.recovery import read_policy_entries
from glasslog_server.sequencer import Outcome, Sequenced, Sequencer, SequencerLimits
from glasslog_server.storage.store import TreeHead
from tests.simulation.disk import Disk
from tests.simulation.oracle import check_log
from tests.simulation.parties import FIRST_ENTRY, SIGNER, START, Issuer, Operator

AT_ONCE = SequencerLimits(round_interval_s=0.0, reopen_delays_s=(0.0,) * 5)


@dataclass
class Counts:
    """Observe the sequencer as the metrics do."""

    new: int = 0
    duplicates: int = 0
    refused: int = 0
    rounds: int = 0
    failures: list[str] = field(default_factory=list)
    queued: int = 0

    def round_done(self, *, new: int, duplicates: int, refused: int, size: int, seconds: float) -> None:
        assert size >= 1
        assert seconds >= 0
        self.rounds += 1
        self.new += new
        self.duplicates += duplicates
        self.refused += refused

    def write_synced(self, seconds: float) -> None:
        assert seconds >= 0

    def failed(self, code: str) -> None:
        self.failures.append(code)

    def queue_changed(self, entries: int) -> None:
        assert entries >= 0
        self.queued = entries


@dataclass
class Follower:
    """Keep up with a log by its publications alone, as a reader in another process does."""

    head: TreeHead
    authority: Authority
    tiles: dict[TileId, bytes] = field(default_factory=dict)

    def take(self, publication: Publication) -> None:
        assert publication.first == LeafIndex(self.head.size), "a publication was left out"
        assert publication.head.size > publication.first
        self.head = publication.head
        self.authority = apply_policy_entries(self.authority, publication.policy_entries)
        self.tiles.update(publication.tiles)


@dataclass
class Simulation:
    """A log whose disk, clock and crashes are the test's, and what the world has seen of it."""

    disk: Disk = field(default_factory=Disk)
    clock: float = START
    limits: SequencerLimits = field(default_factory=lambda: AT_ONCE)
    counts: Counts = field(default_factory=Counts)
    acknowledged: dict[Hash, int] = field(default_factory=dict)
    published: list[TreeHead] = field(default_factory=list)
    sequencer: Sequencer | None = None
    follower: Follower | None = None
    task: asyncio.Task[None] | None = None

    async def create(self) -> "Simulation":
        head = await write_first_entry(self.disk.rows, SIGNER, FIRST_ENTRY, START)
        self.disk.guarded = head.note
        self.acknowledged[FIRST_ENTRY.leaf_hash] = 0
        await self.start()
        return self

    async def start(self) -> None:
        self.sequencer = Sequencer(self.disk.open, SIGNER, self.limits, self.counts, lambda: self.clock)
        await self.sequencer.open()
        self.published.append(self.sequencer.head)
        entries = await read_policy_entries(self.sequencer.store, LeafIndex(0), self.sequencer.head.size)
        self.follower = Follower(self.sequencer.head, apply_policy_entries(None, entries))
        assert self.follower.authority == self.sequencer.authority
        self.sequencer.subscribe(self.follower.take)
        self.task = asyncio.create_task(self.sequencer.run())

    @property
    def running(self) -> Sequencer:
        assert self.sequencer is not None
        return self.sequencer

    async def submit(self, candidates: Sequence[Candidate]) -> list[Outcome] | ServerError:
        try:
            outcomes = await self.running.submit(candidates)
        except ServerError as error:
            return error
        self.published.append(self.running.head)
        for candidate, outcome in zip(candidates, outcomes, strict=True):
            if isinstance(outcome, Sequenced):
                assert self.acknowledged.setdefault(candidate.leaf_hash, outcome.index) == outcome.index
                assert outcome.head.size > outcome.index
        return outcomes

    async def crash(self) -> None:
        """End the process at once: the queue and the state in memory are gone, the disk stays as it is."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def stop(self) -> None:
        assert self.task is not None
        self.running.stop()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.running.close()

    async def check(self) -> None:
        await check_log(self.disk.rows, self.acknowledged, self.published)
        assert self.follower is not None
        assert (self.follower.head, self.follower.authority) == (self.running.head, self.running.authority)
        tiles = list(self.follower.tiles)
        for tile, stored in zip(tiles, await self.disk.rows.read_tiles(tiles), strict=True):
            assert stored is not None
            assert stored.startswith(self.follower.tiles[tile])


async def with_issuer(limits: SequencerLimits | None = None) -> tuple[Simulation, Issuer, Operator]:
    """Return a log with a registered issuer, that has just been busy: the next round waits for the interval to pass."""
    simulation = Simulation(limits=limits or AT_ONCE)
    await simulation.create()
    issuer, operator = Issuer(), Operator()
    registration = operator.register(issuer.name, issuer.key)
    [outcome, *_] = sequenced(await simulation.submit([registration] * min(9, simulation.limits.round_entries_max)))
    operator.logged(registration, outcome.index)
    return simulation, issuer, operator


def sequenced(outcomes: object) -> list[Sequenced]:
    assert isinstance(outcomes, list), outcomes
    assert all(isinstance(outcome, Sequenced) for outcome in outcomes), outcomes
    return outcomes


async def until_taken(simulation: Simulation, candidates: Sequence[Candidate]) -> list[Outcome] | ServerError:
    """Submit until the log takes statements again, as a client with back-off does."""
    answer = await simulation.submit(candidates)
    for _ in range(1_000):
        if not isinstance(answer, UnavailableError):
            break
        await asyncio.sleep(0)
        answer = await simulation.submit(candidates)
    return answer
