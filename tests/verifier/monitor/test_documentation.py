"""docs/monitoring.md: its commands are run as they stand, and its tables name what there is."""

import re
import shlex
from pathlib import Path

import pytest

from glasslog.cli import main, monitor
from glasslog.monitor import alert
from glasslog.monitor.metrics import Metrics
from tests.verifier.log_server import LogServer
from tests.verifier.mirror.sources import QUICK, files_of, serve_files
from tests.verifier.mirror.written_log import new_log

PAGE = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()
LOG = new_log().grow(60)


def test_the_commands_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(monitor, "PATIENCE", QUICK)
    Path("log.vkey").write_text(f"{LOG.vkey}\n")
    Path("from-a-friend").write_bytes(LOG.note(4))
    [block] = re.findall(r"<!-- tested.*?-->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    codes = {"monitor": 1, "compare": 0}  # the models of these records were not registered: findings
    with LogServer(serve_files(files_of(LOG))).running() as server:
        for line in block.splitlines():
            program, command, *arguments = shlex.split(line)
            assert program == "glasslog"
            assert (
                main([command, *(given.replace("https://log.example", server.url) for given in arguments)])
                == codes[command]
            )
    assert '"alert": "models-registered"' in capsys.readouterr().out


def test_every_alert_of_a_monitors_own_is_in_the_table() -> None:
    table = PAGE.partition("## Alerts")[2].partition("## The ways out")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z-]+)`", row)
    }
    own = {
        alert.FORK,
        alert.ROLLBACK,
        alert.STALE,
        alert.FUTURE,
        alert.UNREACHABLE,
        alert.ROTATED,
        alert.WATCHED,
        alert.CHECKPOINT,
        alert.CONSISTENCY,
    }
    assert own < named


def test_every_metric_is_in_the_table() -> None:
    served = set(re.findall(r"^# TYPE (\S+)", Metrics().render(), re.MULTILINE))
    assert set(re.findall(r"`(glasslog_monitor_\w+)`", PAGE)) == served


def test_every_option_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--help"]) == 0
    options = set(re.findall(r"^ +(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    assert {option for option in options if option not in PAGE} <= {"--help"}
