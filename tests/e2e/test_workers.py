"""Several processes serve one log: what one of them dies of, or is told, costs nothing that was acknowledged."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from glasslog.merkle import Hash
from glasslog.tiles import decode_bundle
from tests.e2e.client import COSE, Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Server, run
from tests.simulation.parties import Issuer

WORKERS = 2
THREADS = 4
CONNECTIONS_MAX = 24  # without a share of them, one worker has nearly all, however many there are


def workers_of(server: Server, log: Installed) -> list[dict[str, object]]:
    told = json.loads(Client(server.admin_url, log.vkey).get("/workers"))
    assert isinstance(told["workers"], list)
    return told["workers"]


def fresh_client(server: Server, log: Installed) -> Client:
    """Return a client with a connection of its own, which either worker may have taken."""
    return Client(server.url, log.vkey)


class Posting:
    """Threads that post statement after statement, each on its connection, until they are told to stop."""

    def __init__(self, log: Installed, server: Server, *, new_connections: bool = False) -> None:
        self.acknowledged: dict[Hash, int] = {}
        self.failures: list[str] = []
        self._log = log
        self._server = server
        self._new_connections = new_connections
        self._stop = threading.Event()
        self._some = threading.Semaphore(0)
        parties = [Issuer(next_seq=1_000_000 * number) for number in range(1, THREADS + 1)]
        self._threads = [threading.Thread(target=self._post, args=(party,)) for party in parties]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, answers: int) -> None:
        """Wait for some more answers."""
        for _ in range(answers):
            assert self._some.acquire(timeout=60)

    def _post(self, issuer: Issuer) -> None:
        client = fresh_client(self._server, self._log)
        while not self._stop.is_set():
            if self._new_connections:
                client = fresh_client(self._server, self._log)
            statement = issuer.statement()
            try:
                self.acknowledged[statement.leaf_hash] = client.post(statement)
            except Exception as error:  # noqa: BLE001 (looked at by the test)
                self.failures.append(repr(error))
                client = fresh_client(self._server, self._log)
            self._some.release()


def check_holds(client: Client, acknowledged: dict[Hash, int]) -> None:
    leaves = client.leaves(client.checkpoint().size)
    assert {leaf: leaves[index] for leaf, index in acknowledged.items()} == {leaf: leaf for leaf in acknowledged}


@contextmanager
def serving(log: Installed, workers: int = WORKERS) -> Iterator[Server]:
    with log.serve(workers).ready() as server:
        yield server


def connections_of(server: Server, log: Installed) -> dict[str, int]:
    """Return how many connections each worker has, by its own account; one that does not answer is left out."""
    metrics = Client(server.admin_url, log.vkey).get("/metrics").decode()
    told = [line for line in metrics.splitlines() if line.startswith("glasslog_http_connections{")]
    counts = {line.partition('"')[2].partition('"')[0]: int(float(line.rpartition(" ")[2])) for line in told}
    return {process: count for process, count in counts.items() if process != "sequencer"}


def connect(server: Server, log: Installed, count: int) -> list[Client]:
    """Open connections one after another, each once the one before was used, and keep them."""
    clients = [fresh_client(server, log) for _ in range(count)]
    for client in clients:
        client.checkpoint()
    return clients


def connect_until_even(server: Server, log: Installed, clients: list[Client]) -> None:
    """Open some more connections until the workers have equally many, give or take one.

    That is at once as a rule. One that had no time on a busy machine is not waited for, and gets the next ones.
    """
    for count in range(len(clients), CONNECTIONS_MAX):
        until(lambda count=count: sum(connections_of(server, log).values()) == count)  # type: ignore[misc]
        counts = sorted(connections_of(server, log).values())
        if counts[-1] - counts[0] <= 1:
            return
        clients += connect(server, log, 1)
    pytest.fail(f"of {CONNECTIONS_MAX} connections the workers have {connections_of(server, log)}")


def pid_of(server: Server, log: Installed, slot: int) -> int:
    return int(str(workers_of(server, log)[slot]["pid"]))


def until(holds: Callable[[], bool]) -> None:
    """Ask again and again; the test's own time limit is the only one."""
    while not holds():
        pass


