"""Statements to submit: right ones of several parties, and the pieces to make wrong ones from."""

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any

from glasslog import cbor, cose
from glasslog.cose import CWT_ISS, CWT_SUB, HEADER_ALG, HEADER_CONTENT_TYPE, HEADER_CWT_CLAIMS, HEADER_KID, Sign1
from glasslog.keys import ALG_EDDSA, SigningKey
from glasslog.records import encode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, sign_statement

ORIGIN = "log.example/http"
FOREIGN_CONTENT = "application/vnd.example.report"
TIME_MS = 1_735_689_600_000
RECORD_TYPES = frozenset({"inference", "model-registration"})

_numbers = count()


def signing_key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(f"key of {name}".encode()).digest())


def uuid7(number: int) -> bytes:
    octets = bytearray(hashlib.sha256(b"id %d" % number).digest()[:16])
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    return bytes(octets)


LOG_KEY = signing_key("log")
OPERATOR_KEY = signing_key("operator")


def subject_of(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012x}"


def model_fields(number: int, *, stream: str = "models", seq: int | None = None) -> dict[str, Any]:
    """Return a small record that is right."""
    return {
        "v": 1,
        "type": "model-registration",
        "id": uuid7(number),
        "time": TIME_MS,
        "system": "urn:example:triage",
        "env": "test",
        "stream": {"id": stream, "seq": number if seq is None else seq},
        "body": {
            "name": "triage",
            "version": str(number),
            "kind": "classical",
            "publisher": "clinic",
            "assurance": "digest-measured",
            "weights_digest": hashlib.sha256(b"weights %d" % number).digest(),
        },
    }


class Issuer:
    """A party that signs. Every statement it makes is another one."""

    def __init__(self, name: str) -> None:
        self.uri = f"https://{name}.example"
        self.key = signing_key(name)

    def statement(
        self, number: int | None = None, *, subject: str | None = None, **place: cbor.Value
    ) -> SignedStatement:
        number = next(_numbers) if number is None else number
        payload = encode_record(model_fields(number, **place))
        return sign_statement(self.key, issuer=self.uri, subject=subject or subject_of(number), payload=payload)

    def statements(self, number: int) -> list[SignedStatement]:
        return [self.statement() for _ in range(number)]

    def foreign_content(
        self, payload: bytes, content_type: str = FOREIGN_CONTENT, *, subject: str | None = None
    ) -> SignedStatement:
        subject = subject or subject_of(next(_numbers))
        return sign_statement(self.key, issuer=self.uri, subject=subject, payload=payload, content_type=content_type)


CLINIC = Issuer("clinic")
BANK = Issuer("bank")
STRANGER = Issuer("stranger")


def headers_of(issuer: Issuer, **changed: cbor.Value) -> dict[Any, Any]:
    """Return the protected header of a right statement with some labels changed, or left out where None is given."""
    headers = {
        HEADER_ALG: ALG_EDDSA,
        HEADER_CONTENT_TYPE: CONTENT_TYPE_RECORD,
        HEADER_KID: issuer.key.public_key.kid,
        HEADER_CWT_CLAIMS: {CWT_ISS: issuer.uri, CWT_SUB: subject_of(next(_numbers))},
    }
    labels = {"alg": HEADER_ALG, "content_type": HEADER_CONTENT_TYPE, "kid": HEADER_KID, "claims": HEADER_CWT_CLAIMS}
    for name, value in changed.items():
        headers[labels[name]] = value
    return {label: value for label, value in headers.items() if value is not None}


def signed(protected: bytes, payload: bytes, key: SigningKey, unprotected: bytes = cose.EMPTY_MAP) -> bytes:
    """Return a COSE_Sign1 message with a right signature over whatever it holds."""
    signature = key.sign(cose.signed_bytes(protected, payload))
    return Sign1(protected, unprotected, payload, signature).encode()


