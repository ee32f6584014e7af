"""What libsodium verifies on this machine, as an audit has to: never the same message twice, and on all cores at once.

`benchmarks.physical` verifies one message again and again, on one core, which no verifier does: the processor learns
its way through it and saves some three of sixty microseconds. Both are measured, and an audit is held against both.
"""

import os
import time
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import nacl.bindings

from glasslog.keys import SigningKey

_MESSAGES = 1_000
_SECONDS = 1.0
_PATIENCE_S = 60.0  # for processes to start and to sign


def distinct_us(message_bytes: int = 1_024) -> float:
    """Return CPU microseconds of one verification, of messages that are all different."""
    signed, key = _signed(message_bytes)
    before = time.process_time()
    for message in signed:
        nacl.bindings.crypto_sign_open(message, key)
    return (time.process_time() - before) / len(signed) * 1e6


def all_cores_per_s(processes: int, message_bytes: int = 1_024) -> float:
    """Return how many verifications a second so many processes do, all at work at the same time, by the wall."""
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    queue: SimpleQueue[float] = context.SimpleQueue()
    workers = [
        context.Process(target=_verify, args=(message_bytes, barrier, queue), daemon=True) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    rates = [queue.get() for _ in workers]
    for worker in workers:
        worker.join()
    return sum(rates)


def _verify(message_bytes: int, barrier: Barrier, rates: "SimpleQueue[float]") -> None:
    signed, key = _signed(message_bytes)
    barrier.wait(_PATIENCE_S)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        for message in signed:
            nacl.bindings.crypto_sign_open(message, key)
        count += len(signed)
    rates.put(count / (time.perf_counter() - began))


def _signed(message_bytes: int) -> tuple[list[bytes], bytes]:
    key = SigningKey(os.urandom(32))
    messages = [os.urandom(message_bytes) for _ in range(_MESSAGES)]
    return [key.sign(message) + message for message in messages], key.public_key.raw
