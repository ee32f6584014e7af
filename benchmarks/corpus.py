"""Signed statements to submit: inference records of about 1 KB by several issuers, signed before they are needed."""

import random
import uuid
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path

from glasslog.keys import SigningKey
from glasslog.records import encode_record
from glasslog.statement import SignedStatement, sign_statement

_TIME_MS = 1_700_000_000_000


def write_corpus(path: Path, keys: Mapping[str, SigningKey], count: int, seed: int) -> float:
    """Write `count` different statements of the issuers in turn as a CBOR sequence; return the mean bytes of one."""
    with path.open("wb") as file:
        for statement in sign_corpus(keys, count, seed):
            file.write(statement.entry)
    return path.stat().st_size / count


def sign_corpus(keys: Mapping[str, SigningKey], count: int, seed: int) -> Iterator[SignedStatement]:
    """Yield `count` different statements, 1 KB each but for a few bytes: a stream of each issuer, in turn."""
    rng = random.Random(seed)
    run = rng.randbytes(4).hex()
    for number, (issuer, key) in zip(range(count), cycle(keys.items()), strict=False):
        yield _sign(key, issuer, f"bench-{run}", number // len(keys), rng)


def _sign(key: SigningKey, issuer: str, stream: str, seq: int, rng: random.Random) -> SignedStatement:
    fields = {
        "v": 1,
        "type": "inference",
        "id": uuid7(rng),
        "time": _TIME_MS + seq,
        "system": "urn:example:radiology:triage",
        "env": "production",
        "stream": {"id": stream, "seq": seq, **({"prev": rng.randbytes(32)} if seq else {})},
        "commitments": {name: rng.randbytes(32) for name in ("input", "output")},
        "body": {
            "operation": "chat",
            "provider": {"name": "example", "region": "eu-west-1"},
            "requested_model": "example-large-2",
            "model": uuid7(rng),
            "model_assurance": "provider-returned",
            "config": uuid7(rng),
            "params": {"temperature": 0, "max_tokens": 512, "seed": rng.randrange(1_000_000)},
            "status": "completed",
            "usage": {"input_tokens": rng.randrange(4_000), "output_tokens": rng.randrange(500)},
            "latency_ms": rng.randrange(2_000),
            "automation": "in-loop",
            "guardrails": [guardrail(rng, _TIME_MS)],
        },
    }
    subject = f"urn:uuid:{uuid.UUID(bytes=rng.randbytes(16), version=4)}"
    payload = encode_record(fields)
    return sign_statement(key, issuer=issuer, subject=subject, payload=payload)


def guardrail(rng: random.Random, time_ms: int) -> dict[str, object]:
    """Return the execution of a guardrail that let something pass."""
    return {
        "guardian": {"id": "phi-scan", "name": "phi-scan", "version": "3.1", "provider": "example"},
        "policy": {"id": "phi-scan", "version": "7", "digest": rng.randbytes(32)},
        "target": "llm_input",
        "position": "pre",
        "decision": "allow",
        "findings": [],
        "started": time_ms,
        "latency_ms": rng.randrange(50),
    }


def uuid7(rng: random.Random) -> bytes:
    """Return an identifier of a record, 16 bytes (RFC 9562 section 5.7); its time is chance too."""
    raw = bytearray(rng.randbytes(16))
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return bytes(raw)
