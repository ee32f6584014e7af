"""A log that the real program has made."""

from pathlib import Path

import pytest

from tests.e2e.installed import Installed, install


@pytest.fixture
def log(tmp_path: Path) -> Installed:
    return install(tmp_path / "log")
