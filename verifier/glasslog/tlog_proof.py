"""Offline proofs of logging in one text file (C2SP tlog-proof).

The file holds the index of an entry, its inclusion path, and a checkpoint with its cosignatures, verbatim. The entry
itself travels apart; what hashes it is the application's matter.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glasslog.checkpoint import TrustedCheckpoint, open_checkpoint
from glasslog.errors import MalformedError
from glasslog.limits import PROOF_HASHES_MAX, TLOG_PROOF_BYTES_MAX, TLOG_PROOF_EXTRA_BYTES_MAX, TREE_SIZE_MAX
from glasslog.merkle import HASH_SIZE, Hash, LeafIndex, verify_inclusion
from glasslog.vkey import VerifierKey, decode_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
_EXTRA_PREFIX: Final = "extra "


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An offline proof, unchecked: leaf index, path (the leaf's sibling first), the signed checkpoint's bytes.

    `extra` is opaque and not authenticated; None when the file has no such line.
    """

    index: LeafIndex
    path: tuple[Hash, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encode(self) -> bytes:
        """Return the file's bytes."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(_EXTRA_PREFIX + base64.b64encode(self.extra).decode())
        lines.append(f"index {self.index}")
        lines.extend(base64.b64encode(element).decode() for element in self.path)
        return "".join(f"{line}\n" for line in (*lines, "")).encode() + self.checkpoint

    def verify(
        self, leaf: Hash, log_keys: Sequence[VerifierKey], witness_keys: Sequence[VerifierKey] = ()
    ) -> TrustedCheckpoint:
        """Check that a log which holds one of `log_keys` signed a tree with `leaf` at `index`; return that checkpoint.

        The order is the specification's: log signature and origin, cosignatures, inclusion. Whether the cosignatures
        are enough is for `glasslog.policy` to say. Raises MalformedError, UnknownKeyError, SignatureError,
        MismatchError, ProofError.
        """
        trusted = open_checkpoint(self.checkpoint, log_keys, witness_keys)
        verify_inclusion(leaf, self.index, trusted.checkpoint.size, self.path, trusted.checkpoint.root)
        return trusted


def decode_tlog_proof(data: bytes) -> TlogProof:
    """Return the proof that `data` is; the checkpoint in it is not parsed yet. Raises MalformedError."""
    if len(data) > TLOG_PROOF_BYTES_MAX:
        msg = f"expected a tlog-proof of at most {TLOG_PROOF_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    head, separator, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        msg = "expected ASCII before the checkpoint of a tlog-proof"
        raise MalformedError(msg) from error
    if not separator or lines.pop(0) != HEADER:
        msg = f"expected {HEADER} as the first line, and an empty line before the checkpoint"
        raise MalformedError(msg)
    extra = None
    if lines and lines[0].startswith(_EXTRA_PREFIX):
        extra = decode_base64(lines.pop(0).removeprefix(_EXTRA_PREFIX), "extra line")
        if len(extra) > TLOG_PROOF_EXTRA_BYTES_MAX:
            msg = f"expected extra data of at most {TLOG_PROOF_EXTRA_BYTES_MAX} bytes, got {len(extra)}"
            raise MalformedError(msg)
    index = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if index is None or int(index[1]) > TREE_SIZE_MAX:
        msg = "expected a line with the index of the entry, in decimal without leading zeros"
        raise MalformedError(msg)
    if len(lines) > PROOF_HASHES_MAX:
        msg = f"expected an inclusion path of at most {PROOF_HASHES_MAX} hashes, got {len(lines)}"
        raise MalformedError(msg)
    path = tuple(_decode_hash(line) for line in lines)
    return TlogProof(LeafIndex(int(index[1])), path, checkpoint, extra)


def _decode_hash(line: str) -> Hash:
    element = decode_base64(line, "inclusion path")
    if len(element) != HASH_SIZE:
        msg = f"expected path elements of {HASH_SIZE} bytes, got {len(element)}"
        raise MalformedError(msg)
    return Hash(element)
