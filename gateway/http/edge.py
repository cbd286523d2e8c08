"""The edge: all HTTP connections of one process, and what they may cost together."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Final, Protocol

from gateway.http.trusted_proxies import TrustedProxies
from gateway.http.turns import Beginnings, Together, TurnEnd
from gateway.server_settings import ConnectionLimits

TICK: Final = 1.0
"""Seconds between two looks at all connections, and so how exact their times are."""

RESERVED: Final = 16
"""Places beyond the most, for those who ask for a probe. Whoever says nothing gives way to the next."""

MOST_RESERVED: Final = 512
"""Such places for a moment, in which a request that came with its connection can be read."""

_MOMENT: Final = 0.02

_SETTLED: Final = 1.0
"""Seconds after which a connection that has asked nothing, or nothing more, may give its place to a new one."""

_LOOKED_FOR: Final = 0.1
"""Seconds between two looks at all connections for those that are idle, while there is no place."""

_SOON: Final = 5.0
"""Seconds in which an answer will be taken whose bytes are not given up when there are too many in all."""

_FRESH: Final = 0.02
"""Seconds for which a count of what waits is believed."""

_SLICE: Final = 0.005
"""Seconds of looks at connections in one turn of the event loop."""

_LOG_EVERY: Final = 60.0

_log: Final = logging.getLogger("gateway.edge")


class Owed(Protocol):
    """A connection whose client is to take what it is sent. Times are the event loop's."""

    def waiting(self, now: float) -> int:
        """Bytes that wait until the client takes them."""

    def seconds_left(self, now: float) -> float:
        """How long the client will go on to take them, at the rate at which it has taken them so far."""

    def cut(self, why: str) -> None:
        """Cut the connection off."""


class Unfinished(Protocol):
    """A connection of which something is kept that is not complete."""

    def give_up(self) -> None:
        """Refuse what is kept of what it has sent, and is not complete."""


class Connection(Owed, Unfinished, Protocol):
    """One HTTP connection, as the edge sees it."""

    address: str
    """Of the client, or the proxy."""

    def silent_for(self, now: float) -> float:
        """Seconds since it was made, for one that has asked nothing."""

    def idle_for(self, now: float) -> float:
        """Seconds since all that it asked was answered and taken; 0 for one that asks, or has asked nothing."""

    def give_way(self) -> None:
        """Close an idle connection, as may happen to any: its client opens another for its next request."""

    def look(self, now: float) -> None:
        """End the connection if its client takes too long."""


