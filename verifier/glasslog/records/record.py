"""Evidence records: one event in the life of an AI system, as a deterministic CBOR map.

A record is what a Signed Statement of content type `application/vnd.glasslog.record+cbor` carries. `decode_record` is
the only way in: strict CBOR, the fields every record has, then the body by its type. Fields that the schema does not
know are refused: a record says nothing that a verifier of its version cannot read. Nothing here judges whether what a
record says is true, who signed it, or how it relates to others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.limits import COMMITMENT_NAME_BYTES_MAX, COMMITMENTS_MAX, PAYLOAD_BYTES_MAX
from glasslog.records.inference import GUARDRAIL_EXECUTION, INFERENCE, INFERENCE_ATTEMPT
from glasslog.records.log_policy import ISSUER_REGISTRATION, LOG_POLICY
from glasslog.records.registrations import CONFIG_REGISTRATION, MODEL_REGISTRATION
from glasslog.records.schema import (
    Check,
    SchemaMismatchError,
    array,
    boolean,
    closed_map,
    octets,
    octets_between,
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

BODIES: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "inference-attempt": INFERENCE_ATTEMPT,
        "inference": INFERENCE,
        "guardrail-execution": GUARDRAIL_EXECUTION,
        "model-registration": MODEL_REGISTRATION,
        "config-registration": CONFIG_REGISTRATION,
        "log-policy": LOG_POLICY,
        "issuer-registration": ISSUER_REGISTRATION,
    }
)
RECORD_TYPES: Final = frozenset(BODIES)
POLICY_RECORD_TYPES: Final = frozenset({"log-policy", "issuer-registration"})
"""The types that only the operator of the log may sign."""


_type: Final = one_of(*sorted(RECORD_TYPES))


def _version(value: cbor.Value) -> int:
    if type(value) is not int or value != SCHEMA_VERSION:
        raise SchemaMismatchError(f"the schema version {SCHEMA_VERSION}", value)
    return 1


def _record_of(body: Check) -> Check:
    """Return the checker of a whole record with this body."""
    return closed_map(
        {
            "v": _version,
            "type": _type,
            "id": uuid7,
            "time": time_ms,
            "system": uri,
            "env": one_of(*ENVIRONMENTS),
            "stream": closed_map({"id": token, "seq": unsigned()}, {"prev": octets(32)}),
            "body": body,
        },
        {
            "end": time_ms,
            "anchor": closed_map({"size": unsigned(), "root": octets(32)}),
            "tenant": octets_between(16, 64),  # a keyed tag
            "links": array(closed_map({"rel": token, "id": uuid7}), LINKS_MAX),
            "trace": closed_map({"trace_id": octets(16), "span_id": octets(8)}),  # W3C trace context
            "data_class": array(token, 16),
            "retention": closed_map({"class": token}, {"until": time_ms, "hold": boolean}),
            "commitments": open_map(octets(32), COMMITMENTS_MAX, text(COMMITMENT_NAME_BYTES_MAX)),
        },
    )


_RECORDS: Final[Mapping[str, Check]] = {record_type: _record_of(body) for record_type, body in BODIES.items()}


@dataclass(frozen=True, slots=True)
class Stream:
    """A place in a gapless sequence: `prev` is the leaf hash of the entry with seq-1, where the issuer gives it."""

    id: str
    seq: int
    prev: bytes | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record that passed its schema. Times are POSIX milliseconds; `fields` is the whole map."""

    type: str
    id: bytes
    time: int
    system: str
    env: str
    stream: Stream
    body: Mapping[str, cbor.Value] = field(repr=False)
    commitments: Mapping[str, bytes] = field(repr=False)
    fields: Mapping[str, cbor.Value] = field(repr=False)

    @property
    def end(self) -> int | None:
        """Return when the event ended, where the record says so."""
        return self.fields.get("end")


def decode_record(payload: bytes) -> Record:
    """Return the record that a statement's payload is. Raises MalformedError that names the field."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        msg = f"expected a record of at most {PAYLOAD_BYTES_MAX} bytes, got {len(payload)}"
        raise MalformedError(msg)
    fields = cbor.decode_unordered(payload)
    try:
        size = _check(fields)
    except SchemaMismatchError as error:
        msg = f"record {error}"
        raise MalformedError(msg) from error
    if size != len(payload):
        msg = f"expected the deterministic encoding of this record, {size} bytes, got {len(payload)} bytes"
        raise MalformedError(msg)
    stream = fields["stream"]
    return Record(
        type=fields["type"],
        id=fields["id"],
        time=fields["time"],
        system=fields["system"],
        env=fields["env"],
        stream=Stream(stream["id"], stream["seq"], stream.get("prev")),
        body=fields["body"],
        commitments=fields.get("commitments", {}),
        fields=fields,
    )


def encode_record(fields: Mapping[str, cbor.Value]) -> bytes:
    """Return the deterministic encoding of a record after checking it. Raises MalformedError that names the field."""
    try:
        payload = cbor.encode(dict(fields))
    except ValueError as error:
        raise MalformedError(str(error)) from error
    decode_record(payload)
    return payload


def _check(fields: cbor.Value) -> int:
    """Check a record by its type; return the size of its deterministic encoding."""
    if type(fields) is not dict:
        raise SchemaMismatchError("a map", fields)
    try:
        _type(fields.get("type"))
    except SchemaMismatchError as error:
        error.path.append("type")
        raise
    size = _RECORDS[fields["type"]](fields)
    _check_relations(fields)
    return size


def _check_relations(fields: Mapping[str, cbor.Value]) -> None:
    """Check what one field alone cannot tell."""
    stream = fields["stream"]
    if stream["seq"] == 0 and "prev" in stream:
        error = SchemaMismatchError("no prev at the first number of a stream", stream["prev"])
        error.path.extend(("prev", "stream"))
        raise error
    if "end" in fields and fields["end"] < fields["time"]:
        error = SchemaMismatchError("an end that is not before time", fields["end"])
        error.path.append("end")
        raise error
