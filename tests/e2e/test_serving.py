"""A server starts, takes statements, and ends in order when it is told to."""

import signal
import socket
import threading
from urllib.parse import urlsplit

import pytest

from glasslog.merkle import LeafIndex
from tests.e2e.client import COSE, Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Server, run


def client_of(log: Installed, server: Server) -> Client:
    return Client(server.url, log.vkey)


def test_what_was_taken_is_there_after_a_restart(log: Installed) -> None:
    statements = [log.issuer.statement() for _ in range(20)]
    with log.serve().ready() as server:
        client = client_of(log, server)
        first = client.post(statements[0])
        rest, note = client.post_all(statements[1:])
        assert [first, *rest] == list(range(2, 22))  # after the policy and the registration of the issuer
        assert client.verified(note).size == 22
        assert server.stop() == 0
    with log.serve().ready() as server:
        client = client_of(log, server)
        assert client.checkpoint() == client.verified(note)
        assert [client.post(statement) for statement in statements] == [first, *rest]
        assert client.checkpoint().size == 22
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(log: Installed, number: signal.Signals) -> None:
    with log.serve().ready() as server:
        server.signal(number)
        assert server.wait() == 0
        assert [event["event"] for event in server.events] == ["ready", "stopping", "stopped"]
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""


def test_everything_that_waits_is_answered_before_the_end(log: Installed) -> None:
    """Rounds are so rare here that only the end of the server can have started the one that answers."""
    log.configure(http={"round_wait_s": 60.0}, sequencer={"round_interval_ms": 10_000})
    waiting = [log.issuer.statement() for _ in range(16)]
    answered: dict[int, LeafIndex] = {}
    with log.serve().ready() as server:
        client_of(log, server).post_all([log.issuer.statement() for _ in range(9)])  # busy: the round interval starts

        def submit(number: int) -> None:
            answered[number] = client_of(log, server).post(waiting[number])

        threads = [threading.Thread(target=submit, args=(number,)) for number in range(len(waiting))]
        for thread in threads:
            thread.start()
        admin = Client(server.admin_url, log.vkey)
        while b"\nglasslog_queue_entries 16.0\n" not in admin.get("/metrics"):
            pass
        server.signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert server.wait() == 0
    assert sorted(answered) == list(range(16))
    assert sorted(answered.values()) == list(range(11, 27))


def test_a_second_signal_ends_the_server_at_once(log: Installed) -> None:
    """The first one waits, for as long as it may, for a request whose body does not come."""
    log.configure(http={"shutdown_wait_s": 600, "body_s": 3_600})
    with log.serve().ready() as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(
                b"POST /entries HTTP/1.1\r\nHost: log\r\nContent-Type: application/cose\r\n"
                b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # the request is under way
            server.signal(signal.SIGTERM)
            assert server.wait_for("stopping") is not None
            server.signal(signal.SIGTERM)
            assert server.wait() == -signal.SIGTERM
    with log.serve().ready() as server:
        assert server.stop() == 0


def test_a_request_that_does_not_end_does_not_hold_up_the_end_for_ever(log: Installed) -> None:
    log.configure(http={"shutdown_wait_s": 0.1, "body_s": 3_600})
    with log.serve().ready() as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(
                b"POST /entries HTTP/1.1\r\nHost: log\r\nContent-Type: application/cose\r\n"
                b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
            assert server.stop() == 0


def test_the_events_hold_nothing_of_what_was_submitted(log: Installed) -> None:
    log.configure(logs={"level": "debug"})
    statement = log.issuer.statement()
    with log.serve().ready() as server:
        client = client_of(log, server)
        client.post(statement)
        client.request("POST", "/entries", statement.entry[:-1] + b"x", COSE)
        assert server.stop() == 0
    said = "".join(server.said)
    for secret in (statement.issuer, statement.subject, statement.kid.hex(), statement.leaf_hash.hex()):
        assert secret not in said
