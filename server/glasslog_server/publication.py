"""What one round of the sequencer makes public: the message from the one writer to everybody who reads.

The sequencer hands it to its subscribers when the round is durable and guarded, and before it answers anybody. A
reader in another process needs nothing else to keep up: the new head, the tiles that lead to it, and the entries by
which who may sign has changed. Entries themselves are not in it: readers have the store for those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glasslog.authority import Authority
from glasslog.errors import MalformedError
from glasslog.merkle import LeafIndex
from glasslog.records import decode_record
from glasslog.statement import decode_statement
from glasslog.tiles import TileId
from glasslog_server.storage.store import TreeHead


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """An entry by the operator that changes who may sign, and its place in the log."""

    index: LeafIndex
    entry: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """A newly published tree head, with what changed since the one before.

    `first` is the size of the tree before: the new entries are [first, head.size). `tiles` holds the whole value of
    each tile that the round changed, full ones and the partial ones of the right edge, as wide as in the tree of
    `head.size`; after the sequencer had to start over from its disk it is empty, and readers read the store again.
    `policy_entries`, in the order of the log, are those of the new entries that change the authority: applied to the
    authority at `first` they give the one at `head.size`. There are none in nearly every round.

    Publications come in order and without gaps: each `first` is the `head.size` before. Treat it as immutable.
    """

    first: LeafIndex
    head: TreeHead
    tiles: Mapping[TileId, bytes]
    policy_entries: Sequence[PolicyEntry]


def apply_policy_entries(authority: Authority | None, entries: Sequence[PolicyEntry]) -> Authority:
    """Return the authority after the operator's entries, which the log has admitted; None is the one before entry 0.

    Raises MalformedError, AuthorityError, SignatureError for entries that no log would have admitted in this order.
    """
    for policy_entry in entries:
        statement = decode_statement(policy_entry.entry)
        if authority is None:
            authority = Authority.establish(statement)
        else:
            authority = authority.apply(statement, decode_record(statement.payload), policy_entry.index)
    if authority is None:
        msg = "expected the log's own policy, entry 0, got no entry"
        raise MalformedError(msg)
    return authority
