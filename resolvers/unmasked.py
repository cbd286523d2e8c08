"""What one request read in full, of what is masked for others of the caller's kind: for the audit log."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from resolvers.viewer import Viewer

MOST_IDS: Final = 50
"""Ids of one type that are told; of others only how many they are."""


@dataclass(slots=True)
class OfType:
    """What was read of the objects of one type."""

    fields: set[str] = field(default_factory=set)
    ids: dict[str, None] = field(default_factory=dict)
    """Global ids, each once. Empty where the objects have none, as the notes of a ticket."""

    @property
    def more(self) -> int:
        """How many ids are not told."""
        return max(0, len(self.ids) - MOST_IDS)


@dataclass(slots=True)
class Unmasked:
    """Fields and ids by type. What a system then did not answer was read as well: it was asked for."""

    types: dict[str, OfType] = field(default_factory=dict)

    def add(self, type_name: str, names: Collection[str], objects: Sequence[Any]) -> None:
        """Add these fields of these objects."""
        one = self.types.setdefault(type_name, OfType())
        one.fields.update(names)
        for each in objects:
            if (key := getattr(each, "id", None)) is not None:
                one.ids[f"{type_name}:{key}"] = None


Noted = Callable[[Viewer, Unmasked], None]
"""Is told who read what in full."""


def ignored(_viewer: Viewer, _unmasked: Unmasked) -> None:
    """For where nobody wants to know."""
