import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3
from rich.console import Console

from glasslog.verify import Trust
from glasslog.vkey import decode_vkey
from glasslog_issuer.cli import main
from glasslog_issuer.demo import outsiders as demo_outsiders
from glasslog_issuer.demo.outsiders import Outsiders
from glasslog_issuer.demo.run import Demonstration
from glasslog_issuer.keys import load_key
from glasslog_issuer.stage.narration import Narration
from glasslog_issuer.stage.stage import Stage
from glasslog_issuer.stage.summary import Summary

COMMAND = [sys.executable, "-m", "glasslog_issuer", "demo"]


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=100, check=False)


def _demonstrate(folder: Path, decisions: int) -> tuple[Demonstration, str]:
    told = io.StringIO()
    demonstration = Demonstration(folder, decisions, Narration(Console(file=told, width=120)))
    demonstration.run()
    return demonstration, told.getvalue()


def test_what_should_verify_does_and_what_should_be_caught_is(tmp_path: Path) -> None:
    done = _run("--json", "--decisions", "60", "--keep", str(tmp_path / "kept"))
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert summary["holds"] is True
    records = sum(summary["records"].values())
    assert {check["name"]: check["found"] for check in summary["checks"]} == {
        "what the vault still opens of an erased decision": "nothing",
        "records under the signed checkpoint": str(records),
        "entries of one decision": "4",
        "glasslog fetch": "exit code 0",
        "glasslog fetch, erased-decision.glasslog": "exit code 0",
        "glasslog fetch, erasure.glasslog": "exit code 0",
        "glasslog reconstruct": "exit code 0",
        "glasslog audit, nothing found": "exit code 0",
        "glasslog report": "exit code 0",
        "glasslog-server, told to stop": "exit code 0",
        "receipts verified offline": str(records),
        "glasslog verify, genuine evidence": "exit code 0",
        "glasslog verify, erased decision": "exit code 0",
        "glasslog verify, altered record": "exit code 1",
        "glasslog verify, altered proof": "exit code 1",
        "glasslog verify, forged checkpoint": "exit code 1",
    }
    assert summary["decisions"]["total"] == 60
    assert summary["records"]["inference"] == summary["records"]["oversight"] == summary["records"]["notice"] == 60
    assert {"outcome", "evaluation", "deployment", "monitoring", "incident"} <= summary["records"].keys()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Demonstration, str]:
    folder = tmp_path_factory.mktemp("demonstration")
    return (folder, *_demonstrate(folder, 60))


def test_what_is_kept_is_what_the_records_speak_of(finished: tuple[Path, Demonstration, str]) -> None:
    folder, demonstration, told = finished
    weights = (folder / "model" / "weights.json").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == demonstration.summary.model["weights_digest"]
    assert len(list((folder / "receipts").iterdir())) == sum(demonstration.summary.records.values())
    assert "VERIFIED" in told
    assert "6 ✗ The checkpoint's tree holds the entry" in told
    assert "NOTHING FOUND" in told
    assert "erased on" in told


def _stage() -> tuple[Stage, io.StringIO]:
    told = io.StringIO()
    return Stage(Summary(), Narration(Console(file=told, width=120))), told


@pytest.mark.parametrize("forgery", ["with_altered_record", "with_altered_proof"])
def test_a_forgery_that_is_not_caught_ends_the_demo_badly(
    finished: tuple[Path, Demonstration, str], monkeypatch: pytest.MonkeyPatch, forgery: str
) -> None:
    monkeypatch.setattr(demo_outsiders, forgery, lambda bundle: bundle)
    stage, told = _stage()
    Outsiders(finished[0], stage).forge()
    assert not stage.summary.holds
    [broken] = [check for check in stage.summary.checks if not check.holds]
    assert (broken.expected, broken.found) == ("exit code 1", "exit code 0")
    assert "✗ glasslog verify, altered" in told.getvalue()


def test_a_receipt_that_does_not_verify_ends_the_demo_badly(
    finished: tuple[Path, Demonstration, str], tmp_path: Path
) -> None:
    folder, demonstration, _ = finished
    receipts = sorted((folder / "receipts").iterdir())[:3]
    for receipt in receipts:
        (tmp_path / receipt.name).write_bytes(receipt.read_bytes())
    damaged = tmp_path / receipts[1].name
    damaged.write_bytes(damaged.read_bytes()[:-1] + bytes((damaged.read_bytes()[-1] ^ 1,)))
    trust = Trust(
        (decode_vkey(demonstration.summary.log["vkey"]),), issuer_key=load_key(folder / "log" / "issuer.pem").public_key
    )
    stage, _ = _stage()
    Outsiders(folder, stage).verify_receipts(tmp_path, trust, 3)
    assert [(check.expected, check.found) for check in stage.summary.checks] == [("3", "2")]


def test_a_folder_with_files_in_it_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert main(["demo", "--keep", str(tmp_path)]) == 3
    assert "expected an empty folder" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("decisions", ["59", "many"])
def test_wrong_usage_is_told(capsys: pytest.CaptureFixture[str], decisions: str) -> None:
    assert main(["demo", "--decisions", decisions]) == 2
    assert "--decisions" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*COMMAND, "--decisions", "400"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if line.startswith("3."):
                process.send_signal(number)
                break
        told += process.stdout.read()
        assert process.wait(60) != 0
    assert "\n9. " not in told
    assert list(tmp_path.iterdir()) == []
    [url] = [word.rstrip(".") for word in told.split() if word.startswith("http://")]
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", f"{url}/checkpoint", retries=False, timeout=5)
