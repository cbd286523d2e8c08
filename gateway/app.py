"""The composition root: routes, middleware and lifespan, made from the settings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict

import aiohttp
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors import Cache, Connectors, connect, served_by
from connectors.events.post import Outcome as EventOutcome
from connectors.http.connection import Connector
from connectors.store.answering import RedisUses
from connectors.store.events import EventStream
from connectors.store.memory import WritesInMemory
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.redis import WritesInRedis
from connectors.store.rows_in_redis import RowsInRedis
from connectors.store.shared_key import SharedKey
from connectors.store.writes import WriteStore
from gateway.audit import audit, audit_unmasked
from gateway.auth.refusals import Why
from gateway.auth.scopes import Grants
from gateway.auth.sign_in import SignIn
from gateway.auth.tokens import Authenticator
from gateway.auth_settings import AuthSettings
from gateway.engine import Engine
from gateway.engine.limits import PageSizes
from gateway.errors import MethodNotAllowedError, NoSuchAddressError
from gateway.http.admission import Admission
from gateway.http.caching import Caching
from gateway.http.client_address import ClientAddresses
from gateway.http.compression import Compression
from gateway.http.context import ContextFactory
from gateway.http.cors import Cors
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.events import EventEndpoint, event_routes
from gateway.http.files import DOCUMENT_URL, DocumentEndpoint
from gateway.http.graphiql import Answers, GraphiQLPage
from gateway.http.health import healthz, readyz
from gateway.http.operations import Operations
from gateway.http.persisted_queries import (
    CopiedDocumentStore,
    MemoryDocumentStore,
    PersistedQueries,
    RedisDocumentStore,
)
from gateway.http.portal import PortalPage
from gateway.http.rates import REQUEST, RateLimitedError, Rates, hold
from gateway.http.readable import Readable
from gateway.http.schema_file import ADDRESS, SchemaFile
from gateway.http.server import trusted_proxies
from gateway.http.signatures import SignatureError, Signatures
from gateway.http.signing_keys import LIFETIME, GivenKeys, KeysInRedis, OwnKey, SigningKeys
from gateway.http.sse import EventStreams
from gateway.http.status import COUNTS, PAGE, StatusCounts, to_page
from gateway.http.trusted_documents import TrustedDocuments
from gateway.http.watching import WatchEndpoint
from gateway.http.websocket import WebSocketEndpoint
from gateway.live.own_writes import OwnWrites
from gateway.live.running import following
from gateway.live.service import Live
from gateway.live.subscription import Feed
from gateway.readiness import Readiness
from gateway.redis_uses import redis_uses, system_states
from gateway.schema_text import printed
from gateway.settings import Settings
from gateway.telemetry.process import Metrics
from gateway.telemetry.setup import Telemetry
from gateway.telemetry.watch import WatchedEndpoint, WatchedOperations, WatchedSocketOperations
from resolvers.documents import Addresses
from resolvers.links import calls_for_keys
from resolvers.loader import NO_LINK
from resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from resolvers.viewer import Viewer, ViewerKind
from resolvers.writing.audit import Audited
from resolvers.writing.write import WriteRules
from resolvers.writing.writes import Writes
from schema import build_schema
from schema.unsupported import disable_unsupported

if TYPE_CHECKING:
    from gateway.commands.demo_keys import DemoKeys  # the demo hands them over: what is served imports no command
    from gateway.engine import declared
    from schema import edges, guards

    def _what_fields_declare_is_what_the_engine_reads(  # neither imports the other, so here the type checker compares
        edge: edges.Edge, step: edges.Step, prefix: edges.GlobalId, known: edges.IsOfOtherClass, reads: edges.Reads
    ) -> tuple[declared.Edge, declared.Step, declared.Prefixing, declared.IsOfOtherClass, declared.Reads]:
        return edge, step, prefix, known, reads

    def _so_are_guards(withholds: guards.RequiresScopes, masks: guards.Masked) -> tuple[declared.Guard, declared.Guard]:
        return withholds, masks


DEMO_SYSTEMS: Final = "demo/systems"
"""Where the demo's pages stop, slow and heal its systems. What is served has nothing there."""


