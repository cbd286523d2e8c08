"""`gateway events` follows a real server, whose hints a test gives."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.events.hints import Change, Hint, Source
from gateway.commands.demo_keys import DemoKeys, key_path
from gateway.commands.events import Event, NotFollowed, follow, line
from gateway.http.watching import WatchEndpoint
from resolvers.viewer import ViewerKind
from tests.gateway.commands.forked import forked
from tests.gateway.commands.running import InProcess, environment, free_ports
from tests.gateway.http.usual_rates import usual_rates
from tests.gateway.serving import serving


class Gateway:
    """Serves the endpoint to a demo's tokens, with hints that a test puts."""

    def __init__(self, keys: DemoKeys) -> None:
        self.keys, self.address = keys, ""
        self.hints: asyncio.Queue[Hint | None] = asyncio.Queue()
        self.endpoint = WatchEndpoint(keys.authenticator(), self.watch, usual_rates())

    async def watch(self) -> AsyncIterator[Hint]:
        while (hint := await self.hints.get()) is not None:
            yield hint


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(DemoKeys.create(tmp_path / "key.pem"))

    async def no_gateway(_: Request) -> Response:
        return PlainTextResponse("Bad gateway", 502)

    routes = [
        Route("/events", gateway.endpoint),
        Route("/elsewhere/events", no_gateway),
        Route("/off/events", WatchEndpoint(gateway.keys.authenticator(), None, usual_rates())),
    ]
    async with serving(Starlette(routes=routes)) as gateway.address:
        yield gateway


def hint(domain: str, type_name: str, number: str, source: Source) -> Hint:
    at = time.time() - 0.3
    return Hint(domain=domain, type=type_name, id=number, change=Change.CHANGED, source=source, at=at)


HINTS = [
    hint("ticketing", "Ticket", "TT-1", Source.HUB),
    hint("billing", "Bill", "B-1", Source.POLL),
    hint("ticketing", "", "", Source.WEBHOOK),
]


@pytest.mark.parametrize("as_json", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_lines_come_until_ctrl_c(gateway: Gateway, tmp_path: Path, as_json: bool) -> None:
    command = [
        "events",
        "--url",
        f"{gateway.address}/graphql",
        "--domain",
        "ticketing",
        *(["--json"] if as_json else []),
    ]
    variables = {**environment(tmp_path), "OPTICOM_TOKEN": gateway.keys.token(ViewerKind.AGENT)}
    process = await forked(*command, environment=variables)
    try:
        said = await asyncio.wait_for(process.stderr.readline(), 30)
        assert said.decode() == f"Following {gateway.address}/events. Ctrl-C ends it.\n"
        for one in HINTS:
            await gateway.hints.put(one)
        lines = [(await asyncio.wait_for(process.stdout.readline(), 30)).decode() for _ in range(2)]
        gateway.endpoint.refused("ticketing", "forged")
        lines.append((await asyncio.wait_for(process.stdout.readline(), 30)).decode())
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            rest = await process.stdout.read(), await process.stderr.read()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, rest[0], rest[1].strip()) == (0, b"", b"")
    if as_json:
        told = [json.loads(one) for one in lines]
        assert [(one["event"], one["domain"], one.get("id"), one.get("source")) for one in told] == [
            ("hint", "ticketing", "TT-1", "hub"),
            ("hint", "ticketing", "", "webhook"),
            ("refused", "ticketing", None, None),
        ]
    else:
        assert [one.split()[1:-5] for one in lines] == [
            ["ticketing", "Ticket:TT-1", "changed", "by", "hub"],
            ["ticketing", "(it", "does", "not", "say", "what)", "changed", "by", "webhook"],
            [],
        ]
        assert lines[-1].split()[1:] == ["ticketing", "refused:", "forged"]


async def followed(gateway: Gateway, path: str, token: str) -> str:
    """Why it cannot be followed."""
    with pytest.raises(NotFollowed) as caught:
        await follow(gateway.address + path, token, no_event, no_note)
    return str(caught.value).removeprefix(gateway.address)


