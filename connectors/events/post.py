"""Events that systems post: whose they are, whether they come too often or again, and what they are about."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from connectors.events.hints import Hint
from connectors.events.rate import Rate
from connectors.events.settings import EventSource
from connectors.events.signatures import check_timed, same_secret
from connectors.events.speaking import Event, Forged, Malformed, Speaks, Telling

_KNOWN_FOR: Final = 600.0
"""Seconds for which an event is known when it comes again: more than a signed one may be old."""

_MOST_KNOWN: Final = 20_000

UNKNOWN: Final = "unknown"
"""What counters call a system that does not exist."""


class Outcome(StrEnum):
    """What becomes of an event. Only `ACCEPTED` ones have hints."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    FORGED = "forged"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TOO_FREQUENT = "too_frequent"


class Posted(msgspec.Struct, frozen=True):
    """What came of an event: of which system it is (or `UNKNOWN`), and why it is refused."""

    domain: str
    outcome: Outcome
    hints: Sequence[Hint] = ()
    reason: str = ""


class Sender:
    """A system that may post events."""

    def __init__(
        self, domain: str, telling: Telling, speaks: Speaks, source: EventSource, elsewhere: Collection[str] = ()
    ) -> None:
        """`elsewhere`: types of the graph that other systems keep. What this one says of them is of no concern."""
        self.elsewhere = elsewhere
        self.domain, self.telling, self.speaks = domain, telling, speaks
        self._secret = source.secret_named("secret")
        self._nobodys = secrets.token_urlsafe()
        self.rate = Rate(source.events_per_second)

    @property
    def secret(self) -> str:
        """What an event must prove, as it is now; where none is set, one that nobody knows."""
        return self._secret.text or self._nobodys


class Mailbox:
    """Reads posted events.

    What is refused takes the same time whether the system exists or not, and however near its secret was.
    """

    def __init__(self, senders: Mapping[str, Sender], clock: Callable[[], float] = time.time) -> None:
        self._senders, self._clock = senders, clock
        self._nobodys_secret = secrets.token_urlsafe()
        self._known: OrderedDict[str, float] = OrderedDict()

    def listener_status(self, domain: str) -> int:
        """The answer to an event that is posted to `.../listener/{eventName}`."""
        sender = self._senders.get(domain)
        return sender.speaks.listener_status if sender else 204

    def known(self, domain: str) -> str:
        """The domain, if a system there may post; else `UNKNOWN`."""
        return domain if domain in self._senders else UNKNOWN

    def read(self, domain: str, secret: str | None, headers: Mapping[str, str], body: bytes) -> Posted:
        """Read an event that was posted to `/events/{domain}/{secret}`, or without `secret` if the system signs."""
        sender, now = self._senders.get(domain), self._clock()
        name, event = self.known(domain), Event(headers, body, now)
        try:
            hints = self._signed(sender, event) if secret is None else self._with_secret(sender, event, secret)
            if sender is not None and not sender.rate.allows():
                return Posted(name, Outcome.TOO_FREQUENT)
        except Forged as error:
            return Posted(name, Outcome.FORGED, reason=str(error))
        except Malformed as error:
            return Posted(name, Outcome.MALFORMED, reason=str(error))
        hints = [hint for hint in hints if sender is None or hint.type not in sender.elsewhere]
        new = [hint for hint in hints if self._is_new(f"{domain} {hint.event_id}" if hint.event_id else "", now)]
        return Posted(name, Outcome.ACCEPTED if new or not hints else Outcome.DUPLICATE, new)

    def _signed(self, sender: Sender | None, event: Event) -> Sequence[Hint]:
        if sender is None or sender.telling is not Telling.SIGNED:
            check_timed(f"t=0,v1={'0' * 64}", event.body, self._nobodys_secret, event.heard_at)
            raise Forged("no system posts here and signs")
        return sender.speaks.read_event(event, sender.secret)

    def _with_secret(self, sender: Sender | None, event: Event, secret: str) -> Sequence[Hint]:
        is_right = same_secret(secret, sender.secret if sender else self._nobodys_secret)
        if sender is None or sender.telling is Telling.SIGNED or not is_right:
            raise Forged("the secret in the address is not the system's")
        return sender.speaks.read_event(event, sender.secret)

    def _is_new(self, key: str, now: float) -> bool:
        if not key:
            return True
        while self._known and (len(self._known) > _MOST_KNOWN or next(iter(self._known.values())) < now - _KNOWN_FOR):
            self._known.popitem(last=False)
        if key in self._known:
            return False
        self._known[key] = now
        return True
