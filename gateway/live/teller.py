"""Tells what changes of one type: reads it as it is now, finds whom it concerns, and makes each message once."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connectors.errors import ConnectorError
from connectors.events.hints import Hint
from connectors.http.scope import request_scope
from connectors.records import Fields
from gateway.engine import Engine, Outcome
from gateway.errors import present
from gateway.live.audience import Audience
from gateway.live.counting import Counting
from gateway.live.dirty import Dirty, Heard
from gateway.live.equals import Equals, Member
from gateway.live.reading import Reader
from gateway.live.states import States, Told
from gateway.live.subscription import Subscription
from resolvers.changes import ChangeKind, Concern, Followed, Owners, ThingChange

logger = logging.getLogger("gateway.live")

GATHER: Final = 0.01
"""Seconds for which changes gather, so that a burst about one thing is read and told once."""

AT_ONCE: Final = 200
"""Most things that are read together, and most messages that are made together."""

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


@dataclass(frozen=True, slots=True)
class _Made:
    """What is told about one change, and to whom: staff, and subscribers with one of these `customers`.

    Without a record where the thing is gone.
    """

    change: ThingChange
    members: Iterable[Member]
    since: float
    customers: frozenset[str]
    record: Any = None
    concern: Concern | None = None


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
        self._engine, self._reader, self._counting, self._overrun = engine, reader, counting, overrun
        self._dirty, self._states = Dirty(), States()
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
        made: list[_Made] = []
        for key, one in found.items():
            if isinstance(one, ConnectorError):
                continue
            if one is None:
                made += self._gone(key, heard[key])
            else:
                made += self._changed(key, heard[key], *one)
        await self._begin_to_send(made)

    async def _begin_to_send(self, made: Sequence[_Made]) -> None:
        """Send, and go on after a while although not everything is sent."""
        things = {one.change.id for one in made}
        task = asyncio.create_task(self._send(made))

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

    def _gone(self, key: str, heard: Heard) -> Iterable[_Made]:
        """A thing that is not there: staff and those whose it was are told, if it was there or is said to be gone."""
        told = self._states.get(key)
        if told is None and not heard.said_gone:
            self._look_again(key, heard)
            return
        self._states.forget(key)
        owners = told.owners if told else frozenset[str]()
        members = [*self.audience.staff(key), *self.audience.of(key, owners)]
        yield _Made(ThingChange(key, ChangeKind.REMOVED), members, heard.since, owners)

    def _changed(self, key: str, heard: Heard, record: Any, owners: Owners) -> Iterable[_Made]:
        followed = self.followed
        if not followed.is_told(record):
            return
        told, now = self._states.get(key), asyncio.get_running_loop().time()
        digest = hash(record)
        before = told.owners if told else frozenset[str]()
        known = None if isinstance(owners, ConnectorError) else owners.customers
        is_same = told is not None and told.digest == digest
        if told is not None and is_same and not (told.is_owed and known is not None):
            if now - told.at > LOOK_AGAIN:
                self._look_again(key, heard)
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
        members = [] if is_same else [*self.audience.staff(key)]
        members += self.audience.of(key, known or frozenset())
        concern = None if isinstance(owners, ConnectorError) else owners
        yield _Made(ThingChange(key, event), members, heard.since, known or frozenset(), record, concern)
        if known is not None and (former := before - known):
            losers = [one for one in self.audience.of(key, former) if known.isdisjoint(one.customers)]
            yield _Made(ThingChange(key, ChangeKind.REMOVED), losers, heard.since, former)

    async def _send(self, made: Iterable[_Made]) -> None:
        """Make each message once for all that are told the same, and let it wait for each of them."""
        making: list[tuple[_Made, Equals, list[Subscription]]] = []
        for one in made:
            alike: defaultdict[Equals, list[Subscription]] = defaultdict(list)
            for member in one.members:
                alike[member.equals].append(member.subscription)
            making += [(one, equals, subscriptions) for equals, subscriptions in alike.items()]
        for start in range(0, len(making), AT_ONCE):
            await asyncio.gather(*(self._send_one(*one) for one in making[start : start + AT_ONCE]))

    async def _send_one(self, made: "_Made", equals: Equals, subscriptions: list[Subscription]) -> None:
        if not equals.members:  # all have left meanwhile
            return
        key = made.change.id
        try:
            message = await self._message(made, equals)
        except Exception:  # this message only
            logger.exception("a message about %s:%s could not be made", self.followed.type_name, key)
            return
        if message is None:
            return
        thing = f"{self.followed.type_name}:{key}"
        skipped = sum(one.tell(thing, message) for one in subscriptions if one in equals.members)
        self._counting.told(self.followed.domain, len(subscriptions), skipped, time.time() - made.since)
        for one in subscriptions:
            if one not in equals.members and (now := self._concerned(one, made)) is not None:
                await self._send_one(made, now, [one])

    def _concerned(self, subscription: Subscription, made: "_Made") -> Equals | None:
        """Whom a subscription equals now that its client's token is another, if the change still concerns it."""
        member = self.audience.member(subscription)
        if member is None:
            return None
        is_concerned = subscription.subscriber.viewer.is_staff or not made.customers.isdisjoint(member.customers)
        return member.equals if is_concerned else None

    async def _message(self, made: "_Made", equals: Equals) -> bytes | None:
        """The answer for this change; None where the viewer may not see it after all."""
        subscriber, change, record = equals.first.subscriber, made.change, made.record
        if made.concern is not None and not subscriber.viewer.is_staff:
            record = made.concern.for_customers(record, subscriber.viewer.customer_ids)
        with request_scope(self._reader.scope(subscriber)):
            context = self._reader.context(subscriber, equals.selection)
            try:
                loader = self.followed.loader.of(context)
                if not self._reader.connectors.forwards or record is None:
                    context.early.give(loader, {change.id: record})
                if record is not None:
                    seen = (await loader.load_all([change.id]))[change.id]
                    if seen is None:
                        return None
                started = self._engine.start(equals.prepared, equals.operation, equals.first.variables, context, change)
                outcome = started if isinstance(started, Outcome) else await started
            finally:
                await context.close()
        body: dict[str, Any] = {"errors": [present(one) for one in outcome.errors]} if outcome.errors else {}
        return orjson.dumps(body | {"data": outcome.data})

    def _fields(self) -> Fields:
        """The attributes that any of the subscriptions selects, and those that are needed here."""
        selected = (one.selection.get(self.followed.type_name, frozenset()) for one in self.audience)
        return self.followed.needs.union(*selected)

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
