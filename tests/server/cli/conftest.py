"""One log that is made once and copied by every test that changes it."""

from pathlib import Path

import pytest

from glasslog_server.config import Config
from tests.server.cli.small_log import ROUNDS, copy_log, make_log


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "log"
    make_log(folder, ROUNDS)
    return folder


@pytest.fixture
def log_config(pristine: Path, tmp_path: Path) -> Config:
    return copy_log(pristine, tmp_path / "log")
