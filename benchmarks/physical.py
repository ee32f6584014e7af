"""The limits of the machine: what no log can do without, measured in this process by CPU time."""

import hashlib
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nacl.bindings
import rocksdict

from glasslog.keys import SigningKey

_REPEATS = 5


def verify_us(message_bytes: int = 1_024, count: int = 2_000) -> list[float]:
    """Return CPU microseconds of one Ed25519 verification by libsodium, a run each."""
    key = SigningKey(os.urandom(32))
    message = os.urandom(message_bytes)
    signed = key.sign(message) + message
    public = key.public_key.raw
    return _runs(lambda: nacl.bindings.crypto_sign_open(signed, public), count)


def sha256_us(message_bytes: int = 1_024, count: int = 50_000) -> list[float]:
    """Return CPU microseconds of one SHA-256, a run each."""
    message = os.urandom(message_bytes)
    return _runs(lambda: hashlib.sha256(message).digest(), count)


def interpreter_us(count: int = 200) -> list[float]:
    """Return CPU microseconds of a thousand turns of a loop, a look-up, a slice and a call each, a run each.

    Interpreters of one version differ by a third, by how they were built.
    """
    data, numbers = bytes(range(256)), {bytes([number]): number for number in range(256)}

    def one(start: int) -> int:
        return numbers[data[start : start + 1]]

    return _runs(lambda: [one(turn & 0xFF) for turn in range(1_000)], count)


def sync_ms(count: int = 50) -> list[float]:
    """Return wall milliseconds of appending 64 KiB and fdatasync, one each."""
    block = os.urandom(65_536)
    times = []
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "sync").open("wb", buffering=0) as file:
        for _ in range(count):
            before = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - before) * 1_000)
    return times


def rocks_write_us(entry_bytes: int = 1_024, count: int = 1_000) -> list[float]:
    """Return CPU microseconds a record of writing records raw in synced batches of 1,000, a run each.

    The records are random, so that compression finds nothing, as with signatures and digests. The CPU of RocksDB's own
    threads counts too.
    """
    options = rocksdict.Options(raw_mode=True)
    with tempfile.TemporaryDirectory() as folder:
        database = rocksdict.Rdict(str(Path(folder) / "raw"), options)
        synced = rocksdict.WriteOptions()
        synced.sync = True
        numbers = itertools.count()

        def write() -> None:
            batch = rocksdict.WriteBatch(raw_mode=True)
            for _ in range(count):
                batch.put(next(numbers).to_bytes(8, "big"), values[next(numbers) % count])
            database.write(batch, synced)

        values = [os.urandom(entry_bytes) for _ in range(count)]
        runs = [run / count for run in _runs(write, 10)]
        database.close()
    return runs


def _runs(operation: Callable[[], object], count: int) -> list[float]:
    def run() -> float:
        before = time.process_time()
        for _ in range(count):
            operation()
        return (time.process_time() - before) / count * 1e6

    run()
    return [run() for _ in range(_REPEATS)]


def median(runs: list[float]) -> float:
    """Return the median of some runs."""
    return statistics.median(runs)
