"""The least that aiohttp can do for a POST: read the body, answer 200 bytes. The yardstick of the single-POST path."""

import asyncio
import contextlib
import signal

import uvloop
from aiohttp import web

_ANSWER = bytes(200)


async def _handle(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_ANSWER)


async def _serve() -> None:
    application = web.Application()
    application.router.add_post("/entries", _handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]} ready", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve())
