"""The direct way of single statements: it takes what it wholly understands, and answers as the other way does."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog.receipt import decode_receipt
from glasslog.statement import SignedStatement
from glasslog_server.http.direct import parse_head
from tests.server.http.running_log import RunningLog, create_log, serve
from tests.server.http.statements import CLINIC

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"POST /entries HTTP/1.1\r\nHost: log\r\nContent-Type: application/cose\r\nContent-Length: %d"


def request(statement: SignedStatement, *more: bytes) -> bytes:
    head = b"\r\n".join([HEAD % len(statement.entry), *more])
    return head + b"\r\n\r\n" + statement.entry


@asynccontextmanager
async def connect(log: RunningLog) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(log.public.address.host, log.public.address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


async def test_its_answer_is_the_answer_of_the_other_way(log: RunningLog) -> None:
    statement = CLINIC.statement()
    async with connect(log) as (reader, writer):
        writer.write(request(statement))
        status, headers, body = await answer_of(reader)
        assert (status, headers["Location"]) == (201, f"/entries/{statement.leaf_hash.hex()}")
        decode_receipt(body)
        writer.write(request(statement))
        again, same_headers, same_body = await answer_of(reader)
        writer.write(request(statement, b"Connection: keep-alive, x"))  # the other way
        other, other_headers, other_body = await answer_of(reader)
    assert (again, same_body) == (other, other_body) == (200, body)
    changing = {"Date", "Connection"}
    assert {name: value for name, value in same_headers.items() if name not in changing} == {
        name: value for name, value in other_headers.items() if name not in changing
    }


async def test_requests_that_follow_each_other_unasked_are_answered_in_order(log: RunningLog) -> None:
    statements = [CLINIC.statement() for _ in range(5)]
    async with connect(log) as (reader, writer):
        writer.write(b"".join(map(request, statements)) + b"GET /checkpoint HTTP/1.1\r\nHost: log\r\n\r\n")
        for statement in statements:
            status, headers, _ = await answer_of(reader)
            assert (status, headers["Location"]) == (201, f"/entries/{statement.leaf_hash.hex()}")
        status, _, checkpoint = await answer_of(reader)
        assert (status, checkpoint) == (200, log.log.head.note)


async def test_what_comes_on_many_connections_at_once_is_answered_each_by_its_own(log: RunningLog) -> None:
    statements = [CLINIC.statement() for _ in range(20)]
    spoiled = statements[7]._replace(entry=statements[7].entry[:-1] + bytes((statements[7].entry[-1] ^ 1,)))
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(connect(log)) for _ in range(len(statements) + 1)]
        for (_, writer), statement in zip(opened, [*statements, spoiled], strict=True):
            writer.write(request(statement))
        for (reader, _), statement in zip(opened, statements, strict=False):
            status, headers, body = await answer_of(reader)
            assert (status, headers["Location"]) == (201, f"/entries/{statement.leaf_hash.hex()}")
            [index] = await log.log.reader.find([statement.leaf_hash])
            assert index is not None
            assert body == await log.log.reader.receipt(index)
        assert (await answer_of(opened[-1][0]))[0] == 400


async def test_what_is_too_much_for_one_round_goes_one_by_one(tmp_path: Path) -> None:
    settings = await create_log(tmp_path)
    limits = replace(settings.limits, round_entries_max=2)
    async with serve(replace(settings, limits=limits)) as log, AsyncExitStack() as stack:
        assert (await log.register(CLINIC.uri, CLINIC.key.public_key)).status == 201
        opened = [await stack.enter_async_context(connect(log)) for _ in range(8)]
        for _, writer in opened:
            writer.write(request(CLINIC.statement()))
        assert [(await answer_of(reader))[0] for reader, _ in opened] == [201] * 8


async def test_a_client_that_leaves_takes_nothing_from_the_others(log: RunningLog) -> None:
    statements = [CLINIC.statement() for _ in range(4)]
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(connect(log)) for _ in statements]
        for (_, writer), statement in zip(opened, statements, strict=True):
            writer.write(request(statement))
        opened[1][1].transport.abort()
        assert [(await answer_of(opened[place][0]))[0] for place in (0, 2, 3)] == [201] * 3


async def test_a_request_may_come_byte_by_byte(log: RunningLog) -> None:
    data = request(CLINIC.statement())
    async with connect(log) as (reader, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer_of(reader))[0] == 201


@pytest.mark.parametrize("cut", [1, 30, 90, 120, 500])
async def test_a_request_that_comes_in_parts_is_answered_all_the_same(log: RunningLog, cut: int) -> None:
    data = request(CLINIC.statement())
    async with connect(log) as (reader, writer):
        writer.write(data[:cut])
        await writer.drain()
        await log.get("/checkpoint")  # the server has seen the first part
        writer.write(data[cut:])
        assert (await answer_of(reader))[0] == 201


@pytest.mark.parametrize("accept, media_type", [(b"application/json", "application/problem+json"), (b"*/*", None)])
async def test_a_refusal_is_told_as_the_client_prefers(log: RunningLog, accept: bytes, media_type: str | None) -> None:
    statement = CLINIC.statement()
    spoiled = statement._replace(entry=statement.entry[:-1] + bytes((statement.entry[-1] ^ 1,)))
    async with connect(log) as (reader, writer):
        writer.write(request(spoiled, b"Accept: " + accept))
        status, headers, _ = await answer_of(reader)
        assert (status, headers["Glasslog-Problem"]) == (400, "bad_signature")
        assert headers["Content-Type"] == (media_type or "application/concise-problem-details+cbor")
        writer.write(request(statement))
        assert (await answer_of(reader))[0] == 201
    assert await log.metric("glasslog_statements_refused_total", code="bad_signature") == 1


async def test_it_counts_what_the_other_way_counts(log: RunningLog) -> None:
    async def counted() -> tuple[float, float]:
        requests = await log.metric("glasslog_http_requests_total", method="POST", route="/entries", status="201")
        return requests, await log.metric("glasslog_statements_admitted_total")

    requests, admitted = await counted()
    async with connect(log) as (reader, writer):
        for _ in range(3):
            writer.write(request(CLINIC.statement()))
            await answer_of(reader)
    assert await counted() == (requests + 3, admitted + 3)


def plain(*changes: tuple[bytes, bytes]) -> bytes:
    headers = {b"Host": b"log", b"Content-Type": b"application/cose", b"Content-Length": b"100"}
    headers.update(changes)
    return b"\r\n".join([b"POST /entries HTTP/1.1", *(name + b": " + value for name, value in headers.items())])


def test_a_plain_head_is_understood() -> None:
    head = parse_head(plain((b"Accept", b"*/*"), (b"X-Anything", b"a; b=c"), (b"Connection", b"keep-alive")))
    assert head is not None
    assert (head.length, head.accept) == (100, "*/*")


@pytest.mark.parametrize(
    "head",
    [
        plain().replace(b"POST", b"PUT"),
        plain().replace(b"/entries", b"/entries?receipts=1"),
        plain().replace(b"HTTP/1.1", b"HTTP/1.0"),
        plain().replace(b"Host: log\r\n", b""),
        plain() + b"\r\nContent-Length: 100",
        plain() + b"\r\n folded",
        plain() + b"\r\nName : value",
        plain() + b"\r\nName: \xff",
        plain() + b"\r\n" + b"\r\n".join(b"N%d: 1" % number for number in range(40)),
        plain((b"Content-Length", b"+5")),
        plain((b"Content-Length", b"010")),
        plain((b"Content-Length", b"1_0")),
        plain((b"Content-Length", b"0")),
        plain((b"Content-Length", str(STATEMENT_BYTES_MAX + 1).encode())),
        plain((b"Content-Type", b"application/cose; charset=x")),
        plain((b"Content-Type", b"application/cbor-seq")),
        plain((b"Transfer-Encoding", b"chunked")),
        plain((b"Content-Encoding", b"gzip")),
        plain((b"Expect", b"100-continue")),
        plain((b"Connection", b"close")),
        plain((b"Connection", b"upgrade")),
        plain((b"Upgrade", b"h2c")),
    ],
)
def test_whatever_leaves_a_question_is_not_for_this_way(head: bytes) -> None:
    assert parse_head(head) is None


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda data: plain() + b"\r\n" + data))
def test_any_bytes_are_a_head_or_none(data: bytes) -> None:
    head = parse_head(data)
    assert head is None or 0 < head.length <= STATEMENT_BYTES_MAX
