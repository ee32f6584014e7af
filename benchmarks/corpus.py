"""Signed statements to submit: inference records of about 1 KB, signed before anything is measured."""

import random
import uuid
from collections.abc import Iterator

from glasslog.keys import SigningKey
from glasslog.records import encode_record
from glasslog.statement import SignedStatement, sign_statement

_TIME_MS = 1_700_000_000_000


def sign_corpus(key: SigningKey, issuer: str, count: int, seed: int = 0) -> list[SignedStatement]:
    """Return `count` different statements of one stream, 1 KB each but for a few bytes."""
    rng = random.Random(seed)
    stream = f"bench-{rng.randbytes(4).hex()}"
    return [_sign(key, issuer, stream, seq, rng) for seq in range(count)]


def sequences(statements: list[SignedStatement], size: int) -> Iterator[bytes]:
    """Yield the statements as bodies of `application/cbor-seq`, `size` statements each."""
    for start in range(0, len(statements), size):
        yield b"".join(statement.entry for statement in statements[start : start + size])


def _sign(key: SigningKey, issuer: str, stream: str, seq: int, rng: random.Random) -> SignedStatement:
    fields = {
        "v": 1,
        "type": "inference",
        "id": _uuid7(rng),
        "time": _TIME_MS + seq,
        "system": "urn:example:radiology:triage",
        "env": "production",
        "stream": {"id": stream, "seq": seq, **({"prev": rng.randbytes(32)} if seq else {})},
        "commitments": {name: rng.randbytes(32) for name in ("input", "output")},
        "body": {
            "operation": "chat",
            "provider": {"name": "example", "region": "eu-west-1"},
            "requested_model": "example-large-2",
            "model": _uuid7(rng),
            "model_assurance": "provider-returned",
            "config": _uuid7(rng),
            "params": {"temperature": 0, "max_tokens": 512, "seed": rng.randrange(1_000_000)},
            "status": "completed",
            "usage": {"input_tokens": rng.randrange(4_000), "output_tokens": rng.randrange(500)},
            "latency_ms": rng.randrange(2_000),
            "automation": "in-loop",
            "guardrails": [_guardrail("phi-scan", "pre", rng)],
        },
    }
    subject = f"urn:uuid:{uuid.UUID(bytes=rng.randbytes(16), version=4)}"
    payload = encode_record(fields)
    return sign_statement(key, issuer=issuer, subject=subject, payload=payload)


def _guardrail(name: str, position: str, rng: random.Random) -> dict[str, object]:
    return {
        "guardian": {"id": name, "name": name, "version": "3.1", "provider": "example"},
        "policy": {"id": name, "version": "7", "digest": rng.randbytes(32)},
        "target": "llm_input" if position == "pre" else "llm_output",
        "position": position,
        "decision": "allow",
        "findings": [],
        "started": _TIME_MS,
        "latency_ms": rng.randrange(50),
    }


def _uuid7(rng: random.Random) -> bytes:
    raw = bytearray(rng.randbytes(16))
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return bytes(raw)
