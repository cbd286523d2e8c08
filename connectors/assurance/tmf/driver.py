"""Outages by TM Forum v4 and v5: TMF656 Service Problem."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, ClassVar, Final

from connectors.assurance.port import ENDED, Outage, OutageState
from connectors.assurance.tmf.rows import OUTAGE
from connectors.errors import TooMuch
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.reading.grouping import map_rows
from connectors.reading.order import Order
from connectors.records import Changed, Fields, Found, Rows, Window
from connectors.tmf.capabilities import RequiredFilter, one_by_one, unsupported
from connectors.tmf.changes import Changes, unsupported_changes
from connectors.tmf.collection import Collection
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import all_under, list_page
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.statuses import Statuses, with_status
from connectors.tmf.versions import SPELLINGS

_NEWEST: Final = Order("-creationDate", "started_at")
_STATE: Final = enum_table(OutageState)
_ALWAYS: Final = {"gte": datetime(1970, 1, 1, tzinfo=UTC), "lt": datetime(2200, 1, 1, tzinfo=UTC)}
"""Between these any outage began."""


class TmfAssurance:
    """The assurance port over TM Forum v4 and v5."""

    telling: ClassVar[Telling] = Telling.HUB

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http = http
        self._reader = Reader(http.name, profile, http.system.customer_key, http.health)
        problems = SPELLINGS[profile.version].path("/tmf-api/serviceProblemManagement/v4/serviceProblem")
        words = [one.value for one in OutageState]
        self._statuses = Statuses(self._reader, profile, words, ENDED, OutageState.UNKNOWN.value)
        states = self._statuses.decoder(lambda: self._problems, _STATE, OutageState.UNKNOWN)
        outage = OUTAGE.bound(self._reader, profile.version, state=states.__getitem__)
        self._problems = Collection(http, profile, problems, outage)
        self._knows_operators = self._misses_operators = False
        """Whether .gte and .lt have found something, or nothing where there is something."""
        self.events = TmfEvents(http.name, profile, [problems])
        questions: dict[str, Sequence[RequiredFilter]] = {
            "open_outages_of_services": [(self._problems, "affectedService.id")],
            "open_outages_of_resources": [(self._problems, "affectedResource.id")],
        }
        self._changes = Changes(http, profile, self._reader, problems, "creationDate", ["lastUpdate"])
        self.unsupported: Mapping[str, str] = {
            **unsupported(
                questions,
                {Outage: self._problems},
                {"outages": self._problems, "outage_list": self._problems},
            ),
            **unsupported_changes({"outages_changed": self._changes}),
        }
        self.one_by_one = one_by_one(questions, {"outages": self._problems})

    @property
    def empty_is_404(self) -> bool:
        """Whether this installation answers an empty list with 404."""
        return self._problems.profile.empty_is_404

    async def probe(self) -> None:
        """Read one outage with its status, so that status words of the system's own are noticed early."""
        fields = frozenset({"state"})
        page = await self._problems.page([], Window(0, 1), fields=fields)
        list(map(self._problems.record_factory(fields), page.rows))

    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        return map_rows(await self._problems.by_ids(ids, fields), self._problems.record_factory(fields))

    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        status = self._statuses.filters(is_open)
        dates = [(f"creationDate.{name}", [_utc(at)]) for name, at in (("gte", since), ("lt", until)) if at]
        asked = with_status(fields, is_open)

        def wanted(outage: Outage) -> bool:
            if is_open is not None and outage.is_open is not is_open:
                return False
            began = outage.started_at
            return not dates or (
                began is not None and (since is None or began >= since) and (until is None or began < until)
            )

        def unclear(row: Any, outage: Outage) -> bool:
            is_other = is_open is not None and outage.is_open is not is_open
            return bool(dates) and not is_other and self._reader.is_unclear(row.creation_date)

        async def found_by(filters: Filters, window: Window | None) -> Rows[Outage]:
            return await list_page(
                self._problems,
                filters,
                window,
                fields=asked if asked is None or not dates else asked | {"started_at"},
                order=_NEWEST,
                wanted=wanted,
                unclear=unclear,
            )

        if dates and self._misses_operators:
            return await found_by(status, None)
        found = await found_by([*status, *dates], window if is_open is None or status else None)
        is_sent = bool(dates) and self._problems.askable.can_apply(dates)
        if not is_sent or self._knows_operators or window.offset:
            return found
        # Nothing began then; or the system takes the operator for a part of the attribute's name, which no row has.
        if found.items or found.unread or await self._finds_any([name for name, _ in dates]):
            self._knows_operators = True
            return found
        try:
            everything = await found_by(status, None)
        except TooMuch:
            return found
        if not everything.items:
            return found
        self._misses_operators = True
        self._problems.warn_once(
            "finds nothing under creationDate.gte and .lt, although there is something: set operators = false"
        )
        return everything

    async def _finds_any(self, conditions: Sequence[str]) -> bool:
        """Whether the system finds an outage under conditions that hold for each."""
        page = await self._problems.page(
            [(one, [_utc(_ALWAYS[one.rpartition(".")[2]])]) for one in conditions],
            Window(0, 1),
            fields=frozenset({"started_at"}),
        )
        return bool(page.entries)

    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        return await self._open_outages("affectedService.id", service_ids, "service_ids", fields)

    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        return await self._open_outages("affectedResource.id", resource_ids, "resource_ids", fields)

    async def outages_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._changes.since(since)

    async def _open_outages(
        self, parameter: str, keys: Sequence[str], attribute: str, fields: Fields | None
    ) -> Found[Rows[Outage]]:
        keys_of: Callable[[Outage], tuple[str, ...]] = attrgetter(attribute)
        return await all_under(
            self._problems,
            parameter,
            keys,
            keys_of,
            fields=None if fields is None else fields | {attribute, "is_open"},
            filters=self._statuses.filters(True),
            wanted=lambda outage: outage.is_open,
        )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
