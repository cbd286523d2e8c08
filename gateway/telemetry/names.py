"""Names of operations as values of labels: of clients' words only so many."""

from collections.abc import Callable, Collection
from typing import Final

ANONYMOUS: Final = "(anonymous)"
"""An operation without a name."""

OTHER: Final = "(other)"
"""One whose name is not told apart."""

REFUSED: Final = "(refused)"
"""A document of which no operation was run."""

_LONGEST: Final = 100
"""Characters of a name that is told apart."""


def _none() -> None:
    """There are no manifests."""


class OperationNames:
    """Tells so many names apart: those of manifests, where there are some; else the first that are used.

    Callers without a token add none: anybody could use them up.
    """

    def __init__(self, most: int, published: Callable[[], Collection[str] | None] = _none) -> None:
        """`published` are the manifests' names at the moment; None where there is no manifest."""
        self._most, self._published = most, published
        self._seen: set[str] = set()

    def of(self, name: str | None, *, is_signed_in: bool) -> str:
        """The value of a label for an operation of this name."""
        if name is None:
            return ANONYMOUS
        if name in self._seen:
            return name
        published = self._published()
        if published is not None:
            return name if name in published else OTHER
        if not is_signed_in or len(self._seen) >= self._most or len(name) > _LONGEST:
            return OTHER
        self._seen.add(name)
        return name
