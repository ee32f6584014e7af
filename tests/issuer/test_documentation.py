"""What `docs/issuing.md` shows runs as it stands, against a real log."""

import hashlib
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import glasslog_issuer
from glasslog.statement import decode_transparent_statement
from glasslog_issuer.cli import main
from tests.issuer.real_log import ISSUER, RealLog

PAGE = (Path(__file__).parents[2] / "docs" / "issuing.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def folder(real_log: RealLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where the page does: in a folder with a registered key and the log's vkey."""
    shutil.copy(real_log.key_path, tmp_path / "issuer.pem")
    shutil.copy(real_log.vkey_path, tmp_path / "log.vkey")
    monkeypatch.chdir(tmp_path)


def test_the_program_on_the_page_runs(real_log: RealLog, capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks("python")
    names: dict[str, Any] = {name: getattr(glasslog_issuer, name) for name in glasslog_issuer.__all__}
    names |= {"Path": Path, "sha256": hashlib.sha256, "weights": b"weights"}
    names |= {"log_url": real_log.url, "vkey": real_log.vkey}
    exec(compile(program.replace("https://vendor.example", ISSUER), "the page", "exec"), names)  # noqa: S102  it is ours
    names["issuer"].stream.close()
    assert capsys.readouterr().out == ""  # nothing was rejected
    written = [decode_transparent_statement(path.read_bytes()) for path in Path().glob("*.cose")]
    signed = [names[name].statement.entry for name in ("model", "rules", "signed")]
    assert sorted(transparent.statement.entry for transparent in written) == sorted(signed)


def test_the_commands_on_the_page_run(real_log: RealLog) -> None:
    [record] = blocks("json")
    Path("record.json").write_text(json.dumps(json.loads(record)))
    keygen, commands = blocks("sh")
    for line in commands.splitlines():
        adapted = line.replace("https://vendor.example", ISSUER).replace("https://log.example", real_log.url)
        program, *arguments = shlex.split(adapted)
        assert program == "glasslog-issuer"
        assert main(arguments) == 0, line
    assert len(list(Path("receipts").iterdir())) == 1
    assert main(["keygen", "-o", "other.pem"]) == 0
    assert keygen == "glasslog-issuer keygen -o issuer.pem\n"