def test_every_worker_takes_statements_and_answers_reads_up_to_the_published_head(log: Installed) -> None:
    with serving(log) as server:
        clients = [fresh_client(server, log) for _ in range(12)]
        for client in clients:
            statement = log.issuer.statement()
            index = client.post(statement)
            for reader in clients:  # whoever asks, and whichever worker is asked, the entry is there
                checkpoint = reader.checkpoint()
                assert checkpoint.size > index
                assert reader.leaves(checkpoint.size)[index] == statement.leaf_hash
                entry = reader.request("GET", f"/entries/{statement.leaf_hash.hex()}?format=statement")
                assert (entry.status, entry.body) == (200, statement.entry)
                beyond = f"/proofs/inclusion/{index}/{checkpoint.size + 1}"
                assert reader.request("GET", beyond).status == 404
        metrics = Client(server.admin_url, log.vkey).get("/metrics").decode()
        admitted = [line for line in metrics.splitlines() if line.startswith("glasslog_statements_admitted_total{")]
        assert {line.partition("}")[0].partition('process="')[2].strip('"') for line in admitted} == {
            "sequencer",
            "worker-0",
            "worker-1",
        }
        assert sum(float(line.rpartition(" ")[2]) for line in admitted) == 12
        assert "\nglasslog_tree_size 14.0\n" in metrics
        assert [worker["ready"] for worker in workers_of(server, log)] == [True, True]
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


def test_workers_read_everything_that_was_written_before_they_were_started(log: Installed) -> None:
    """Whole bundles from the store's files: once they were in files of a kind that no worker could read."""
    statements = [log.issuer.statement() for _ in range(300)]
    with serving(log) as server:
        fresh_client(server, log).post_all(statements)
        assert server.stop() == 0
    with serving(log) as server:
        for client in connect(server, log, 4):
            entries = decode_bundle(client.get("/tile/entries/000"), 256)
            assert entries[2:] == [statement.entry for statement in statements[:254]]
        assert server.stop() == 0


def test_a_killed_worker_is_started_again_and_nothing_acknowledged_is_lost(log: Installed) -> None:
    with serving(log) as server:
        with Posting(log, server) as posting:
            posting.wait(20)
            os.kill(int(str(workers_of(server, log)[0]["pid"])), signal.SIGKILL)
            assert server.wait_for("worker_started") is not None
            posting.wait(20)
        until(lambda: [worker["ready"] for worker in workers_of(server, log)] == [True, True])
        check_holds(fresh_client(server, log), posting.acknowledged)
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


def test_a_killed_sequencer_ends_the_server_and_the_next_start_is_clean(log: Installed) -> None:
    with serving(log) as server:
        with Posting(log, server) as posting:
            posting.wait(20)
            os.kill(server.sequencer_pid, signal.SIGKILL)
            assert server.wait() == 1
        assert "the sequencer's process has ended unasked" in server.said[-1]
    with serving(log) as server:
        check_holds(fresh_client(server, log), posting.acknowledged)
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


def test_a_killed_supervisor_leaves_no_process_behind(log: Installed) -> None:
    with serving(log) as server:
        index = fresh_client(server, log).post(log.issuer.statement())
        server.signal(signal.SIGKILL)
        server.wait()  # and for the others, which share its standard error
    with serving(log) as server:
        assert fresh_client(server, log).checkpoint().size == index + 1
        assert server.stop() == 0


