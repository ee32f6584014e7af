"""The program, run in an empty folder."""

from pathlib import Path

import pytest

from tests.issuer.cli.running import Run, make_run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return make_run(capsys)
