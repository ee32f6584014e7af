"""What the sequencer alone can take: admitted statements in, durable places out, in this process.

The store is RocksDB in a folder of its own, rounds are synced and signed, the guard moves: only admission and HTTP are
left out. CPU time of the whole process, RocksDB's threads included, so the figure is what one core would carry.
"""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.corpus import sign_corpus
from benchmarks.figures import Figure, say
from benchmarks.logs import create_log, issuer_keys
from glasslog.keys import SigningKey
from glasslog_server.admission import Admission
from glasslog_server.config import load_config
from glasslog_server.core.round import Candidate
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.endings import calm_collector
from glasslog_server.sequencer import Sequenced
from glasslog_server.signers import log_settings

_SUBMISSION = 500  # what a worker hands over at once
_WAITING = 8  # submissions on their way, so that rounds are full
TARGET_PER_S = 80_000.0


def measure(records: int, runs: int) -> list[Figure]:
    """Return how many records a second of CPU the sequencer carries."""
    with tempfile.TemporaryDirectory() as folder:
        keys = issuer_keys()
        log = create_log(Path(folder) / "log", keys)
        return asyncio.run(_measure(log.config, keys, records, runs))


async def _measure(config: Path, keys: Mapping[str, SigningKey], records: int, runs: int) -> list[Figure]:
    calm_collector()  # as the process of a sequencer does
    log = await Log.open(log_settings(load_config(config)), Metrics())
    try:
        admission = Admission(lambda: log.authority, time.time)
        rates = []
        for run in range(runs + 1):  # the first warms up
            candidates = [admission.admit(statement.entry) for statement in sign_corpus(keys, records, run)]
            before = time.process_time()
            await _submit_all(log, candidates)
            rates.append(records / (time.process_time() - before))
            say(f"sequencer: run {run} of {runs}, {rates[-1]:,.0f} records a second of CPU")
    finally:
        await log.close()
    meaning = "records a second of CPU of the sequencer alone, rounds synced and signed; against the target"
    return [Figure("sequencer_records_per_s", "1/s", rates[1:], TARGET_PER_S, meaning)]


async def _submit_all(log: Log, candidates: list[Candidate]) -> None:
    waiting = (candidates[start : start + _SUBMISSION] for start in itertools.count(0, _SUBMISSION))

    async def work() -> None:
        for part in itertools.takewhile(bool, waiting):
            outcomes = await log.sequencer.submit(part)
            assert all(isinstance(outcome, Sequenced) and not outcome.duplicate for outcome in outcomes)

    await asyncio.gather(*(work() for _ in range(_WAITING)))
