"""Read request bodies within bounds: of size, of time, and of the memory that all of them take together.

A body that declares too much is refused before it is read. What does not arrive within the deadline is given up, so a
client that sends one byte a second holds a connection but never for long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from glasslog_server.errors import BrokenBodyError, MediaTypeError, OverloadedError, SlowBodyError, TooLargeError

EXPECT_CONTINUE: Final = "100-continue"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_IDENTITY: Final = frozenset({"", "identity"})


class BodyReader:
    """Read bodies for one front end. One object for all requests, because they share `bytes_max` of memory.

    `reserved` is how much of it is taken now.
    """

    def __init__(self, *, seconds_max: float, bytes_max: int) -> None:
        """Take the time that one body has, and the bytes that all bodies being read or judged may take together."""
        self._seconds_max = seconds_max
        self._bytes_max = bytes_max
        self.reserved = 0

    def has_room(self, size: int) -> bool:
        """Return whether a body of `size` bytes fits in what is left."""
        return self.reserved + size <= self._bytes_max

    @contextmanager
    def reserve(self, request: web.Request, size_max: int) -> Iterator[Callable[[], Awaitable[bytes]]]:
        """Reserve memory for a body of at most `size_max` bytes, until it is dealt with; give what reads it.

        Raises TooLargeError, MediaTypeError for an encoded body, OverloadedError; reading also SlowBodyError and
        BrokenBodyError.
        """
        if request.headers.get(hdrs.CONTENT_ENCODING, "").lower() not in _IDENTITY:
            msg = "expected a body without content encoding, got one with"
            raise MediaTypeError(msg)
        declared = request.content_length
        if declared is not None and declared > size_max:
            raise _too_large(size_max, str(declared))
        reserved = size_max if declared is None else declared
        if self.reserved + reserved > self._bytes_max:
            msg = "too many request bodies are being read"
            raise OverloadedError(msg)
        self.reserved += reserved
        try:
            yield lambda: self._read(request, size_max)
        finally:
            self.reserved -= reserved

    async def _read(self, request: web.Request, size_max: int) -> bytes:
        if hdrs.EXPECT in request.headers and request.version >= HttpVersion11:
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0  # the answer itself has not begun
        parts: list[bytes] = []
        length = 0
        try:
            async with asyncio.timeout(self._seconds_max):
                while part := await request.content.readany():
                    length += len(part)
                    if length > size_max:
                        raise _too_large(size_max, "more")
                    parts.append(part)
        except TimeoutError as error:
            msg = f"expected the whole body within {self._seconds_max:g} s, got {length} bytes"
            raise SlowBodyError(msg) from error
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
            msg = f"expected a whole body, got {length} bytes and then {type(error).__name__}"
            raise BrokenBodyError(msg) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(size_max: int, got: str) -> TooLargeError:
    return TooLargeError(f"expected a body of at most {size_max} bytes, got {got}")
