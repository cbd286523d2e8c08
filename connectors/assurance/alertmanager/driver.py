"""Outages by Prometheus Alertmanager (API v2). Tested with 0.25.

An outage is a group of alerts that fire, by the options. Its id is what its labels of `group_by` are: alerts come and
go while it lasts, and all that stays is where it is. When the same fault comes again, it is the same id with a later
`started_at`. That is the earliest start of the alerts that still fire.

Alertmanager forgets an alert when it ends. For a while an outage that has ended is known to the processes that have
read it, or were posted its end: `known` says how. `resolved_at` is known from the webhook only, which one process is
posted and all are told of.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from connectors.assurance.alertmanager.client import AlertmanagerApi, is_value, one_of
from connectors.assurance.alertmanager.events import AlertmanagerEvents
from connectors.assurance.alertmanager.known import KnownOutages
from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.assurance.alertmanager.rows import SILENCED, AlertGroup, AlertRow, Records, Rule, digest, silences_of
from connectors.assurance.port import Outage
from connectors.errors import ConnectorError, Garbled, NotSupported
from connectors.events.hints import Change, Hint, Source
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import group_by_key
from connectors.reading.order import Order, sorted_records
from connectors.reading.rows import Batch, Identified, RowPage
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Fields, Found, Rows, Window

_NEWEST: Final = Order("-startsAt", "started_at")


class _Made(Identified):
    """An outage, in place of the row that it was made of."""

    outage: Outage


class AlertmanagerAssurance:
    """The assurance port over Alertmanager.

    The system's url is that of Alertmanager's pages, without /api/v2. Calls: one for a list; one for ids; one for
    services or resources that nothing is known to have happened to, and one more for the whole of what is found. Each
    silence that decides an outage's state is a call.
    """

    telling: ClassVar[Telling] = Telling.POST

    def __init__(self, http: HttpClient, options: AlertmanagerOptions) -> None:
        self.http, self._options = http, options
        warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._rule, self._known = Rule(options), KnownOutages(options.ended_known, http.system.max_rows)
        self._records = Records(warn_once, options, self._rule)
        self._api = AlertmanagerApi(http, options, warn_once)
        self.events = AlertmanagerEvents(http.name, self._rule, self._records, self._known, warn_once)
        none = "The options name no label with the {}."
        self.unsupported: Mapping[str, str] = {
            "Outage.ticket_ids": "Alertmanager knows no tickets.",
            **({} if options.service_label else {"open_outages_of_services": none.format("service")}),
            **({} if options.resource_label else {"open_outages_of_resources": none.format("resource")}),
        }
        self.one_by_one = {"Outage.state": "A call for each silence that covers a whole outage."}

    async def probe(self) -> None:
        """Read when it was started."""
        await self._api.started_at()

    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        """One call. Those that have ended a short while ago are found, if this process knows of them."""
        found: dict[str, Outage | ConnectorError] = {}
        missed: list[str] = []
        for batch in await self._by_ids(ids, fields):
            if batch.failure:
                found.update(dict.fromkeys(batch.keys, batch.failure))
                continue
            there = {str(one.id): one.outage for one in batch.rows}
            gone = [key for key in batch.keys if key not in there]
            if batch.unreadable:
                found.update({key: self._unreadable(key) for key in gone})
            else:
                missed += gone
            found |= {key: there[key] for key in batch.keys if key in there}
        await self._have_ended(missed)
        for key in missed:
            if (one := self._known.over(key) or self._known.firing(key)) is not None:
                found[key] = one
        return found

    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        """One call for all that fire. Of those that have ended only some are known: such a list has no total."""
        page = await self._api.alerts([])
        outages = [one.outage for one in await self._made(self._readable(page), fields)]
        if is_open is not True:
            self._known.forget_old(datetime.now(UTC))
            firing = {one.id for one in outages}
            outages = outages if is_open is None else []
            outages += [one for one in self._known.all_over() if one.id not in firing]

        def wanted(one: Outage) -> bool:
            began = one.started_at
            return (since is None and until is None) or (
                began is not None and (since is None or began >= since) and (until is None or began < until)
            )

        items = sorted_records([one for one in outages if wanted(one)], _NEWEST)
        unread = len(page.unreadable)
        total = len(items) if is_open is True and not unread else None
        return Rows(items, 0, total, complete=True, unread=unread)

    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        return await self._affecting("open_outages_of_services", self._options.service_label, service_ids, fields)

    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        return await self._affecting("open_outages_of_resources", self._options.resource_label, resource_ids, fields)

    async def outages_changed(self, since: datetime | None) -> Sequence[Changed]:
        """One call. What changes of an outage has no time in Alertmanager: it is when this process saw it."""
        page = await self._api.alerts([])
        groups = self._rule.grouped(self._readable(page).rows)
        self._seen(groups)
        if not page.unreadable:
            there = {str(one.id) for one in groups}
            await self._have_ended([key for key in self._known.all_firing() if key not in there])
        return self._known.changed(since)

    def heard(self, hint: Hint) -> None:
        """An end that the webhook told another process is believed here, too (`connectors.events.speaking.Heard`)."""
        if hint.type == "Outage" and hint.source is Source.WEBHOOK and hint.change is Change.REMOVED:
            self._known.told_gone(hint.id, datetime.fromtimestamp(hint.at, UTC))

    async def _affecting(
        self, method: str, label: str, keys: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        if not label:
            raise NotSupported(self.http.name, self.unsupported[method])
        asked = [key for key in dict.fromkeys(keys) if is_value(key)]
        chunks = self._api.chunks(asked, lambda key: one_of(label, [key]))

        async def ask(part: Sequence[str]) -> Batch[_Made]:
            try:
                page = self._readable(await self._api.alerts([one_of(label, part)], part))
                groups = self._rule.grouped(page.rows)
                whole = await self._by_ids([str(one.id) for one in groups], fields)
                if failure := next((one.failure for one in whole if one.failure), None):
                    return Batch(part, (), failure)
                rows = [row for one in whole for row in one.rows]
                return Batch(part, rows, None, [*page.unreadable, *(row for one in whole for row in one.unreadable)])
            except ConnectorError as failure:
                return Batch(part, (), failure)

        batches = list(await run_concurrently([ask(part) for part in chunks.parts]))
        batches += [Batch([key], (), self._api.too_long(key)) for key in chunks.too_long]
        attribute = "service_ids" if method == "open_outages_of_services" else "resource_ids"
        return await group_by_key(
            batches,
            lambda made: made.outage,
            lambda outage: getattr(outage, attribute),
            order=_NEWEST,
            unreadable=self._unreadable,
        )

    async def _by_ids(self, ids: Iterable[str], fields: Fields | None) -> list[Batch[_Made]]:
        """The outages with these ids that fire, whole."""
        labels = self._options.group_by
        values = {key: found for key in dict.fromkeys(ids) if (found := self._rule.values(key)) is not None}
        asked = [key for key, found in values.items() if all(not one or is_value(one) for one in found)]

        def written(key: str) -> str:
            return "&".join(one_of(label, [value]) for label, value in zip(labels, values[key], strict=True))

        async def ask(part: Sequence[str]) -> Batch[_Made]:
            parts = [
                one_of(label, list(dict.fromkeys(values[key][place] for key in part)))
                for place, label in enumerate(labels)
            ]
            try:
                page = self._readable(await self._api.alerts(parts, part))
                wanted = set(part)
                rows = [one for one in await self._made(page, fields) if one.id in wanted]
                return Batch(part, rows, None, page.unreadable)
            except ConnectorError as failure:
                return Batch(part, (), failure)

        chunks = self._api.chunks(asked, written)
        batches = await run_concurrently([ask(part) for part in chunks.parts]) if chunks.parts else ()
        return [*batches, *(Batch([key], (), self._api.too_long(key)) for key in chunks.too_long)]

    async def _made(self, page: RowPage[AlertRow], fields: Fields | None) -> list[_Made]:
        """The outages among the alerts of a page, each with all its alerts. Raises `ConnectorError`."""
        groups = self._rule.grouped(page.rows)
        self._seen(groups)
        reads = fields is None or not fields.isdisjoint(SILENCED)
        silences = await self._api.silences(silences_of(groups)) if reads else {}
        return [_Made(one.id, self._records.outage(one, silences)) for one in groups]

    def _seen(self, groups: Iterable[AlertGroup]) -> None:
        now = datetime.now(UTC)
        self._known.forget_old(now)
        for one in groups:
            self._known.saw(self._records.outage(one, None), digest(one), now)

    async def _have_ended(self, ids: Sequence[str]) -> None:
        """Note that these are not there, unless Alertmanager was started so lately that it may not know them yet."""
        now = datetime.now(UTC)
        firing = [
            key for key in ids if self._known.firing(key) is not None and not self._known.missed_as_told(key, now)
        ]
        if not firing:
            return
        if now - await self._api.started_at() < timedelta(seconds=self._options.restarted):
            return
        for key in firing:
            self._known.missed(key, now)

    def _readable(self, page: RowPage[AlertRow]) -> RowPage[AlertRow]:
        if page.unreadable and not page.rows:
            raise Garbled(self.http.name, f"none of the {len(page.unreadable)} alerts that came can be read")
        return page

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self.http.name, f"an alert that may be of {key} cannot be read")
