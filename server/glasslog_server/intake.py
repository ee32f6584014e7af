"""Take admitted candidates on their last step: each issuer's quota, then the sequencer.

Stands beside the sequencer, in its process, so that a quota holds for the sum of what all admission workers let
through. Asked after admission, so only an issuer's own signature spends its quota.
"""

from collections.abc import Sequence
from typing import TypeAlias

from glasslog.authority import Authority
from glasslog_server.core.round import Candidate
from glasslog_server.errors import QuotaError
from glasslog_server.quotas import Quotas
from glasslog_server.sequencer import Sequencer
from glasslog_server.submissions import Outcome

IntakeOutcome: TypeAlias = Outcome | QuotaError
"""What became of one candidate: its place, or why the policy in force or its issuer's quota refuses it."""


class Intake:
    """Pass candidates to one sequencer. One object for a log, whoever submits."""

    def __init__(self, sequencer: Sequencer, quotas: Quotas) -> None:
        """Take the sequencer and the quotas that hold for every issuer but the operator."""
        self._sequencer = sequencer
        self._quotas = quotas

    async def submit(self, candidates: Sequence[Candidate]) -> list[IntakeOutcome]:
        """Return what became of each candidate, in order, as `Sequencer.submit` does for those within their quota.

        All or nothing of these is taken. What a refused submission spent of a quota stays spent.
        """
        if not self._quotas.are_limited:
            return list(await self._sequencer.submit(candidates))
        spent = [self._spend(candidate, self._sequencer.authority) for candidate in candidates]
        within = [candidate for candidate, refusal in zip(candidates, spent, strict=True) if refusal is None]
        outcomes = iter(await self._sequencer.submit(within))
        return [next(outcomes) if refusal is None else refusal for refusal in spent]

    def _spend(self, candidate: Candidate, authority: Authority) -> QuotaError | None:
        """Take a statement from its issuer's quota; the operator, who revokes keys in a flood, has none."""
        if candidate.issuer == authority.operator_issuer:
            return None
        try:
            self._quotas.spend(candidate.issuer)
        except QuotaError as refusal:
            return refusal
        return None
