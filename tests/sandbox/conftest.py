"""Four sandbox systems over real HTTP, and the plainest client there is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

import pytest

from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS, SystemName, resources_of
from sandbox.server import SandboxServer
from tests.sandbox.listener import Listener

PATHS = {resource.name: resource.path for name in SYSTEMS for resource in resources_of(name)}
PATHS["queryUsageConsumption"] = "/tmf-api/usageConsumption/v4/queryUsageConsumption"


@dataclass
class Reply:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, with exact numbers."""
        return json.loads(self.body, parse_float=Decimal)

    @property
    def ids(self) -> list[str]:
        """The ids of a list, in order."""
        return [row["id"] for row in self.json]


class Client:
    """Asks one running system; a path is a resource's name or an address."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """Send one request on a connection of its own."""
        name, mark, rest = path.partition("/") if not path.startswith("/") else ("", "", "")
        name, question, query = (name, "", "") if mark else name.partition("?")
        target = path if path.startswith("/") else f"{PATHS[name]}{mark}{rest}{question}{query}"
        connection = HTTPConnection(self.server.host, self.server.port, timeout=20)
        try:
            raw = body if isinstance(body, bytes) or body is None else json.dumps(body, default=float).encode()
            connection.request(method, target, raw, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """GET."""
        return self.ask("GET", path, headers=headers)

    def all(self, name: str, query: str = "") -> list[dict[str, Any]]:
        """GET every row of a list, page by page."""
        return self.all_at(PATHS[name], query)

    def all_at(self, path: str, query: str = "") -> list[dict[str, Any]]:
        """GET every row of the list at an address."""
        rows: list[dict[str, Any]] = []
        while True:
            reply = self.get(f"{path}?{query}&offset={len(rows)}&limit=2000")
            assert reply.status in (200, 206)
            rows += reply.json
            if len(rows) >= int(reply.headers["x-total-count"]):
                return rows


@pytest.fixture(scope="session")
def world() -> World:
    """Three hundred customers that nobody writes to."""
    return World(customers=300)


@pytest.fixture(scope="session")
def _running(world: World) -> Iterator[dict[str, Client]]:
    servers = {name: SandboxServer(name, world=world).start() for name in SYSTEMS}
    yield {name: Client(server) for name, server in servers.items()}
    for server in servers.values():
        server.stop()


@pytest.fixture
def systems(_running: dict[str, Client]) -> Iterator[dict[str, Client]]:
    """All four systems, for reading; switches are put back."""
    yield _running
    for client in _running.values():
        client.server.switches.reset()


@pytest.fixture
def crm(systems: dict[str, Client]) -> Client:
    """The shared CRM, for reading."""
    return systems["crm"]


@pytest.fixture
def billing(systems: dict[str, Client]) -> Client:
    """The shared billing system, for reading."""
    return systems["billing"]


@pytest.fixture
def inventory(systems: dict[str, Client]) -> Client:
    """The shared network inventory, for reading."""
    return systems["inventory"]


@pytest.fixture
def ticketing(systems: dict[str, Client]) -> Client:
    """The shared ticketing system, for reading."""
    return systems["ticketing"]


@pytest.fixture
def fresh() -> Iterator[Callable[..., Client]]:
    """Make a system that may be written to; any arguments go to its world."""
    started: list[SandboxServer] = []

    def start(system: SystemName, **options: Any) -> Client:
        server = SandboxServer(system, world=World(**{"customers": 60, **options})).start()
        started.append(server)
        return Client(server)

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A running listener."""
    found = Listener()
    yield found
    found.close()
