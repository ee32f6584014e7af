import hashlib

from hypothesis import given
from hypothesis import strategies as st

from glasslog.checkpoint import open_checkpoint
from glasslog.comparison import Relation, Tree, View, compare
from glasslog.fork import decode_fork
from glasslog.keys import SigningKey
from glasslog.merkle import Hash
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import TileId
from glasslog.vkey import TYPE_ED25519, VerifierKey
from tests.verifier.forks import ONE, OTHER, VKEY, note
from tests.verifier.trees import NaiveTree


def view(source: str, data: bytes, vkey: VerifierKey = VKEY) -> View:
    return View(source, data, open_checkpoint(data, [vkey]).checkpoint)


def tree(naive: NaiveTree, size: int) -> Tree:
    shown = view("the log", note(naive, size))

    def read(tile: TileId, width: int) -> list[Hash]:
        assert tile == TileId(0, 0)
        return naive.leaves[:width]

    return Tree(shown, VerifiedTiles(shown.head.size, shown.head.root, read))


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_log_shows_one_tree_to_everybody(older: int, newer: int) -> None:
    older, newer = sorted((older, newer))
    [compared] = compare([view("somebody", note(ONE, older))], [tree(ONE, newer)])
    assert compared.relation is Relation.CONSISTENT
    assert compared.evidence is None


@given(st.integers(6, 40), st.integers(6, 40))
def test_a_fork_leaves_evidence_that_anybody_can_verify(older: int, newer: int) -> None:
    older, newer = sorted((older, newer))
    [compared] = compare([view("somebody", note(OTHER, older))], [tree(ONE, newer)])
    assert compared.relation is Relation.FORKED
    assert compared.evidence is not None
    fork = decode_fork(compared.evidence).verify([VKEY])
    assert (fork.older.size, fork.newer.size) == (older, newer)


def test_what_comes_before_the_fork_is_consistent_with_both_trees() -> None:
    for branch in (ONE, OTHER):
        [compared] = compare([view("somebody", note(ONE, 5))], [tree(branch, 40)])
        assert compared.relation is Relation.CONSISTENT


def test_without_tiles_two_views_of_one_size_are_compared() -> None:
    same = compare([view("a", note(ONE, 20)), view("b", note(ONE, 20))], [])
    assert [compared.relation for compared in same] == [Relation.CONSISTENT] * 2
    forked = compare([view("a", note(ONE, 20)), view("b", note(OTHER, 20))], [])
    assert [compared.relation for compared in forked] == [Relation.FORKED] * 2
    for compared in forked:
        assert compared.evidence is not None
        decode_fork(compared.evidence).verify([VKEY])


def test_without_tiles_two_views_of_two_sizes_prove_nothing() -> None:
    compared = compare([view("a", note(ONE, 20)), view("b", note(OTHER, 30))], [])
    assert [one.relation for one in compared] == [Relation.UNPROVEN] * 2


def test_a_view_that_is_larger_than_every_tree_is_unproven() -> None:
    [compared] = compare([view("somebody", note(ONE, 30))], [tree(ONE, 29)])
    assert compared.relation is Relation.UNPROVEN
    assert compared.other is None


def test_the_largest_tree_is_the_one_that_counts() -> None:
    [compared] = compare([view("somebody", note(ONE, 7))], [tree(ONE, 10), tree(ONE, 39), tree(ONE, 20)])
    assert compared.other is not None
    assert compared.other.head.size == 39


def test_an_empty_tree_begins_every_tree() -> None:
    [compared] = compare([view("early", note(ONE, 0))], [tree(OTHER, 40)])
    assert compared.relation is Relation.CONSISTENT


def test_the_trees_of_two_logs_have_nothing_to_do_with_each_other() -> None:
    key = SigningKey(hashlib.sha256(b"another log").digest())
    vkey = VerifierKey("log.example/another", TYPE_ED25519, key.public_key)
    other = view("another log", note(OTHER, 20, key, "log.example/another"), vkey)
    compared = compare([view("a", note(ONE, 20)), other], [tree(ONE, 40)])
    assert [one.relation for one in compared] == [Relation.CONSISTENT, Relation.UNPROVEN]