def no_event(event: Event) -> None:
    raise AssertionError(event)


def no_note(said: str) -> None:
    raise AssertionError(said)


async def test_what_is_wrong_is_said(gateway: Gateway, tmp_path: Path) -> None:
    agent = gateway.keys.token(ViewerKind.AGENT)
    subscriber = gateway.keys.token(ViewerKind.CUSTOMER, "1001")
    stranger = DemoKeys.create(tmp_path / "other.pem").token(ViewerKind.AGENT)

    assert await followed(gateway, "", subscriber) == (
        "/events answered 403: Events are shown to agents and admins only. Use a token of one."
    )
    assert await followed(gateway, "", "no token") == (
        "/events answered 401: The token is not a signed JSON Web Token (JWT). Send it as its issuer gave it."
    )
    assert (await followed(gateway, "", stranger)).startswith("/events answered 401: The token is signed by an unknown")
    assert "set live.enabled = true" in await followed(gateway, "/off", agent)
    assert await followed(gateway, "/elsewhere", agent) == (
        "/elsewhere/events answered 502 with something that is no gateway's answer: is --url right?"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--url", "http://["], "--url: should be an address that begins with http://"),
        (["--url", "http://h:99999"], "--url: should be an address that begins with http://"),
        (["--url", "http://u:p@127.0.0.1:9", "--token", "t"], "--url: should be an address without user name"),
        (["--token", "a\nb"], "--token: should be one line of text"),
        (["--token", "ž"], "--token: should be a header's value"),
    ],
)
def test_an_option_that_cannot_be_sent_is_named(run: InProcess, options: list[str], told: str) -> None:
    ended = run("events", *options)
    assert (ended.returncode, ended.stderr.startswith(told)) == (1, True), ended.stderr


async def test_it_is_followed_again_when_the_gateway_ends_the_stream(gateway: Gateway) -> None:
    notes: asyncio.Queue[str] = asyncio.Queue()
    shown: asyncio.Queue[Event] = asyncio.Queue()
    token = gateway.keys.token(ViewerKind.ADMIN)
    following = asyncio.create_task(follow(gateway.address, token, shown.put_nowait, notes.put_nowait, pause=0))
    begins = f"Following {gateway.address}/events. Ctrl-C ends it."
    assert await notes.get() == begins
    await gateway.hints.put(None)
    expected = ["Nothing more is heard.", "The gateway ended the stream.", begins]
    assert [await notes.get() for _ in expected] == expected
    gateway.endpoint.refused("crm", "malformed")
    assert "crm        refused: malformed" in line(await shown.get())
    following.cancel()
    await asyncio.wait([following])


def test_without_a_token_it_is_the_demos(run: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port = free_ports(1)
    ran = run("events", "--url", f"http://127.0.0.1:{port}")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "give an agent's or an admin's with --token" in ran.stderr

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    DemoKeys.create(key_path(port))
    ran = run("events", "--url", f"http://127.0.0.1:{port}")
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"Nothing answers at http://127.0.0.1:{port}/events: is the gateway running")


@pytest.mark.parametrize(
    ("lag", "words"),
    [
        (0.31, "0.3 s after it happened"),
        (7 * 86_400, "its clock is 168 h behind, or it comes late"),
        (-7_200, "its clock is 2 h ahead, or it comes late"),
    ],
)
def test_a_system_whose_clock_differs_is_told_apart(lag: float, words: str) -> None:
    data = {"domain": "crm", "type": "Customer", "id": "1", "change": "changed", "source": "webhook"}
    assert line(("hint", {**data, "at": time.time() - lag, "lag": lag})).endswith(words)


def test_help_says_what_the_lines_mean(run: InProcess) -> None:
    ran: Any = run("events", "--help")
    assert ran.returncode == 0
    assert "its hub or webhook" in " ".join(ran.stdout.split())
