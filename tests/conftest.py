"""Settings that hold for every test.

Hypothesis profiles: `dev` at the desk, `ci` where the environment says CI, `thorough` by
`pytest --hypothesis-profile=thorough`. A failure prints the example and the `@reproduce_failure` line that repeats it.
No profile knows deadlines: how long an example takes says something of the machine, not of the code.

Coverage is measured where it is asked for: of the verifier by its own tests and by those with logs that lie, of the
server's core by the server's. All others run both too, but without the tracer, which would cost half as much again.

The random kills of tests/crash have a seed, which the header of each run names.

Who runs the tests in the background may have had signals ignored, and programs that tests start and end by a signal
would inherit that: signals do here what they do on a terminal.
"""

import os
import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_ALWAYS = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", _ALWAYS, max_examples=50)
settings.register_profile("ci", _ALWAYS, max_examples=100)
settings.register_profile("thorough", _ALWAYS, max_examples=5_000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

_TESTS = Path(__file__).parent
_MEASURED = ("evil", "server", "simulation", "verifier")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(_TESTS).parts[0] not in _MEASURED:
            item.add_marker("no_cover")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crash-rounds", type=int, default=20, help="how often tests/crash kills the server")
    parser.addoption("--crash-seed", type=int, default=random.randrange(2**32), help="repeat the kills of another run")


def pytest_report_header(config: pytest.Config) -> str:
    return f"crash: --crash-rounds {config.getoption('crash_rounds')} --crash-seed {config.getoption('crash_seed')}"


@pytest.fixture
def crash_rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("crash_rounds"))


@pytest.fixture
def crash_seed(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("crash_seed"))


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Make a folder whose path leaves room for that of a Unix socket below it; pytest's own are too deep for that."""
    with tempfile.TemporaryDirectory(prefix="short-") as name:
        yield Path(name)
