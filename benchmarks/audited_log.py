"""The log that is audited in a benchmark: inferences of 1 KB by three issuers, each with a stream without gaps.

Written as an operator's log is, entry by entry, with a policy, registrations and a signed tree head for each thousand
entries, and packed into an archive.
"""

import random
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus import guardrail, uuid7
from benchmarks.figures import say
from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.cose import signed_bytes
from glasslog.heads import KeptHead, encode_heads
from glasslog.keys import SigningKey
from glasslog.merkle import Hash, TreeSize
from glasslog.mirror.export import write_archive
from glasslog.mirror.progress import Silence
from glasslog.receipt import encode_receipt_header
from glasslog.records import RECORD_TYPES, LogPolicy, Stream, encode_record
from glasslog.sources.directory import DirectorySource
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, sign_statement
from glasslog.subtrees import fold, push, pyramid
from glasslog.tiles import BundleId, TileId, bundle_path, encode_bundle, encode_tile, tile_path
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.genesis import sign_policy, sign_policy_record

_ORIGIN = "log.example/benchmark"
_TIME_S = 1_700_000_100
_ROUND = 1_000  # records between two tree heads


def make_archive(folder: Path, records: int) -> VerifierKey:
    """Write `log.zip`: a policy, three issuers, records, and a tree head after each thousand; return the log's key."""
    log_key, operator = SigningKey(b"l" * 32), SigningKey(b"o" * 32)
    say(f"a log of {records:,} records")
    issuers = {f"https://issuer-{number}.example": SigningKey(bytes([number]) * 32) for number in range(3)}
    writer = _Writer(folder / "log", log_key)
    for statement in _operator_entries(operator, log_key, issuers):
        writer.add(statement)
    writer.sign()
    for number, statement in enumerate(_decisions(issuers, records - len(issuers) - 1), start=1):
        writer.add(statement)
        if number % _ROUND == 0:
            writer.sign()
    note, head = writer.finish()
    write_archive(folder / "log.zip", DirectorySource(folder / "log"), (note, head), [], Silence())
    shutil.rmtree(folder / "log")
    return VerifierKey(_ORIGIN, TYPE_ED25519, log_key.public_key)


def _operator_entries(
    operator: SigningKey, log_key: SigningKey, issuers: dict[str, SigningKey]
) -> Iterator[SignedStatement]:
    policy = LogPolicy(
        origin=_ORIGIN,
        operator_key=operator.public_key,
        log_keys=(log_key.public_key,),
        content_types=frozenset({CONTENT_TYPE_RECORD}),
        record_types=RECORD_TYPES - {"log-policy", "issuer-registration"},
        entry_bytes_max=65_535,
        entries_access="public",
    )
    number = bytes.fromhex("018bcfe5680070008000000000000000")
    statement = sign_policy(operator, policy, record_id=number, time_ms=_TIME_S * 1_000)
    yield statement
    for seq, (issuer, key) in enumerate(issuers.items(), start=1):
        body = {"action": "register", "issuer": issuer, "key": key.public_key.raw, "valid_from": 0}
        place = Stream("log-policy", seq, statement.leaf_hash)
        record_id = number[:-1] + bytes([seq])
        statement = sign_policy_record(
            operator, _ORIGIN, place, "issuer-registration", body, record_id=record_id, time_ms=_TIME_S * 1_000
        )
        yield statement


def _decisions(issuers: dict[str, SigningKey], count: int) -> Iterator[SignedStatement]:
    """Yield inferences of about 1 KB: each issuer has a stream without gaps, four models and one configuration."""
    rng = random.Random(1)
    models = [uuid7(rng) for _ in range(4)]
    config = uuid7(rng)
    previous: dict[str, Hash] = {}
    for number in range(count):
        issuer, seq = list(issuers)[number % len(issuers)], number // len(issuers)
        fields = _inference(rng, seq, models[rng.randrange(4)], config)
        if seq:
            fields["stream"]["prev"] = previous[issuer]
        subject = f"urn:uuid:{uuid.UUID(bytes=rng.randbytes(16), version=4)}"
        statement = sign_statement(issuers[issuer], issuer=issuer, subject=subject, payload=encode_record(fields))
        previous[issuer] = statement.leaf_hash
        yield statement


def _inference(rng: random.Random, seq: int, model: bytes, config: bytes) -> dict[str, Any]:
    time_ms = _TIME_S * 1_000 + seq
    return {
        "v": 1,
        "type": "inference",
        "id": uuid7(rng),
        "time": time_ms,
        "system": "urn:example:radiology:triage",
        "env": "production",
        "stream": {"id": "decisions", "seq": seq},
        "commitments": {name: rng.randbytes(32) for name in ("input", "output")},
        "body": {
            "operation": "chat",
            "provider": {"name": "example", "region": "eu-west-1"},
            "requested_model": "example-large-2",
            "model": model,
            "model_assurance": "provider-returned",
            "config": config,
            "params": {"temperature": 0, "max_tokens": 512, "seed": rng.randrange(1_000_000)},
            "status": "completed",
            "usage": {"input_tokens": rng.randrange(4_000), "output_tokens": rng.randrange(500)},
            "latency_ms": rng.randrange(2_000),
            "automation": "in-loop",
            "guardrails": [guardrail(rng, time_ms)],
        },
    }


class _Writer:
    """Write entries as tiles and bundles, and sign tree heads."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self._folder, self._key = folder, key
        self._frontier: list[Hash] = []
        self._levels: list[list[Hash]] = [[], [], []]
        self._entries: list[bytes] = []
        self._heads: list[KeptHead] = []
        self._size = 0

    def add(self, statement: SignedStatement) -> None:
        push(self._frontier, self._size, statement.leaf_hash)
        self._size += 1
        self._levels[0].append(statement.leaf_hash)
        self._entries.append(statement.entry)
        if len(self._entries) == 256:
            self._write(bundle_path(BundleId(self._size // 256 - 1)), encode_bundle(self._entries))
            self._entries = []
        for level in range(2):
            if len(self._levels[level]) % 256 or not self._levels[level] or self._size % 256 ** (level + 1):
                break
            tile = self._levels[level][-256:]
            self._levels[level + 1].append(pyramid(tile)[-1][0])

    def sign(self) -> None:
        root, issuer = fold(self._frontier), operator_issuer(_ORIGIN)
        time_s = _TIME_S + len(self._heads)
        protected = encode_receipt_header(self._key.public_key, issuer=issuer, subject=issuer, time=time_s)
        signature = self._key.sign(signed_bytes(protected, root))
        self._heads.append(KeptHead(TreeSize(self._size), root, protected, signature))

    def finish(self) -> tuple[bytes, Checkpoint]:
        if self._heads[-1].size != self._size:
            self.sign()
        if self._entries:
            width = len(self._entries)
            self._write(bundle_path(BundleId(self._size // 256), width), encode_bundle(self._entries))
        for level, hashes in enumerate(self._levels):
            self._write_level(level, hashes)
        self._write("heads", encode_heads(self._heads))
        head = Checkpoint(_ORIGIN, TreeSize(self._size), fold(self._frontier))
        return sign_checkpoint(head, [self._key]), head

    def _write_level(self, level: int, hashes: Sequence[Hash]) -> None:
        for index in range(-(-len(hashes) // 256)):
            tile = hashes[index * 256 : index * 256 + 256]
            self._write(tile_path(TileId(level, index), len(tile)), encode_tile(tile))

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
