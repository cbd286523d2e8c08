"""Hints for all processes of the gateway, carried by a stream in Redis (or Valkey)."""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from connectors.events.hints import Hint
from connectors.store.address import Address
from connectors.store.events import Gap
from connectors.store.hint_stream import PREFIX, HintStream, Reader, added_at
from connectors.store.writes import StoreUnavailable

MOST_UNSENT: Final = 10_000
"""Hints that wait for a server that is away. If more come, the oldest are left out, and every process told a gap."""

_IN_ENTRY: Final = 100
"""Most hints of one entry."""

_MOST_WAITING: Final = 1_000
"""Entries that wait to be followed. More stay in the stream."""

_MARGIN: Final = 5.0
"""Seconds that a gap begins before the last entry that was read: clocks differ, and hints were on their way."""

_RETRY: Final = 0.2
"""Seconds between two connections."""

_log: Final = logging.getLogger("gateway.events")


class EventsInRedis:
    """Implements `EventStream` for all processes that name the same server, which may forget everything at any time.

    How a process knows that it hears everything: each read also finds out whether the entry that was read last is still
    in the stream, so that none can have been trimmed, evicted or lost with a restart before it was read. When nothing
    comes for a second it adds a heartbeat, which it must read. Whatever is not so (no answer, an error, no heartbeat,
    an entry of another version) ends the connection. The next one goes on where that one ended, or else at the newest
    entry, and always tells a gap: other processes may not have reached the server either.

    What cannot be published is told to this process at once. `follow` publishes it when the server is back, for those
    that noticed nothing; this one may hear it twice. Each command waits at most `timeout` seconds.
    """

    def __init__(
        self,
        address: Address,
        *,
        prefix: str = PREFIX,
        timeout: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stream, self._clock = HintStream(address, prefix, timeout), clock
        self._token = secrets.token_hex(16)
        self._waiting: asyncio.Queue[Sequence[Hint] | Gap | None] = asyncio.Queue(_MOST_WAITING)
        self._unheard: float | None = None
        """Since when hints found no place among those that wait."""
        self._unsent: deque[Hint] = deque()
        self._left_out: float | None = None
        """Since when hints found no place among those that are unsent."""
        self._reading: asyncio.Task[None] | None = None
        self._position: bytes | None = None
        self._heard_until = 0.0
        self._is_away = self._has_gap = False

    async def publish(self, hints: Sequence[Hint]) -> None:
        for start in range(0, len(hints), _IN_ENTRY):
            some = tuple(hints[start : start + _IN_ENTRY])
            if not self._unsent:  # else the server is away, and these are sent after those
                try:
                    await self._stream.add_new(some)
                    continue
                except StoreUnavailable as error:
                    self._went_away(error)
            self._keep(some)
            self._tell(some)

    def _keep(self, hints: Sequence[Hint]) -> None:
        self._unsent.extend(hints)
        while len(self._unsent) > MOST_UNSENT:
            self._left_out = min(self._left_out or self._clock(), self._unsent.popleft().at)

    def _tell(self, hints: Sequence[Hint]) -> None:
        if self._unheard is not None or self._waiting.full():  # the gap is told before what comes after it
            self._unheard = min(self._unheard or self._clock(), *(hint.at for hint in hints))
        else:
            self._waiting.put_nowait(hints)

    async def follow(self) -> AsyncIterator[Sequence[Hint] | Gap]:
        self._heard_until = self._clock()
        reading = self._reading = asyncio.create_task(self._read())
        reading.add_done_callback(lambda _: self._end())
        try:
            while (heard := await self._waiting.get()) is not None:
                yield heard
                if self._unheard is not None and self._waiting.empty():
                    gap, self._unheard = Gap(self._unheard - _MARGIN), None
                    yield gap
            if reading.done() and not reading.cancelled():
                await reading  # which raises what nobody expected
        finally:
            await self._stop(reading)

    async def lead(self, name: str, lease: float) -> bool:
        try:
            return await self._stream.lead(name, self._token, lease)
        except StoreUnavailable:  # which `follow` says, once
            return True

    async def step_down(self, name: str) -> None:
        try:
            await self._stream.step_down(name, self._token)
        except StoreUnavailable as error:
            _log.info("%s: another process does %r only when its lease is over.", error, name)

    async def close(self) -> None:
        if self._reading is not None:
            await self._stop(self._reading)
        self._end()
        await self._stream.close()

    async def _stop(self, reading: "asyncio.Task[None]") -> None:
        reading.cancel()
        await asyncio.wait([reading])

    def _end(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def _read(self) -> None:
        while True:
            try:
                async with self._stream.reader() as reader:
                    await self._begin(reader)
                    await self._go_on(reader)
            except StoreUnavailable as error:
                self._has_gap = True
                self._went_away(error)
                # What is added must come to the server that is read from, where another one has taken over.
                await self._stream.renew()
            await asyncio.sleep(_RETRY)

    async def _begin(self, reader: Reader) -> None:
        if self._position is None or not await reader.has(self._position):
            self._position = await self._stream.add(())
        await self._stream.add(())  # by which the first read shows that what is added is read

    async def _go_on(self, reader: Reader) -> None:
        is_quiet = False
        while True:
            assert self._position is not None  # noqa: S101  # `_begin` made sure
            entries, is_whole = await reader.after(self._position)
            if not is_whole:
                raise StoreUnavailable("Redis: the entry that was read last is gone, and maybe others after it")
            if not entries and is_quiet:
                raise StoreUnavailable("Redis: a heartbeat was added, and cannot be read")
            if self._has_gap:
                await self._waiting.put(Gap(self._heard_until - _MARGIN))
                self._has_gap = False
            for name, entry in entries:
                if entry:
                    await self._waiting.put(entry)
                self._position, self._heard_until = name, min(added_at(name), self._clock())
                if entry is None:
                    raise StoreUnavailable("Redis: another version of the gateway added what this one cannot read")
            await self._send_unsent()
            self._came_back()
            if is_quiet := not entries:
                await self._stream.beat()

    async def _send_unsent(self) -> None:
        if self._left_out is not None:
            since, self._left_out = self._left_out, None
            try:
                await self._stream.add(Gap(since - _MARGIN))
            except StoreUnavailable:
                self._left_out = since
                raise
        while self._unsent:
            some = [self._unsent.popleft() for _ in range(min(_IN_ENTRY, len(self._unsent)))]
            try:
                await self._stream.add_new(some)
            except StoreUnavailable:
                self._unsent.extendleft(reversed(some))
                raise

    def _went_away(self, error: StoreUnavailable) -> None:
        if not self._is_away:
            self._is_away = True
            _log.warning("Changes may reach this process only; what changed is read again afterwards: %s", error)

    def _came_back(self) -> None:
        if self._is_away:
            self._is_away = False
            _log.warning("Changes reach all processes again.")
