"""Asks a system from time to time what changed: beside hubs, which lose events, and where there are none."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.events.hints import Change, Hint, Source
from connectors.records import Changed

AskChanged = Callable[[datetime | None], Awaitable[Sequence[Changed]]]
"""A port's method that tells what changed, such as `TicketingPort.tickets_changed`."""

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Poller:
    """What changed of one type of records in one system.

    `told_until` is the newest change that was told, by the system's clock, never ours. Each question begins `overlap`
    before it, because clocks of a system's machines differ, and because it shows some changes late; what was told is
    known by id and time. A time in whole seconds is told once more at the next poll: there may have been a second
    change in the same second.
    """

    def __init__(self, domain: str, kind: str, ask: AskChanged, overlap: timedelta) -> None:
        self.domain, self.kind = domain, kind
        self._ask, self._overlap = ask, overlap
        self.told_until: datetime | None = None
        self._told: dict[str, tuple[datetime, bool]] = {}
        """By id: the time of the change that was told, and whether it need not be told again."""
        self._missed_from: datetime | None = None
        self._beginning = asyncio.Lock()

    async def begin(self) -> None:
        """Find out when the last change was; what was before is not told. Raises `ConnectorError`."""
        async with self._beginning:
            if self.told_until is None:
                last = max((one.changed_at for one in await self._ask(None)), default=_BEGINNING)
                found = await self._ask(self._since(last))
                self._told |= {one.id: (one.changed_at, True) for one in found}
                self._tell_until(max((one.changed_at for one in found), default=last))

    def heard(self, at: float) -> None:
        """Another process told a change at this time, by the system's clock."""
        if self.told_until is not None:
            self._tell_until(datetime.fromtimestamp(at, UTC))

    async def poll(self) -> list[Hint]:
        """What changed since the last time. Raises `ConnectorError`; then the next poll tells it.

        The first poll tells nothing.
        """
        if self.told_until is None:
            await self.begin()
            return []
        since = self._since(self.told_until)
        changes = await self._ask(since)
        until = max((one.changed_at for one in changes), default=self.told_until)
        hints = [hint for one in changes if (hint := self._hint(one, since, until)) is not None]
        self._told = {key: told for key, told in self._told.items() if told[0] >= since}
        self._tell_until(until)
        return hints

    def miss(self, back: timedelta = timedelta()) -> None:
        """Changes that others tell may have been lost from now on, or from so long before, until `catch_up`."""
        if self._missed_from is None and self.told_until is not None:
            self._missed_from = max(self.told_until, _BEGINNING + back) - back

    async def catch_up(self) -> list[Hint]:
        """What changed since `miss`, whether it was told or not. Raises `ConnectorError`; then it can be asked again.

        These hints are for this process: they have no `event_id`, so that a stream would tell them again.
        """
        if self._missed_from is None:
            return []
        since = self._since(self._missed_from)
        changes = await self._ask(since)
        self._missed_from = None
        return [self._made(one, "", is_new=one.created_at is not None and one.created_at >= since) for one in changes]

    def _since(self, moment: datetime) -> datetime:
        return max(moment, _BEGINNING + self._overlap) - self._overlap

    def _tell_until(self, moment: datetime) -> None:
        self.told_until = max(self.told_until or moment, moment)

    def _hint(self, one: Changed, since: datetime, until: datetime) -> Hint | None:
        """The hint to tell; None if it was told."""
        told_at, is_settled = self._told.get(one.id, (None, False))
        is_repeated = told_at == one.changed_at
        if is_repeated and is_settled:
            return None
        in_last_second = one.changed_at.microsecond == 0 and until - one.changed_at < timedelta(seconds=1)
        self._told[one.id] = one.changed_at, is_repeated or not in_last_second
        event_id = f"poll {self.kind} {one.id} {one.changed_at.timestamp()}{' again' if is_repeated else ''}"
        is_new = told_at is None and one.created_at is not None and one.created_at >= since
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
