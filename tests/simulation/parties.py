"""The parties of a log, with keys that are the same in every run."""

import hashlib
import uuid
from dataclasses import dataclass, field, replace

from glasslog.authority import POLICY_STREAM, Authority
from glasslog.keys import PublicKey, SigningKey
from glasslog.merkle import LeafIndex
from glasslog.records import RECORD_TYPES, LogPolicy, Stream, decode_record, encode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement, sign_statement
from glasslog_server.core.round import Candidate
from glasslog_server.genesis import sign_policy, sign_policy_record
from glasslog_server.tree_heads import HeadSigner

ORIGIN = "log.example/one"
START = 1_700_000_000
"""When the log was made, in POSIX seconds."""


def key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(name.encode()).digest())


def uuid7(number: int) -> bytes:
    raw = bytearray(hashlib.sha256(b"id" + number.to_bytes(8, "big")).digest()[:16])
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return bytes(raw)


LOG_KEY = key("log")
OPERATOR = key("operator")
SIGNER = HeadSigner(ORIGIN, [LOG_KEY])
POLICY = LogPolicy(
    origin=ORIGIN,
    operator_key=OPERATOR.public_key,
    log_keys=(LOG_KEY.public_key,),
    content_types=frozenset({CONTENT_TYPE_RECORD}),
    record_types=RECORD_TYPES - {"log-policy", "issuer-registration"},
    entry_bytes_max=65_535,
    entries_access="public",
)
FIRST_ENTRY = sign_policy(OPERATOR, POLICY, record_id=uuid7(0), time_ms=START * 1_000)


@dataclass
class Operator:
    """Sign the operator's statements in the order of their stream."""

    authority: Authority = field(default_factory=lambda: Authority.establish(FIRST_ENTRY))

    def register(
        self, issuer: str, issuer_key: SigningKey, *, valid_from: int = START, action: str = "register"
    ) -> Candidate:
        body = {
            "action": action,
            "issuer": issuer,
            "key": issuer_key.public_key.raw,
            "valid_from": valid_from * 1_000,
        }
        place = Stream(POLICY_STREAM, self.authority.next_seq, self.authority.last_leaf)
        statement = sign_policy_record(
            OPERATOR,
            ORIGIN,
            place,
            "issuer-registration",
            body,
            record_id=uuid7(1_000_000 + place.seq),
            time_ms=START * 1_000,
        )
        return candidate_of(statement)

    def restate(self, log_keys: tuple[PublicKey, ...]) -> Candidate:
        """Sign a new policy that names these log keys."""
        place = Stream(POLICY_STREAM, self.authority.next_seq, self.authority.last_leaf)
        body = replace(POLICY, log_keys=log_keys).body()
        record_id = uuid7(2_000_000 + place.seq)
        statement = sign_policy_record(
            OPERATOR, ORIGIN, place, "log-policy", body, record_id=record_id, time_ms=START * 1_000
        )
        return candidate_of(statement)

    def logged(self, candidate: Candidate, index: int) -> None:
        """Take note that the log has this statement of ours."""
        statement = decode_statement(candidate.entry)
        self.authority = self.authority.apply(statement, decode_record(statement.payload), LeafIndex(index))


@dataclass
class Issuer:
    """Sign numbered guardrail executions."""

    name: str = "https://clinic.example"
    key_name: str = "clinic"
    next_seq: int = 0

    @property
    def key(self) -> SigningKey:
        return key(self.key_name)

    def statement(self) -> SignedStatement:
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        fields = {
            "v": 1,
            "type": "guardrail-execution",
            "id": uuid7(seq),
            "time": START * 1_000 + seq,
            "system": "urn:example:triage",
            "env": "test",
            "stream": {"id": f"{self.key_name}/main", "seq": seq},
            "body": {
                "guardian": {"id": "range", "name": "Range check", "version": "1", "provider": "clinic"},
                "policy": {"id": "range", "version": "1", "digest": bytes(32)},
                "target": "llm_input",
                "position": "pre",
                "decision": "allow",
                "findings": [],
                "started": START * 1_000,
                "latency_ms": 1,
            },
        }
        subject = f"urn:uuid:{uuid.UUID(bytes=uuid7(seq))}"
        return sign_statement(self.key, issuer=self.name, subject=subject, payload=encode_record(fields))

    def candidate(self) -> Candidate:
        return candidate_of(self.statement())


def candidate_of(statement: SignedStatement) -> Candidate:
    return Candidate.of_statement(statement, decode_record(statement.payload))
