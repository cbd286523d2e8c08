"""Tells what changes of one type: reads it as it is now, and finds what happened and whom it concerns."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connectors.errors import ConnectorError
from connectors.events.hints import Hint
from connectors.records import Fields
from gateway.engine import Engine
from gateway.live.audience import Audience
from gateway.live.counting import Counting
from gateway.live.dirty import Dirty, Heard
from gateway.live.equals import Equals
from gateway.live.lacking import Lacking
from gateway.live.messages import Messages, Telling
from gateway.live.reading import Reader
from gateway.live.states import States, Told
from gateway.live.subscription import Subscription
from resolvers.changes import ChangeKind, Followed, Owners, ThingChange

logger = logging.getLogger("gateway.live")

GATHER: Final = 0.01
"""Seconds for which changes gather, so that a burst about one thing is read and told once."""

AT_ONCE: Final = 200
"""Most things that are read together."""

LOOK_AGAIN: Final = 1.0
"""Seconds after which a thing is read once more whose state shows nothing of what was heard: some systems say that
they change something before it can be read."""

_RETRY: Final = (1.0, 30.0)
"""Seconds before what could not be read is read again: at first, and at most."""

HOLD: Final = 0.2
"""Seconds for which the messages of one reading hold up the next one. Those that take longer, because a system that
they show is slow, are made beside it; only what else happens to the same things waits for them."""

_MOST_SLOW: Final = 20
"""Readings whose messages are still being made."""

_CLOCK_SKEW: Final = 2.0
"""Seconds by which the time of an event and that of its record may differ."""


class Teller:
    """One type's subscriptions, and what was heard of its things."""

    def __init__(
        self,
        followed: Followed,
        engine: Engine,
        reader: Reader,
        counting: Counting,
        overrun: Callable[[], None],
    ) -> None:
        """`overrun` is called when more things changed than could be kept, and all those that were kept are told."""
        self.followed, self.audience = followed, Audience()
        self._reader, self._overrun = reader, overrun
        self._dirty, self._states, self._lacking = Dirty(), States(), Lacking(self._tell_again)
        self._messages = Messages(followed, self.audience, engine, reader, counting, self._lacking.add)
        self._woken = asyncio.Event()
        self._pause = _RETRY[0]
        self._later: set[asyncio.TimerHandle] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._being_told: set[str] = set()

    def add(self, subscription: Subscription, equals: Equals, ids: frozenset[str] | None) -> None:
        """Tell it from now on."""
        self.audience.add(subscription, equals, ids)

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more. What is remembered goes with the last one: nothing is heard without any."""
        self.audience.remove(subscription)
        if not len(self.audience):
            self._dirty.clear()
            self._states.clear()
            self._lacking.clear()

    def hear(self, hint: Hint) -> None:
        """A thing may have changed. Nothing happens where nobody follows any."""
        if len(self.audience):
            self._dirty.hear(hint)
            self._woken.set()

    async def run(self) -> None:
        """Tell what is heard, until it is cancelled."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                await asyncio.sleep(GATHER)
                while heard := self._dirty.take(AT_ONCE, self._being_told):
                    await self._told(heard)
                if self._dirty.is_overrun:
                    self._dirty.is_overrun = False
                    self._overrun()
        finally:
            self._lacking.clear()
            for timer in self._later:
                timer.cancel()
            for task in self._sending:
                task.cancel()

    async def _told(self, heard: Mapping[str, Heard]) -> None:
        try:
            await self._tell(heard)
        except Exception:  # one fault must not end what everybody is told
            logger.exception("telling changes of %s failed", self.followed.type_name)

    async def _tell(self, heard: Mapping[str, Heard]) -> None:
        found = await self._reader.read(self.followed, list(heard), self._fields())
        unknown = {key: heard[key] for key, one in found.items() if _is_unknown(one)}
        if unknown:
            self._put_back_later(unknown, self._pause, is_again=False)
            self._pause = min(2 * self._pause, _RETRY[1])
        elif found:
            self._pause = _RETRY[0]
        made: list[Telling] = []
        for key, one in found.items():
            if isinstance(one, ConnectorError):
                continue
            if one is None:
                made += self._gone(key, heard[key])
            else:
                made += self._changed(key, heard[key], *one)
        await self._begin_to_send(made)

    async def _begin_to_send(self, made: Sequence[Telling]) -> None:
        """Send, and go on after a while although not everything is sent."""
        things = {one.change.id for one in made}
        task = asyncio.create_task(self._messages.send(made))

        def sent(_task: asyncio.Task[None]) -> None:
            self._sending.discard(task)
            self._being_told.difference_update(things)
            self._woken.set()
            if not task.cancelled() and (error := task.exception()) is not None:
                logger.error("telling changes of %s failed", self.followed.type_name, exc_info=error)

        self._sending.add(task)
        self._being_told.update(things)
        task.add_done_callback(sent)
        await asyncio.wait([task], timeout=HOLD)
        if len(self._sending) >= _MOST_SLOW:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)

    def _gone(self, key: str, heard: Heard) -> Iterable[Telling]:
        """A thing that is not there: staff and those whose it was are told, if it was there or is said to be gone.

        What only its absence says is looked at twice: some systems leave out for a moment what they have.
        """
        told = self._states.get(key)
        if not heard.said_gone and (told is None or not heard.is_again):
            self._look_again(key, heard)
            return
        self._states.forget(key)
        self._lacking.take(key)
        owners = told.owners if told else frozenset[str]()
        members = [*self.audience.staff(key), *self.audience.of(key, owners)]
        yield Telling(ThingChange(key, ChangeKind.REMOVED), members, heard.since, owners)

    def _changed(self, key: str, heard: Heard, record: Any, owners: Owners) -> Iterable[Telling]:
        followed = self.followed
        if not followed.is_told(record):
            return
        told, now = self._states.get(key), asyncio.get_running_loop().time()
        digest = hash(record)
        before = told.owners if told else frozenset[str]()
        known = None if isinstance(owners, ConnectorError) else owners.customers
        is_same = told is not None and told.digest == digest
        lacking = self._lacking.take(key) if known is not None else set()
        concern = None if isinstance(owners, ConnectorError) else owners
        if told is not None and is_same and not (told.is_owed and known is not None):
            if now - told.at > LOOK_AGAIN:
                self._look_again(key, heard)
            if known is not None and lacking:
                concerned = [*self.audience.staff(key), *self.audience.of(key, known)]
                members = [one for one in concerned if one.equals.key in lacking]
                change = ThingChange(key, told.event)
                yield Telling(change, members, heard.since, known, record, concern, is_again=True)
            return
        if known is not None and _is_stale(followed.changed_at(record), heard):
            self._look_again(key, heard)
        if told is not None and is_same:
            event = told.event  # only staff were told
        else:
            at = datetime.fromtimestamp(heard.said_at, UTC) if heard.said_at else None
            event = followed.kind(record, told.before if told else None, heard.said_new, at)
        had_ended, is_owed = followed.has_ended(record), known is None
        self._states.put(key, Told(digest, before if known is None else known, is_owed, event, had_ended, now))
        members = [one for one in self.audience.staff(key) if not is_same or one.equals.key in lacking]
        members += self.audience.of(key, known or frozenset())
        yield Telling(ThingChange(key, event), members, heard.since, known or frozenset(), record, concern)
        if known is not None and (former := before - known):
            losers = [one for one in self.audience.of(key, former) if known.isdisjoint(one.customers)]
            yield Telling(ThingChange(key, ChangeKind.REMOVED), losers, heard.since, former)

    def _fields(self) -> Fields:
        """The attributes that any of the subscriptions selects, and those that are needed here."""
        selected = (one.selection.get(self.followed.type_name, frozenset()) for one in self.audience)
        return self.followed.needs.union(*selected)

    def _tell_again(self, things: Iterable[str]) -> None:
        """Read these once more, and make the messages again that lacked something."""
        for one in things:
            self._dirty.put_back(one, Heard(time.time()), is_again=True)
        self._woken.set()

    def _look_again(self, key: str, heard: Heard) -> None:
        """Read it once more, later; nothing happens where this was the second look."""
        if not heard.is_again:
            self._put_back_later({key: heard}, LOOK_AGAIN, is_again=True)

    def _put_back_later(self, heard: Mapping[str, Heard], pause: float, *, is_again: bool) -> None:
        def put_back() -> None:
            self._later.discard(timer)
            if len(self.audience):
                for key, one in heard.items():
                    self._dirty.put_back(key, one, is_again=is_again)
                self._woken.set()

        timer = asyncio.get_running_loop().call_later(pause, put_back)
        self._later.add(timer)


def _is_unknown(found: Any) -> bool:
    """Whether a thing, or whom it concerns, could not be read."""
    return isinstance(found, ConnectorError) or (found is not None and isinstance(found[1], ConnectorError))


def _is_stale(changed_at: datetime | None, heard: Heard) -> bool:
    """Whether the record is older than the event that was heard."""
    return bool(heard.said_at) and changed_at is not None and changed_at.timestamp() < heard.said_at - _CLOCK_SKEW
