"""One log of several bundles, served on a loopback port, for clients that were not written for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.http.running_log import RunningLog, new_log

SIZES = (4, 255, 256, 257, 600)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[RunningLog]:
    async with new_log(tmp_path) as running:
        for size in SIZES:
            await running.grow_to(size)
        yield running
