"""Signed Statements and Transparent Statements (RFC 9943), in our profile.

A Signed Statement says who (iss) says what (payload) about which thing (sub), signed by a key (kid). The log's entry is
its deterministic encoding with an empty unprotected header; the entry id is the hash of that, so the same statement is
always the same entry. A Transparent Statement is the same with receipts in the unprotected header.

Decoding checks the frame and the headers; it does not check the signature (`SignedStatement.verify`), nor what the
payload says (`glasslog.records`), nor whether the signer was entitled (`glasslog.authority`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from glasslog import cbor, cose
from glasslog.cose import (
    CWT_ISS,
    CWT_SUB,
    EMPTY_MAP,
    HEADER_ALG,
    HEADER_CONTENT_TYPE,
    HEADER_CRIT,
    HEADER_CWT_CLAIMS,
    HEADER_KID,
    Sign1,
)
from glasslog.errors import AlgorithmError, MalformedError, PayloadMissingError, SignatureError
from glasslog.keys import ACCEPTED_ALGS, ALG_EDDSA, KID_BYTES, PublicKey, Signer
from glasslog.limits import (
    PAYLOAD_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    RECEIPTS_MAX,
    STATEMENT_BYTES_MAX,
    TRANSPARENT_STATEMENT_BYTES_MAX,
    URI_BYTES_MAX,
)
from glasslog.merkle import Hash, hash_leaf

CONTENT_TYPE_RECORD: Final = "application/vnd.glasslog.record+cbor"
HEADER_RECEIPTS: Final = 394  # RFC 9942

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")  # RFC 3986: a scheme, then visible ASCII
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")

_DECISION_URN_BYTES: Final = len("urn:uuid:00000000-0000-0000-0000-000000000000")
_DECISION_URN_HEAD: Final = bytes((0x78, _DECISION_URN_BYTES))  # a CBOR text of that length
_PROTECTED_START: Final = 4  # in a frame that `cose.split_statement` knows
_SOME_SUBJECT: Final = "urn:uuid:" + "0" * (_DECISION_URN_BYTES - len("urn:uuid:"))
_OTHER_SUBJECT: Final = _SOME_SUBJECT.replace("0", "1")


class SignedStatement(NamedTuple):
    """A Signed Statement whose frame and headers were checked, and nothing else.

    `entry` is what the log stores: its deterministic encoding. `subject` is the CWT sub, `kid` the 32-byte thumbprint.
    A tuple, because one is made of every statement that a log is offered, and of every entry that an audit reads.
    """

    issuer: str
    subject: str
    kid: bytes
    content_type: str
    payload: bytes
    protected: bytes
    signature: bytes
    entry: bytes

    def __repr__(self) -> str:
        """Name the statement by its headers; what it says is not for messages."""
        return f"SignedStatement(issuer={self.issuer!r}, subject={self.subject!r}, kid={self.kid.hex()})"

    @property
    def leaf_hash(self) -> Hash:
        """Return the leaf hash of the entry; its lowercase hex is the entry id."""
        return hash_leaf(self.entry)

    def verify(self, key: PublicKey) -> None:
        """Check the signature with the key that kid names (RFC 9052 section 4.4). Raises SignatureError."""
        if key.kid != self.kid:
            msg = f"expected the key with kid {self.kid.hex()}, got the one with kid {key.kid.hex()}"
            raise SignatureError(msg)
        key.verify(self.signature, cose.signed_bytes(self.protected, self.payload))


@dataclass(frozen=True, slots=True)
class TransparentStatement:
    """A Signed Statement with the receipts (encoded, unchecked) that a log attached to it."""

    statement: SignedStatement
    receipts: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return 18([protected, {394: [receipt, ...]}, payload, signature])."""
        statement = self.statement
        unprotected = cbor.encode({HEADER_RECEIPTS: list(self.receipts)})
        return Sign1(statement.protected, unprotected, statement.payload, statement.signature).encode()


