"""What of the telemetry is on, decided once from the settings; what is off is not there for any request."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from connectors import MakeClient
from connectors.http.client import HttpClient
from connectors.http.observed import ObservedHttpClient
from connectors.settings import System
from gateway.auth.tokens import SignedIn
from gateway.engine.run import MakeRun, Run
from gateway.engine.watched import watching
from gateway.errors import RequestError
from gateway.live.service import SignIn
from gateway.settings import Settings
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.call_metrics import CallMetrics
from gateway.telemetry.names import OperationNames
from gateway.telemetry.process import Metrics
from gateway.telemetry.pseudonyms import pseudonyms
from gateway.telemetry.request_metrics import RequestMetrics
from gateway.telemetry.sampling import Sampler
from gateway.telemetry.seen import authentication_of
from gateway.telemetry.watch import TellSpans, Told, Watch


class Telemetry:
    """Chooses what serves requests: what is watched where somebody is told, else what knows nothing of it."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._published: Callable[[], Collection[str]] | None = None
        self._names = OperationNames(settings.telemetry.operation_names, self._published_names)
        self._counts = settings.shows_counts or settings.telemetry.sends_metrics
        self._requests = RequestMetrics(metrics.instruments) if self._counts else None

    def publish(self, names: Callable[[], Collection[str]]) -> None:
        """Tell apart the names of manifests only."""
        self._published = names

    @property
    def run(self) -> MakeRun:
        """What runs plans."""
        return watching if self._settings.telemetry.sends_traces else Run

    def client(self) -> MakeClient:
        """What makes the client of each system."""
        counts = CallMetrics(self._metrics.instruments) if self._counts else None
        if counts is not None:
            self._metrics.also(counts.look)
        elif not self._settings.telemetry.sends_traces:
            return HttpClient

        def make(name: str, system: System, session: aiohttp.ClientSession) -> HttpClient:
            return ObservedHttpClient(name, system, session, counts.of(name) if counts is not None else None)

        return make

    def signing_in(self, sign_in: SignIn) -> SignIn:
        """The same, with what becomes of the tokens of connections counted."""
        counts = self._requests
        if counts is None:
            return sign_in

        async def counted(token: str) -> SignedIn:
            try:
                signed_in = await sign_in(token)
            except RequestError as refusal:
                counts.authenticated(authentication_of(refusal))
                raise
            counts.authenticated(authentication_of(None))
            return signed_in

        return counted

    @asynccontextmanager
    async def watching(self, details: Callable[[], dict[str, Any]]) -> AsyncIterator[Watch | None]:
        """What watches operations; None where nobody is told of them. `details` are for the port of the metrics."""
        settings, told = self._settings.telemetry, list[Told]()
        async with AsyncExitStack() as stack:
            if self._requests is not None:
                told.append(self._requests)
            if self._settings.log.access:
                told.append(AccessLog(pseudonyms(self._settings.log.secret_named("caller_key").text)))
            sampler = spans = None
            if settings.sends_traces:
                from gateway.telemetry.otlp import resource_of, sending_spans
                from gateway.telemetry.spans import Spans

                processor = await stack.enter_async_context(sending_spans(settings))
                spans = Spans(processor, resource_of(settings), document=settings.document)
                passes_on = any(one.trace_context for one in self._settings.systems.by_domain.values())
                sampler = Sampler(settings.sample, parent_based=settings.parent_based, passes_on=passes_on)
            if settings.sends_metrics:
                from gateway.telemetry.otlp import sending_metrics

                await stack.enter_async_context(sending_metrics(settings, self._metrics))
            if (port := self._settings.server.metrics_port) is not None:
                from gateway.telemetry.own_port import Told as ToldThere
                from gateway.telemetry.own_port import serving

                told_there = ToldThere(self._metrics.text, details)
                await stack.enter_async_context(serving(told_there, self._settings.server.host, port))
            yield self._watch(told, sampler, spans, stack)

    def _watch(
        self, told: list[Told], sampler: Sampler | None, spans: TellSpans | None, stack: AsyncExitStack
    ) -> Watch | None:
        """What watches, which tells what waits before somebody looks at the metrics, and at the end."""
        if not told and spans is None:
            return None
        watch = Watch(self._names, told, sampler, spans)
        self._metrics.also(watch.tell)
        if self._requests is not None:
            self._metrics.also(self._requests.look)
        stack.callback(watch.tell)
        return watch

    def _published_names(self) -> Collection[str] | None:
        return None if self._published is None else self._published()
