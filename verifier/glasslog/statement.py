"""Signed Statements and Transparent Statements (RFC 9943), in our profile.

A Signed Statement says who (iss) says what (payload) about which thing (sub), signed by a key (kid). The log's entry is
its deterministic encoding with an empty unprotected header; the entry id is the hash of that, so the same statement is
always the same entry. A Transparent Statement is the same with receipts in the unprotected header.

Decoding checks the frame and the headers; it does not check the signature (`SignedStatement.verify`), nor what the
payload says (`glasslog.records`), nor whether the signer was entitled (`glasslog.authority`).
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from glasslog import cbor, cose
from glasslog.cose import EMPTY_MAP, Sign1
from glasslog.errors import MalformedError, PayloadMissingError, SignatureError
from glasslog.keys import SIGNATURE_BYTES, PublicKey, Signer
from glasslog.limits import (
    PAYLOAD_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    RECEIPTS_MAX,
    STATEMENT_BYTES_MAX,
    TRANSPARENT_STATEMENT_BYTES_MAX,
)
from glasslog.merkle import Hash, hash_leaf
from glasslog.statement_frame import (
    PAYLOAD_HEAD,
    PROTECTED_HEAD,
    SIGNATURE_HEAD,
    SIGNATURE_PART,
    SUBJECT_BYTES,
    Signatory,
    glance,
    remember,
)
from glasslog.statement_header import StatementHeader, decode_header, encode_header

CONTENT_TYPE_RECORD: Final = "application/vnd.glasslog.record+cbor"
HEADER_RECEIPTS: Final = 394  # RFC 9942

# A URI, as every sub must be, an empty unprotected header, and the head of a payload of 256 bytes or more.
_match_subject: Final = re.compile(rb"(urn:uuid:[!-~]{36})\xa0\x59[\x01-\xff].", re.DOTALL).match
_COMMON_BYTES_MAX: Final = PAYLOAD_BYTES_MAX  # of an entry: its payload is within the limit then


class SignedStatement(NamedTuple):
    """A Signed Statement whose frame and headers were checked, and nothing else.

    `entry` is what the log stores: its deterministic encoding, of which the other parts are slices. The protected
    header ends at byte `protected_end` of it, the payload starts at `payload_start`. `subject` is the CWT sub, `kid`
    the 32-byte thumbprint. A tuple, because one is made of every statement that a log is offered, and of every entry
    that an audit reads.
    """

    issuer: str
    subject: str
    kid: bytes
    content_type: str
    entry: bytes
    protected_end: int
    payload_start: int

    def __repr__(self) -> str:
        """Name the statement by its headers; what it says is not for messages."""
        return f"SignedStatement(issuer={self.issuer!r}, subject={self.subject!r}, kid={self.kid.hex()})"

    @property
    def signatory(self) -> Signatory:
        """Return whose statement it is."""
        return Signatory(self.issuer, self.kid, self.content_type)

    @property
    def protected(self) -> bytes:
        """Return the protected header, encoded."""
        return cbor.read_bytes(self.entry, PROTECTED_HEAD)[0]

    @property
    def payload(self) -> bytes:
        """Return what is stated."""
        return self.entry[self.payload_start : self.payload_end]

    @property
    def payload_end(self) -> int:
        """Return at which byte of `entry` the payload ends."""
        return len(self.entry) - SIGNATURE_PART

    @property
    def signature(self) -> bytes:
        """Return the signature, 64 bytes."""
        return self.entry[-SIGNATURE_BYTES:]

    @property
    def leaf_hash(self) -> Hash:
        """Return the leaf hash of the entry; its lowercase hex is the entry id."""
        return hash_leaf(self.entry)

    def verify(self, key: PublicKey) -> None:
        """Check the signature with the key that kid names (RFC 9052 section 4.4). Raises SignatureError."""
        if key.kid != self.kid:
            msg = f"expected the key with kid {self.kid.hex()}, got the one with kid {key.kid.hex()}"
            raise SignatureError(msg)
        key.verify_signed(signature_and_signed(self.entry, self.protected_end))


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
    header = StatementHeader(issuer, subject, signer.public_key.kid, content_type)
    protected = encode_header(header)
    signature = signer.sign(cose.signed_bytes(protected, payload))
    return _of_message(Sign1(protected, EMPTY_MAP, payload, signature), header)


def decode_statement(data: bytes) -> SignedStatement:
    """Return the Signed Statement that `data` is. Raises MalformedError, AlgorithmError, PayloadMissingError.

    The unprotected header must be empty and the encoding deterministic, so that `entry` is `data` itself. Statements of
    issuers that were met before cost 1.3 us, others ten times that.
    """
    if len(data) > STATEMENT_BYTES_MAX:
        msg = f"expected a statement of at most {STATEMENT_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    return _decode_common(data) or _decode_any(data)


def signature_and_signed(entry: bytes, protected_end: int) -> bytes:
    """Return the signature of an entry and, behind it, what it signs: the Sig_structure (RFC 9052 section 4.4)."""
    # The Sig_structure holds both byte strings with their heads, as the entry does.
    parts = (
        entry[-SIGNATURE_BYTES:],
        cose.SIG_STRUCTURE_PREFIX,
        entry[PROTECTED_HEAD:protected_end],
        cose.NO_EXTERNAL_AAD,
        entry[protected_end + 1 : -SIGNATURE_PART],
    )
    return b"".join(parts)


def _decode_common(data: bytes) -> SignedStatement | None:
    """Return what `_decode_any` returns, or None where only that can tell."""
    signatory, end = glance(data)
    if signatory is None or len(data) > _COMMON_BYTES_MAX:
        return None
    issuer, kid, content_type = signatory
    subject = _match_subject(data, end - SUBJECT_BYTES)
    if subject is None or not data.startswith(SIGNATURE_HEAD, len(data) - SIGNATURE_PART):
        return None
    parts = issuer, subject[1].decode(), kid, content_type, data, end, end + PAYLOAD_HEAD
    return tuple.__new__(SignedStatement, parts)  # what SignedStatement(*parts) does, in half the time


def _decode_any(data: bytes) -> SignedStatement:
    message = cose.decode_sign1(data)
    if message.unprotected != EMPTY_MAP:
        msg = "expected an empty unprotected header"
        raise MalformedError(msg)
    statement = _from_sign1(message)
    remember(data, statement.protected_end, statement.subject, statement.signatory)
    return statement


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


def _from_sign1(message: Sign1) -> SignedStatement:
    if message.payload is None:
        msg = "expected the payload within the statement, got a detached one"
        raise PayloadMissingError(msg)
    if len(message.payload) > PAYLOAD_BYTES_MAX:
        msg = f"expected a payload of at most {PAYLOAD_BYTES_MAX} bytes, got {len(message.payload)}"
        raise MalformedError(msg)
    header = decode_header(message.protected)
    return _of_message(message._replace(unprotected=EMPTY_MAP), header)


def _of_message(message: Sign1, header: StatementHeader) -> SignedStatement:
    """Return the statement of a message with an empty unprotected header and a payload."""
    entry = message.encode()
    protected_end = PROTECTED_HEAD + len(cose.encode_bytes(message.protected))
    payload_start = len(entry) - SIGNATURE_PART - len(message.payload or b"")
    return SignedStatement(*header, entry, protected_end, payload_start)
