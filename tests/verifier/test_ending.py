"""A command that is told to end does so like an interrupted one: a line, an exit code, nothing half-written."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glasslog.audit.finding import Finding, Severity
from glasslog.cli.ending import SIGNALS, complain, ending_on_signals
from glasslog.mirror.audit import Request
from tests.verifier.desk import Desk
from tests.verifier.evidence import VKEY, small_log

KEY = ("--log-key", str(VKEY))
NOWHERE = "http://127.0.0.1:1"
KEPT = "Interrupted: what was mirrored and verified is in new; the same command goes on from there.\n"


def _raising(number: signal.Signals) -> Callable[..., None]:
    def interrupt(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    return interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, *SIGNALS])
def test_every_signal_that_ends_a_command_is_told_the_same_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr("glasslog.cli.audit.reach", _raising(number))
    outcome = desk.run("audit", "--log", NOWHERE, *KEY, "--state", "new")
    assert (outcome.code, outcome.out, outcome.err) == (130, "", KEPT)


def test_a_command_that_keeps_nothing_begins_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("evidence.glasslog", small_log(1).bundle(2).encode())
    monkeypatch.setattr("glasslog.cli.verify.verify", _raising(signal.SIGTERM))
    outcome = desk.run("verify", "evidence.glasslog", *KEY)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "Interrupted: nothing is half-written; run the same command again.\n"


def test_an_export_that_is_ended_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glasslog.cli.export.sync", _raising(signal.SIGTERM))
    monkeypatch.setattr("glasslog.cli.export.take_checkpoint", lambda *_: None)
    outcome = desk.run("export", "--log", NOWHERE, *KEY, "-o", "log.zip")
    assert outcome.code == 130
    assert [path.name for path in desk.folder.iterdir()] == ["log.vkey"]


def test_an_audit_that_is_ended_leaves_no_half_list_of_findings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def audit(request: Request, _progress: object, tell: Callable[..., None]) -> None:
        request.state.mkdir()
        tell(Finding("stream-gaps", Severity.HIGH, "one is missing"), [])
        assert len(list(request.state.iterdir())) == 1
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("glasslog.cli.audit.audit", audit)
    (desk.folder / "log").mkdir()
    assert desk.run("audit", "--folder", "log", *KEY, "--state", "new").code == 130
    assert list((desk.folder / "new").iterdir()) == []


def test_a_signal_ends_a_process_that_waits_for_a_server(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "glasslog", "audit", "--log", url, *KEY, "--state", "new"]
        with subprocess.Popen(command, cwd=desk.folder, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                said = process.communicate()[1]
    assert (process.returncode, said) == (130, KEPT)


def test_what_the_caller_has_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_on_signals():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("arguments, code", [(["verify", "missing", *KEY], 2), (["verify", "wrong", *KEY], 1)])
def test_a_complaint_that_cannot_be_written_changes_no_exit_code(desk: Desk, arguments: list[str], code: int) -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    desk.put("wrong", b"")
    with full.open("wb") as nowhere:
        command = [sys.executable, "-m", "glasslog", *arguments, "--statement", "wrong"]
        done = subprocess.run(command, cwd=desk.folder, stdout=subprocess.DEVNULL, stderr=nowhere, check=False)
    assert done.returncode == code


def test_complaining_to_nobody_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        complain("nobody reads this")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), broken.fileno())


@pytest.mark.parametrize("program", ["glasslog", "glasslog_issuer", "glasslog_server"])
def test_a_reader_who_goes_away_is_no_failed_verification(program: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        command = [sys.executable, "-m", program, "--help"]
        done = subprocess.run(command, stdout=unread, stderr=subprocess.PIPE, text=True, check=False)
    said = "Error: cannot write the output: nobody reads it any more\n"
    assert (done.returncode, done.stderr) == (3, said)


def test_a_result_that_nobody_reads_is_no_refusal(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        command = [sys.executable, "-m", "glasslog_issuer", "keygen", "-o", "issuer.pem"]
        done = subprocess.run(command, cwd=tmp_path, stdout=unread, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
