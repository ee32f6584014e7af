"""What a record costs on its way into the log: in batches, with receipts, one by one, with one worker and with two.

CPU time of all processes of the server, read from the kernel before and after each run, so that the load generator on
the same cores does not blur it. The log grows from run to run, as logs do.
"""

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import physical
from benchmarks.corpus import write_corpus
from benchmarks.figures import Figure, say
from benchmarks.load import Seen, generate
from benchmarks.logs import Served, create_log, issuer_keys
from benchmarks.processes import folder_bytes, started
from glasslog.keys import SigningKey

WORKERS = 2
_BATCH = 1_000
_BATCH_CONNECTIONS = 16  # so that the kernel's choice among the workers evens out
_SINGLE_CONNECTIONS = 64
_WARM_UP = 2_000
_VERIFICATIONS = 1_000  # five times before each run


@dataclass(frozen=True, slots=True)
class Corpora:
    """What is submitted: files of signed statements, one for each run, and one to warm up with."""

    warm_up: Path
    batches: Sequence[Path]
    receipts: Sequence[Path]
    singles: Sequence[Path]
    entry_bytes: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run: CPU microseconds a statement of all processes together and of the busiest, and what was seen.

    `verify_us` is what a verification cost just before it: the machine's speed changes from minute to minute.
    """

    cpu_us: float
    busiest_us: float
    seen: Seen
    verify_us: float


def measure(records: int, singles: int, runs: int) -> list[Figure]:
    """Return the figures of the batch path, of single POSTs and of a second worker."""
    with tempfile.TemporaryDirectory() as name:
        folder, keys = Path(name), issuer_keys()
        say("signing the corpora")
        corpora = _write_corpora(folder, keys, records, singles, runs)
        alone = create_log(folder / "one-worker", keys)
        with alone.served(1) as server:
            generate(server.url, corpora.warm_up, "--count", _WARM_UP, "--batch", _BATCH)
            one = _batches("one worker", server, corpora.batches, records)
        log = create_log(folder / "workers", keys)
        bare_server = started(["benchmarks.bare_server"], folder / "errors.log")
        with log.served(WORKERS) as server, bare_server as (url, pid):
            generate(server.url, corpora.warm_up, "--count", _WARM_UP, "--batch", _BATCH)
            two = _batches(f"{WORKERS} workers", server, corpora.batches, records)
            receipts = _batches("with receipts", server, corpora.receipts, records, "--receipts")
            bare, posts = [], []
            for corpus in corpora.singles:  # in turns, as what else goes on here touches both then
                bare += _posts("bare handler", Served(url, pid), [corpus], singles)
                posts += _posts("single POSTs", server, [corpus], singles)
        entries = _WARM_UP + runs * (2 * records + singles)
        disk = folder_bytes(log.folder / "store") / entries
    return [
        *_figures(one, two, receipts, posts, bare),
        Figure("disk_bytes", "B", [disk], corpora.entry_bytes, "disk of a record, all included; against its entry"),
    ]


def _write_corpora(folder: Path, keys: Mapping[str, SigningKey], records: int, singles: int, runs: int) -> Corpora:
    def write(name: str, count: int, seed: int) -> Path:
        path = folder / f"{name}-{seed}.cborseq"
        write_corpus(path, keys, count, seed)
        return path

    batches = [write("batches", records, seed) for seed in range(runs)]
    return Corpora(
        warm_up=write("warm-up", _WARM_UP, 9_999),
        batches=batches,
        receipts=[write("receipts", records, 1_000 + seed) for seed in range(runs)],
        singles=[write("singles", singles, 2_000 + seed) for seed in range(runs)],
        entry_bytes=batches[0].stat().st_size / records,
    )


def _batches(title: str, server: Served, corpora: Sequence[Path], records: int, *options: str) -> list[Run]:
    options = ("--batch", str(_BATCH), "--connections", str(_BATCH_CONNECTIONS), *options)
    return _runs(title, server, corpora, records, options)


def _posts(title: str, server: Served, corpora: Sequence[Path], singles: int) -> list[Run]:
    return _runs(title, server, corpora, singles, ("--connections", str(_SINGLE_CONNECTIONS)))


def _runs(title: str, server: Served, corpora: Sequence[Path], count: int, options: Sequence[str]) -> list[Run]:
    runs = []
    for number, corpus in enumerate(corpora, 1):
        say(f"{title}: run {number} of {len(corpora)}")
        verify_us = statistics.median(physical.verify_us(count=_VERIFICATIONS))
        before = server.cpu_seconds()
        seen = generate(server.url, corpus, "--count", count, *options)
        after = server.cpu_seconds()
        seen.check_all_good()
        if before.keys() != after.keys():
            msg = f"expected the same processes before and after a run, got {sorted(before)} and {sorted(after)}"
            raise RuntimeError(msg)
        used = [(after[pid] - before[pid]) / count * 1e6 for pid in before]
        runs.append(Run(sum(used), max(used), seen, verify_us))
    return runs


def _figures(one: list[Run], two: list[Run], receipts: list[Run], posts: list[Run], bare: list[Run]) -> list[Figure]:
    single_limit = statistics.median(run.cpu_us + run.verify_us for run in bare)
    scaling = [alone.busiest_us / shared.busiest_us for alone, shared in zip(one, two, strict=True)]
    return [
        Figure(
            "libsodium_verify",
            "us",
            [run.verify_us for run in (*two, *receipts, *posts)],
            None,
            "one Ed25519 verification of 1 KB, CPU, before each run",
        ),
        Figure(
            "record_cpu_batch",
            "us",
            [run.cpu_us for run in two],
            statistics.median(run.verify_us for run in two),
            "CPU of all server processes a record, batches of 1,000, synced; against libsodium_verify",
        ),
        Figure(
            "record_cpu_batch_receipts",
            "us",
            [run.cpu_us for run in receipts],
            statistics.median(run.verify_us for run in receipts),
            "the same with a COSE receipt returned for each",
        ),
        Figure(
            "records_per_s_batch",
            "1/s",
            [run.seen.rate for run in two],
            None,
            "wall rate of the batch path, load generator on the same cores",
        ),
        Figure("bare_post_cpu", "us", [run.cpu_us for run in bare], None, "CPU of a bare aiohttp handler, a POST"),
        Figure(
            "single_post_cpu",
            "us",
            [run.cpu_us for run in posts],
            single_limit,
            "CPU of all server processes a POST with receipt; against bare_post_cpu + libsodium_verify",
        ),
        Figure(
            "single_posts_per_s",
            "1/s",
            [run.seen.rate for run in posts],
            statistics.median(run.seen.rate for run in bare),
            "wall rate, 64 callers in a closed loop; against the bare handler",
        ),
        Figure(
            "worker_scaling",
            "x",
            scaling,
            float(WORKERS),
            "records a second of the busiest process's CPU with two workers, against one worker",
        ),
    ]
