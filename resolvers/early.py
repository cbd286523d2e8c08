"""Prefetching: loads that start before the records they belong to are there.

A plan often knows a key before the record: the id that a client sent is the key of the lists under that record. Loaders
can start with such keys (`expect`). Ownership is checked when the key is really loaded; unused results are dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resolvers.loader import BatchLoader


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Prefetch rule of an edge: while loader `over` loads parents, `expect(context, keys)` starts the edge's loads."""

    over: type[BatchLoader[Any, Any]]
    expect: Callable[[Any, Sequence[Any]], None]


class Asking(Protocol):
    """A loader that can prefetch."""

    context: Any

    @property
    def label(self) -> str:
        """Name in traces."""

    async def fetch(self, keys: Any) -> Mapping[Any, Any]:
        """Ask the port for these distinct keys."""


class EarlyLoads:
    """The prefetched loads of one request."""

    def __init__(self) -> None:
        self._begun: dict[type[Any], _Begun] = {}

    def expect(self, loader: Asking, keys: Sequence[Any]) -> None:
        """Start asking the loader's port for keys that will probably be loaded."""
        begun = self._begun.get(type(loader))
        if begun is None:
            begun = self._begun[type(loader)] = _Begun(loader)
        for key in keys:
            begun.load(key).add_done_callback(_heard)

    def give(self, loader: Asking, found: Mapping[Any, Any]) -> None:
        """Let the port's answers for these keys be known, None for a key that has none: they are not asked for again.

        Ownership is checked when they are loaded, as if the port had been asked.
        """
        begun = self._begun.get(type(loader))
        if begun is None:
            begun = self._begun[type(loader)] = _Begun(loader)
        for key, value in found.items():
            begun.prime(key, value)

    def answers(self, loader: Asking, keys: Sequence[Any]) -> Awaitable[Mapping[Any, Any]]:
        """The port's answers, prefetched or fetched now, without an ownership check. Raises what `fetch` raises."""
        begun = self._begun.get(type(loader))
        return loader.fetch(keys) if begun is None else _present(begun, keys)

    def forget(self, loader: Asking, key: Any) -> None:
        """Drop what was prefetched for this key, because the loader was cleared."""
        if begun := self._begun.get(type(loader)):
            begun.clear(key)

    def forget_all(self, loader: Asking) -> None:
        """Drop what was prefetched for all keys of this loader."""
        self._begun.pop(type(loader), None)

    def clear(self) -> None:
        """Forget everything: the request has ended."""
        self._begun.clear()


class _Begun(BatchLoader[Any, Any]):
    """A loader's answers from its port, before the ownership check."""

    def __init__(self, loader: Asking) -> None:
        super().__init__(loader.context)
        self._loader = loader

    @property
    def label(self) -> str:
        """Name of the loader that it prefetches for."""
        return self._loader.label

    async def found(self, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """Ask the port in one batch."""
        return await self._loader.fetch(keys)


async def _present(begun: _Begun, keys: Sequence[Any]) -> Mapping[Any, Any]:
    """The prefetched values of the keys that have one."""
    return {key: value for key, value in (await begun.load_all(keys)).items() if value is not None}


def _heard(loading: "asyncio.Future[Any]") -> None:
    """Mark a failure as retrieved, so that asyncio does not log it when nobody waits for it."""
    if not loading.cancelled():
        loading.exception()
