"""What the demo's portal stops, slows and heals the systems with. `gateway serve` has nothing of it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import aiohttp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.commands.demo_systems import SandboxProcess

Wanted = Literal["stop", "slow", "heal"]
State = Literal["well", "slow", "stopped"]

SLOWNESS: Final = 2.0
"""Seconds that a slow system waits before each answer: longer than the portal waits for its home, and not too long for
the gateway, which waits 3 s for a call."""


class DemoControl:
    """Answers `GET` with the state of each system, and `POST` of `{"system": "billing", "wanted": "stop"}` likewise.

    A `POST` must be `application/json`: a form of another page, which no browser asks the gateway about, is not.
    """

    def __init__(self, systems: Sequence[SandboxProcess]) -> None:
        self._systems: Mapping[str, SandboxProcess] = {one.system: one for one in systems}
        self._slow: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return _refused(415, "The body must be application/json.")
            try:
                asked = json.loads(await request.body())
                system, wanted = self._systems[asked["system"]], asked["wanted"]
            except (ValueError, KeyError, TypeError):
                return _refused(400, f"system must be one of {', '.join(self._systems)}.")
            if wanted not in get_args(Wanted):
                return _refused(400, f"wanted must be one of {', '.join(get_args(Wanted))}.")
            async with self._one_at_a_time:
                await self._make(system, wanted)
        elif request.method != "GET":
            return _refused(405, "GET and POST are possible here.", Allow="GET, POST")
        states = {name: self._state(one) for name, one in self._systems.items()}
        return JSONResponse(states, headers={"Cache-Control": "no-store"})

    def _state(self, system: SandboxProcess) -> State:
        if not system.listens:
            return "stopped"
        return "slow" if system.system in self._slow else "well"

    async def _make(self, system: SandboxProcess, wanted: Wanted) -> None:
        if wanted == "stop":
            await system.refuse()
            return
        await system.accept()
        milliseconds = SLOWNESS * 1000 if wanted == "slow" else 0
        address, switch = f"{system.address}/_sandbox/switches", {"latencyMs": milliseconds}
        async with aiohttp.ClientSession() as session, session.put(address, json=switch) as answer:
            answer.raise_for_status()
        if wanted == "slow":
            self._slow.add(system.system)
        else:
            self._slow.discard(system.system)


def _refused(status: int, why: str, **headers: str) -> Response:
    return JSONResponse({"message": why}, status, headers=headers)
