"""A hint: a record in a system may have changed."""

from enum import StrEnum

import msgspec


class Change(StrEnum):
    """What a system says that happened to a record. It is believed only as far as the record, read anew, agrees."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"


class Source(StrEnum):
    """How a hint came."""

    HUB = "hub"
    WEBHOOK = "webhook"
    STREAM = "stream"
    POLL = "poll"
    WRITE = "write"


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """A record may have changed. It holds ids only, no business data.

    `domain`: whose system says so, such as `ticketing`. `type`: of the record in the graph, such as `Ticket`; "" where
    the system does not say, and only calls under way are not joined any more. `id`: the system's own.
    `event_id`: by which the same event is known when it comes again; "" where it has none.
    `at`: seconds since the epoch when it happened, by the system's clock, or else when it was heard.
    """

    domain: str
    type: str
    id: str
    change: Change
    source: Source
    at: float
    event_id: str = ""
