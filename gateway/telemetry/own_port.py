"""`/metrics` on a port of its own (`server.metrics_port`).

Each of several workers listens there, and the kernel chooses one for each connection: any of them shows all.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


@asynccontextmanager
async def serving(text: Callable[[], bytes], host: str, port: int) -> AsyncIterator[None]:
    """Answer `GET /metrics` with the text. Raises OSError if the port is in use by another program."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=True).start()
        yield
    finally:
        await runner.cleanup()
