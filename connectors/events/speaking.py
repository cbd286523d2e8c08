"""How a system tells of changes by itself: what it sends, and what a driver provides to read it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from connectors.events.hints import Hint

LONGEST_ID = 200
"""Most characters of an id in an event."""


class Telling(StrEnum):
    """What a product can do; a driver says it in its class attribute `telling`.

    `HUB`: TM Forum's hubs, where the gateway registers. `POST`: it is set up to post to an address with the secret in
    its path. `SIGNED`: it posts to an address without it, and signs what it posts with the secret.
    """

    HUB = "hub"
    POST = "post"
    SIGNED = "signed"


class Event(msgspec.Struct, frozen=True):
    """What a system posted. Names of headers are in lower case. `heard_at`: seconds since the epoch, by our clock."""

    headers: Mapping[str, str]
    body: bytes
    heard_at: float


class Forged(Exception):
    """The event is not the system's, as far as can be proved, or one of the system's that is too old."""


class Malformed(Exception):
    """The event cannot be read. The text is for the operator's log."""


class Hub(msgspec.Struct, frozen=True):
    """Where listeners are registered: `path` under the system's url. `type` is what v5 wants as @type; v4 nothing."""

    path: str
    type: str | None = None


class Speaks(Protocol):
    """What a driver provides in its attribute `events` if its product tells of changes (see `Telling`)."""

    @property
    def hubs(self) -> Sequence[Hub]:
        """Where the gateway registers; empty unless `telling` is `HUB`."""

    @property
    def listener_status(self) -> int:
        """The answer to an event that is posted to `.../listener/{eventName}`."""

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """What the event is about; nothing where it is about records that the graph has not.

        Whose a record is and what it says is never taken from an event. `SIGNED`: raises `Forged` unless the event is
        signed with `secret`, before anything else of it is read. Raises `Malformed`.
        """


def id_in(value: object) -> str:
    """The id in an event. Raises `Malformed` where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable():
        return value
    raise Malformed(f"{value!r:.80} is no id")
