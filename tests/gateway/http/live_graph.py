"""The small graph over all transports, with a feed that the test holds in its hands."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from graphql import GraphQLError
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from gateway.commands.demo_keys import DemoKeys
from gateway.engine.limits import Limits
from gateway.http.admission import Admission
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.server import server_options
from gateway.http.sse import EventStreams
from gateway.http.websocket import WebSocketEndpoint
from gateway.live.counters import LiveCounters
from gateway.live.service import Live
from gateway.live.subscription import Message, Subscription
from gateway.live_settings import LiveLimits, LiveSettings
from gateway.metrics.instruments import Instruments
from gateway.rate_settings import RateSettings
from gateway.server_settings import LoadLimits, ServerSettings
from resolvers.viewer import ViewerKind
from tests.gateway.http.small_graph import Seen, small_operations
from tests.gateway.http.usual_rates import usual_rates
from tests.gateway.serving import serving

PATIENCE = 20.0
SUBPROTOCOL = "graphql-transport-ws"


class FakeFeed:
    """A feed that tells what a test says."""

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.refusal: list[GraphQLError] = []
        self.told_at_once: list[bytes] = []
        self._changed = asyncio.Event()

    def add(self, subscription: Subscription) -> list[GraphQLError]:
        if not self.refusal:
            self.subscriptions.append(subscription)
            for number, message in enumerate(self.told_at_once):
                subscription.tell(f"At once:{number}", Message(message))
            self._changed.set()
        return self.refusal

    def remove(self, subscription: Subscription) -> None:
        if subscription in self.subscriptions:
            self.subscriptions.remove(subscription)
            self._changed.set()

    async def has(self, count: int) -> None:
        """Wait until there are so many subscriptions."""
        async with asyncio.timeout(PATIENCE):
            while len(self.subscriptions) != count:
                self._changed.clear()
                await self._changed.wait()

    def tell(self, number: int, thing: str | None = None) -> None:
        """Tell all subscriptions that something has ticked."""
        for one in self.subscriptions:
            one.tell(thing or f"Tick:{number}", Message(orjson.dumps({"data": {"ticked": number}})))


@dataclass
class LiveGraph:
    """A server, its feed, and clients to it."""

    address: str
    feed: FakeFeed
    keys: DemoKeys
    seen: Seen
    registry: CollectorRegistry
    server: uvicorn.Server | None = None
    live: Live = field(repr=False, default=None)  # type: ignore[assignment]  # set at once

    @property
    def url(self) -> str:
        """Of GraphQL over HTTP."""
        return f"{self.address}/graphql"

    def bearer(self, *customers: str, lifetime: int = 600, kind: ViewerKind = ViewerKind.CUSTOMER) -> dict[str, str]:
        """The payload of connection_init, or the headers, of a caller."""
        return {"Authorization": f"Bearer {self.keys.token(kind, *(customers or ('1001',)), lifetime=lifetime)}"}

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncIterator["Socket"]:
        """A WebSocket that has sent nothing yet."""
        options = {"subprotocols": [SUBPROTOCOL], "compression": None, "close_timeout": 1, **options}
        async with connect(self.url.replace("http", "ws", 1), ping_interval=None, **options) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def client(self, *customers: str, **options: Any) -> AsyncIterator["Socket"]:
        """A WebSocket that is acknowledged."""
        async with self.socket() as client:
            await client.send(type="connection_init", payload=self.bearer(*customers, **options))
            assert await client.next() == {"type": "connection_ack"}
            yield client

    def counted(self, name: str, **labels: str) -> float:
        """A metric."""
        return self.registry.get_sample_value(name, labels) or 0.0


class Socket:
    """A raw client."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def subscribe(self, number: str, query: str = "subscription { ticked }", **more: Any) -> None:
        await self.send(id=number, type="subscribe", payload={"query": query, **more})

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return orjson.loads(await self.connection.recv())

    async def closed(self) -> tuple[int, str]:
        """Code and reason with which the server closes the connection; what comes before is ignored."""
        ended = None
        async with asyncio.timeout(PATIENCE):
            while ended is None:
                try:
                    await self.connection.recv()
                except ConnectionClosed as closed:
                    ended = closed.rcvd or closed
        assert isinstance(ended, Close), ended
        return ended.code, ended.reason

    async def is_alive(self) -> bool:
        """Whether the server answers; nothing else may wait to be read."""
        await self.send(type="ping")
        return bool(await self.next() == {"type": "pong"})


@asynccontextmanager
async def live_graph(
    folder: Path, *, enabled: bool = True, origins: tuple[str, ...] = (), prompt: bool = True, leave: float = 0.0,
    deadline: float = 8.0, keeps_tokens: bool = False, rates: RateSettings | None = None,
    server: ServerSettings | None = None, **limits: Any,
) -> AsyncIterator[LiveGraph]:  # fmt: skip
    """Serve it. Without `prompt` the server ends as uvicorn's does, when `server.should_exit` is set."""
    seen, feed, instruments, keys = Seen(), FakeFeed(), Instruments(), DemoKeys.create(folder / "key.pem")
    authenticate = keys.authenticator()
    settings = LiveSettings(enabled=enabled, origins=origins, leave=leave, limits=LiveLimits(**limits))
    live = Live(settings, LiveCounters(instruments), authenticate.signed_in, feed, keeps_tokens=keeps_tokens)
    operations = small_operations(seen, Limits(), introspection_for="everyone", deadline=deadline)
    spent = usual_rates(rates)
    http = GraphQLEndpoint(operations, authenticate, Limits(), None, EventStreams(live), spent)
    websocket = WebSocketEndpoint(operations, live, Admission(LoadLimits()), spent)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (http if scope["type"] == "http" else websocket)(scope, receive, send)

    message_bytes = settings.limits.message_bytes
    serves = serving(app, message_bytes=message_bytes, given=server) if prompt else _as_uvicorn(app, message_bytes)
    async with serves as at:
        address, uvicorns = at if isinstance(at, tuple) else (at, None)
        yield LiveGraph(address, feed, keys, seen, instruments.registry, uvicorns, live)
        seen.go_on.set()
        await live.finish()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _as_uvicorn(app: ASGIApp, message_bytes: int) -> AsyncIterator[tuple[str, uvicorn.Server]]:
    """Serve with uvicorn's own way to end: connections are asked to close, and waited for."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = _Server(uvicorn.Config(app, lifespan="off", **server_options(ServerSettings(), message_bytes)))
        running = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", server
        finally:
            server.should_exit = True
            await running
