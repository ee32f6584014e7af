"""Who was entitled to sign an entry, from the operator's entries that a bundle carries.

The chain begins with entry 0, the log-policy signed by the operator key in it, and goes on in the order of the log. It
may leave out registrations of other keys, so the stream of the operator's entries may have gaps here that the log
itself does not have: what is shown is what each entry given says, never that there was no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glasslog.authority import Authority
from glasslog.bundle import AuthorityEntry
from glasslog.checkpoint import TrustedCheckpoint
from glasslog.errors import AuthorityError, GlasslogError, MismatchError
from glasslog.keys import PublicKey
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import POLICY_RECORD_TYPES, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement
from glasslog.tlog_proof import decode_tlog_proof
from glasslog.vkey import VerifierKey


@dataclass(frozen=True, slots=True)
class Chain:
    """The state after each of the operator's entries, in the order of the log; the first is that of entry 0."""

    states: tuple[tuple[LeafIndex, Authority], ...]

    @property
    def log_keys(self) -> frozenset[PublicKey]:
        """Return every key that a policy of the chain names as the log's."""
        return frozenset(key for _, authority in self.states for key in authority.policy.log_keys)

    def before(self, index: LeafIndex) -> Authority:
        """Return the state by which the entry at `index` was admitted; entry 0 is judged by what it says itself."""
        return [authority for at, authority in self.states if at < index or at == 0][-1]


def open_chain(
    entries: Sequence[AuthorityEntry], checkpoint: TrustedCheckpoint, log_keys: Sequence[VerifierKey]
) -> Chain:
    """Return the chain after checking that `checkpoint` holds every entry and that the operator signed each.

    Also checked: the first is entry 0 of the log that signed the checkpoint, indexes and stream numbers rise, and the
    policies name the log's key. Raises MalformedError, VerificationError.
    """
    states: list[tuple[LeafIndex, Authority]] = []
    for number, entry in enumerate(entries):
        try:
            index, statement = _open_entry(entry, checkpoint, log_keys)
            if states:
                states.append((index, _following(*states[-1], index, statement)))
            else:
                states.append((index, _established(index, statement, checkpoint.checkpoint.origin)))
        except GlasslogError as error:
            msg = f"authority entry {number}: {error}"
            raise type(error)(msg) from error
    chain = Chain(tuple(states))
    for line in checkpoint.log_signatures:
        if line.key.public_key not in chain.log_keys:
            msg = f"expected the operator's policy to name the log key {line.key}, got other keys"
            raise AuthorityError(msg)
    return chain


def _open_entry(
    entry: AuthorityEntry, checkpoint: TrustedCheckpoint, log_keys: Sequence[VerifierKey]
) -> tuple[LeafIndex, SignedStatement]:
    """Return an entry and its index, both shown by its own proof in the tree of `checkpoint`."""
    statement = decode_statement(entry.statement)
    proof = decode_tlog_proof(entry.proof)
    own = proof.verify(statement.leaf_hash, log_keys)
    if own.checkpoint != checkpoint.checkpoint:
        size, own_size = checkpoint.checkpoint.size, own.checkpoint.size
        msg = f"expected a proof in the same tree, of size {size}, got one in another, of size {own_size}"
        raise MismatchError(msg)
    return proof.index, statement


def _established(index: LeafIndex, statement: SignedStatement, origin: str) -> Authority:
    if index != 0:
        msg = f"expected entry 0 of the log first, got entry {index}"
        raise AuthorityError(msg)
    authority = Authority.establish(statement)
    if authority.policy.origin != origin:
        msg = f"expected the policy of the log {origin}, got that of {authority.policy.origin}"
        raise MismatchError(msg)
    return authority


def _following(before: LeafIndex, authority: Authority, index: LeafIndex, statement: SignedStatement) -> Authority:
    """Return the state after a later entry of the operator, allowing for entries of the stream that are not here."""
    if statement.content_type != CONTENT_TYPE_RECORD:
        msg = f"expected a record of content type {CONTENT_TYPE_RECORD}, got {statement.content_type}"
        raise AuthorityError(msg)
    record = decode_record(statement.payload)
    if record.type not in POLICY_RECORD_TYPES:
        msg = f"expected a record about the log, got {record.type}"
        raise AuthorityError(msg)
    if index <= before or record.stream.seq < authority.next_seq:
        msg = f"expected the operator's entries in the order of the log, got entry {index} after entry {before}"
        raise AuthorityError(msg)
    if record.stream.seq > authority.next_seq and record.stream.prev is not None:
        authority = replace(authority, next_seq=record.stream.seq, last_leaf=Hash(record.stream.prev))
    statement.verify(authority.policy.operator_key)
    return authority.apply(statement, record, index)
