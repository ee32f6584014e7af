"""Take statements all the way: admission, quota, the sequencer's round, and what is told of each.

One statement or many go the same way. What this module returns is final; `entries` turns it into HTTP.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from glasslog.counting import counted
from glasslog.errors import AuthorityError, GlasslogError, UnknownKeyError
from glasslog.merkle import Hash, hash_leaf
from glasslog_server.admission import Refusal
from glasslog_server.core.round import Candidate
from glasslog_server.errors import QuotaError, SlowRoundError, TooLargeError, TreeRangeError
from glasslog_server.http.problems import code_of
from glasslog_server.http.service import Service
from glasslog_server.intake import IntakeOutcome
from glasslog_server.submissions import Sequenced

Submission: TypeAlias = "asyncio.Future[list[IntakeOutcome]]"
"""The outcomes of candidates that were passed on together, once there are any."""

Registered: TypeAlias = Sequenced | Refusal | QuotaError
"""What became of one statement."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A statement that the sequencer holds, and that was not sequenced in the time a request may wait."""

    leaf_hash: Hash


class Registration:
    """Register statements with one log, and remember which of them requests stopped waiting for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pending: dict[Hash, Submission] = {}

    def is_pending(self, leaf_hash: Hash) -> bool:
        """Return whether a request was told to come back for this entry, and it is still with the sequencer."""
        return leaf_hash in self._pending or self._service.log.is_pending_elsewhere(leaf_hash)

    async def register(self, data: bytes) -> Sequenced | Pending:
        """Register one statement. Raises what refuses it, UnavailableError, StoreError.

        A cancelled call leaves the statement with the sequencer.
        """
        try:
            candidate = self._service.admission.admit(data)
        except (GlasslogError, TooLargeError) as refusal:
            known = await self._known(data, refusal)
            if known is None:
                self._service.metrics.statements_judged(0, [code_of(refusal)])
                raise
            return known
        submission = self.submit([candidate])
        outcomes = await self._wait(submission)
        if outcomes is None:
            self.remember(candidate.leaf_hash, submission)
            return Pending(candidate.leaf_hash)
        [outcome] = outcomes
        self.count(1, outcomes)
        if not isinstance(outcome, Sequenced):
            raise outcome
        return outcome

    async def register_all(self, statements: Sequence[bytes]) -> list[Registered]:
        """Register many statements; return what became of each, in order.

        Raises TooLargeError for more than a round can take, SlowRoundError, UnavailableError, StoreError: then nobody
        knows of any of them what became of it, and the same request can be made again.
        """
        verdicts = await self._service.admission.admit_all(statements)
        candidates = [verdict for verdict in verdicts if isinstance(verdict, Candidate)]
        if len(candidates) == len(verdicts):
            final: list[Registered] = list(await self._sequenced(candidates))
        else:
            known = [
                None if isinstance(verdict, Candidate) else await self._known(data, verdict)
                for data, verdict in zip(statements, verdicts, strict=True)
            ]
            outcomes = iter(await self._sequenced(candidates) if candidates else ())
            final = [
                next(outcomes) if isinstance(verdict, Candidate) else place or verdict
                for verdict, place in zip(verdicts, known, strict=True)
            ]
        self.count(len(candidates), final)
        return final

    async def _sequenced(self, candidates: Sequence[Candidate]) -> list[IntakeOutcome]:
        """Return what became of candidates. Raises SlowRoundError, TooLargeError, UnavailableError."""
        outcomes = await self._wait(self.submit(candidates))
        if outcomes is None:
            taken = counted(len(candidates), "statements")
            msg = f"the log took {taken} and has not sequenced all yet: make the same request again"
            raise SlowRoundError(msg)
        return outcomes

    async def _known(self, data: bytes, refusal: Exception) -> Sequenced | None:
        """Return the place of a statement that was logged when its signer was entitled, though that is over now.

        Its leaf hash shows that it is the same statement, so its signature needs no second check.
        """
        if not isinstance(refusal, AuthorityError | UnknownKeyError):
            return None
        leaf_hash = hash_leaf(data)
        reader = self._service.log.reader
        [index] = await reader.find([leaf_hash])
        if index is None:
            return None
        return Sequenced(index, leaf_hash, await reader.covering_head(index), duplicate=True)

    def submit(self, candidates: Sequence[Candidate]) -> Submission:
        """Pass candidates on; return their future outcomes, which come whether anybody waits or not."""
        submission = asyncio.ensure_future(self._service.log.submit(candidates))
        submission.add_done_callback(_take_note)
        return submission

    def remember(self, leaf_hash: Hash, submission: Submission) -> None:
        """Take note that a client was told to come back for an entry that is under way."""

        def forget(done: Submission) -> None:
            if self._pending.get(leaf_hash) is done:
                del self._pending[leaf_hash]

        self._pending[leaf_hash] = submission
        self._service.log.announce_pending(leaf_hash)
        submission.add_done_callback(forget)

    async def _wait(self, submission: Submission) -> list[IntakeOutcome] | None:
        """Return the outcomes, or None when they take longer than a request may wait."""
        try:
            async with asyncio.timeout(self._service.settings.round_wait_s):
                return await asyncio.shield(submission)
        except TimeoutError:
            return None
        except TreeRangeError as error:  # more than the operator lets one round take
            raise TooLargeError(str(error)) from error

    def count(self, admitted: int, outcomes: Sequence[Registered]) -> None:
        """Count what became of statements that were judged together."""
        refused = [code_of(outcome) for outcome in outcomes if not isinstance(outcome, Sequenced)]
        self._service.metrics.statements_judged(admitted, refused)


def _take_note(submission: Submission) -> None:
    """Look at how a submission ended, in case that nobody waits for it any more: who submits it again learns more."""
    if not submission.cancelled():
        submission.exception()
