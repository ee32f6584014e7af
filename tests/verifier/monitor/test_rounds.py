"""Looking at a place once: what is told, what is remembered, and what must not be lost or told twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glasslog.errors import UncheckableError
from glasslog.mirror import audit as mirror_audit
from glasslog.mirror import evidence as mirror_evidence
from glasslog.mirror.audit import Audited, Request
from glasslog.monitor import log_audit, rounds
from glasslog.monitor.journal import JOURNAL
from glasslog.monitor.watch import Watch
from tests.verifier.mirror.written_log import ISSUERS, WrittenLog, key_of, new_log
from tests.verifier.monitor.shown import NOW_S, QUIET, Place, kinds, look, watcher


@pytest.fixture
def log() -> WrittenLog:
    return new_log().grow(100)


@pytest.fixture
def place(log: WrittenLog) -> Place:
    shown = Place()
    shown.show(log)
    return shown


def test_a_log_that_grows_is_quiet(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    for _ in range(3):
        assert look(watching) == []
        log.grow(30)
        place.show(log)


def test_what_was_mirrored_is_not_asked_for_again(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    place.asked.clear()
    look(watching)
    assert not [name for name in place.asked if name.startswith("tile/entries")]
    assert place.asked.count("checkpoint") == 1


def test_a_gap_is_told_once_also_by_another_monitor_of_that_state(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    gap(log)
    place.show(log)
    assert look(watcher(place, tmp_path, log)) == ["stream-gaps"]
    assert look(watcher(place, tmp_path, log)) == []


def gap(log: WrittenLog) -> None:
    seq, prev = log._streams[ISSUERS[0]]  # noqa: SLF001
    log._streams[ISSUERS[0]] = (seq + 1, prev)  # noqa: SLF001
    log.decide(ISSUERS[0])
    log.sign_head()


def test_a_monitor_that_is_killed_before_it_remembers_tells_again(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    gap(log)
    place.show(log)
    watching = watcher(place, tmp_path, log, watch=replace(QUIET, subjects=frozenset({log.entries[-1].subject})))
    for _ in range(2):
        assert kinds(watching.look(NOW_S)) == ["stream-gaps", "watched"]  # and is gone before `remember`
    assert look(watching) == ["stream-gaps", "watched"]
    assert look(watching) == []


def test_entries_about_a_decision_are_told_once_also_after_a_round_that_failed(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = log.entries[-1].subject
    watching = watcher(place, tmp_path, log, watch=replace(QUIET, subjects=frozenset({subject, "urn:other"})))
    look(watcher(place, tmp_path, log))  # the whole log was replayed before anybody asked about the decision
    monkeypatch.setattr(log_audit, "WATCHED_MAX", 1)
    [alert] = watching.look(NOW_S).alerts
    assert alert.entry_ids == (log.entries[-1].leaf_hash.hex(),)
    assert look(watching) == ["watched"]
    assert look(watching) == []


def test_who_asks_for_other_checks_asks_them_of_the_whole_log(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    gap(log)
    place.show(log)
    assert look(watcher(place, tmp_path, log, watch=replace(QUIET, checks=("ids",)))) == []
    assert look(watcher(place, tmp_path, log)) == ["stream-gaps"]


def test_an_empty_log_is_waited_for(place: Place, tmp_path: Path) -> None:
    log = new_log()
    empty = WrittenLog(origin=log.origin)
    place.files = {"checkpoint": empty.note()}
    watching = watcher(place, tmp_path, log)
    assert look(watching) == []
    place.show(log)
    assert look(watching) == []


# ------------------------------------------------------------------------------------------------- a log that is wrong


def test_a_log_that_goes_back_is_told_once_and_may_recover(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    for size, expected in ((54, ["rollback"]), (54, []), (104, [])):
        place.show(log, size)
        looked = watching.look(NOW_S)
        looked.remember()
        assert kinds(looked) == expected
        assert looked.clean == (size == 104)


def test_a_log_that_becomes_empty_has_gone_back(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    place.files["checkpoint"] = WrittenLog(origin=log.origin).note()
    assert look(watching) == ["rollback"]


def test_a_fork_is_told_once_with_evidence_however_long_it_goes_on(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    other = new_log().grow(60)
    other.decide(ISSUERS[0], key=key_of(ISSUERS[0]), env="shadow")
    other.grow(80)
    place.show(other)
    looked = watching.look(NOW_S)
    looked.remember()
    [alert] = looked.alerts
    assert alert.kind == "fork"
    assert alert.evidence is not None
    assert Path(alert.evidence).is_file()
    for branch in (other, log, other, log):
        branch.grow(20)
        place.show(branch)
        assert look(watching) == []


def test_a_signed_tree_whose_tiles_are_others_is_told_with_what_was_shown(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    wrong = bytearray(place.files["tile/0/000.p/104"])
    wrong[5] ^= 1
    right = dict(place.files)
    place.files["tile/0/000.p/104"] = bytes(wrong)
    watching = watcher(place, tmp_path, log)
    looked = watching.look(NOW_S)
    looked.remember()
    [alert] = looked.alerts
    assert (alert.kind, alert.severity) == ("mirror", "critical")
    assert alert.evidence is not None
    assert Path(alert.evidence).read_bytes() == bytes(wrong)
    assert look(watching) == []  # it lasts
    place.files = right
    assert look(watching) == []
    place.show(log.grow(1))
    name = "tile/0/000.p/105"
    place.files[name] = bytes(reversed(place.files[name]))
    assert look(watching) == ["mirror"]  # it is back


def test_a_checkpoint_of_nobody_is_told_once_and_kept(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_evidence, "EVIDENCE_MAX", 2)
    watching = watcher(place, tmp_path, log)
    right = place.files["checkpoint"]
    for number in range(4):  # a wall that asks for a password has another page each time
        place.files["checkpoint"] = f"<html>{number}".encode()
        looked = watching.look(NOW_S)
        looked.remember()
        assert kinds(looked) == (["checkpoint"] if number == 0 else [])
        assert not looked.clean
        assert looked.complaints
    assert len(list((tmp_path / "evidence").iterdir())) == 2
    place.files["checkpoint"] = right
    assert look(watching) == []


# ------------------------------------------------------------------------------------------------ time, and its absence


def test_a_log_that_stops_is_stale_once_and_its_duties_stop_too(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = watcher(place, tmp_path, log, watch=replace(QUIET, stale_after_s=3_600.0))
    due: list[int | None] = []

    def audit(request: Request, *more: Any) -> Audited:  # noqa: ANN401 (whatever comes with it)
        due.append(request.scope.as_of)
        return mirror_audit.audit(request, *more)

    monkeypatch.setattr(log_audit, "audit", audit)
    head_s = log.heads_at[-1][1]
    assert look(watching, head_s + 100.0) == []
    assert look(watching, head_s + 4_000.0) == ["stale"]
    assert look(watching, head_s + 1e8) == []  # a clock that jumps ahead accuses nobody
    assert due == [(head_s + 40) * 1_000, (head_s + 3_540) * 1_000, (head_s + 3_540) * 1_000]
    log.grow(1)
    place.show(log)
    assert look(watching, head_s + 60.0) == []


def test_a_log_that_signs_in_the_future_is_told(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    head_s = log.heads_at[-1][1]
    assert look(watching, head_s - 3_600.0) == ["future"]
    assert look(watching, head_s - 3_000.0) == []
    assert look(watching, head_s - 30.0) == []


def test_heads_that_are_none_leave_the_time_to_what_was_verified(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    place.files["heads"] = b"\0"
    assert look(watching, NOW_S) == []


def test_a_log_that_is_down_is_told_after_a_while_and_again_the_next_time(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    for start in (NOW_S, NOW_S + 10_000):
        place.absent = {"everything"}
        assert look(watching, start) == []
        assert look(watching, start + 299) == []
        assert look(watching, start + 301) == ["unreachable"]
        assert look(watching, start + 900) == []
        place.absent = set()
        assert look(watching, start + 1_000) == []


def test_a_log_that_was_never_there_is_told_too(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    place.absent = {"everything"}
    watching = watcher(place, tmp_path, log)
    assert watching.look(NOW_S).complaints == ["cannot get an answer from the log"]
    assert look(watching, NOW_S) == []
    assert look(watching, NOW_S - 1e6) == []  # a clock that goes back
    assert look(watching, NOW_S - 1e6 + 301) == ["unreachable"]


def test_a_log_that_shows_a_checkpoint_and_no_entries_is_down(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    log.grow(1)
    place.show(log)
    place.absent = {"tile/entries/000.p/105"}
    assert look(watching, NOW_S) == []
    assert look(watching, NOW_S + 301) == ["unreachable"]
    assert look(watching, NOW_S + 400) == []
    place.absent = set()
    assert look(watching, NOW_S + 500) == []


# ------------------------------------------------------------------------------------------------------------ rotation


def test_a_new_log_in_the_place_of_a_closed_one(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    gap(log)
    place.show(log)
    following = new_log(origin="log.example/2026").grow(10)
    watching = watcher(place, tmp_path, log, following)
    assert look(watching) == ["stream-gaps"]
    place.show(following)
    assert kinds(watching.look(NOW_S)) == ["rotated"]  # killed before it remembers
    assert look(watching) == ["rotated"]
    assert look(watching) == []
    assert look(watching, NOW_S + 1e7) == []  # nothing more is asked of the old one
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


# ----------------------------------------------------------------------------------------------------------- the state


def test_a_damaged_journal_costs_a_repetition_and_no_alert(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    gap(log)
    place.show(log)
    watching = watcher(place, tmp_path, log)
    look(watching)
    for path in tmp_path.rglob(JOURNAL):
        path.write_bytes(b"{")
    looked = watching.look(NOW_S)
    looked.remember()
    assert kinds(looked) == ["stream-gaps"]
    assert len(looked.complaints) == 2
    assert look(watching) == []


def test_a_spoiled_database_is_not_the_logs_fault(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    watching = watcher(place, tmp_path, log)
    look(watching)
    [path] = tmp_path.rglob("audit.sqlite")
    for extra in path.parent.glob("audit.sqlite-*"):
        extra.unlink()
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(UncheckableError):
        watching.look(NOW_S)


def test_checkpoints_that_the_tree_continues_do_not_pile_up(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_audit, "SEEN_MAX", 2)
    watching = watcher(place, tmp_path, log)
    for _ in range(4):
        look(watching)
        log.grow(1)
        place.show(log)
    assert [len(list(path.iterdir())) for path in tmp_path.rglob("checkpoints")] == [2]


def test_a_file_in_the_place_of_a_folder_is_not_the_logs_fault(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    folder = rounds.folder_for(tmp_path, log.origin)
    folder.rmdir()
    folder.write_bytes(b"")
    with pytest.raises(UncheckableError, match="cannot make the folder"):
        watcher(place, tmp_path, log).look(NOW_S)
    (tmp_path / "evidence").write_bytes(b"")
    place.files["checkpoint"] = b"none"
    with pytest.raises(UncheckableError, match="cannot use the folder"):
        watcher(place, tmp_path, log).look(NOW_S)


def test_what_is_watched_says_what_is_run() -> None:
    assert Watch().names == ()
    assert Watch(checks=("ids", "tree")).names == ("tree", "consistency", "ids")
