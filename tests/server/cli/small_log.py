"""Make logs on disk, quickly, without a server: what the tests of the tools work on."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from glasslog.keys import Signer
from glasslog.records import decode_record
from glasslog.statement import SignedStatement
from glasslog_server.config import Config, load_config
from glasslog_server.core.round import Candidate
from glasslog_server.creation import CONFIG_NAME, NewLog, create_log
from glasslog_server.fsck import Report, check_log
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.policy_statements import Registration, policy_entries_of, sign_registration
from glasslog_server.signers import log_settings, open_operator
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from tests.simulation.parties import Issuer

ORIGIN = "log.example/tools"
ROUNDS = [1, 1, 3, 250, 300, 1, 30]
"""New entries of each round after the registration: full bundles, partial ones, and single entries."""
SIZE = 2 + sum(ROUNDS)


def now_ms() -> int:
    return round(time.time() * 1_000)


def candidate_of(statement: SignedStatement) -> Candidate:
    return Candidate.of_statement(statement, decode_record(statement.payload))


def register(log: Log, operator: Signer, issuer: Issuer) -> Candidate:
    registration = Registration("register", issuer.name, issuer.key.public_key, valid_from=0)
    return candidate_of(
        sign_registration(operator, log.origin, policy_entries_of(log.authority).next_place, registration, now_ms())
    )


async def fill(config: Config, rounds: list[int]) -> None:
    issuer = Issuer()
    log = await Log.open(log_settings(config), Metrics())
    try:
        await log.sequencer.submit([register(log, open_operator(config), issuer)])
        for entries in rounds:
            await log.sequencer.submit([issuer.candidate() for _ in range(entries)])
    finally:
        await log.close()


def make_log(folder: Path, rounds: list[int]) -> Config:
    async def make() -> Config:
        config = await create_log(NewLog(folder, ORIGIN), now_ms())
        await fill(config, rounds)
        return config

    return asyncio.run(make())


def copy_log(source: Path, target: Path) -> Config:
    """Copy a whole log, and make the copy of the guard the log's own."""
    shutil.copytree(source, target)
    config = load_config(target / CONFIG_NAME)
    guard = FileGuard.adopt(config.storage.guard, store_id(config))
    asyncio.run(guard.close())
    return config


def store_id(config: Config) -> bytes:
    store = RocksStore.open(config.storage.store)
    asyncio.run(store.close())
    return store.meta.store_id


def edit(config: Config, change: Callable[[RocksEngine], None]) -> None:
    """Change rows of a store behind the log's back."""
    engine = RocksEngine.open(config.storage.store)
    change(engine)
    engine.sync()
    engine.close()


def fsck(config: Config) -> Report:
    async def run() -> Report:
        store = RocksStore.open(config.storage.store)
        try:
            guard_path = config.storage.guard
            return await check_log(store, lambda: FileGuard.open(guard_path, store.meta.store_id), lambda _: None)
        finally:
            await store.close()

    return asyncio.run(run())
