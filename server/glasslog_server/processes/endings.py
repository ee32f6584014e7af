"""Wait for the first of several reasons to end, and let the garbage collector rest until then."""

import asyncio
import gc
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TypeVar

_COLLECTOR_THRESHOLDS: Final = (50_000, 20, 50)  # containers, then collections of the generation below

Result = TypeVar("Result")


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait for the first to return or raise; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def unless(work: Coroutine[Any, Any, Result], *reasons: Awaitable[object]) -> Result | None:
    """Return what `work` returns, or None when one of the reasons came first: the work is cancelled then.

    Raises what the work raises. A reason that comes while the work blocks the event loop comes too late.
    """
    task = asyncio.ensure_future(work)
    try:
        await first_of(asyncio.shield(task), *reasons)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return None if task.cancelled() else task.result()


def calm_collector() -> None:
    """Let the garbage collector look rarely, and never again at what is there already.

    A record is some dozens of containers that live for milliseconds and form no cycles; by default they would start a
    collection every few records and a full one, over everything imported, every few thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)
