"""What `docs/vault.md` shows runs as it stands, from top to bottom, against a real log."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import glasslog.cli
import glasslog_issuer.cli
from tests.issuer.real_log import ISSUER, RealLog

PAGE = (Path(__file__).parents[3] / "docs" / "vault.md").read_text()
PROGRAMS = {"glasslog": glasslog.cli.main, "glasslog-issuer": glasslog_issuer.cli.main}


def test_the_commands_on_the_page_run(
    real_log: RealLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(real_log.key_path, tmp_path / "issuer.pem")
    shutil.copy(real_log.vkey_path, tmp_path / "log.vkey")
    monkeypatch.chdir(tmp_path)
    [record] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    Path("record.json").write_text(json.dumps(json.loads(record)))
    Path("patient.txt").write_text("patient 4711\n")
    said: dict[str, str] = {}
    verified: list[str] = []
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            adapted = line.replace("https://vendor.example", ISSUER).replace("https://log.example", real_log.url)
            program, *arguments = shlex.split(adapted)
            assert PROGRAMS[program](arguments) == 0, line
            said[" ".join(line.split()[:3])] = out = capsys.readouterr().out
            verified += [out] if line.startswith("glasslog verify") else []
    assert "input: kept (--content shows it)" in said["glasslog-issuer vault show"]
    disclosed, erased = verified
    assert re.search(r"Disclosed +output: {label: urgent}\n", disclosed)
    assert re.search(r"Not disclosed +input\n", disclosed)
    assert re.search(r"Erased +input: erased on \d{4}-\S+Z \(request dsr-2025-0044\)\n", erased)
    assert "backups requested" in said["glasslog-issuer vault erasures"]
    assert "backups confirmed" in said["glasslog-issuer vault confirm"]
    assert len(list(Path("evidence").iterdir())) == 3  # the decision, its erasure, and the confirmation of the backups
