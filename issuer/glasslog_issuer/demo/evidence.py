"""Say in the words of evidence records what the screening system is and what it decided.

These are the bodies of records; identity, time, stream and signature are added where records are made. Nothing here is
content: measurements, notes and factors only enter a record as commitments (`Decision.content`).
"""

from collections.abc import Mapping
from typing import Final

from glasslog_issuer import bodies
from glasslog_issuer.bodies import ConfigRegistration, Inference, ModelAssurance, ModelRegistration
from glasslog_issuer.demo.document import document_digest
from glasslog_issuer.demo.guardrails.execution import PROVIDER, Policy
from glasslog_issuer.demo.model import MODEL_NAME, MODEL_VERSION, RiskModel
from glasslog_issuer.demo.screening import AUTOMATION, Decision

OPERATION: Final = "classify"
ASSURANCE: Final[ModelAssurance] = "digest-measured"  # what decides was decoded from the very bytes that were digested
GUARDRAIL_SET_NAME: Final = "screening-guardrails"
GUARDRAIL_SET_VERSION: Final = "1.0.0"


def model_registration(model: RiskModel) -> ModelRegistration:
    """Return the body that registers the model by the digest of its weights."""
    return ModelRegistration(
        name=MODEL_NAME,
        version=MODEL_VERSION,
        kind="weights",
        publisher=PROVIDER,
        assurance=ASSURANCE,
        weights_digest=model.digest,
    )


def guardrail_set_registration(policies: Mapping[str, Policy]) -> ConfigRegistration:
    """Return the body that registers which guardians must run, by the digest of all their policies."""
    digests = {guardian: policy.digest.hex() for guardian, policy in policies.items()}
    return ConfigRegistration(
        kind="guardrail-set",
        name=GUARDRAIL_SET_NAME,
        version=GUARDRAIL_SET_VERSION,
        digest=document_digest({"policies": digests}),
        guardrails=list(policies),
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
