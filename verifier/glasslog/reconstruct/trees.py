"""Check that all tree heads that the pieces stand on are of one growing tree.

Each bundle carries the log's signed tree head of the moment it was made, so pieces stand on several. Two heads of one
size must have one root; between two sizes the log must show that the smaller tree is a prefix of the larger (RFC 9162
section 2.1.4). A log that showed this decision in a tree of its own cannot.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from glasslog.counting import counted
from glasslog.errors import MalformedError, UncheckableError, VerificationError
from glasslog.merkle import verify_consistency
from glasslog.reconstruct.evidence import OneTree, Piece, TreeHead
from glasslog.reconstruct.reading import DecisionLog
from glasslog.verify import Verdict


def check_one_tree(pieces: Iterable[Piece], log: DecisionLog) -> OneTree:
    """Return the tree heads of all verified pieces, ascending, and whether they are of one tree."""
    counted = Counter(
        (shown.checkpoint.origin, shown.checkpoint.size, shown.checkpoint.root)
        for shown in (piece.shown for piece in pieces)
        if shown is not None and shown.checkpoint is not None
    )
    heads = tuple(TreeHead(*key, counted[key]) for key in sorted(counted))
    if not heads:
        return OneTree(Verdict.COULD_NOT_CHECK, (), "There is no tree head to compare.")
    return OneTree(*_compared(heads, log))


def _compared(heads: Sequence[TreeHead], log: DecisionLog) -> tuple[Verdict, tuple[TreeHead, ...], str]:
    heads = tuple(heads)
    if heads[0].origin != heads[-1].origin:
        return Verdict.FAILED, heads, f"The tree heads are of two logs: {heads[0].origin}, {heads[-1].origin}."
    for older, newer in pairwise(heads):
        if older.size == newer.size:
            return Verdict.FAILED, heads, f"The log has signed two different trees of {counted(older.size, 'entries')}."
        try:
            path = log.consistency(older.size, newer.size)
            verify_consistency(older.size, newer.size, older.root, newer.root, path)
        except (MalformedError, VerificationError) as error:
            text = f"The tree of {newer.size} entries is not shown to continue the one of {older.size}: {error}"
            return Verdict.FAILED, heads, text
        except UncheckableError as error:
            text = f"There is no proof that the tree of {newer.size} entries continues the one of {older.size}: {error}"
            return Verdict.COULD_NOT_CHECK, heads, text
    if len(heads) == 1:
        size = counted(heads[0].size, "entries")
        return Verdict.VERIFIED, heads, f"All pieces stand on one signed tree head, of {size}."
    text = (
        f"The {len(heads)} signed tree heads, of {heads[0].size} to {heads[-1].size} entries, are of one growing tree."
    )
    return Verdict.VERIFIED, heads, text
