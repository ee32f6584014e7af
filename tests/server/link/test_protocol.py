"""Both ends of the link over a real socket, between a sequencer that does as it is told and a worker that listens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog_server.core.round import Candidate
from glasslog_server.errors import InterruptedWriteError, LinkError, OverloadedError, StoppingError, UnavailableError
from glasslog_server.intake import IntakeOutcome
from glasslog_server.link import sequencers_end
from glasslog_server.link.frames import Kind
from glasslog_server.link.messages import Hello, Welcome
from glasslog_server.link.sequencers_end import WorkerLinks
from glasslog_server.link.workers_end import GATHERED_ENTRIES_MIN, LinkLimits, WorkersEnd
from glasslog_server.publication import PolicyEntry, Publication
from glasslog_server.storage.store import TreeHead
from glasslog_server.submissions import Sequenced

POLICY = [PolicyEntry(LeafIndex(0), b"policy")]
PID = 2**22 + 1  # above what Linux gives: never a process


def head(size: int) -> TreeHead:
    return TreeHead(TreeSize(size), Hash(bytes(32)), 1, b"note %d" % size, b"protected", bytes(64))


def candidates(start: int, number: int) -> list[Candidate]:
    kid = bytes(32)
    leaves = [Hash((start + offset).to_bytes(32, "big")) for offset in range(number)]
    return [Candidate(bytes(100), leaf, "urn:i", "urn:s", kid, "a/b", "step", ("s", 1)) for leaf in leaves]


@dataclass
class Host:
    """A sequencer: gives out indexes, once it may."""

    head: TreeHead = field(default_factory=lambda: head(1))
    submissions: list[int] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Exception | None = None

    async def submit(self, submitted: Sequence[Candidate]) -> list[IntakeOutcome]:
        self.submissions.append(len(submitted))
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return [Sequenced(LeafIndex(place), one.leaf_hash, self.head, False) for place, one in enumerate(submitted)]

    def check_ready(self) -> None:
        if self.fault is not None:
            raise self.fault


@dataclass
class Listener:
    """A worker's log: remembers what it was told."""

    told: list[Welcome | Publication] = field(default_factory=list)

    def welcome(self, welcome: Welcome) -> None:
        self.told.append(welcome)

    def follow(self, publication: Publication) -> None:
        self.told.append(publication)

    def told_head(self, size: TreeSize) -> TreeHead | None:
        return next((told.head for told in self.told if told.head.size == size), None)

    def exposition(self) -> bytes:
        return b"# EOF\n"


@dataclass
class Link:
    host: Host
    links: WorkerLinks
    listener: Listener
    end: WorkersEnd


@asynccontextmanager
async def linked(folder: Path, limits: LinkLimits | None = None) -> AsyncIterator[Link]:
    host, listener = Host(), Listener()
    links = WorkerLinks(host, POLICY)
    loop = asyncio.get_running_loop()
    path = str(folder / "link")
    server = await loop.create_unix_server(links.connect, path)
    _, end = await loop.create_unix_connection(
        lambda: WorkersEnd(Hello(0, PID), listener, limits or LinkLimits()), path
    )
    await end.welcomed
    try:
        yield Link(host, links, listener, end)
    finally:
        end.close()
        await links.wait_gone()
        server.close()


