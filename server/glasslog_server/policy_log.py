"""Log what the operator says: through the server when one runs the log, else by opening the log for one round.

Which of the two is found out by trying to open the store: its lock is held by whoever runs the log, so there is no
moment at which both could write.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from glasslog.errors import GlasslogError
from glasslog.merkle import LeafIndex
from glasslog.records import decode_record
from glasslog.statement import SignedStatement
from glasslog_server.config import Config
from glasslog_server.core.round import Candidate
from glasslog_server.errors import GuardLockedError, StoreLockedError
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.policy_statements import PolicyEntries, policy_entries_of
from glasslog_server.running_server import RunningServer
from glasslog_server.signers import log_settings

Result = TypeVar("Result")
MakeStatement: TypeAlias = Callable[[PolicyEntries], SignedStatement]
"""Makes the operator's next statement from what was said before."""


class PolicyLog:
    """The operator's way to a log, running or not. Methods block."""

    def __init__(self, config: Config, url: str | None = None) -> None:
        """Take the log's configuration; `url` is where a running server is reached, by default where it listens."""
        self._config = config
        self._url = url

    def read(self) -> PolicyEntries:
        """Return what the operator has said so far. Raises FaultError, UnavailableError."""

        async def read(log: Log) -> PolicyEntries:
            return policy_entries_of(log.authority)

        return self._with_log(read, RunningServer.policy_entries)

    def append(self, make: MakeStatement) -> LeafIndex:
        """Log the operator's next statement and return its index; it is durable then.

        Raises what `make` raises; RequestError or AuthorityError when the log refuses it, FaultError, UnavailableError.
        """

        async def append(log: Log) -> LeafIndex:
            return await register(log, make(policy_entries_of(log.authority)))

        return self._with_log(append, lambda server: server.register(make(server.policy_entries())))

    def _with_log(
        self, offline: Callable[[Log], Coroutine[Any, Any, Result]], online: Callable[[RunningServer], Result]
    ) -> Result:
        if self._url is None:
            try:
                return asyncio.run(self._open_and(offline))
            except (StoreLockedError, GuardLockedError):
                pass  # a server runs this log
        return online(RunningServer.of(self._config, self._url))

    async def _open_and(self, act: Callable[[Log], Coroutine[Any, Any, Result]]) -> Result:
        log = await Log.open(log_settings(self._config), Metrics())
        try:
            return await act(log)
        finally:
            await log.close()


async def register(log: Log, statement: SignedStatement) -> LeafIndex:
    """Sequence a statement whose signature and schema are known to be right, and return its index."""
    candidate = Candidate.of_statement(statement, decode_record(statement.payload))
    [outcome] = await log.sequencer.submit([candidate])
    if isinstance(outcome, GlasslogError):
        raise outcome
    return outcome.index
