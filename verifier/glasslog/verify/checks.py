"""The checks that steps are made of: each raises, or returns what it established and what it found.

A check takes values that earlier ones established, so its arguments say what it depends on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, TrustedCheckpoint, open_checkpoint
from glasslog.commitments import Disclosure, decode_disclosure, decode_disclosures, verify_disclosure
from glasslog.counting import counted
from glasslog.errors import (
    CommitmentError,
    GlasslogError,
    MalformedError,
    MismatchError,
    UncheckableError,
    UnknownKeyError,
    VerificationError,
)
from glasslog.fork import Fork, ForkEvidence, SignedTree, open_signed_tree
from glasslog.keys import PublicKey
from glasslog.merkle import Hash, root_before, root_from_inclusion_proof, verify_inclusion
from glasslog.policy import Policy, show_name
from glasslog.receipt import InclusionProof, Receipt, decode_receipt
from glasslog.records import Record, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement
from glasslog.tlog_proof import TlogProof
from glasslog.verify.chain import Chain
from glasslog.verify.report import Check
from glasslog.verify.steps import Passed, Skipped
from glasslog.vkey import VerifierKey

FORMAT: Final = Check("format", "The file is well formed", "docs/formats.md")
STATEMENT: Final = Check("statement", "Statement and record have their form", "RFC 9943, Signed Statements")
ENTRY_ID: Final = Check("entry-id", "The entry has this id", "RFC 9162 section 2.1.1")
CHECKPOINT: Final = Check("checkpoint", "The log signed the checkpoint", "C2SP tlog-checkpoint")
QUORUM: Final = Check("quorum", "Enough witnesses cosigned the checkpoint", "C2SP tlog-policy")
INCLUSION: Final = Check("inclusion", "The checkpoint's tree holds the entry", "RFC 9162 section 2.1.3.2")
RECEIPT: Final = Check("receipt", "The log's receipt is for this entry", "RFC 9942, Receipts of Inclusion")
AUTHORITY: Final = Check("authority", "The operator's policy is in the log", "RFC 9943, Registration Policies")
ISSUER_KEY: Final = Check("issuer-key", "The issuer's key was registered before", "RFC 9943, Registration")
SIGNATURE: Final = Check("signature", "The issuer signed the statement", "RFC 9052 section 4.4")
DISCLOSURES: Final = Check("disclosures", "The disclosures open commitments", "SD-CWT, salted disclosed claims")
FORK: Final = Check("fork", "The log signed two trees that contradict each other", "RFC 9162 section 2.1.4")

_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the relying party trusts: the keys of logs (type 0x01), a policy on witnesses, the key of an issuer."""

    log_keys: tuple[VerifierKey, ...]
    policy: Policy | None = None
    issuer_key: PublicKey | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the relying party brings to a file: a statement, an entry id to be shown, a disclosure file.

    `erasures` are files of any verifiable type, each with an erasure record that may name commitments of this one.
    """

    statement: bytes | None = field(default=None, repr=False)
    entry_id: Hash | None = None
    disclosures: bytes | None = field(default=None, repr=False)
    erasures: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the disclosures opened, and the names of the commitments that stay closed."""

    disclosures: tuple[Disclosure, ...]
    closed: tuple[str, ...]


def check_record(statement: SignedStatement) -> Passed[Record | None]:
    """Check a record against the schema of its type. Content of other types has no schema here."""
    if statement.content_type != CONTENT_TYPE_RECORD:
        return Passed(None, f"{statement.content_type} by {statement.issuer}, whose content is not looked at")
    record = decode_record(statement.payload)
    return Passed(record, f"a record of type {record.type} by {statement.issuer}")


def check_entry_id(leaf: Hash, *asked: Hash | None) -> Passed[None]:
    """Compare the leaf hash with every entry id that was asked for."""
    for entry_id in asked:
        if entry_id is not None and entry_id != leaf:
            msg = f"expected the entry {entry_id.hex()}, got {leaf.hex()}"
            raise MismatchError(msg)
    return Passed(None, leaf.hex())


def check_checkpoint(data: bytes, log_keys: Sequence[VerifierKey]) -> Passed[TrustedCheckpoint]:
    """Check that a trusted log signed a checkpoint for its own origin."""
    if not log_keys:
        msg = "no key of a log was given"
        raise UncheckableError(msg)
    trusted = open_checkpoint(data, log_keys)
    head = trusted.checkpoint
    return Passed(trusted, f"{head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}")


