"""The worker's end of the link: submissions out, outcomes and publications in.

What is submitted within one turn of the event loop goes in one frame, and, while an earlier frame waits for its round,
what comes within two milliseconds: many single statements cost the sequencer little more than one batch, and one that
is alone waits for nothing. What is under way is bounded in entries and in bytes; more is refused for now, here and at
once, as the sequencer would. A link that breaks stays broken: what was under way has an unknown outcome, and the
process ends.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from glasslog.counting import counted
from glasslog.merkle import Hash, TreeSize
from glasslog_server.core.round import Candidate
from glasslog_server.errors import (
    InterruptedWriteError,
    LinkError,
    OverloadedError,
    ServerError,
    UnavailableError,
)
from glasslog_server.intake import IntakeOutcome
from glasslog_server.link import messages
from glasslog_server.link.candidates import encode_submission
from glasslog_server.link.frames import FROM_SEQUENCER, FrameReader, Kind, encode_frame
from glasslog_server.link.outcomes import Refusal, decode_outcomes, decode_refusal, number_of
from glasslog_server.publication import Publication
from glasslog_server.storage.store import TreeHead

GATHERED_ENTRIES_MAX: Final = 256  # small submissions that go as one: refused together, if at all
GATHERED_ENTRIES_MIN: Final = 16  # a submission of so many is worth a frame of its own
GATHERING_S: Final = 0.002
"""How long a small submission may wait for others, and only while others of this worker are with the sequencer."""
GATHERED_BYTES_MAX: Final = 512 * 1_024
ANSWER_S: Final = 5.0
"""How long the sequencer may take to say whether it is ready. It answers between two steps of a round."""

Answer = asyncio.Future[list[IntakeOutcome]]


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What one worker may have under way."""

    entries_max: int = 65_536
    bytes_max: int = 64 * 1_024 * 1_024


class Follower(Protocol):
    """Hear what the sequencer says. Called on the event loop, in the order of the frames."""

    def welcome(self, welcome: messages.Welcome) -> None:
        """Learn where the log stands: the first that is heard."""
        ...

    def follow(self, publication: Publication) -> None:
        """Take up a publication; whoever asks from now on is answered by it."""
        ...

    def told_head(self, size: TreeSize) -> TreeHead | None:
        """Return a head that was published lately."""
        ...

    def exposition(self) -> bytes:
        """Return what this process counts, in the text format of Prometheus."""
        ...


@dataclass(slots=True)
class _Sent:
    """Submissions that went as one frame, and who waits for them."""

    hashes: list[Hash] = field(default_factory=list)
    entry_bytes: int = 0
    answers: list[tuple[int, Answer]] = field(default_factory=list)


