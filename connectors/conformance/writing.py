"""Descriptions of a port's methods that write, for the checks: what they may write to, and how it is seen afterwards.

Each domain's are in `connectors/<domain>/promised_writes.py`. They read the system to find what may be written to; only
the checks write.
"""

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from connectors.conformance.trial import Skipped
from connectors.errors import Reason
from connectors.settings import System
from connectors.writes import WriteKey

if TYPE_CHECKING:
    from connectors.conformance.trial import Trial

T = TypeVar("T")

_BETWEEN: Final = 0.05
"""Seconds between two reads of what a system shows late."""

WriteCall = Callable[[Any, WriteKey], Awaitable[Any]]
"""Writes with this driver under this key: the id of what was made, None where nothing is."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect of a write that succeeds.

    `write` makes it. `find` asks the port's `@fresh` method, None where the port has none. `wrong` reads what was
    written (its argument: what `write` gave) and says what is not as it should be; empty if nothing. `count` reads how
    many of its kind there are; None where that cannot be told.
    """

    call: str
    write: WriteCall
    wrong: Callable[[Any], Awaitable[str]]
    find: WriteCall | None = None
    count: Callable[[], Awaitable[int]] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that must be `Declined` and name `attribute`, for one of `reasons` (empty: any).

    `wrong` is given where some systems do it all the same: it says whether this one has.
    """

    call: str
    write: WriteCall
    attribute: str
    reasons: Collection[Reason] = ()
    wrong: Callable[[Any], Awaitable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A write with an attribute that some products have no place for: it is declined, or written with it.

    `sent`: a text that stands in what is sent then, where no record shows the attribute.
    """

    attribute: str
    call: str
    write: WriteCall
    wrong: Callable[[Any], Awaitable[str]] | None = None
    sent: str = ""


class Writing(ABC):
    """One method that writes.

    `adds`: another key makes another effect; otherwise a repetition finds all as it is wanted, and changes nothing.
    """

    name: ClassVar[str]
    finder: ClassVar[str] = ""
    adds: ClassVar[bool] = False

    def __init__(self, trial: "Trial") -> None:
        self.trial = trial

    @abstractmethod
    async def prepare(self) -> str:
        """What will be changed, in a sentence, and nothing is yet. Raises `Skipped` where there is nothing to write to.

        Called once, before all else.
        """

    @abstractmethod
    async def effect(self) -> Effect:
        """An effect that the system does not show yet."""

    @abstractmethod
    async def refusals(self) -> Sequence[Refusal]:
        """Writes that must be declined."""

    @property
    def has_places(self) -> bool:
        """Whether it writes attributes that some products have no place for."""
        return type(self).places is not Writing.places

    async def places(self) -> Sequence[Place]:
        """Writes with attributes that some products have no place for."""
        return ()

    @abstractmethod
    def unsupported_call(self, name: str) -> WriteCall:
        """A call of the method, or of its finder, that a driver without it refuses."""

    async def restore(self) -> str:
        """Take back what can be, and say what that was: empty where nothing can. Raises `ConnectorError`."""
        return ""


async def settled(system: System, read: Callable[[], Awaitable[T]], is_right: Callable[[T], bool]) -> T:
    """What is read: once it is right, or when the system must show what was written to it (`reads_after`)."""
    until = time.monotonic() + system.reads_after
    while not is_right(value := await read()) and time.monotonic() < until:  # noqa: ASYNC110  # nothing tells it
        await asyncio.sleep(_BETWEEN)
    return value


def new_key() -> WriteKey:
    """The key of a write that was never made."""
    return WriteKey(secrets.token_hex(16))


def word() -> str:
    """A word that nothing in the system holds yet."""
    return secrets.token_hex(4)


async def read_one(method: str, ask: Awaitable[Any], key: str) -> Any:
    """The record under a key of a port's answer; None where there is none. Raises its failure."""
    found = await ask
    one = found.get(key)
    if isinstance(one, Exception):
        raise one
    return one


def different(record: Any, **wanted: Any) -> str:
    """The first attribute that is not as it was written, in words; empty if there is none."""
    for name, value in wanted.items():
        if (now := getattr(record, name)) != value:
            return f"{name} is {now!r:.80}, {value!r:.80} was written"
    return ""


def first_key(trial: "Trial", kind: str) -> str:
    """The first sample key of a kind. Raises `Skipped` if there is none."""
    keys = trial.keys.get(kind)
    if not keys:
        raise Skipped(f"no {kind} is known to write for: name one with --key {kind}=...")
    return keys[0]
