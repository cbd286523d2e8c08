"""What all connections that stay open share, whatever they are sent over."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from graphql import GraphQLError

from gateway.auth.refusals import AuthenticationError
from gateway.auth.tokens import SignedIn
from gateway.errors import RequestError
from gateway.live.connections import Connections
from gateway.live.counters import LiveCounters
from gateway.live.newcomers import Newcomers
from gateway.live.subscription import Feed, Subscriber, Subscription
from gateway.live.sweeper import Sweeper
from gateway.live_settings import LiveSettings
from resolvers.viewer import Viewer

SignIn = Callable[[str], Awaitable[SignedIn]]
"""From a token to its viewer and its end. Raises AuthenticationError and AuthUnavailableError."""

EXPIRED = "The token has expired: connect again with a new one."


class SubscriptionsOffError(RequestError):
    """The settings have subscriptions switched off."""

    code = "NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("Subscriptions are switched off at this gateway. Ask by a query from time to time.")


class TooManyConnectionsError(RequestError):
    """So many connections are open that there may be no other."""

    status = 429
    code = "LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, open_ones: str, *, status: int | None = None) -> None:
        super().__init__(f"{open_ones}, as many as it may. Close one.", status=status, headers={"Retry-After": "5"})


class Live:
    """The feed, the limits, and what is counted and watched. Made inside the event loop that serves."""

    def __init__(
        self,
        settings: LiveSettings,
        counters: LiveCounters,
        sign_in: SignIn,
        feed: Feed | None = None,
        *,
        keeps_tokens: bool = False,
    ) -> None:
        """`keeps_tokens`: a system is shown the callers' tokens, so a subscription must have its own."""
        self.settings, self.limits, self.counters, self._sign_in = settings, settings.limits, counters, sign_in
        self.feed = feed if settings.enabled else None
        self._keeps_tokens = keeps_tokens
        self.connections = Connections(settings.limits)
        self.newcomers = Newcomers(settings.limits.uninitialised)
        self.sweeper = Sweeper()
        self._running: set[asyncio.Task[None]] = set()

    async def sign_in(self, token: str) -> SignedIn:
        """The viewer of a token, and its end. Raises AuthenticationError and AuthUnavailableError.

        A token that is used some seconds after its end, as clocks differ, opens no connection that would end at once.
        """
        signed_in = await self._sign_in(token)
        if signed_in.expires <= time.time():
            raise AuthenticationError(EXPIRED)
        return signed_in

    def ends_at(self, signed_in: SignedIn) -> float:
        """When the token ends, by the event loop's clock."""
        return asyncio.get_running_loop().time() + signed_in.expires - time.time()

    def subscriber(self, signed_in: SignedIn, token: str) -> Subscriber:
        """Who subscribes with this token."""
        return Subscriber(signed_in.viewer, token if self._keeps_tokens else None)

    def check_on(self) -> Feed:
        """The feed. Raises SubscriptionsOffError if there can be no subscriptions."""
        if self.feed is None:
            raise SubscriptionsOffError
        return self.feed

    def enter(self, viewer: Viewer) -> None:
        """Count a connection of this caller, which `connections` must forget at its end.

        Raises TooManyConnectionsError.
        """
        if not self.connections.enter():
            self.counters.refused("connections")
            raise TooManyConnectionsError(f"This gateway has {self.limits.connections} connections open", status=503)
        try:
            self.enter_of(viewer)
        except TooManyConnectionsError:
            self.connections.leave()
            self.counters.refused("caller")
            raise

    def enter_of(self, viewer: Viewer) -> None:
        """Count a connection, which is counted in all, as this caller's. Raises TooManyConnectionsError."""
        if not self.connections.enter_of(viewer):
            raise TooManyConnectionsError(f"This caller has {self.limits.connections_per_caller} connections open")

    def add(self, subscription: Subscription) -> list[GraphQLError]:
        """Tell it what changes from now on, or return why that can never be. Raises SubscriptionsOffError."""
        return self.check_on().add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more."""
        if self.feed is not None:
            self.feed.remove(subscription)

    def leaves_at(self) -> float:
        """When a client is asked to reconnect, now that the process ends: a random time, so that not all come back at
        once.
        """
        return asyncio.get_running_loop().time() + random.uniform(0, self.settings.leave)  # noqa: S311 - no secret

    def finish_without(self, task: asyncio.Task[None]) -> None:
        """Let a task go on although its connection has ended, such as one that writes."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait for what goes on without a connection."""
        if self._running:
            await asyncio.wait(self._running)
