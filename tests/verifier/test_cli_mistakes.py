"""What people do by mistake, and what their machines do to them: one line that helps, and the right exit code."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from glasslog.limits import BUNDLE_BYTES_MAX
from glasslog.records import encode_record
from tests.verifier.desk import Desk
from tests.verifier.evidence import VKEY, inference_body, record_fields, small_log

KEY = ("--log-key", str(VKEY))
NOWHERE = "http://127.0.0.1:1"
ENTRY = "0" * 64


@pytest.fixture
def evidence(desk: Desk) -> str:
    return desk.put("evidence.glasslog", small_log(1).bundle(2).encode())


def test_a_key_file_without_its_mark_is_named_in_the_error(desk: Desk, evidence: str) -> None:
    outcome = desk.run("verify", evidence, "--log-key", "log.vkey")
    assert outcome.code == 2
    assert "or @ and a file that holds it, got 'log.vkey'" in outcome.err


@pytest.mark.parametrize("url", ["nonsense", "ftp://log.example", "", "http://", "http://log.example:port"])
@pytest.mark.parametrize("command", ["audit", "export", "fetch", "monitor", "reconstruct"])
def test_a_url_that_is_none_is_wrong_usage(desk: Desk, command: str, url: str) -> None:
    rest = {
        "audit": ["--state", "new"],
        "export": ["-o", "log.zip"],
        "fetch": ["--entry-id", ENTRY, "-o", "file"],
        "monitor": ["--state", "new", "--once"],
        "reconstruct": ["--decision", "urn:example:1", "-o", "new"],
    }
    outcome = desk.run(command, "--log", url, *KEY, *rest[command])
    assert outcome.code == 2
    assert "'--log': expected a URL such as https://log.example" in outcome.err
    assert not (desk.folder / "new").exists()


def test_other_options_of_a_monitor_are_looked_at_too(desk: Desk) -> None:
    for option, value in (("--webhook", "nonsense"), ("--decision", "4711")):
        outcome = desk.run("monitor", "--log", NOWHERE, *KEY, "--state", "new", "--once", option, value)
        assert (outcome.code, "Invalid value for" in outcome.err) == (2, True)
        assert option in outcome.err


def test_nothing_is_put_between_the_files_of_something_else(desk: Desk) -> None:
    (desk.folder / "mine").mkdir()
    (desk.folder / "mine" / "thesis.txt").touch()
    for command in (["audit"], ["monitor", "--once"]):
        outcome = desk.run(*command, "--log", NOWHERE, *KEY, "--state", "mine")
        assert outcome.code == 2
        assert "expected a new or empty folder, or one that this command has made, got mine" in outcome.err
    assert [path.name for path in (desk.folder / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fetch", "--log", NOWHERE, "--entry-id", ENTRY, "-o", "pipe"],
        ["export", "--log", NOWHERE, *KEY, "-o", "pipe"],
        ["report", "--state", "audit", "-o", "page.html", "--csv", "pipe"],
        ["reconstruct", "--decision", "urn:example:1", "--log", NOWHERE, *KEY, "-o", "page.html", "--json", "pipe"],
    ],
)
def test_a_device_or_pipe_is_not_replaced_by_a_file(desk: Desk, arguments: list[str]) -> None:
    os.mkfifo(desk.folder / "pipe")
    (desk.folder / "audit").mkdir()
    outcome = desk.run(*arguments)
    assert outcome.code == 2
    assert "expected a file or a folder, got a device or a pipe: pipe" in outcome.err
    assert (desk.folder / "pipe").is_fifo()


def test_a_log_that_is_not_there_is_told_of_at_once(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    outcome = desk.run("audit", "--log", address, *KEY, "--state", "new", "--json")
    assert outcome.code == 3
    assert outcome.document["verdict"] == "could-not-check"
    assert "Connection refused" in outcome.document["steps"][0]["reason"]
    outcome = desk.run("export", "--log", address, *KEY, "-o", "log.zip")
    assert outcome.code == 3
    assert "Connection refused" in outcome.err
    assert not (desk.folder / "log.zip").exists()
    outcome = desk.run("compare", address, *KEY)
    assert outcome.code == 3
    assert "Connection refused" in outcome.err


def test_a_place_that_cannot_be_read_does_not_end_a_comparison(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("unreadable", "")
    desk.put("checkpoint", small_log(1).checkpoint())

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with monkeypatch.context() as patch:
        patch.setattr("glasslog.sources.places.Path.open", refuse)
        outcome = desk.run("compare", "unreadable", *KEY)
    assert (outcome.code, outcome.err) == (3, "Error: unreadable: cannot read unreadable: Permission denied\n")


def test_a_file_that_is_too_large_is_named(desk: Desk, evidence: str) -> None:
    desk.put("large", bytes(300_000))
    outcome = desk.run("verify", evidence, *KEY, "--statement", "large")
    assert outcome.code == 1
    assert outcome.err.startswith("Error: large: expected a file of at most ")


WRONG = {
    "log.zip": "a ZIP archive: if it is an exported log, `glasslog audit --archive FILE` takes it",
    "audit.json": "a JSON document: it tells of evidence, and the evidence is what can be verified",
    "record": "an evidence record: `glasslog inspect FILE` shows what it holds",
    "key": "a verifier key: `--log-key @FILE` takes it",
}


@pytest.fixture
def wrong_files(desk: Desk) -> None:
    with ZipFile(desk.folder / "log.zip", "w") as file:
        file.writestr("checkpoint", small_log(1).checkpoint())
    desk.put("audit.json", '{"verdict": "failed"}')
    desk.put("record", encode_record(record_fields("inference", inference_body())))
    desk.put("key", str(VKEY))


@pytest.mark.parametrize("name", list(WRONG))
@pytest.mark.usefixtures("wrong_files")
def test_a_file_for_another_command_is_named_with_that_command(desk: Desk, name: str) -> None:
    outcome = desk.run("verify", name, *KEY)
    assert (outcome.code, f"there is nothing to verify here in {WRONG[name]}" in outcome.out) == (3, True)
    outcome = desk.run("verify", name, *KEY, "--json")
    assert outcome.document["verdict"] == "could-not-check"
    if name != "log.zip":  # which a comparison reads
        outcome = desk.run("compare", name, *KEY)
        assert (outcome.code, f"got {WRONG[name]}" in outcome.err) == (1, True)


@pytest.mark.usefixtures("wrong_files")
def test_what_cannot_be_inspected_is_named_too(desk: Desk) -> None:
    for name in ("log.zip", "audit.json"):
        outcome = desk.run("inspect", name)
        assert (outcome.code, outcome.out, f"got {WRONG[name]}" in outcome.err) == (3, "", True)


@pytest.mark.usefixtures("wrong_files")
def test_an_archive_that_is_too_large_for_evidence_is_named(desk: Desk) -> None:
    with (desk.folder / "log.zip").open("ab") as file:
        file.truncate(BUNDLE_BYTES_MAX + 1)
    outcome = desk.run("verify", "log.zip", *KEY)
    assert (outcome.code, f"it looks like {WRONG['log.zip']}" in outcome.err) == (1, True)


def test_a_folder_without_an_erasure_is_told(desk: Desk, evidence: str) -> None:
    (desk.folder / "none").mkdir()
    outcome = desk.run("verify", evidence, *KEY, "--erasure", "none")
    assert outcome.code == 0
    assert outcome.err == "Note: none holds no evidence of an erasure.\n"


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_full_disk_under_the_output_is_one_line(desk: Desk, evidence: str, arguments: tuple[str, ...]) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    with full.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "glasslog", "verify", evidence, *KEY, *arguments],
            cwd=desk.folder,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr == "Error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_changes_no_verdict(desk: Desk, evidence: str, closed: str) -> None:
    command = f"'{sys.executable}' -m glasslog verify {evidence} --log-key '{VKEY}' {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=desk.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_help_has_the_exit_codes_and_a_command_to_begin_with(desk: Desk) -> None:
    said = desk.run("--help").out
    assert "glasslog verify evidence.glasslog --log-key @log.vkey" in said
    assert "2 wrong usage; 3 could not check" in " ".join(said.split())
