"""Evidence records: one event in the life of an AI system, as a deterministic CBOR map.

A record is what a Signed Statement of content type `application/vnd.glasslog.record+cbor` carries. `decode_record` is
the only way in: strict CBOR, the fields every record has, then the body by its type. Fields that the schema does not
know are refused: a record says nothing that a verifier of its version cannot read. Nothing here judges whether what a
record says is true, who signed it, or how it relates to others.

The same schema stands in `records.cddl` (RFC 8610), beside this file, for those who read records with other tools.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.limits import COMMITMENT_NAME_BYTES_MAX, COMMITMENTS_MAX, PAYLOAD_BYTES_MAX
from glasslog.records.assurance import ASSESSMENT, DOCUMENT, EVALUATION, MONITORING
from glasslog.records.changes import DEPLOYMENT, SUBPROCESSOR_CHANGE
from glasslog.records.completeness import CONTROL_OPERATION, COVERAGE_RECONCILIATION, WINDOW_SEAL
from glasslog.records.custody import ACCESS, ERASURE
from glasslog.records.incident import INCIDENT
from glasslog.records.inference import GUARDRAIL_EXECUTION, INFERENCE, INFERENCE_ATTEMPT, OUTCOME, STEP
from glasslog.records.log_policy import ISSUER_REGISTRATION, LOG_POLICY
from glasslog.records.parts import DIGEST, TAG
from glasslog.records.people import CONTEST, EXPLANATION, NOTICE, OVERSIGHT
from glasslog.records.registrations import (
    CONFIG_REGISTRATION,
    DATASET_REGISTRATION,
    MODEL_REGISTRATION,
    SYSTEM_REGISTRATION,
)
from glasslog.records.schema import (
    MISFITS,
    Check,
    Relation,
    Rule,
    SchemaMismatchError,
    array,
    boolean,
    closed_map,
    compile_rule,
    exactly,
    octets,
    one_of,
    open_map,
    text,
    time_ms,
    token,
    unsigned,
    uri,
    uuid7,
)

SCHEMA_VERSION: Final = 1
ENVIRONMENTS: Final = ("production", "shadow", "test")
LINKS_MAX: Final = 64
DATA_CLASSES_MAX: Final = 16

BODIES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "inference-attempt": INFERENCE_ATTEMPT,
        "inference": INFERENCE,
        "guardrail-execution": GUARDRAIL_EXECUTION,
        "step": STEP,
        "outcome": OUTCOME,
        "model-registration": MODEL_REGISTRATION,
        "config-registration": CONFIG_REGISTRATION,
        "dataset-registration": DATASET_REGISTRATION,
        "system-registration": SYSTEM_REGISTRATION,
        "deployment": DEPLOYMENT,
        "subprocessor-change": SUBPROCESSOR_CHANGE,
        "evaluation": EVALUATION,
        "monitoring": MONITORING,
        "document": DOCUMENT,
        "assessment": ASSESSMENT,
        "oversight": OVERSIGHT,
        "notice": NOTICE,
        "contest": CONTEST,
        "explanation": EXPLANATION,
        "incident": INCIDENT,
        "control-operation": CONTROL_OPERATION,
        "window-seal": WINDOW_SEAL,
        "coverage-reconciliation": COVERAGE_RECONCILIATION,
        "access": ACCESS,
        "erasure": ERASURE,
        "log-policy": LOG_POLICY,
        "issuer-registration": ISSUER_REGISTRATION,
    }
)
RECORD_TYPES: Final = frozenset(BODIES)
POLICY_RECORD_TYPES: Final = frozenset({"log-policy", "issuer-registration"})
"""The types that only the operator of the log may sign."""

_COMPILED_AFTER: Final = 100  # records of a type: to compile its rule costs what that many plain checks cost

_VERSION: Final = exactly(SCHEMA_VERSION, "the schema version")
_TYPE: Final = one_of(*BODIES)


def record_of(record_type: str, body: Rule) -> Rule:
    """Return the rule of a whole record of a type with this body."""
    return closed_map(
        {
            "v": _VERSION,
            "type": one_of(record_type),
            "id": uuid7,
            "time": time_ms,
            "system": uri,
            "env": one_of(*ENVIRONMENTS),
            "stream": closed_map(
                {"id": token, "seq": unsigned()},
                {"prev": DIGEST},
                relations=[
                    Relation(("seq", "prev"), lambda seq, _: seq > 0, "no prev at the first number of a stream")
                ],
            ),
            "body": body,
        },
        {
            "end": time_ms,
            "anchor": closed_map({"size": unsigned(), "root": DIGEST}),
            "tenant": TAG,
            "links": array(closed_map({"rel": token, "id": uuid7}), LINKS_MAX),
            "trace": closed_map({"trace_id": octets(16), "span_id": octets(8)}),  # W3C Trace Context
            "data_class": array(token, DATA_CLASSES_MAX),
            "retention": closed_map({"class": token}, {"until": time_ms, "hold": boolean}),
            "commitments": open_map(DIGEST, COMMITMENTS_MAX, text(COMMITMENT_NAME_BYTES_MAX)),
        },
        relations=[Relation(("time", "end"), lambda time, end: time <= end, "an end that is not before time")],
    )


RECORDS: Final[Mapping[str, Rule]] = MappingProxyType({name: record_of(name, body) for name, body in BODIES.items()})
"""The rule of a whole record, by its type."""


class Stream(NamedTuple):
    """A place in a gapless sequence: `prev` is the leaf hash of the entry with seq-1, where the issuer gives it."""

    id: str
    seq: int
    prev: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """A record that passed its schema: a view of its fields. Times are POSIX milliseconds."""

    fields: Mapping[str, cbor.Value]

    def __repr__(self) -> str:
        return f"Record(type={self.type!r}, id={self.id.hex()})"

    @property
    def type(self) -> str:
        """Return which event this is: one of RECORD_TYPES."""
        return str(self.fields["type"])

    @property
    def id(self) -> bytes:
        """Return the UUIDv7 under which other records refer to this one, 16 bytes."""
        return bytes(self.fields["id"])

    @property
    def time(self) -> int:
        """Return when the event happened or began, by the issuer's clock."""
        return int(self.fields["time"])

    @property
    def end(self) -> int | None:
        """Return when the event ended, where the record says so."""
        return self.fields.get("end")

    @property
    def system(self) -> str:
        """Return the URN of the AI system."""
        return str(self.fields["system"])

    @property
    def env(self) -> str:
        """Return where it happened: one of ENVIRONMENTS."""
        return str(self.fields["env"])

    @property
    def stream(self) -> Stream:
        """Return the record's place in its stream."""
        stream = self.fields["stream"]
        return Stream(stream["id"], stream["seq"], stream.get("prev"))

    @property
    def commitments(self) -> Mapping[str, bytes]:
        """Return the commitments by name: SHA-256 of disclosures, 32 bytes each."""
        commitments: Mapping[str, bytes] = self.fields.get("commitments", {})
        return commitments

    @property
    def body(self) -> Mapping[str, cbor.Value]:
        """Return what the record says beyond the fields that all records have, by its type."""
        body: Mapping[str, cbor.Value] = self.fields["body"]
        return body


