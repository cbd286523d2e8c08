"""`/metrics` on a port of its own (`server.metrics_port`), and `/readyz/details`: what `/readyz` knows, in full.

Each of several workers listens there, and the kernel chooses one for each connection: any of them shows all.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


@asynccontextmanager
async def serving(
    text: Callable[[], bytes], details: Callable[[], dict[str, Any]], host: str, port: int
) -> AsyncIterator[None]:
    """Answer `GET /metrics` with the text, and `GET /readyz/details` with the details, as JSON.

    Raises OSError if the port is in use by another program.
    """

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def what_readyz_knows(_request: web.Request) -> web.Response:
        body = orjson.dumps(details(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/readyz/details", what_readyz_knows)
    app.router.add_get("/metrics", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=True).start()
        yield
    finally:
        await runner.cleanup()
