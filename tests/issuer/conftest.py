"""The real server for a whole session, to whose log tests only add, and clients that lose no time."""

from collections.abc import Iterator
from typing import Any

import pytest

from glasslog_issuer import Client, RetryPolicy
from tests.issuer.faulty_log import FaultyLog
from tests.issuer.real_log import RealLog
from tests.issuer.scripts import Connect


@pytest.fixture(scope="session")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLog]:
    with RealLog(tmp_path_factory.mktemp("server") / "log") as log:
        yield log


@pytest.fixture
def slept() -> list[float]:
    """Return how long the client would have slept, one number a wait."""
    return []


@pytest.fixture
def connect(slept: list[float]) -> Iterator[Connect]:
    """Return what makes clients that lose no time."""
    clients: list[Client] = []

    def make(log: FaultyLog, **changes: Any) -> Client:  # noqa: ANN401  whatever a Client takes
        retry = RetryPolicy(attempts_max=4, delay_s_first=1, sleep=slept.append, chance=lambda: 0.0)
        settings: dict[str, Any] = {"log_keys": [log.vkey], "retry": retry, **changes}
        clients.append(Client(settings.pop("url", log.url), **settings))
        return clients[-1]

    yield make
    for made in clients:
        made.close()