def decode_record(payload: bytes) -> Record:
    """Return the record that a statement's payload is. Raises MalformedError that names the field."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        msg = f"expected a record of at most {PAYLOAD_BYTES_MAX} bytes, got {len(payload)}"
        raise MalformedError(msg)
    return check_record(cbor.decode_unordered(payload), len(payload))


def check_record(fields: cbor.Value, size: int) -> Record:
    """Return the record that decoded fields are, whose encoding has `size` bytes: `decode_record` for an encoder.

    For callers that have made the encoding of these very fields themselves, with map keys in the order of their
    encodings. Raises MalformedError that names the field.
    """
    try:
        found = _SIZE_OF[fields["type"]](fields)
    except MISFITS:
        found = _check(fields)
    if found != size:
        msg = f"expected the deterministic encoding of this record, {found} bytes, got {size} bytes"
        raise MalformedError(msg)
    return Record(fields)


def encode_record(fields: Mapping[str, cbor.Value]) -> bytes:
    """Return the deterministic encoding of a record after checking it. Raises MalformedError that names the field."""
    try:
        payload = cbor.encode(dict(fields))
    except ValueError as error:
        raise MalformedError(str(error)) from error
    decode_record(payload)
    return payload


def _check(fields: cbor.Value) -> int:
    """Check a record in the plain way; return the size of its deterministic encoding. Raises MalformedError."""
    try:
        return _rule_for(fields)(fields)
    except SchemaMismatchError as error:
        msg = f"record {error}" if error.path else f"record: {error}"
        raise MalformedError(msg) from error


def _rule_for(fields: cbor.Value) -> Rule:
    """Return the rule of a record's type, after looking at its version: what else is wrong depends on these."""
    if type(fields) is not dict:
        raise SchemaMismatchError("a map", fields)
    for name, rule in (("v", _VERSION), ("type", _TYPE)):
        try:
            rule(fields.get(name))
        except SchemaMismatchError as error:
            error.path.append(name)
            raise
    return RECORDS[fields["type"]]


class _Plain:
    """Check records of one type in the plain way, until there have been so many that compiling the rule pays off.

    A command that reads a few records never compiles, and a server soon has.
    """

    def __init__(self, record_type: str) -> None:
        self._type = record_type
        self._records = 0

    def __call__(self, fields: cbor.Value) -> int:
        self._records += 1
        if self._records == _COMPILED_AFTER:
            _SIZE_OF[self._type] = compile_rule(RECORDS[self._type])
        return RECORDS[self._type](fields)


_SIZE_OF: Final[dict[str, Check]] = {record_type: _Plain(record_type) for record_type in RECORDS}
"""How records of a type are checked just now: a function that returns the size, or raises one of MISFITS."""
