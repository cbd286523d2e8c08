"""The benchmark's upstream: all four systems in one small server that is never what is waited for.

    BENCH_PORT=9000 .venv/bin/python -m benchmarks.upstream

Lists by any filter, id lists, `fields=`, `limit`, `offset` and X-Total-Count, as TMF630 says; `sort=` is taken and the
rows' own order kept. Rows are rendered once per projection, and an answer that was given before is given again.

`POST /_bench/take` answers with the calls and bytes since the last time, `POST /_bench/latency?ms=20` makes every
later answer wait.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
import uvicorn

from benchmarks.upstream_rows import PATHS, rows_of

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_MOST_ANSWERS: Final = 20_000


class Table:
    """One resource's rows, found by any attribute."""

    def __init__(self, resource: str) -> None:
        self._rows = rows_of(resource)
        self._indices: dict[str, dict[str, list[int]]] = {}
        self._rendered: dict[str, list[bytes]] = {}
        self._answers: dict[bytes, tuple[bytes, int]] = {}

    def answer(self, query: bytes) -> tuple[bytes, int]:
        """Body and total count for a query string."""
        found = self._answers.get(query)
        if found is None:
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            found = self._answers[query] = self._select(dict(parse_qsl(query.decode())))
        return found

    def _select(self, asked: dict[str, str]) -> tuple[bytes, int]:
        fields, offset, limit = asked.pop("fields", ""), int(asked.pop("offset", 0)), int(asked.pop("limit", 1000))
        asked.pop("sort", None)
        places = list(range(len(self._rows)))
        for attribute, values in asked.items():
            index = self._index(attribute)
            met = {place for value in values.split(",") for place in index.get(value, ())}
            places = [place for place in places if place in met] if len(met) < len(places) else places
        rows = self._render(fields)
        return b"[%s]" % b",".join([rows[place] for place in places[offset : offset + limit]]), len(places)

    def _index(self, attribute: str) -> dict[str, list[int]]:
        if attribute not in self._indices:
            index: dict[str, list[int]] = {}
            for place, row in enumerate(self._rows):
                for value in _values(row, attribute.split(".")):
                    index.setdefault(value, []).append(place)
            self._indices[attribute] = index
        return self._indices[attribute]

    def _render(self, fields: str) -> list[bytes]:
        if fields not in self._rendered:
            kept = set(fields.split(",")) if fields else None
            self._rendered[fields] = [
                orjson.dumps({k: v for k, v in row.items() if kept is None or k in kept}) for row in self._rows
            ]
        return self._rendered[fields]


def _values(row: Any, path: list[str]) -> list[str]:
    if isinstance(row, list):
        return [value for one in row for value in _values(one, path)]
    if not path:
        return [str(row)]
    return _values(row[path[0]], path[1:]) if path[0] in row else []


class Upstream:
    """The ASGI application."""

    def __init__(self) -> None:
        self._tables = {path: Table(resource) for resource, path in PATHS.items()}
        self._calls = self._bytes = 0
        self._latency = 0.0

    async def __call__(self, scope: Scope, _receive: Any, send: Send) -> None:
        """One request."""
        table = self._tables.get(scope["path"])
        if table is None:
            await self._control(scope["path"], scope["query_string"], send)
            return
        body, total = table.answer(scope["query_string"])
        self._calls += 1
        self._bytes += len(body)
        if self._latency:
            await asyncio.sleep(self._latency)
        await _answer(send, 200, body, (b"x-total-count", b"%d" % total))

    async def _control(self, path: str, query: bytes, send: Send) -> None:
        match path:
            case "/_bench/take":
                taken = orjson.dumps({"calls": self._calls, "bytes": self._bytes})
                self._calls = self._bytes = 0
                await _answer(send, 200, taken)
            case "/_bench/latency":
                self._latency = float(dict(parse_qsl(query.decode()))["ms"]) / 1000
                await _answer(send, 200, b"{}")
            case _:
                await _answer(send, 404, b'{"code":"404","reason":"there is no such resource here"}')


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    named = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})


def serve(app: Any, lifespan: str = "off") -> None:
    """One worker on loopback at BENCH_PORT, set as all Python servers of the benchmark are."""
    uvicorn.run(
        app,
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan=lifespan,  # type: ignore[arg-type]  # a plain word
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    serve(Upstream())
