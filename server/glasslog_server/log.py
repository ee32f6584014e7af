"""One log, put together: store, guard, sequencer and reader, opened and closed in the right order.

This is what serves: the HTTP front end, the command line and the benchmarks talk to a `Log` and to nothing below it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from glasslog.authority import Authority
from glasslog_server.errors import ConfigError
from glasslog_server.publication import Publication
from glasslog_server.reader import LogReader
from glasslog_server.sequencer import RoundObserver, Sequencer, SequencerLimits, Storage
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.store import TreeHead
from glasslog_server.tree_heads import HeadSigner


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where a log is kept, who signs for it, and the bounds of its rounds."""

    store_path: Path
    guard_path: Path
    signer: HeadSigner
    limits: SequencerLimits = field(default_factory=SequencerLimits)


class Log:
    """A running log. Make one with `open`, and `close` it."""

    def __init__(self, signer: HeadSigner, sequencer: Sequencer) -> None:
        """Take an opened sequencer; use `open`."""
        self.signer = signer
        self.sequencer = sequencer
        self._reader: LogReader | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: LogSettings, observer: RoundObserver, clock: Callable[[], float] = time.time) -> Self:
        """Open a log that was created before and start its sequencer. Raises FaultError: then it must not run."""

        async def open_storage() -> Storage:
            store = RocksStore.open(settings.store_path)
            try:
                return Storage(store, _open_guard(settings, store))
            except BaseException:
                await store.close()
                raise

        sequencer = Sequencer(open_storage, settings.signer, settings.limits, observer, clock)
        await sequencer.open()
        log = cls(settings.signer, sequencer)
        unknown = set(settings.signer.public_keys) - set(log.authority.policy.log_keys)
        if unknown:
            await sequencer.close()
            kids = ", ".join(sorted(key.kid.hex() for key in unknown))
            msg = f"expected signing keys that the log's policy names, got kid {kids}"
            raise ConfigError(msg)
        sequencer.subscribe(log._take)
        log._task = asyncio.create_task(sequencer.run(), name="sequencer")
        return log

    def _take(self, publication: Publication) -> None:
        self.reader.take(publication)

    @property
    def origin(self) -> str:
        """Return the log's name."""
        return self.signer.origin

    @property
    def head(self) -> TreeHead:
        """Return the published tree head."""
        return self.sequencer.head

    @property
    def authority(self) -> Authority:
        """Return who may sign, as of the published head."""
        return self.sequencer.authority

    @property
    def reader(self) -> LogReader:
        """Return what reads of the log go through: never above the published head."""
        store = self.sequencer.store
        if self._reader is None or self._reader.store is not store:
            self._reader = LogReader(store, lambda: self.sequencer.head)
        return self._reader

    async def wait_stopped(self) -> None:
        """Wait until the sequencer has ended. Raises the FaultError that ended it, if one did."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Answer or refuse everything taken, then close store and guard.

        Raises the FaultError that ended the sequencer, if one did; store and guard are closed all the same.
        """
        self.sequencer.stop()
        try:
            if self._task is not None:
                await self._task
        finally:
            await self.sequencer.close()


def _open_guard(settings: LogSettings, store: RocksStore) -> FileGuard:
    """Return the guard of a store, after checking that the store is the one of the configured log."""
    if store.meta.origin != settings.signer.origin:
        msg = f"expected the origin {store.meta.origin} of the store, got {settings.signer.origin}"
        raise ConfigError(msg)
    return FileGuard.open(settings.guard_path, store.meta.store_id)