class Edge:
    """To be shared by all connections of a process. A new one can be pickled."""

    def __init__(
        self,
        limits: ConnectionLimits,
        trusted: TrustedProxies | None = None,
        most_in_all: int | None = None,
    ) -> None:
        """At most `most_in_all` connections together with WebSockets; None: as many as come."""
        self.limits = limits
        self.draining = False
        """Whether the process will end, so that no client should keep its connection."""
        self.closing_since: float | None = None
        """When the process stopped to listen."""
        self.beginnings = Beginnings()
        """What is read, and which requests sent ahead begin, in one turn of the event loop."""
        self.together = Together(self.beginnings)
        """What is read together, while requests are refused."""
        self.turn_end = TurnEnd()
        """What is sent when all of a turn is read."""
        self._trusted, self._most_in_all = trusted or TrustedProxies(), most_in_all
        self._open: dict[Connection, None] = {}
        self._silent: dict[Connection, None] = {}
        self._reserved: dict[Connection, bool] = {}
        self._staying: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._slow: set[Owed] = set()
        self._unfinished: dict[Unfinished, int] = {}
        """Bytes that are kept of what is not complete, of whoever began first in the first place."""
        self._unfinished_bytes = 0
        self._waiting, self._counted_at = 0, 0.0
        self._cut: Counter[str] = Counter()
        self._logged_at = -_LOG_EVERY
        self._is_looking = False
        self._idle: deque[Connection] = deque()
        """Connections that were idle when they were looked for last, the longest first."""
        self._idle_at = -_LOOKED_FOR

    def enter(self, one: Connection, in_all: int) -> bool:
        """Count a new connection. False: there is no place, and it may ask for a probe only.

        `in_all` connections are open, with this one and those that are no HTTP any more.
        """
        loop = asyncio.get_running_loop()
        if not self._is_looking:
            self._is_looking = True
            loop.call_later(TICK, self._look)
        self._open[one] = None
        self._addresses[one.address] += 1
        has_place = self._is_within(one.address) and (self._has_room(in_all) or self._make_room(loop.time()))
        if not has_place:
            self._reserve(one, loop)
        else:
            self._silent[one] = None
        return has_place

    def leave(self, one: Connection) -> None:
        """The connection is closed, or belongs to another protocol now."""
        self._open.pop(one, None)
        self._silent.pop(one, None)
        self._reserved.pop(one, None)
        self._staying.discard(one)
        self._slow.discard(one)
        self._unfinished_bytes -= self._unfinished.pop(one, 0)

    def keep(self, one: Unfinished, size: int) -> None:
        """So many bytes are kept of what the connection has sent and is not complete; 0: none any more.

        Where those of all are too many, they are given up who have been at it for longest, but for the last one.
        """
        self._unfinished_bytes += size - self._unfinished.get(one, 0)
        if not size:
            self._unfinished.pop(one, None)
            return
        self._unfinished[one] = size
        while self._unfinished_bytes > self.limits.unfinished_bytes and len(self._unfinished) > 1:
            oldest = next(iter(self._unfinished))
            self._unfinished_bytes -= self._unfinished.pop(oldest)
            self._cut["unfinished_bytes"] += 1
            oldest.give_up()

    def takes_all(self, one: Owed) -> None:
        """Nothing waits for the connection's client any more: it is closed."""
        self._slow.discard(one)

    def release(self, address: str) -> None:
        """A connection from this address is closed."""
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    def asks(self, one: Connection) -> None:
        """The connection's client has asked something, so that its place is its own."""
        self._silent.pop(one, None)
        self._reserved.pop(one, None)

    def stay(self, one: Connection) -> None:
        """Let the connection, which stays open for a subscription, take no place: `live.limits` count it."""
        if one in self._open:
            self._staying.add(one)

    def slow_down(self, one: Owed) -> None:
        """Something waits for the connection's client from now on."""
        self._slow.add(one)

    def admit(self, size: int, now: float) -> bool:
        """Whether so many bytes more may wait. If they may not, those go first that would wait for longest."""
        most = self.limits.waiting_bytes
        if now - self._counted_at > _FRESH:
            self._count(now)
        if self._waiting + size > most:
            self._count(now)
            self._give_up(self._waiting + size - most, now)
            self._count(now)
        if self._waiting + size > most:
            return False
        self._waiting += size
        return True

    def note(self, why: str) -> None:
        """A connection is cut off."""
        self._cut[why] += 1

    def _is_within(self, address: str) -> bool:
        most = self.limits.connections_per_address
        return not most or self._addresses[address] <= most or address in self._trusted

    def _has_room(self, in_all: int) -> bool:
        taken = len(self._open) - len(self._staying) - len(self._reserved)
        return taken <= self.limits.connections and (self._most_in_all is None or in_all <= self._most_in_all)

    def _make_room(self, now: float) -> bool:
        """Take the place of whoever has been silent for longest, and long enough; or idle, where all have asked.

        Proxies keep theirs: what they send next over a connection that is closed at this moment would be lost.
        """
        oldest = next(iter(self._silent), None)
        if oldest is not None and oldest.silent_for(now) >= _SETTLED:
            oldest.cut("no place")
        elif (oldest := self._longest_idle(now)) is not None:
            self._cut["idle"] += 1
            oldest.give_way()
        else:
            return False
        self.leave(oldest)
        return True

    def _longest_idle(self, now: float) -> Connection | None:
        if not self._idle and now >= self._idle_at + _LOOKED_FOR:
            self._idle_at = now
            found = [
                (one.idle_for(now), one)
                for one in self._open
                if one not in self._staying and one.address not in self._trusted
            ]
            found = [one for one in found if one[0] >= _SETTLED]
            self._idle.extend(one for _, one in sorted(found, key=itemgetter(0), reverse=True))
        while self._idle:
            one = self._idle.popleft()
            if one in self._open and one.idle_for(now) >= _SETTLED:
                return one
        return None

    def _reserve(self, one: Connection, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._reserved) >= MOST_RESERVED:
            loop.call_soon(one.cut, "no place")  # not while it is made
        elif len(self._reserved) == RESERVED:
            loop.call_later(_MOMENT, self._trim, loop)
        self._reserved[one] = False

    def _trim(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up the oldest beyond the reserved places. Nobody who has come since the last time: between the two the
        loop has read what had come.
        """
        for one, is_known in [*self._reserved.items()][:-RESERVED]:
            if is_known:
                one.cut("no place")
                self.leave(one)
            else:
                self._reserved[one] = True
        if len(self._reserved) > RESERVED:
            loop.call_later(_MOMENT, self._trim, loop)

    def _count(self, now: float) -> None:
        total = 0
        for one in [*self._slow]:
            size = one.waiting(now)
            if size:
                total += size
            else:
                self._slow.discard(one)
        self._waiting, self._counted_at = total, now

    def _give_up(self, size: int, now: float) -> None:
        for one in sorted(self._slow, key=lambda one: one.seconds_left(now), reverse=True):
            if size <= 0 or one.seconds_left(now) < _SOON:
                return
            size -= one.waiting(now)
            one.cut("waiting_bytes")
            self._slow.discard(one)

    def _look(self) -> None:
        self._look_on(iter([*self._open]))

    def _look_on(self, left: Iterator[Connection]) -> None:
        """Look at these, for as long as a turn of the event loop may take: many may have to be ended at once."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for one in left:
            if one in self._open:
                one.look(now)
                if loop.time() > now + _SLICE:
                    loop.call_soon(self._look_on, left)
                    return
        if self._cut and now >= self._logged_at + _LOG_EVERY:
            _log.info("connections cut off: %s", ", ".join(f"{why} {count}" for why, count in self._cut.items()))
            self._cut.clear()
            self._logged_at = now
        self._is_looking = bool(self._open or self._cut)
        if self._is_looking:
            loop.call_later(TICK, self._look)
