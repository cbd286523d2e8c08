"""Tokens that are kept until they expire, each got once for all who wait for it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from connectors.errors import ConnectorError
from connectors.http.token_endpoint import Token


class Tokens:
    """At most so many tokens, by whom they are for. Nobody gets one by another key than their own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[str, float]] = OrderedDict()
        self._under_way: dict[Hashable, _Getting] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def kept(self, key: Hashable) -> str:
        """The token that is kept for this key, however old it is; empty if none is."""
        return self._kept.get(key, ("", 0.0))[0]

    async def get(self, key: Hashable, fetch: Callable[[], Coroutine[Any, Any, Token]]) -> str:
        """The token for this key, fetched if there is none that may be sent. Raises what `fetch` does.

        Who waits for the same key waits for the same fetch, which ends when the last of them leaves.
        """
        found = self._kept.get(key)
        if found is not None and time.monotonic() < found[1]:
            self._kept.move_to_end(key)
            return found[0]
        getting = self._under_way.get(key)
        if getting is None:
            getting = self._under_way[key] = _Getting(asyncio.create_task(self._fetch(key, fetch)))
        getting.waiting += 1
        try:
            return await asyncio.shield(getting.task)
        except ConnectorError as error:
            raise error.without_traceback() from error.__cause__
        finally:
            getting.waiting -= 1
            if not getting.waiting and self._under_way.get(key) is getting:
                del self._under_way[key]
                getting.task.cancel()

    def give_up(self, key: Hashable, text: str) -> None:
        """Forget a token that was refused, unless there is another for this key by now."""
        if self.kept(key) == text:
            self._kept.pop(key, None)

    async def _fetch(self, key: Hashable, fetch: Callable[[], Coroutine[Any, Any, Token]]) -> str:
        mine = asyncio.current_task()
        try:
            token = await fetch()
            self._kept[key] = token.text, time.monotonic() + token.lasts
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return token.text
        finally:
            if (getting := self._under_way.get(key)) is not None and getting.task is mine:
                del self._under_way[key]


class _Getting:
    """A fetch, and how many wait for it."""

    def __init__(self, task: "asyncio.Task[str]") -> None:
        self.task, self.waiting = task, 0
