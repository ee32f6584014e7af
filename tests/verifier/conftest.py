from pathlib import Path

import pytest

from tests.verifier.desk import Desk
from tests.verifier.evidence import VKEY


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a desk whose folder is the current one, with the log's key in `log.vkey`."""
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, capsys)
    desk.put("log.vkey", f"{VKEY}\n")
    return desk
