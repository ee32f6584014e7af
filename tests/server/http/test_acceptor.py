"""Several take connections from one socket: evenly, and whoever hangs holds up nobody."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from glasslog_server.addresses import ListenAddress
from glasslog_server.http.acceptor import Acceptor, address_of, bind
from glasslog_server.http.connection_table import ConnectionTable, Share


class Taker:
    """One of those that share a socket, as another process would, with a descriptor of its own."""

    def __init__(self, listening: socket.socket, table: ConnectionTable, cell: int) -> None:
        self.share = Share(table, cell)
        self.acceptor = Acceptor([listening.dup()], lambda: _Held(self), {}, self.share)
        self.held: list[asyncio.Transport] = []


class _Held(asyncio.Protocol):
    """A connection that is greeted, and counted until it ends."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._taker.held.append(cast("asyncio.Transport", transport))
        cast("asyncio.Transport", transport).write(b"!")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._taker.share.lost()


@pytest.fixture
def table(tmp_path: Path) -> ConnectionTable:
    return ConnectionTable.create(tmp_path / "connections", 4)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    [bound] = bind(ListenAddress("127.0.0.1", 0))
    with bound:
        yield bound


async def connect(listening: socket.socket, count: int) -> list[asyncio.StreamWriter]:
    """Open connections one after another, each once the one before was greeted."""
    place = address_of(listening)
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(place.host, place.port)
        assert await reader.readexactly(1) == b"!"
        writers.append(writer)
    return writers


async def end(takers: list[Taker], writers: list[asyncio.StreamWriter]) -> None:
    for taker in takers:
        taker.acceptor.close()
    for writer in writers:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_connections_are_spread_evenly(listening: socket.socket, table: ConnectionTable, number: int) -> None:
    takers = [Taker(listening, table, cell) for cell in range(number)]
    writers = await connect(listening, 12)
    assert [len(taker.held) for taker in takers] == [12 // number] * number
    assert table.counts()[:number] == [12 // number] * number
    await end(takers, writers)


async def test_whoever_has_lost_connections_gets_the_next_ones(
    listening: socket.socket, table: ConnectionTable
) -> None:
    takers = [Taker(listening, table, cell) for cell in range(2)]
    writers = await connect(listening, 8)
    for transport in takers[0].held:
        transport.close()
    while table.counts()[0]:
        await asyncio.sleep(0)
    writers += await connect(listening, 4)
    assert table.counts()[:2] == [4, 4]
    await end(takers, writers)


async def test_one_that_hangs_holds_up_nobody(listening: socket.socket, table: ConnectionTable) -> None:
    Share(table, 3)  # it has no connection, and takes none
    takers = [Taker(listening, table, cell) for cell in range(2)]
    writers = await connect(listening, 8)
    assert table.counts() == [4, 4, None, 0]
    await end(takers, writers)


async def test_a_client_that_speaks_no_tls_is_counted_out(listening: socket.socket, table: ConnectionTable) -> None:
    tls = {"ssl": ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)}
    share = Share(table, 0)
    acceptor = Acceptor([listening.dup()], asyncio.Protocol, tls, share)
    place = address_of(listening)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        await reader.read()
    while table.counts() != [0, None, None, None]:
        await asyncio.sleep(0)
    assert table.below(1) != {0: 1 << 32}  # one was taken and lost
    acceptor.close()
    assert table.counts()[0] is None
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
