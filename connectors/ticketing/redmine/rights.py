"""Who may do what in a project of Redmine: what its answers do not say when it drops what somebody may not."""

from typing import Any

import msgspec

from connectors.errors import Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import Identified, RowDecoder, RowPage
from connectors.reading.totals import Totals, credible
from connectors.reading.warn_once import WarnOnce
from connectors.ticketing.redmine.client import PAGE
from connectors.ticketing.redmine.rows import Named


class _Membership(Identified):
    project: Identified
    roles: list[Identified]


class _Member(Identified):
    user: Named | None = None
    group: Named | None = None


class _User(Identified):
    memberships: list[_Membership]
    admin: bool = False


class _Me(msgspec.Struct):
    user: _User


class _Permissions(Identified):
    permissions: list[str]


class _Role(msgspec.Struct):
    role: _Permissions


class _Page(msgspec.Struct):
    memberships: list[msgspec.Raw]
    total_count: int


class Granted(msgspec.Struct, frozen=True):
    """What a user may in a project."""

    user: str
    permissions: frozenset[str]
    is_administrator: bool = False

    @property
    def writes_private_notes(self) -> bool:
        """Redmine stores a private note of somebody else as a public one."""
        return self.is_administrator or "set_notes_private" in self.permissions

    def edits(self, author: Named | None) -> bool:
        """Whether the user may change an issue of this author: Redmine drops what somebody else changes."""
        is_own = author is not None and str(author.id) == self.user and "edit_own_issues" in self.permissions
        return self.is_administrator or is_own or "edit_issues" in self.permissions


class Rights:
    """Asked anew each time: what was allowed a while ago may not be now."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._warn_once = WarnOnce(http.name, "memberships", http.health.notice)
        self._row, self._totals = RowDecoder(_Member, self._warn_once), Totals(self._warn_once)
        self._page = msgspec.json.Decoder(_Page)

    async def in_project(self, project: str) -> "Granted":
        """What the gateway's user may in the project with this number. One call, and one per role there."""
        me = (await self._get("/users/current.json?include=memberships", _Me)).user
        roles = {str(role.id) for one in me.memberships if str(one.project.id) == project for role in one.roles}
        permissions: set[str] = set()
        for role in sorted(roles) if not me.admin else ():
            permissions.update((await self._get(f"/roles/{role}.json", _Role)).role.permissions)
        return Granted(str(me.id), frozenset(permissions), is_administrator=me.admin)

    async def members(self, project: str) -> list[Named]:
        """The users and groups that are members of the project with this number. One call per 100."""
        paging = Paging("offset", PAGE, self._http.system.max_rows, self._http.system.max_calls)
        path = f"/projects/{project}/memberships.json"

        async def read(offset: int, limit: int) -> RowPage[_Member]:
            return await self._http.send(Request.get(f"{path}?offset={offset}&limit={limit}"), self._page_of)

        page = await PageReader(self._http.name, path, paging, read, self._totals).everything()
        return [who for row in page.rows for who in (row.user, row.group) if who is not None]

    async def _page_of(self, answer: Answer) -> RowPage[_Member]:
        if answer.status == 404:
            raise Rejected(self._http.name, "no such project")
        page = self._page.decode(answer.body)
        return RowPage(await self._row.each(page.memberships), credible(page.total_count))

    async def _get(self, target: str, shape: type[Any]) -> Any:
        def read(answer: Answer) -> Any:
            if answer.status == 404:
                raise Rejected(self._http.name, f"no {target.partition('?')[0]} there")
            return msgspec.json.decode(answer.body, type=shape)

        return await self._http.send(Request.get(target), read)
