"""TMF630 event subscriptions (hubs), and delivery of events in order."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from uuid import uuid4

from sandbox.data import shapes
from sandbox.data.shapes import Row, stamp
from sandbox.protocol.answers import Refused, to_json
from sandbox.protocol.query import Query, parse
from sandbox.protocol.switches import Switches

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Subscription:
    """A listener at `callback` for the events of the API under `base` that meet `query`."""

    id: str
    base: str
    callback: str
    text: str
    query: Query

    def document(self) -> Row:
        """Return the TM Forum EventSubscription."""
        return {"id": self.id, "callback": self.callback, "query": self.text, "@type": "Hub"}


class Hub:
    """Subscriptions of one system. Events are posted one after the other; a failed one is logged and not repeated."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._numbers = count(1)
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def subscribe(self, base: str, callback: str, query: str, switches: Switches) -> Subscription:
        """Add a listener. Raises BadQuery if `query` cannot be read, and Refused as the switches say."""
        same = (base, callback, query)
        if switches.hub_refuses_known and any(
            (s.base, s.callback, s.text) == same for s in self.subscriptions.values()
        ):
            raise Refused(409, "this callback is registered with this query already")
        subscription = Subscription(f"HUB-{next(self._numbers)}", base, callback, query, parse(query))
        self.subscriptions[subscription.id] = subscription
        return subscription

    def unsubscribe(self, base: str, ident: str) -> bool:
        """Remove a listener; False if the API has none with this id."""
        found = self.subscriptions.get(ident)
        if found is None or found.base != base:
            return False
        del self.subscriptions[ident]
        return True

    def publish(
        self,
        base: str,
        event_type: str,
        name: str,
        row: Row,
        now: datetime,
        shown: Callable[[Row], Row],
        switches: Switches,
    ) -> None:
        """Queue an event about `row` of resource `name`; `shown` converts the event as this installation sends it.

        The switches say what it is called, whether it lies, and where and how often it is posted.
        """
        ident = str(uuid4())
        if switches.hub_notifications:
            event_type = event_type.replace("CreateEvent", "CreationNotification")
            event_type = event_type.replace("DeleteEvent", "RemoveNotification")
        if switches.hub_lies:
            stranger = shapes.customer_party("1002", "Somebody else")
            row = row | {"status": "closed", "state": "closed", "relatedParty": [stranger]}
        event = {
            "eventId": ident,
            "eventTime": stamp(now),
            "timeOcurred": stamp(now),
            "eventType": event_type,
            "correlationId": ident,
            "domain": base.split("/")[-2:][0],
            "title": event_type,
            "event": {name: row},
        }
        for subscription in self.subscriptions.values():
            if subscription.base == base and (switches.hub_ignores_query or subscription.query.holds(event)):
                path = f"/listener/{event_type[0].lower()}{event_type[1:]}" if switches.hub_path == "listener" else ""
                address = subscription.callback.rstrip("/") + path if path else subscription.callback
                for _ in range(2 if switches.hub_duplicates else 1):
                    self._queue.put_nowait((address, to_json(shown(event))))
        if self._worker is None and not self._queue.empty():
            self._worker = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        import aiohttp  # takes longer to load than the rest of the sandbox; most never publish

        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                address, body = await self._queue.get()
                try:
                    async with session.post(address, data=body, headers={"Content-Type": "application/json"}) as answer:
                        if answer.status >= 300:
                            _log.warning("listener %s answered %d to an event", address, answer.status)
                except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
                    _log.warning("listener %s cannot be reached: %s", address, problem)

    async def close(self, *, forgets: bool) -> None:
        """Stop delivering; `forgets`: without a listener from now on."""
        if forgets:
            self.subscriptions.clear()
            self._numbers = count(1)
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
