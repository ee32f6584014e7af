"""One HTTP/1.1 connection of the load generator: a request, its answer, the next request.

Lean on purpose: what the generator spends is taken from the cores that the server under test runs on. Parsing is
httptools' (the parser of Node.js); nothing is pipelined, nothing is tried again.
"""

import asyncio
from dataclasses import dataclass
from typing import Self, cast

import httptools


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """A connection that is kept alive. One request at a time."""

    def __init__(self) -> None:
        """Be ready to connect; use `open`."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    async def request(self, head: bytes, body: bytes) -> Answer:
        """Send one request and return its answer. Raises ConnectionError when the server closes before that."""
        if self._transport is None or self._transport.is_closing():
            msg = "the server has closed the connection"
            raise ConnectionError(msg)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines((head, body))
        return await self._answer

    def close(self) -> None:
        """Close."""
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer that none will come."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the connection was lost before the answer: {exc}"))

    # httptools

    def on_body(self, data: bytes) -> None:
        """Collect the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Hand over the answer."""
        answer = Answer(self._parser.get_status_code(), b"".join(self._body))
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
