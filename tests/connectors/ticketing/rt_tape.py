"""Conversations with Request Tracker that change it: recorded once in order, and replayed word for word.

With LIVE_RT and LIVE_RT_TOKEN (see test_rt.py) the live system answers, which needs the fields of
`acceptance/rt_fields.pl`; with RECORD=1 on top its answers are the new recording.
"""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.writes import WriteKey

RECORDING = Path(__file__).parents[1] / "recordings/rt_writes.json"
LIVE = os.environ.get("LIVE_RT", "").rstrip("/")
TOKEN = f"token {os.environ.get('LIVE_RT_TOKEN', '')}"
_LEFT_OUT = ("_url", "_hyperlinks", "next_page", "prev_page", "Headers", "MessageId")
Told = dict[str, Any]


class Tape:
    """One test's conversation. `keys` are new whenever it is recorded; `asked` are the requests, as sent."""

    def __init__(self, kept: Told | None) -> None:
        self.recorded: list[Told] = [] if kept is None else kept["calls"]
        self._left = list(self.recorded)
        self.keys = [WriteKey(one) for one in (kept["keys"] if kept else (secrets.token_hex(9) for _ in range(4)))]
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def written(self) -> list[tuple[str, str]]:
        """Method and path of the requests that changed something."""
        return [(method, path) for method, path, _ in self.asked if method != "GET"]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append((request.method, request.raw_path, json.loads(body) if body else None))
        asked = {"method": request.method, "path": request.raw_path, "body": self.asked[-1][2]}
        if LIVE:
            answer = await _live(request, body)
            self.recorded.append({"asked": asked, "answer": answer})
        else:  # calls side by side come in any order, the same one by turns
            told = next(one for one in self._left if one["asked"] == asked)
            self._left.remove(told)
            answer = told["answer"]
        headers = {"Location": answer["location"]} if "location" in answer else {}
        return web.json_response(answer["json"], status=answer["status"], headers=headers)


async def _live(request: web.Request, body: bytes) -> Told:
    url = aiohttp.client.URL(LIVE + request.raw_path, encoded=True)
    headers = {"Authorization": TOKEN, "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, url, data=body or None, headers=headers) as live,
    ):
        told: Told = {"status": live.status, "json": _without_addresses(await live.json(content_type=None))}
        return told | ({"location": live.headers["Location"]} if "Location" in live.headers else {})


def _without_addresses(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_addresses(one) for key, one in value.items() if key not in _LEFT_OUT}
        case list():
            return [_without_addresses(one) for one in value]
        case _:
            return value


class Tapes:
    """The tapes of all tests, by name."""

    def __init__(self) -> None:
        self.kept: dict[str, Told] = {} if LIVE else json.loads(RECORDING.read_text(encoding="utf-8"))

    @asynccontextmanager
    async def of(self, name: str, **options: Any) -> AsyncIterator[tuple[Any, Tape]]:
        """The driver over the system, and the tape. What was recorded must have been asked to its end."""
        tape = Tape(self.kept.get(name) if not LIVE else None)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", tape.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                system = System.model_validate({"url": url, "timeout": 20 if LIVE else 3})
                yield RtTicketing(HttpClient("ticketing", system, session), RtOptions(queue="Faults", **options)), tape
        finally:
            await runner.cleanup()
        assert len(tape.asked) == len(tape.recorded)
        self.kept[name] = {"keys": tape.keys, "calls": tape.recorded}

    def close(self) -> None:
        """Write what was recorded."""
        if LIVE and os.environ.get("RECORD"):
            lines = []
            for name, kept in sorted(self.kept.items()):
                calls = ",\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in kept["calls"])
                lines.append(f'{json.dumps(name)}: {{"keys": {json.dumps(kept["keys"])}, "calls": [\n{calls}\n]}}')
            RECORDING.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
