"""Say in the words of evidence records what was decided about a person, and what became of it.

These are the bodies of records; identity, time, stream and signature are added where records are made. Nothing here is
content: measurements, notes, factors and results only enter a record as commitments (`Decision.content`).
"""

import hashlib
from typing import Final

from glasslog_issuer import bodies
from glasslog_issuer.bodies import Inference, ModelAssurance
from glasslog_issuer.bodies.inference import Outcome
from glasslog_issuer.bodies.people import Notice, Oversight
from glasslog_issuer.demo.clinician import Review
from glasslog_issuer.demo.guardrails.execution import PROVIDER
from glasslog_issuer.demo.model import MODEL_NAME
from glasslog_issuer.demo.screening import AUTOMATION, Decision

OPERATION: Final = "classify"
ASSURANCE: Final[ModelAssurance] = "digest-measured"  # what decides was decoded from the very bytes that were digested
CLINICIAN_ROLE: Final = "clinician"
NOTICE_TEMPLATE: Final = (
    "A computer program has estimated whether a blood test for raised sugar may be due for you. A clinician has looked "
    "at the estimate and decides. You may ask for its reasons, and to be assessed without it."
)


def inference(decision: Decision, *, model_id: bytes, config_id: bytes) -> Inference:
    """Return the body that tells of one decision; the ids are those of the records that registered model and set."""
    return Inference(
        operation=OPERATION,
        provider=bodies.Provider(name=PROVIDER),
        requested_model=MODEL_NAME,
        response_model=None if decision.judgement is None else MODEL_NAME,
        model=model_id,
        model_assurance=ASSURANCE,
        config=config_id,
        status=decision.status,
        latency_ms=decision.latency_ms,
        automation=AUTOMATION,
        guardrails=decision.executions,
        decision=bodies.Decision(
            label=decision.label,
            score=decision.score,
            threshold=decision.threshold,
            reason_codes=decision.reason_codes,
        ),
    )


def oversight(review: Review, *, reviewer: bytes, seconds: float) -> Oversight:
    """Return the body that tells what the clinician (a keyed tag) did about a proposal."""
    return Oversight(
        mode="in-loop",
        reviewer=reviewer,
        role=CLINICIAN_ROLE,
        action=review.action,
        reason_code=review.reason_code,
        seconds=seconds,
    )


def ai_notice(sent_ms: int) -> Notice:
    """Return the body that tells when the person was told that a program had a part in this."""
    digest = hashlib.sha256(NOTICE_TEMPLATE.encode()).digest()
    return Notice(kind="ai-use", channel="letter", sent=sent_ms, template_digest=digest, state="sent")


def laboratory_outcome(observed_ms: int) -> Outcome:
    """Return the body that tells that the blood test came back; its result is the commitment `outcome`."""
    return Outcome(source="laboratory", observed_at=observed_ms)
