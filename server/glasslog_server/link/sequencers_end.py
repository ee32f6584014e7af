"""The sequencer's end of the link: one object for each worker, and one that knows them all.

Submissions go on to the intake, outcomes back. Every publication goes to every worker before any outcome that it
covers. One that changes who may sign holds up the round until each worker has taken it up; a worker that does not in
time is ended, and so is one that reads so slowly that what is meant for it piles up. Its supervisor starts another.
"""

import asyncio
import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, cast

import structlog

from glasslog.errors import GlasslogError
from glasslog.merkle import Hash, TreeSize
from glasslog_server.core.round import Candidate
from glasslog_server.errors import LinkError, ServerError, UnavailableError
from glasslog_server.intake import IntakeOutcome
from glasslog_server.link import messages
from glasslog_server.link.candidates import decode_submission
from glasslog_server.link.frames import FROM_WORKER, FrameReader, Kind, encode_frame
from glasslog_server.link.outcomes import encode_outcomes, encode_refusal
from glasslog_server.publication import PolicyEntry, Publication
from glasslog_server.storage.store import TreeHead

APPLIED_S: Final = 5.0
"""How long a worker may take to take up who may sign, before it is ended."""
UNREAD_BYTES_MAX: Final = 64 * 1_024 * 1_024  # what waits in this process for one worker to read
METRICS_S: Final = 2.0  # a worker that is slower than this is left out of a scrape

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.link")


class Host(Protocol):
    """What the link speaks for: the sequencer and what is around it."""

    @property
    def head(self) -> TreeHead:
        """Return the published tree head."""
        ...

    async def submit(self, candidates: Sequence[Candidate]) -> list[IntakeOutcome]:
        """Return what became of each candidate."""
        ...

    def check_ready(self) -> None:
        """Raise UnavailableError with the reason when submissions would not be answered in time."""
        ...


