"""A cache that forgets what was used longest ago, bounded in entries and in weight."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LRU(Generic[K, V]):
    """At most `entries` values that weigh at most `weight` together (what a value weighs is `weigh`'s business)."""

    def __init__(self, entries: int, weight: int | None = None, weigh: Callable[[V], int] = lambda _value: 0) -> None:
        self._entries, self._weight, self._weigh = entries, weight, weigh
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._weighs = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """What was put under the key and is still kept; it counts as used now."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value; the ones that were used longest ago go when there is no room. What never fits is not kept."""
        self.discard(key)
        weighs = self._weigh(value)
        if self._weight is not None and weighs > self._weight:
            return
        self._kept[key] = value
        self._weighs += weighs
        while len(self._kept) > self._entries or (self._weight is not None and self._weighs > self._weight):
            _key, oldest = self._kept.popitem(last=False)
            self._weighs -= self._weigh(oldest)

    def discard(self, key: K) -> None:
        """Forget the key, if it is there."""
        if key in self._kept:
            self._weighs -= self._weigh(self._kept.pop(key))