class State(TypedDict):
    """State that the lifespan makes and requests read."""

    connectors: Connectors
    graphql: GraphQLEndpoint
    websocket: WebSocketEndpoint
    watching: WatchEndpoint
    events: EventEndpoint | None
    documents: DocumentEndpoint
    schema: Readable
    status: Readable
    draining: bool
    """Whether the process will end. Its server says so."""
    can_check: Callable[[], Awaitable[bool]]
    """Whether there are keys to check tokens with."""
    has_keys: Callable[[], bool]
    """Whether there are those of every issuer, so that nobody need wait for any."""
    readiness: Readiness
    rates: Rates
    admission: Admission
    """Which requests start. `AdmittedRequests` looks for it here."""
    longest_body: int
    """Bytes of the longest body that is taken: longer ones are refused before they are sent."""
    cors: Cors | None
    """What lets pages of other origins read answers. It looks for this here, too."""


class _FromState:
    """Delegates to an endpoint of the lifespan's. `Route` accepts an instance of a class as an ASGI application."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["state"][self._name](scope, receive, send)


_GRAPHQL: Final = frozenset({"/graphql", "/graphql/"})
"""Where it is, also as some clients write it."""


class _Gateway(Starlette):
    """Serves /graphql before the router and its middleware, which would cost time in every GraphQL request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, a WebSocket or the lifespan."""
        path: str | None = scope.get("path")  # a lifespan has none
        if path is not None and (root := scope.get("root_path")):
            path = path[len(root) :] if path.startswith(root) else None
        if path in _GRAPHQL:
            await scope["state"]["graphql" if scope["type"] == "http" else "websocket"](scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _CrossOriginGateway(_Gateway):
    """That for pages of other origins, too."""

    cors: Cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, a WebSocket or the lifespan."""
        origin = self.cors.origin(scope) if scope["type"] == "http" else None
        if origin is None:
            await super().__call__(scope, receive, send)
        else:
            await self.cors.answer(origin, super().__call__, scope, receive, send)


