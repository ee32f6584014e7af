"""The cryptography of the vault: which key encrypts what, and what every box is bound to. No I/O.

    master key ── derive(vault, subject) ──> wraps the subject's key       random, one a data subject
                  subject key ── derive(record id) ──> wraps the record's key   random, one a record
                                 record key ──> encrypts the record's disclosures
                  subject key ── derive(name) ──> encrypts the subject's name
    master key ── derive(vault) ──> keys the hash by which a subject's name is found

Whoever destroys a subject's wrapped key has made all its records unreadable for good, the owner of the master key
included: no key in this tree can be computed from those above it. All boxes are libsodium's secretbox (XSalsa20 and
Poly1305, a random nonce of 24 bytes each). A wrapping key is derived for the one place in which the box stands, and the
encrypted disclosures begin with the entry id: a row that is moved, or put together from two, does not open.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from nacl.bindings import crypto_secretbox, crypto_secretbox_open
from nacl.exceptions import CryptoError

from glasslog import cbor
from glasslog.commitments import DIGEST_BYTES, Disclosure, disclosures_of
from glasslog.errors import CommitmentError, MalformedError
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.vault.errors import DamagedError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 24
ENTRY_ID_BYTES: Final = 32
KEY_BOX_BYTES: Final = NONCE_BYTES + 16 + KEY_BYTES
"""A wrapped key: nonce, authenticator, key."""
ZERO_KEY_BOX: Final = bytes(KEY_BOX_BYTES)
"""What stands where a wrapped key was destroyed."""
VAULT_ID_BYTES: Final = 16

RandomBytes = Callable[[int], bytes]


def derive(key: bytes, purpose: bytes, context: bytes) -> bytes:
    """Return a key of 32 bytes for one purpose and place: keyed BLAKE2b, the purpose as its personalisation."""
    return hashlib.blake2b(context, digest_size=KEY_BYTES, key=key, person=purpose).digest()


def close_box(plain: bytes, key: bytes, random_bytes: RandomBytes) -> bytes:
    """Return nonce and ciphertext, 40 bytes longer than `plain`."""
    nonce = random_bytes(NONCE_BYTES)
    return nonce + crypto_secretbox(plain, nonce, key)


def open_box(box: bytes, key: bytes, what: str) -> bytes:
    """Return what was closed into a box. Raises DamagedError."""
    try:
        return crypto_secretbox_open(box[NONCE_BYTES:], box[:NONCE_BYTES], key)
    except (CryptoError, ValueError) as error:
        msg = f"expected {what} that opens with its key, got one that was changed or is another's"
        raise DamagedError(msg) from error


class MasterKeys:
    """The keys that are derived from the master key, for one vault (16 random bytes tell vaults apart)."""

    def __init__(self, master_key: bytes, vault_id: bytes) -> None:
        """Derive what is needed often."""
        self._subjects = derive(master_key, b"glasslog-subject", vault_id)
        self._tags = derive(master_key, b"glasslog-tag", vault_id)
        self.check = derive(master_key, b"glasslog-check", vault_id)

    def tag(self, name: str) -> bytes:
        """Return the keyed hash by which a subject is found, 32 bytes: without the master key no name can be tried."""
        return hashlib.blake2b(name.encode(), digest_size=KEY_BYTES, key=self._tags).digest()

    def wrap_subject_key(self, subject: int, subject_key: bytes, random_bytes: RandomBytes) -> bytes:
        """Return a subject's key, wrapped for its row."""
        return close_box(subject_key, self._wrapping_key(subject), random_bytes)

    def unwrap_subject_key(self, subject: int, key_box: bytes) -> bytes:
        """Return a subject's key. Raises DamagedError."""
        return open_box(key_box, self._wrapping_key(subject), "the key of a subject")

    def _wrapping_key(self, subject: int) -> bytes:
        return derive(self._subjects, b"glasslog-wrap", subject.to_bytes(8, "big"))


def close_name(name: str, subject_key: bytes, random_bytes: RandomBytes) -> bytes:
    """Return a subject's name, encrypted under its key."""
    return close_box(name.encode(), derive(subject_key, b"glasslog-name", b""), random_bytes)


