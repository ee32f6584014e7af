"""What both demos are played on."""

import io
import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

from glasslog_issuer.stage.command import ending_on_signals, perform
from glasslog_issuer.stage.customer import Customer
from glasslog_issuer.stage.development_log import development_log
from glasslog_issuer.stage.errors import DemoError
from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.stage import Stage
from glasslog_issuer.stage.summary import Summary


def _play(found: int) -> tuple[Summary, str]:
    told = io.StringIO()
    stage = Stage(Summary(), Narration(Console(file=told, width=100)))
    with stage.step("Do something", "something"):
        stage.narration.guardrails({"scanner": {"allow": 2, "deny": 1}})
    stage.check("things done", expected=3, found=found)
    stage.check_exit("a command", 0, 0)
    stage.narration.end(stage.summary, "All went well.")
    return stage.summary, told.getvalue()


def test_a_demo_in_which_every_check_holds_ends_well() -> None:
    summary, told = _play(3)
    assert summary.holds
    assert "1. Do something" in told
    assert "✓ things done: 3" in told
    assert "All went well. (" in told
    assert list(summary.seconds) == ["something"]


def test_a_check_that_does_not_hold_decides_the_end() -> None:
    summary, told = _play(2)
    assert not summary.holds
    assert "✗ things done: expected 3, got 2" in told
    assert "All went well" not in told


def test_a_demo_without_a_check_has_not_ended_well() -> None:
    assert not Summary().holds


@pytest.mark.parametrize("found, code", [("yes", 0), ("no", 1)])
def test_the_exit_code_is_what_the_checks_come_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: str, code: int
) -> None:
    def demo(folder: Path, narration: Narration) -> Summary:
        stage = Stage(Summary(), narration)
        (folder / "made").touch()
        stage.check("made", expected="yes", found=found)
        return stage.summary

    assert perform(demo, well="Made.", keep=tmp_path / "kept", as_json=False) == code
    assert f"Kept in {tmp_path / 'kept'}: made." in "".join(capsys.readouterr().out.splitlines())
    assert perform(demo, well="Made.", keep=None, as_json=True) == code
    assert json.loads(capsys.readouterr().out)["checks"] == [
        {"name": "made", "expected": "yes", "found": found, "holds": code == 0}
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_unwinds_the_demo_and_nothing_after_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ending_on_signals():
        signal.raise_signal(number)
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_a_log_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("no folder")
    with (
        pytest.raises(DemoError, match=r"expected glasslog-server to start, got (.|\n)*log"),
        development_log(tmp_path / "log", tmp_path / "log.txt"),
    ):
        pass


def test_a_log_has_ended_when_its_block_is_left(tmp_path: Path) -> None:
    with development_log(tmp_path / "log", tmp_path / "log.txt") as log:
        assert log.process.poll() is None
    assert log.process.poll() == 0


def test_the_customer_sees_what_the_command_prints(tmp_path: Path) -> None:
    customer = Customer(tmp_path)
    customer.receive("nothing.glasslog", b"")
    run = customer.run("verify", "nothing.glasslog", "--log-key", "no key")
    assert run.line == "glasslog verify nothing.glasslog --log-key no key"
    assert run.exit_code == 2
    assert "--log-key" in run.output
