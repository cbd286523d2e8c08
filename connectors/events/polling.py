"""Asks a system from time to time what changed: beside hubs, which lose events, and where there are none."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Final

from connectors.errors import ConnectorError, TooMuch
from connectors.events.hints import Change, Hint, Source
from connectors.records import Changed

AskChanged = Callable[[datetime | None], Awaitable[Sequence[Changed]]]
"""A port's method that tells what changed, such as `TicketingPort.tickets_changed`."""

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SECOND: Final = timedelta(seconds=1)
"""Some systems compare whole seconds."""

_AHEAD: Final = timedelta(days=1)
"""By which a record may have changed later than most others of its system, and than now. Else its time is wrong."""


class Poller:
    """What changed of one type of records in one system.

    `told_until` is the newest change that was told, by the system's clock. A record with a time far in the future is
    told, but does not count: nothing that changes before then would be asked for. Each question begins `overlap` before
    it, because clocks of a system's machines differ, and because it shows some changes late; what was told is
    known by id and time. A time in whole seconds is told once more at the next poll: there may have been a second
    change in the same second.

    Where more changed than the system's limits allow to read, `TooMuch` is raised once, and only the newest of it is
    told, or none, and what changes from then on.
    """

    def __init__(
        self,
        domain: str,
        kind: str,
        ask: AskChanged,
        overlap: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.domain, self.kind = domain, kind
        self._ask, self._overlap, self._clock = ask, overlap, clock
        self.told_until: datetime | None = None
        self._heard_until: datetime | None = None
        """The newest change that the stream has told this process, which may lose what was told."""
        self._ahead = _AHEAD
        self._told: dict[str, tuple[datetime, bool]] = {}
        """By id: the time of the change that was told, and whether it need not be told again."""
        self._read_from = _BEGINNING
        """What changed before is not asked for: it was too much."""
        self._missed_from: datetime | None = None
        self._away_since: datetime | None = None
        """By our clock: when it did not answer the first question of all."""
        self._beginning = asyncio.Lock()

    async def begin(self) -> None:
        """Find out when the last change was; what was before is not told, unless the system was away since then.

        Raises `ConnectorError`; then what changes from now on is told when it answers.
        """
        async with self._beginning:
            if self.told_until is not None:
                return
            try:
                self.told_until = self._heard_until = await self._begun()
            except TooMuch:
                self._away_since = None
                raise
            except ConnectorError:
                self._away_since = self._away_since or datetime.fromtimestamp(self._clock(), UTC)
                raise

    async def _begun(self) -> datetime:
        """The last change that is not told. What changed shortly before it is not told either."""
        last = await self._last()
        if self._away_since is None:
            try:
                found = await self._ask(self._since(last))
            except TooMuch:  # none of it would be told
                await self._read_less(last)
                found = await self._ask(self._read_from)
            until = self._newest(found, last)
        else:
            until = min(last, self._away_since + self._ahead - _AHEAD)  # by the system's clock
            found = [one for one in await self._ask(self._since(until)) if one.changed_at <= until]
        self._told |= {one.id: (one.changed_at, True) for one in found}
        return until

    def heard(self, at: float) -> None:
        """Another process told a change at this time, by the system's clock."""
        moment = datetime.fromtimestamp(at, UTC)
        if self.told_until is not None and self._heard_until is not None and self._is_credible(moment):
            self.told_until, self._heard_until = max(self.told_until, moment), max(self._heard_until, moment)

    async def poll(self) -> list[Hint]:
        """What changed since the last time. Raises `ConnectorError`; then the next poll tells it.

        The first poll tells nothing.
        """
        if self.told_until is None:
            await self.begin()
            return []
        since = max(self._since(self.told_until), self._read_from)
        try:
            changes = await self._ask(since)
        except TooMuch:
            last = await self._last()
            await self._read_less(last)
            self.told_until = max(self.told_until, last)
            raise
        until = self._newest(changes, self.told_until)
        in_order = sorted(changes, key=lambda one: one.changed_at)  # what is lost of them comes after what was heard
        hints = [hint for one in in_order if (hint := self._hint(one, since, until)) is not None]
        self._told = {key: told for key, told in self._told.items() if told[0] >= since}
        self.told_until = max(self.told_until, until)
        return hints

    def miss(self, back: timedelta = timedelta()) -> None:
        """Changes that others tell may have been lost from now on, or from so long before, until `catch_up`."""
        if self._missed_from is None and self._heard_until is not None:
            self._missed_from = max(self._heard_until, _BEGINNING + back) - back

    async def catch_up(self) -> list[Hint]:
        """What changed since `miss`, whether it was told or not. Raises `ConnectorError`; then it can be asked again.

        These hints are for this process: they have no `event_id`, so that a stream would tell them again.
        """
        if self._missed_from is None:
            return []
        since = self._since(self._missed_from)
        try:
            changes = await self._ask(since)
        except TooMuch:
            self._missed_from = None
            raise
        self._missed_from = None
        return [self._made(one, "", is_new=one.created_at is not None and one.created_at >= since) for one in changes]

    async def _read_less(self, last: datetime) -> None:
        """Ask from now on for so little before the last change that it can be read, down to nothing."""
        back = self._overlap
        while back > _SECOND:
            try:
                await self._ask(last - back)
            except TooMuch:
                back /= 4
                continue
            self._read_from = last - back
            return
        self._read_from = last + _SECOND

    def _since(self, moment: datetime) -> datetime:
        return max(moment, _BEGINNING + self._overlap) - self._overlap

    async def _last(self) -> datetime:
        """When the last change was. A system is believed to be ahead of our clock where most of its changes are."""
        changes = await self._ask(None)
        if changes:
            usual = median_low([one.changed_at for one in changes])
            self._ahead = max(timedelta(), usual - datetime.fromtimestamp(self._clock(), UTC)) + _AHEAD
        return self._newest(changes, _BEGINNING)

    def _newest(self, changes: Sequence[Changed], default: datetime) -> datetime:
        return max((one.changed_at for one in changes if self._is_credible(one.changed_at)), default=default)

    def _is_credible(self, moment: datetime) -> bool:
        return moment <= datetime.fromtimestamp(self._clock(), UTC) + self._ahead

    def _hint(self, one: Changed, since: datetime, until: datetime) -> Hint | None:
        """The hint to tell; None if it was told."""
        told_at, is_settled = self._told.get(one.id, (None, False))
        is_repeated = told_at == one.changed_at
        if is_repeated and is_settled:
            return None
        in_last_second = one.changed_at.microsecond == 0 and until - one.changed_at < timedelta(seconds=1)
        self._told[one.id] = one.changed_at, is_repeated or not in_last_second
        event_id = f"poll {self.kind} {one.id} {one.changed_at.timestamp()}{' again' if is_repeated else ''}"
        created_at = one.created_at  # after what was told of it: it has begun again
        is_new = created_at is not None and created_at >= since and (told_at is None or told_at < created_at)
        return self._made(one, event_id, is_new=is_new)

    def _made(self, one: Changed, event_id: str, *, is_new: bool) -> Hint:
        return Hint(
            domain=self.domain,
            type=self.kind,
            id=one.id,
            change=Change.CREATED if is_new else Change.CHANGED,
            source=Source.POLL,
            at=one.changed_at.timestamp(),
            event_id=event_id,
        )