def open_name(name_box: bytes, subject_key: bytes) -> str:
    """Return a subject's name. Raises DamagedError."""
    return open_box(name_box, derive(subject_key, b"glasslog-name", b""), "the name of a subject").decode()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record's disclosures, encrypted under its own key, which is not wrapped yet.

    `commitments` are names and digests (`pack_commitments`): those alone that the disclosures open. They are in the
    log anyway.
    """

    record_id: bytes
    entry_id: bytes
    decision: str
    stream: str
    seq: int
    commitments: bytes
    box: bytes = field(repr=False)
    record_key: bytes = field(repr=False)

    def seal(self, subject: int, subject_key: bytes, random_bytes: RandomBytes) -> "Sealed":
        """Wrap the record's key for a subject."""
        key_box = close_box(self.record_key, _record_wrapping_key(subject_key, self.record_id), random_bytes)
        place = (self.record_id, self.entry_id, self.decision, self.stream, self.seq)
        return Sealed(*place, self.commitments, subject, key_box, self.box)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row of the vault: what is public about a record, and its disclosures as nobody can read them."""

    record_id: bytes
    entry_id: bytes
    decision: str
    stream: str
    seq: int
    commitments: bytes
    subject: int
    key_box: bytes = field(repr=False)
    box: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return the row as bytes, for whoever keeps it until the vault does."""
        place = [self.record_id, self.entry_id, self.decision, self.stream, self.seq]
        return cbor.encode([*place, self.commitments, self.subject, self.key_box, self.box])

    def blank(self) -> "Sealed":
        """Return the row with nothing in it that could be opened; sizes stay."""
        place = (self.record_id, self.entry_id, self.decision, self.stream, self.seq)
        return Sealed(*place, self.commitments, self.subject, ZERO_KEY_BOX, bytes(len(self.box)))

    @property
    def is_blank(self) -> bool:
        """Tell whether the record's key was destroyed."""
        return not any(self.key_box)

    def open(self, subject_key: bytes) -> tuple[Disclosure, ...]:
        """Return the disclosures. Raises DamagedError unless they are those of this very row."""
        record_key = open_box(self.key_box, _record_wrapping_key(subject_key, self.record_id), "the key of a record")
        plain = open_box(self.box, record_key, "the disclosures of a record")
        try:
            disclosures = disclosures_of(_split(plain[ENTRY_ID_BYTES:]))
        except MalformedError as error:
            raise DamagedError("expected the disclosures of a record, got something else") from error
        digests = {disclosure.name: disclosure.digest for disclosure in disclosures}
        if plain[:ENTRY_ID_BYTES] != self.entry_id or digests != self.digests():
            raise DamagedError("expected the disclosures of this record, got those of another")
        return disclosures

    def digests(self) -> dict[str, bytes]:
        """Return the commitments by name. Raises DamagedError."""
        return unpack_commitments(self.commitments)


def prepare(signed: SignedRecord, random_bytes: RandomBytes = os.urandom) -> Prepared | None:
    """Encrypt the disclosures of a record under a new key; return None where it has none.

    Raises CommitmentError for disclosures that the record does not commit to: kept, they would prove nothing.
    """
    if not signed.disclosures:
        return None
    record, statement = signed.record, signed.statement
    entry_id, committed = statement.leaf_hash, record.commitments
    claims = [disclosure.encode() for disclosure in signed.disclosures]
    digests: dict[str, bytes] = {}
    for disclosure, claim in zip(signed.disclosures, claims, strict=True):
        digest = hashlib.sha256(claim).digest()
        if digest != committed.get(disclosure.name) or disclosure.name in digests:
            msg = (
                f"expected disclosures of the record's own commitments, once each, got another {disclosure.name!r:.150}"
            )
            raise CommitmentError(msg)
        digests[disclosure.name] = digest
    record_key, stream = random_bytes(KEY_BYTES), record.stream
    plain = b"".join((entry_id, *(part for claim in claims for part in (len(claim).to_bytes(4, "big"), claim))))
    return Prepared(
        record_id=record.id,
        entry_id=entry_id,
        decision=statement.subject,
        stream=stream.id,
        seq=stream.seq,
        commitments=pack_commitments(digests),
        box=close_box(plain, record_key, random_bytes),
        record_key=record_key,
    )


def pack_commitments(digests: Mapping[str, bytes]) -> bytes:
    """Return names and digests as bytes: for each, the digest, the length of the name (one byte), the name."""
    names = [(name.encode(), digest) for name, digest in digests.items()]
    return b"".join(part for name, digest in names for part in (digest, bytes((len(name),)), name))


def unpack_commitments(packed: bytes) -> dict[str, bytes]:
    """Return what `pack_commitments` was given. Raises DamagedError."""
    digests: dict[str, bytes] = {}
    place = 0
    try:
        while place < len(packed):
            name = place + DIGEST_BYTES + 1
            end = name + packed[name - 1]
            if end > len(packed):
                raise DamagedError("expected names and digests of commitments, got something cut off")
            digests[packed[name:end].decode()] = packed[place : name - 1]
            place = end
    except (IndexError, UnicodeDecodeError) as error:
        raise DamagedError("expected names and digests of commitments, got something else") from error
    return digests


def _split(data: bytes) -> list[cbor.Value]:
    """Return the claims that each stand behind their length, 4 bytes. Raises DamagedError."""
    claims: list[cbor.Value] = []
    place = 0
    while place < len(data):
        start = place + 4
        place = start + int.from_bytes(data[place:start], "big")
        if place > len(data):
            raise DamagedError("expected the disclosures of a record, got something cut off")
        claims.append(data[start:place])
    return claims


def decode_sealed(data: bytes) -> Sealed:
    """Return the row that `Sealed.encode` made. Raises MalformedError."""
    match cbor.decode(data):
        case [
            bytes(record_id),
            bytes(entry_id),
            str(decision),
            str(stream),
            int(seq),
            bytes(commitments),
            int(subject),
            bytes(key_box),
            bytes(box),
        ] if len(key_box) == KEY_BOX_BYTES:
            return Sealed(record_id, entry_id, decision, stream, seq, commitments, subject, key_box, box)
    raise MalformedError("expected a sealed record, got something else")


def _record_wrapping_key(subject_key: bytes, record_id: bytes) -> bytes:
    return derive(subject_key, b"glasslog-record", record_id)
