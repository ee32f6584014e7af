"""`glasslog-issuer spool`: what a recorder left is seen, sent and looked after without its program."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer.cli import main
from tests.issuer.faulty_log import unavailable
from tests.issuer.parties import MODEL
from tests.issuer.recorder.logs import CheckpointedLog, open_recorder, refuse
from tests.issuer.recorder.spools import add, open_spool
from tests.verifier.evidence import ISSUER


@pytest.fixture
def log() -> Iterator[CheckpointedLog]:
    with CheckpointedLog() as log:
        yield log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a spool in which three records wait."""
    with open_spool(tmp_path / "spool") as spool:
        for _ in range(3):
            add(spool)
    return tmp_path / "spool"


@pytest.fixture
def way(log: CheckpointedLog) -> list[str]:
    return ["--log", log.url, "--log-key", log.vkey]


def told(capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401  JSON
    return json.loads(capsys.readouterr().out)


def test_status_says_what_waits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "status", "--spool", str(folder), "--json"]) == 3
    found = told(capsys)
    assert found.pop("unsent_bytes") > 1_000
    assert found == {
        "issuer": ISSUER,
        "stream": "decisions",
        "next_number": 3,
        "unsent": 3,
        "refused": 0,
        "torn_bytes": 0,
        "in_use": False,
    }
    assert main(["spool", "status", "--spool", str(folder)]) == 3
    assert "next number     3\n" in capsys.readouterr().out


def test_status_can_be_asked_while_a_program_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_spool(folder) as spool:
        add(spool)
        main(["spool", "status", "--spool", str(folder), "--json"])
        found = told(capsys)
        assert (found["in_use"], found["unsent"]) == (True, 4)
        add(spool)
    assert main(["spool", "status", "--spool", str(folder), "--json"]) == 3


def test_status_of_what_is_no_spool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "status", "--spool", str(tmp_path)]) == 3
    assert "expected a spool, got a folder without one" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_flush_sends_what_waits(
    folder: Path, way: list[str], log: CheckpointedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(log.ledger.entries)
    assert main(["spool", "flush", "--spool", str(folder), *way, "--json"]) == 0
    assert told(capsys) == {"sent": 3, "unsent": 0, "refused": 0, "problem": None}
    assert len(log.ledger.entries) == before + 3
    assert main(["spool", "status", "--spool", str(folder)]) == 0
    assert main(["spool", "flush", "--spool", str(folder), *way]) == 0
    assert "sent 0 records; 0 wait, 0 were refused\n" in capsys.readouterr().out


def test_flush_gives_up_when_its_time_is_over(
    folder: Path, way: list[str], log: CheckpointedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log.script.extend([unavailable()] * 1_000)
    assert main(["spool", "flush", "--spool", str(folder), *way, "--timeout", "0.05"]) == 3
    result = capsys.readouterr()
    assert result.out == "sent 0 records; 3 wait, 0 were refused\n"
    assert "3 records left in the spool" in result.err


def test_a_spool_that_a_program_uses_is_not_flushed(
    folder: Path, way: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with open_spool(folder):
        assert main(["spool", "flush", "--spool", str(folder), *way]) == 3
    assert "another process has open" in capsys.readouterr().err


def test_what_was_refused_is_listed_and_sent_again(
    folder: Path, way: list[str], log: CheckpointedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log.script.append(refuse(1))
    assert main(["spool", "flush", "--spool", str(folder), *way]) == 1
    capsys.readouterr()
    assert main(["spool", "refused", "--spool", str(folder), "--json"]) == 1
    found = told(capsys)
    assert (found["number"], found["title"], found["reason"]) == (1, "Rejected", "unknown_key")
    assert main(["spool", "refused", "--spool", str(folder)]) == 1
    assert "1  Rejected: no key of this kid" in capsys.readouterr().out
    log.script.append(refuse(0))
    assert main(["spool", "refused", "--spool", str(folder), "--resend", *way]) == 1
    assert "Rejected: no key of this kid" in capsys.readouterr().out
    assert main(["spool", "refused", "--spool", str(folder), "--resend", *way, "--json"]) == 0
    assert told(capsys)["index"] == len(log.ledger.entries) - 1
    assert main(["spool", "refused", "--spool", str(folder)]) == 0
    assert capsys.readouterr().out == ""


def test_sending_can_stop_at_what_is_refused(
    folder: Path, way: list[str], log: CheckpointedLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log.script.append(refuse(1))
    assert main(["spool", "flush", "--spool", str(folder), *way, "--stop-at-refused"]) == 3
    assert capsys.readouterr().out == "sent 1 record; 2 wait, 0 were refused\n"


def test_resending_needs_to_know_the_log(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spool", "refused", "--spool", str(folder), "--resend"]) == 2
    assert "say --log and --log-key" in capsys.readouterr().err
    assert main(["spool", "flush", "--spool", str(folder), "--log", "x", "--log-key", "y"]) == 2


def test_a_recorder_sends_again_what_was_refused(tmp_path: Path, log: CheckpointedLog) -> None:
    log.script.append(refuse(0))
    with open_recorder(tmp_path, log) as recorder:
        signed = recorder.record(MODEL)
        recorder.flush(30.0)
        assert recorder.status.refused_records == 1
        [outcome] = recorder.resend_refused()
        assert outcome.statement == signed.statement
        assert recorder.status.refused_records == 0
        assert recorder.registered(signed) is not None
