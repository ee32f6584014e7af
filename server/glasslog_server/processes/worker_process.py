"""An admission worker: takes requests beside others, checks statements, passes them on, and answers reads by itself.

Ends when it is told to, when its supervisor is gone, or when the link to the sequencer breaks. Nothing is lost with it:
what it has acknowledged is in the log, and what it has passed on is sequenced whether it hears of it or not.
"""

import asyncio
import os
import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path

import structlog
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from glasslog_server.errors import LinkError
from glasslog_server.followed_log import FollowedLog
from glasslog_server.http.app import build_app
from glasslog_server.http.connection_table import ConnectionTable, Share
from glasslog_server.http.listener import Listener
from glasslog_server.http.service import Service
from glasslog_server.http.settings import HttpSettings
from glasslog_server.link.messages import Hello
from glasslog_server.link.workers_end import LinkLimits, WorkersEnd
from glasslog_server.metrics import Metrics
from glasslog_server.processes.cells import NO_CELL
from glasslog_server.processes.control import ChildControl, Order
from glasslog_server.processes.endings import calm_collector, first_of, unless
from glasslog_server.storage.rocks_secondary import SecondaryStore
from glasslog_server.tls import tls_context

LOST_ANSWERS_S = 1.0
"""How long requests under way have to be told that the sequencer is gone."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.worker")


async def run_worker(order: Order, control: ChildControl) -> None:
    """Serve until told to stop. Raises LinkError when the sequencer is gone, ServerError when it cannot begin."""
    loop = asyncio.get_running_loop()
    stop, retire = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGHUP, retire.set)
    metrics = Metrics()
    own_folder = Path(order.runtime) / f"reading-{os.getpid()}"
    log = FollowedLog(
        lambda: SecondaryStore.follow(order.config.storage.store, own_folder, control.is_abandoned),
        lambda: metrics.exposition(CONTENT_TYPE_LATEST)[0],
    )
    link = await unless(_connect(order, log), stop.wait(), control.wait_abandoned())
    if link is None:
        await log.close()
        return
    try:
        listener = await _listen(order, log, metrics)
        link.say_ready()
        control.report("ready", url=listener.address.url(tls=order.config.http.has_tls))
        calm_collector()
        try:
            await first_of(stop.wait(), retire.wait(), control.wait_abandoned(), link.wait_ended())
            if retire.is_set() and not stop.is_set():
                listener.take_no_more()
                control.report("retired")
                await first_of(listener.drain(), stop.wait(), control.wait_abandoned(), link.wait_ended())
        finally:
            log.stop()
            await first_of(listener.close(), control.wait_abandoned(), _pause_after(link.ended))
    finally:
        link.close()
        await log.close()
        shutil.rmtree(own_folder, ignore_errors=True)


async def _pause_after(ended: asyncio.Future[None]) -> None:
    """Give requests under way a moment after the link has ended: they are answered that it has."""
    await asyncio.wait([ended])
    await asyncio.sleep(LOST_ANSWERS_S)


async def _connect(order: Order, log: FollowedLog) -> WorkersEnd:
    """Reach the sequencer and learn where the log stands. Raises LinkError."""
    limits = order.config.sequencer
    hello = Hello(order.slot, os.getpid())

    def make() -> WorkersEnd:
        return WorkersEnd(hello, log, LinkLimits(limits.queue_entries_max, limits.queue_bytes_max))

    try:
        _, link = await asyncio.get_running_loop().create_unix_connection(make, str(order.link_path))
    except OSError as error:
        msg = f"expected the sequencer at {order.link_path}: {error.strerror or error}"
        raise LinkError(msg) from error
    log.attach(link)
    await link.welcomed
    return link


async def _listen(order: Order, log: FollowedLog, metrics: Metrics) -> Listener:
    http = order.config.http
    settings = share_of(http.settings(), order.workers)
    sockets = [socket.socket(fileno=descriptor) for descriptor in order.listening]
    return await Listener.start_on(
        build_app(Service.of(log, metrics, settings)),
        sockets,
        metrics,
        settings,
        tls=tls_context(order.config),
        shutdown_timeout_s=http.shutdown_wait_s,
        share=None if order.cell == NO_CELL else Share(ConnectionTable.open(order.connections_path), order.cell),
    )


def share_of(settings: HttpSettings, workers: int) -> HttpSettings:
    """Return what one of several workers may take of what is configured for all; each can take the largest batch."""
    return replace(
        settings,
        connections_max=-(-settings.connections_max // workers),
        bodies_bytes_max=max(settings.batch_bytes_max, settings.bodies_bytes_max // workers),
        answers_bytes_max=max(settings.batch_bytes_max, settings.answers_bytes_max // workers),
    )
