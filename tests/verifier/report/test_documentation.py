"""docs/reporting.md: its commands are run as they stand, its file of controls is read, its tables are complete."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from glasslog.audit.result import CSV_COLUMNS
from glasslog.cli import main
from glasslog.report import decode_frameworks
from glasslog.report.kinds import KINDS
from glasslog.sampling.worksheet import COLUMNS
from tests.verifier.log_server import LogServer
from tests.verifier.mirror.sources import files_of, serve_files
from tests.verifier.mirror.written_log import new_log
from tests.verifier.report.test_report import VERDICTS_ON_THE_LAW

PAGE = (Path(__file__).parents[3] / "docs" / "reporting.md").read_text()
LOG = new_log().grow(60)
REPORT_TABLE = PAGE.partition("### report.json")[2].partition("## Samples")[0]
SAMPLE_TABLE = PAGE.partition("### sample.json")[2]


def block(kind: str) -> str:
    [found] = re.findall(rf"<!-- tested[^>]*-->\n```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def fields(table: str) -> set[str]:
    rows = re.findall(r"(?m)^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", table)
    return {name for row in rows for name in re.findall(r"[a-z_]+", row)}


def test_the_commands_do_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.vkey").write_text(f"{LOG.vkey}\n")
    Path("own.toml").write_text(block("toml"))
    Path("later.checkpoint").write_bytes(LOG.note())
    with LogServer(serve_files(files_of(LOG))).running() as server:
        for program, command, *arguments in map(shlex.split, block("sh").splitlines()):
            assert program == "glasslog"
            given = [argument.replace("https://log.example", server.url) for argument in arguments]
            assert main([command, *given]) == (1 if command == "audit" else 0)  # models were not registered: findings
    assert sorted(path.name for path in Path("report").iterdir()) == ["findings.csv", "report.html", "report.json"]
    assert "Our AI policy" in Path("ours.html").read_text()
    report = json.loads(Path("report/report.json").read_text())
    assert report.keys() == fields(REPORT_TABLE)
    sample = json.loads(Path("sample/sample.json").read_text())
    assert sample.keys() == fields(SAMPLE_TABLE)
    assert len(list(Path("sample/evidence").iterdir())) == sample["size"] == 25
    assert nested(sample) <= set(re.findall(r"[a-z_]+", SAMPLE_TABLE))
    own = {key: value for key, value in report.items() if key not in {"windows", "steps", "checks", "findings"}}
    own["scope"] = {**own["scope"], "types": {}, "chosen": {}, "period": {}, "replayed": {}}
    assert nested(own) - counted(own) <= set(re.findall(r"[a-z_]+", REPORT_TABLE))


def nested(value: Any) -> set[str]:  # noqa: ANN401
    """Return every name of a field, at any depth."""
    if isinstance(value, list):
        return {name for each in value for name in nested(each)}
    if isinstance(value, dict):
        return set(value) | {name for each in value.values() for name in nested(each)}
    return set()


def counted(report: dict[str, Any]) -> set[str]:
    """Return names that are values: types of records, verdicts, states."""
    states = {state for each in report["coverage"] for state in each["states"]}
    records = [asked for each in report["coverage"] for control in each["controls"] for asked in control["records"]]
    units = {"count", "unit"}  # of `examined`, as in audit.json
    return {name for asked in records for name in asked["counts"]} | set(report["verdicts"]) | states | units


def test_the_file_of_controls_is_read() -> None:
    [framework] = decode_frameworks(block("toml").encode())
    assert framework.id == "our-policy"


def test_the_table_of_kinds_is_complete() -> None:
    table = PAGE.partition("kinds that can be asked for")[2].partition("###")[0]
    rows = dict(re.findall(r"(?m)^\| `([a-z-]+)` \| ([a-z, -]+) \|$", table))
    assert rows == {name: ", ".join(kinds) for name, (_, _, kinds) in KINDS.items()}


def test_the_columns_are_named() -> None:
    assert ", ".join(CSV_COLUMNS) in PAGE.replace("\n", " ")
    for column in COLUMNS:
        assert column in PAGE


def test_every_option_of_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "sample", "verify", "audit"):
        main([command, "--help"])
    usage = capsys.readouterr().out
    for option in set(re.findall(r"(--[a-z][a-z-]+)", PAGE)):
        assert option in usage, option


def test_the_page_gives_no_verdict_on_the_law() -> None:
    assert VERDICTS_ON_THE_LAW.search(PAGE) is None
