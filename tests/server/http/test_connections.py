"""Connections that are slow, broken, too many, or no HTTP at all."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import cbor2
import pytest

from glasslog_server.addresses import ListenAddress
from glasslog_server.errors import ListenError
from glasslog_server.http.app import build_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.settings import HttpSettings
from tests.server.http.running_log import RunningLog, new_log
from tests.server.http.statements import CLINIC

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connect(log: RunningLog) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(log.public.address.host, log.public.address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(size: int, *lines: str) -> bytes:
    given = ["POST /entries HTTP/1.1", "Host: x", "Content-Type: application/cose", f"Content-Length: {size}", *lines]
    return ("\r\n".join(given) + "\r\n\r\n").encode()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Return the next answer on a connection."""
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return int(status_line.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", "0")))


async def code_of(reader: asyncio.StreamReader) -> tuple[int, str]:
    status, headers, body = await answer_of(reader)
    assert set(cbor2.loads(body)) == {-1, -2}
    return status, headers["glasslog-problem"]


async def test_a_body_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(body_s=0.1, linger_s=0.1)) as log, connect(log) as (reader, writer):
        entry, size = CLINIC.statement().entry, log.size
        writer.write(head(len(entry)) + entry[:-1])
        assert await code_of(reader) == (408, "slow_body")
        assert await reader.read() == b""  # closed
        assert log.size == size
        assert await log.metric("glasslog_http_problems_total", code="slow_body") == 1


async def test_a_head_that_does_not_come_is_given_up(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(idle_s=0.1)) as log, connect(log) as (reader, writer):
        writer.write(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert await reader.read() == b""


async def test_a_connection_that_asks_nothing_more_is_closed(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(idle_s=0.1)) as log, connect(log) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await answer_of(reader))[0] == 200
        assert await reader.read() == b""


async def test_a_body_that_ends_early_is_stored_nowhere_and_counted(log: RunningLog) -> None:
    entry, size = CLINIC.statement().entry, log.size
    async with connect(log) as (reader, writer):
        writer.write(head(len(entry)) + entry[:-1])
        writer.write_eof()
        assert await reader.read() == b""  # a client that closed its half has left
    assert log.size == size
    assert await log.metric("glasslog_http_problems_total", code="broken_body") == 1


async def test_a_body_with_a_broken_framing_is_refused(log: RunningLog) -> None:
    size = log.size
    async with connect(log) as (reader, writer):
        lines = ["POST /entries HTTP/1.1", "Host: x", "Content-Type: application/cose", "Transfer-Encoding: chunked"]
        writer.write(("\r\n".join(lines) + "\r\n\r\nzz\r\n").encode())
        status, code = await code_of(reader)
        assert (status, code in {"broken_body", "bad_http"}) == (400, True)
    assert log.size == size


async def test_a_statement_that_was_whole_is_logged_though_its_sender_has_left(log: RunningLog) -> None:
    statement = CLINIC.statement()
    async with connect(log) as (reader, writer):
        writer.write(head(len(statement.entry)) + statement.entry)
        writer.write_eof()
        await reader.read()
    answer = await log.submit(statement)
    assert answer.status in {200, 201}
    answer.receipt()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),  # TLS
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"GET /checkpoint HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /tile/0/000.p/\xd9\xa1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad header\r\n\r\n",
        b"POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"x" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100 + b"\r\n",
    ],
)
async def test_what_is_no_http_is_refused(log: RunningLog, data: bytes) -> None:
    size = log.size
    async with connect(log) as (reader, writer):
        writer.write(data)
        assert await code_of(reader) == (400, "bad_http")
        assert await reader.read() == b""
    assert log.size == size
    assert await log.metric("glasslog_http_problems_total", code="bad_http") == 1


async def test_an_unknown_expectation_is_refused(log: RunningLog) -> None:
    async with connect(log) as (reader, writer):
        writer.write(head(1, "Expect: miracle"))
        assert await code_of(reader) == (400, "bad_http")