def check_signed_tree(tree: SignedTree, log_keys: Sequence[VerifierKey]) -> Passed[Checkpoint]:
    """Check that a trusted log signed a tree head, as a checkpoint or for receipts."""
    if not log_keys:
        msg = "no key of a log was given"
        raise UncheckableError(msg)
    head = open_signed_tree(tree, log_keys)
    return Passed(head, f"{head.origin}, {counted(head.size, 'entries')}, root {head.root.hex()}")


def check_quorum(
    checkpoint: TrustedCheckpoint, log_keys: Sequence[VerifierKey], policy: Policy
) -> Passed[tuple[str, ...]]:
    """Check a verified checkpoint against the relying party's policy; return the names of the cosigners."""
    opened = open_checkpoint(checkpoint.note.encode(), log_keys, policy.witness_keys)
    cosigners = tuple(show_name(witness.name) for witness in policy.verify(opened))
    return Passed(cosigners, f"cosigned by {', '.join(cosigners) or 'nobody, and the policy asks for nobody'}")


def check_inclusion(proof: TlogProof, leaf: Hash, checkpoint: TrustedCheckpoint) -> Passed[TlogProof]:
    """Check the path from the entry to the root of the signed tree."""
    head = checkpoint.checkpoint
    verify_inclusion(leaf, proof.index, head.size, proof.path, head.root)
    return Passed(proof, f"entry {proof.index} of {head.size}")


def check_fork(evidence: ForkEvidence, log_keys: Sequence[VerifierKey]) -> Passed[Fork]:
    """Check that a trusted log signed both heads, and that the newer tree does not begin with the older one."""
    if not log_keys:
        msg = "no key of a log was given"
        raise UncheckableError(msg)
    fork = evidence.verify(log_keys)
    older, newer = fork.older, fork.newer
    found = f"{older.origin} signed {older.root.hex()} at size {older.size}, and at {newer.size} a tree that had there"
    return Passed(fork, f"{found} {fork.prefix_root.hex()}")


def check_receipt(data: bytes, leaf: Hash, log_keys: Sequence[VerifierKey]) -> Passed[Receipt]:
    """Check a receipt of inclusion: the path, and the signature over the root it leads to."""
    if not log_keys:
        msg = "no key of a log was given"
        raise UncheckableError(msg)
    receipt = decode_receipt(data)
    proof = inclusion_proof(receipt)
    keys = [key for key in log_keys if receipt.kid in {None, key.public_key.kid}]
    if receipt.kid is not None and not keys:
        names = ", ".join(key.name for key in log_keys)
        msg = f"expected a receipt by {names}, got one with the kid {receipt.kid.hex()}"
        raise UnknownKeyError(msg)
    for key in keys[:-1]:  # without a kid, only trying tells; the last key's error is the one to report
        try:
            receipt.verify_inclusion(leaf, key.public_key)
        except VerificationError:
            continue
        return Passed(receipt, f"entry {proof.index} of {proof.size}, signed by {key.name}")
    receipt.verify_inclusion(leaf, keys[-1].public_key)
    return Passed(receipt, f"entry {proof.index} of {proof.size}, signed by {keys[-1].name}")


def inclusion_proof(receipt: Receipt) -> InclusionProof:
    """Return the proof of a receipt of inclusion. Raises MismatchError for one of consistency."""
    if not isinstance(receipt.proof, InclusionProof):
        msg = "expected a receipt of inclusion, got one of consistency"
        raise MismatchError(msg)
    return receipt.proof


def check_receipts(receipts: Sequence[bytes], leaf: Hash, log_keys: Sequence[VerifierKey]) -> Passed[Receipt]:
    """Check the receipts of a Transparent Statement: one by a trusted log must be there, and all such must be right.

    Receipts of other logs may name other keys or none, and be of kinds that are not known here: they are passed over.
    """
    verified: list[Passed[Receipt]] = []
    others: list[GlasslogError] = []
    for data in receipts:
        try:
            verified.append(check_receipt(data, leaf, log_keys))
        except (MalformedError, UnknownKeyError) as error:
            others.append(error)
        except VerificationError as error:
            if decode_receipt(data).kid is not None:
                raise
            others.append(error)
    if not verified:
        raise others[0]
    passed_over = f"; {len(others)} by other logs passed over" if others else ""
    return Passed(verified[0].value, verified[0].found + passed_over)


