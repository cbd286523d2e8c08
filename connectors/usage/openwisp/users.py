"""Whose users are: the list of users, which cannot be filtered, kept for some seconds."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from connectors.errors import TimedOut
from connectors.http.client import HttpClient
from connectors.http.policy.deadline import seconds_left
from connectors.http.scope import current_scope
from connectors.usage.openwisp.client import Rest
from connectors.usage.openwisp.options import OpenwispOptions


class Directory(msgspec.Struct, frozen=True):
    """User names by customer number. `unread`: users that could not be read, who may be any customer's."""

    names: Mapping[str, Sequence[str]]
    unread: int = 0


class Users:
    """Whose users are. Nothing is kept where the system is shown callers' own tokens, and answers each for itself."""

    def __init__(
        self, http: HttpClient, rest: Rest, options: OpenwispOptions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http, self._rest, self._attribute, self._clock = http, rest, options.customer, clock
        self._kept_for = 0.0 if http.system.is_personal else options.users_kept
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
        await self._take_turn()  # who comes while the list is read takes what the first one read
        try:
            now, scope, kept = self._clock(), current_scope.get(), self._kept
            if kept is None or now - kept[0] >= self._kept_for or (scope is not None and scope.is_current):
                self._kept = kept = now, await self._read()
            return kept[1]
        finally:
            self._reading.release()

    async def _take_turn(self) -> None:
        """Wait until nobody else reads the list, at most as long as a call may take here."""
        try:
            async with asyncio.timeout(max(0.0, seconds_left(self._http.system.timeout))):
                await self._reading.acquire()
        except TimeoutError as late:
            raise TimedOut(self._http.name, "the list of users is being read, and did not come in time") from late

    async def _read(self) -> Directory:
        page = await self._rest.users()
        names = defaultdict[str, list[str]](list)
        for row in page.rows:
            if key := (getattr(row, self._attribute) or "").strip():  # typed by people, and compared here
                names[key].append(row.username)
        if page.rows and not names:
            self._rest.warn_once(
                f"has {len(page.rows)} users, none with a {self._attribute}: set the option customer to the attribute"
                " that holds the customer number"
            )
        return Directory({key: sorted(of) for key, of in names.items()}, len(page.unreadable))


_LONGEST = 150
"""Characters of the longest user name or customer number that openwisp-radius keeps."""


def _may_be(key: str) -> bool:
    """Whether a user can have this: an empty filter would be ignored, and a NUL is refused."""
    return 0 < len(key) <= _LONGEST and key.isprintable() and key.strip() == key