class SequencersEnd(asyncio.Protocol):
    """Hear and tell one worker. One object a connection."""

    def __init__(self, links: "WorkerLinks") -> None:
        self._links = links
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._reader = FrameReader(FROM_WORKER)
        self._unsent: list[bytes] = []
        self._told = TreeSize(0)
        self._applied = asyncio.Event()
        self._applied_size = TreeSize(0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._metrics: dict[int, asyncio.Future[bytes]] = {}
        # What others may know of the worker.
        self.hello: messages.Hello | None = None
        self.ready = False
        self.entries_under_way = 0

    # What the sequencer tells.

    def publish(self, publication: Publication, payload: bytes) -> None:
        """Tell of a new head; `payload` is the publication, encoded once for all workers."""
        self._told = publication.head.size
        self.write(Kind.PUBLISH, [payload])

    async def applied(self, size: TreeSize) -> None:
        """Wait until the worker has taken up the head of `size`, or is gone."""
        while self._transport is not None and self._applied_size < size:
            self._applied.clear()
            await self._applied.wait()

    async def exposition(self) -> bytes:
        """Return what the worker counts. Raises UnavailableError when it does not answer in time."""
        number = next(self._links.numbers)
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._metrics[number] = answer
        try:
            self.write(Kind.ASK_METRICS, [messages.encode_size(TreeSize(number))])
            async with asyncio.timeout(METRICS_S):
                return await answer
        except TimeoutError as error:
            msg = f"expected a worker to answer within {METRICS_S:g} s, got no answer"
            raise UnavailableError(msg) from error
        finally:
            del self._metrics[number]

    def write(self, kind: Kind, parts: Sequence[bytes] = ()) -> None:
        """Send a frame, together with all others of this turn of the event loop and of the next.

        So the publication of a round goes with what it answers: its callers wake up one turn later.
        """
        if self._transport is None:
            return
        if not self._unsent:
            self._loop.call_soon(self._loop.call_soon, self._send)
        self._unsent.append(encode_frame(kind, parts))

    def _send(self) -> None:
        """Send what was written; end a worker that does not read."""
        unsent, self._unsent = self._unsent, []
        if self._transport is None or not unsent:
            return
        self._transport.write(unsent[0] if len(unsent) == 1 else b"".join(unsent))
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self.end("it does not read what it is told")

    def end(self, reason: str) -> None:
        """Break the link and end the worker's process: whatever it does now, nothing of it reaches the log."""
        slot, pid = self.hello or (None, None)
        logger.error("worker_ended", worker=slot, pid=pid, reason=reason)
        if self._transport is not None:
            self._transport.abort()
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError as error:
                logger.warning("worker_not_killed", worker=slot, pid=pid, error=str(error))

    def close(self) -> None:
        """Break the link once everything is sent."""
        if self._unsent:
            self._send()
        if self._transport is not None:
            self._transport.close()

    # What the worker says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the greeting."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the worker; what it submitted is sequenced all the same."""
        del exc
        self._transport = None
        self.ready = False
        self._applied.set()
        self._links.forget(self)

    def data_received(self, data: bytes) -> None:
        """Act on the frames that are whole; whatever is wrong with one ends the link, and the worker."""
        try:
            for kind, payload in self._reader.feed(data):
                if self.hello is None and kind is not Kind.HELLO:
                    msg = f"expected a greeting first, got kind {kind}"
                    raise LinkError(msg)
                self._handlers[kind](self, payload)
        except ServerError as error:
            self.end(str(error))

    def _on_hello(self, payload: bytes) -> None:
        self.hello = messages.decode_hello(payload)
        welcome = self._links.greet(self)
        self._told = welcome.head.size
        self.write(Kind.WELCOME, [messages.encode_welcome(welcome)])

    def _on_ready(self, _payload: bytes) -> None:
        self.ready = True
        self._links.note_ready()

    def _on_submit(self, payload: bytes) -> None:
        submitted = decode_submission(payload)
        self.entries_under_way += len(submitted.candidates)
        task = self._loop.create_task(self._submit(submitted.number, submitted.candidates))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _submit(self, number: int, candidates: list[Candidate]) -> None:
        try:
            outcomes = await self._links.host.submit(candidates)
            parts, kind = encode_outcomes(number, outcomes, self._told), Kind.OUTCOMES
        except (GlasslogError, ServerError) as error:
            parts, kind = encode_refusal(number, error), Kind.REFUSED
        self.entries_under_way -= len(candidates)
        self.write(kind, parts)
        self._links.settle(candidates)

    def _on_applied(self, payload: bytes) -> None:
        self._applied_size = TreeSize(messages.decode_number(payload))
        self._applied.set()

    def _on_ask_readiness(self, payload: bytes) -> None:
        number = messages.decode_number(payload)
        readiness = messages.Readiness(number, ready=True, code="", reason="")
        try:
            self._links.host.check_ready()
        except ServerError as error:
            readiness = messages.Readiness(number, ready=False, code=error.code, reason=str(error))
        self.write(Kind.READINESS, [messages.encode_readiness(readiness)])

    def _on_metrics(self, payload: bytes) -> None:
        metrics = messages.decode_metrics(payload)
        answer = self._metrics.get(metrics.question)
        if answer is not None and not answer.done():
            answer.set_result(metrics.exposition)

    def _on_pending(self, payload: bytes) -> None:
        self._links.note_pending(messages.decode_leaf_hash(payload), self)

    _handlers: Final[dict[Kind, Callable[["SequencersEnd", bytes], None]]] = {
        Kind.HELLO: _on_hello,
        Kind.READY: _on_ready,
        Kind.SUBMIT: _on_submit,
        Kind.APPLIED: _on_applied,
        Kind.ASK_READINESS: _on_ask_readiness,
        Kind.METRICS: _on_metrics,
        Kind.PENDING: _on_pending,
    }


class WorkerLinks:
    """Know all workers of one sequencer. Subscribe `publish` to it; make a connection's protocol with `connect`."""

    def __init__(self, host: Host, policy_entries: Sequence[PolicyEntry]) -> None:
        """Take what the link speaks for, and the entries that led to who may sign at its head."""
        self.host = host
        self.numbers = itertools.count(1)
        self._policy_entries = list(policy_entries)
        self._links: list[SequencersEnd] = []
        self._pending: dict[Hash, SequencersEnd] = {}
        self._changed = asyncio.Event()

    @property
    def workers(self) -> Sequence[SequencersEnd]:
        """Return the workers that have greeted, by the places they fill."""
        return sorted(self._links, key=lambda link: link.hello or (0, 0))

    def connect(self) -> SequencersEnd:
        """Return the protocol of a new connection."""
        return SequencersEnd(self)

    def greet(self, link: SequencersEnd) -> messages.Welcome:
        """Return where the log stands, for a worker that hears every publication from now on."""
        self._links.append(link)
        return messages.Welcome(self.host.head, self._policy_entries)

    def forget(self, link: SequencersEnd) -> None:
        """Tell a worker nothing more."""
        if link in self._links:
            self._links.remove(link)
        self._changed.set()

    def note_ready(self) -> None:
        """Take note that a worker takes requests."""
        self._changed.set()

    def check_ready(self) -> None:
        """Raise UnavailableError unless the sequencer and at least one worker are ready."""
        self.host.check_ready()
        if not any(link.ready for link in self._links):
            msg = "expected a worker that takes requests, got none"
            raise UnavailableError(msg)

    async def wait_gone(self) -> None:
        """Wait until no worker is left."""
        while self._links:
            self._changed.clear()
            await self._changed.wait()

    def publish(self, publication: Publication) -> Awaitable[None] | None:
        """Tell all workers; what is returned waits until all have taken up a change of who may sign."""
        self._policy_entries += publication.policy_entries
        payload = messages.encode_publication(publication)
        links = list(self._links)
        for link in links:
            link.publish(publication, payload)
        return self._applied_by(links, publication.head.size) if publication.policy_entries else None

    async def _applied_by(self, links: Sequence[SequencersEnd], size: TreeSize) -> None:
        waits = {asyncio.ensure_future(link.applied(size)): link for link in links}
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=APPLIED_S)
        for wait in late:
            wait.cancel()
            waits[wait].end(f"it has not taken up who may sign within {APPLIED_S:g} s")

    def note_pending(self, leaf_hash: Hash, teller: SequencersEnd) -> None:
        """Tell the other workers of an entry that a client will ask for."""
        self._pending[leaf_hash] = teller
        for link in self._links:
            if link is not teller:
                link.write(Kind.PENDING_ELSEWHERE, [leaf_hash])

    def settle(self, candidates: Sequence[Candidate]) -> None:
        """Tell the workers which of the entries that clients will ask for are pending no more."""
        if not self._pending:
            return
        for candidate in candidates:
            teller = self._pending.pop(candidate.leaf_hash, None)
            for link in self._links if teller is not None else ():
                if link is not teller:
                    link.write(Kind.SETTLED, [candidate.leaf_hash])

    def close(self) -> None:
        """Break all links."""
        for link in list(self._links):
            link.close()
