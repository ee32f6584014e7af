"""`glasslog audit` and `glasslog export`, as they are typed."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from glasslog.cli import main
from tests.verifier.log_server import LogServer
from tests.verifier.mirror.sources import files_of, rows, serve_files
from tests.verifier.mirror.written_log import ISSUERS, new_log

LOG = new_log().grow(300)
KEY = ("--log-key", str(LOG.vkey))
REPLAYED = ("--checks", "tree,consistency,signature,authority,schema")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return LOG.write(tmp_path_factory.mktemp("log"))


def audited(state: Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code = main(["audit", "--state", str(state), *KEY, *REPLAYED, *map(str, arguments)])
    return code, json.loads((state / "audit.json").read_text())


def test_server_folder_and_archive_give_the_same(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LogServer(serve_files(files_of(LOG))).running() as server:
        http = audited(tmp_path / "http", "--log", server.url)
        code = main(["export", "--log", server.url, "-o", str(tmp_path / "http.zip"), *KEY])
    assert code == 0
    in_folder = audited(tmp_path / "folder", "--folder", folder)
    assert main(["export", "--state", str(tmp_path / "folder"), "-o", str(tmp_path / "log.zip")]) == 0
    archive = audited(tmp_path / "archive", "--archive", tmp_path / "log.zip")
    assert main(["export", "--state", str(tmp_path / "archive"), "-o", str(tmp_path / "again.zip"), *KEY]) == 0
    assert (tmp_path / "log.zip").read_bytes() == (tmp_path / "http.zip").read_bytes()
    assert (tmp_path / "log.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert rows(tmp_path / "http") == rows(tmp_path / "folder") == rows(tmp_path / "archive")
    for code, document in (http, in_folder, archive):
        assert code == 0
        assert document["verdict"] == "verified"
        assert document["checks"] == http[1]["checks"]
        assert document["tree"] == http[1]["tree"]
    assert not list(tmp_path.glob(".glasslog-export*"))
    assert f"{LOG.size} entries" in capsys.readouterr().out


def test_a_person_reads_steps_checks_and_the_verdict(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = audited(tmp_path, "--folder", folder)
    said = capsys.readouterr()
    assert code == 0
    assert "1 ✓ The log signed the checkpoint" in said.out
    assert "signature" in said.out
    assert "NOTHING FOUND" in said.out
    assert said.err == ""


def test_a_machine_reads_one_document_and_lines_of_progress(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = audited(tmp_path, "--folder", folder, "--json")
    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out) == document
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert {line["phase"] for line in lines} == {"replay", "checks"}
    assert lines[0].keys() == {"phase", "done", "total", "per_s", "left_s"}
    assert document["schema"] == "glasslog-audit/1"
    assert document["tree"]["checkpoint"] == LOG.note().decode()
    assert [step["number"] for step in document["steps"]] == [1, 2, 3, 4, 5, 6]
    assert all(step["specification"] for step in document["steps"])


def test_findings_are_written_down_and_fail_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = new_log().grow(60)
    log.decide(ISSUERS[0], key=type(LOG.log_key)(bytes(32)))
    log.sign_head()
    code, document = audited(tmp_path / "state", "--folder", log.write(tmp_path / "log"))
    assert code == 1
    assert document["verdict"] == "failed"
    assert document["replayed"]["refused"]["authority"] == 1
    with (tmp_path / "state/findings.csv").open() as file:
        [finding] = csv.DictReader(file)
    assert finding["check"] == "authority"
    assert finding["entry_ids"] == log.entries[-1].leaf_hash.hex()
    assert "critical" in capsys.readouterr().out


def test_what_could_not_be_read_is_no_verdict_on_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    code, document = audited(tmp_path / "state", "--folder", tmp_path / "empty")
    assert code == 3
    assert document["verdict"] == "could-not-check"
    assert document["tree"] is None
    assert "COULD NOT CHECK" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--folder", "FOLDER", "--log", "http://localhost"],
        ["--folder", "FOLDER", "--checks", "nonsense"],
        ["--folder", "FOLDER", "--from", "yesterday"],
        ["--folder", "FOLDER", "--from", "2025-02-01", "--to", "2025-01-01"],
        ["--folder", "FOLDER", "--processes", "-1"],
        ["--archive", "none.zip"],
    ],
)
def test_wrong_usage_is_said(
    folder: Path, tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(folder) if argument == "FOLDER" else argument for argument in arguments]
    assert main(["audit", "--state", str(tmp_path / "state"), *KEY, *given]) == 2
    assert "Error" in capsys.readouterr().err
    assert main(["audit", "--state", str(tmp_path / "state"), "--folder", str(folder)]) == 2


def test_a_window_and_issuers_make_the_scope(folder: Path, tmp_path: Path) -> None:
    arguments = ["--from", "2025-01-01", "--to", "2025-01-01T00:00:00.050Z", "--issuer", ISSUERS[0]]
    _, document = audited(tmp_path, "--folder", folder, *arguments)
    assert document["scope"]["start"] == 1_735_689_600_000
    assert document["scope"]["end"] == 1_735_689_600_050
    assert document["scope"]["issuers"] == [ISSUERS[0]]
    assert document["log"]["records_in_scope"] == 50


def test_an_export_needs_one_place_and_a_finished_audit(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ("-o", str(tmp_path / "log.zip"))
    assert main(["export", *output]) == 2
    assert main(["export", "--state", str(tmp_path), *output]) == 3
    audited(tmp_path / "state", "--folder", folder)
    wrong = ("--log-key", str(new_log(origin="log.example/other").vkey))
    assert main(["export", "--state", str(tmp_path / "state"), *wrong, *output]) == 1
    assert not (tmp_path / "log.zip").exists()
    assert capsys.readouterr().err
