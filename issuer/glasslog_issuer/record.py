"""Sign records: what happened goes in, a Signed Statement and the disclosures that open its commitments come out.

An `Issuer` knows what is the same in all records of a system (who speaks, about which system, in which environment, in
which stream) and fills in what every record needs: version, id, time, place in the stream. Content is committed to with
a fresh salt for each value; the disclosures are the only place where it still is, and keeping them is the caller's
affair. Every record is checked by the schema that the log and its auditors use, before it is signed.
"""

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.commitments import Disclosure, encode_disclosures
from glasslog.errors import MalformedError
from glasslog.keys import Signer
from glasslog.limits import COMMITMENT_NAME_BYTES_MAX, DISCLOSURE_BYTES_MAX, SALT_BYTES
from glasslog.records import SCHEMA_VERSION, Record, check_record, decode_record
from glasslog.records import Stream as Place
from glasslog.statement import SignedStatement, sign_statement
from glasslog_issuer.bodies import Body, to_value
from glasslog_issuer.encoding import encode_claim, encode_record_fields, in_order
from glasslog_issuer.identifiers import decision_urn, record_id
from glasslog_issuer.stream import Stream

_BEGIN_A_DECISION: Final = frozenset({"inference-attempt", "inference", "guardrail-execution", "step"})
_FOLLOW_A_DECISION: Final = frozenset({"outcome", "oversight", "notice", "contest", "explanation"})
"""The types whose records are about one decision; all others are about the system. The second kind is about one that
was made before, so that its URN must be given."""


class CommonFields(TypedDict, total=False):
    """The fields that any record may have (RECORDS section 3); what is left out is filled in or stays out.

    `commitments` are digests that were made elsewhere, beside those that are made of `commit`.
    """

    v: int
    id: bytes
    time: int
    end: int
    system: str
    env: str
    anchor: Mapping[str, Any]
    tenant: bytes
    links: Sequence[Mapping[str, Any]]
    trace: Mapping[str, bytes]
    data_class: Sequence[str]
    retention: Mapping[str, Any]
    commitments: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A signed record: the statement to submit, the record in it, and what opens its commitments."""

    statement: SignedStatement
    record: Record
    disclosures: tuple[Disclosure, ...] = field(repr=False)

    @property
    def id(self) -> bytes:
        """Return the record's id, by which other records refer to it."""
        return self.record.id

    @property
    def decision(self) -> str:
        """Return what the statement is about: the decision's URN, or the system's."""
        return self.statement.subject

    def disclosure_file(self) -> bytes:
        """Return the disclosures as the file that a relying party is given. It holds content: keep it as a secret."""
        return encode_disclosures(self.disclosures)


class Unplaced(NamedTuple):
    """A record that lacks nothing but its place in a stream, and what opens its commitments. Made by `prepare`.

    `subject` is what it is about.
    """

    fields: dict[str, Value]
    disclosures: tuple[Disclosure, ...]
    subject: str

    def __repr__(self) -> str:
        """Show no content."""
        return f"Unplaced(subject={self.subject!r})"


