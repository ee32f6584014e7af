"""Be the vendor: decide, sign, submit, and keep what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glasslog_issuer.client import Client
from glasslog_issuer.demo.errors import DemoError
from glasslog_issuer.demo.recording import Registrations, record, register
from glasslog_issuer.demo.referrals import Referral
from glasslog_issuer.demo.screening import Decision, Screening
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.registration import Outcome, Registered


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision that is in the log: what was decided, the signed record with its disclosures, and the receipt."""

    decision: Decision
    signed: SignedRecord
    registered: Registered


@dataclass
class Vendor:
    """A screening system whose every decision goes to a log; `registered` holds all receipts, as they came."""

    screening: Screening
    issuer: Issuer
    client: Client
    registered: list[Registered] = field(default_factory=list)

    def register_system(self) -> Registrations:
        """Tell the log what will decide and what will watch over it. Raises what `Client.submit` raises."""
        registrations = register(self.issuer, self.screening)
        for signed in (registrations.model, registrations.guardrails):
            self.registered.append(self.client.submit(signed.statement))
        return registrations

    def decide_batch(self, referrals: Sequence[Referral], registrations: Registrations) -> list[Recorded]:
        """Decide on all the referrals, then submit the records together."""
        decisions = [self.screening.decide(referral) for referral in referrals]
        signed = record(self.issuer, decisions, registrations)
        outcomes = self.client.submit_many(made.statement for made in signed)
        return [self._keep(*parts) for parts in zip(decisions, signed, outcomes, strict=True)]

    def decide_one(self, referral: Referral, registrations: Registrations) -> Recorded:
        """Decide on one referral, and submit its record at once."""
        decision = self.screening.decide(referral)
        [signed] = record(self.issuer, [decision], registrations)
        return self._keep(decision, signed, self.client.submit(signed.statement))

    def _keep(self, decision: Decision, signed: SignedRecord, outcome: Outcome) -> Recorded:
        if not isinstance(outcome, Registered):
            msg = f"expected the log to take every record, got {outcome.error}"
            raise DemoError(msg) from outcome.error
        self.registered.append(outcome)
        return Recorded(decision, signed, outcome)
