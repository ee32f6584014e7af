"""`glasslog report` as it is typed: what it writes, what it refuses, and its exit codes."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from glasslog.cli import main
from tests.verifier.evidence import signing_key
from tests.verifier.mirror.written_log import ISSUERS, new_log
from tests.verifier.pages.documents import faults
from tests.verifier.report.test_coverage import controls


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state of an audit with findings: one entry by a stranger, and models that nobody registered."""
    log = new_log().grow(40)
    log.decide(ISSUERS[0], key=signing_key("stranger"))
    log.sign_head()
    folder = tmp_path_factory.mktemp("audit")
    source = ("--folder", str(log.write(folder / "log")), "--log-key", str(log.vkey))
    assert main(["audit", *source, "--state", str(folder / "state"), "--processes", "0"]) == 1
    return folder / "state"


@pytest.fixture
def state(audited: Path, tmp_path: Path) -> Path:
    shutil.copytree(audited, tmp_path / "state")
    return tmp_path / "state"


def report(state: Path, output: Path, *arguments: object) -> int:
    return main(["report", "--state", str(state), "-o", str(output), *map(str, arguments)])


def test_a_folder_gets_page_document_and_findings(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(state, tmp_path / "out") == 0
    assert faults((tmp_path / "out/report.html").read_text()) == []
    document = json.loads((tmp_path / "out/report.json").read_text())
    assert document["schema"] == "glasslog-report/1"
    with (tmp_path / "out/findings.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == sum(document["findings"]["counts"].values()) > 1
    assert {"authority", "models-registered"} <= {each["check"] for each in found}
    assert (tmp_path / "out/findings.csv").read_bytes() == (state / "findings.csv").read_bytes()
    told = capsys.readouterr().out
    assert f"{len(found)} FINDINGS" in told
    assert "EU AI Act" in told
    assert not list(tmp_path.glob("out/.*"))


def test_a_page_alone_and_the_rest_where_it_is_wanted(state: Path, tmp_path: Path) -> None:
    assert report(state, tmp_path / "a.html") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "state"]
    assert report(state, tmp_path / "b.html", "--json", tmp_path / "b.json", "--csv", tmp_path / "b.csv") == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert json.loads((tmp_path / "b.json").read_text())["replayed"] is True
    assert (tmp_path / "b.csv").exists()


def test_controls_of_ones_own_come_beside_the_others(state: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(controls(records=["inference"], checks=["ids"]))
    assert report(state, tmp_path / "out", "--controls", own) == 0
    coverage = json.loads((tmp_path / "out/report.json").read_text())["coverage"]
    assert [each["id"] for each in coverage][-1] == "own"
    assert coverage[-1]["controls"][0]["state"] == "insufficient"  # an entry by a stranger: nothing rests on it
    assert "The evidence itself does not hold" in (tmp_path / "out/report.html").read_text()


def test_controls_that_are_wrong_are_refused_with_file_and_place(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(controls(records=["inferense"]))
    assert report(state, tmp_path / "out", "--controls", own) == 1
    told = capsys.readouterr().err
    assert "own.toml: framework own, control 1, records: expected types of records" in told
    own.write_text(controls(records=["inference"]))
    assert report(state, tmp_path / "out", "--controls", own, "--controls", own) == 1
    assert not (tmp_path / "out").exists()


def test_an_audit_that_read_nothing_gives_a_report_of_that(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = ("--folder", str(tmp_path / "empty"), "--log-key", str(new_log().vkey))
    assert main(["audit", *source, "--state", str(tmp_path / "state"), "--processes", "0"]) == 3
    assert report(tmp_path / "state", tmp_path / "out") == 0
    assert "could not be replayed" in (tmp_path / "out/report.html").read_text()
    assert (tmp_path / "out/findings.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda state: (state / "audit.json").unlink(), 3),
        (lambda state: (state / "audit.json").write_text("{"), 1),
        (lambda state: (state / "audit.json").write_text("[]"), 1),
        (lambda state: (state / "audit.json").write_text('{"schema": "glasslog-audit/7"}'), 1),
        (lambda state: (state / "audit.sqlite").unlink(), 3),
        (lambda state: (state / "findings.csv").unlink(), 3),
        (lambda state: (state / "findings.csv").write_text("check,severity\n"), 1),
        (lambda state: (state / "findings.csv").write_bytes((state / "findings.csv").read_bytes() * 2), 3),
    ],
)
def test_a_state_that_is_not_whole_gives_no_report_that_looks_so(
    state: Path, tmp_path: Path, spoil: object, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(spoil)
    spoil(state)
    assert report(state, tmp_path / "out") == code
    assert "Error: expected" in (said := capsys.readouterr().err) or "Error: cannot" in said
    assert not (tmp_path / "out/findings.csv").exists()


def test_wrong_usage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "-o", str(tmp_path)]) == 2
    assert main(["report", "--state", str(tmp_path / "none"), "-o", str(tmp_path)]) == 2
    assert main(["report", "--state", str(tmp_path)]) == 2
    assert "Error" in capsys.readouterr().err
