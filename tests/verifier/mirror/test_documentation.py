"""docs/auditing.md: its commands are run as they stand, and its table of steps is what is done."""

import json
import re
import shlex
from pathlib import Path

import pytest

from glasslog.cli import main
from tests.verifier.log_server import LogServer
from tests.verifier.mirror.sources import files_of, serve_files
from tests.verifier.mirror.written_log import new_log

PAGE = (Path(__file__).parents[3] / "docs" / "auditing.md").read_text()
LOG = new_log().grow(60)


def documented() -> list[list[str]]:
    [block] = re.findall(r"<!-- tested.*?-->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def test_the_commands_do_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.vkey").write_text(f"{LOG.vkey}\n")
    codes = {"audit": 1, "export": 0, "verify": 0}  # the models of these records were not registered: findings
    with LogServer(serve_files(files_of(LOG))).running() as server:
        for program, command, *arguments in documented():
            assert program == "glasslog"
            given = [argument.replace("https://log.example", server.url) for argument in arguments]
            assert main([command, *given]) == codes[command]
    outcomes = [json.loads(Path(folder, "audit.json").read_text()) for folder in ("audit", "offline")]
    assert outcomes[0]["checks"] == outcomes[1]["checks"]
    found = {check["id"] for check in outcomes[0]["checks"] if check["verdict"] == "findings"}
    assert found == {"models-registered"}
    for name in re.findall(r"^\| `([a-z.]+)`", PAGE.partition("## The state folder")[2], re.MULTILINE):
        assert Path("audit", name).exists(), name


def test_the_steps_are_those_of_the_page(tmp_path: Path) -> None:
    folder = LOG.write(tmp_path / "log")
    main(["audit", "--folder", str(folder), "--log-key", str(LOG.vkey), "--state", str(tmp_path / "state")])
    steps = json.loads((tmp_path / "state/audit.json").read_text())["steps"]
    told = re.findall(r"^\| (\d) `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert told == [(str(step["number"]), step["id"]) for step in steps]


def test_every_option_of_the_page_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "--help"])
    usage = capsys.readouterr().out
    for option in set(re.findall(r"`(--[a-z-]+)", PAGE)) - {"--tested"}:
        assert option in usage, option
