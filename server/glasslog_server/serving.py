"""Serve a log until told to stop: open it, listen, and on a signal end in order.

SIGTERM or SIGINT: the sequencer finishes what it took and takes nothing more; there are no new connections; requests
under way get their answers, in the time that the configuration gives them; store and guard are closed. A second signal
ends the process at once, which loses nothing that was acknowledged. A sequencer that a fault has ended ends the process
too, so that whatever watches over it starts it again: recovery at the start is the same as after a crash.
"""

import asyncio
import gc
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
import uvloop

from glasslog import __version__
from glasslog_server.config import Config
from glasslog_server.errors import ConfigError
from glasslog_server.http.admin import build_admin_app
from glasslog_server.http.app import build_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.service import Service
from glasslog_server.http.settings import HttpSettings
from glasslog_server.keyfiles import check_private
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.signers import log_settings

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_COLLECTOR_THRESHOLDS: Final = (50_000, 20, 50)  # containers, then collections of the generation below

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.serving")


@dataclass(frozen=True, slots=True)
class Serving:
    """A log that is being served, and the base URLs of its two sides."""

    log: Log
    url: str
    admin_url: str


def serve(
    config: Config,
    *,
    prepare: Callable[[Log], Awaitable[None]] | None = None,
    on_ready: Callable[[Serving], None] | None = None,
) -> None:
    """Serve a log and return when it was told to stop and has ended in order. Blocks; for the main thread.

    `prepare` gets the open log before anybody else does; `on_ready` is called when requests are taken. Raises
    FaultError when the log must not run or cannot go on.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, prepare, on_ready))


async def _serve(
    config: Config,
    prepare: Callable[[Log], Awaitable[None]] | None,
    on_ready: Callable[[Serving], None] | None,
) -> None:
    told_to_stop = _handle_signals()
    metrics = Metrics()
    tls = _tls_context(config)
    log = await Log.open(log_settings(config), metrics)
    try:
        if prepare is not None:
            await prepare(log)
        async with _listening(config, log, metrics, tls) as serving:
            logger.info(
                "ready",
                origin=log.origin,
                size=log.head.size,
                url=serving.url,
                admin_url=serving.admin_url,
                version=__version__,
            )
            _calm_collector()
            if on_ready is not None:
                on_ready(serving)
            await _first_of(told_to_stop.wait(), log.wait_stopped())
            logger.info("stopping", size=log.head.size)
            log.sequencer.stop()  # what it took is sequenced at once; what still comes in is refused for now
    finally:
        await log.close()
    logger.info("stopped")


@asynccontextmanager
async def _listening(config: Config, log: Log, metrics: Metrics, tls: ssl.SSLContext | None) -> AsyncIterator[Serving]:
    """Listen on both addresses; the public one is closed first, so that the end can be watched on the other."""
    settings, wait_s = config.http.settings(), config.http.shutdown_wait_s
    admin_app = build_admin_app(log, metrics)
    admin = await Listener.start(admin_app, config.admin.listen, metrics, HttpSettings(), shutdown_timeout_s=1.0)
    try:
        public_app = build_app(Service.of(log, metrics, settings))
        public = await Listener.start(
            public_app, config.http.listen, metrics, settings, tls=tls, shutdown_timeout_s=wait_s
        )
        try:
            yield Serving(log, public.address.url(tls=tls is not None), admin.address.url(tls=False))
        finally:
            await public.close()
    finally:
        await admin.close()


def _calm_collector() -> None:
    """Let the garbage collector look rarely, and never again at what is there already.

    A record is some dozens of containers that live for milliseconds and form no cycles; by default they would start a
    collection every few records and a full one, over everything imported, every few thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


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


async def _first_of(*waits: Awaitable[object]) -> None:
    """Wait for the first to return or raise; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in done:
        task.result()


def _tls_context(config: Config) -> ssl.SSLContext | None:
    """Return the TLS settings of the public side, None without. Raises ConfigError, KeyFileError."""
    certificate, key = config.http.tls_certificate, config.http.tls_key
    if certificate is None or key is None:
        return None
    check_private(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:  # ssl.SSLError is one
        msg = f"http.tls_certificate {certificate}, http.tls_key {key}: cannot be used: {error}"
        raise ConfigError(msg) from error
    return context


def _no_password() -> str:
    """Answer for an encrypted key: a server has nobody to ask, and OpenSSL would ask the terminal."""
    return ""
