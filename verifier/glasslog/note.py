"""Signed notes: a text and the signatures under it (C2SP signed-note).

A note is parsed without trust; `verify_note` then tells which of the keys a caller trusts have signed it. Lines by
unknown keys are ignored, a bad line by a known key refuses the whole note, and so does the absence of any line by a
known key.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.errors import MalformedError, SignatureError, UnknownKeyError
from glasslog.keys import SIGNATURE_BYTES, Signer
from glasslog.limits import NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX
from glasslog.vkey import (
    KEY_ID_BYTES,
    TYPE_COSIGNATURE_ED25519,
    TYPE_ED25519,
    VerifierKey,
    check_key_name,
    decode_base64,
)

COSIGNATURE_TIME_BYTES: Final = 8
_DASH: Final = "\u2014 "
_CONTROLS: Final = frozenset(map(chr, range(0x20))) - {"\n"} | {"\x7f"}
_COSIGNATURE_TIME_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the name and the 4-byte id of a key, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        """Return the line with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `text` ends in a newline; the signatures are in the order of their lines, unchecked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """Return the note's bytes, UTF-8."""
        return (self.text + "\n" + "".join(line.encode() for line in self.signatures)).encode()


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that verified. `time` is the POSIX second of a cosignature, None for a plain signature."""

    key: VerifierKey
    time: int | None


def decode_note(data: bytes) -> Note:
    """Return the note that `data` is. Raises MalformedError."""
    if len(data) > NOTE_BYTES_MAX:
        msg = f"expected a note of at most {NOTE_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        msg = "expected a note in UTF-8"
        raise MalformedError(msg) from error
    if not _CONTROLS.isdisjoint(content):
        msg = "expected a note without control characters other than newline"
        raise MalformedError(msg)
    text, separator, block = content.rpartition("\n\n")
    if not separator or not text or not block.endswith("\n"):
        msg = "expected a note: text, an empty line, signature lines, each ended by a newline"
        raise MalformedError(msg)
    lines = block[:-1].split("\n")
    if len(lines) > NOTE_SIGNATURES_MAX:
        msg = f"expected at most {NOTE_SIGNATURES_MAX} signature lines, got {len(lines)}"
        raise MalformedError(msg)
    return Note(text + "\n", tuple(map(decode_signature_line, lines)))


def decode_signature_line(line: str) -> NoteSignature:
    """Return the signature of one line without its newline. Raises MalformedError."""
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        msg = "expected a signature line: an em dash, a key name and base64, parted by one space"
        raise MalformedError(msg)
    check_key_name(name)
    value = decode_base64(encoded, "signature line")
    if len(value) <= KEY_ID_BYTES:
        msg = f"expected a signature after the key id of {KEY_ID_BYTES} bytes, got {len(value)} bytes in all"
        raise MalformedError(msg)
    return NoteSignature(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """Return the signatures by `keys`, all verified, one for each key at most.

    Raises SignatureError when a line of a known key fails, UnknownKeyError when no known key signed.
    """
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, VerifiedSignature] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        result = _verify_line(note.text, line, key)
        verified.setdefault(key, result)
    if not verified:
        expected = ", ".join(str(key) for key in keys) or "none"
        msg = f"expected a signature by one of the trusted keys ({expected}), got none"
        raise UnknownKeyError(msg)
    return tuple(verified.values())


def _verify_line(text: str, line: NoteSignature, key: VerifierKey) -> VerifiedSignature:
    signature, message, time = line.signature, text.encode(), None
    if key.signature_type == TYPE_COSIGNATURE_ED25519:
        if len(signature) != COSIGNATURE_TIME_BYTES + SIGNATURE_BYTES:
            msg = f"expected a cosignature of {COSIGNATURE_TIME_BYTES + SIGNATURE_BYTES} bytes, got {len(signature)}"
            raise SignatureError(msg)
        time = int.from_bytes(signature[:COSIGNATURE_TIME_BYTES], "big")
        if time > _COSIGNATURE_TIME_MAX:
            msg = f"expected a cosignature time below 2^63, got {time}"
            raise SignatureError(msg)
        signature, message = signature[COSIGNATURE_TIME_BYTES:], cosigned_bytes(text, time)
    try:
        key.public_key.verify(signature, message)
    except SignatureError as error:
        msg = f"expected the line of {key.name} ({key.key_id.hex()}) to verify over the note, got a bad signature"
        raise SignatureError(msg) from error
    return VerifiedSignature(key, time)


def cosigned_bytes(text: str, time: int) -> bytes:
    """Return what an Ed25519 cosignature at POSIX second `time` is over (C2SP tlog-cosignature)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def sign_note(text: str, name: str, signer: Signer) -> NoteSignature:
    """Return the 0x01 signature line of `name` over `text`."""
    key = VerifierKey(name, TYPE_ED25519, signer.public_key)
    return NoteSignature(name, key.key_id, signer.sign(text.encode()))