def sign_statement(
    signer: Signer, *, issuer: str, subject: str, payload: bytes, content_type: str = CONTENT_TYPE_RECORD
) -> SignedStatement:
    """Return a Signed Statement over `payload`. Raises MalformedError for a header or payload the profile refuses."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        msg = f"expected a payload of at most {PAYLOAD_BYTES_MAX} bytes, got {len(payload)}"
        raise MalformedError(msg)
    kid = signer.public_key.kid
    protected = _encode_headers_before(kid, issuer, len(_uri("sub", subject)), content_type) + subject.encode()
    signature = signer.sign(cose.signed_bytes(protected, payload))
    entry = Sign1(protected, EMPTY_MAP, payload, signature).encode()
    return SignedStatement(issuer, subject, kid, content_type, payload, protected, signature, entry)


def decode_statement(data: bytes) -> SignedStatement:
    """Return the Signed Statement that `data` is. Raises MalformedError.

    The unprotected header must be empty and the encoding deterministic, so that `entry` is `data` itself.
    """
    if len(data) > STATEMENT_BYTES_MAX:
        msg = f"expected a statement of at most {STATEMENT_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    parts = cose.split_statement(data)
    if parts is not None and parts[3] == len(data):
        protected_end, start, end, _ = parts
        protected = data[_PROTECTED_START:protected_end]
        issuer, subject, kid, content_type = _decode_headers(protected)
        payload, signature = data[start:end], data[end + 2 :]
        if len(payload) <= PAYLOAD_BYTES_MAX:
            return SignedStatement(issuer, subject, kid, content_type, payload, protected, signature, data)
    message = cose.decode_sign1(data)
    if message.unprotected != EMPTY_MAP:
        msg = "expected an empty unprotected header"
        raise MalformedError(msg)
    return _from_sign1(message, entry=data)


def decode_transparent_statement(data: bytes) -> TransparentStatement:
    """Return the Transparent Statement that `data` is: header 394 alone, 1 to 16 receipts. Raises MalformedError."""
    if len(data) > TRANSPARENT_STATEMENT_BYTES_MAX:
        msg = f"expected a transparent statement of at most {TRANSPARENT_STATEMENT_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    message = cose.decode_sign1(data)
    unprotected = cbor.decode_foreign(message.unprotected)
    receipts = unprotected.get(HEADER_RECEIPTS) if isinstance(unprotected, dict) else None
    if not isinstance(receipts, list) or len(unprotected) != 1 or not 1 <= len(receipts) <= RECEIPTS_MAX:
        msg = f"expected an unprotected header of 394 alone, with 1 to {RECEIPTS_MAX} receipts"
        raise MalformedError(msg)
    for receipt in receipts:
        if not isinstance(receipt, bytes) or len(receipt) > RECEIPT_BYTES_MAX:
            msg = f"expected each receipt as a byte string of at most {RECEIPT_BYTES_MAX} bytes"
            raise MalformedError(msg)
    return TransparentStatement(_from_sign1(message), tuple(receipts))


def _from_sign1(message: Sign1, entry: bytes | None = None) -> SignedStatement:
    if message.payload is None:
        msg = "expected the payload within the statement, got a detached one"
        raise PayloadMissingError(msg)
    if len(message.payload) > PAYLOAD_BYTES_MAX:
        msg = f"expected a payload of at most {PAYLOAD_BYTES_MAX} bytes, got {len(message.payload)}"
        raise MalformedError(msg)
    headers = _decode_headers(message.protected)
    if entry is None:
        entry = Sign1(message.protected, EMPTY_MAP, message.payload, message.signature).encode()
    return SignedStatement(
        issuer=headers.issuer,
        subject=headers.subject,
        kid=headers.kid,
        content_type=headers.content_type,
        payload=message.payload,
        protected=message.protected,
        signature=message.signature,
        entry=entry,
    )


@lru_cache(maxsize=1_024)
def _encode_headers_before(kid: bytes, issuer: str, length: int, content_type: str) -> bytes:
    """Return what stands before a sub of a length, which the deterministic encoding puts last. Raises MalformedError.

    The statements of an issuer differ in sub alone, so everything else is encoded and checked once.
    """
    some_subject = "urn:" + "-" * (length - len("urn:"))
    headers = {
        HEADER_ALG: ALG_EDDSA,
        HEADER_CONTENT_TYPE: content_type,
        HEADER_KID: kid,
        HEADER_CWT_CLAIMS: {CWT_ISS: issuer, CWT_SUB: some_subject[:length]},
    }
    try:
        protected = cbor.encode(headers)
    except ValueError as error:
        raise MalformedError(str(error)) from error
    _uri("iss", issuer)
    _kid(kid)
    _content_type(content_type)
    return protected[:-length]


class _Headers(NamedTuple):
    """What the protected header of a statement says."""

    issuer: str
    subject: str
    kid: bytes
    content_type: str


def _decode_headers(protected: bytes) -> _Headers:
    """Return the headers of a statement. Raises MalformedError, AlgorithmError.

    The statements of an issuer differ in sub alone, which is a URN of one length for decisions, and which the
    deterministic encoding puts last: so what stands before it is decoded once and remembered.
    """
    before, subject = protected[:-_DECISION_URN_BYTES], protected[-_DECISION_URN_BYTES:]
    if before.endswith(_DECISION_URN_HEAD) and subject.isascii():
        try:
            same = _decode_headers_before(before)
            return _Headers(same.issuer, _uri("sub", subject.decode()), same.kid, same.content_type)
        except MalformedError:
            pass  # the general way names what is wrong
    return _decode_all_headers(protected)


@lru_cache(maxsize=1_024)
def _decode_headers_before(before: bytes) -> _Headers:
    """Return the headers, with a sub of no meaning, of all protected headers that are `before` and then a sub."""
    headers = _decode_all_headers(before + _SOME_SUBJECT.encode())
    other = _decode_all_headers(before + _OTHER_SUBJECT.encode())
    # Two tries, because a sub that stands elsewhere may happen to be the first of them.
    if (headers.subject, other.subject) != (_SOME_SUBJECT, _OTHER_SUBJECT):
        msg = "expected sub to stand last in the protected header"
        raise MalformedError(msg)
    return headers


def _decode_all_headers(protected: bytes) -> _Headers:
    headers = cbor.decode(protected)
    if not isinstance(headers, dict):
        msg = "expected a map as the protected header"
        raise MalformedError(msg)
    if HEADER_CRIT in headers:
        msg = "expected a protected header without crit (2): no critical extension is known here"
        raise MalformedError(msg)
    algorithm = headers.get(HEADER_ALG)
    if type(algorithm) is not int or algorithm not in ACCEPTED_ALGS:
        msg = f"expected the algorithm -8 (EdDSA) or -19 (Ed25519), got {algorithm!r:.40}"
        raise AlgorithmError(msg)
    claims = headers.get(HEADER_CWT_CLAIMS)
    if not isinstance(claims, dict):
        msg = "expected CWT claims (15) with iss (1) and sub (2) in the protected header"
        raise MalformedError(msg)
    return _Headers(
        issuer=_uri("iss", claims.get(CWT_ISS)),
        subject=_uri("sub", claims.get(CWT_SUB)),
        kid=_kid(headers.get(HEADER_KID)),
        content_type=_content_type(headers.get(HEADER_CONTENT_TYPE)),
    )


def _uri(name: str, value: cbor.Value) -> str:
    if not isinstance(value, str) or len(value) > URI_BYTES_MAX or not _URI.fullmatch(value):
        msg = f"expected {name} to be a URI of at most {URI_BYTES_MAX} bytes"
        raise MalformedError(msg)
    return value


def _kid(kid: cbor.Value) -> bytes:
    if not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        msg = f"expected a kid (4) of {KID_BYTES} bytes, the thumbprint of the signing key"
        raise MalformedError(msg)
    return kid


def _content_type(content_type: cbor.Value) -> str:
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        msg = "expected a content type (3) that is a media type without parameters"
        raise MalformedError(msg)
    return content_type
