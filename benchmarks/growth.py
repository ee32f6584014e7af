"""How a log grows: fill one through its real sequencer and store, and measure it at 10^5, 10^6 and 10^7 entries.

`python -m benchmarks.growth --entries 10000000 --dir DIR`. Honest but for admission, which is left out: records are
unique, their leaf hashes are computed, rounds of a few thousand are planned, grown, signed and synced to RocksDB, the
guard moves. CPU time is that of the whole process, RocksDB's threads included, without the making of the records.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.figures import say
from benchmarks.growth_records import sources
from benchmarks.logs import create_log, issuer_keys
from benchmarks.processes import folder_bytes, rss_bytes
from glasslog.keys import SigningKey
from glasslog.merkle import LeafIndex, verify_inclusion
from glasslog_server.config import Config, load_config
from glasslog_server.fsck import check_log
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.endings import calm_collector
from glasslog_server.reader import LogReader
from glasslog_server.sequencer import Sequenced
from glasslog_server.signers import log_settings
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore

T = TypeVar("T")

ROUND_ENTRIES = 4_000
POINTS = (100_000, 1_000_000, 10_000_000)
_PROOFS = 5_000
_WINDOW = 0.2  # the share of a log, at its end, over which the cost of a record is taken
_WINDOW_ENTRIES_MIN = 100_000  # and at least so many, so that memtables are written out in it
_SAY_EVERY = 100_000


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one size. `overhead_bytes` is the disk for one entry beyond the compressed entries."""

    entries: int
    cpu_us: float
    rss_bytes: int
    entry_bytes: float
    disk_bytes: float
    overhead_bytes: float
    startup_s: float
    startup_killed_s: float
    proofs_per_s: float
    fsck_per_s: float | None


def measure(folder: Path, points: Sequence[int], fsck_entries_max: int = POINTS[0]) -> list[Point]:
    """Fill a new log in `folder` up to the largest point, and return what was measured at each.

    From point to point a process of its own goes on with the log, as a server that was started there: its memory is
    what that takes. `fsck` goes over the whole log at the points up to `fsck_entries_max`; it has no need to be
    measured again, because it reads everything once, in order.
    """
    keys = issuer_keys()
    config = create_log(folder / "log", keys).config
    seeds = {issuer: key.seed for issuer, key in keys.items()}
    measured = []
    for number, point in enumerate(points):
        measured.append(_elsewhere(_measure_point, config, seeds, number, point, point <= fsck_entries_max))
        say(json.dumps(asdict(measured[-1])))
    return measured


def _measure_point(config: Path, seeds: Mapping[str, bytes], number: int, point: int, with_fsck: bool) -> Point:  # noqa: FBT001
    calm_collector()  # as the process of a sequencer does
    keys = {issuer: SigningKey(seed) for issuer, seed in seeds.items()}
    return asyncio.run(_Growth(load_config(config), keys, number).run(point, with_fsck=with_fsck))


