"""What an installation of Redmine calls by numbers of its own: custom fields, trackers, categories, statuses.

All of it is read once. `forget` has it read again, where an answer shows that it has changed.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from connectors.errors import Garbled, Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.rows import Identified, Row, RowDecoder, Unreadable
from connectors.records import Window
from connectors.ticketing.redmine.client import EVERY_STATUS, NEWEST, PAGE, IssueList, ids_among
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.redmine.rows import Named, Status

T = TypeVar("T")


class CustomField(Identified):
    """A custom field. What only administrators may read of it is None for others."""

    name: str | None = None
    customized_type: str | None = None
    is_filter: bool | None = None
    multiple: bool | None = None
    trackers: list[Identified] | None = None


class Project(Identified):
    """The project of the tickets."""

    is_public: bool
    trackers: list[Named]
    issue_categories: list[Named]


class _Fields(msgspec.Struct):
    custom_fields: list[msgspec.Raw]


class _Project(msgspec.Struct):
    project: msgspec.Raw


class _Statuses(msgspec.Struct):
    issue_statuses: list[msgspec.Raw]


class _Priorities(msgspec.Struct):
    issue_priorities: list[msgspec.Raw]


class _User(msgspec.Struct):
    user: Identified


class Installation:
    """One installation, as its options say how it is used."""

    def __init__(self, http: HttpClient, options: RedmineOptions, issues: IssueList) -> None:
        self._http, self._options, self._issues = http, options, issues
        self._fields: Mapping[str, CustomField] = {}
        self._project: Project | None = None
        self._statuses: Sequence[Status] = ()
        self._priorities: Sequence[Named] = ()

    def forget(self) -> None:
        """Read all of it again when it is needed next."""
        self._fields, self._project, self._statuses, self._priorities = {}, None, (), ()

    async def let_in(self) -> None:
        """Raise `Refused` unless Redmine knows the gateway's user: others it shows what is public, with 200."""
        await self._get("/users/current.json", _User)

    async def let_in_where_public(self) -> None:
        """The same, for an answer that has no rows: a list of a private project is 401 for others."""
        if (await self.project()).is_public:
            await self.let_in()

    async def project(self) -> Project:
        """The project. Raises `Rejected` where there is none of that name that the gateway's user may see."""
        if self._project is None:
            target = f"/projects/{self._options.project}.json?include=trackers,issue_categories"
            (self._project,) = self._rows([(await self._get(target, _Project)).project], Project)
        return self._project

    async def statuses(self) -> Sequence[Status]:
        """All statuses."""
        if not self._statuses:
            self._statuses = self._rows((await self._get("/issue_statuses.json", _Statuses)).issue_statuses, Status)
        return self._statuses

    async def priorities(self) -> Sequence[Named]:
        """All priorities."""
        if not self._priorities:
            target = "/enumerations/issue_priorities.json"
            self._priorities = self._rows((await self._get(target, _Priorities)).issue_priorities, Named)
        return self._priorities

    async def filter_by(self, name: str) -> str:
        """The name of the filter by a custom field. Raises `Rejected` where Redmine would ignore it."""
        field = await self._field(name)
        if field.is_filter is False:
            raise self._rejected(f"the custom field {name!r} is not used as a filter, so that every issue would come")
        return f"cf_{field.id}"

    async def of_tracker(self, names: Sequence[str], tracker: Named) -> Mapping[str, CustomField]:
        """The custom fields of these names. Raises `Rejected` where one is not the tracker's: it would be dropped."""
        fields = {name: await self._field(name) for name in names}
        for name, field in fields.items():
            if field.trackers is not None and str(tracker.id) not in {str(one.id) for one in field.trackers}:
                raise self._rejected(f"the tracker {tracker.name!r} has no custom field {name!r}")
        return fields

    async def _field(self, name: str) -> CustomField:
        if name not in self._fields:
            self._fields = await self._read_fields()
        if name not in self._fields:
            detail = f"no custom field {name!r} of issues that the gateway's user may see"
            raise self._rejected(f"{detail} (or, unless it is an administrator, none of the last {PAGE} has it)")
        return self._fields[name]

    async def _read_fields(self) -> Mapping[str, CustomField]:
        """By their names. Who is no administrator learns them from the last issues."""
        listed = await self._http.send(Request.get("/custom_fields.json", expected={403}), self._listed)
        if listed is None:
            page = await self._issues.window(EVERY_STATUS, NEWEST, [], Window(0, PAGE))
            shown = [one for row in page.rows for one in row.custom_fields or ()]
            listed = [CustomField(one.id, one.name, "issue", multiple=one.multiple is True) for one in shown]
        numbers = frozenset(ids_among(str(one.id) for one in listed))  # other ids are no part of an address
        return {
            one.name: one for one in listed if one.name and one.customized_type == "issue" and str(one.id) in numbers
        }

    def _listed(self, answer: Answer) -> Sequence[CustomField] | None:
        return None if answer.status == 403 else self._rows(self._decoded(answer, _Fields).custom_fields, CustomField)

    def _rows(self, raws: Sequence[msgspec.Raw], kind: type[Row]) -> Sequence[Row]:
        """What can be read of a list; the rest is noticed. Raises `Garbled` where that is nothing."""
        decoder = RowDecoder(kind, self._issues.warn_once)
        rows = [one for one in map(decoder.row, raws) if not isinstance(one, Unreadable)]
        if raws and not rows:
            raise Garbled(self._http.name, f"none of the {len(raws)} things called {kind.__name__} can be read")
        return rows

    async def _get(self, target: str, shape: type[T]) -> T:
        return await self._http.send(Request.get(target), lambda answer: self._decoded(answer, shape))

    def _decoded(self, answer: Answer, shape: type[T]) -> T:
        if answer.status == 404:
            raise self._rejected("not found: the url is that of Redmine's own pages, the option project an identifier")
        if answer.is_empty:
            raise self._rejected(f"{answer.status} without a body")
        return msgspec.json.decode(answer.body, type=shape)

    def _rejected(self, detail: str) -> Rejected:
        return Rejected(self._http.name, detail)
