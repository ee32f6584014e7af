"""Serve a log until told to stop: open it, listen, and on a signal end in order.

SIGTERM or SIGINT: the sequencer finishes what it took and takes nothing more; there are no new connections; requests
under way get their answers, in the time that the configuration gives them; store and guard are closed. A second signal
ends the process at once, which loses nothing that was acknowledged. A sequencer that a fault has ended ends the process
too, so that whatever watches over it starts it again: recovery at the start is the same as after a crash.
"""

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import structlog
import uvloop

from glasslog import __version__
from glasslog_server.config import Config
from glasslog_server.http.admin import build_admin_app
from glasslog_server.http.app import build_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.service import Service
from glasslog_server.http.settings import HttpSettings
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.endings import calm_collector, first_of, unless
from glasslog_server.processes.predecessor import bind_address, open_log
from glasslog_server.processes.supervisor import Supervisor
from glasslog_server.quotas import Quotas
from glasslog_server.served_log import LocalLog
from glasslog_server.tls import tls_context

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.serving")


OnReady: TypeAlias = Callable[[str, str], None]
"""Called with the base URLs of the public and the operator's side when requests are taken."""


def serve(
    config: Config,
    *,
    workers: int,
    reload: Callable[[], Config],
    prepare: Callable[[Log], Awaitable[None]] | None = None,
    on_ready: OnReady | None = None,
) -> None:
    """Serve a log and return when it was told to stop and has ended in order. Blocks; for the main thread.

    With `workers` 0, this process does it all; else it watches over a sequencer and so many workers, and `reload` reads
    the configuration again for workers that are replaced. `prepare` gets the open log before anybody else does. Raises
    FaultError when the log must not run or cannot go on.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if workers:
            runner.run(_supervise(config, workers, reload, prepare, on_ready))
        else:
            runner.run(_serve(config, prepare, on_ready))


async def _supervise(
    config: Config,
    workers: int,
    reload: Callable[[], Config],
    prepare: Callable[[Log], Awaitable[None]] | None,
    on_ready: OnReady | None,
) -> None:
    told_to_stop, told_to_reload = _handle_signals(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, told_to_reload.set)
    if prepare is not None:
        log = await unless(open_log(config, Metrics()), told_to_stop.wait())
        if log is None:
            return
        try:
            await prepare(log)
        finally:
            await log.close()
    await Supervisor(config, workers, reload).run(told_to_stop, told_to_reload, on_ready)


async def _serve(
    config: Config,
    prepare: Callable[[Log], Awaitable[None]] | None,
    on_ready: OnReady | None,
) -> None:
    told_to_stop = _handle_signals()
    metrics = Metrics()
    tls = tls_context(config)
    log = await unless(open_log(config, metrics), told_to_stop.wait())
    if log is None:
        return
    try:
        if prepare is not None:
            await prepare(log)
        sockets = await unless(_bind(config), told_to_stop.wait())
        if sockets is None:
            return
        async with _listening(config, log, metrics, tls, *sockets) as (url, admin_url):
            logger.info(
                "ready",
                origin=log.origin,
                size=log.head.size,
                url=url,
                admin_url=admin_url,
                version=__version__,
            )
            calm_collector()
            if on_ready is not None:
                on_ready(url, admin_url)
            await first_of(told_to_stop.wait(), log.wait_stopped())
            logger.info("stopping", size=log.head.size)
            log.sequencer.stop()  # what it took is sequenced at once; what still comes in is refused for now
    finally:
        await log.close()
    logger.info("stopped")


async def _bind(config: Config) -> tuple[list[socket.socket], list[socket.socket]]:
    """Return listening sockets for the public and the operator's side. Raises ListenError."""
    public = await bind_address(config.http.listen, config)
    try:
        return public, await bind_address(config.admin.listen, config)
    except BaseException:
        for listening in public:
            listening.close()
        raise


@asynccontextmanager
async def _listening(
    config: Config,
    log: Log,
    metrics: Metrics,
    tls: ssl.SSLContext | None,
    public_sockets: Sequence[socket.socket],
    admin_sockets: Sequence[socket.socket],
) -> AsyncIterator[tuple[str, str]]:
    """Listen on both addresses; the public one is closed first, so that the end can be watched on the other."""
    settings, wait_s = config.http.settings(), config.http.shutdown_wait_s
    admin_app = build_admin_app(log, metrics)
    admin = await Listener.start_on(admin_app, admin_sockets, metrics, HttpSettings(), shutdown_timeout_s=1.0)
    try:
        served = LocalLog(log, Quotas(settings.issuer_rate, settings.issuer_burst, time.monotonic))
        public_app = build_app(Service.of(served, metrics, settings))
        public = await Listener.start_on(
            public_app, public_sockets, metrics, settings, tls=tls, shutdown_timeout_s=wait_s
        )
        try:
            yield public.address.url(tls=tls is not None), admin.address.url(tls=False)
        finally:
            await public.close()
    finally:
        await admin.close()


def _handle_signals() -> asyncio.Event:
    """Return an event that the first signal sets; the second ends the process as if nobody had handled it."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: signal.Signals) -> None:
        if told.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            os._exit(128 + number)  # the first process of a container is spared by the system
        told.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, handle, number)
    return told
