"""What each caller may cost: counted before anything is done for it, and told in each answer.

Each process decides by itself and at once. With Redis, processes tell each other what callers spent, a few times a
second for all of them together: docs/adr/0009-processes-tell-each-other-what-was-spent.md says why.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import ClassVar, Final

import msgspec
from starlette.requests import Request
from starlette.types import Scope

from connectors.store.rates import SharedSpending, Spending
from connectors.store.writes import StoreUnavailable
from gateway.auth.refusals import AuthenticationError
from gateway.errors import RequestError
from gateway.http.client_address import ClientAddresses
from gateway.http.link import link_if_any
from gateway.rate_settings import RateSettings
from resolvers.viewer import Viewer, ViewerKind

REQUEST: Final = 100
"""What any request costs, refused ones, too; beside it each value that its answer may have costs 1."""

DOCUMENT: Final = 1000
"""What a document (a file) costs beside."""

TOLD_EVERY: Final = 0.1
"""Seconds between two times at which processes tell each other what was spent."""

_PAUSE: Final = 1.0
"""Seconds without asking after Redis could not be reached."""

HELD: Final = 1.0
"""Seconds for which nothing more is read, at most, from a connection whose caller has spent too much."""

CALLER: Final = "gateway.caller"
"""Key in the scope of a request, of the `Caller` who pays for it; absent where that is not known yet, or nobody."""

Authenticate = Callable[[Request], Awaitable[Viewer]]

_log: Final = logging.getLogger("gateway.rates")


class _Policy:
    """What callers of one kind may spend, and have spent."""

    __slots__ = ("header", "most", "name", "spending", "standing", "take")

    def __init__(self, name: str, spending: Spending) -> None:
        self.name, self.spending, self.take = name, spending, spending.take
        rate = spending.rate
        self.most = rate.burst / 2
        window = math.ceil(rate.burst / rate.per_second)
        self.header = (b"ratelimit-policy", f'"{name}";q={int(rate.burst)};qu="cost";w={window}'.encode())
        self.standing = f'"{name}";r='.encode() + b"%d;t=%d"


class Caller(msgspec.Struct, frozen=True):
    """Who pays: an address, or whoever a token is of. Without a policy everything is free."""

    policy: _Policy | None
    who: Hashable


class RateLimitedError(RequestError):
    """The caller has spent more than it may."""

    status = 429
    code = "RATE_LIMITED"
    retryable: ClassVar[bool] = True

    def __init__(self, wait: float) -> None:
        """`wait` is in seconds."""
        self.wait = wait
        seconds = max(1, math.ceil(wait))
        super().__init__(
            f"You have asked for more than you may in so short a time. Try again in {seconds} s, or ask for less.",
            headers={"Retry-After": str(seconds)},
        )


def hold(scope: Scope, error: RequestError) -> None:
    """Read nothing more for a moment from the connection of whoever has spent too much."""
    if isinstance(error, RateLimitedError) and (link := link_if_any(scope)) is not None:
        link.hold(min(error.wait, HELD))


class Rates:
    """Lets callers spend, or raises. To be used within the event loop."""

    def __init__(
        self,
        settings: RateSettings,
        addresses: ClientAddresses,
        shared: SharedSpending | None = None,
        limited: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limited` is told the kind of each caller that is refused."""
        self.address_of, self._shared, self._limited = addresses, shared, limited
        given = {
            ViewerKind.ANONYMOUS: ("anonymous", settings.anonymous),
            ViewerKind.CUSTOMER: ("subscriber", settings.subscriber),
            ViewerKind.AGENT: ("agent", settings.agent),
            ViewerKind.ADMIN: ("admin", settings.admin),
        }
        self._policies: dict[object, _Policy | None] = {
            kind.value: None if one.rate is None else _Policy(name, Spending(one.rate, clock))
            for kind, (name, one) in given.items()
        }
        self._strangers = self._policies[ViewerKind.ANONYMOUS.value]
        self._untold: dict[Caller, float] = {}
        self._telling: asyncio.Task[None] | None = None
        self._is_away = False

    async def viewer(self, request: Request, authenticate: Authenticate) -> Viewer:
        """Who asks, once the request is paid for; one whose token is refused is paid for by its address.

        Raises RateLimitedError, and what `authenticate` raises. The scope's `CALLER` is who pays from then on.
        """
        scope = request.scope
        try:
            viewer = await authenticate(request)
        except AuthenticationError:
            self.spend(self.stranger(scope), REQUEST)
            raise
        if not viewer.is_signed_in:
            caller = self.stranger(scope)
        else:
            caller = scope[CALLER] = Caller(self._policies[viewer.identity[2]], viewer.identity)
        self.spend(caller, REQUEST)
        return viewer

    def paid(self, authenticate: Authenticate) -> Authenticate:
        """`authenticate`, and let the request be paid for."""
        return partial(self.viewer, authenticate=authenticate)

    def payer(self, viewer: Viewer, address: str) -> Caller:
        """Who pays for what this viewer asks from this address."""
        if viewer.kind is ViewerKind.ANONYMOUS:
            return Caller(self._strangers, address)
        return Caller(self._policies[viewer.identity[2]], viewer.identity)

    def stranger(self, scope: Scope) -> Caller:
        """Who pays for a request whose caller is not known: its address."""
        caller = scope[CALLER] = Caller(self._strangers, self.address_of(scope))
        return caller

    def spend(self, caller: Caller, cost: float) -> None:
        """Let a caller spend. Raises RateLimitedError.

        What costs more than half of what may be spent at once counts as that half, so that it is let through some time.
        """
        policy = caller.policy
        if policy is None:
            return
        if cost > policy.most:
            cost = policy.most
        if wait := policy.take(caller.who, cost):
            if self._limited is not None:
                self._limited(policy.name)
            raise RateLimitedError(wait)
        if self._shared is not None:
            self._untold[caller] = self._untold.get(caller, 0.0) + cost / policy.spending.rate.per_second
            if self._telling is None:
                self._telling = asyncio.get_running_loop().create_task(self._tell(self._shared))

    def headers(self, caller: Caller) -> list[tuple[bytes, bytes]]:
        """What the answer tells of the caller's limit (draft-ietf-httpapi-ratelimit-headers-10)."""
        policy = caller.policy
        if policy is None:
            return []
        now = policy.spending.standing(caller.who)
        return [(b"ratelimit", policy.standing % (now.left, math.ceil(now.reset))), policy.header]

    async def close(self) -> None:
        """Tell nobody any more."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        if self._shared is not None:
            await self._shared.close()

    async def _tell(self, shared: SharedSpending) -> None:
        """Tell what was spent, until nothing is any more. What cannot be told is forgotten: it would come too late."""
        while self._untold:
            await asyncio.sleep(TOLD_EVERY)
            untold, self._untold = self._untold, {}
            try:
                ahead = await shared.spend({_name(caller): seconds for caller, seconds in untold.items()})
            except StoreUnavailable as error:
                if not self._is_away:
                    _log.warning("Redis cannot be reached; each process counts alone what callers spend: %s", error)
                self._is_away = True
                await asyncio.sleep(_PAUSE)
                self._untold = {}
                continue
            if self._is_away:
                _log.warning("Redis can be reached again; what callers spend counts for all processes.")
                self._is_away = False
            for caller, seconds in zip(untold, ahead, strict=True):
                if caller.policy is not None:
                    caller.policy.spending.learn(caller.who, seconds)
        self._telling = None


def _name(caller: Caller) -> str:
    """The caller's name outside this process, which tells nobody who it is."""
    kind = caller.policy.name if caller.policy else ""
    return hashlib.sha256(repr((kind, caller.who)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
