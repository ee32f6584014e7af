"""Verifier keys of signed notes: the one line of text that a relying party has to be given (C2SP signed-note).

`name+<8 hex of key id>+base64(type || public key)`. A key verifies the note signatures that carry its name and its id.
Types handled: 0x01 Ed25519 over the note's text, 0x04 Ed25519 cosignatures with a timestamp (C2SP tlog-cosignature).
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from glasslog.errors import MalformedError, UncheckableError
from glasslog.keys import PublicKey
from glasslog.limits import KEY_NAME_BYTES_MAX

TYPE_ED25519: Final = 0x01
TYPE_COSIGNATURE_ED25519: Final = 0x04
TYPE_COSIGNATURE_ML_DSA_44: Final = 0x06
KEY_ID_BYTES: Final = 4

_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")
_VKEY_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named key for note signatures of one type (0x01 or 0x04)."""

    name: str
    signature_type: int
    public_key: PublicKey

    def __post_init__(self) -> None:
        """Refuse names and types that no signature line can carry."""
        check_key_name(self.name)
        if self.signature_type not in {TYPE_ED25519, TYPE_COSIGNATURE_ED25519}:
            msg = f"expected a key of type 0x01 or 0x04, got 0x{self.signature_type:02x}"
            raise MalformedError(msg)

    @property
    def key_id(self) -> bytes:
        """Return the first 4 bytes of SHA-256(name || 0x0A || type || public key)."""
        hashed = self.name.encode() + b"\n" + bytes((self.signature_type,)) + self.public_key.raw
        return hashlib.sha256(hashed).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return the vkey text."""
        material = bytes((self.signature_type,)) + self.public_key.raw
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(material).decode()}"


def decode_vkey(text: str) -> VerifierKey:
    """Return the key that a vkey text names. Raises MalformedError; UncheckableError for ML-DSA-44 keys."""
    parts = text.split("+", 2)  # base64 may hold a plus, a name may not
    if len(parts) != _VKEY_PARTS or not _KEY_ID.fullmatch(parts[1]):
        msg = "expected a verifier key name+<8 hex digits>+<base64>"
        raise MalformedError(msg)
    material = decode_base64(parts[2], "verifier key")
    if material[:1] == bytes((TYPE_COSIGNATURE_ML_DSA_44,)):
        msg = "cannot verify ML-DSA-44 cosignatures (type 0x06)"
        raise UncheckableError(msg)
    key = VerifierKey(parts[0], material[0] if material else 0, PublicKey(material[1:]))
    if key.key_id.hex() != parts[1]:
        msg = f"expected the key id {key.key_id.hex()} for this name and key, got {parts[1]}"
        raise MalformedError(msg)
    return key


@lru_cache(maxsize=64)  # a log has one name, in every note
def check_key_name(name: str) -> None:
    """Refuse a key name that is empty, too long, or holds white space, control characters or a plus."""
    usable = 1 <= len(name.encode("utf-8", "replace")) <= KEY_NAME_BYTES_MAX and "+" not in name
    if not usable or any(character.isspace() or unicodedata.category(character)[0] == "C" for character in name):
        msg = f"expected a key name of 1 to {KEY_NAME_BYTES_MAX} bytes without white space, controls or a plus"
        raise MalformedError(msg)


def decode_base64(text: str, what: str) -> bytes:
    """Return the bytes of canonical standard base64 with padding. Raises MalformedError naming `what`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"expected standard base64 in the {what}"
        raise MalformedError(msg) from error
    if base64.b64encode(data).decode() != text:
        msg = f"expected canonical base64 in the {what}"
        raise MalformedError(msg)
    return data