async def test_what_comes_in_one_turn_is_one_submission_and_everybody_gets_its_own(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        link.host.may_answer.set()
        answers = [link.end.submit(candidates(10 * number, 2)) for number in range(5)]
        outcomes = [await answer for answer in answers]
        assert link.host.submissions == [10]
        assert [[one.index for one in some if isinstance(one, Sequenced)] for some in outcomes] == [
            [2 * number, 2 * number + 1] for number in range(5)
        ]
        assert outcomes[3][1] == Sequenced(LeafIndex(7), candidates(31, 1)[0].leaf_hash, link.host.head, False)


async def test_what_misses_a_round_gathers_but_a_batch_does_not_wait(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        waiting = [link.end.submit(candidates(0, 1))]
        while not link.host.submissions:
            await asyncio.sleep(0)
        for number in range(1, 4):
            waiting.append(link.end.submit(candidates(number, 1)))
            await asyncio.sleep(0)
        waiting.append(link.end.submit(candidates(9, GATHERED_ENTRIES_MIN)))
        while len(link.host.submissions) < 2:
            await asyncio.sleep(0)
        assert link.host.submissions == [1, 3 + GATHERED_ENTRIES_MIN]
        link.host.may_answer.set()
        assert [len(await answer) for answer in waiting] == [1, 1, 1, 1, GATHERED_ENTRIES_MIN]


async def test_no_more_than_the_limit_is_under_way(tmp_path: Path) -> None:
    async with linked(tmp_path, LinkLimits(entries_max=3, bytes_max=1_000)) as link:
        under_way = link.end.submit(candidates(0, 2))
        with pytest.raises(OverloadedError):
            _ = link.end.submit(candidates(10, 2))
        link.host.may_answer.set()
        await under_way
        await link.end.submit(candidates(20, 3))
        with pytest.raises(OverloadedError):
            _ = link.end.submit([candidates(30, 1)[0]._replace(entry=bytes(1_001))])


async def test_a_refusal_of_the_sequencer_is_the_callers(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        link.host.fault = StoppingError("the server is shutting down")
        link.host.may_answer.set()
        with pytest.raises(StoppingError, match="shutting down"):
            await link.end.submit(candidates(0, 1))
        readiness = await link.end.ask_readiness()
        assert (readiness.ready, readiness.code) == (False, "stopping")
        link.host.fault = None
        assert (await link.end.ask_readiness()).ready


async def test_a_link_that_breaks_leaves_the_outcome_open(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        answer = link.end.submit(candidates(0, 1))
        while not link.host.submissions:
            await asyncio.sleep(0)
        link.links.close()
        with pytest.raises(InterruptedWriteError):
            await answer
        with pytest.raises(LinkError):
            await link.end.wait_ended()
        with pytest.raises(UnavailableError):
            _ = link.end.submit(candidates(1, 1))
        link.host.may_answer.set()


async def test_who_may_sign_is_everywhere_before_the_round_goes_on(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        change = Publication(LeafIndex(1), head(2), {}, [PolicyEntry(LeafIndex(1), b"registration")])
        confirmed = link.links.publish(change)
        assert confirmed is not None
        await confirmed
        assert link.listener.told == [Welcome(head(1), POLICY), change]
        assert link.links.publish(Publication(LeafIndex(2), head(3), {}, [])) is None


async def test_a_worker_that_does_not_take_it_up_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(sequencers_end, "APPLIED_S", 0.01)
    monkeypatch.setattr("os.kill", lambda pid, _: killed.append(pid))
    async with linked(tmp_path) as link:
        monkeypatch.setitem(WorkersEnd._handlers, Kind.PUBLISH, lambda *_: None)  # noqa: SLF001
        change = Publication(LeafIndex(1), head(2), {}, [PolicyEntry(LeafIndex(1), b"revocation")])
        confirmed = link.links.publish(change)
        assert confirmed is not None
        await confirmed
        assert killed == [PID]
        with pytest.raises(LinkError):
            await link.end.wait_ended()


async def test_a_peer_that_speaks_nonsense_is_cut_off(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "link"))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        link.host.may_answer.set()
        assert len(await link.end.submit(candidates(0, 1))) == 1  # the others do not notice


async def test_the_log_is_ready_when_sequencer_and_a_worker_are(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        with pytest.raises(UnavailableError):
            link.links.check_ready()
        link.end.say_ready()
        await link.end.ask_readiness()
        link.links.check_ready()
        [worker] = link.links.workers
        assert (worker.hello, await worker.exposition()) == (Hello(0, PID), b"# EOF\n")


async def test_what_clients_will_ask_for_is_known_to_all_workers_until_it_is_sequenced(tmp_path: Path) -> None:
    async with linked(tmp_path) as link:
        other = Listener()
        loop = asyncio.get_running_loop()
        _, second = await loop.create_unix_connection(
            lambda: WorkersEnd(Hello(1, PID), other, LinkLimits()), str(tmp_path / "link")
        )
        await second.welcomed
        [pending] = candidates(5, 1)
        answer = link.end.submit([pending])
        while not link.host.submissions:
            await asyncio.sleep(0)
        link.end.announce_pending(pending.leaf_hash)
        await link.end.ask_readiness()
        await second.ask_readiness()
        assert second.pending_elsewhere == {pending.leaf_hash}
        link.host.may_answer.set()
        await answer
        await second.ask_readiness()
        assert second.pending_elsewhere == set()
        second.close()
