"""Which steps are taken for which type of file, in which order, and what such a file does not show.

Each plan reads from top to bottom as the numbered steps of its report.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from glasslog.bundle import decode_bundle
from glasslog.counting import counted
from glasslog.errors import MalformedError, UncheckableError
from glasslog.filetype import FileType
from glasslog.fork import decode_fork
from glasslog.note import decode_note
from glasslog.receipt import decode_receipt
from glasslog.statement import decode_statement, decode_transparent_statement
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.verify.case import Case

REVOCATION: Final = "whether the issuer's key was revoked, or the record corrected, after this entry: an audit tells"
COMPLETENESS: Final = "whether everything that happened was logged: an audit of the issuer's whole stream tells"
TRUTH: Final = "whether what the record says is true: a signature shows who said it"
ONE_TREE: Final = "whether everybody is shown the same tree: no quorum of witnesses was checked"
ENTITLEMENT: Final = "whether the log's operator had registered the issuer's key: an evidence bundle tells"


def plan_bundle(case: Case) -> None:
    """Verify an evidence bundle: everything that a log shows of one entry."""
    bundle = case.take_format(decode_bundle)
    case.statement = case.steps.part(lambda: decode_statement(bundle.get().statement))
    proof = case.steps.part(lambda: decode_tlog_proof(bundle.get().proof))
    case.take_statement()
    case.take_entry_id()
    case.take_checkpoint(lambda: proof.get().checkpoint)
    case.take_quorum()
    case.take_inclusion(proof)
    case.take_agreeing_receipt(lambda: bundle.get().receipt)
    case.take_authority(lambda: bundle.get().authority)
    case.take_issuer_key()
    case.take_signature(case.issuer_key.get)
    case.take_disclosures(lambda: bundle.get().disclosures)
    case.take_erasures()


def plan_transparent_statement(case: Case) -> None:
    """Verify a statement with receipts attached; the issuer's key is the relying party's to bring."""
    transparent = case.take_format(decode_transparent_statement)
    case.statement = case.steps.part(lambda: transparent.get().statement)
    case.take_statement()
    case.take_entry_id()
    case.take_receipts(lambda: transparent.get().receipts)
    case.take_signature(lambda: case.trust.issuer_key)
    case.take_disclosures()
    case.take_erasures()


def plan_receipt(case: Case) -> None:
    """Verify a receipt for a statement that the relying party brings."""
    case.take_format(decode_receipt)
    case.expect_asked_statement()
    case.take_statement()
    case.take_entry_id()
    case.take_receipt(lambda: case.data)
    case.take_signature(lambda: case.trust.issuer_key)
    case.take_disclosures()
    case.take_erasures()


def plan_tlog_proof(case: Case) -> None:
    """Verify a tlog-proof for a statement that the relying party brings."""
    proof = case.take_format(decode_tlog_proof)
    case.expect_asked_statement()
    case.take_statement()
    case.take_entry_id()
    case.take_checkpoint(lambda: proof.get().checkpoint)
    case.take_quorum()
    case.take_inclusion(proof)
    case.take_signature(lambda: case.trust.issuer_key)
    case.take_disclosures()
    case.take_erasures()


def plan_statement(case: Case) -> None:
    """Check what a statement without any proof lets one check: never verified, because nothing shows it in a log."""
    case.statement = case.take_format(decode_statement)
    case.take_statement()
    case.take_entry_id()
    case.take_inclusion(case.proof)
    case.take_signature(lambda: case.trust.issuer_key)
    case.take_disclosures()
    case.take_erasures()


def plan_checkpoint(case: Case) -> None:
    """Verify a checkpoint by itself: the log's signature and the witnesses'."""
    note = case.take_format(decode_note)
    case.take_checkpoint(lambda: note.get().encode())
    case.take_quorum()
    case.take_erasures()


def plan_fork(case: Case) -> None:
    """Verify evidence of a fork: verified means that the log did it."""
    evidence = case.take_format(decode_fork)
    case.take_signed_tree(lambda: evidence.get().older)
    case.take_signed_tree(lambda: evidence.get().newer)
    case.take_fork(evidence)


def plan_unknown(case: Case) -> None:
    """Report a file of no known type."""

    def refuse(data: bytes) -> None:
        msg = f"expected a file that Glasslog knows, got {counted(len(data), 'bytes')} without its marks"
        raise MalformedError(msg)

    case.take_format(refuse)


def plan_unverifiable(case: Case, file_type: FileType) -> None:
    """Report a file of a known type in which there is nothing to verify."""

    def refuse(_: bytes) -> None:
        msg = f"there is nothing to verify here in {file_type.one}: {file_type.place}"
        raise UncheckableError(msg)

    case.take_format(refuse)


PLANS: Final[Mapping[FileType, Callable[[Case], None]]] = MappingProxyType(
    {
        FileType.BUNDLE: plan_bundle,
        FileType.TRANSPARENT_STATEMENT: plan_transparent_statement,
        FileType.RECEIPT: plan_receipt,
        FileType.TLOG_PROOF: plan_tlog_proof,
        FileType.STATEMENT: plan_statement,
        FileType.CHECKPOINT: plan_checkpoint,
        FileType.FORK: plan_fork,
    }
)


def not_shown(file_type: FileType | None, case: Case) -> tuple[str, ...]:
    """Return what a file of this type cannot show, however right it is."""
    if file_type is FileType.FORK:
        return ()
    if file_type is FileType.CHECKPOINT:
        return () if case.cosigners.established() else (ONE_TREE,)
    if file_type is FileType.BUNDLE:
        sentences = [REVOCATION, COMPLETENESS, TRUTH]
    elif file_type in PLANS:
        sentences = [ENTITLEMENT, REVOCATION, COMPLETENESS, TRUTH]
    else:
        return ()
    return tuple(sentences) if case.cosigners.established() else (*sentences, ONE_TREE)