def check_agreement(receipt: Receipt, proof: TlogProof, leaf: Hash, checkpoint: TrustedCheckpoint) -> None:
    """Check that a verified receipt and a verified tlog-proof, of trees of any two sizes, speak of the same log.

    Both must give the entry the same index and have the same entries before it: the left halves of both paths are the
    full subtrees of those entries. For trees of one size the roots must be equal. Raises MismatchError.
    """
    head = checkpoint.checkpoint
    issuer = operator_issuer(head.origin)
    if receipt.issuer not in {None, issuer}:
        msg = f"expected a receipt of {issuer}, got one of {receipt.issuer}"
        raise MismatchError(msg)
    own = inclusion_proof(receipt)
    if own.index != proof.index:
        msg = f"expected the receipt to be for index {proof.index}, got {own.index}"
        raise MismatchError(msg)
    before, own_before = root_before(proof.index, head.size, proof.path), root_before(own.index, own.size, own.path)
    if before != own_before:
        msg = (
            f"expected the same {own.index} entries before this one, got two trees: {before.hex()}, {own_before.hex()}"
        )
        raise MismatchError(msg)
    root = root_from_inclusion_proof(leaf, own.index, own.size, own.path)
    if own.size == head.size and root != head.root:
        msg = (
            f"expected one root at size {own.size}, got {head.root.hex()} in the proof and {root.hex()} in the receipt"
        )
        raise MismatchError(msg)


def check_issuer_key(
    statement: SignedStatement,
    record: Record | None,
    proof: TlogProof,
    receipt: Receipt,
    chain: Chain,
    pinned: PublicKey | None,
) -> Passed[PublicKey]:
    """Check that the operator had registered the signing key for this issuer, and that the policy admits the entry.

    The key is judged at the log's own time of inclusion, the receipt's iat, by entries of a lower index. It must be
    `pinned` when the relying party knows the issuer's key already.
    """
    if receipt.time is None:
        msg = "the receipt does not say when the entry was included"
        raise UncheckableError(msg)
    authority = chain.before(proof.index)
    key = authority.key_for(statement.issuer, statement.kid, receipt.time * _MS_PER_S)
    authority.check_admissible(statement, record)
    if pinned is not None and pinned != key:
        msg = f"expected the issuer key with kid {pinned.kid.hex()}, got {key.kid.hex()}"
        raise MismatchError(msg)
    registered = authority.keys.get(statement.kid)
    where = f"registered by entry {registered.registered_at}" if registered else "the operator's own key"
    return Passed(key, f"kid {key.kid.hex()}, {where}")


def check_signature(statement: SignedStatement, key: PublicKey | None) -> Passed[None]:
    """Check the issuer's signature with a key that was established before, or that the relying party has."""
    if key is None:
        msg = f"no key of the issuer was given, and this file does not show which one {statement.issuer} has"
        raise UncheckableError(msg)
    statement.verify(key)
    return Passed(None, f"signed by {statement.issuer}")


def check_disclosures(record: Record | None, encoded: Sequence[bytes], file: bytes | None) -> Passed[Opened] | Skipped:
    """Check that every disclosure, of the bundle and of a disclosure file, opens the commitment of its name."""
    given = [*map(decode_disclosure, encoded), *(decode_disclosures(file) if file is not None else ())]
    disclosures = tuple({disclosure.digest: disclosure for disclosure in given}.values())
    commitments: Mapping[str, bytes] = record.commitments if record is not None else {}
    if not disclosures:
        closed = ", ".join(commitments)
        return Skipped(f"none were given; commitments that stay closed: {closed}" if closed else "nothing to open")
    if record is None:
        msg = "disclosures were given, but no commitments are known in content that is not a record"
        raise UncheckableError(msg)
    outcomes = [(disclosure.name, _outcome(disclosure, commitments)) for disclosure in disclosures]
    if any(outcome for _, outcome in outcomes):
        listed = "; ".join(outcome or f"{name!r} opened" for name, outcome in outcomes)
        msg = f"expected every disclosure to open the commitment of its name, got {listed}"
        raise CommitmentError(msg)
    names = [name for name, _ in outcomes]
    closed_names = tuple(name for name in commitments if name not in names)
    found = f"opened: {', '.join(names)}; still closed: {', '.join(closed_names) or 'none'}"
    return Passed(Opened(disclosures, closed_names), found)


def _outcome(disclosure: Disclosure, commitments: Mapping[str, bytes]) -> str | None:
    """Return what is wrong with a disclosure, or None."""
    try:
        verify_disclosure(disclosure, commitments)
    except CommitmentError as error:
        return str(error)
    return None
