"""Which requests start, and when: as many at a time as the event loop bears; others wait a moment, or are refused.

All that is under way shares one thread. Without a bound, twice the load that it bears makes every answer wait for all
others, and in the end nobody is served in time. What the thread bears is measured, not set: how busy it is, and how
late the event loop, by which a timer comes too late. How long systems take does not matter, as whoever waits for them
costs nothing; what waits for a system is bounded by its `concurrency` and `timeout`.

The bound grows while the thread is not busy: a busy one gains little by more to do. It shrinks while the thread is busy
and the loop late, and comes back slowly where the loop is not late any more: to wait costs a request, too. What comes
beyond it waits. Where everybody has waited for longer than `delay`, for `patience`, the gateway is overloaded: then the
newest start first, as their clients wait still; those that have waited for a moment are refused, and so is at once what
the queue does not hold (after CoDel, RFC 8289, and "Fail at Scale", ACM Queue 13 (8)). Addresses take turns, and the
one with the most waiting is refused first.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from starlette.types import Scope

from gateway.errors import RequestError
from gateway.http.busy import Busy
from gateway.http.turns import AT_ONCE
from gateway.server_settings import LoadLimits

LEAST: Final = 8
"""Requests that may be under way whatever the lag."""

FIRST: Final = 64
"""Requests that may be under way before anything is known."""

MOMENT: Final = 0.05
"""Seconds that a request waits at most while the gateway is overloaded."""

_TICK: Final = 0.02
_WINDOW: Final = 5
"""Ticks between two looks at the bound."""

_LEAST_ROOM: Final = 4

_REFUSED_AT_ONCE: Final = 64
"""Requests that have waited and are refused in one turn of the event loop."""

QUEUE: Final = 500
"""Requests that may wait before the gateway counts as overloaded, or eight times as many as may be under way."""

_BUSY: Final = 0.9
"""Share of time from which the thread counts as busy."""

_log: Final = logging.getLogger("gateway.load")


TOO_MUCH_UNFINISHED: Final = "Too much is kept of what clients have not sent to its end. Try again in a moment."

TOO_MUCH_WAITS: Final = "Too many answers wait for their clients. Try again in a moment."


class OverloadedError(RequestError):
    """The gateway has as much to do, or to keep, as it may."""

    status = 503
    code = "OVERLOADED"
    retryable = True

    def __init__(self, message: str = "The gateway has more to do than it bears. Try again in a moment.") -> None:
        super().__init__(message, headers={"Retry-After": "1"})


class Arrival(Protocol):
    """A request that waits. One of its methods is called, once, unless it is forgotten."""

    def start(self) -> None:
        """Begin; `Admission.leave` follows when it has ended."""

    def refuse(self) -> None:
        """Answer that the gateway is overloaded."""


def connected_from(scope: Scope) -> str:
    """The address at the other end of the connection."""
    client = scope.get("client")
    return client[0] if client else ""


class Admission:
    """Lets requests of one process start. To be used within its event loop."""

    def __init__(
        self,
        limits: LoadLimits,
        shed: Callable[[], None] | None = None,
        address_of: Callable[[Scope], str] = connected_from,
    ) -> None:
        """`shed` is called for each request that is refused. `address_of` tells the client's address."""
        self._limits, self._shed, self.address_of = limits, shed, address_of
        self.under_way = 0
        """Requests that have started and not ended."""
        self.most = min(FIRST, limits.under_way)
        """Requests that may be under way at present."""
        self.lag = 0.0
        """Seconds by which the event loop came too late on average, when it was measured last."""
        self.busy = 0.0
        """Share of time for which the thread had something to do, likewise."""
        self._waiting: dict[str, dict[Arrival, float]] = {}
        self._count = self._refused = self._starts = 0
        self._room = _LEAST_ROOM
        """Requests that are likely to start within a moment."""
        self._adapted_at = 0.0
        self._prompt_at = 0.0
        """When a request started that had not waited long, or none waited."""
        self.is_shedding = False
        """Whether requests are refused at present."""
        self._sheds_until = 0.0
        self._ticks, self._lags, self._is_full = 0, 0.0, False
        self._busy = Busy()
        self._is_ticking = self._is_pumping = False

    @property
    def waiting(self) -> int:
        """Requests that wait for their start."""
        return self._count

    def enter(self) -> bool:
        """Whether a request may start at once, which counts it. `leave` follows when it has ended."""
        if self.under_way >= self.most or self._count:
            return False
        self.under_way += 1
        if not self._is_ticking:
            self._watch(asyncio.get_running_loop())
        return True

    def begin(self) -> None:
        """Count a request that starts whatever else is under way."""
        self.under_way += 1
        if not self._is_ticking:
            self._watch(asyncio.get_running_loop())

    def wait(self, one: Arrival, address: str) -> None:
        """Let a request of this client start in some turn to come, or never; maybe it is refused at once."""
        if self.is_shedding and self.turns_away(address):
            one.refuse()
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._count:
            self._prompt_at = now
        self._waiting.setdefault(address, {})[one] = now
        self._count += 1
        self._is_full = True
        self._pump_soon(loop)
        self._watch(loop)

    def turns_away(self, address: str) -> bool:
        """Whether the newest request of this address is to be refused at once while requests are refused; counts it.

        The queue would not hold it, as no other address has more.
        """
        if self.under_way < self.most or self._count < min(self.most, self._room):
            return False
        own = len(self._waiting.get(address, ()))
        if own + 1 < max(map(len, self._waiting.values()), default=0):
            return False
        self._count_refused()
        return True

    def forget(self, one: Arrival, address: str) -> None:
        """Let it not start if it has not yet: its client has gone."""
        waiting = self._waiting.get(address)
        if waiting is not None and waiting.pop(one, None) is not None:
            self._count -= 1
            if not waiting:
                del self._waiting[address]

    def close(self) -> None:
        """Measure no more."""
        self._busy.close()

    def leave(self) -> None:
        """A request that was started has ended."""
        self.under_way -= 1
        if self._count:
            self._pump_soon(asyncio.get_running_loop())

    def _pump_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_pumping:
            self._is_pumping = True
            loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Start what may start, and refuse what the queue does not hold."""
        self._is_pumping = False
        loop = asyncio.get_running_loop()
        now, until = loop.time(), min(self.most, self.under_way + AT_ONCE)
        while self._count and self.under_way < until:
            self.under_way += 1
            self._starts += 1
            one, since = self._take(next(iter(self._waiting)), newest=self.is_shedding)
            if now < since + self._limits.delay:
                self._prompt_at = now
            one.start()
        if self._count and self.under_way < self.most:
            self._pump_soon(loop)
        elif self.is_shedding:
            for _ in range(_REFUSED_AT_ONCE):
                if self._count <= min(self.most, self._room):
                    return
                address = max(self._waiting, key=lambda one: len(self._waiting[one]))
                self._refuse(self._take(address, newest=True)[0])
            self._pump_soon(loop)

    def _take(self, address: str, *, newest: bool) -> tuple[Arrival, float]:
        """Take one request of this address, whose turn comes after all others', and since when it has waited."""
        waiting = self._waiting.pop(address)
        one = next(reversed(waiting)) if newest else next(iter(waiting))
        since = waiting.pop(one)
        self._count -= 1
        if waiting:
            self._waiting[address] = waiting
        return one, since

    def _refuse(self, one: Arrival) -> None:
        self._count_refused()
        one.refuse()

    def _count_refused(self) -> None:
        self._refused += 1
        self._sheds_until = asyncio.get_running_loop().time() + self._limits.patience
        self.is_shedding = True
        if self._shed is not None:
            self._shed()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._is_ticking:
            self._is_ticking = True
            self._ticks, self._lags = 0, 0.0
            self._busy.share()
            self._adapted_at = loop.time()
            loop.call_later(_TICK, self._tick, loop.time() + _TICK)

    def _tick(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._lags += max(0.0, now - due)
        self._ticks += 1
        if self._ticks >= _WINDOW:
            self._adapt(now)
        self._expire(now)
        self._is_ticking = bool(self.under_way or self._count or self.is_shedding)
        if self._is_ticking:
            loop.call_later(_TICK, self._tick, now + _TICK)
        else:
            self.lag = self.busy = 0.0

    def _adapt(self, now: float) -> None:
        self._room = max(_LEAST_ROOM, int(self._starts * MOMENT / (now - self._adapted_at)))
        self._starts, self._adapted_at = 0, now
        self.lag, self.busy = self._lags / self._ticks, self._busy.share()
        is_busy = self.busy > _BUSY
        if is_busy and self.lag > self._limits.lag:
            self.most = max(min(LEAST, self._limits.under_way), int(min(self.most, self.under_way) * 0.8))
        elif self._is_full and not is_busy:
            self.most = min(self._limits.under_way, self.most + 1 + self.most // 10)
        elif self._is_full and self.lag < self._limits.lag / 2:
            self.most = min(FIRST, self._limits.under_way, self.most + 1)
        self._ticks, self._lags, self._is_full = 0, 0.0, bool(self._count)

    def _expire(self, now: float) -> None:
        """Refuse what has waited for too long, and see whether the gateway is overloaded."""
        patience = self._limits.patience
        is_late = self._count and now > self._prompt_at + patience
        if not self.is_shedding and (is_late or self._count > max(QUEUE, 8 * self.most)):
            self.is_shedding, self._sheds_until = True, now + patience
            _log.warning(
                "overloaded: requests are refused; %d under way, %d waiting, %d %% busy, the event loop %d ms late",
                *(self.under_way, self._count, 100 * self.busy, 1000 * self.lag),
            )
        if self.is_shedding and now > self._sheds_until:
            _log.warning("no longer overloaded: %d requests were refused", self._refused)
            self.is_shedding, self._refused, self._prompt_at = False, 0, now
        longest = MOMENT if self.is_shedding else patience + self._limits.delay
        for address in [*self._waiting]:
            waiting = self._waiting[address]
            late = [one for one, since in waiting.items() if now > since + longest]
            for one in late:
                self.forget(one, address)
                self._refuse(one)
        self._pump()
