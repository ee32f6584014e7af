"""The load generator: `python -m benchmarks.generator URL CORPUS ...`, a process of its own that prints JSON.

In a closed loop each connection sends the next request when it has its answer: what the server can take. In an open
loop requests arrive at their own times, at random (Poisson) or from a trace, whether the server is ready or not, and an
answer's latency counts from the arrival: waiting is not hidden. Bounded in count, connections and time.
"""

import asyncio
import csv
import json
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import cbor2
import click
import uvloop

from benchmarks.connection import Answer, Connection
from glasslog import cbor

_CONNECTIONS_MAX = 512
_TIME_MAX_S = 600


@dataclass(slots=True)
class Tally:
    """What came back: statuses, and the milliseconds to each good answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)

    def take(self, answer: Answer, since: float, entries: int, *, receipts: bool) -> None:
        """Count one answer, after a look at what it says."""
        self.statuses[answer.status] += 1
        if answer.status not in {200, 201}:
            return
        self.latencies_ms.append((time.perf_counter() - since) * 1_000)
        if entries > 1:
            outcomes = cbor2.loads(answer.body)["outcomes"]
            assert len(outcomes) == entries, len(outcomes)
            assert all("index" in told and ("receipt" in told) == receipts for told in outcomes), outcomes[0]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes, and in which form."""

    host: str
    port: int
    batch: int
    receipts: bool

    def head(self, body: bytes) -> bytes:
        """Return the request's head."""
        path = "/entries?receipts=1" if self.receipts and self.batch > 1 else "/entries"
        media_type = "application/cbor-seq" if self.batch > 1 else "application/cose"
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: {media_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()

    async def connect(self, count: int) -> list[Connection]:
        """Open connections."""
        return [await Connection.open(self.host, self.port) for _ in range(count)]


async def closed_loop(target: Target, bodies: Sequence[tuple[bytes, int]], connections: int) -> Tally:
    """Send every body, over some connections at once."""
    tally, waiting = Tally(), deque(bodies)

    async def work(connection: Connection) -> None:
        while waiting:
            body, entries = waiting.popleft()
            before = time.perf_counter()
            tally.take(await connection.request(target.head(body), body), before, entries, receipts=target.receipts)

    opened = await target.connect(connections)
    try:
        await asyncio.gather(*map(work, opened))
    finally:
        for connection in opened:
            connection.close()
    return tally


async def open_loop(target: Target, bodies: Sequence[tuple[bytes, int]], arrivals: Sequence[float]) -> Tally:
    """Send each body at its arrival (seconds from the start), over as many connections as that takes."""
    tally = Tally()
    idle: list[Connection] = await target.connect(8)
    room = asyncio.Semaphore(_CONNECTIONS_MAX)

    async def send(body: bytes, entries: int, arrival: float) -> None:
        async with room:  # no connection is left: the wait for one is part of the latency
            connection = idle.pop() if idle else await Connection.open(target.host, target.port)
            answer = await connection.request(target.head(body), body)
            tally.take(answer, arrival, entries, receipts=target.receipts)
            idle.append(connection)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for (body, entries), arrival in zip(bodies, arrivals, strict=True):
            delay = started + arrival - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            group.create_task(send(body, entries, started + arrival))
    for connection in idle:
        connection.close()
    return tally


def poisson(rate: float, count: int, seed: int) -> list[float]:
    """Return `count` arrivals, in seconds, that know nothing of each other, `rate` a second on average."""
    rng, now, arrivals = random.Random(seed), 0.0, []
    for _ in range(count):
        now += rng.expovariate(rate)
        arrivals.append(now)
    return arrivals


def read_trace(path: Path, count: int) -> list[float]:
    """Return the first `count` arrivals of a CSV file whose first column is a time in seconds, the first being zero."""
    with path.open(newline="") as file:
        rows = (row[0] for row in csv.reader(file) if row)
        times = [float(value) for value in islice((value for value in rows if _is_number(value)), count)]
    if not times:
        msg = f"{path}: expected arrival times in the first column, got none"
        raise click.ClickException(msg)
    return [arrival - times[0] for arrival in times]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False  # the column's title
    return True


def read_bodies(corpus: Path, batch: int, start: int, count: int) -> list[tuple[bytes, int]]:
    """Return request bodies of `batch` statements each, made of `count` statements from `start` on."""
    statements = list(islice(cbor.sequence_items(corpus.read_bytes()), start, start + count))
    groups = (statements[first : first + batch] for first in range(0, len(statements), batch))
    return [(b"".join(group), len(group)) for group in groups]


@click.command()
@click.argument("url")
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.option("--start", default=0, help="First statement of the corpus.")
@click.option("--count", default=1_000, help="Statements.")
@click.option("--batch", default=1, help="Statements a request.")
@click.option("--receipts", is_flag=True, help="Ask for a receipt of each statement of a batch.")
@click.option("--connections", default=64, help="Connections of the closed loop.")
@click.option("--rate", type=float, help="Open loop: requests a second, at random times.")
@click.option("--trace", type=click.Path(exists=True, path_type=Path), help="Open loop: arrival times from a CSV file.")
@click.option("--seed", default=0, help="Of the random arrivals.")
def main(  # noqa: PLR0913 (an argument for each option)
    *,
    url: str,
    corpus: Path,
    start: int,
    count: int,
    batch: int,
    receipts: bool,
    connections: int,
    rate: float | None,
    trace: Path | None,
    seed: int,
) -> None:
    """Load the log at URL with the statements of CORPUS, a CBOR sequence."""
    place = urlsplit(url)
    target = Target(place.hostname or "127.0.0.1", place.port or 80, batch, receipts)
    bodies = read_bodies(corpus, batch, start, count)
    arrivals = read_trace(trace, len(bodies)) if trace else poisson(rate, len(bodies), seed) if rate else None
    if arrivals is not None:
        bodies = bodies[: len(arrivals)]

    async def run() -> tuple[Tally, float]:
        before = time.perf_counter()
        async with asyncio.timeout(_TIME_MAX_S):
            if arrivals is None:
                tally = await closed_loop(target, bodies, min(connections, _CONNECTIONS_MAX))
            else:
                tally = await open_loop(target, bodies, arrivals)
        return tally, time.perf_counter() - before

    tally, seconds = uvloop.run(run())
    document = {
        "statements": sum(entries for _, entries in bodies),
        "seconds": seconds,
        "statuses": {str(status): number for status, number in tally.statuses.items()},
        "latencies_ms": [round(latency, 3) for latency in tally.latencies_ms],
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
