"""openwisp-radius' REST API, as a manager of an organization may read it: lists of sessions and of users.

What surprises:

- sessions come as a bare list, the newest start first; that there are more is said in the header Link only, and how
  many only by the number of the last page;
- the filter `stop_time` means "stopped by then", so that the sessions that were open after a moment cannot be asked
  for: how many there are is known from two counts;
- a filter that is unknown or empty is ignored, and everybody's rows come; of a repeated one the last value counts;
- a page after the last one is 404, in JSON; a wrong address is 404, too, mostly as a page;
- the list of users takes no filter at all, and is of another shape.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec

from connectors.errors import Garbled, Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import Identified, RowDecoder, RowPage, distinct_rows
from connectors.reading.totals import Totals, read_total
from connectors.reading.warn_once import WarnOnce
from connectors.usage.openwisp.sessions import SessionRow, Sessions

_SESSIONS: Final = "/api/v1/radius/sessions/"
_USERS: Final = "/api/v1/users/user/"
_MOST_USERS: Final = 100
"""Users of one page: openwisp-radius sends no more, unless its settings say so."""
_LINK: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="(next|last)"')
_PAGE: Final = re.compile(r"[?&]page=([0-9]{1,9})(?![0-9])")


class UserRow(Identified):
    """A user in the list of users."""

    username: Annotated[str, msgspec.Meta(min_length=1)]  # an empty filter would be ignored
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_number: str | None = None


class _Users(msgspec.Struct):
    # Required: an apology in JSON has none.
    results: list[msgspec.Raw]
    count: Any = None


class Rest:
    """The REST API with a manager's token. `customer`: the attribute of a user that says whose it is."""

    def __init__(self, http: HttpClient, sessions: Sessions, customer: str, page_size: int) -> None:
        self._http, self._sessions, self._page_size = http, sessions, page_size
        self.warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._totals = {path: Totals(self.warn_once) for path in (_SESSIONS, _USERS)}
        self._session = RowDecoder(SessionRow, self.warn_once, ["unique_id", "username"])
        self._user = RowDecoder(UserRow, self.warn_once, ["username", customer])

    async def users(self) -> RowPage[UserRow]:
        """All users of the organizations that the token manages, with one call per 100."""

        async def read(offset: int, limit: int) -> RowPage[UserRow]:
            target = f"{_USERS}?page={offset // limit + 1}&page_size={limit}"
            return await self._http.send(Request.get(target), lambda answer: self._users_of(answer, offset))

        return await PageReader(
            self._http.name, _USERS, self._paging(_MOST_USERS), read, self._totals[_USERS]
        ).everything()

    async def first_user(self) -> None:
        """Ask for one user. Raises `ConnectorError`."""
        await self._http.send(Request.get(f"{_USERS}?page=1&page_size=1"), lambda answer: self._users_of(answer, 0))

    async def first_session(self) -> None:
        """Ask for one session. Raises `ConnectorError`."""
        target = f"{_SESSIONS}?page_size=1"
        page = await self._http.send(Request.get(target), lambda answer: self._page_of(answer, 0, 1))
        if page.unreadable:
            raise Garbled(self._http.name, f"{_SESSIONS}: its rows are no sessions of openwisp-radius")

    async def sessions(self, username: str, since: datetime) -> RowPage[SessionRow]:
        """A user's sessions that were not stopped by `since`, and some that were.

        One call where a page holds all sessions; otherwise two more that count how many are wanted, and those for the
        pages until so many came. Raises `Garbled` if fewer come, `TooMuch` beyond the system's limits.
        """
        first = await self._page(username, 0, self._page_size)
        if not first.has_next:
            return first
        for _ in range(2):
            # In this order: a session that is deleted in between has more looked for, not fewer.
            total = await self._count(username)
            if total < len(first.entries):
                raise Garbled(
                    self._http.name, f"{_SESSIONS} has no header Link where it should: does something take it off?"
                )
            wanted = total - await self._count(username, since)
            found = await self._until(username, since, wanted, first)
            if self._lasting(found.rows, since) + len(found.unreadable) >= wanted:
                return found
            first = await self._page(username, 0, self._page_size)
        raise Garbled(
            self._http.name, f"{_SESSIONS}: {wanted} sessions of a user were not stopped by {since}, and fewer came"
        )

    async def _until(
        self, username: str, since: datetime, wanted: int, first: RowPage[SessionRow]
    ) -> RowPage[SessionRow]:
        """Page after page, until so many came that were not stopped by `since`."""

        async def read(offset: int, limit: int) -> RowPage[SessionRow]:
            return await self._page(username, offset, limit) if offset else first

        def enough(rows: Mapping[str, SessionRow]) -> bool:
            return self._lasting(rows.values(), since) >= wanted

        paging = self._paging(self._page_size)
        return await PageReader(self._http.name, _SESSIONS, paging, read, self._totals[_SESSIONS]).everything(enough)

    def _lasting(self, rows: Iterable[SessionRow], since: datetime) -> int:
        return sum(not self._sessions.has_ended_by(row, since) for row in rows)

    async def _page(self, username: str, offset: int, limit: int) -> RowPage[SessionRow]:
        page = f"&page={offset // limit + 1}" if offset else ""
        target = f"{_SESSIONS}?username={quote(username, safe='')}&page_size={limit}{page}"

        async def read(answer: Answer) -> RowPage[SessionRow]:
            found = await self._page_of(answer, offset, limit)
            if any(row.username != username for row in found.rows):
                raise Rejected(
                    self._http.name, f"{_SESSIONS} sent sessions of other users: it does not obey the filter username"
                )
            return found

        return await self._http.send(Request.get(target, [username]), read)

    async def _count(self, username: str, stopped_by: datetime | None = None) -> int:
        """How many sessions of a user there are, or how many were stopped by then."""
        target = f"{_SESSIONS}?username={quote(username, safe='')}&page_size=1"
        if stopped_by is not None:
            target += f"&stop_time={stopped_by.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

        async def read(answer: Answer) -> int:
            page = await self._page_of(answer, 0, 1)
            return _linked(answer).get("last", len(page.entries))

        return await self._http.send(Request.get(target, [username]), read)

    async def _page_of(self, answer: Answer, offset: int, limit: int) -> RowPage[SessionRow]:
        if self._is_past_the_end(answer, _SESSIONS, offset):
            return RowPage((), None)
        if answer.is_empty:
            return RowPage((), offset)
        came, all_read = await self._session.rows(answer.body)
        # A full page may be followed by another one where something on the way takes off the header.
        has_next = "next" in _linked(answer) or len(came) >= limit
        entries = distinct_rows(came)  # a session that comes twice was used once
        total = None if has_next else offset + len(entries)
        return RowPage(entries, total, all_read, has_next, len(came) - len(entries))

    async def _users_of(self, answer: Answer, offset: int) -> RowPage[UserRow]:
        if self._is_past_the_end(answer, _USERS, offset):
            return RowPage((), None)
        if answer.is_empty:
            return RowPage((), 0)
        page = msgspec.json.decode(answer.body, type=_Users)
        rows = distinct_rows(await self._user.each(page.results))
        return RowPage(rows, read_total(page.count), repeated=len(page.results) - len(rows))

    def _is_past_the_end(self, answer: Answer, path: str, offset: int) -> bool:
        """Whether no such page is there. Raises `Rejected` if the list itself is not."""
        if answer.status == 404 and not (offset and answer.body.lstrip().startswith(b"{")):
            raise Rejected(self._http.name, f"{path} does not exist there: the system's url is without /api/v1")
        return answer.status == 404

    def _paging(self, page_size: int) -> Paging:
        return Paging("page", page_size, self._http.system.max_rows, self._http.system.max_calls)


def _linked(answer: Answer) -> dict[str, int]:
    """Numbers of the pages that the header Link names: next and last (RFC 8288)."""
    links = _LINK.findall(answer.headers.get("Link", ""))
    return {relation: int(page[1]) for address, relation in links if (page := _PAGE.search(address))}
