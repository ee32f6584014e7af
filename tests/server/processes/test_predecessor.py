"""A server that starts waits for what a server that ends still holds, and for nothing else."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from glasslog_server.addresses import ListenAddress
from glasslog_server.config import Config
from glasslog_server.errors import GuardLockedError, ListenError, StoreLockedError
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.predecessor import bind_address, open_log
from glasslog_server.signers import log_settings
from glasslog_server.storage.guard import FileGuard
from tests.e2e.installed import Installed, install

LOCAL = "127.0.0.1"


@pytest.fixture
def log(tmp_path: Path) -> Installed:
    return install(tmp_path / "log")


def waiting(config: Config, wait_s: float) -> Config:
    return config.model_copy(update={"storage": config.storage.model_copy(update={"takeover_wait_s": wait_s})})


async def opened(config: Config) -> Log:
    return await Log.open(log_settings(config), Metrics())


async def once_it_waits(work: Awaitable[object], let_go: Callable[[], Awaitable[None]]) -> None:
    """Let go of what is waited for as soon as somebody has said that he waits."""
    with capture_logs() as said:
        task = asyncio.ensure_future(work)
        while not said:
            assert not task.done()
            await asyncio.sleep(0)
        assert [event["event"] for event in said] == ["waiting_for_predecessor"]
        await let_go()
        await task
    assert len(said) == 1, "it said so more than once"


async def test_the_store_is_opened_once_it_is_free(log: Installed) -> None:
    config = waiting(log.config, 600)
    before = await opened(config)
    after: list[Log] = []

    async def open_next() -> None:
        after.append(await open_log(config, Metrics()))

    await once_it_waits(open_next(), before.close)
    assert after[0].head == before.head
    await after[0].close()


async def test_the_guard_is_waited_for_too(log: Installed) -> None:
    config = waiting(log.config, 600)
    first = await opened(config)
    store_id = first.sequencer.store.meta.store_id
    await first.close()
    guard = FileGuard.open(config.storage.guard, store_id)

    async def open_and_close() -> None:
        await (await open_log(config, Metrics())).close()

    await once_it_waits(open_and_close(), guard.close)


@pytest.mark.parametrize("wait_s", [0, 0.1])
async def test_who_lets_go_of_nothing_is_not_waited_for_for_ever(log: Installed, wait_s: float) -> None:
    before = await opened(log.config)
    with pytest.raises(StoreLockedError, match="its lock is held"):
        await open_log(waiting(log.config, wait_s), Metrics())
    store_id = before.sequencer.store.meta.store_id
    await before.close()
    guard = FileGuard.open(log.config.storage.guard, store_id)
    with pytest.raises(GuardLockedError):
        await open_log(waiting(log.config, wait_s), Metrics())
    await guard.close()


async def test_who_gives_up_waiting_has_opened_nothing(log: Installed) -> None:
    config = waiting(log.config, 600)
    before = await opened(config)
    with capture_logs() as said:
        task = asyncio.ensure_future(open_log(config, Metrics()))
        while not said:
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await before.close()
    await (await opened(config)).close()


async def test_an_address_is_bound_once_it_is_free(log: Installed) -> None:
    taken = socket.create_server((LOCAL, 0))
    address = ListenAddress(LOCAL, taken.getsockname()[1])

    async def bind_and_close() -> None:
        [bound] = await bind_address(address, waiting(log.config, 600))
        assert bound.getsockname()[1] == address.port
        bound.close()

    async def let_go() -> None:
        taken.close()

    await once_it_waits(bind_and_close(), let_go)


async def test_an_address_that_stays_taken_is_refused(log: Installed) -> None:
    with socket.create_server((LOCAL, 0)) as taken, pytest.raises(ListenError, match="in use"):
        await bind_address(ListenAddress(LOCAL, taken.getsockname()[1]), waiting(log.config, 0))


async def test_an_address_that_is_nobodys_is_not_waited_for(log: Installed) -> None:
    with capture_logs() as said, pytest.raises(ListenError, match="cannot listen"):
        await bind_address(ListenAddress("192.0.2.1", 1), waiting(log.config, 600))  # RFC 5737: no machine has it
    assert said == []
