"""A small graph with one field per thing that can happen to a field, served behind the real endpoint."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import GraphQLError, OperationDefinitionNode
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Route
from strawberry.types import ExecutionContext

from connectors.errors import TimedOut
from gateway.engine import Engine, Prepared
from gateway.engine.limits import Limits
from gateway.http.endpoint import GraphQLEndpoint, Page
from gateway.http.operations import Operations
from gateway.http.persisted_queries import PersistedQueries
from resolvers.errors import BadInput
from resolvers.viewer import Viewer, ViewerKind
from tests.gateway.serving import serving

AGENT = Viewer(ViewerKind.AGENT, subject="a")


@dataclass
class Seen:
    """What happened inside the graph."""

    contexts: list["Context"] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    bumps: int = 0


@dataclass
class Context:
    """The request context of the small graph."""

    seen: Seen
    viewer: Viewer
    more: dict[str, Any] = field(default_factory=dict)
    closes: int = 0

    def renew(self) -> None:
        """It has no loaders."""

    async def close(self) -> None:
        self.closes += 1
        self.seen.closed.set()

    def extensions(self) -> dict[str, Any]:
        return self.more


Info = strawberry.Info[Context, None]


@strawberry.type
class Node:
    name: str = "node"

    @strawberry.field
    def below(self) -> "Node":
        return Node()


@strawberry.interface
class Thing:
    name: str


@strawberry.type
class Brick(Thing):
    pass


@dataclass
class Impostor:
    """Not of the graph."""

    name: str = "secret-record"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def who(self, info: Info) -> str:
        return info.context.viewer.kind.value

    @strawberry.field
    def node(self) -> Node:
        return Node()

    @strawberry.field
    def traced(self, info: Info) -> str:
        info.context.more["upstream"] = [{"system": "crm"}]
        return "traced"

    @strawberry.field
    def outage(self) -> str | None:
        raise TimedOut("billing", "http://10.0.0.7/secret took 3.2 s")

    @strawberry.field
    def mistake(self) -> str | None:
        raise BadInput("first must be at most 100, not 5000")

    @strawberry.field
    def bug(self) -> str | None:
        raise KeyError("secret-internal-name")

    @strawberry.field
    def fatal(self) -> str:
        raise KeyError("secret-internal-name")

    @strawberry.field
    def unwritable(self) -> int | None:
        return "secret-value"  # type: ignore[return-value]  # What a driver must not do, on purpose.

    @strawberry.field
    def impostor(self) -> Brick | None:
        return Impostor()  # type: ignore[return-value]  # As above.

    @strawberry.field
    def thing(self) -> Thing | None:
        return Impostor()  # type: ignore[return-value]  # As above.

    @strawberry.field
    async def forever(self, info: Info) -> str:
        info.context.seen.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            info.context.seen.cancelled.set()
            raise
        return "never"

    @strawberry.field
    async def later(self, info: Info) -> str:
        await info.context.seen.go_on.wait()
        return "x" * 50_000

    @strawberry.field
    def long(self) -> str:
        return "x" * 5000


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self, info: Info) -> int:
        info.context.seen.bumps += 1
        return info.context.seen.bumps

    @strawberry.mutation
    async def slow_bump(self, info: Info) -> int:
        info.context.seen.waiting.set()
        await info.context.seen.go_on.wait()
        info.context.seen.bumps += 1
        return info.context.seen.bumps


@strawberry.type
class Subscription:
    @strawberry.field
    def ticked(self, ids: list[int] | None = None) -> int:
        return 0  # what a feed in the tests tells comes from the test


class Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """gateway.errors logs."""


async def as_agent(request: Request) -> Viewer:
    return AGENT


def small_operations(
    seen: Seen, limits: Limits, persisted: PersistedQueries | None = None, **options: Any
) -> Operations:
    """What runs the small graph's operations."""

    def context(headers: Headers, viewer: Viewer, prepared: Prepared, operation: OperationDefinitionNode) -> Context:
        made = Context(seen, viewer)
        seen.contexts.append(made)
        return made

    engine = Engine(Schema(Query, Mutation, Subscription), limits=limits)
    return Operations(engine, context, persisted or PersistedQueries(), **options)


@asynccontextmanager
async def small_graph(
    seen: Seen | None = None,
    *,
    authenticate: Callable[[Request], Awaitable[Viewer]] = as_agent,
    limits: Limits | None = None,
    persisted: PersistedQueries | None = None,
    page: Page | None = None,
    **options: Any,
) -> AsyncIterator[str]:
    """The address of /graphql of the small graph."""
    limits = limits or Limits()
    operations = small_operations(seen or Seen(), limits, persisted, **options)
    endpoint = GraphQLEndpoint(operations, authenticate, limits, page)
    async with serving(Starlette(routes=[Route("/graphql", endpoint)])) as address:
        yield f"{address}/graphql"
