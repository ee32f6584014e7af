"""What became of a submitted statement, and the proof of it.

A log answers with a receipt: an inclusion proof and its signature over the tree's root. `check_receipt` verifies it
with the log's own key, so that an issuer need not believe that its statement is in the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from glasslog.authority import operator_issuer
from glasslog.errors import GlasslogError, MismatchError, UnknownKeyError
from glasslog.merkle import LeafIndex
from glasslog.receipt import InclusionProof, Receipt
from glasslog.statement import SignedStatement, TransparentStatement
from glasslog.vkey import VerifierKey
from glasslog_issuer.errors import SubmissionError


@dataclass(frozen=True, slots=True)
class Registered:
    """A statement that is in the log, at `index`.

    `receipt` is the log's signed proof. `verified` says whether it was checked with a key of the log, or only read.
    `duplicate` is None where the log does not say whether it had the statement already.
    """

    statement: SignedStatement
    index: LeafIndex
    receipt: Receipt = field(repr=False)
    verified: bool = False
    duplicate: bool | None = None

    @property
    def entry_id(self) -> str:
        """Return the entry id: the leaf hash in lowercase hex."""
        return self.statement.leaf_hash.hex()

    def transparent_statement(self) -> bytes:
        """Return the statement with its receipt: what a relying party is given."""
        return TransparentStatement(self.statement, (self.receipt.encode(),)).encode()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A statement of a batch that is not known to be in the log, and why.

    `error` is a RefusedError, an UnavailableError for a statement that may be sent again later, a BrokenAnswerError,
    or, from `glasslog.errors`, what is wrong with the receipt that came for it.
    """

    statement: SignedStatement
    error: SubmissionError | GlasslogError


Outcome: TypeAlias = Registered | Rejected


def check_receipt(receipt: Receipt, statement: SignedStatement, log_keys: Sequence[VerifierKey]) -> InclusionProof:
    """Check that a log which holds one of `log_keys` has signed for the statement; return the proof.

    The receipt must be of inclusion, by a key that its kid names, and in the name of that key's log. Raises
    MismatchError, UnknownKeyError, ProofError, SignatureError.
    """
    keys = [key for key in log_keys if receipt.kid in {None, key.public_key.kid}]
    if not keys:
        expected = ", ".join(key.name for key in log_keys)
        msg = f"expected a receipt by a key of {expected}, got one by kid {(receipt.kid or b'').hex()}"
        raise UnknownKeyError(msg)
    names = {operator_issuer(key.name): key for key in keys}
    key = keys[0] if receipt.issuer is None else names.get(receipt.issuer)
    if key is None:
        msg = f"expected a receipt of {', '.join(names)}, got one of {receipt.issuer!r:.200}"
        raise MismatchError(msg)
    receipt.verify_inclusion(statement.leaf_hash, key.public_key)
    return inclusion_of(receipt)


def inclusion_of(receipt: Receipt) -> InclusionProof:
    """Return the inclusion proof of a receipt. Raises MismatchError for a receipt of consistency."""
    if not isinstance(receipt.proof, InclusionProof):
        raise MismatchError("expected a receipt of inclusion, got one of consistency")
    return receipt.proof