class WorkersEnd(asyncio.Protocol):
    """Speak for one worker. One object a connection; for use on one event loop."""

    def __init__(self, hello: messages.Hello, follower: Follower, limits: LinkLimits) -> None:
        """Take who speaks, who listens, and the bounds of what is under way."""
        loop = asyncio.get_running_loop()
        self._hello = hello
        self._follower = follower
        self._limits = limits
        self._loop = loop
        self._transport: asyncio.WriteTransport | None = None
        self._reader = FrameReader(FROM_SEQUENCER)
        self._numbers = itertools.count(1)
        # Under way: gathered in this turn of the loop, then sent.
        self._gathered: deque[tuple[Sequence[Candidate], int, Answer]] = deque()
        self._is_sending_soon = False
        self._sending_later: asyncio.TimerHandle | None = None
        self._sent: dict[int, _Sent] = {}
        self._entries = 0
        self._entry_bytes = 0
        self._questions: dict[int, asyncio.Future[messages.Readiness]] = {}
        # Leaf hashes of entries that clients of other workers were told to come back for.
        self.pending_elsewhere: set[Hash] = set()
        self.welcomed: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()

    # What the worker does.

    def submit(self, candidates: Sequence[Candidate]) -> Answer:
        """Return the future outcomes of candidates, all or nothing of which is taken.

        Raises OverloadedError, UnavailableError. The future raises what `Sequencer.submit` does.
        """
        if self._transport is None or self.ended.done():
            msg = "the log takes no statements: its sequencer is gone"
            raise UnavailableError(msg)
        entry_bytes = sum([len(candidate.entry) for candidate in candidates])
        if (
            self._entries + len(candidates) > self._limits.entries_max
            or self._entry_bytes + entry_bytes > self._limits.bytes_max
        ):
            msg = f"too much is under way to the sequencer: {counted(self._entries, 'statements')}"
            raise OverloadedError(msg)
        self._entries += len(candidates)
        self._entry_bytes += entry_bytes
        answer: Answer = self._loop.create_future()
        self._gathered.append((candidates, entry_bytes, answer))
        self._plan_sending(len(candidates))
        return answer

    def _plan_sending(self, entries: int) -> None:
        """Send soon: at the end of this turn, or a little later while a round is under way that it has missed."""
        if entries >= GATHERED_ENTRIES_MIN or not self._sent:
            if not self._is_sending_soon:
                self._is_sending_soon = True
                self._loop.call_soon(self._send_gathered)
        elif self._sending_later is None and not self._is_sending_soon:
            self._sending_later = self._loop.call_later(GATHERING_S, self._send_gathered)

    async def ask_readiness(self) -> messages.Readiness:
        """Ask the sequencer whether it takes statements. Raises UnavailableError when it does not answer in time."""
        number = next(self._numbers)
        answer: asyncio.Future[messages.Readiness] = self._loop.create_future()
        self._questions[number] = answer
        try:
            self._write(Kind.ASK_READINESS, [messages.encode_size(TreeSize(number))])
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            msg = f"expected the sequencer to answer within {ANSWER_S:g} s, got no answer"
            raise UnavailableError(msg) from error
        finally:
            del self._questions[number]

    async def wait_ended(self) -> None:
        """Wait until the link has ended, and raise why."""
        await asyncio.shield(self.ended)

    def say_ready(self) -> None:
        """Tell that this worker takes requests."""
        self._write(Kind.READY)

    def announce_pending(self, leaf_hash: Hash) -> None:
        """Tell the other workers of an entry that a client will ask for, and that is not sequenced yet."""
        self._write(Kind.PENDING, [leaf_hash])

    def close(self) -> None:
        """Break the link."""
        if self._transport is not None:
            self._transport.close()

    def _write(self, kind: Kind, parts: Sequence[bytes] = ()) -> None:
        if self._transport is not None:
            self._transport.write(encode_frame(kind, parts))

    def _send_gathered(self) -> None:
        """Send what was submitted, small submissions together."""
        self._is_sending_soon = False
        if self._sending_later is not None:
            self._sending_later.cancel()
            self._sending_later = None
        while self._gathered:
            candidates, entry_bytes, answer = self._gathered.popleft()
            together = list(candidates)
            sent = _Sent([], entry_bytes, [(len(candidates), answer)])
            while self._gathered and self._fits(len(together), sent.entry_bytes):
                candidates, entry_bytes, answer = self._gathered.popleft()
                together += candidates
                sent.entry_bytes += entry_bytes
                sent.answers.append((len(candidates), answer))
            sent.hashes = [candidate.leaf_hash for candidate in together]
            number = next(self._numbers)
            self._sent[number] = sent
            self._write(Kind.SUBMIT, encode_submission(number, together))

    def _fits(self, entries: int, entry_bytes: int) -> bool:
        candidates, more_bytes, _ = self._gathered[0]
        return entries + len(candidates) <= GATHERED_ENTRIES_MAX and entry_bytes + more_bytes <= GATHERED_BYTES_MAX

    # What the sequencer says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's are no subclass
        self._write(Kind.HELLO, [messages.encode_hello(self._hello)])

    def data_received(self, data: bytes) -> None:
        """Act on the frames that are whole; whatever is wrong with one ends the link."""
        try:
            for kind, payload in self._reader.feed(data):
                self._handlers[kind](self, payload)
        except ServerError as error:
            self._end(error)
        except Exception as error:  # noqa: BLE001 (a follower that failed follows no more)
            self._end(LinkError(f"expected to take up what the sequencer says, got {error!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the sequencer is gone."""
        self._end(LinkError(f"expected the link to the sequencer to hold, got {exc or 'its end'}"))

    def _end(self, error: ServerError) -> None:
        """Give up the link: nobody knows what became of what was under way."""
        if self.ended.done():
            return
        self.ended.set_exception(error)
        self.ended.exception()  # whoever waits for it looks again; nobody has to
        if not self.welcomed.done():
            self.welcomed.set_exception(error)
            self.welcomed.exception()
        lost = InterruptedWriteError("the sequencer is gone; submit again to learn the outcome")
        for answer in [answer for sent in self._sent.values() for _, answer in sent.answers]:
            _refuse(answer, lost)
        for *_, answer in self._gathered:
            _refuse(answer, lost)
        for question in self._questions.values():
            _refuse(question, UnavailableError(str(lost)))
        self._gathered.clear()
        self._sent.clear()
        if self._transport is not None:
            self._transport.abort()

    def _on_welcome(self, payload: bytes) -> None:
        self._follower.welcome(messages.decode_welcome(payload))
        if not self.welcomed.done():
            self.welcomed.set_result(None)

    def _on_publish(self, payload: bytes) -> None:
        publication = messages.decode_publication(payload)
        self._follower.follow(publication)
        if publication.policy_entries:
            self._write(Kind.APPLIED, [messages.encode_size(publication.head.size)])

    def _on_outcomes(self, payload: bytes) -> None:
        sent = self._settled(payload)
        outcomes = decode_outcomes(payload, sent.hashes, self._head_of)
        start = 0
        for count, answer in sent.answers:
            if not answer.done():  # a caller that went away has cancelled it
                answer.set_result(outcomes[start : start + count])
            start += count

    def _on_refused(self, payload: bytes) -> None:
        sent = self._settled(payload)
        error = decode_refusal(payload)
        for _, answer in sent.answers:
            _refuse(answer, type(error)(str(error)))

    def _settled(self, payload: bytes) -> _Sent:
        number = number_of(payload)
        sent = self._sent.pop(number, None)
        if sent is None:
            msg = f"expected the answer to something that was submitted, got one to number {number}"
            raise LinkError(msg)
        self._entries -= len(sent.hashes)
        self._entry_bytes -= sent.entry_bytes
        return sent

    def _head_of(self, size: TreeSize) -> TreeHead:
        head = self._follower.told_head(size)
        if head is None:
            msg = f"expected outcomes under a head that was published, got one of size {size}"
            raise LinkError(msg)
        return head

    def _on_readiness(self, payload: bytes) -> None:
        readiness = messages.decode_readiness(payload)
        question = self._questions.get(readiness.question)
        if question is not None and not question.done():
            question.set_result(readiness)

    def _on_ask_metrics(self, payload: bytes) -> None:
        number = messages.decode_number(payload)
        metrics = messages.WorkerMetrics(number, self._follower.exposition())
        self._write(Kind.METRICS, [messages.encode_metrics(metrics)])

    def _on_pending_elsewhere(self, payload: bytes) -> None:
        self.pending_elsewhere.add(messages.decode_leaf_hash(payload))

    def _on_settled(self, payload: bytes) -> None:
        self.pending_elsewhere.discard(messages.decode_leaf_hash(payload))

    _handlers: Final[dict[Kind, Callable[["WorkersEnd", bytes], None]]] = {
        Kind.WELCOME: _on_welcome,
        Kind.PUBLISH: _on_publish,
        Kind.OUTCOMES: _on_outcomes,
        Kind.REFUSED: _on_refused,
        Kind.READINESS: _on_readiness,
        Kind.ASK_METRICS: _on_ask_metrics,
        Kind.PENDING_ELSEWHERE: _on_pending_elsewhere,
        Kind.SETTLED: _on_settled,
    }


def _refuse(answer: asyncio.Future, error: Refusal) -> None:  # type: ignore[type-arg]  # of whatever it was for
    if not answer.done():
        answer.set_exception(error)
