"""What is kept of a log's answers gives the same reconstruction again, and every bundle verifies by itself."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import MalformedError, UncheckableError
from glasslog.reconstruct import GapKind, Holdings, Reconstruction, Request, reconstruct
from glasslog.sources.kept import ANSWERS, ENTRIES, KeepingLog, KeptLog, decode_answers
from glasslog.verify import Asked, Verdict, verify
from tests.verifier.reconstruct.story import DECISION, OTHER_DECISION, SYSTEM, LedgerLog, Story


def story() -> Story:
    """Return the story with one bundle at an older tree head."""
    told = Story()
    told.log.sizes = {told.id_of("model"): told.ledger.size - 3}
    return told


STORY = story()


def from_folder(folder: Path) -> Reconstruction:
    return reconstruct(KeptLog(folder), Request(DECISION), STORY.trust, Holdings(STORY.opened))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    log = KeepingLog(STORY.log)
    reconstruct(log, Request(DECISION), STORY.trust, Holdings())
    assert log.keep(folder) == 22
    return folder


def test_the_kept_folder_gives_the_same_reconstruction(kept: Path) -> None:
    online = reconstruct(STORY.log, Request(DECISION), STORY.trust, Holdings(STORY.opened))
    offline = from_folder(kept)
    assert offline.pieces == online.pieces
    assert (offline.gaps, offline.searches, offline.tree) == (online.gaps, online.searches, online.tree)
    assert offline.verdict is Verdict.VERIFIED
    assert offline.source == f"{kept}, kept from {STORY.log.name}"


def test_every_kept_bundle_verifies_by_itself(kept: Path) -> None:
    files = sorted(kept.glob("*.glasslog"))
    assert len(files) == 22
    for file in files:
        report = verify(file.read_bytes(), STORY.trust, Asked(entry_id=bytes.fromhex(file.stem)))  # type: ignore[arg-type]
        assert report.verdict is Verdict.VERIFIED


def test_disclosures_are_never_kept(kept: Path) -> None:
    everything = b"".join(path.read_bytes() for path in kept.iterdir())
    assert b"cough" not in everything
    assert b"pneumothorax, left apex" not in everything


def test_a_folder_with_bundles_alone_says_that_there_may_be_more(kept: Path) -> None:
    (kept / ANSWERS).unlink()
    (kept / ENTRIES).unlink()
    found = from_folder(kept)
    assert {gap.code for gap in found.gaps if gap.kind is GapKind.UNKNOWN} == {"bound"}
    assert len(found.pieces) == 22
    assert found.verdict is Verdict.COULD_NOT_CHECK
    assert found.tree.verdict is Verdict.COULD_NOT_CHECK, "no path between the two tree heads is there"


def test_a_bundle_that_was_taken_away_is_missed(kept: Path) -> None:
    (kept / f"{STORY.id_of('review').hex()}.glasslog").unlink()
    found = from_folder(kept)
    [piece] = [piece for piece in found.pieces if piece.entry_id == STORY.id_of("review")]
    assert piece.verdict is Verdict.COULD_NOT_CHECK
    assert "was not kept" in str(piece.trouble)


def test_an_altered_bundle_fails(kept: Path) -> None:
    file = kept / f"{STORY.id_of('review').hex()}.glasslog"
    data = bytearray(file.read_bytes())
    data[-40] ^= 1
    file.write_bytes(data)
    assert from_folder(kept).verdict is Verdict.FAILED


def test_a_bundle_under_the_name_of_another_fails(kept: Path) -> None:
    review, model = (kept / f"{STORY.id_of(name).hex()}.glasslog" for name in ("review", "model"))
    review.write_bytes(model.read_bytes())
    assert from_folder(kept).verdict is Verdict.FAILED


def test_another_decision_was_not_asked_about(kept: Path) -> None:
    found = reconstruct(KeptLog(kept), Request(OTHER_DECISION), STORY.trust, Holdings())
    assert [gap.code for gap in found.gaps] == ["no-answer"]
    assert found.verdict is Verdict.COULD_NOT_CHECK


def test_a_folder_is_for_one_decision(kept: Path) -> None:
    log = KeepingLog(STORY.log)
    reconstruct(log, Request(OTHER_DECISION), STORY.trust, Holdings())
    with pytest.raises(UncheckableError, match="for this decision alone"):
        log.keep(kept)


def test_the_same_decision_can_be_kept_again(kept: Path) -> None:
    log = KeepingLog(STORY.log)
    reconstruct(log, Request(DECISION), STORY.trust, Holdings())
    assert log.keep(kept) == 22
    assert from_folder(kept).verdict is Verdict.VERIFIED


def test_a_folder_without_bundles_is_none(tmp_path: Path) -> None:
    with pytest.raises(UncheckableError, match="expected 1 to 500 bundles"):
        KeptLog(tmp_path)


@pytest.mark.parametrize("name", ["x.glasslog", f"{'A' * 64}.glasslog", f"{'00' * 31}.glasslog"])
def test_a_bundle_is_named_by_its_entry(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(MalformedError, match="named by their entry ids"):
        KeptLog(tmp_path)


def test_entries_that_are_none_are_refused(kept: Path) -> None:
    (kept / ENTRIES).write_bytes(b"\x01\x02")
    with pytest.raises(MalformedError):
        KeptLog(kept)


def test_answers_are_what_was_answered(kept: Path) -> None:
    answers = decode_answers((kept / ANSWERS).read_bytes())
    assert answers.listings.keys() == {DECISION, SYSTEM}
    assert answers.paths.keys() == {(STORY.ledger.size - 3, STORY.ledger.size)}
    assert decode_answers(answers.encode()) == answers


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"format": "other"},
        {"source": 5},
        {"listings": [{}]},
        {"listings": [{"subject": "urn:x", "whole": 1, "entries": []}]},
        {"listings": [{"subject": "urn:x", "whole": True, "entries": ["00"]}]},
        {"listings": [{"subject": "urn:x", "whole": True, "entries": [5]}]},
        {"consistency": [{"size1": "1", "size2": 2, "path": []}]},
        {"consistency": [{"size1": 1, "size2": 2, "path": ["00" * 32] * 64}]},
        {"listings": None},
    ],
)
def test_other_answers_are_refused(kept: Path, change: dict[str, object]) -> None:
    document = {**json.loads((kept / ANSWERS).read_bytes()), **change}
    with pytest.raises(MalformedError, match=r"answers\.json"):
        decode_answers(json.dumps(document).encode())


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_answers_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_answers(data)


def test_a_log_in_memory_is_one() -> None:
    assert isinstance(STORY.log, LedgerLog)