def test_a_server_takes_over_the_address_of_one_that_was_killed(log: Installed) -> None:
    """Workers of the killed one may still have it, and its sequencer the store, when the next one starts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        log.configure(http={"listen": f"127.0.0.1:{free.getsockname()[1]}"})
    with log.serve(WORKERS).ready() as killed:
        clients = connect(killed, log, 4)
        busy = pid_of(killed, log, 0)
        os.kill(busy, signal.SIGSTOP)  # it does not see that its supervisor is gone
        killed.kill()
        with log.serve(WORKERS) as server:
            assert server.wait_for("waiting_for_predecessor") is not None
            os.kill(busy, signal.SIGCONT)
            index = fresh_client(server.ready(), log).post(log.issuer.statement())
            for client in clients:  # none of the old connections is of use any more, or all reach the new server
                assert client.checkpoint().size == index + 1
            assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


def test_what_a_killed_server_has_left_is_removed_by_the_next_one(
    log: Installed, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = short_path
    monkeypatch.setenv("TMPDIR", str(folder))
    with log.serve(WORKERS).ready() as killed:
        workers = [pid_of(killed, log, slot) for slot in range(WORKERS)]
        for pid in (killed.process.pid, killed.sequencer_pid, *workers):  # all at once, as a machine does
            os.kill(pid, signal.SIGKILL)
        killed.wait()
    [left] = folder.iterdir()
    with serving(log) as server:
        [made] = folder.iterdir()
        assert made != left
        assert server.stop() == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("workers", [2, 3])
def test_connections_are_shared_evenly(log: Installed, workers: int) -> None:
    with serving(log, workers) as server:
        clients = connect(server, log, 6)
        connect_until_even(server, log, clients)
        assert set(connections_of(server, log)) == {f"worker-{slot}" for slot in range(workers)}
        assert server.stop() == 0


def test_a_worker_that_hangs_holds_up_no_connection_and_one_that_was_killed_gets_its_share_again(
    log: Installed,
) -> None:
    with serving(log) as server:
        hanging = pid_of(server, log, 0)
        os.kill(hanging, signal.SIGSTOP)
        clients = connect(server, log, 4)
        until(lambda: connections_of(server, log) == {"worker-1": 4})
        os.kill(hanging, signal.SIGKILL)
        assert server.wait_for("worker_started") is not None
        clients += connect(server, log, 3)
        connect_until_even(server, log, clients)
        assert server.stop() == 0


def test_workers_are_replaced_one_by_one_without_a_refused_request(log: Installed) -> None:
    log.configure(http={"idle_s": 2.0})
    with serving(log) as server:
        before = {worker["pid"] for worker in workers_of(server, log)}
        with Posting(log, server) as kept, Posting(log, server, new_connections=True) as new:
            kept.wait(10)
            server.signal(signal.SIGHUP)
            assert server.wait_for("reloaded") is not None
            kept.wait(20)
            new.wait(20)
        assert kept.failures == new.failures == []
        until(lambda: before.isdisjoint(worker["pid"] for worker in workers_of(server, log)))
        assert len(workers_of(server, log)) == WORKERS
        check_holds(fresh_client(server, log), kept.acknowledged | new.acknowledged)
        assert server.stop() == 0


def test_what_the_new_configuration_says_is_what_new_workers_do(log: Installed) -> None:
    with serving(log) as server:
        log.configure(http={"batch_entries_max": 7})
        server.signal(signal.SIGHUP)
        assert server.wait_for("reloaded") is not None
        told = json.loads(fresh_client(server, log).get("/.well-known/glasslog"))
        assert told["limits"]["batch_entries_max"] == 7
        log.config_path.write_text("nonsense")
        server.signal(signal.SIGHUP)
        assert server.wait_for("reload_failed") is not None
        assert fresh_client(server, log).post(log.issuer.statement()) == 2
        assert server.stop() == 0


def test_once_a_revocation_is_acknowledged_no_worker_admits(log: Installed) -> None:
    with serving(log) as server:
        clients = [fresh_client(server, log) for _ in range(12)]
        for client in clients:
            client.post(log.issuer.statement())
        kid = log.issuer.key.public_key.kid.hex()
        done = run("issuer", "revoke", "--config", log.config_path, "--url", server.url, "--kid", kid)
        assert done.code == 0, done.err
        for client in clients:
            answer = client.request("POST", "/entries", log.issuer.statement().entry, COSE)
            assert (answer.status, answer.problem) == (400, "no_authority")
        metrics = Client(server.admin_url, log.vkey).get("/metrics").decode()
        refused = [line for line in metrics.splitlines() if line.startswith("glasslog_statements_refused_total{")]
        assert {line.partition('process="')[2][:8] for line in refused} <= {"worker-0", "worker-1"}
        assert server.stop() == 0


def test_status_shows_the_workers(log: Installed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log.configure(admin={"listen": f"127.0.0.1:{port}"})
    with serving(log) as server:
        told = json.loads(run("status", "--json", "--config", log.config_path, "--url", server.url).out)
        assert [(worker["worker"], worker["ready"]) for worker in told["workers"]] == [(0, True), (1, True)]
        said = run("status", "--config", log.config_path, "--url", server.url).out
        assert said.endswith(", 2 of 2 workers ready\n")
        assert server.stop() == 0
