"""A full disk, a guard that vanishes, a clock that runs backwards: nothing acknowledged is lost, no size signed twice.

The disk is full for one process alone: the system refuses to let it grow a file beyond a bound that the test moves.
"""

import asyncio
import resource

from glasslog.merkle import Hash, TreeSize
from glasslog_server.log import Log
from glasslog_server.metrics import Metrics
from glasslog_server.signers import log_settings
from glasslog_server.storage.rocks import RocksStore
from tests.e2e.client import COSE, Answer, Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Server, run_here

NO_BOUND = resource.RLIM_INFINITY
GUARD_BOUND = 1_000  # every write to the guard's second slot is beyond it
STORE_BOUND = 200_000  # beyond the whole guard: only the write-ahead log gets there


def bound_files(server: Server, size: int) -> None:
    resource.prlimit(server.sequencer_pid, resource.RLIMIT_FSIZE, (size, NO_BOUND))


def acknowledge(log: Installed, client: Client, acknowledged: dict[Hash, int]) -> None:
    statement = log.issuer.statement()
    acknowledged[statement.leaf_hash] = client.post(statement)


def submit_until_refused(log: Installed, client: Client, acknowledged: dict[Hash, int]) -> Answer:
    while True:
        statement = log.issuer.statement()
        answer = client.request("POST", "/entries", statement.entry, COSE)
        if answer.status != 201:
            return answer
        acknowledged[statement.leaf_hash] = client.post(statement)


def check_kept(log: Installed, acknowledged: dict[Hash, int]) -> None:
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        leaves = client.leaves(client.checkpoint().size)
        assert {leaf: leaves.index(leaf) for leaf in acknowledged} == acknowledged
        assert server.stop() == 0
    assert run_here("fsck", "--config", log.config_path).code == 0


def test_a_full_disk_under_the_guard_is_waited_out(log: Installed) -> None:
    acknowledged: dict[Hash, int] = {}
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        acknowledge(log, client, acknowledged)
        before = client.checkpoint()
        bound_files(server, GUARD_BOUND)
        refusal = submit_until_refused(log, client, acknowledged)
        assert (refusal.status, refusal.problem) == (503, "interrupted")
        assert refusal.headers["Retry-After"]
        assert server.wait_for("reopen_failed") is not None
        assert client.request("GET", "/readyz").status == 503
        assert client.checkpoint() == before
        assert run_here("status", "--config", log.config_path, "--url", server.url).code == 1
        bound_files(server, NO_BOUND)
        assert server.wait_for("reopened") is not None
        acknowledge(log, client, acknowledged)
        client.check_consistent(before, client.checkpoint())
        assert server.stop() == 0
    check_kept(log, acknowledged)


def test_a_full_disk_under_the_store_costs_no_acknowledged_entry(log: Installed) -> None:
    """Opening the store anew starts another write-ahead log, so the server runs into the bound again and again."""
    acknowledged: dict[Hash, int] = {}
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        acknowledge(log, client, acknowledged)
        before = client.checkpoint()
        bound_files(server, STORE_BOUND)
        for time in (1, 2, 3):
            refusal = submit_until_refused(log, client, acknowledged)
            assert (refusal.status, refusal.problem) == (503, "interrupted")
            assert server.wait_for("reopened", time) is not None
        client.check_consistent(before, client.checkpoint())
        assert server.stop() == 0
    assert [event["code"] for event in server.events if event["event"] == "round_failed"] == ["store_failed"] * 3
    check_kept(log, acknowledged)


def test_a_guard_that_vanishes_ends_the_server_with_what_to_do(log: Installed) -> None:
    guard = log.config.storage.guard
    acknowledged: dict[Hash, int] = {}
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        acknowledge(log, client, acknowledged)
        guard.rename(guard.with_name("moved"))
        refusal = submit_until_refused(log, client, acknowledged)
        assert (refusal.status, refusal.problem) == (503, "interrupted")
        assert server.wait() == 1
        assert server.said[-1].startswith("glasslog-server: expected the guard of this log at ")
        assert "Bring the file itself back" in server.said[-1]
    guard.with_name("moved").rename(guard)
    check_kept(log, acknowledged)


def test_time_in_the_log_does_not_run_backwards_with_the_clock(log: Installed) -> None:
    """The clock is set back by an hour while the log is down, and forward again."""
    hour = 3_600
    start = 2_000_000_000

    async def run_at(time: float) -> None:
        running = await Log.open(log_settings(log.config), Metrics(), lambda: time)
        await running.sequencer.submit([log.issuer.candidate()])
        await running.close()

    async def times() -> list[int]:
        store = RocksStore.open(log.config.storage.store)
        heads = await store.heads(TreeSize(3), 10)
        await store.close()
        return [head.time for head in heads]

    for time in (start, start - hour, start - 2 * hour, start + 1):
        asyncio.run(run_at(time))
    assert asyncio.run(times()) == [start, start, start, start + 1]
    assert run_here("fsck", "--config", log.config_path).code == 0
