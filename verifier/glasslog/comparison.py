"""Hold checkpoints from different places against each other, to see whether a log shows everybody the same tree.

A *view* is a tree head that somebody was shown, already opened with the log's key. A *tree* is a log whose tiles can be
read, verified from its own signed head down. Every view of a log is held against the largest other tree of it: the
tree either begins with the view, or both are signed and contradict each other, which is a fork. The largest tree itself
is as good as those that were held against it. Without a tree that is large enough two views can only be compared when
their sizes are equal.

Pure: where views and trees come from, and that their signatures hold, is for the caller to see to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from glasslog.checkpoint import Checkpoint
from glasslog.fork import ForkEvidence, SignedTree
from glasslog.subtrees import VerifiedTiles


class Relation(StrEnum):
    """How a view stands to what it is compared with."""

    CONSISTENT = "consistent"
    """The tree that it is compared with begins with it, or is the same."""
    FORKED = "forked"
    """The log has signed two trees that cannot both be its tree."""
    UNPROVEN = "unproven"
    """Nothing at hand tells: no other tree so large with its tiles, and no other view of the same size."""


@dataclass(frozen=True, slots=True)
class View:
    """A signed tree head and where it was seen."""

    source: str
    signed: SignedTree = field(repr=False)
    head: Checkpoint


@dataclass(frozen=True, slots=True)
class Tree:
    """A signed tree head with the verified tiles below it."""

    view: View
    tiles: VerifiedTiles


@dataclass(frozen=True, slots=True)
class Compared:
    """A view, what it was compared with (None: nothing), and the outcome; a fork comes with the file that shows it."""

    view: View
    other: View | None
    relation: Relation
    evidence: bytes | None = field(default=None, repr=False)


def compare(views: Sequence[View], trees: Sequence[Tree]) -> list[Compared]:
    """Compare every view with what there is of its log, in the order of the views. Raises what reading tiles raises."""
    return [compare_view(view, views, trees) for view in views]


def compare_view(view: View, views: Sequence[View], trees: Sequence[Tree]) -> Compared:
    """Compare a view with the largest other tree of its log, or with other views. Raises what reading tiles raises."""
    head = view.head
    others = [other for other in views if other is not view and other.head.origin == head.origin]
    large_enough = [
        tree
        for tree in trees
        if tree.view is not view and tree.view.head.origin == head.origin and tree.view.head.size >= head.size
    ]
    if large_enough:
        return _against_tree(view, max(large_enough, key=lambda tree: tree.view.head.size))
    own = next((tree for tree in trees if tree.view is view), None)
    if own is not None:
        return _of_largest(own, others)
    same_size = [other for other in others if other.head.size == head.size]
    for other in same_size:
        if other.head.root != head.root:
            return Compared(view, other, Relation.FORKED, _evidence_of_same_size(view, other))
    if same_size:
        return Compared(view, same_size[0], Relation.CONSISTENT)
    return Compared(view, None, Relation.UNPROVEN)


def _of_largest(tree: Tree, others: Sequence[View]) -> Compared:
    """Say how the largest tree stands: by those that were held against it. A tree alone proves nothing of itself."""
    held_against = [(other, _against_tree(other, tree)) for other in others if other.head.size <= tree.view.head.size]
    for other, compared in held_against:
        if compared.relation is Relation.FORKED:
            return Compared(tree.view, other, Relation.FORKED, compared.evidence)
    if held_against:
        return Compared(tree.view, held_against[0][0], Relation.CONSISTENT)
    return Compared(tree.view, None, Relation.UNPROVEN)


def _against_tree(view: View, tree: Tree) -> Compared:
    """Compare a view with a tree that is as large or larger (RFC 9162 section 2.1.4)."""
    head, newer = view.head, tree.view
    if head.size == 0:  # the empty tree begins every tree
        return Compared(view, newer, Relation.CONSISTENT)
    root = tree.tiles.root_at(head.size)
    if root == head.root:
        return Compared(view, newer, Relation.CONSISTENT)
    path = tree.tiles.consistency_path(head.size, newer.head.size)
    evidence = ForkEvidence(view.signed, newer.signed, root, path).encode()
    return Compared(view, newer, Relation.FORKED, evidence)


def _evidence_of_same_size(view: View, other: View) -> bytes:
    return ForkEvidence(view.signed, other.signed, other.head.root, ()).encode()
