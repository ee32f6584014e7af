"""From a real log to a report and a sample: served, audited, reported, drawn, and every drawn bundle verified."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.e2e.installed import install
from tests.e2e.processes import PATIENCE_S
from tests.verifier.pages.documents import faults, read_page

RECORDS = 300
DRAWN = 3


@dataclass(frozen=True)
class Made:
    """The state of an audit, and how its log is trusted. The log is gone."""

    state: Path
    vkey: str


def glasslog(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glasslog", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    log = install(tmp_path_factory.mktemp("reported") / "log")
    state = log.folder / "audit"
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        client.post_all([log.issuer.statement() for _ in range(RECORDS)])
        source = ("--log", server.url, "--log-key", log.vkey)
        done = glasslog("audit", *source, "--state", state, "--processes", 0)
    assert done.returncode == 1, done.stderr  # records of long ago: late
    return Made(state, str(log.vkey))


def test_a_report_of_a_real_log(made: Made, tmp_path: Path) -> None:
    done = glasslog("report", "--state", made.state, "-o", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "report/report.html").read_text()
    assert faults(html) == []
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["scope"]["types"]["guardrail-execution"] == RECORDS
    late = {finding["check"] for finding in report["findings"]["shown"]}
    assert "lateness" in late
    said = read_page(html).text
    assert f"{RECORDS:,} executions of 1 guardrail" in said
    assert f"not drawn: {RECORDS:,} records that claim a time outside the period" in said
    with (tmp_path / "report/findings.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == sum(report["findings"]["counts"].values())


def test_a_sample_of_a_real_log_verifies(made: Made, tmp_path: Path) -> None:
    given = ("--size", DRAWN, "--type", "guardrail-execution", "--log-key", made.vkey)
    seed = made.state / "checkpoint"
    done = glasslog("sample", "--state", made.state, "--seed-from", seed, *given, "-o", tmp_path / "sample")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "sample/worksheet.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == DRAWN
    for line in lines:
        bundle = tmp_path / "sample" / line["file"]
        told = glasslog("verify", bundle, "--log-key", made.vkey, "--entry-id", line["entry_id"], "--json")
        assert told.returncode == 0, told.stdout
        assert json.loads(told.stdout)["shown"]["index"] == int(line["index"])
