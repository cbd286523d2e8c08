"""What is remembered of things that were told: not what they were, but how to see that they are another now."""

from collections import OrderedDict
from typing import Final

import msgspec

from resolvers.changes import Before, ChangeKind

MOST_REMEMBERED: Final = 50_000
"""Things of one type, those that were told last."""


class Told(msgspec.Struct):
    """A thing as it was told last: a digest of its state, whose it was, what had happened, and when it was told.

    `owners`: numbers of the customers that it concerned, as far as was found out last. `is_owed`: this state was told
    to staff only, because whom it concerns could not be found out. `at` is on the clock of the event loop.
    """

    digest: int
    owners: frozenset[str]
    is_owed: bool
    event: ChangeKind
    had_ended: bool
    at: float

    @property
    def before(self) -> Before:
        """What the next change is told by."""
        return Before(self.had_ended)


class States:
    """What is remembered of the things of one type. It lives as long as somebody follows them."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, Told] = OrderedDict()

    def get(self, thing: str) -> Told | None:
        """What is remembered of a thing."""
        return self._told.get(thing)

    def put(self, thing: str, told: Told) -> None:
        """Remember it, and forget what was told longest ago."""
        self._told[thing] = told
        self._told.move_to_end(thing)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)

    def forget(self, thing: str) -> None:
        """Forget a thing."""
        self._told.pop(thing, None)

    def clear(self) -> None:
        """Forget all."""
        self._told.clear()
