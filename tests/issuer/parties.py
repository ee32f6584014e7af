"""A vendor whose clock and chance are known, and statements that it signs."""

import hashlib
import itertools
from collections.abc import Callable
from typing import Any

from glasslog.statement import SignedStatement
from glasslog_issuer import ConfigRegistration, Decision, Inference, Issuer, ModelRegistration, Provider, Stream
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM, TIME_MS, uuid7

MODEL = ModelRegistration(
    name="triage",
    version="3",
    kind="weights",
    publisher="vendor",
    assurance="digest-measured",
    weights_digest=hashlib.sha256(b"weights").digest(),
)
CONFIG = ConfigRegistration(kind="threshold", name="triage", version="3", digest=hashlib.sha256(b"0.5").digest())


def repeatable_bytes(seed: str = "") -> Callable[[int], bytes]:
    """Return bytes that look random, differ at each call, and are the same in each run."""
    numbers = itertools.count()
    return lambda length: hashlib.shake_256(f"{seed} {next(numbers)}".encode()).digest(length)


def make_issuer(stream: Stream | None = None, **changes: object) -> Issuer:
    settings: dict[str, Any] = {
        "system": SYSTEM,
        "env": "production",
        "stream": stream or Stream("decisions"),
        "now_ms": lambda: TIME_MS,
        "random_bytes": repeatable_bytes(),
        **changes,
    }
    return Issuer(ISSUER, ISSUER_KEY, **settings)


def inference(**changes: object) -> Inference:
    fields: dict[str, Any] = {
        "operation": "classify",
        "provider": Provider(name="vendor"),
        "requested_model": "triage-3",
        "model": uuid7("model"),
        "model_assurance": "digest-measured",
        "config": uuid7("config"),
        "status": "completed",
        "latency_ms": 12.5,
        "automation": "in-loop",
        "decision": Decision(label="urgent", score=0.93),
        **changes,
    }
    return Inference(**fields)


def statements(count: int) -> list[SignedStatement]:
    issuer = make_issuer()
    return [issuer.sign(inference(), commit={"input": f"case {number}"}).statement for number in range(count)]
