"""The supervisor: starts the sequencer and the workers, watches over them, ends them. It touches no data of the log.

A worker that ends is started again, at once at first and later and later when it keeps ending. A sequencer that ends
ends the whole server, with an error, so that whatever watches over the server starts it again: recovery at the start is
the same as after a crash, and there is one way of doing it. The public address is bound here and shared with every
worker, so that no connection is lost when one of them goes.

SIGTERM or SIGINT: the workers answer what they have and end, then the sequencer; a second signal ends everything at
once. SIGHUP: the configuration is read again and each worker is replaced in turn, a new one being ready before the old
one takes no more; nothing is refused. What concerns the sequencer takes a restart.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from glasslog import __version__
from glasslog_server.config import Config
from glasslog_server.errors import ConfigError, ProcessError, ServerError
from glasslog_server.http.acceptor import address_of
from glasslog_server.processes.cells import NO_CELL, Cells
from glasslog_server.processes.child_process import ChildProcess
from glasslog_server.processes.control import CONNECTIONS, Order, Role
from glasslog_server.processes.endings import first_of
from glasslog_server.processes.predecessor import bind_address
from glasslog_server.processes.runtime_folder import RuntimeFolder
from glasslog_server.tls import tls_context

STOP_MARGIN_S: Final = 5.0  # beyond the time that requests under way have
SEQUENCER_STOP_S: Final = 60.0
RESTART_DELAYS_S: Final = (0.0, 0.2, 1.0, 5.0, 15.0)
LASTING_S: Final = 60.0
"""A worker that has lived so long begins anew with the shortest delay."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger("glasslog.serving")


