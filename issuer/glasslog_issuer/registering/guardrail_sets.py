"""Name the guardrails that must run, by one digest over all that is said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from glasslog import cbor
from glasslog_issuer.bodies import AppliedPolicy, Guardian, to_value
from glasslog_issuer.bodies.inference import Position


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredGuardrail:
    """A guardrail that must run: who, by which policy, on what and when (see GuardrailExecution)."""

    guardian: Guardian
    policy: AppliedPolicy
    target: str
    position: Position


def guardrail_set_digest(guardrails: Sequence[RequiredGuardrail]) -> bytes:
    """Return what stands for a set of guardrails: SHA-256 of the deterministic CBOR array of them, 32 bytes.

    They are put in the order of their guardians' ids, then of their encodings, so that the order given says nothing.
    An inference attempt names it as `required_guardrails`.
    """
    encoded = sorted((guardrail.guardian.id, cbor.encode(to_value(guardrail))) for guardrail in guardrails)
    return sha256(cbor.encode([encoding for _, encoding in encoded])).digest()
