"""What a client is told while its statement waits for a round that takes long, and when the log stops or fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from glasslog_server.errors import StoreError
from glasslog_server.http.admin import build_admin_app
from glasslog_server.http.app import build_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.service import Service
from glasslog_server.http.settings import HttpSettings
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.sequencer import Sequencer, SequencerLimits, Storage
from glasslog_server.served_log import LocalLog
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.store import RoundWrite
from tests.server.http.running_log import LOOPBACK, STORE_ID, RunningLog, create_log, new_session
from tests.server.http.statements import CLINIC

SHORT_S = 2.0
"""Short for a test that waits for its end; long enough for rounds that are not held back, on a slow machine too."""


class Gate:
    """Hold back the writes of a store, or let them fail."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.fail = False
        self.waiting = asyncio.Event()


class GatedStore(RocksStore):
    gate: Gate

    async def append(self, write: RoundWrite, and_then: Callable[[], None] | None = None) -> None:
        self.gate.waiting.set()
        await self.gate.open.wait()
        if self.gate.fail:
            self.gate.fail = False
            raise StoreError("the disk is full of secrets")
        await super().append(write, and_then)


@asynccontextmanager
async def gated_log(folder: Path, http: HttpSettings) -> AsyncIterator[tuple[RunningLog, Gate]]:
    settings = await create_log(folder)
    gate, metrics = Gate(), Metrics()

    async def open_storage() -> Storage:
        store = GatedStore.open(settings.store_path)
        store.gate = gate
        return Storage(store, FileGuard.open(settings.guard_path, STORE_ID))

    sequencer = Sequencer(open_storage, settings.signer, SequencerLimits(round_interval_s=0.001), metrics)
    await sequencer.open()
    log = Log(settings.signer, sequencer)
    task = asyncio.create_task(sequencer.run())
    service = Service.of(LocalLog(log), metrics, http)
    public = await Listener.start(build_app(service), LOOPBACK, metrics, http, shutdown_timeout_s=1.0)
    admin = await Listener.start(build_admin_app(log, metrics), LOOPBACK, metrics, http, shutdown_timeout_s=1.0)
    async with new_session() as session:
        running = RunningLog(log, service, public, admin, session, folder)
        assert (await running.register(CLINIC.uri, CLINIC.key.public_key)).status == 201
        gate.waiting.clear()
        yield running, gate
    gate.open.set()
    await public.close()
    await admin.close()
    sequencer.stop()
    await task
    await sequencer.close()


async def test_a_statement_that_waits_too_long_is_answered_where_to_ask(tmp_path: Path) -> None:
    async with gated_log(tmp_path, HttpSettings(round_wait_s=SHORT_S)) as (log, gate):
        gate.open.clear()
        statement = CLINIC.statement()
        answer = await log.submit(statement)
        location = f"/entries/{statement.leaf_hash.hex()}"
        assert (answer.status, answer.body, answer.headers["Location"]) == (202, b"", location)
        assert answer.headers["Retry-After"] == "1"
        asked = await log.get(location)
        assert (asked.status, asked.headers["Retry-After"]) == (204, "1")
        again = asyncio.create_task(log.submit(statement))
        gate.open.set()
        index = (await again).receipt().proof.index  # type: ignore[union-attr]
        assert (await log.get(location)).receipt().proof.index == index == 2  # type: ignore[union-attr]
        assert log.size == 3


async def test_a_sequence_that_waits_too_long_is_to_be_sent_again(tmp_path: Path) -> None:
    async with gated_log(tmp_path, HttpSettings(round_wait_s=SHORT_S)) as (log, gate):
        gate.open.clear()
        statements = CLINIC.statements(3)
        answer = await log.submit_all(statements)
        assert answer.problem() == (503, "Service Unavailable", "slow_round")
        assert answer.headers["Retry-After"] == "1"
        gate.open.set()
        outcomes = (await log.submit_all(statements)).cbor()["outcomes"]
        assert [(outcome["index"], outcome["duplicate"]) for outcome in outcomes] == [(2, True), (3, True), (4, True)]


async def test_a_failed_round_is_503_and_the_log_goes_on(tmp_path: Path) -> None:
    async with gated_log(tmp_path, HttpSettings()) as (log, gate):
        gate.fail = True
        statement = CLINIC.statement()
        answer = await log.submit(statement)
        assert answer.problem() == (503, "Service Unavailable", "interrupted")
        assert b"secrets" not in answer.body
        while (await log.get("/readyz")).status != 200:
            await asyncio.sleep(0.01)
        assert (await log.submit(statement)).status == 201
        assert log.size == 3
        assert await log.metric("glasslog_faults_total", code="store_failed") == 1


async def test_a_key_revoked_between_admission_and_sequencing_is_refused_then(tmp_path: Path) -> None:
    async with gated_log(tmp_path, HttpSettings()) as (log, gate):
        gate.open.clear()
        first = asyncio.create_task(log.submit(CLINIC.statement()))
        await gate.waiting.wait()
        revoked = asyncio.create_task(log.revoke(CLINIC))
        await _until_queued(log, 1)
        late = [asyncio.create_task(log.submit(CLINIC.statement()))]
        await _until_queued(log, 2)
        late.append(asyncio.create_task(log.submit_all(CLINIC.statements(1))))
        await _until_queued(log, 3)
        gate.open.set()
        assert ((await first).status, (await revoked).status) == (201, 201)
        assert (await late[0]).problem() == (400, "Rejected", "no_authority")
        assert [outcome["code"] for outcome in (await late[1]).cbor()["outcomes"]] == ["no_authority"]
        assert await log.metric("glasslog_statements_refused_total", code="no_authority") == 2


async def _until_queued(log: RunningLog, entries: int) -> None:
    while await log.metric("glasslog_queue_entries") < entries:
        await asyncio.sleep(0)


async def test_everything_taken_is_answered_when_the_server_stops(tmp_path: Path) -> None:
    async with gated_log(tmp_path, HttpSettings()) as (log, gate):
        gate.open.clear()
        taken = asyncio.create_task(log.submit(CLINIC.statement()))
        await gate.waiting.wait()
        closing = asyncio.create_task(log.public.close())
        gate.open.set()
        assert (await taken).status == 201
        await closing
        with pytest.raises(aiohttp.ClientConnectionError):
            await log.get("/healthz")
