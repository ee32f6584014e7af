"""`glasslog monitor`, the whole command, against files behind a real HTTP server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glasslog.cli import main, monitor
from glasslog.monitor.holding import held
from tests.verifier.log_server import Answer, LogServer
from tests.verifier.mirror.sources import QUICK, files_of, serve_files
from tests.verifier.mirror.written_log import WrittenLog, new_log
from tests.verifier.monitor.hooks import Hook
from tests.verifier.monitor.test_rounds import gap


@pytest.fixture
def log() -> WrittenLog:
    log = new_log().grow(300)
    gap(log)
    return log


@pytest.fixture
def server(log: WrittenLog, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogServer]:
    monkeypatch.setattr(monitor, "PATIENCE", QUICK)
    with LogServer(serve_files(files_of(log))).running() as running:
        yield running


class Desk:
    def __init__(self, log: WrittenLog, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.arguments = ["monitor", "--log-key", str(log.vkey), "--state", str(state), "--stale-after", "1e10"]
        self.capsys = capsys
        self.err = ""

    def run(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        code = main([*self.arguments, "--checks", "stream-gaps", "--json", *arguments])
        captured = self.capsys.readouterr()
        self.err = captured.err
        return code, [json.loads(line) for line in captured.out.splitlines()]


@pytest.fixture
def desk(log: WrittenLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(log, tmp_path / "state", capsys)


def test_once_tells_once(desk: Desk, server: LogServer) -> None:
    code, [alert] = desk.run("--log", server.url, "--once")
    assert (code, alert["alert"], desk.err) == (1, "stream-gaps", "")
    assert desk.run("--log", server.url, "--once") == (0, [])


def test_a_log_that_is_not_there_is_exit_code_3(desk: Desk, server: LogServer) -> None:
    server.answer = lambda _: Answer(500)
    assert desk.run("--log", server.url, "--once") == (3, [])
    assert "status 500" in desk.err


def test_a_person_gets_lines_that_print(desk: Desk, server: LogServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*desk.arguments, "--log", server.url, "--once", "--checks", "stream-gaps"]) == 1
    out = capsys.readouterr().out
    assert " high     stream-gaps        log.example/2025  number 100 is missing in the stream" in out


def test_a_webhook_and_metrics(desk: Desk, server: LogServer) -> None:
    with Hook().running() as hook:
        options = ("--webhook", hook.url, "--metrics-listen", "127.0.0.1:0", "--exit-on-alert")
        code, [alert] = desk.run("--log", server.url, *options)
    assert (code, hook.got) == (1, [{"alerts": [alert]}])
    assert desk.err.startswith("metrics at http://127.0.0.1:")


def test_two_places_have_folders_of_their_own(desk: Desk, server: LogServer, log: WrittenLog, tmp_path: Path) -> None:
    with LogServer(serve_files(files_of(log, 54))).running() as behind:
        code, alerts = desk.run("--log", server.url, "--log", behind.url, "--once")
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["stream-gaps"])  # and nobody has gone back
    assert len([path for path in (tmp_path / "state").iterdir() if path.is_dir()]) == 2


def test_a_first_mirroring_is_cut_off_by_a_signal_and_nothing_is_lost(desk: Desk, server: LogServer) -> None:
    honest = server.answer

    def answer(path: str) -> Answer:
        if path.startswith("/tile/entries/"):
            os.kill(os.getpid(), signal.SIGTERM)
            server.answer = honest
        return honest(path)

    server.answer = answer
    assert desk.run("--log", server.url) == (0, [])
    code, [alert] = desk.run("--log", server.url, "--once")
    assert (code, alert["alert"]) == (1, "stream-gaps")


def test_a_monitor_that_is_killed_while_it_tells_loses_no_alert(desk: Desk, server: LogServer) -> None:
    with Hook().running() as hook:
        arguments = [*desk.arguments, "--checks", "stream-gaps", "--log", server.url, "--webhook", hook.url]
        with subprocess.Popen([sys.executable, "-m", "glasslog", *arguments], stdout=subprocess.DEVNULL) as process:
            hook.taken = process.kill
            assert process.wait(60) == -signal.SIGKILL
        hook.taken = lambda: None
        code, [alert] = desk.run("--log", server.url, "--once", "--webhook", hook.url)
    assert (code, alert["alert"]) == (1, "stream-gaps")
    assert [told["id"] for got in hook.got for told in got["alerts"]] == [alert["id"]] * 2


def test_one_state_is_for_one_monitor(desk: Desk, server: LogServer, tmp_path: Path) -> None:
    with held(tmp_path / "state"):
        assert desk.run("--log", server.url, "--once") == (3, [])
    assert "which is in use" in desk.err
    (tmp_path / "file").write_bytes(b"")
    assert desk.run("--log", server.url, "--once", "--state", str(tmp_path / "file" / "in")) == (3, [])
    assert "cannot use" in desk.err


@pytest.mark.parametrize(
    "options, expected",
    [
        (("--checks", "no-such"), "no check is called no-such"),
        (("--metrics-listen", "9100"), "expected ADDRESS:PORT"),
        (("--metrics-listen", "localhost:99999"), "expected ADDRESS:PORT"),
        (("--interval", "0"), "0.1"),
        (("--log", "http://127.0.0.1:2", "--token-file", "token"), "--token-file goes with one --log"),
    ],
)
def test_wrong_usage(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("secret")
    assert desk.run("--log", "http://127.0.0.1:1", *options)[0] == 2
    assert expected in desk.err
