"""What was heard of and must be read: each thing once, however often it was heard of."""

from collections.abc import Container
from itertools import islice
from typing import Final

import msgspec

from connectors.events.hints import Change, Hint, Source

MOST_DIRTY: Final = 100_000
"""Things of one type that wait to be read. Of any more it is only known that there were some."""


class Heard(msgspec.Struct):
    """What was heard of one thing since it was read last.

    `since`: when it was heard of first (seconds since the epoch, by the system's clock). `said_at`: the newest time
    that an event gave by the system's clock, 0 where none did. `said_new`, `said_gone`: what the system said.
    `is_again`: it is looked at a second time, because the first look showed nothing of what was heard.
    """

    since: float
    said_at: float = 0.0
    said_new: bool = False
    said_gone: bool = False
    is_again: bool = False


class Dirty:
    """The things of one type that wait to be read, in the order in which they were heard of."""

    def __init__(self) -> None:
        self._things: dict[str, Heard] = {}
        self.is_overrun = False
        """Whether things were heard of that are not kept here."""

    def __len__(self) -> int:
        return len(self._things)

    def hear(self, hint: Hint) -> None:
        """Note what a hint says."""
        heard = self._kept(hint.id, hint.at)
        if heard is None:
            return
        heard.said_new |= hint.change is Change.CREATED
        heard.said_gone = hint.change is Change.REMOVED
        heard.is_again = False
        if hint.source is not Source.WRITE:
            heard.said_at = max(heard.said_at, hint.at)

    def put_back(self, thing: str, before: Heard, *, is_again: bool) -> None:
        """Read a thing again, together with what was heard of it meanwhile."""
        is_known = thing in self._things
        heard = self._kept(thing, before.since)
        if heard is None:
            return
        heard.since = min(heard.since, before.since)
        heard.said_new |= before.said_new
        heard.said_at = max(heard.said_at, before.said_at)
        if not is_known:
            heard.said_gone, heard.is_again = before.said_gone, is_again

    def take(self, most: int, without: Container[str] = ()) -> dict[str, Heard]:
        """At most so many things, those first that have waited longest; not those that are to wait still."""
        names = list(islice((name for name in self._things if name not in without), most))
        return {name: self._things.pop(name) for name in names}

    def clear(self) -> None:
        """Forget everything."""
        self._things.clear()
        self.is_overrun = False

    def _kept(self, thing: str, at: float) -> Heard | None:
        heard = self._things.get(thing)
        if heard is None:
            if len(self._things) >= MOST_DIRTY:
                self.is_overrun = True
                return None
            heard = self._things[thing] = Heard(at)
        return heard