class _BehindPrefix(_Gateway):
    """Takes requests with a prefix before their path, where a proxy leaves it, and without: where it is cut off, and
    from what asks the process itself.
    """

    prefix = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. Its `root_path` is as ASGI says: what `path` begins with, and routes do not."""
        if scope["type"] != "lifespan" and scope["path"].startswith(f"{self.prefix}/"):
            scope["root_path"] = self.prefix
        await super().__call__(scope, receive, send)


class _CrossOriginBehindPrefix(_BehindPrefix, _CrossOriginGateway):
    """Both."""


async def _not_found(request: Request, _error: Exception) -> Response:
    return _limited(request.scope) or NoSuchAddressError().response()


def _limited(scope: Scope) -> Response | None:
    """The answer to a caller without a token who has spent too much; None once this request is paid for."""
    rates: Rates = scope["state"]["rates"]
    try:
        rates.spend(rates.stranger(scope), REQUEST)
    except RateLimitedError as error:
        hold(scope, error)
        return error.response()
    return None


def _paid(endpoint: Answers) -> Answers:
    """The endpoint, for callers without a token who have not spent too much."""

    async def paid(request: Request) -> Response:
        return _limited(request.scope) or await endpoint(request)

    return paid


async def _not_allowed(request: Request, error: Exception) -> Response:
    if (limited := _limited(request.scope)) is not None:
        return limited
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    return MethodNotAllowedError(request.method, headers.get("Allow", "")).response()


def _nothing() -> None:
    """The default for `started`."""


def create_app(
    settings: Settings,
    *,
    demo_keys: "DemoKeys | None" = None,
    feed: Feed | None = None,
    demo_systems: ASGIApp | None = None,
    started: Callable[[], None] = _nothing,
) -> Starlette:
    """The gateway as an ASGI application. `demo_keys` are for `gateway demo`, and replace the settings' keys.

    `demo_systems` stops and starts the demo's systems, where there is a demo.

    `feed` tells subscriptions what changes; without one there are none. `started` is called when all is made that the
    first request needs.

    It can be mounted below another Starlette application: `Mount("/api", create_app(settings))`. Starlette runs no
    lifespan of what is mounted, so the host does, and yields its state, which every request reads:

        @asynccontextmanager
        async def lifespan(_app):
            async with gateway.router.lifespan_context(gateway) as state:
                yield state

    Its server should have the gateway's protocols (`gateway.http.server.server_options`), as `gateway serve` has. Under
    another one subscriptions end with an error, and no limit on connections and load (docs/limits.md) holds; queries,
    mutations and rates are as ever.

    Raises ValueError if there are neither `[auth]` settings nor `demo_keys`.
    """
    if demo_keys is None and settings.auth is None:
        raise ValueError("auth is not set: the gateway cannot check tokens without it")
    metrics = Metrics()
    telemetry = Telemetry(settings, metrics)
    graph = build_schema()
    settings.scopes.tighten(graph)
    engine = Engine(
        graph,
        limits=settings.graphql.limits,
        staff_limits=settings.graphql.staff_limits,
        pages=PageSizes(DEFAULT_PAGE, MAX_PAGE),
        absent=NO_LINK,
        besides=calls_for_keys(settings.systems.by_domain),
        served_by=served_by(settings.systems.by_domain),
        cached_bytes=settings.graphql.cached_bytes,
        hide_suggestions=settings.graphql.introspection != "everyone",
        executed=metrics.executed,
        run=telemetry.run,
    )
    metrics.watch_documents(engine)
    page = _page(settings, demo_keys) if settings.graphql.graphiql else None
    portal = _portal(settings, demo_keys, demo_systems) if settings.portal.is_served else None
    cors = Cors(settings.cors, _limited) if settings.cors.origins else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(metrics.watch_process())
            session = await stack.enter_async_context(_session())
            cache = await stack.enter_async_context(_cache(settings, metrics))
            connectors = connect(settings.upstream, session, cache, telemetry.client())
            disable_unsupported(engine.core_schema, connectors.systems)
            metrics.systems.watch(connectors)
            grants = settings.scopes.grants()
            authenticate = (
                demo_keys.authenticator(grants) if demo_keys else _authenticator(settings.auth, session, grants)
            )
            stack.push_async_callback(authenticate.close)
            metrics.watch_keys(lambda: authenticate.key_ages)
            readiness = Readiness(
                connectors, system_states(settings), RedisUses(redis_uses(settings)), lambda: authenticate.key_ages
            )
            stack.push_async_callback(readiness.close)
            if settings.shows_counts or settings.telemetry.sends_metrics:
                metrics.watch_redis(readiness.redis_works)
            addresses = ClientAddresses(trusted_proxies(settings.server), settings.server.forwarded_by)
            admission = Admission(settings.server.load, metrics.shed, addresses)
            stack.callback(admission.close)
            metrics.watch_load(admission)
            shared = settings.shared_address
            documents = CopiedDocumentStore(RedisDocumentStore(shared)) if shared else MemoryDocumentStore()
            stack.push_async_callback(documents.close)
            follows = None
            if settings.live.enabled:
                follows = await stack.enter_async_context(
                    following(settings, engine, connectors, session, metrics.live, audit_unmasked)
                )
            writes = await stack.enter_async_context(_writes(settings, follows.stream if follows else None))
            signatures = await stack.enter_async_context(_signatures(settings))
            contexts = ContextFactory(
                engine,
                connectors,
                settings.graphql.deadline,
                settings.graphql.trace,
                writes,
                audit_unmasked,
                Addresses(settings.server.public_base, signatures),
            )
            sharing = settings.documents.caching
            # A system that is shown the caller's token may answer each differently.
            caching = None if sharing == "off" or connectors.forwards else Caching(engine.core_schema, sharing)
            rates = Rates(
                settings.rates,
                addresses,
                SpendingInRedis(shared) if shared else None,
                metrics.rate_limited,
            )
            stack.push_async_callback(rates.close)
            trusted = await stack.enter_async_context(_trusted(settings, engine, grants))
            if trusted is not None:
                telemetry.publish(lambda: trusted.names)
            watch = await stack.enter_async_context(telemetry.watching(readiness.details))
            persisted = PersistedQueries(documents, settings.graphql.persisted_per_minute)

            def operations(kind: type[Operations]) -> Operations:
                return kind(
                    engine,
                    contexts if watch is None else watch.contexts(contexts),
                    persisted,
                    introspection_for=settings.graphql.introspection,
                    deadline=settings.graphql.deadline,
                    rates=rates,
                    trusted=trusted,
                )

            live = Live(
                settings.live,
                metrics.live,
                telemetry.signing_in(authenticate.signed_in),
                feed or (follows.feed if follows else None),
                keeps_tokens=connectors.forwards,
            )
            stack.push_async_callback(live.finish)
            watching = WatchEndpoint(authenticate, follows.feed.watch if follows else None, rates)

            def posted(domain: str, outcome: str) -> None:
                metrics.event(domain, outcome)
                if outcome != EventOutcome.ACCEPTED:
                    watching.refused(domain, outcome)

            started()
            yield State(
                connectors=connectors,
                graphql=(GraphQLEndpoint if watch is None else WatchedEndpoint.by(watch))(
                    operations(Operations if watch is None else WatchedOperations),
                    authenticate,
                    settings.graphql.limits,
                    page.response if page else None,
                    EventStreams(live),
                    rates,
                    caching,
                ),
                websocket=WebSocketEndpoint(
                    operations(Operations if watch is None else WatchedSocketOperations.by(watch)),
                    live,
                    admission,
                    rates,
                ),
                watching=watching,
                events=EventEndpoint(follows.listening, posted, rates) if follows else None,
                documents=DocumentEndpoint(
                    authenticate,
                    contexts,
                    settings.server.limits.downloads_per_caller,
                    rates,
                    partial(engine.withholding, DOCUMENT_URL),
                    partial(_signer, signatures, authenticate) if signatures else None,
                ),
                draining=False,
                status=Readable(StatusCounts(metrics), authenticate, rates),
                schema=Readable(
                    SchemaFile(partial(printed, graph), settings.graphql.introspection), authenticate, rates
                ),
                can_check=authenticate.can_check,
                has_keys=authenticate.has_keys,
                readiness=readiness,
                rates=rates,
                admission=admission,
                longest_body=settings.graphql.limits.max_body_bytes,
                cors=cors,
            )

    kinds: dict[tuple[bool, bool], type[_Gateway]] = {
        (False, False): _Gateway,
        (True, False): _CrossOriginGateway,
        (False, True): _BehindPrefix,
        (True, True): _CrossOriginBehindPrefix,
    }
    made = kinds[cors is not None, bool(settings.server.prefix)](
        lifespan=lifespan,
        exception_handlers={404: _not_found, 405: _not_allowed},
        middleware=[Middleware(Compression, minimum_size=1024, compresslevel=4)],
        routes=[
            Route("/documents/{owner}/{document:path}", _FromState("documents")),
            Route(ADDRESS, _FromState("schema")),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            *([Route("/metrics", metrics.page)] if settings.server.metrics else ()),
            Route("/events", _FromState("watching")),
            *(event_routes(_FromState("events")) if settings.live.enabled else ()),
            *(page.routes(_paid) if page else ()),
            *([Route(f"/{DEMO_SYSTEMS}", demo_systems)] if demo_systems else ()),
            *(portal.routes(_paid) if portal else ()),
            *([Route(PAGE, to_page), Route(COUNTS, _FromState("status"))] if portal else ()),
        ],
    )
    if cors and isinstance(made, _CrossOriginGateway):
        made.cors = cors
    if isinstance(made, _BehindPrefix):
        made.prefix = settings.server.prefix
    made.router.redirect_slashes = False  # A redirect would lead to whatever host the request names.
    return made


@asynccontextmanager
async def _cache(settings: Settings, metrics: Metrics) -> AsyncIterator[Cache | None]:
    """Where rows are kept that outlive a request; None where the settings name no type."""
    address, keeping = settings.shared_address, settings.cache.keeping
    if address is None or not keeping:
        yield None
        return
    store = RowsInRedis(address)
    try:
        yield Cache(store, keeping, metrics.cached_rows)
    finally:
        await store.close()


@asynccontextmanager
async def _trusted(settings: Settings, engine: Engine, grants: Grants) -> AsyncIterator[TrustedDocuments | None]:
    """The documents of the manifests, loaded, and loaded again when one changes. Raises UnusableFile."""
    if not settings.documents.manifest_files:
        yield None
        return
    rights = {grants.granted(Viewer(kind)).scopes for kind in ViewerKind}
    trusted = TrustedDocuments(engine, settings.documents, rights)
    await trusted.load()
    following = asyncio.create_task(trusted.follow())
    try:
        yield trusted
    finally:
        following.cancel()
        await asyncio.wait([following])


@asynccontextmanager
async def _writes(settings: Settings, stream: EventStream | None) -> AsyncIterator[Writes | None]:
    """What writes once, and says so in the `stream`; those that are under way are waited for at the end."""
    rules = settings.writes
    if not rules.enabled:
        yield None
        return
    address = settings.writes_address
    store: WriteStore = WritesInRedis(address, time_to_live=rules.keep) if address else WritesInMemory(rules.keep)
    systems = settings.systems.by_domain
    tell = OwnWrites(stream) if stream is not None else None

    def came(audited: Audited) -> None:
        audit(audited)
        if tell is not None:
            tell(audited)

    writes = Writes(
        store,
        rules.allows,
        WriteRules(
            rules.lease,
            rules.wait,
            rules.patience,
            settles={name: rules.lease + one.timeout + one.reads_after for name, one in systems.items()},
            reads_after={name: one.reads_after for name, one in systems.items()},
        ),
        came,
    )
    try:
        yield writes
    finally:
        await writes.finish()
        await store.close()


@asynccontextmanager
async def _signatures(settings: Settings) -> AsyncIterator[Signatures | None]:
    """What signs addresses of documents, with the settings' key, one that is shared in Redis, or one of its own."""
    files, shared = settings.files, settings.shared_address
    if not files.signed_for:
        yield None
        return
    keys: SigningKeys
    if files.has_key:
        keys = GivenKeys(files.secret_named("key"), files.secret_named("previous_key"))
    elif shared:
        keys = KeysInRedis(SharedKey(shared, "documents", LIFETIME))
    else:
        keys = OwnKey()
    try:
        await keys.start()
        yield Signatures(keys, files.signed_for)
    finally:
        await keys.close()


