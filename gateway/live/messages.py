"""Makes the messages about changes of one type, each once for all that are told the same, and lets them wait."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from connectors.http.scope import request_scope
from gateway.engine import Engine, Outcome
from gateway.errors import present
from gateway.live.audience import Audience
from gateway.live.counting import Counting
from gateway.live.equals import Equals, Member
from gateway.live.reading import Reader
from gateway.live.subscription import Message, Subscription
from resolvers.changes import ChangeKind, Concern, Followed, ThingChange

logger = logging.getLogger("gateway.live")

AT_ONCE: Final = 200
"""Most messages that are made together."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told about one change, and to whom: staff, and subscribers with one of these `customers`.

    Without a record where the thing is gone. `is_again`: they were told of this change before, without what could not
    be read then.
    """

    change: ThingChange
    members: Iterable[Member]
    since: float
    customers: frozenset[str]
    record: Any = None
    concern: Concern | None = None
    is_again: bool = False


class Messages:
    """Makes them, and lets them wait for their clients."""

    def __init__(
        self,
        followed: Followed,
        audience: Audience,
        engine: Engine,
        reader: Reader,
        counting: Counting,
        lacks: Callable[[str, Hashable], None],
    ) -> None:
        """`lacks` is told the thing, and the key of those whose message about it has errors that may be gone later."""
        self._followed, self._audience, self._engine = followed, audience, engine
        self._reader, self._counting, self._lacks = reader, counting, lacks

    async def send(self, tellings: Iterable[Telling]) -> None:
        """Make each message once for all that are told the same, and let it wait for each of them."""
        making: list[tuple[Telling, Equals, list[Subscription]]] = []
        for one in tellings:
            alike: defaultdict[Equals, list[Subscription]] = defaultdict(list)
            for member in one.members:
                alike[member.equals].append(member.subscription)
            making += [(one, equals, subscriptions) for equals, subscriptions in alike.items()]
        for start in range(0, len(making), AT_ONCE):
            await asyncio.gather(*(self._send_one(*one) for one in making[start : start + AT_ONCE]))

    async def _send_one(self, telling: Telling, equals: Equals, subscriptions: list[Subscription]) -> None:
        if not equals.members:  # all have left meanwhile
            return
        key = telling.change.id
        try:
            message = await self._made(telling, equals)
        except Exception:  # this message only
            logger.exception("a message about %s:%s could not be made", self._followed.type_name, key)
            return
        if message is None:
            return
        thing = f"{self._followed.type_name}:{key}"
        told = [one.tell(thing, message) for one in subscriptions if one in equals.members]
        if sent := [pushed_out for pushed_out in told if pushed_out is not None]:
            system = self._reader.connectors.served_by[self._followed.domain]
            self._counting.told(system, len(sent), sum(sent), time.time() - telling.since)
        for one in subscriptions:
            if one not in equals.members and (now := self._concerned(one, telling)) is not None:
                await self._send_one(telling, now, [one])

    def _concerned(self, subscription: Subscription, telling: Telling) -> Equals | None:
        """Whom a subscription equals now that its client's token is another, if the change still concerns it."""
        member = self._audience.member(subscription)
        if member is None:
            return None
        is_concerned = subscription.subscriber.viewer.is_staff or not telling.customers.isdisjoint(member.customers)
        return member.equals if is_concerned else None

    async def _made(self, telling: Telling, equals: Equals) -> Message | None:
        """The answer for this change; None where the viewer may not see it after all."""
        subscriber, change, record = equals.first.subscriber, telling.change, telling.record
        if telling.concern is not None and not subscriber.viewer.is_staff:
            record = telling.concern.for_customers(record, subscriber.viewer.customer_ids)
        with request_scope(self._reader.scope(subscriber)):
            context = self._reader.context(subscriber, equals.selection)
            try:
                loader = self._followed.loader.of(context)
                if not self._reader.connectors.forwards or record is None:
                    context.early.give(loader, {change.id: record})
                if record is not None:
                    seen = (await loader.load_all([change.id]))[change.id]
                    if seen is None:
                        return None
                started = self._engine.start(
                    equals.prepared,
                    equals.operation,
                    equals.first.variables,
                    context,
                    change,
                    staff=subscriber.viewer.is_staff,
                )
                outcome = started if isinstance(started, Outcome) else await started
            finally:
                await context.close()
                if context.unmasked is not None:  # by a viewer who has no equals
                    self._reader.noted(subscriber.viewer, context.unmasked)
        errors = [present(one) for one in outcome.errors]
        if any(one["extensions"].get("retryable") for one in errors):
            self._lacks(change.id, equals.key)
        body: dict[str, Any] = {"errors": errors} if errors else {}
        body["data"] = outcome.data
        extensions: dict[str, Any] = {"moreErrors": outcome.more_errors} if outcome.more_errors else {}
        extensions |= context.incomplete()
        if extensions:
            body["extensions"] = extensions
        # To staff any change is: it is of no use to a subscriber who may not see what changed, and would tell when.
        is_news = (subscriber.viewer.is_staff or change.event is not ChangeKind.CHANGED) and not telling.is_again
        shows = equals.selection.get(self._followed.type_name, frozenset()) - {"id"}
        return Message(orjson.dumps(body), _content(body) if shows else None, is_news=is_news)


def _content(body: dict[str, Any]) -> int:
    """A digest of what a message shows beside the change's `event` and `id`, which are its only texts."""
    change = next(iter((body["data"] or {}).values()), None) or {}
    shown = [value for value in change.values() if not isinstance(value, str)]
    return hash(orjson.dumps([shown, body.get("errors"), body.get("extensions")]))
