"""The load generator: closed loops over loopback, in this process. Bounded in count; every answer is checked."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence

import aiohttp
import cbor2

_TIMEOUT = aiohttp.ClientTimeout(total=120)


async def post_batches(url: str, bodies: Sequence[bytes], *, connections: int, receipts: bool) -> float:
    """POST sequences of statements over some connections at once; return wall seconds."""
    target = f"{url}/entries" + ("?receipts=1" if receipts else "")
    waiting = deque(bodies)

    async def work(session: aiohttp.ClientSession) -> None:
        while waiting:
            body = waiting.popleft()
            headers = {"Content-Type": "application/cbor-seq"}
            async with session.post(target, data=body, headers=headers) as response:
                answer = await response.read()
                assert response.status == 200, (response.status, answer[:200])
            for outcome in cbor2.loads(answer)["outcomes"]:
                assert "index" in outcome, outcome
                assert ("receipt" in outcome) == receipts

    return await _run(work, connections)


async def post_singles(
    url: str, bodies: Sequence[bytes], *, connections: int, status: int
) -> tuple[float, list[float]]:
    """POST statements one by one over some connections at once; return wall seconds and each answer's milliseconds."""
    waiting = deque(bodies)
    latencies: list[float] = []

    async def work(session: aiohttp.ClientSession) -> None:
        while waiting:
            body = waiting.popleft()
            before = time.perf_counter()
            headers = {"Content-Type": "application/cose"}
            async with session.post(f"{url}/entries", data=body, headers=headers) as response:
                answer = await response.read()
                assert response.status == status, (response.status, answer[:200])
            latencies.append((time.perf_counter() - before) * 1_000)

    return await _run(work, connections), latencies


async def _run(work: Callable[[aiohttp.ClientSession], Coroutine[None, None, None]], connections: int) -> float:
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
        before = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(work(session))
        return time.perf_counter() - before
