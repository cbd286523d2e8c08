"""What is asked for early: beside the records that need it, not after them.

A plan knows which keys will be loaded before there are objects to take them from: the id that a client named is the key
of what hangs under it. So loaders may begin with keys that they expect. What was begun is not checked for who may see
it until somebody loads it, and what nobody loads is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resolvers.loader import BatchLoader


@dataclass(frozen=True, slots=True)
class Ahead:
    """A shortcut of an edge: while `over` loads the parents, `expect` begins with what hangs under them by its keys."""

    over: type[BatchLoader[Any, Any]]
    expect: Callable[[Any, Sequence[Any]], None]


class Asking(Protocol):
    """A loader that can be begun with: it asks a port."""

    context: Any

    @property
    def label(self) -> str:
        """The name in traces."""

    async def fetch(self, keys: Any) -> Mapping[Any, Any]:
        """Ask the port for keys, which are distinct."""


class EarlyLoads:
    """What one request's loaders began with."""

    def __init__(self) -> None:
        self._begun: dict[type[Any], _Begun] = {}

    def expect(self, loader: Asking, keys: Sequence[Any]) -> None:
        """Begin to ask the loader's port for keys that it will probably be asked for."""
        begun = self._begun.get(type(loader))
        if begun is None:
            begun = self._begun[type(loader)] = _Begun(loader)
        for key in keys:
            begun.load(key).add_done_callback(_heard)

    def answers(self, loader: Asking, keys: Sequence[Any]) -> Awaitable[Mapping[Any, Any]]:
        """What the port says to these keys, begun with or asked now: nothing is checked. Raises as `fetch` does."""
        begun = self._begun.get(type(loader))
        return loader.fetch(keys) if begun is None else _present(begun, keys)

    def forget(self, loader: Asking, key: Any) -> None:
        """What was begun with for this key is not what the loader wants."""
        if begun := self._begun.get(type(loader)):
            begun.clear(key)

    def forget_all(self, loader: Asking) -> None:
        """Nor what was begun with for any key."""
        self._begun.pop(type(loader), None)

    def clear(self) -> None:
        """Forget everything: the request has ended."""
        self._begun.clear()


class _Begun(BatchLoader[Any, Any]):
    """What a loader's port says, before anybody asks who may see it."""

    def __init__(self, loader: Asking) -> None:
        super().__init__(loader.context)
        self._loader = loader

    @property
    def label(self) -> str:
        """Traces name the loader that it is for."""
        return self._loader.label

    async def found(self, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """Ask the port, in one batch."""
        return await self._loader.fetch(keys)


async def _present(begun: _Begun, keys: Sequence[Any]) -> Mapping[Any, Any]:
    """What was begun with, for the keys that there is something for."""
    return {key: value for key, value in (await begun.load_all(keys)).items() if value is not None}


def _heard(loading: "asyncio.Future[Any]") -> None:
    """A failure that nobody waits for is no news."""
    if not loading.cancelled():
        loading.exception()
