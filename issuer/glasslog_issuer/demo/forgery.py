"""Play the one who wants other evidence than there is: alter a bundle in the three places where it could matter.

Each forgery is as good as it gets without a private key. All of them are well formed, so it is never the decoder that
finds them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from glasslog import cbor
from glasslog.bundle import AuthorityEntry, Bundle
from glasslog.checkpoint import Checkpoint, decode_checkpoint, sign_checkpoint
from glasslog.cose import EMPTY_MAP, Sign1
from glasslog.keys import Signer
from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_children
from glasslog.note import decode_note
from glasslog.receipt import InclusionProof, decode_receipt, encode_receipt, encode_receipt_header, signed_root_bytes
from glasslog.statement import SignedStatement, decode_statement
from glasslog.tlog_proof import TlogProof, decode_tlog_proof

FLATTERING_LABEL: Final = "routine-follow-up"
OTHER_LABEL: Final = "offer-hba1c-test"


def with_altered_record(bundle: Bundle) -> Bundle:
    """Return the bundle with another decision in the record; the issuer's signature stays what it was."""
    statement = decode_statement(bundle.statement)
    fields = cbor.decode(statement.payload)
    decision = fields["body"]["decision"]
    decision["label"] = OTHER_LABEL if decision["label"] == FLATTERING_LABEL else FLATTERING_LABEL
    altered = Sign1(statement.protected, EMPTY_MAP, cbor.encode(fields), statement.signature)
    return replace(bundle, statement=altered.encode())


def with_altered_proof(bundle: Bundle) -> Bundle:
    """Return the bundle with one bit of the inclusion path turned over."""
    proof = decode_tlog_proof(bundle.proof)
    sibling, *others = proof.path
    flipped = Hash(bytes((sibling[0] ^ 1,)) + sibling[1:])
    return replace(bundle, proof=replace(proof, path=(flipped, *others)).encode())


def with_forged_checkpoint(bundle: Bundle, forger: Signer) -> Bundle:
    """Return the bundle in a tree of the forger's own, under the log's name.

    The tree holds the bundle's entries and nothing else. Every proof in it is right, receipt and checkpoint are signed,
    the operator's own entries are there: all that is missing is the log's key.
    """
    statements = [decode_statement(entry.statement) for entry in bundle.authority]
    statements.append(decode_statement(bundle.statement))
    leaves = [statement.leaf_hash for statement in statements]
    genuine = decode_checkpoint(decode_note(decode_tlog_proof(bundle.proof).checkpoint).text)
    checkpoint = replace(genuine, size=TreeSize(len(leaves)), root=_root(leaves))
    note = sign_checkpoint(checkpoint, [forger])
    *authority, last = (
        (statement, TlogProof(LeafIndex(index), _path(index, leaves), note))
        for index, statement in enumerate(statements)
    )
    return replace(
        bundle,
        proof=last[1].encode(),
        receipt=_receipt(bundle.receipt, last[1], checkpoint, forger),
        authority=tuple(_authority_entry(statement, proof) for statement, proof in authority),
    )


def _authority_entry(statement: SignedStatement, proof: TlogProof) -> AuthorityEntry:
    return AuthorityEntry(statement.entry, proof.encode())


def _receipt(genuine: bytes, proof: TlogProof, checkpoint: Checkpoint, forger: Signer) -> bytes:
    """Return a receipt with the claims of the genuine one, by the forger."""
    claims = decode_receipt(genuine)
    protected = encode_receipt_header(
        forger.public_key, issuer=claims.issuer or "", subject=claims.subject or "", time=claims.time or 0
    )
    signature = forger.sign(signed_root_bytes(protected, checkpoint.root))
    return encode_receipt(protected, InclusionProof(checkpoint.size, proof.index, proof.path), signature)


def _root(leaves: Sequence[Hash]) -> Hash:
    """Return the root of a tree of one leaf or more (RFC 9162 section 2.1.1)."""
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return hash_children(_root(leaves[:split]), _root(leaves[split:]))


def _path(index: int, leaves: Sequence[Hash]) -> tuple[Hash, ...]:
    """Return the inclusion path of a leaf, its sibling first (RFC 9162 section 2.1.3.1)."""
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*_path(index, leaves[:split]), _root(leaves[split:]))
    return (*_path(index - split, leaves[split:]), _root(leaves[:split]))


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