async def test_a_client_may_ask_before_it_sends_its_body(log: RunningLog) -> None:
    statement = CLINIC.statement()
    async with connect(log) as (reader, writer):
        writer.write(head(len(statement.entry), "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(statement.entry)
        assert (await answer_of(reader))[0] == 201


async def test_a_client_that_asks_with_a_body_too_large_is_refused_before_it_sends(log: RunningLog) -> None:
    async with connect(log) as (reader, writer):
        writer.write(head(70_000, "Expect: 100-continue"))
        assert await code_of(reader) == (413, "too_large")


async def test_requests_on_one_connection_are_answered_in_order(log: RunningLog) -> None:
    statement = CLINIC.statement()
    async with connect(log) as (reader, writer):
        get = b"GET /tile/0/000.p/3 HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(head(len(statement.entry)) + statement.entry + get)
        assert (await answer_of(reader))[0] == 201
        assert (await answer_of(reader))[0] == 200


async def test_a_target_in_absolute_form_is_the_same_resource(log: RunningLog) -> None:
    async with connect(log) as (reader, writer):
        for path in ("/tile/0/000.p/3", "/decisions/urn:x%2Fy"):
            writer.write(f"GET http://log.example{path} HTTP/1.1\r\nHost: log.example\r\n\r\n".encode())
            status, _, body = await answer_of(reader)
            answer = await log.get(path)
            assert (status, body) == (answer.status, answer.body)
            assert status == 200


async def test_a_refused_body_does_not_spoil_the_next_request(log: RunningLog) -> None:
    async with connect(log) as (reader, writer):
        writer.write(head(70_000) + bytes(70_000) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await code_of(reader) == (413, "too_large")
        assert (await answer_of(reader))[0] == 200


async def test_a_connection_too_many_is_told_so(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(connections_max=2)) as log:
        await _until_all_are_closed(log)
        async with connect(log) as first, connect(log) as second:
            for reader, writer in (first, second):
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await answer_of(reader))[0] == 200
            async with connect(log) as (reader, _):
                status, headers, _ = await answer_of(reader)
                assert (status, headers["retry-after"]) == (503, "1")
                assert await reader.read() == b""
        await _until_all_are_closed(log)
        assert (await log.get("/healthz")).status == 200
        assert await log.metric("glasslog_http_connections_refused_total") == 1


async def _until_all_are_closed(log: RunningLog) -> None:
    while log.public.connections_open:
        await asyncio.sleep(0)


async def test_bodies_together_are_bounded(tmp_path: Path) -> None:
    settings = HttpSettings(bodies_bytes_max=100_000, batch_bytes_max=100_000)
    async with new_log(tmp_path, settings) as log, connect(log) as (reader, writer):
        statement = CLINIC.statement()
        writer.write(head(60_000) + b"\x00")
        while log.service.bodies.reserved == 0:  # until the server has seen it
            await asyncio.sleep(0)
        large = CLINIC.foreign_content(bytes(50_000))
        assert (await log.submit(large)).problem() == (503, "Service Unavailable", "overloaded")
        assert (await log.submit(statement)).status == 201
        writer.write(bytes(59_999))
        assert (await code_of(reader))[0] == 400
        assert (await log.submit(large)).status == 201


async def test_a_client_that_does_not_read_its_answer_is_left(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(answer_s=0.2, connections_max=3)) as log:
        large = [CLINIC.foreign_content(bytes(60_000)) for _ in range(120)]
        for start in range(0, len(large), 15):
            await log.submit_all(large[start : start + 15])
        connection = socket.create_connection((log.public.address.host, log.public.address.port))
        with closing(connection):
            connection.sendall(b"GET /tile/entries/000.p/123 HTTP/1.1\r\nHost: x\r\n\r\n")
            while await log.metric("glasslog_http_answers_abandoned_total") == 0:
                await asyncio.sleep(0.01)
            received = await asyncio.to_thread(_read_to_the_end, connection)
        assert 0 < received < 120 * 60_000
        assert (await log.get("/healthz")).status == 200


def _read_to_the_end(connection: socket.socket) -> int:
    received = 0
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 20):
            received += len(part)
    return received


async def test_answers_together_are_bounded(tmp_path: Path) -> None:
    async with new_log(tmp_path, HttpSettings(answers_bytes_max=10_000)) as log:
        await log.grow_to(30)
        assert (await log.get("/tile/entries/000.p/30")).problem() == (503, "Service Unavailable", "overloaded")
        assert (await log.get("/tile/entries/000.p/10")).status == 200


async def test_an_address_in_use_is_refused_with_its_name(log: RunningLog) -> None:
    taken = ListenAddress(log.public.address.host, log.public.address.port)
    with pytest.raises(ListenError, match=str(taken.port)):
        await Listener.start(build_app(log.service), taken, log.service.metrics, log.service.settings)
