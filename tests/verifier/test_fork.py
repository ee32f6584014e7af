"""Evidence of a fork proves what it claims to anybody, and nothing else passes for it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cli import main
from glasslog.errors import GlasslogError, MismatchError, ProofError, UnknownKeyError, VerificationError
from glasslog.fork import decode_fork, prove_fork
from glasslog.merkle import Hash, TreeSize
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import TileId
from glasslog.verify import Trust, Verdict, verify
from tests.verifier.forks import KEY, ONE, ORIGIN, OTHER, VKEY, evidence, head, note
from tests.verifier.fuzzing import accepted, bit_flips, damaged, truncations


@given(st.integers(6, 40), st.integers(6, 40), st.booleans())
def test_two_trees_at_any_sizes_are_shown(one: int, other: int, as_heads: bool) -> None:  # noqa: FBT001
    size1, size2 = sorted((one, other))
    file = evidence(size1, size2, as_heads=as_heads)
    assert decode_fork(file.encode()) == file
    fork = file.verify([VKEY])
    assert (fork.older.root, fork.newer.root) == (ONE.root(size1), OTHER.root(size2))
    assert fork.prefix_root == OTHER.root(size1)


@given(st.integers(1, 5), st.integers(1, 40))
def test_two_trees_that_agree_are_no_fork(size1: int, size2: int) -> None:
    size1, size2 = sorted((size1, size2))
    if size1 > 5:
        return
    with pytest.raises(ProofError, match="begins with the older"):
        evidence(size1, size2).verify([VKEY])


def test_a_mirror_makes_the_evidence_from_its_tiles() -> None:
    def read(tile: TileId, width: int) -> list[Hash]:
        return OTHER.leaves[tile.index * 256 : tile.index * 256 + width]

    tiles = VerifiedTiles(TreeSize(40), OTHER.root(), read)
    older, newer = note(ONE, 9), note(OTHER, 33)
    file = decode_fork(evidence(9, 33).encode())
    heads = file.verify([VKEY])
    assert prove_fork(older, newer, (heads.older, heads.newer), tiles) == file.encode()


def test_what_the_log_did_not_sign_is_no_evidence() -> None:
    good = evidence()
    stranger = type(KEY)(bytes(32))
    wrong = [
        (replace(good, older=note(ONE, 9, stranger)), UnknownKeyError),
        (replace(good, older=head(ONE, 9, stranger)), UnknownKeyError),
        (replace(good, older=head(ONE, 9, origin="log.example/other")), UnknownKeyError),
        (replace(good, older=good.newer, newer=good.older), MismatchError),
        (replace(good, prefix_root=ONE.root(9)), ProofError),
        (replace(good, prefix_path=good.prefix_path[1:]), ProofError),
        (replace(good, prefix_root=Hash(bytes(32))), ProofError),
        (replace(good, older=b"not a note"), GlasslogError),
    ]
    for file, error in wrong:
        with pytest.raises(error):
            file.verify([VKEY])
    with pytest.raises(UnknownKeyError):
        good.verify([])


def test_damaged_files_prove_nothing() -> None:
    file = evidence().encode()
    assert not any(accepted(decode_fork, cut) for cut in truncations(file))
    for flipped in bit_flips(file):
        if accepted(decode_fork, flipped):
            with pytest.raises(GlasslogError):
                decode_fork(flipped).verify([VKEY])


@given(st.data())
def test_any_bytes_are_evidence_or_malformed(data: st.DataObject) -> None:
    spoiled = data.draw(damaged(evidence(as_heads=data.draw(st.booleans())).encode()) | st.binary(max_size=60))
    if accepted(decode_fork, spoiled):
        assert decode_fork(spoiled).encode() == spoiled


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"v": True},
        {"type": "glasslog-bundle"},
        {"older": 5},
        {"older": [1, 2]},
        {"older": bytes(70_000)},
        {"prefix_root": bytes(31)},
        {"prefix_path": [b""]},
        {"prefix_path": "path"},
        {"prefix_path": [bytes(32)] * 65},
        {"more": 1},
    ],
)
def test_other_fields_are_malformed(changed: dict[str, cbor.Value]) -> None:
    fields = cbor.decode(evidence().encode())
    assert not accepted(decode_fork, cbor.encode({**fields, **changed}))


def test_the_verifier_takes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evidence.fork"
    path.write_bytes(evidence().encode())
    assert main(["verify", str(path), "--log-key", str(VKEY)]) == 0
    said = capsys.readouterr().out
    assert "evidence of a fork" in said
    assert "RFC" not in said
    assert main(["inspect", str(path)]) == 0
    assert ORIGIN in capsys.readouterr().out


def test_a_file_that_shows_no_fork_fails() -> None:
    honest = replace(evidence(), newer=note(ONE, 33))
    report = verify(honest.encode(), Trust((VKEY,)))
    assert report.verdict is Verdict.FAILED
    assert [step.check.id for step in report.steps] == ["format", "checkpoint", "checkpoint", "fork"]
    assert verify(honest.encode(), Trust(())).verdict is Verdict.COULD_NOT_CHECK
    assert issubclass(ProofError, VerificationError)
