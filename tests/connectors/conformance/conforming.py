"""Runs the conformance suite in tests: over the sandbox, and over a live product or what was recorded from it."""

import hashlib
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from connectors import DOMAINS
from connectors.conformance import Result, conform
from connectors.conformance.wire import VIA
from connectors.drivers import Driver
from connectors.http.client import HttpClient
from connectors.settings import System

RECORDINGS = Path(__file__).parents[1] / "recordings"
_LONGEST = 300
"""Characters of a question that are kept as they are; of a longer one, only its hash."""


async def trial(
    domain: str, driver: Driver, system: System, keys: Mapping[str, Sequence[str]] | None = None, **more: Any
) -> list[Result]:
    """All results, in order."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        def build(one: System) -> Any:
            return driver.connect(HttpClient(domain, one, session))

        return [one async for one in conform(domain, DOMAINS[domain].promises, build, system, keys=keys, **more)]


def failures(results: Sequence[Result]) -> list[str]:
    return [f"{one.method}, {one.check}: {one.reason}" for one in results if one.mark == "failed"]


def failed(results: Sequence[Result]) -> set[tuple[str, str]]:
    """Method and check of all that failed."""
    return {(one.method, one.check) for one in results if one.mark == "failed"}


class Conversation:
    """Stands before a live product and keeps what it answers, or answers in its place from what was kept.

    LIVE_<PRODUCT> is the live product's address, LIVE_<PRODUCT>_TOKEN its token, and LIVE_<PRODUCT>_CA the authority of
    its certificate, if it has one of its own; with RECORD=1 besides, the recording is written anew. A question is its
    method, path, query and body; a wrong token is part of it.
    """

    RIGHT = "recorded"
    """What stands in a recorded run for the token."""

    def __init__(self, name: str, scheme: str) -> None:
        self.path = RECORDINGS / f"conformance_{name}.json"
        self.live = os.environ.get(f"LIVE_{name.upper()}", "").rstrip("/")
        self.token = f"{scheme} {os.environ.get(f'LIVE_{name.upper()}_TOKEN', '') if self.live else self.RIGHT}"
        authority = os.environ.get(f"LIVE_{name.upper()}_CA")
        self._tls: Any = ssl.create_default_context(cafile=authority) if authority else True
        self.records = bool(self.live and os.environ.get("RECORD"))
        kept = {} if self.live else json.loads(self.path.read_text(encoding="utf-8"))
        self.questions: dict[str, str] = kept.get("questions", {})
        self.answers: dict[str, dict[str, Any]] = kept.get("answers", {})
        self.unknown: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        question = f"{request.method} {request.raw_path}{' ' + body.decode() if body else ''}"
        if request.headers.get("Authorization") != self.token:
            question += " with a wrong token"
        if len(question) > _LONGEST:
            question = f"{question[:60]} ... {hashlib.sha256(question.encode()).hexdigest()[:24]}"
        if self.live:
            await self._ask(request, body, question)
        if question not in self.questions:
            if VIA[0] not in request.headers:  # behind answers that the suite changes, a driver may ask for more
                self.unknown.append(question)
            return web.Response(status=418, text="not recorded")
        kept = self.answers[self.questions[question]]
        text = kept["text"] if "text" in kept else json.dumps(kept["json"])
        return web.Response(status=kept["status"], text=text, content_type=kept["type"])

    async def _ask(self, request: web.Request, body: bytes, question: str) -> None:
        passed = ("Authorization", "Content-Type", "Accept", "X-HTTP-Method-Override")
        headers = {name: request.headers[name] for name in passed if name in request.headers}
        async with (
            aiohttp.ClientSession(auto_decompress=True) as session,
            session.request(
                request.method,
                aiohttp.client.URL(self.live + request.raw_path, encoded=True),
                data=body or None,
                headers=headers,
                allow_redirects=False,
                ssl=self._tls,
            ) as live,
        ):
            kept: dict[str, Any] = {"status": live.status, "type": live.content_type}
            content = (await live.read()).decode("utf-8", "replace").replace(self.live, "http://system.example")
        try:
            kept["json"] = _plain(json.loads(content))
        except ValueError:
            kept["text"] = content
        name = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]
        self.questions[question], self.answers[name] = name, kept

    def close(self) -> None:
        """Write what was recorded."""
        if self.records:
            used = set(self.questions.values())
            lines = [
                '{"questions": {',
                ",\n".join(f"{json.dumps(one)}: {json.dumps(name)}" for one, name in sorted(self.questions.items())),
                '}, "answers": {',
                ",\n".join(
                    f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False, separators=(',', ':'), sort_keys=True)}"
                    for name, one in sorted(self.answers.items())
                    if name in used
                ),
                "}}\n",
            ]
            self.path.write_text("\n".join(lines), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Without secrets and what nobody reads: most of RT's answers, and Alertmanager's settings."""
    match value:
        case dict():
            left_out = ("_url", "_hyperlinks", "Headers", "MessageId", "api_key", "config")
            return {key: _plain(one) for key, one in value.items() if key not in left_out}
        case list():
            return [_plain(one) for one in value]
        case str() if re.fullmatch("[0-9a-f]{32}", value):
            return value[:12]  # a session's id, which looks like a key
        case _:
            return value


@asynccontextmanager
async def conversing(name: str, scheme: str) -> AsyncIterator[tuple[Conversation, str]]:
    """The conversation and the address where it is held."""
    conversation = Conversation(name, scheme)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", conversation.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield conversation, f"http://127.0.0.1:{runner.addresses[0][1]}"
        conversation.close()
    finally:
        await runner.cleanup()
