"""How a system tells of changes by itself: what it sends, and what a driver provides to read it."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from connectors.events.hints import Hint
from connectors.reading.dates import parsed_date
from connectors.reading.repair import repaired

T = TypeVar("T")

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


Follow = Callable[[], AsyncGenerator[Sequence[Hint], None]]
"""A driver's method `follow`, if its product sends what happens over a connection that it keeps open.

The generator gives no hints once when the connection is there, then hints as they come. It ends where it is to be begun
anew although nothing is known to be wrong, such as after a long silence. Raises `ConnectorError`, also when it is cut.
One process at a time follows.
"""

Heard = Callable[[Hint], None]
"""A driver's method `heard`, if it remembers what its product forgets: it is told every hint of its system, in each
process, whichever of them the system told. What is read after that is read anew all the same.
"""


def id_in(value: object) -> str:
    """The id in an event. Raises `Malformed` where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and _is_whole(value):
        return value
    raise Malformed(f"{value!r:.80} is no id")


def id_or_none(value: object) -> str:
    """The id, where an event need not have one; empty where it is none."""
    try:
        return id_in(value)
    except Malformed:
        return ""


def _is_whole(text: str) -> bool:
    return text.isprintable() and "\ufffd" not in text


def read_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What was posted. A broken text costs itself. Raises `Malformed`."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            return decoder.decode(repaired(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from error


def text_in(value: object) -> str:
    """A text in an event; empty where it is none. Only what identifies a record makes an event unreadable."""
    return value if isinstance(value, str) else ""


def seconds_in(value: object, otherwise: float) -> float:
    """A time in an event, in seconds since 1970; UTC where it names no zone. `otherwise` where it cannot be read."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return otherwise
    try:
        moment = parsed_date(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return otherwise
