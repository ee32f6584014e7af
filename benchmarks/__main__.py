"""Run the benchmarks: `python -m benchmarks [--records N] [--runs N]`. Loopback only, bounded, ends what it started."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks import physical
from benchmarks.corpus import sequences, sign_corpus
from benchmarks.figures import Figure, report
from benchmarks.load import post_batches, post_singles
from benchmarks.processes import cpu_seconds, folder_bytes, started
from glasslog import pem
from glasslog.statement import SignedStatement

_ISSUER = "https://issuer.dev.example"
_BATCH = 1_000
_BATCH_CONNECTIONS = 4
_SINGLE_CONNECTIONS = 64

console = Console(stderr=True)


@click.command()
@click.option("--records", default=10_000, show_default=True, help="Records in the batch path, a run.")
@click.option("--singles", default=4_000, show_default=True, help="Single POSTs, a run.")
@click.option("--runs", default=5, show_default=True, help="Runs; medians are quoted.")
def main(records: int, singles: int, runs: int) -> None:
    """Measure the log beside the limits of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        report(measure(Path(folder), records, singles, runs))


def measure(folder: Path, records: int, singles: int, runs: int) -> list[Figure]:
    """Measure everything on one server and one log that grows."""
    errors = folder / "errors.log"
    data = folder / "log"
    with started(["glasslog_server", "dev", "--dir", str(data), "--listen", "127.0.0.1:0"], errors) as (url, pid):
        key = pem.decode_private_key((data / "issuer.pem").read_bytes())

        def sign(count: int, seed: int) -> list[SignedStatement]:
            return sign_corpus(key, _ISSUER, count, seed)

        console.print("measuring libsodium, SHA-256 and fdatasync")
        verify, sha256, sync = physical.verify_us(), physical.sha256_us(), physical.sync_ms()
        limit = physical.median(verify)
        # The first batch warms up the process and is not counted.
        asyncio.run(post_batches(url, list(sequences(sign(2_000, 99), _BATCH)), connections=2, receipts=False))
        plain, rates = _batches(url, pid, [sign(records, seed) for seed in range(runs)], receipts=False)
        with_receipts, _ = _batches(url, pid, [sign(records, 100 + seed) for seed in range(runs)], receipts=True)
        corpus = [sign(singles, 200 + seed) for seed in range(runs)]
        single, latencies, single_rates = _singles(url, pid, corpus, 201)
        size = runs * (2 * records + singles) + 2_000
    disk = folder_bytes(data) / size
    entry_bytes = sum(len(statement.entry) for statement in corpus[0]) / singles
    bare, _, bare_rates = _bare(errors, corpus)
    single_limit = physical.median(bare) + limit
    return [
        Figure("libsodium_verify", "us", verify, None, "one Ed25519 verification of 1 KB, CPU"),
        Figure("sha256", "us", sha256, None, "one SHA-256 of 1 KB, CPU"),
        Figure("fdatasync", "ms", sync, None, "64 KiB appended and synced, wall"),
        Figure(
            "record_cpu_batch", "us", plain, limit, "server CPU a record, batches of 1,000, against libsodium_verify"
        ),
        Figure("record_cpu_batch_receipts", "us", with_receipts, limit, "the same with a COSE receipt for each"),
        Figure(
            "records_per_s_batch", "1/s", rates, None, "wall rate of the batch path, load generator on the same cores"
        ),
        Figure("bare_post_cpu", "us", bare, None, "CPU of a bare aiohttp handler that reads the body, a POST"),
        Figure("single_post_cpu", "us", single, single_limit, "server CPU a POST with receipt, against bare + verify"),
        Figure(
            "single_posts_per_s",
            "1/s",
            single_rates,
            physical.median(bare_rates),
            "wall rate, against the bare handler",
        ),
        Figure(
            "latency_ms_p50_closed",
            "ms",
            [_quantile(run, 0.5) for run in latencies],
            None,
            "64 callers in a closed loop",
        ),
        Figure("latency_ms_p99_closed", "ms", [_quantile(run, 0.99) for run in latencies], None, "the same"),
        Figure("disk_bytes", "B", [disk], entry_bytes, "disk a record, all included, compressed; against its entry"),
    ]


def _batches(
    url: str, pid: int, corpora: Sequence[list[SignedStatement]], *, receipts: bool
) -> tuple[list[float], list[float]]:
    """Return CPU microseconds a record, and records a second."""
    costs, rates = [], []
    for number, corpus in enumerate(corpora, 1):
        console.print(f"batches{' with receipts' if receipts else ''}, run {number} of {len(corpora)}")
        bodies = list(sequences(corpus, _BATCH))
        before = cpu_seconds(pid)
        wall = asyncio.run(post_batches(url, bodies, connections=_BATCH_CONNECTIONS, receipts=receipts))
        costs.append((cpu_seconds(pid) - before) / len(corpus) * 1e6)
        rates.append(len(corpus) / wall)
    return costs, rates


def _singles(
    url: str, pid: int, corpora: Sequence[list[SignedStatement]], status: int
) -> tuple[list[float], list[list[float]], list[float]]:
    """Return CPU microseconds a POST, all latencies of each run in milliseconds, and POSTs a second."""
    costs, latencies, rates = [], [], []
    for number, corpus in enumerate(corpora, 1):
        console.print(f"single POSTs, run {number} of {len(corpora)}")
        bodies = [statement.entry for statement in corpus]
        before = cpu_seconds(pid)
        wall, times = asyncio.run(post_singles(url, bodies, connections=_SINGLE_CONNECTIONS, status=status))
        costs.append((cpu_seconds(pid) - before) / len(corpus) * 1e6)
        latencies.append(times)
        rates.append(len(corpus) / wall)
    return costs, latencies, rates


def _bare(errors: Path, corpora: Sequence[list[SignedStatement]]) -> tuple[list[float], list[list[float]], list[float]]:
    """Measure the handler that only reads, with the same bodies."""
    with started(["benchmarks.bare_server"], errors) as (url, pid):
        return _singles(url, pid, corpora, 200)


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


if __name__ == "__main__":
    main()
