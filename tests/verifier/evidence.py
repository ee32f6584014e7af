"""A log in memory that issues every kind of evidence, honestly or not.

It is the opposite number of the verifier in these tests: made from the naive tree and the writing half of the formats.
Everything is deterministic, so that vectors made from it stay the same.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from glasslog.authority import operator_issuer
from glasslog.bundle import AuthorityEntry, Bundle
from glasslog.cbor import Value
from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.commitments import Disclosure
from glasslog.keys import PublicKey, SigningKey
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.note import NoteSignature, cosigned_bytes, decode_note
from glasslog.receipt import (
    ConsistencyProof,
    InclusionProof,
    encode_receipt,
    encode_receipt_header,
    signed_root_bytes,
)
from glasslog.records import LogPolicy, encode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, TransparentStatement, sign_statement
from glasslog.tlog_proof import TlogProof
from glasslog.vkey import TYPE_COSIGNATURE_ED25519, TYPE_ED25519, VerifierKey
from tests.verifier.trees import NaiveTree

ORIGIN = "log.example/2025"
ISSUER = "https://clinic.example"
SUBJECT = "urn:uuid:7f1f1c5e-6a3b-4c0e-9d53-0d9a3f0a7c11"
SYSTEM = "urn:example:triage"
# Written out, so that the vectors do not change whenever the schema learns a type.
ADMITTED_TYPES = frozenset(
    {"config-registration", "guardrail-execution", "inference", "inference-attempt", "model-registration"}
)
TIME_S = 1_735_689_600  # 2025-01-01T00:00:00Z
TIME_MS = TIME_S * 1_000


def signing_key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(f"key of {name}".encode()).digest())


def uuid7(name: str) -> bytes:
    octets = bytearray(hashlib.sha256(f"id of {name}".encode()).digest()[:16])
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    return bytes(octets)


def digest(name: str) -> bytes:
    return hashlib.sha256(f"digest of {name}".encode()).digest()


LOG_KEY = signing_key("log")
OPERATOR_KEY = signing_key("operator")
ISSUER_KEY = signing_key("issuer")
STRANGER_KEY = signing_key("stranger")
VKEY = VerifierKey(ORIGIN, TYPE_ED25519, LOG_KEY.public_key)


def record_fields(record_type: str, body: Mapping[str, Value], *, seq: int = 0, **more: Value) -> dict[str, Value]:
    stream: dict[str, Value] = {"id": "decisions", "seq": seq}
    return {
        "v": 1,
        "type": record_type,
        "id": uuid7(f"{record_type} {seq}"),
        "time": TIME_MS,
        "system": SYSTEM,
        "env": "production",
        "stream": stream,
        "body": dict(body),
        **more,
    }


def guardrail_execution() -> dict[str, Value]:
    return {
        "guardian": {"id": "ranges", "name": "Range check", "version": "1.0", "provider": "clinic"},
        "policy": {"id": "ranges", "version": "3", "digest": digest("ranges")},
        "target": "llm_input",
        "position": "pre",
        "decision": "allow",
        "findings": [{"category": "range", "severity": "info", "score": 0.25}],
        "started": TIME_MS,
        "latency_ms": 1.5,
    }


def inference_body() -> dict[str, Value]:
    return {
        "operation": "score",
        "provider": {"name": "clinic"},
        "requested_model": "risk-model",
        "response_model": "risk-model-7",
        "model": uuid7("model"),
        "model_assurance": "digest-measured",
        "config": uuid7("config"),
        "params": {"temperature": 0.0},
        "status": "completed",
        "usage": {},
        "latency_ms": 12,
        "automation": "in-loop",
        "decision": {"label": "refer", "score": 0.875, "threshold": 0.5, "reason_codes": ["age", "lesion"]},
        "guardrails": [guardrail_execution()],
    }


def disclosures() -> tuple[Disclosure, ...]:
    values: dict[str, Value] = {
        "input": "42 years, smoker",
        "output": {"risk": 0.875},
        "features": [1, 2.5, None, True],
    }
    return tuple(Disclosure(digest(name)[:16], value, name) for name, value in values.items())


def inference(seq: int = 0, *, subject: str = SUBJECT, key: SigningKey = ISSUER_KEY) -> SignedStatement:
    commitments = {disclosure.name: disclosure.digest for disclosure in disclosures()}
    ordered = dict(sorted(commitments.items(), key=lambda item: (len(item[0]), item[0])))
    payload = encode_record(record_fields("inference", inference_body(), seq=seq, commitments=ordered))
    return sign_statement(key, issuer=ISSUER, subject=subject, payload=payload)


class Ledger:
    """A log: its entries, the keys it signs with, and what it says about any of its trees."""

    def __init__(
        self,
        *,
        origin: str = ORIGIN,
        log_key: SigningKey = LOG_KEY,
        operator_key: SigningKey = OPERATOR_KEY,
        named_log_keys: Sequence[SigningKey] | None = None,
    ) -> None:
        self.origin = origin
        self.log_key = log_key
        self.operator_key = operator_key
        self.entries: list[SignedStatement] = []
        self.policy = LogPolicy(
            origin=origin,
            operator_key=operator_key.public_key,
            log_keys=tuple(key.public_key for key in named_log_keys or [log_key]),
            content_types=frozenset({CONTENT_TYPE_RECORD}),
            record_types=ADMITTED_TYPES,
            entry_bytes_max=65_535,
            entries_access="public",
        )
        self._policy_seq = 0
        self._policy_leaf: Hash | None = None

    @property
    def vkey(self) -> VerifierKey:
        return VerifierKey(self.origin, TYPE_ED25519, self.log_key.public_key)

    @property
    def size(self) -> TreeSize:
        return TreeSize(len(self.entries))

    def tree(self) -> NaiveTree:
        return NaiveTree.of_entries([statement.entry for statement in self.entries])

    def append(self, statement: SignedStatement) -> LeafIndex:
        self.entries.append(statement)
        return LeafIndex(len(self.entries) - 1)

    # ------------------------------------------------------------------------------------------ the operator's entries

    def operator_statement(self, record_type: str, body: Mapping[str, Value], **changes: Value) -> SignedStatement:
        """Return the operator's next statement; `changes` go into its stream (and may be wrong)."""
        fields = record_fields(record_type, body, seq=self._policy_seq)
        stream: dict[str, Value] = {"id": "log-policy", "seq": self._policy_seq}
        if self._policy_leaf is not None:
            stream["prev"] = self._policy_leaf
        fields["stream"] = {key: value for key, value in {**stream, **changes}.items() if value is not None}
        fields["system"] = operator_issuer(self.origin)
        issuer = operator_issuer(self.origin)
        return sign_statement(self.operator_key, issuer=issuer, subject=issuer, payload=encode_record(fields))

    def append_by_operator(self, statement: SignedStatement) -> LeafIndex:
        self._policy_seq += 1
        self._policy_leaf = statement.leaf_hash
        return self.append(statement)

    def state_policy(self, **changes: Value) -> LeafIndex:
        self.policy = replace(self.policy, **changes)
        return self.append_by_operator(self.operator_statement("log-policy", self.policy.body()))

    def register(
        self, key: PublicKey, issuer: str = ISSUER, *, valid_from: int = 0, valid_until: int | None = None
    ) -> LeafIndex:
        body: dict[str, Value] = {"action": "register", "issuer": issuer, "key": key.raw, "valid_from": valid_from}
        if valid_until is not None:
            body["valid_until"] = valid_until
        return self.append_by_operator(self.operator_statement("issuer-registration", body))

    def revoke(self, key: PublicKey, issuer: str = ISSUER) -> LeafIndex:
        body = {"action": "revoke", "issuer": issuer, "key": key.raw, "valid_from": 0}
        return self.append_by_operator(self.operator_statement("issuer-registration", body))

    # ------------------------------------------------------------------------------------------------ what the log says

    def checkpoint(self, size: int | None = None, *, witnesses: Iterable["Witness"] = ()) -> bytes:
        count = self.size if size is None else size
        head = Checkpoint(self.origin, TreeSize(count), self.tree().root(count))
        note = decode_note(sign_checkpoint(head, [self.log_key]))
        return replace(
            note, signatures=(*note.signatures, *(witness.cosign(note.text) for witness in witnesses))
        ).encode()

    def proof(
        self, index: int, size: int | None = None, *, witnesses: Iterable["Witness"] = (), extra: bytes | None = None
    ) -> TlogProof:
        path = self.tree().inclusion_path(index, self.size if size is None else size)
        return TlogProof(LeafIndex(index), path, self.checkpoint(size, witnesses=witnesses), extra)

    def receipt(self, index: int, size: int | None = None, *, time: int = TIME_S, issuer: str | None = None) -> bytes:
        count = self.size if size is None else size
        proof = InclusionProof(TreeSize(count), LeafIndex(index), self.tree().inclusion_path(index, count))
        return self._sign_receipt(proof, self.tree().root(count), time, issuer)

    def consistency_receipt(self, size1: int, size2: int, *, time: int = TIME_S) -> bytes:
        proof = ConsistencyProof(TreeSize(size1), TreeSize(size2), self.tree().consistency_path(size1, size2))
        return self._sign_receipt(proof, self.tree().root(size2), time, None)

    def _sign_receipt(
        self, proof: InclusionProof | ConsistencyProof, root: Hash, time: int, issuer: str | None
    ) -> bytes:
        name = operator_issuer(self.origin) if issuer is None else issuer
        protected = encode_receipt_header(self.log_key.public_key, issuer=name, subject=name, time=time)
        return encode_receipt(protected, proof, self.log_key.sign(signed_root_bytes(protected, root)))

    def authority_entry(self, index: int, size: int | None = None) -> AuthorityEntry:
        return AuthorityEntry(self.entries[index].entry, self.proof(index, size).encode())

    def bundle(
        self,
        index: int,
        *,
        authority: Sequence[int] = (0, 1),
        size: int | None = None,
        receipt_size: int | None = None,
        time: int = TIME_S,
        witnesses: Sequence["Witness"] = (),
        disclosed: Sequence[Disclosure] = (),
    ) -> Bundle:
        return Bundle(
            statement=self.entries[index].entry,
            proof=self.proof(index, size, witnesses=witnesses).encode(),
            receipt=self.receipt(index, receipt_size, time=time),
            authority=tuple(self.authority_entry(number, size) for number in authority),
            disclosures=tuple(disclosure.encode() for disclosure in disclosed),
        )

    def transparent_statement(self, index: int, *receipts: bytes) -> bytes:
        return TransparentStatement(self.entries[index], receipts or (self.receipt(index),)).encode()


class Witness:
    """Cosigns what it is given."""

    def __init__(self, name: str, time: int = TIME_S + 5) -> None:
        self.name = name
        self.key = signing_key(f"witness {name}")
        self.time = time

    @property
    def vkey(self) -> VerifierKey:
        return VerifierKey(f"{self.name}.example", TYPE_COSIGNATURE_ED25519, self.key.public_key)

    def cosign(self, text: str) -> NoteSignature:
        signature = self.time.to_bytes(8, "big") + self.key.sign(cosigned_bytes(text, self.time))
        return NoteSignature(self.vkey.name, self.vkey.key_id, signature)


def small_log(decisions: int = 5) -> Ledger:
    """Entry 0 is the policy, entry 1 registers the issuer's key, the rest are decisions."""
    ledger = Ledger()
    ledger.state_policy()
    ledger.register(ISSUER_KEY.public_key)
    for seq in range(decisions):
        ledger.append(inference(seq))
    return ledger
