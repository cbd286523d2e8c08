"""The cache of prepared documents: bounded by the bytes they hold, admitted at second use, with a share per caller.

A new document is on probation, in a small part of the cache. When it is used again it is kept. One that a second caller
uses belongs to all; any other counts as its caller's, who has a share: who sends more than that loses documents of
their own, and nobody else does.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from gateway.engine.prepared import Prepared

_PROBATION: Final = 4
"""The part of the cache, one over this, for documents that were used once."""

_SHARE: Final = 8
"""The part of the cache, and of its probation, one over this, that one caller's own documents may hold."""


@dataclass(eq=False, slots=True)
class _Entry:
    prepared: Prepared
    caller: Hashable | None
    """None: several callers use it."""
    weight: int


class _Part:
    """Entries by document, least recently used first, with at most so many bytes in all and for a caller."""

    def __init__(self, most: int) -> None:
        self._most, self._share = most, most // _SHARE
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._own: dict[Hashable, OrderedDict[str, None]] = {}
        self._held: dict[Hashable, int] = {}
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, source: str) -> _Entry | None:
        entry = self._entries.get(source)
        if entry is not None:
            self._entries.move_to_end(source)
            if entry.caller is not None:
                self._own[entry.caller].move_to_end(source)
        return entry

    def put(self, source: str, entry: _Entry) -> None:
        """Keep an entry; drop others for it: its caller's, then the least recently used. None above the share."""
        self.pop(source)
        if entry.weight > self._share:
            return
        self._entries[source] = entry
        self.total += entry.weight
        caller = entry.caller
        if caller is not None:
            own = self._own.setdefault(caller, OrderedDict())
            own[source] = None
            self._held[caller] = self._held.get(caller, 0) + entry.weight
            while self._held[caller] > self._share:
                self.pop(next(iter(own)))
        while self.total > self._most:
            self.pop(next(iter(self._entries)))

    def pop(self, source: str) -> _Entry | None:
        entry = self._entries.pop(source, None)
        if entry is None:
            return None
        self.total -= entry.weight
        if entry.caller is not None:
            own = self._own[entry.caller]
            del own[source]
            self._held[entry.caller] -= entry.weight
            if not own:
                del self._own[entry.caller], self._held[entry.caller]
        return entry


class Documents:
    """Prepared documents by their text. `weigh` says how many bytes one holds, with all that is derived from it."""

    def __init__(self, most: int, weigh: Callable[[Prepared], int]) -> None:
        self._weigh = weigh
        self._new, self._kept = _Part(most // _PROBATION), _Part(most - most // _PROBATION)

    def __len__(self) -> int:
        return len(self._new) + len(self._kept)

    @property
    def held(self) -> int:
        """Bytes that all of them hold, as far as they are weighed."""
        return self._new.total + self._kept.total

    def get(self, source: str, caller: Hashable) -> Prepared | None:
        """The document, which is kept from its second use on."""
        entry = self._kept.get(source)
        if entry is None:
            entry = self._new.pop(source)
            if entry is None:
                return None
        elif entry.caller is None or entry.caller == caller:
            return entry.prepared
        if entry.caller != caller:
            self._kept.pop(source)
            entry.caller = None
        entry.weight = self._weigh(entry.prepared)
        self._kept.put(source, entry)
        return entry.prepared

    def put(self, prepared: Prepared, caller: Hashable) -> None:
        """Take a document that was prepared for a caller, on probation."""
        self._new.put(prepared.source, _Entry(prepared, caller, self._weigh(prepared)))

    def weigh_again(self, prepared: Prepared) -> None:
        """More is derived from the document than before: others may have to go for it, or itself."""
        for part in (self._new, self._kept):
            entry = part.get(prepared.source)
            if entry is not None and entry.prepared is prepared:
                part.pop(prepared.source)
                entry.weight = self._weigh(prepared)
                part.put(prepared.source, entry)
