"""Checkpoints: signed tree heads as notes (C2SP tlog-checkpoint).

The text is the log's origin, the tree size and the root hash, one line each. `open_checkpoint` is the way in for a
relying party: bytes and trusted keys in, a checkpoint out whose log signature and cosignatures verified, or an error.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.errors import MalformedError, MismatchError, UnknownKeyError
from glasslog.keys import Signer
from glasslog.limits import CHECKPOINT_EXTENSION_LINES_MAX, TREE_SIZE_MAX
from glasslog.merkle import EMPTY_ROOT, HASH_SIZE, Hash, TreeSize
from glasslog.note import Note, VerifiedSignature, decode_note, sign_note, verify_note
from glasslog.vkey import TYPE_COSIGNATURE_ED25519, TYPE_ED25519, VerifierKey, decode_base64

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: origin, number of entries, root hash (32 bytes), and others' extension lines, kept as they were."""

    origin: str
    size: TreeSize
    root: Hash
    extensions: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return the note text."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class TrustedCheckpoint:
    """A checkpoint that a trusted log key signed, with the cosignatures by trusted witnesses that it carries."""

    checkpoint: Checkpoint
    note: Note
    log_signatures: tuple[VerifiedSignature, ...]
    cosignatures: tuple[VerifiedSignature, ...]


def decode_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is. Raises MalformedError."""
    lines = text.split("\n")
    if len(lines) < _LINES_MIN + 1 or lines.pop() or not all(lines):
        msg = "expected a checkpoint of three or more non-empty lines, each ended by a newline"
        raise MalformedError(msg)
    origin, size, root, *extensions = lines
    if not _DECIMAL.fullmatch(size) or int(size) > TREE_SIZE_MAX:
        msg = "expected a tree size in decimal, from 0 to 2^63-1, without leading zeros"
        raise MalformedError(msg)
    if len(extensions) > CHECKPOINT_EXTENSION_LINES_MAX:
        msg = f"expected at most {CHECKPOINT_EXTENSION_LINES_MAX} extension lines, got {len(extensions)}"
        raise MalformedError(msg)
    root_hash = decode_base64(root, "root hash")
    if len(root_hash) != HASH_SIZE:
        msg = f"expected a root hash of {HASH_SIZE} bytes, got {len(root_hash)}"
        raise MalformedError(msg)
    if int(size) == 0 and root_hash != EMPTY_ROOT:
        msg = f"expected the root {EMPTY_ROOT.hex()} for an empty tree, got {root_hash.hex()}"
        raise MalformedError(msg)
    return Checkpoint(origin, TreeSize(int(size)), Hash(root_hash), tuple(extensions))


def open_checkpoint(
    data: bytes, log_keys: Sequence[VerifierKey], witness_keys: Sequence[VerifierKey] = ()
) -> TrustedCheckpoint:
    """Return the checkpoint in a note that one of `log_keys` signed for its own origin.

    `log_keys` are of type 0x01, and the name of the one that signed must be the origin. A log's key never counts as a
    witness. Raises MalformedError, UnknownKeyError, SignatureError, MismatchError.
    """
    note = decode_note(data)
    checkpoint = decode_checkpoint(note.text)
    log_public_keys = {key.public_key for key in log_keys}
    witnesses = [
        key
        for key in witness_keys
        if key.signature_type == TYPE_COSIGNATURE_ED25519 and key.public_key not in log_public_keys
    ]
    verified = verify_note(note, [*log_keys, *witnesses])
    by_log = tuple(line for line in verified if line.key.signature_type == TYPE_ED25519)
    if not by_log:
        msg = f"expected a signature by the log {', '.join(key.name for key in log_keys)}, got cosignatures alone"
        raise UnknownKeyError(msg)
    if checkpoint.origin not in {line.key.name for line in by_log}:
        msg = f"expected the origin {by_log[0].key.name}, got {checkpoint.origin}"
        raise MismatchError(msg)
    cosignatures = tuple(line for line in verified if line.key.signature_type == TYPE_COSIGNATURE_ED25519)
    return TrustedCheckpoint(checkpoint, note, by_log, cosignatures)


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """Return the signed note of a checkpoint, one 0x01 line a signer, named by the origin."""
    text = checkpoint.encode()
    return Note(text, tuple(sign_note(text, checkpoint.origin, signer) for signer in signers)).encode()
