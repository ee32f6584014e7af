"""The lies, each one thing that a log could do to somebody. A lie says nothing about how it is found out.

Some bend what an honest server says; some need the log's key, and serve a log that was made up (`forged`).
"""

import asyncio
import gzip
import zlib
from collections.abc import Callable

from aiohttp import web

from glasslog.merkle import TreeSize
from glasslog.tiles import BundleId, TileId, decode_bundle, encode_bundle, parse_tile_path
from tests.evil.forged import ForgedLog
from tests.evil.liar import Ask, Lie

_OCTETS = "application/octet-stream"
_CBOR_SEQUENCE = "application/cbor-seq"


def bent(applies: Callable[[web.Request], bool], bend: Callable[[bytes], bytes]) -> Lie:
    """Answer some requests with another body than the honest one."""

    async def lie(request: web.Request, ask: Ask) -> web.StreamResponse | None:
        if not applies(request):
            return None
        answer = await ask(request.path_qs)
        return answer.response(bend(answer.body)) if answer.status == 200 else answer.response()

    return lie


def is_checkpoint(request: web.Request) -> bool:
    return request.path == "/checkpoint"


def is_full_bundle(request: web.Request) -> bool:
    named = _named(request)
    return isinstance(named, tuple) and isinstance(named[0], BundleId) and named[1] == 256


def is_partial_bundle(request: web.Request) -> bool:
    named = _named(request)
    return isinstance(named, tuple) and isinstance(named[0], BundleId) and named[1] < 256


def is_tile(level: int, *, partial: bool) -> Callable[[web.Request], bool]:
    def applies(request: web.Request) -> bool:
        named = _named(request)
        if named is None or not isinstance(named[0], TileId):
            return False
        return named[0].level == level and (named[1] < 256) == partial

    return applies


def _named(request: web.Request) -> tuple[TileId | BundleId, int] | None:
    return parse_tile_path(request.path[1:]) if request.path.startswith("/tile/") else None


def with_bit_flipped(position: int) -> Callable[[bytes], bytes]:
    """Turn over one bit of the byte at a position, from the end when it is negative."""

    def bend(body: bytes) -> bytes:
        at = position % len(body)
        return body[:at] + bytes((body[at] ^ 1,)) + body[at + 1 :]

    return bend


def with_entry_changed(number: int) -> Callable[[bytes], bytes]:
    """Change one byte within one entry of a bundle of 256."""

    def bend(body: bytes) -> bytes:
        entries = decode_bundle(body, 256)
        entries[number] = with_bit_flipped(len(entries[number]) // 2)(entries[number])
        return encode_bundle(entries)

    return bend


def with_entries_swapped(one: int, other: int) -> Callable[[bytes], bytes]:
    """Put two entries of a bundle of 256 in each other's place: all are genuine, none is where it says."""

    def bend(body: bytes) -> bytes:
        entries = decode_bundle(body, 256)
        entries[one], entries[other] = entries[other], entries[one]
        return encode_bundle(entries)

    return bend


def cut_short(count: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:-count]


def answering(path: str, body: bytes, media_type: str = "text/plain") -> Lie:
    """Answer one path with a body of one's own."""

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        return web.Response(body=body, content_type=media_type) if request.path == path else None

    return lie


def serving(forged: ForgedLog, size: TreeSize | None = None) -> Lie:
    """Serve a log that was made up in the place of the honest one, as far as it goes."""

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        if request.path == "/checkpoint":
            return web.Response(body=forged.checkpoint(size), content_type="text/plain")
        if request.path == "/heads":
            query = request.query
            page = forged.heads(int(query.get("start", 0)), int(query.get("limit", 1_000)))
            return web.Response(body=page, content_type=_CBOR_SEQUENCE)
        if request.path.startswith("/tile/"):
            found = forged.resource(request.path[1:])
            if found is None:
                return web.Response(status=404)
            return web.Response(body=found, content_type=_OCTETS)
        return None

    return lie


def slow_drip(applies: Callable[[web.Request], bool]) -> Lie:
    """Send an answer byte by byte, with pauses, and never come to its end."""

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        if not applies(request):
            return None
        response = web.StreamResponse(headers={"Content-Type": _OCTETS})
        await response.prepare(request)
        while True:
            await response.write(b"\0")
            await asyncio.sleep(0.05)

    return lie


def endless_body(applies: Callable[[web.Request], bool]) -> Lie:
    """Send as fast as the other side takes it, and never come to an end."""

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        if not applies(request):
            return None
        response = web.StreamResponse(headers={"Content-Type": _OCTETS})
        await response.prepare(request)
        while True:
            await response.write(bytes(65_536))

    return lie


def gzip_bomb(applies: Callable[[web.Request], bool]) -> Lie:
    """Answer with 64 MiB of zeros, compressed a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_024 * 1_024)) for _ in range(64)) + packer.flush()
    assert len(bomb) < 100_000
    assert gzip.decompress(bomb[:1_000] + bomb[1_000:])[:1] == b"\0"

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        if not applies(request):
            return None
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": _OCTETS})

    return lie


def redirecting(applies: Callable[[web.Request], bool], target: str) -> Lie:
    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        return web.Response(status=302, headers={"Location": target}) if applies(request) else None

    return lie


def storming(applies: Callable[[web.Request], bool], status: int = 429, *, times: int | None = None) -> Lie:
    """Refuse some requests for now: always, or so many times."""
    left = [times]

    async def lie(request: web.Request, _ask: Ask) -> web.StreamResponse | None:
        if not applies(request) or left[0] == 0:
            return None
        if left[0] is not None:
            left[0] -= 1
        return web.Response(status=status, headers={"Retry-After": "0"})

    return lie


def counting(applies: Callable[[web.Request], bool], together: int, most: list[int]) -> Lie:
    """Answer nothing before so many requests are there at once, and note in `most` how many there were at the most."""
    waiting = 0
    enough = asyncio.Event()

    async def lie(request: web.Request, ask: Ask) -> web.StreamResponse | None:
        nonlocal waiting
        if not applies(request):
            return None
        waiting += 1
        most.append(waiting)
        if waiting == together:
            enough.set()
        await enough.wait()
        answer = await ask(request.path_qs)
        waiting -= 1
        return answer.response()

    return lie


def to_others(first: Lie, others: Lie, *, asked_by: Callable[[web.Request], bool]) -> Lie:
    """Tell one client one story, and everybody else another: a split view."""

    async def lie(request: web.Request, ask: Ask) -> web.StreamResponse | None:
        return await (first if asked_by(request) else others)(request, ask)

    return lie