class _Growth:
    """One log that is filled up to one point. Each such part of it has streams of its own."""

    def __init__(self, config: Config, keys: Mapping[str, SigningKey], part: int) -> None:
        self._config = config
        self._sources = cycle(sources(keys, part * len(keys)))
        self._made = self._made_bytes = 0

    async def run(self, point: int, *, with_fsck: bool) -> Point:
        log = await self._open()
        await self._fill(log, point - max(round(point * _WINDOW), _WINDOW_ENTRIES_MIN))
        before = log.head.size
        cpu_s = await self._fill(log, point)
        cpu_us = cpu_s / (log.head.size - before) * 1e6
        gc.collect()
        rss = rss_bytes(os.getpid())
        proofs_per_s = await _prove(log)
        killed_s = self._start_after_kill()
        await log.close()
        fsck_per_s = self._check(point) if with_fsck else None
        started = time.perf_counter()
        log = await self._open()
        startup_s = time.perf_counter() - started
        sizes = self._disk_bytes(log)
        await log.close()
        return Point(point, cpu_us, rss, *sizes, startup_s, killed_s, proofs_per_s, fsck_per_s)

    async def _open(self) -> Log:
        return await Log.open(log_settings(self._config), Metrics())

    async def _fill(self, log: Log, entries: int) -> float:
        """Submit records until the log has so many entries; return the CPU seconds that the log took for them."""
        making_s, before = 0.0, time.process_time()
        while log.head.size < entries:
            started = time.thread_time()
            candidates = next(self._sources).make(min(ROUND_ENTRIES, entries - log.head.size))
            self._made += len(candidates)
            self._made_bytes += sum(len(candidate.entry) for candidate in candidates)
            making_s += time.thread_time() - started
            outcomes = await log.sequencer.submit(candidates)
            if not all(isinstance(outcome, Sequenced) and not outcome.duplicate for outcome in outcomes):
                msg = "expected every record to be new"
                raise RuntimeError(msg)
            if log.head.size // _SAY_EVERY != (log.head.size - len(candidates)) // _SAY_EVERY:
                say(f"growth: {log.head.size:,} entries")
        return time.process_time() - before - making_s

    def _disk_bytes(self, log: Log) -> tuple[float, float, float]:
        """Return bytes for one entry: as submitted, on disk, and on disk beyond the compressed entries."""
        store, size = log.sequencer.store, log.head.size
        packed = store.entry_file_bytes if isinstance(store, RocksStore) else 0
        disk = folder_bytes(self._config.storage.store)
        return self._made_bytes / self._made, disk / size, (disk - packed) / size

    def _start_after_kill(self) -> float:
        """Return how long the store takes to open as a kill at this moment would leave it: its last rounds replayed."""
        copy = self._config.storage.store.with_name("killed")
        _copy_store(self._config.storage.store, copy)
        seconds = _elsewhere(_seconds_to_open, copy)
        shutil.rmtree(copy)
        return seconds

    def _check(self, entries: int) -> float:
        return entries / _elsewhere(_seconds_to_check, self._config.storage.store, self._config.storage.guard)


def _elsewhere(measure: Callable[..., T], *arguments: object) -> T:
    """Return what is measured in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, *arguments).result()


def _seconds_to_open(path: Path) -> float:
    before = time.perf_counter()
    store = RocksStore.open(path)
    seconds = time.perf_counter() - before
    asyncio.run(store.close())
    return seconds


def _seconds_to_check(path: Path, guard: Path) -> float:
    """Return the CPU seconds that fsck takes."""

    async def check() -> float:
        store = RocksStore.open(path)
        before = time.process_time()
        report = await check_log(store, lambda: FileGuard.open(guard, store.meta.store_id), lambda _: None)
        seconds = time.process_time() - before
        await store.close()
        if not report.is_sound:
            msg = f"expected a sound log, got {report.findings.kept[:3]}"
            raise RuntimeError(msg)
        return seconds

    return asyncio.run(check())


async def _prove(log: Log) -> float:
    """Return inclusion proofs a second of CPU, for random entries, by a reader that has read nothing yet.

    CPU time of the thread that makes them, reads of the store included: RocksDB may still be merging what was filled.
    """
    reader = LogReader(log.sequencer.store, lambda: log.head)
    rng, size = random.Random(1), log.head.size
    indexes = [LeafIndex(rng.randrange(size)) for _ in range(_PROOFS)]
    before = time.thread_time()
    for index in indexes:
        await reader.inclusion_path(index, size)
    seconds = time.thread_time() - before
    for index in indexes[:100]:
        leaf_hash = (await reader.statement(index)).leaf_hash
        verify_inclusion(leaf_hash, index, size, await reader.inclusion_path(index, size), log.head.root)
    return _PROOFS / seconds


def _copy_store(store: Path, copy: Path) -> None:
    """Copy a store that is open and at rest; where a compaction has removed a file meanwhile, anew."""
    while True:
        try:
            shutil.copytree(store, copy, copy_function=_link_or_copy)
        except shutil.Error:
            shutil.rmtree(copy)
        else:
            return


def _link_or_copy(source: str, target: str) -> None:
    """Link what RocksDB never changes once written, copy the rest."""
    if source.endswith(".sst"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


@click.command()
@click.option("--entries", default=POINTS[-1], show_default=True, help="How far to fill the log.")
@click.option("--dir", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new folder.")
def main(entries: int, folder: Path) -> None:
    """Fill a log and print what was measured on the way, a line of JSON for each size."""
    folder.mkdir(parents=True)
    points = [point for point in POINTS if point < entries]
    for point in measure(folder, [*points, entries]):
        click.echo(json.dumps(asdict(point)))


if __name__ == "__main__":
    main()
