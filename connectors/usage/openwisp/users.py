"""Whose users are: the list of users, which cannot be filtered, kept for some seconds."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from connectors.usage.openwisp.client import Rest
from connectors.usage.openwisp.options import OpenwispOptions


class Directory(msgspec.Struct, frozen=True):
    """User names by customer number. `unread`: users that could not be read, who may be any customer's."""

    names: Mapping[str, Sequence[str]]
    unread: int = 0


class Users:
    """Whose users are. `keeps`: whether what one caller was answered may serve another."""

    def __init__(
        self, rest: Rest, options: OpenwispOptions, *, keeps: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rest, self._attribute, self._clock = rest, options.customer, clock
        self._kept_for = options.users_kept if keeps else 0.0
        self._kept: tuple[float, Directory] | None = None
        self._reading = asyncio.Lock()

    async def of(self, customer_ids: Sequence[str]) -> Directory:
        """The users of these customers. No call, or one per 100 users of all customers."""
        keys = [key for key in dict.fromkeys(customer_ids) if _may_be(key)]
        if not keys:
            return Directory({})
        if self._attribute == "username":
            return Directory({key: [key] for key in keys})
        everybody = await self._everybody()
        return Directory({key: everybody.names[key] for key in keys if key in everybody.names}, everybody.unread)

    async def _everybody(self) -> Directory:
        if self._kept_for <= 0:
            return await self._read()
        async with self._reading:  # who comes while it is read takes what the first one read
            now = self._clock()
            if self._kept is None or now - self._kept[0] >= self._kept_for:
                self._kept = now, await self._read()
            return self._kept[1]

    async def _read(self) -> Directory:
        page = await self._rest.users()
        names = defaultdict[str, list[str]](list)
        for row in page.rows:
            if key := getattr(row, self._attribute):
                names[key].append(row.username)
        return Directory({key: sorted(of) for key, of in names.items()}, len(page.unreadable))


_LONGEST = 150
"""Characters of the longest user name or customer number that openwisp-radius keeps."""


def _may_be(key: str) -> bool:
    """Whether a user can have this: an empty filter would be ignored, and a NUL is refused."""
    return 0 < len(key) <= _LONGEST and key.isprintable() and key.strip() == key
