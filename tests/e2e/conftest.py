"""Logs that the real program has made: once, and then copied, because a program takes half a second to start."""

from pathlib import Path

import pytest

from tests.e2e.installed import Installed, install
from tests.server.cli.small_log import copy_log


@pytest.fixture(scope="session")
def installed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("installed") / "log").folder


@pytest.fixture
def log(installed_once: Path, tmp_path: Path) -> Installed:
    copy_log(installed_once, tmp_path / "log")
    return Installed(tmp_path / "log")
