"""Sign what the screening system is and what it decided: one record each, in the order of one stream.

The model and the set of guardrails are registered first, and every inference refers to these two records. Content is
committed to, name by name; what opens the commitments stays in `SignedRecord.disclosures`, with the vendor.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from glasslog_issuer.demo.evidence import guardrail_set_registration, inference, model_registration
from glasslog_issuer.demo.screening import Decision, Screening
from glasslog_issuer.record import Issuer, SignedRecord

SYSTEM: Final = "urn:example:raised-hba1c-screen"
ENVIRONMENT: Final = "test"
STREAM_ID: Final = "screening"
DATA_CLASSES: Final = ("phi",)


@dataclass(frozen=True, slots=True)
class Registrations:
    """The records that every inference refers to."""

    model: SignedRecord
    guardrails: SignedRecord


def register(issuer: Issuer, screening: Screening) -> Registrations:
    """Return the records that say what will decide and what will watch over it."""
    model = issuer.sign(model_registration(screening.model))
    guardrails = issuer.sign(guardrail_set_registration(screening.policies))
    return Registrations(model, guardrails)


def record(issuer: Issuer, decisions: Iterable[Decision], registrations: Registrations) -> list[SignedRecord]:
    """Return a record of each decision, signed in one turn of the stream, so that none or all of them have a place."""
    signed = []
    with issuer.stream.turn() as turn:
        for decision in decisions:
            made = issuer.sign_at(
                turn.place,
                inference(decision, model_id=registrations.model.id, config_id=registrations.guardrails.id),
                commit=decision.content(),
                time=decision.started_ms,
                end=decision.started_ms + math.ceil(decision.latency_ms),
                data_class=DATA_CLASSES,
            )
            turn.take(made.statement, made.record)
            signed.append(made)
    return signed
