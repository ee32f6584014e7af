"""What `docs/issuing.md` shows runs as it stands, against a real log."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

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
    program, _ = blocks("python")
    names: dict[str, Any] = {"weights": b"weights", "log_url": real_log.url, "vkey": real_log.vkey}
    exec(compile(program.replace("https://vendor.example", ISSUER), "the page", "exec"), names)  # noqa: S102  it is ours
    names["issuer"].stream.close()
    assert capsys.readouterr().out == ""  # nothing was rejected
    written = [decode_transparent_statement(path.read_bytes()) for path in Path().glob("*.cose")]
    signed = [names[name].statement.entry for name in ("model", "rules", "signed")]
    assert sorted(transparent.statement.entry for transparent in written) == sorted(signed)


def test_the_service_on_the_page_records(real_log: RealLog) -> None:
    _, program = blocks("python")
    Path("model.bin").write_bytes(b"weights")
    names: dict[str, Any] = {"log_url": real_log.url, "vkey": real_log.vkey, "reviewer_tag": bytes(16)}
    exec(compile(program.replace("https://vendor.example", ISSUER), "the page", "exec"), names)  # noqa: S102  it is ours
    assert names["registered"].verified
    types = [record.type for record in (names["i"].signed.record, names["review"].record)]
    assert types == ["inference", "oversight"]
    status = names["recorder"].status
    assert (status.unsent_records, status.refused_records) == (0, 0)
    for line in blocks("sh")[1].splitlines():
        program, *arguments = shlex.split(line.replace("https://log.example", real_log.url))
        assert program == "glasslog-issuer"
        assert main(arguments) == 0, line


def test_the_commands_on_the_page_run(real_log: RealLog) -> None:
    [record] = blocks("json")
    Path("record.json").write_text(json.dumps(json.loads(record)))
    keygen, _, commands = blocks("sh")
    for line in commands.splitlines():
        adapted = line.replace("https://vendor.example", ISSUER).replace("https://log.example", real_log.url)
        program, *arguments = shlex.split(adapted)
        assert program == "glasslog-issuer"
        assert main(arguments) == 0, line
    assert len(list(Path("receipts").iterdir())) == 1
    assert main(["keygen", "-o", "other.pem"]) == 0
    assert keygen == "glasslog-issuer keygen -o issuer.pem\n"
