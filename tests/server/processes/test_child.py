"""A process of a server ends when its supervisor is gone, wherever it stands then."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from glasslog_server.errors import LinkError
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.processes.cells import NO_CELL
from glasslog_server.processes.control import ChildControl, Order, Role
from glasslog_server.signers import log_settings
from tests.e2e.installed import Installed, install

PATIENCE_S = 60.0


@pytest.fixture
def log(tmp_path: Path) -> Installed:
    return install(tmp_path / "log")


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, ChildControl]]:
    ours, theirs = socket.socketpair()
    control = ChildControl(theirs.detach())
    with ours:
        yield ours, control
    control.close()


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """Start what a supervisor starts, with the supervisor's end of the line."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "glasslog_server.processes.child", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        with process:
            yield process, ours


def order(log: Installed, role: Role, runtime: Path) -> Order:
    config = log.config.model_copy(update={"storage": log.config.storage.model_copy(update={"takeover_wait_s": 600.0})})
    return Order(role, role, 0, 1, str(runtime), NO_CELL, (), config)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def test_an_order_arrives_as_it_was_sent(log: Installed, tmp_path: Path) -> None:
    sent = order(log, "worker", tmp_path)
    assert Order.decode(sent.encode()) == sent


def test_a_process_without_an_order_ends_and_complains_to_nobody() -> None:
    with started() as (process, ours):
        ours.close()
        assert ended(process) == (1, "")


async def test_a_sequencer_that_waits_for_the_store_ends_with_its_supervisor(log: Installed, tmp_path: Path) -> None:
    """It must not open the store later, when the next server is done with it."""
    holder = await Log.open(log_settings(log.config), Metrics())
    with started() as (process, ours):
        ours.sendall(order(log, "sequencer", tmp_path).encode())
        assert process.stderr is not None
        assert json.loads(process.stderr.readline())["event"] == "waiting_for_predecessor"
        ours.close()
        assert ended(process) == (0, "")
    await holder.close()


def test_a_sequencer_that_was_abandoned_before_it_had_opened_the_store_never_serves(
    log: Installed, tmp_path: Path
) -> None:
    with started() as (process, ours):
        ours.sendall(order(log, "sequencer", tmp_path / "where no socket can be made").encode())
        ours.close()
        assert ended(process) == (0, "")


def test_a_worker_whose_sequencer_is_gone_says_so(log: Installed, tmp_path: Path) -> None:
    with started() as (process, ours):
        ours.sendall(order(log, "worker", tmp_path).encode())
        report = json.loads(ours.makefile().readline())
        assert (report["state"], report["code"]) == ("failed", LinkError.code)
        assert ended(process)[0] == 1


def test_the_line_tells_whether_the_supervisor_is_there(line: tuple[socket.socket, ChildControl]) -> None:
    ours, control = line
    assert not control.is_abandoned()
    ours.close()
    assert control.is_abandoned()


@pytest.mark.parametrize("reports", [0, 1])
async def test_the_end_of_the_line_is_news(line: tuple[socket.socket, ChildControl], reports: int) -> None:
    """Also when the supervisor was killed before it had read all that it was told: the line then breaks."""
    ours, control = line
    for _ in range(reports):
        control.report("ready")
    ours.close()
    assert control.is_abandoned()
    await control.wait_abandoned()
    control.report("nobody hears this")
