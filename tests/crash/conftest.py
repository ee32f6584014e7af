"""A log that the real program has made."""

import socket
from pathlib import Path

import pytest

from tests.e2e.installed import Installed, install


@pytest.fixture
def log(tmp_path: Path) -> Installed:
    return install(tmp_path / "log")


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