class Supervisor:
    """Run one server of several processes."""

    def __init__(self, config: Config, workers: int, reload: Callable[[], Config]) -> None:
        """Take the configuration, how many workers to run, and what reads the configuration again."""
        self._config = config
        self._reload = reload
        self._count = workers
        self._sockets: list[socket.socket] = []
        self._workers: dict[int, ChildProcess] = {}
        self._retired: set[ChildProcess] = set()
        self._sequencer: ChildProcess | None = None
        self._rolling = asyncio.Lock()
        # Known while it runs.
        self._folder: RuntimeFolder
        self._cells: Cells

    async def run(
        self, told_to_stop: asyncio.Event, told_to_reload: asyncio.Event, on_ready: Callable[[str, str], None] | None
    ) -> None:
        """Serve until told to stop. `on_ready` gets the base URLs of the public and the operator's side.

        Raises the error of a process that could not start, and ProcessError when the sequencer has ended.
        """
        tls_context(self._config)  # what is wrong with it is told before anything is opened
        self._folder = RuntimeFolder.make()
        try:
            self._cells = Cells(self._folder.path / CONNECTIONS, self._count)
            await first_of(told_to_stop.wait(), self._begin())
            sequencer = self._sequencer
            if sequencer is None or not self._workers:  # told to stop before all was ready
                return
            self._announce(sequencer, on_ready)
            await first_of(
                told_to_stop.wait(),
                self._watch_sequencer(sequencer),
                self._reload_when_told(told_to_reload),
                *(self._keep(slot) for slot in self._workers),
            )
            logger.info("stopping")
            await self._stop_workers()
            await self._stop_sequencer(sequencer)
        finally:
            await self._end_everything()
            self._folder.remove()
        logger.info("stopped")

    async def _begin(self) -> None:
        """Start the sequencer, listen, and start the workers."""
        self._sequencer = await self._start("sequencer", 0)
        self._sockets = await bind_address(self._config.http.listen, self._config)
        starting = [asyncio.ensure_future(self._start("worker", slot)) for slot in range(self._count)]
        try:
            self._workers = dict(enumerate(await asyncio.gather(*starting)))
        finally:
            for start in starting:
                start.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    def _announce(self, sequencer: ChildProcess, on_ready: Callable[[str, str], None] | None) -> None:
        url = address_of(self._sockets[0]).url(tls=self._config.http.has_tls)
        told = sequencer.told
        admin_url = str(told["admin_url"])
        logger.info(
            "ready",
            origin=self._config.origin,
            size=told["size"],
            url=url,
            admin_url=admin_url,
            workers=self._count,
            sequencer_pid=sequencer.pid,
            version=__version__,
        )
        if on_ready is not None:
            on_ready(url, admin_url)

    # Starting.

    async def _start(self, role: Role, slot: int) -> ChildProcess:
        """Start a process and wait until it is ready. Raises its error when it ends before."""
        name = f"worker-{slot}" if role == "worker" else role
        listening = tuple(listening.fileno() for listening in self._sockets) if role == "worker" else ()
        cells, cell = self._cells, self._cells.lease() if role == "worker" else NO_CELL
        order = Order(role, name, slot, self._count, str(self._folder.path), cell, listening, self._config)
        try:
            child = await ChildProcess.start(order, self._folder.descriptor)
        except BaseException:
            cells.release(cell)
            raise
        child.when_ended(lambda: cells.release(cell))
        try:
            await child.ready()
        except BaseException:
            child.kill()
            await child.wait()
            raise
        return child

    # Watching.

    async def _watch_sequencer(self, sequencer: ChildProcess) -> None:
        """Raise when the sequencer ends: the server ends with it."""
        code = await sequencer.wait()
        raise sequencer.failure or ProcessError(f"the sequencer's process has ended unasked, with code {code}")

    async def _keep(self, slot: int) -> None:
        """Start a worker again whenever it has ended."""
        failures = 0
        while True:
            worker = self._workers[slot]
            since = time.monotonic()
            code = await worker.wait()
            if worker is not self._workers[slot]:  # it was replaced
                continue
            failures = 0 if time.monotonic() - since > LASTING_S else failures
            logger.error("worker_died", worker=slot, code=code, error=str(worker.failure or ""))
            failures = await self._restart(slot, failures)

    async def _restart(self, slot: int, failures: int) -> int:
        """Start the worker of a slot until one is ready; return how often one has ended by now."""
        while True:
            await asyncio.sleep(RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)])
            failures += 1
            try:
                self._workers[slot] = await self._start("worker", slot)
            except ServerError as error:
                logger.error("worker_not_started", worker=slot, code=error.code, error=str(error))  # noqa: TRY400 (the same)
            else:
                logger.info("worker_started", worker=slot)
                return failures

    async def _reload_when_told(self, told: asyncio.Event) -> None:
        while True:
            await told.wait()
            told.clear()
            await self._roll()

    async def _roll(self) -> None:
        """Replace each worker in turn. When the configuration, or a new worker, is wrong, the old ones stay."""
        before = self._config
        try:
            self._config = _same_places(self._reload(), before)
            tls_context(self._config)
            for slot in self._workers:
                replacement = await self._start("worker", slot)
                old, self._workers[slot] = self._workers[slot], replacement
                await self._retire(old)
        except ServerError as error:
            self._config = before
            logger.error("reload_failed", code=error.code, error=str(error))  # noqa: TRY400 (the message says it all)
        else:
            logger.info("reloaded", workers=self._count)

    async def _retire(self, worker: ChildProcess) -> None:
        """Let a worker end when its connections have; when this returns it takes no more of them."""
        self._retired.add(worker)
        worker.when_ended(lambda: self._retired.discard(worker))
        await worker.retire()

    # Ending.

    async def _stop_workers(self) -> None:
        """Let the workers answer what they have; whoever takes too long is ended."""
        workers = [*self._workers.values(), *self._retired]
        for listening in self._sockets:
            listening.close()
        for worker in workers:
            worker.signal(signal.SIGTERM)
        await _wait_all(workers, self._config.http.shutdown_wait_s + STOP_MARGIN_S)

    async def _stop_sequencer(self, sequencer: ChildProcess) -> None:
        sequencer.signal(signal.SIGTERM)
        await _wait_all([sequencer], SEQUENCER_STOP_S)
        if sequencer.failure is not None:
            raise sequencer.failure

    async def _end_everything(self) -> None:
        """Leave no process behind. In order, all have ended by now."""
        for listening in self._sockets:
            listening.close()
        left = [*self._workers.values(), *self._retired, *([self._sequencer] if self._sequencer else [])]
        for child in left:
            child.signal(signal.SIGTERM)
        await _wait_all(left, STOP_MARGIN_S)


async def _wait_all(children: Sequence[ChildProcess], seconds: float) -> None:
    """Wait for the end of processes; kill those that take longer."""
    waits = [asyncio.ensure_future(child.wait()) for child in children]
    if not waits:
        return
    _, late = await asyncio.wait(waits, timeout=seconds)
    for child in children:
        if late and not child.has_ended:
            logger.error("process_killed", name=child.name, waited_s=seconds)
            child.kill()
    for wait in late:
        await wait


def _same_places(config: Config, before: Config) -> Config:
    """Return a configuration that was read again, which must not move what is running."""
    for name in ("origin", "storage", "keys"):
        if getattr(config, name) != getattr(before, name):
            msg = f"expected {name} to stay as it is while the server runs: restart it instead"
            raise ConfigError(msg)
    return config
