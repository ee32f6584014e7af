"""Salted commitments and the disclosures that open them (the salted claim of draft-ietf-spice-sd-cwt).

A record names what it is about by digests: SHA-256 over the deterministic CBOR array [salt, value, name]. Who holds
that array, the disclosure, can show the value, and anybody can then check it against the record. Without the 16 random
bytes of salt nothing can be learned by guessing, however few values are possible.

A disclosure file is a CBOR array of byte strings, each an encoded disclosure: the `sd_claims` of SD-CWT.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from glasslog import cbor
from glasslog.errors import CommitmentError, MalformedError
from glasslog.limits import (
    COMMITMENT_NAME_BYTES_MAX,
    DISCLOSURE_BYTES_MAX,
    DISCLOSURE_FILE_BYTES_MAX,
    DISCLOSURES_MAX,
    SALT_BYTES,
)

DIGEST_BYTES: Final = 32
_CLAIM_ELEMENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A salted claim: 16 random bytes, the committed value, and the name of the commitment it opens."""

    salt: bytes = field(repr=False)
    value: cbor.Value = field(repr=False)
    name: str

    def encode(self) -> bytes:
        """Return the deterministic encoding of [salt, value, name]."""
        return cbor.encode([self.salt, self.value, self.name])

    @property
    def digest(self) -> bytes:
        """Return the commitment: SHA-256 of the encoding, 32 bytes."""
        return hashlib.sha256(self.encode()).digest()


def decode_disclosure(data: bytes) -> Disclosure:
    """Return the disclosure that `data` is. Raises MalformedError."""
    if len(data) > DISCLOSURE_BYTES_MAX:
        msg = f"expected a disclosure of at most {DISCLOSURE_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    claim = cbor.decode(data)
    if not isinstance(claim, list) or len(claim) != _CLAIM_ELEMENTS:
        msg = "expected a disclosure [salt, value, name]"
        raise MalformedError(msg)
    salt, value, name = claim
    if not isinstance(salt, bytes) or len(salt) != SALT_BYTES:
        msg = f"expected a salt of {SALT_BYTES} bytes"
        raise MalformedError(msg)
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= COMMITMENT_NAME_BYTES_MAX:
        msg = f"expected a commitment name of 1 to {COMMITMENT_NAME_BYTES_MAX} bytes"
        raise MalformedError(msg)
    return Disclosure(salt, value, name)


def encode_disclosures(disclosures: Iterable[Disclosure]) -> bytes:
    """Return a disclosure file."""
    return cbor.encode([disclosure.encode() for disclosure in disclosures])


def decode_disclosures(data: bytes) -> tuple[Disclosure, ...]:
    """Return the disclosures of a file, no name twice. Raises MalformedError."""
    if len(data) > DISCLOSURE_FILE_BYTES_MAX:
        msg = f"expected a disclosure file of at most {DISCLOSURE_FILE_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    return disclosures_of(cbor.decode(data))


def disclosures_of(items: cbor.Value) -> tuple[Disclosure, ...]:
    """Return the disclosures of a decoded array of byte strings, no name twice. Raises MalformedError."""
    if not isinstance(items, list) or len(items) > DISCLOSURES_MAX or not all(isinstance(i, bytes) for i in items):
        msg = f"expected an array of at most {DISCLOSURES_MAX} byte strings, each a disclosure"
        raise MalformedError(msg)
    disclosures = tuple(decode_disclosure(item) for item in items)
    if len({disclosure.name for disclosure in disclosures}) != len(disclosures):
        msg = "expected each commitment to be opened once, got a name twice"
        raise MalformedError(msg)
    return disclosures


def verify_disclosure(disclosure: Disclosure, commitments: Mapping[str, bytes]) -> None:
    """Check that a disclosure opens the commitment of its name. Raises CommitmentError."""
    committed = commitments.get(disclosure.name)
    if committed is None:
        msg = f"expected a commitment named {disclosure.name!r} in the record, got none"
        raise CommitmentError(msg)
    if committed != disclosure.digest:
        msg = f"expected {disclosure.name!r} to open {committed.hex()}, got {disclosure.digest.hex()}"
        raise CommitmentError(msg)
