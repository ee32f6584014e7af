"""Check kept tree heads: the signed note and the receipts' signature, against the root that the entries lead to."""

from collections.abc import Sequence
from dataclasses import dataclass

from glasslog.authority import operator_issuer
from glasslog.checkpoint import open_checkpoint
from glasslog.errors import GlasslogError
from glasslog.keys import PublicKey
from glasslog.merkle import Hash
from glasslog.receipt import ConsistencyProof, decode_receipt, encode_receipt, signed_root_bytes
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.fsck.findings import Findings, Kind
from glasslog_server.storage.store import TreeHead


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The name of a log and the keys that it may sign a head with."""

    origin: str
    keys: Sequence[PublicKey]


def check_head(head: TreeHead, root: Hash, previous: TreeHead | None, log_keys: LogKeys, findings: Findings) -> None:
    """Take note of what is wrong with one head. `root` was computed from the entries, `previous` is the head before."""
    if head.root != root:
        message = f"expected the root {root.hex()} at size {head.size}, got {head.root.hex()}"
        findings.add(Kind.HEAD_ROOT, head.size, message)
    if previous is not None and head.time < previous.time:
        message = f"expected a time of {previous.time} or later at size {head.size}, got {head.time}"
        findings.add(Kind.HEAD_ORDER, head.size, message)
    _check_note(head, root, log_keys, findings)
    _check_receipt_signature(head, root, log_keys, findings)


def _check_note(head: TreeHead, root: Hash, log_keys: LogKeys, findings: Findings) -> None:
    verifier_keys = [VerifierKey(log_keys.origin, TYPE_ED25519, key) for key in log_keys.keys]
    try:
        checkpoint = open_checkpoint(head.note, verifier_keys).checkpoint
    except GlasslogError as error:
        findings.add(Kind.HEAD_NOTE, head.size, f"expected a checkpoint signed by the log at size {head.size}: {error}")
        return
    if (checkpoint.size, checkpoint.root) != (head.size, root):
        message = (
            f"expected a checkpoint of size {head.size} and root {root.hex()}, "
            f"got size {checkpoint.size} and root {checkpoint.root.hex()}"
        )
        findings.add(Kind.HEAD_NOTE, head.size, message)


def _check_receipt_signature(head: TreeHead, root: Hash, log_keys: LogKeys, findings: Findings) -> None:
    """Check what every receipt at this size consists of but its path, by the decoder that relying parties use."""
    try:
        any_proof = ConsistencyProof(head.size, head.size, ())  # carries the header through the decoder
        receipt = decode_receipt(encode_receipt(head.receipt_protected, any_proof, head.receipt_signature))
        named = next((key for key in log_keys.keys if key.kid == receipt.kid), None)
        if named is None or (receipt.issuer, receipt.time) != (operator_issuer(log_keys.origin), head.time):
            message = f"expected receipts by a key of the log, in its name and of time {head.time} at size {head.size}"
            findings.add(Kind.HEAD_RECEIPT, head.size, message)
            return
        named.verify(head.receipt_signature, signed_root_bytes(head.receipt_protected, root))
    except GlasslogError as error:
        message = f"expected a signature for receipts at size {head.size} that verifies: {error}"
        findings.add(Kind.HEAD_RECEIPT, head.size, message)
