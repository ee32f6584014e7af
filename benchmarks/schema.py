"""Measure what the schema costs a record: `python -m benchmarks.schema [--records N] [--runs N]`, CPU time.

The records are inferences of about 1 KB with two guardrails, and each differs from the next. They are few enough to
stay in the cache of the processor, as a record does that was decoded just before. The yardstick is one Ed25519
verification by libsodium, measured in the same run: the server does one for each record, and everything else is to stay
far below it.
"""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence

import cbor2
import click
from rich.console import Console
from rich.table import Table

from benchmarks import physical
from benchmarks.figures import machine
from glasslog import cbor
from glasslog.keys import SigningKey
from glasslog.records import decode_record, encode_record
from glasslog.records.record import RECORDS
from glasslog.records.schema import compile_rule
from glasslog.statement import decode_statement, sign_statement

LIMIT_US = 10.0
"""What the check of a 1 KB inference record may cost."""

_PASSES = 40  # over all records, in one run
_TIME_MS = 1_700_000_000_000


@click.command()
@click.option("--records", default=50, show_default=True, help="Different records.")
@click.option("--runs", default=15, show_default=True, help="Runs; medians and minima are quoted.")
def main(records: int, runs: int) -> None:
    """Measure decoding and checking of records beside one signature verification."""
    rng = random.Random(1)
    payloads = [encode_record(_inference(seq, rng)) for seq in range(records)]
    values = [cbor2.loads(payload) for payload in payloads]
    key = SigningKey(rng.randbytes(32))
    entries = [
        sign_statement(key, issuer="https://issuer.example", subject=_subject(rng), payload=payload).entry
        for payload in payloads
    ]
    before = time.process_time()
    compiled = compile_rule(RECORDS["inference"])
    compile_ms = (time.process_time() - before) * 1e3
    assert [compiled(value) for value in values] == [len(payload) for payload in payloads]
    figures = {
        "libsodium_verify": (physical.verify_us(len(payloads[1])), "one Ed25519 verification"),
        "schema_compiled": (_runs(compiled, values, runs), "the check as the server does it"),
        "schema_plain": (_runs(RECORDS["inference"], values, runs), "the check that names what is wrong"),
        "cbor2_loads": (_runs(cbor2.loads, payloads, runs), "decoding in C, as a yardstick"),
        "decode_record": (_runs(decode_record, payloads, runs), "bytes to a checked record: decoding and the check"),
        "cbor_decode": (_runs(cbor.decode, payloads, runs), "strict decoding without a schema"),
        "decode_statement": (_runs(decode_statement, entries, runs), "COSE frame and headers of a statement"),
    }
    _print(figures, len(payloads[1]), compile_ms)


def _runs(operation: Callable[..., object], arguments: Sequence[object], runs: int) -> list[float]:
    """Return CPU microseconds a call, a run each; the first run warms up and is not counted."""

    def run() -> float:
        before = time.process_time()
        for _ in range(_PASSES):
            for argument in arguments:
                operation(argument)
        return (time.process_time() - before) / len(arguments) / _PASSES * 1e6

    run()
    return [run() for _ in range(runs)]


def _print(figures: dict[str, tuple[list[float], str]], payload_bytes: int, compile_ms: float) -> None:
    verify = statistics.median(figures["libsodium_verify"][0])
    table = Table(title=f"CPU microseconds for one inference record of {payload_bytes} bytes")
    for column in ("figure", "median", "least", "of a verification", "what it is"):
        table.add_column(column, justify="left" if column in {"figure", "what it is"} else "right")
    for name, (times, meaning) in figures.items():
        median = statistics.median(times)
        table.add_row(name, f"{median:.1f}", f"{min(times):.1f}", f"{median / verify:.0%}", meaning)
    Console(width=120).print(table)
    check = min(figures["schema_compiled"][0])  # what the check costs where nothing else is on the machine
    verdict = "within" if check <= LIMIT_US else "ABOVE"
    print(f"The check is {verdict} its limit of {LIMIT_US:.0f} us. Compiling the rule took {compile_ms:.1f} ms, once.")
    measured = {
        name: {"median": round(statistics.median(times), 2), "least": round(min(times), 2)}
        for name, (times, _) in figures.items()
    }
    print(
        json.dumps(
            {"machine": machine(), "payload_bytes": payload_bytes, "compile_ms": round(compile_ms, 2)} | measured
        )
    )


def _inference(seq: int, rng: random.Random) -> dict[str, object]:
    stream: dict[str, object] = {"id": "triage-1", "seq": seq}
    return {
        "v": 1,
        "type": "inference",
        "id": _uuid7(rng),
        "time": _TIME_MS + seq,
        "system": "urn:example:triage",
        "env": "production",
        "stream": {**stream, "prev": rng.randbytes(32)} if seq else stream,
        "commitments": {name: rng.randbytes(32) for name in ("input", "output")},
        "body": {
            "operation": "classify",
            "provider": {"name": "example", "region": "eu-west-1"},
            "requested_model": "large-2",
            "model": _uuid7(rng),
            "model_assurance": "provider-returned",
            "config": _uuid7(rng),
            "params": {"temperature": 0.0, "max_tokens": 512, "seed": rng.randrange(1_000_000)},
            "status": "completed",
            "usage": {"input_tokens": rng.randrange(4_000), "output_tokens": rng.randrange(500)},
            "latency_ms": rng.randrange(2_000),
            "decision": {"label": rng.choice(["urgent", "routine"]), "score": rng.random(), "threshold": 0.5},
            "automation": "in-loop",
            "guardrails": [_execution(name, rng) for name in ("phi", "injection")],
        },
    }


def _execution(name: str, rng: random.Random) -> dict[str, object]:
    return {
        "guardian": {"id": name, "name": name, "version": "3.1", "provider": "example"},
        "policy": {"id": name, "version": "7", "digest": rng.randbytes(32)},
        "target": "llm_input",
        "position": "pre",
        "decision": "allow",
        "findings": [],
        "started": _TIME_MS,
        "latency_ms": rng.randrange(50),
    }


def _subject(rng: random.Random) -> str:
    digits = rng.randbytes(16).hex()
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _uuid7(rng: random.Random) -> bytes:
    raw = bytearray(rng.randbytes(16))
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return bytes(raw)


if __name__ == "__main__":
    main()
