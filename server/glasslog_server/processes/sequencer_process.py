"""The sequencer's process: it alone has store, guard and signing keys, and it checks no statement's signature.

Ends in order when it is told to, or when the supervisor is gone: what it took is sequenced and answered, store and
guard are closed. Ends with an error when the sequencer does; the supervisor then ends everything.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from glasslog.merkle import LeafIndex
from glasslog_server.core.round import Candidate
from glasslog_server.errors import ListenError
from glasslog_server.http.admin import build_admin_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.settings import HttpSettings
from glasslog_server.intake import Intake, IntakeOutcome
from glasslog_server.link.sequencers_end import WorkerLinks
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.control import ChildControl, Order
from glasslog_server.processes.endings import calm_collector, first_of, unless
from glasslog_server.processes.predecessor import bind_address, open_log
from glasslog_server.quotas import Quotas
from glasslog_server.recovery import read_policy_entries
from glasslog_server.storage.store import TreeHead

LAST_ANSWERS_S = 1.0
"""How long workers may take to hear the last answers, once nothing more is taken."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.sequencer")


class _Host:
    """What the link speaks for (`link.sequencers_end.Host`)."""

    def __init__(self, log: Log, intake: Intake) -> None:
        self._log = log
        self._intake = intake

    @property
    def head(self) -> TreeHead:
        """Return the published tree head."""
        return self._log.head

    async def submit(self, candidates: Sequence[Candidate]) -> list[IntakeOutcome]:
        """Return what became of each candidate."""
        return await self._intake.submit(candidates)

    def check_ready(self) -> None:
        """Raise UnavailableError when submissions would not be answered in time."""
        self._log.sequencer.check_ready()


async def run_sequencer(order: Order, control: ChildControl) -> None:
    """Run the sequencer until it is told to stop. Raises FaultError when the log must not run or cannot go on."""
    told_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop.set)
    metrics = Metrics()
    log = await unless(open_log(order.config, metrics), told_to_stop.wait(), control.wait_abandoned())
    if log is None:
        return
    try:
        if control.is_abandoned():  # nobody could be heard while the store was opened
            return
        sockets = await unless(
            bind_address(order.config.admin.listen, order.config), told_to_stop.wait(), control.wait_abandoned()
        )
        if sockets is None:
            return
        links = await _links(order, log)
        server = await _listen(order.link_path, links)
        admin_app = build_admin_app(log, metrics, links)
        admin = await Listener.start_on(admin_app, sockets, metrics, HttpSettings(), shutdown_timeout_s=1.0)
        calm_collector()
        control.report("ready", admin_url=admin.address.url(tls=False), size=log.head.size)
        try:
            await first_of(told_to_stop.wait(), control.wait_abandoned(), log.wait_stopped())
        finally:
            log.sequencer.stop()
            await _say_last_words(log, links)
            server.close()
            await admin.close()
    finally:
        await log.close()
        shutil.rmtree(order.runtime, ignore_errors=True)  # a supervisor that was killed could not
    control.report("stopped", size=log.head.size)


async def _links(order: Order, log: Log) -> WorkerLinks:
    http = order.config.http
    quotas = Quotas(http.issuer_rate, http.issuer_burst, time.monotonic)
    entries = await read_policy_entries(log.sequencer.store, LeafIndex(0), log.head.size)
    links = WorkerLinks(_Host(log, Intake(log.sequencer, quotas)), entries)
    log.sequencer.subscribe(links.publish)
    return links


async def _listen(path: Path, links: WorkerLinks) -> asyncio.Server:
    """Listen for workers, at a place that nobody else may open. Raises ListenError."""
    mask = os.umask(0o177)
    try:
        return await asyncio.get_running_loop().create_unix_server(links.connect, str(path))
    except OSError as error:
        msg = f"cannot listen on {path}: {error.strerror or error}"
        raise ListenError(msg) from error
    finally:
        os.umask(mask)


async def _say_last_words(log: Log, links: WorkerLinks) -> None:
    """Let the sequencer answer or refuse everything it took, and the workers hear it."""
    await asyncio.wait([asyncio.ensure_future(log.wait_stopped())])
    await asyncio.sleep(0)  # the answers are on their way to the links
    links.close()
    await asyncio.wait([asyncio.ensure_future(links.wait_gone())], timeout=LAST_ANSWERS_S)