async def _signer(signatures: Signatures, authenticate: Authenticator, key: str, signature: str) -> Viewer:
    """Whose signature it is, with the rights that such a caller has now. Raises SignatureError."""
    viewer = authenticate.known_again(await signatures.viewer(key, signature))
    if viewer is None:
        raise SignatureError("The signed address is of a caller who may not sign in any more.", Why.NOT_ITS_KIND)
    return viewer


def _session() -> aiohttp.ClientSession:
    """One connection pool for all systems, without a limit: each system has a concurrency limit of its own."""
    return aiohttp.ClientSession(
        connector=Connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "opticom-gateway"},
        trust_env=False,
    )


def _authenticator(auth: AuthSettings | None, session: aiohttp.ClientSession, grants: Grants) -> Authenticator:
    assert auth is not None  # noqa: S101  # create_app made sure
    return auth.authenticator(session, grants)


def _demo_tokens(demo_keys: "DemoKeys | None") -> dict[str, str]:
    """In the demo, three tokens to choose from on its pages."""
    if demo_keys is None:
        return {}
    return {
        "subscriber 1001": demo_keys.token(ViewerKind.CUSTOMER, "1001"),
        "agent": demo_keys.token(ViewerKind.AGENT),
        "admin": demo_keys.token(ViewerKind.ADMIN),
    }


def _sign_in(settings: Settings, demo_keys: "DemoKeys | None") -> SignIn | None:
    """How people sign in on the pages: in the demo they need not."""
    return settings.auth.sign_in if settings.auth and demo_keys is None else None


def _page(settings: Settings, demo_keys: "DemoKeys | None") -> GraphiQLPage:
    """The GraphiQL page."""
    return GraphiQLPage(demo_tokens=_demo_tokens(demo_keys), sign_in=_sign_in(settings, demo_keys))


def _portal(settings: Settings, demo_keys: "DemoKeys | None", demo_systems: ASGIApp | None) -> PortalPage:
    """The example portal."""
    return PortalPage(
        demo_tokens=_demo_tokens(demo_keys),
        demo_systems=DEMO_SYSTEMS if demo_systems else None,
        only_status=not settings.portal.enabled,
        sign_in=_sign_in(settings, demo_keys),
    )
