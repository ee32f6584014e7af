"""Load a log from several threads until it is gone, and remember all that it has ever promised."""

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glasslog.checkpoint import Checkpoint
from glasslog.merkle import Hash, LeafIndex
from glasslog.statement import SignedStatement
from tests.e2e.client import Client, NoAnswerError, RefusedError
from tests.simulation.parties import Issuer

SINGLES, BATCHES = 3, 2
BATCH_STATEMENTS_MAX = 200
STREAM_NUMBERS = 10_000_000  # of each thread: they share a key and must not sign the same statement


@dataclass
class Ledger:
    """What the log has promised, over all of its lives."""

    acknowledged: dict[Hash, LeafIndex] = field(default_factory=dict)
    seen: set[Checkpoint] = field(default_factory=set)
    unanswered: list[SignedStatement] = field(default_factory=list)
    resubmitted: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def acknowledge(
        self, statements: Sequence[SignedStatement], indexes: Sequence[LeafIndex], head: Checkpoint
    ) -> None:
        with self._lock:
            for statement, index in zip(statements, indexes, strict=True):
                assert self.acknowledged.setdefault(statement.leaf_hash, index) == index
                assert index < head.size
            self.seen.add(head)

    def see(self, checkpoint: Checkpoint) -> None:
        with self._lock:
            self.seen.add(checkpoint)

    def leave_open(self, statements: Sequence[SignedStatement]) -> None:
        with self._lock:
            self.unanswered.extend(statements)

    def take_unanswered(self) -> list[SignedStatement]:
        with self._lock:
            taken, self.unanswered = self.unanswered, []
            return taken


class Load:
    """One life of the server under load. Threads end by themselves when the server is gone."""

    def __init__(self, ledger: Ledger, issuers: Sequence[Issuer], connect: Callable[[], Client], seed: int) -> None:
        self._ledger = ledger
        self._connect = connect
        self._failures: list[BaseException] = []
        self._first = threading.Event()
        work: list[Callable[[], None]] = [self._resubmit, self._watch]
        work += [lambda issuer=issuer: self._submit_singles(issuer) for issuer in issuers[:SINGLES]]  # type: ignore[misc]
        for number, issuer in enumerate(issuers[SINGLES:]):
            chance = random.Random(f"{seed}/{number}")
            work.append(lambda issuer=issuer, chance=chance: self._submit_batches(issuer, chance))  # type: ignore[misc]
        self._threads = [threading.Thread(target=self._guarded, args=(part,), daemon=True) for part in work]

    def start(self) -> "Load":
        """Start, and wait for the first answer."""
        for thread in self._threads:
            thread.start()
        assert self._first.wait(60)
        return self

    def join(self) -> None:
        """Wait for the end of all threads, after the server's."""
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except NoAnswerError:
            pass  # the server is gone
        except BaseException as error:  # noqa: BLE001 (told by `join`, in the test's own thread)
            self._failures.append(error)
        finally:
            self._first.set()

    def _submit_singles(self, issuer: Issuer) -> None:
        client = self._connect()
        while True:
            self._submit(client, [issuer.statement()])

    def _submit_batches(self, issuer: Issuer, chance: random.Random) -> None:
        client = self._connect()
        while True:
            self._submit(client, [issuer.statement() for _ in range(chance.randint(2, BATCH_STATEMENTS_MAX))])

    def _resubmit(self) -> None:
        """Submit what got no answer in the life before: some of it is in the log, and keeps its index.

        One, and then many, in turns: both ways have to know what is there.
        """
        client = self._connect()
        open_statements = self._ledger.take_unanswered()
        counts = itertools.cycle((1, BATCH_STATEMENTS_MAX))
        try:
            while open_statements:
                count = next(counts)
                statements, open_statements = open_statements[:count], open_statements[count:]
                self._submit(client, statements)
                self._ledger.resubmitted += len(statements)
        finally:
            self._ledger.leave_open(open_statements)

    def resubmit_all(self) -> None:
        """Submit what got no answer, in this thread."""
        self._resubmit()

    def _watch(self) -> None:
        client = self._connect()
        while True:
            self._ledger.see(client.checkpoint())

    def _submit(self, client: Client, statements: list[SignedStatement]) -> None:
        try:
            if len(statements) == 1:
                index, head = client.post_for_head(statements[0])
                self._ledger.acknowledge(statements, [index], head)
            else:
                indexes, note = client.post_all(statements)
                self._ledger.acknowledge(statements, indexes, client.verified(note))
            self._first.set()
        except RefusedError:
            self._ledger.refused += 1
            self._ledger.leave_open(statements)
        except NoAnswerError:
            self._ledger.leave_open(statements)
            raise


def issuers() -> list[Issuer]:
    """Return an issuer for each thread that submits: one key, and numbers of its own."""
    return [Issuer(next_seq=number * STREAM_NUMBERS) for number in range(SINGLES + BATCHES)]
