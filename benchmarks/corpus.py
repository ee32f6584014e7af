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