class RecordSigner:
    """Sign the records of one AI system at places that the caller answers for. May be shared by threads."""

    def __init__(
        self,
        uri: str,
        signer: Signer,
        *,
        system: str,
        env: str,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Take who speaks (a URI), its key, the URN of the system, and the environment.

        `now_ms` gives POSIX milliseconds; `random_bytes(n)` must be fit for secrets.
        """
        self.uri = uri
        self.system = system
        self.env = env
        self._signer = signer
        self._now_ms = now_ms
        self._random_bytes = random_bytes

    def new_decision(self) -> str:
        """Return the URN of a new decision, for all statements about it."""
        return decision_urn(self._random_bytes)

    def prepare(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        **common: Unpack[CommonFields],
    ) -> Unplaced:
        """Return a record that lacks its place alone: what can be done before it is known.

        Arguments as for `Issuer.sign`. Raises MalformedError for content that cannot be committed to and for a decision
        that is missing; the schema's check follows in `sign_prepared`.
        """
        now_ms = self._now_ms()
        fields: dict[str, Value] = {
            "v": SCHEMA_VERSION,
            "type": body.type(),
            "id": record_id(now_ms, self._random_bytes),
            "time": now_ms,
            "system": self.system,
            "env": self.env,
            "body": body.to_fields(),
        }
        if common:
            fields.update((name, to_value(value)) for name, value in common.items() if value is not None)
        if commit:
            disclosures = _disclosures(commit, self._random_bytes)
            fields["commitments"] = _commitments(fields.get("commitments", {}), disclosures)
        else:
            disclosures = ()
        return Unplaced(fields, disclosures, self._subject(fields, decision))

    def sign_prepared(self, place: Place, unplaced: Unplaced) -> SignedRecord:
        """Sign a prepared record at a place. Raises MalformedError, naming the field, for what the schema refuses."""
        payload, record = _encode({**unplaced.fields, "stream": _stream_field(place)})
        statement = sign_statement(self._signer, issuer=self.uri, subject=unplaced.subject, payload=payload)
        return SignedRecord(statement, record, unplaced.disclosures)

    def sign_at(
        self,
        place: Place,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign a record at a place; otherwise as `Issuer.sign`."""
        return self.sign_prepared(place, self.prepare(body, decision=decision, commit=commit, **common))

    def _subject(self, fields: Mapping[str, Value], decision: str | None) -> str:
        """Return what a record is about. Raises MalformedError where that must be told and is not."""
        if decision is not None:
            return decision
        if fields["type"] in _BEGIN_A_DECISION:
            return self.new_decision()
        if fields["type"] in _FOLLOW_A_DECISION:
            msg = f"record sub: expected the URN of the decision that this {fields['type']} is about, got none"
            raise MalformedError(msg)
        return str(fields["system"])


class Issuer(RecordSigner):
    """Sign the records of one AI system. May be shared by threads; the stream puts them in one order."""

    def __init__(
        self,
        uri: str,
        signer: Signer,
        *,
        system: str,
        env: str,
        stream: Stream,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Take what a RecordSigner takes, and the stream to write to."""
        super().__init__(uri, signer, system=system, env=env, now_ms=now_ms, random_bytes=random_bytes)
        self.stream = stream

    def sign(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Sign a record at the next place of the stream.

        `decision` is what it is about. Without it, the record begins a new decision where its type can, and is about
        the system where its type belongs to none; an outcome, a review, a notice, a contest or an explanation must be
        given theirs. `commit` maps names to content. Raises MalformedError, naming the field, for what the schema
        refuses: then the place is not used up. Raises StreamError when the stream cannot be kept.
        """
        with self.stream.turn() as turn:
            signed = self.sign_at(turn.place, body, decision=decision, commit=commit, **common)
            turn.take(signed.statement, signed.record)
        return signed


def _stream_field(place: Place) -> dict[str, Value]:
    """Return the field, with its keys in the order of their encodings."""
    if place.prev is None:
        return {"id": place.id, "seq": place.seq}
    return {"id": place.id, "seq": place.seq, "prev": place.prev}


def _disclosures(values: Mapping[str, object], random_bytes: Callable[[int], bytes]) -> tuple[Disclosure, ...]:
    return tuple(Disclosure(random_bytes(SALT_BYTES), to_value(value), name) for name, value in values.items())


def _commitments(given: Mapping[str, bytes], disclosures: tuple[Disclosure, ...]) -> dict[str, bytes]:
    """Return the digests that were given with those that the disclosures open. Raises MalformedError."""
    twice = [disclosure.name for disclosure in disclosures if disclosure.name in given]
    if twice:
        msg = f"record commitments: expected a value or a digest for {twice[0]!r:.150}, got both"
        raise MalformedError(msg)
    try:
        made = {disclosure.name: _digest(disclosure) for disclosure in disclosures}
    except (MalformedError, ValueError) as error:
        msg = f"record commitments: {error}"
        raise MalformedError(msg) from error
    return {**given, **made}


def _digest(disclosure: Disclosure) -> bytes:
    """Return the commitment that a disclosure opens. Raises MalformedError, ValueError for one that none could read."""
    try:
        encoded = encode_claim(disclosure.salt, disclosure.value, disclosure.name)
    except (TypeError, ValueError, OverflowError):
        encoded = disclosure.encode()
    if len(encoded) > DISCLOSURE_BYTES_MAX:
        msg = f"expected content of at most {DISCLOSURE_BYTES_MAX} bytes, got {len(encoded)}"
        raise MalformedError(msg)
    if not 1 <= len(disclosure.name.encode()) <= COMMITMENT_NAME_BYTES_MAX:
        msg = f"expected a commitment name of 1 to {COMMITMENT_NAME_BYTES_MAX} bytes"
        raise MalformedError(msg)
    return hashlib.sha256(encoded).digest()


def _encode(fields: dict[str, Value]) -> tuple[bytes, Record]:
    """Return the encoding of a record, and the record that it was checked to be. Raises MalformedError.

    What is not in the data model is told by `cbor.encode`, what the schema refuses by `decode_record`: neither is ever
    signed. What was encoded here need not be decoded to be checked.
    """
    try:
        ordered = in_order(fields)
        payload = encode_record_fields(ordered)
        return payload, check_record(ordered, len(payload))
    except (MalformedError, TypeError, ValueError, OverflowError, RecursionError):
        pass  # the other encoder knows what is wrong, or makes it right
    try:
        payload = cbor.encode(fields)
    except ValueError as error:
        msg = f"record: {error}"
        raise MalformedError(msg) from error
    return payload, decode_record(payload)
