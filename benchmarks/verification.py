"""What libsodium verifies on this machine: the yardsticks that an audit is held against.

On one core, messages that differ, one after another: what verifying the records of a log is. On one core, one message
again and again, which no verifier does: the processor learns its way through it and saves some two of sixty
microseconds. On all cores at the same time, by the wall, messages that differ.

The interpreter is measured beside them, because a neighbour on the same processor costs it far more than libsodium: up
to twice its time where signatures take a few percent longer.
"""

import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import TypeVar

import nacl.bindings

from benchmarks import physical
from benchmarks.figures import say
from glasslog.keys import SigningKey

_MESSAGES = 1_000
_PASSES = 10
_SECONDS = 2.0
_PATIENCE_S = 60.0  # for processes to start and to sign

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """CPU microseconds of one verification on one core, verifications a second of all cores by the wall.

    `interpreter_us` are CPU microseconds of a thousand turns of a loop in Python.
    """

    distinct_us: float
    repeated_us: float
    all_cores_per_s: float
    interpreter_us: float

    def differ(self, other: "Yardsticks") -> float:
        """Return by what share of the smaller the two differ most."""
        pairs = (
            (self.distinct_us, other.distinct_us),
            (self.repeated_us, other.repeated_us),
            (self.all_cores_per_s, other.all_cores_per_s),
            (self.interpreter_us, other.interpreter_us),
        )
        return max(max(pair) / min(pair) - 1 for pair in pairs)

    def between(self, other: "Yardsticks") -> "Yardsticks":
        """Return what lies in the middle of the two."""
        return Yardsticks(
            statistics.mean((self.distinct_us, other.distinct_us)),
            statistics.mean((self.repeated_us, other.repeated_us)),
            statistics.mean((self.all_cores_per_s, other.all_cores_per_s)),
            statistics.mean((self.interpreter_us, other.interpreter_us)),
        )


class UnsteadyMachineError(Exception):
    """The yardsticks before and after a measurement never agreed."""


class Steadily:
    """Measure while nothing disturbs: where the yardsticks before and after differ, what was measured is discarded.

    `unsteady` is by what share they may differ, `attempts_max` how often one measurement is tried. So it is where the
    interpreter is slower, by the same share, than it was at its quickest.
    """

    def __init__(self, unsteady: float, attempts_max: int) -> None:
        self._unsteady, self._attempts_max = unsteady, attempts_max
        self._quickest_us = math.inf
        self.discarded = 0

    def measure(self, operation: Callable[[], _Result]) -> tuple[_Result, Yardsticks]:
        """Return what was measured, and the yardsticks beside it. Raises UnsteadyMachineError."""
        before = self._yardsticks()
        for _ in range(self._attempts_max):
            result, after = operation(), self._yardsticks()
            slowest_us = max(before.interpreter_us, after.interpreter_us)
            disturbed = max(before.differ(after), slowest_us / self._quickest_us - 1)
            if disturbed <= self._unsteady:
                return result, before.between(after)
            say(f"discarded: libsodium or the interpreter differ by {disturbed:.0%}")
            self.discarded += 1
            before = after
        msg = f"expected a machine that is the same within {self._unsteady:.0%}, {self._attempts_max} times it was not"
        raise UnsteadyMachineError(msg)

    def _yardsticks(self) -> Yardsticks:
        taken = yardsticks()
        self._quickest_us = min(self._quickest_us, taken.interpreter_us)
        return taken


def yardsticks(message_bytes: int = 1_024) -> Yardsticks:
    """Measure all three."""
    signed, key = _signed(message_bytes)
    distinct, repeated = [], []
    for number in range(_PASSES):
        distinct.append(_verify_us(signed, key))
        repeated.append(_verify_us([signed[number]] * _MESSAGES, key))
    processes = os.cpu_count() or 1
    return Yardsticks(
        statistics.median(distinct),
        statistics.median(repeated),
        _all_cores_per_s(processes, message_bytes),
        statistics.median(physical.interpreter_us()),
    )


def _verify_us(signed: list[bytes], key: bytes) -> float:
    before = time.process_time()
    for message in signed:
        nacl.bindings.crypto_sign_open(message, key)
    return (time.process_time() - before) / len(signed) * 1e6


def _all_cores_per_s(processes: int, message_bytes: int) -> float:
    """Return how many verifications a second so many processes do, all at work at the same time."""
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    queue: Queue[float] = context.Queue()
    workers = [
        context.Process(target=_verify, args=(message_bytes, barrier, queue), daemon=True) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = [queue.get(timeout=_PATIENCE_S) for _ in workers]  # one that died is not waited for
    for worker in workers:
        worker.join()
    return sum(rates)


def _verify(message_bytes: int, barrier: Barrier, rates: "Queue[float]") -> None:
    """Tell the rate of the median pass: what disturbs for a moment does not count."""
    signed, key = _signed(message_bytes)
    barrier.wait(_PATIENCE_S)
    began = time.perf_counter()
    passes: list[float] = []
    while not passes or time.perf_counter() - began < _SECONDS:
        before = time.perf_counter()
        for message in signed:
            nacl.bindings.crypto_sign_open(message, key)
        passes.append(time.perf_counter() - before)
    rates.put(len(signed) / statistics.median(passes))


def _signed(message_bytes: int) -> tuple[list[bytes], bytes]:
    key = SigningKey(os.urandom(32))
    messages = [os.urandom(message_bytes) for _ in range(_MESSAGES)]
    return [key.sign(message) + message for message in messages], key.public_key.raw
