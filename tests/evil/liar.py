"""A log that lies: it stands before a real server, passes on what that says, and bends what its lie is about.

The liar runs on an event loop in a thread of its own, so that real programs in other processes can talk to it while a
test waits for them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

import aiohttp
from aiohttp import web

_PASSED_ON = frozenset({"content-type", "location", "retry-after", "cache-control"})
_BODY_BYTES_MAX = 16 * 1_024 * 1_024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the honest server answers."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self, body: bytes | None = None) -> web.Response:
        """Return the answer, with another body where one is given."""
        return web.Response(status=self.status, headers=self.headers, body=self.body if body is None else body)


Ask: TypeAlias = Callable[[str], Awaitable[Answer]]
"""Asks the honest server for a path and query."""
Lie: TypeAlias = Callable[[web.Request, Ask], Awaitable[web.StreamResponse | None]]
"""Answers a request, or leaves it to the honest server by returning None."""


async def no_lie(_request: web.Request, _ask: Ask) -> web.StreamResponse | None:
    """Lie about nothing."""
    return None


@dataclass
class Liar:
    """Serve the honest log at `honest` with a lie, which may be changed while the liar runs."""

    honest: str
    lie: Lie = no_lie
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="liar")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30), "the liar did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(auto_decompress=False) as self._session:
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        told = await self.lie(request, self._ask)
        if told is not None:
            return told
        body = await request.read()
        answer = await self._pass_on(request.method, request.path_qs, dict(request.headers), body)
        return answer.response()

    async def _ask(self, path: str) -> Answer:
        return await self._pass_on("GET", path, {}, b"")

    async def _pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        kept = {name: value for name, value in headers.items() if name.lower() in {"accept", "content-type"}}
        kept["Accept-Encoding"] = "identity"
        async with self._session.request(
            method, self.honest + path, headers=kept, data=body, allow_redirects=False
        ) as answer:
            told = {name: value for name, value in answer.headers.items() if name.lower() in _PASSED_ON}
            return Answer(answer.status, told, await answer.read())
