"""The log that the benchmark audits is an honest vendor's: every check has something to look at and nothing to object.

Nine rounds have all that a vendor records but the seals and counts of every tenth minute.
"""

import json
from pathlib import Path

import pytest

from benchmarks.audited_log import make_log
from glasslog.cli import main

ENTRIES = 9_000
SELDOM = {"seals", "reconciliations"}


def test_audit_of_the_benchmarks_log_looks_at_everything_and_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = make_log(tmp_path, ENTRIES)
    arguments = ["--archive", log.archive, "--log-key", log.key, "--state", tmp_path / "state", "--json"]
    assert main(["audit", *map(str, arguments)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["log"]["entries"] == ENTRIES
    assert not any(document["summary"]["findings"].values())
    unexamined = {check["id"] for check in document["checks"] if not check["examined"]["count"]}
    assert unexamined == SELDOM
