"""`/metrics` on a port of its own (`server.metrics_port`), and `/readyz/details`: what `/readyz` knows, in full.

Each of several workers listens there, and the kernel chooses one for each connection: any of them shows all. In one
process there are two applications for a while, when its settings were read again: the newer one answers.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST


class Told(NamedTuple):
    """What an application tells: the text of its metrics, and what `/readyz` knows."""

    text: Callable[[], bytes]
    details: Callable[[], dict[str, Any]]


class _Port:
    """A port on which this process listens, and the applications that tell something there, the newest last."""

    def __init__(self) -> None:
        self.telling: list[Told] = []
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/readyz/details", self._details)
        self.runner = web.AppRunner(app, access_log=None)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.telling[-1].text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _details(self, _request: web.Request) -> web.Response:
        body = orjson.dumps(self.telling[-1].details(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


_PORTS: Final[dict[tuple[str, int], _Port]] = {}
"""Those of this process."""


@asynccontextmanager
async def serving(told: Told, host: str, port: int) -> AsyncIterator[None]:
    """Answer `GET /metrics` and `GET /readyz/details` by what is told.

    Raises OSError if the port is in use by another program.
    """
    place = host, port
    if place not in _PORTS:
        made = _Port()
        await made.runner.setup()
        try:
            await web.TCPSite(made.runner, host, port, reuse_port=True).start()
        except OSError:
            await made.runner.cleanup()
            raise
        _PORTS[place] = made
    mine = _PORTS[place]
    mine.telling.append(told)
    try:
        yield
    finally:
        if len(mine.telling) == 1:
            del _PORTS[place]
            await mine.runner.cleanup()
        mine.telling.remove(told)
