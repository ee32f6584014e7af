"""`glasslog compare`, the whole command: folders, archives, servers and files, held against each other."""

import json
from pathlib import Path
from typing import Any

import pytest

from glasslog.cli import main
from tests.verifier.log_server import Answer, LogServer
from tests.verifier.mirror.sources import files_of, serve_files
from tests.verifier.mirror.written_log import ISSUERS, WrittenLog, new_log


@pytest.fixture(scope="module")
def log() -> WrittenLog:
    return new_log().grow(300)


@pytest.fixture(scope="module")
def forked() -> WrittenLog:
    """Return the log as it is shown to somebody else: from entry 104 on other records."""
    log = new_log().grow(100)
    log.decide(ISSUERS[0], env="shadow")
    return log.grow(100)


class Desk:
    def __init__(self, folder: Path, vkeys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.options = [option for vkey in vkeys for option in ("--log-key", vkey)]
        self.capsys = capsys
        self.err = ""

    def compare(self, *places: str) -> tuple[int, list[tuple[str, int, str]], list[dict[str, Any]]]:
        """Return the exit code, source, size and relation of each view, and failures."""
        code = main(["compare", *places, *self.options, "--json"])
        captured = self.capsys.readouterr()
        self.err = captured.err
        document = json.loads(captured.out)
        told = [(one["source"], one["size"], one["relation"]) for one in document["compared"]]
        return code, told, document["failed"]

    def show(self, *places: str) -> str:
        main(["compare", *places, *self.options])
        return self.capsys.readouterr().out


@pytest.fixture
def desk(log: WrittenLog, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    log.write(tmp_path / "log")
    return Desk(tmp_path, [str(log.vkey)], capsys)


def test_a_file_is_the_beginning_of_a_tree(desk: Desk, log: WrittenLog) -> None:
    (desk.folder / "older").write_bytes(log.note(54))
    code, told, failed = desk.compare("log", "older")
    assert (code, failed) == (0, [])
    assert told == [("log", 304, "consistent"), ("older", 54, "consistent")]
    shown = desk.show("log", "older")
    assert "begins with the tree of 54 at older" in shown
    assert "is the beginning of the tree of 304 at log" in shown
    assert "CONSISTENT: 2 checkpoints are of one tree" in shown
    (desk.folder / "same").write_bytes(log.note(304))
    assert "is the tree of 304 at log" in desk.show("log", "same")


def test_the_state_of_an_audit_and_an_archive_say_what_they_have_seen(desk: Desk, log: WrittenLog) -> None:
    for size in (54, 304):
        for old in (desk.folder / "log").rglob("*"):
            if old.is_file():
                old.unlink()
        log.write(desk.folder / "log", size)
        assert main(["audit", "--folder", "log", "--state", "state", *desk.options, "--checks", "tree"]) == 0
    assert main(["export", "--state", "state", "-o", "log.zip", *desk.options]) == 0
    desk.capsys.readouterr()
    code, told, failed = desk.compare("log.zip", "log")
    assert (code, failed) == (0, [])
    assert told == [
        ("log.zip", 304, "consistent"),
        ("log.zip, seen earlier", 54, "consistent"),
        ("log", 304, "consistent"),
    ]


def test_a_fork_is_one_for_both_and_leaves_one_file(desk: Desk, forked: WrittenLog) -> None:
    forked.write(desk.folder / "other")
    code, told, _ = desk.compare("other", "log")
    assert code == 1
    assert told == [("other", forked.size, "forked"), ("log", 304, "forked")]
    [evidence] = {path.read_bytes() for path in desk.folder.glob("*.fork")}
    assert evidence
    shown = desk.show("log", "other")
    assert "FORK: the log has signed two trees" in shown
    assert "contradicts the tree of 304 at log" in shown
    [path, *_] = desk.folder.glob("*.fork")
    assert main(["verify", str(path), *desk.options]) == 0


def test_evidence_goes_where_it_is_wanted(desk: Desk, forked: WrittenLog) -> None:
    (desk.folder / "other").write_bytes(forked.note())
    assert main(["compare", "log", "other", *desk.options, "--evidence", "kept/here"]) == 1
    assert list(desk.folder.glob("kept/here/*.fork"))
    (desk.folder / "file").write_bytes(b"")
    assert main(["compare", "log", "other", *desk.options, "--evidence", "file/in"]) == 3
    assert "cannot make the folder" in desk.capsys.readouterr().err


def test_a_place_that_is_down_does_not_keep_the_others_from_being_compared(
    desk: Desk, log: WrittenLog, forked: WrittenLog
) -> None:
    (desk.folder / "older").write_bytes(log.note(54))
    with LogServer(lambda _: Answer(404)).running() as server:
        code, told, failed = desk.compare(server.url, "log", "older")
        assert code == 3
        assert [relation for *_, relation in told] == ["consistent", "consistent"]
        assert [one["source"] for one in failed] == [server.url]
        assert server.url in desk.err
        assert "COULD NOT COMPARE ALL: 1 error, see above" in desk.show(server.url, "log", "older")
        (desk.folder / "other").write_bytes(forked.note())
        assert desk.compare(server.url, "log", "other")[0] == 1


def test_a_server_is_asked_for_tiles_and_gets_no_token(desk: Desk, log: WrittenLog) -> None:
    (desk.folder / "older").write_bytes(log.note(254))
    with LogServer(serve_files(files_of(log))).running() as server:
        assert desk.compare(server.url, "older")[0] == 0
    assert all("Authorization" not in asked.headers for asked in server.asked)


def test_tiles_that_are_not_the_signed_ones_are_refused(desk: Desk, log: WrittenLog) -> None:
    [partial] = (desk.folder / "log" / "tile" / "0" / "001.p").iterdir()
    partial.write_bytes(bytes(len(partial.read_bytes())))
    (desk.folder / "older").write_bytes(log.note(54))
    code, told, [failed] = desk.compare("log", "older")
    assert (code, failed["error"]) == (1, "bad_proof")
    assert [relation for *_, relation in told] == ["unproven", "unproven"]


def test_a_tile_below_the_edge_is_needed_and_is_not_there(desk: Desk, log: WrittenLog) -> None:
    (desk.folder / "log" / "tile" / "0" / "000").unlink()
    (desk.folder / "older").write_bytes(log.note(54))
    code, told, failed = desk.compare("log", "older")
    assert code == 3
    assert {one["error"] for one in failed} <= {"absent", "uncheckable"}
    assert [relation for *_, relation in told] == ["unproven", "unproven"]


def test_a_checkpoint_by_another_key_is_not_the_logs(desk: Desk, log: WrittenLog) -> None:
    (desk.folder / "false").write_bytes(log.note(54)[:-9] + b"AAAAAAA=\n")
    code, told, failed = desk.compare("log", "false")
    assert code == 1
    assert [one["source"] for one in failed] == ["false"]
    assert told == [("log", 304, "unproven")]


def test_one_place_alone_is_compared_with_nothing(desk: Desk) -> None:
    assert desk.compare("log") == (3, [("log", 304, "unproven")], [])
    assert "COULD NOT COMPARE ALL: nothing to hold 1 of them against" in desk.show("log")


def test_several_logs_are_compared_each_with_itself(desk: Desk, log: WrittenLog) -> None:
    other = new_log(origin="other.example").grow(20)
    other.write(desk.folder / "other")
    (desk.folder / "a").write_bytes(log.note(54))
    (desk.folder / "b").write_bytes(other.note(4))
    desk.options += ["--log-key", str(other.vkey)]
    code, told, _ = desk.compare("log", "other", "a", "b")
    assert (code, {relation for *_, relation in told}) == (0, {"consistent"})
    assert "4 checkpoints are of 2 logs, each of one tree" in desk.show("log", "other", "a", "b")


def test_an_empty_tree_is_the_beginning_of_every_tree(desk: Desk, log: WrittenLog) -> None:
    empty = WrittenLog(origin=log.origin)
    (desk.folder / "empty").mkdir()
    (desk.folder / "empty" / "checkpoint").write_bytes(empty.note())
    code, told, _ = desk.compare("empty", "log")
    assert (code, told) == (0, [("empty", 0, "consistent"), ("log", 304, "consistent")])


def test_files_of_one_size_are_compared_and_of_two_sizes_are_not(desk: Desk, log: WrittenLog) -> None:
    for name, size in (("a", 54), ("b", 54), ("c", 104)):
        (desk.folder / name).write_bytes(log.note(size))
    code, told, _ = desk.compare("a", "b", "c")
    assert (code, [relation for *_, relation in told]) == (3, ["consistent", "consistent", "unproven"])


@pytest.mark.parametrize("form", ["proof", "bundle"])
def test_checkpoints_are_taken_from_the_evidence_of_an_entry(desk: Desk, log: WrittenLog, form: str) -> None:
    data = log.proof(7).encode() if form == "proof" else log.bundle(7).encode()
    (desk.folder / "kept").write_bytes(data)
    assert desk.compare("log", "kept")[0] == 0


@pytest.mark.parametrize("content", [b"", b"nothing of ours", b"PK\3\4 no archive"])
def test_a_file_without_a_checkpoint_is_refused(desk: Desk, content: bytes) -> None:
    (desk.folder / "file").write_bytes(content)
    code, told, [failed] = desk.compare("file")
    assert (code, told) == (1, [])
    assert failed["message"].startswith("expected")


def test_a_place_that_is_not_there_is_named(desk: Desk) -> None:
    code, _, [failed] = desk.compare("log", "nowhere")
    assert (code, failed["source"]) == (3, "nowhere")