def bad_statements() -> Iterator[tuple[str, bytes, str]]:
    """Give name, bytes and expected code of statements that the log must refuse, each for one reason alone."""
    payload = encode_record(model_fields(1))
    good = CLINIC.statement(1).entry
    header = cbor.encode(headers_of(CLINIC))
    yield "empty", b"", "malformed"
    yield "truncated", good[:-1], "malformed"
    yield "cut within the payload", good[: len(good) // 2], "malformed"
    yield "a trailing byte", good + b"\x00", "malformed"
    yield "another tag", b"\xd1" + good[1:], "malformed"
    yield "no tag", good[1:], "malformed"
    yield "an array of five", b"\xd2\x85" + good[2:] + b"\x00", "malformed"
    yield "an unprotected header", signed(header, payload, CLINIC.key, b"\xa1\x04\x41\x00"), "malformed"
    yield "an indefinite array", b"\xd2\x9f" + good[2:] + b"\xff", "malformed"
    yield "a detached payload", Sign1(header, cose.EMPTY_MAP, None, bytes(64)).encode(), "payload_missing"
    yield "a short signature", Sign1(header, cose.EMPTY_MAP, payload, bytes(63)).encode(), "malformed"
    yield "another algorithm", signed(cbor.encode(headers_of(CLINIC, alg=-7)), payload, CLINIC.key), "bad_algorithm"
    yield "no algorithm", signed(cbor.encode(headers_of(CLINIC, alg=None)), payload, CLINIC.key), "bad_algorithm"
    yield "algorithm true", signed(cbor.encode(headers_of(CLINIC, alg=True)), payload, CLINIC.key), "bad_algorithm"
    yield "a critical header", signed(_with_crit(header), payload, CLINIC.key), "malformed"
    yield "no kid", signed(cbor.encode(headers_of(CLINIC, kid=None)), payload, CLINIC.key), "malformed"
    yield "a kid of text", signed(cbor.encode(headers_of(CLINIC, kid="clinic")), payload, CLINIC.key), "malformed"
    yield "an unknown kid", signed(cbor.encode(headers_of(CLINIC, kid=bytes(32))), payload, CLINIC.key), "unknown_key"
    yield "the kid of another issuer", _with_kid_of(BANK, payload), "unknown_key"
    yield "no claims", signed(cbor.encode(headers_of(CLINIC, claims=None)), payload, CLINIC.key), "malformed"
    yield "a subject that is no URI", _with_claims({CWT_ISS: CLINIC.uri, CWT_SUB: "a b"}, payload), "malformed"
    yield "a long subject", _with_claims({CWT_ISS: CLINIC.uri, CWT_SUB: "urn:" + "x" * 600}, payload), "malformed"
    yield "another content type", CLINIC.foreign_content(payload, "application/json").entry, "no_authority"
    yield "an unknown issuer", STRANGER.statement(1).entry, "unknown_key"
    yield "a signature by another key", signed(header, payload, BANK.key), "bad_signature"
    yield "a flipped bit in the signature", good[:-1] + bytes((good[-1] ^ 1,)), "bad_signature"
    yield "a flipped bit in the payload", _flip(good, good.index(b"triage")), "bad_signature"
    yield "duplicate keys in the header", signed(_doubled(header), payload, CLINIC.key), "malformed"
    for name, bad_payload in bad_payloads():
        yield name, signed(header, bad_payload, CLINIC.key), "malformed"
    operators = headers_of(CLINIC, claims={CWT_ISS: f"https://{ORIGIN}", CWT_SUB: f"https://{ORIGIN}"})
    yield "the operator's name", signed(cbor.encode(operators), payload, CLINIC.key), "unknown_key"


def bad_payloads() -> Iterator[tuple[str, bytes]]:
    """Give names and payloads that are no record, under a signature that is right."""
    fields = model_fields(1)
    good = encode_record(fields)
    yield "an empty payload", b""
    yield "a payload that is no CBOR", b"\xff\xff"
    yield "a payload with bytes behind it", good + b"\x00"
    yield "a payload with an overlong head", b"\xb8" + bytes((good[0] & 0x1F,)) + good[1:]
    yield "a payload with keys out of order", _reversed_map(fields)
    yield "a payload with a duplicate key", bytes((good[0] + 1,)) + good[1:] + cbor.encode("v") + b"\x01"
    yield "a payload of an indefinite map", b"\xbf" + good[1:] + b"\xff"
    yield "a payload with a tag", b"\xc0" + good
    yield "a payload nested too deep", b"\x81" * 64 + b"\x00"
    changes: dict[str, dict[str, cbor.Value]] = {
        "an unknown field": {"note": "x"},
        "a missing field": {"body": None},
        "version true": {"v": True},
        "a time before 1970": {"time": -1},
        "a time of 2^63": {"time": 2**63},
        "a time that is a float": {"time": 1.5},
        "an id of 15 bytes": {"id": bytes(15)},
        "a sequence number of 2^63": {"stream": {"id": "s", "seq": 2**63}},
        "a stream that is text": {"stream": "s"},
        "an unknown type": {"type": "rumour"},
        "a body that is a list": {"body": []},
    }
    for name, changed in changes.items():
        wrong = {key: value for key, value in {**fields, **changed}.items() if value is not None}
        yield name, cbor.encode(wrong)


def _with_kid_of(other: Issuer, payload: bytes) -> bytes:
    return signed(cbor.encode(headers_of(CLINIC, kid=other.key.public_key.kid)), payload, other.key)


def _with_claims(claims: dict[int, str], payload: bytes) -> bytes:
    return signed(cbor.encode(headers_of(CLINIC, claims=claims)), payload, CLINIC.key)


def _with_crit(header: bytes) -> bytes:
    return bytes((header[0] + 1,)) + header[1:3] + b"\x02\x81\x01" + header[3:]


def _doubled(header: bytes) -> bytes:
    return bytes((header[0] + 1,)) + header[1:3] + header[1:]


def _reversed_map(fields: dict[str, Any]) -> bytes:
    items = [cbor.encode(key) + cbor.encode(value) for key, value in fields.items()]
    ordered = sorted(items, reverse=True)
    return bytes((0xA0 | len(items),)) + b"".join(ordered)


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]
