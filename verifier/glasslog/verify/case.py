"""One file that is being verified: its parts, and the steps that may be taken for it.

Each `take_` method is one step: it asks for the parts that it needs, runs one check and keeps what that establishes as
a part for later steps. Which steps are taken, and in which order, is for `glasslog.verify.plans` to say.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from glasslog.bundle import AuthorityEntry
from glasslog.checkpoint import TrustedCheckpoint
from glasslog.counting import counted
from glasslog.errors import UncheckableError
from glasslog.filetype import FileType, detect
from glasslog.fork import ForkEvidence, SignedTree
from glasslog.keys import PublicKey
from glasslog.merkle import Hash
from glasslog.receipt import Receipt
from glasslog.records import Record
from glasslog.statement import SignedStatement, decode_statement, decode_transparent_statement
from glasslog.tlog_proof import TlogProof
from glasslog.verify import checks
from glasslog.verify.chain import Chain, open_chain
from glasslog.verify.checks import Asked, Opened, Trust
from glasslog.verify.erasures import ERASURES, Subject, check_erasures
from glasslog.verify.report import Erased, Report, Shown
from glasslog.verify.steps import Part, Passed, Skipped, Steps

T = TypeVar("T")


class Case:
    """A file's bytes, whom the relying party trusts, what it asks, and the steps taken so far."""

    def __init__(self, data: bytes, trust: Trust, asked: Asked, erasures: Sequence[Report] = ()) -> None:
        """Take the file's bytes and the reports on the erasures asked about; nothing else is looked at yet."""
        self.steps = Steps()
        self.data = data
        self.trust = trust
        self.asked = asked
        self.erasures = erasures
        self.statement: Part[SignedStatement] = self._missing("statement")
        self.record: Part[Record | None] = self._missing("record")
        self.leaf: Part[Hash] = self.steps.part(lambda: self.statement.get().leaf_hash)
        self.checkpoint: Part[TrustedCheckpoint] = self._missing("checkpoint")
        self.cosigners: Part[tuple[str, ...]] = self._missing("cosignatures")
        self.proof: Part[TlogProof] = self._missing("inclusion proof")
        self.receipt: Part[Receipt] = self._missing("receipt")
        self.chain: Part[Chain] = self._missing("authority chain")
        self.issuer_key: Part[PublicKey] = self._missing("issuer key")
        self.opened: Part[Opened] = self._missing("disclosures")
        self.erased: Part[tuple[Erased, ...]] = self._missing("erasures")

    def _missing(self, what: str) -> Part[T]:
        """Return a part that this file does not have."""

        def make() -> T:
            msg = f"no {what} was given"
            raise UncheckableError(msg)

        return self.steps.part(make)

    def expect_asked_statement(self) -> None:
        """Take the statement from what the relying party brings along, with or without receipts attached."""
        data = self.asked.statement
        if data is not None:
            self.statement = self.steps.part(lambda: _decode_any_statement(data))

    def take_format(self, decode: Callable[[bytes], T]) -> Part[T]:
        """Decode the file as what it claims to be."""
        return self.steps.take(checks.FORMAT, lambda: Passed(decode(self.data), counted(len(self.data), "bytes")))

    def take_statement(self) -> None:
        """Decode the statement, and the record in it."""
        self.record = self.steps.take(checks.STATEMENT, lambda: checks.check_record(self.statement.get()))

    def take_entry_id(self) -> None:
        """Compute the entry id and compare it with those that were asked for."""

        def run() -> Passed[None]:
            leaf, asked = self.leaf.get(), self.asked.statement
            asked_id = _decode_any_statement(asked).leaf_hash if asked is not None else None
            return checks.check_entry_id(leaf, asked_id, self.asked.entry_id)

        self.steps.take(checks.ENTRY_ID, run)

    def take_checkpoint(self, data: Callable[[], bytes]) -> None:
        """Open the checkpoint with the keys of trusted logs."""
        self.checkpoint = self.steps.take(
            checks.CHECKPOINT, lambda: checks.check_checkpoint(data(), self.trust.log_keys)
        )

    def take_signed_tree(self, tree: Callable[[], SignedTree]) -> None:
        """Open one of two tree heads with the keys of trusted logs."""
        self.steps.take(checks.CHECKPOINT, lambda: checks.check_signed_tree(tree(), self.trust.log_keys))

    def take_fork(self, evidence: Part[ForkEvidence]) -> None:
        """Check that two signed heads contradict each other."""
        self.steps.take(checks.FORK, lambda: checks.check_fork(evidence.get(), self.trust.log_keys))

    def take_quorum(self) -> None:
        """Ask the policy whether enough witnesses have cosigned the checkpoint."""

        def run() -> Passed[tuple[str, ...]] | Skipped:
            if self.trust.policy is None:
                return Skipped("not asked: no trust policy was given")
            return checks.check_quorum(self.checkpoint.get(), self.trust.log_keys, self.trust.policy)

        self.cosigners = self.steps.take(checks.QUORUM, run)

    def take_inclusion(self, proof: Part[TlogProof]) -> None:
        """Follow the path from the entry to the root of the checkpoint."""
        self.proof = self.steps.take(
            checks.INCLUSION,
            lambda: checks.check_inclusion(proof.get(), self.leaf.get(), self.checkpoint.get()),
        )

    def take_receipt(self, data: Callable[[], bytes]) -> None:
        """Check a receipt by itself."""
        self.receipt = self.steps.take(
            checks.RECEIPT, lambda: checks.check_receipt(data(), self.leaf.get(), self.trust.log_keys)
        )

    def take_receipts(self, data: Callable[[], Sequence[bytes]]) -> None:
        """Check the receipts attached to a statement."""
        self.receipt = self.steps.take(
            checks.RECEIPT, lambda: checks.check_receipts(data(), self.leaf.get(), self.trust.log_keys)
        )

    def take_agreeing_receipt(self, data: Callable[[], bytes]) -> None:
        """Check a receipt by itself, and then that it speaks of the same log as the inclusion proof."""

        def run() -> Passed[Receipt]:
            passed = checks.check_receipt(data(), self.leaf.get(), self.trust.log_keys)
            checks.check_agreement(passed.value, self.proof.get(), self.leaf.get(), self.checkpoint.get())
            return passed

        self.receipt = self.steps.take(checks.RECEIPT, run)

    def take_authority(self, entries: Callable[[], Sequence[AuthorityEntry]]) -> None:
        """Open the chain of the operator's entries."""

        def run() -> Passed[Chain]:
            chain = open_chain(entries(), self.checkpoint.get(), self.trust.log_keys)
            return Passed(chain, f"{counted(len(chain.states), 'entries')} by the operator, from entry 0 on")

        self.chain = self.steps.take(checks.AUTHORITY, run)

    def take_issuer_key(self) -> None:
        """Ask the chain which key could sign for the issuer when the entry was included."""
        self.issuer_key = self.steps.take(
            checks.ISSUER_KEY,
            lambda: checks.check_issuer_key(
                self.statement.get(),
                self.record.get(),
                self.proof.get(),
                self.receipt.get(),
                self.chain.get(),
                self.trust.issuer_key,
            ),
        )

    def take_signature(self, key: Callable[[], PublicKey | None]) -> None:
        """Check the issuer's signature."""
        self.steps.take(checks.SIGNATURE, lambda: checks.check_signature(self.statement.get(), key()))

    def take_disclosures(self, encoded: Callable[[], Sequence[bytes]] = tuple) -> None:
        """Check the disclosures of the file and those that the relying party brings along."""

        def run() -> Passed[Opened] | Skipped:
            return checks.check_disclosures(self.record.get(), encoded(), self.asked.disclosures)

        self.opened = self.steps.take(checks.DISCLOSURES, run)

    def take_erasures(self) -> None:
        """See which commitments the erasures that the relying party brings along name; no step where it brings none."""
        if self.erasures:
            self.erased = self.steps.take(ERASURES, lambda: check_erasures(self.erasures, self._erasable()))

    def _erasable(self) -> Subject:
        statement, record, checkpoint = self.statement.get(), self.record.get(), self.checkpoint.established()
        origin = checkpoint.checkpoint.origin if checkpoint is not None else None
        return Subject(statement.issuer, origin, record.commitments if record is not None else {})

    def shown(self) -> Shown:
        """Return what the steps have established."""
        checkpoint, proof, receipt = self.checkpoint.established(), self.proof.established(), self.receipt.established()
        record, opened = self.record.established(), self.opened.established()
        placed = proof or (checks.inclusion_proof(receipt) if receipt is not None else None)
        return Shown(
            checkpoint=checkpoint.checkpoint if checkpoint is not None else None,
            cosigners=self.cosigners.established() or (),
            statement=self.statement.established(),
            entry_id=self.leaf.established(),
            index=placed.index if placed is not None else None,
            time=receipt.time if receipt is not None else None,
            record=record,
            disclosures=opened.disclosures if opened is not None else (),
            erased=self.erased.established() or (),
            closed=opened.closed if opened is not None else tuple(record.commitments if record is not None else ()),
        )


def _decode_any_statement(data: bytes) -> SignedStatement:
    if detect(data) is FileType.TRANSPARENT_STATEMENT:
        return decode_transparent_statement(data).statement
    return decode_statement(data)
