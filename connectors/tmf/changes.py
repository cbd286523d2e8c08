"""What changed since a time in one resource of a TM Forum server: by filter and order, as the profile has them."""

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from connectors.errors import NotSupported, TooMuch
from connectors.http.client import HttpClient
from connectors.reading.changes import LAST, ChangesPage, TooManyChanges, last_of_all, newest_first
from connectors.reading.order import Order
from connectors.records import Changed, Record, Window
from connectors.tmf.collection import Collection
from connectors.tmf.kinds import date
from connectors.tmf.mapping import Mapping, source
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.reader import Reader

_STEPS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=30), timedelta(days=3650))
"""How far back the last change is looked for where the system cannot sort."""


class _Times(Record, frozen=True, kw_only=True):
    """When a row changed and when it was made, as far as the server says."""

    id: str
    changed_at: datetime | None = None
    created_at: datetime | None = None


@cache
def _times_of(changed: str, created: str) -> Mapping[_Times]:
    """The same for all installations whose resources have these attributes, as all mappings are."""
    return Mapping(_Times, changed_at=source(changed, date), created_at=source(created, date))


class Changes:
    """The changes of one resource. `changed` are attributes with the time of the last change, the best one first."""

    def __init__(
        self, http: HttpClient, profile: Profile, reader: Reader, path: str, created: str, changed: Sequence[str]
    ) -> None:
        self._http, own = http, profile.for_resource(path)
        self._resource, self._most = path.rpartition("/")[2], http.system.max_rows
        self._changed = next((name for name in changed if name not in own.absent), None)
        told = self._changed or changed[0]
        self._rows = Collection(http, profile, path, _times_of(told, created).bound(reader, profile.version))
        self._order = Order(f"-{told}", "changed_at")
        self._condition = f"{told}.gte"
        self._filters, self._sorts = own.understands(self._condition), own.sort
        self._reads_everything = own.read_everything

    @property
    def unsupported(self) -> str | None:
        """Why the system cannot be asked what changed; None where it can."""
        if self._rows.askable.reason_missing:
            return self._rows.askable.reason_missing
        if self._changed is None:
            return f"This installation does not say when its {self._resource} last changed."
        if self._filters or self._sorts or self._reads_everything:
            return None
        return f"This installation can neither filter nor sort its {self._resource} by the time of the last change."

    async def since(self, moment: datetime | None) -> Sequence[Changed]:
        """What a port promises of its methods named ..._changed. Raises `ConnectorError`."""
        if (reason := self.unsupported) is not None:
            raise NotSupported(self._http.name, reason)
        if moment is not None:
            return await self._since(moment)
        if self._sorts:
            return (await self._page([], Window(0, LAST))).changes
        if self._filters:
            return await last_of_all(self._since, _STEPS)
        return await self._since(datetime.now(UTC) - _STEPS[-1])

    async def _since(self, moment: datetime) -> Sequence[Changed]:
        moment = moment.astimezone(UTC).replace(microsecond=0)  # some servers compare whole seconds
        value = moment.isoformat().replace("+00:00", "Z")
        filters: Filters = [(self._condition, [value])] if self._filters else []

        async def read(window: Window) -> ChangesPage:
            return await self._page(filters, window)

        try:
            return await newest_first(
                read,
                moment,
                self._rows.warn_once,
                asked=self._condition if self._filters else "",
                sorts=self._sorts,
                most=self._most,
            )
        except TooManyChanges as error:
            detail = f"{self._rows.path}: more than max_rows = {self._most} rows changed since {value}"
            raise TooMuch(self._http.name, detail) from error

    async def _page(self, filters: Filters, window: Window) -> ChangesPage:
        page = await self._rows.page(filters, window, fields=None, order=self._order)
        record = self._rows.record_factory(None)
        times: list[_Times] = list(map(record, page.rows))
        changes = [
            Changed(id=one.id, changed_at=at, created_at=one.created_at)
            for one in times
            if (at := one.changed_at or one.created_at) is not None
        ]
        return ChangesPage(changes, len(page.entries))


def unsupported_changes(methods: MappingOf[str, Changes]) -> dict[str, str]:
    """The methods of a port that an installation does not support, with reasons."""
    return {name: reason for name, one in methods.items() if (reason := one.unsupported) is not None}
