"""A log for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.http.running_log import RunningLog, create_log, new_log, serve


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[RunningLog]:
    async with new_log(tmp_path) as running:
        yield running


@pytest.fixture
async def fresh_log(tmp_path: Path) -> AsyncIterator[RunningLog]:
    """Serve a log that holds entry 0 alone."""
    async with serve(await create_log(tmp_path)) as running:
        yield running
