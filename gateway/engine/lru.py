"""A least-recently-used cache, bounded in entries and in weight."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LRU(Generic[K, V]):
    """At most `entries` values, with at most `weight` in total; `weigh` gives the weight of one value."""

    def __init__(self, entries: int, weight: int | None = None, weigh: Callable[[V], int] = lambda _value: 0) -> None:
        self._entries, self._weight, self._weigh = entries, weight, weigh
        self._values: OrderedDict[K, V] = OrderedDict()
        self._total_weight = 0

    def __len__(self) -> int:
        return len(self._values)

    @property
    def weight(self) -> int:
        """The total weight of the values."""
        return self._total_weight

    def get(self, key: K) -> V | None:
        """The value of the key, or None. It becomes the most recently used."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Store a value, and drop the least recently used ones to make room. A value above the limit is not stored."""
        self.discard(key)
        value_weight = self._weigh(value)
        if self._weight is not None and value_weight > self._weight:
            return
        self._values[key] = value
        self._total_weight += value_weight
        while len(self._values) > self._entries or (self._weight is not None and self._total_weight > self._weight):
            _key, oldest = self._values.popitem(last=False)
            self._total_weight -= self._weigh(oldest)

    def discard(self, key: K) -> None:
        """Remove the key, if it is there."""
        if key in self._values:
            self._total_weight -= self._weigh(self._values.pop(key))
