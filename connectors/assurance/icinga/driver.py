"""Outages by Icinga 2's API. Tested with 2.13.

An outage is a host or a service with a problem, by the options; its id is the full name of the object, because all
times that Icinga keeps of a problem change while it lasts. When the same object has a problem again, it is the same id
with a later `started_at`. A problem on a host that is down, or of a host behind one that is down, is a part of that
host's outage: it is found by its id, and not listed.

Icinga keeps the latest change only: of an outage that has ended, begin and end are known until the next one.
"""

from collections.abc import AsyncGenerator, Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connectors.assurance.icinga.changes import Changes
from connectors.assurance.icinga.client import HOST, IcingaApi, Question, written
from connectors.assurance.icinga.network import IS_DOWN, NOTHING_DOWN, Network, Networks
from connectors.assurance.icinga.options import IcingaOptions
from connectors.assurance.icinga.records import Records
from connectors.assurance.icinga.rows import ObjectRow, OutageRow, attributes
from connectors.assurance.icinga.stream import IcingaStream
from connectors.assurance.port import Outage
from connectors.errors import Garbled, NotSupported
from connectors.events.hints import Hint
from connectors.http.client import HttpClient
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import group_by_key, map_rows, match_ids
from connectors.reading.order import Order, sorted_records
from connectors.reading.rows import Batch, RowPage, Unreadable
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Fields, Found, Rows, Window

_NEWEST: Final = Order("-last_hard_state_change", "started_at")

Part = tuple[list[OutageRow], list[Unreadable]]


class IcingaAssurance:
    """The assurance port over Icinga 2. The system's url ends before /v1.

    Calls: one for hosts and one for services, and three for all that is behind hosts that are down, if any are.
    """

    def __init__(self, http: HttpClient, options: IcingaOptions) -> None:
        self.http, self._options = http, options
        warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._records = Records(options)
        self._api = IcingaApi(http, options, warn_once)
        self._networks = Networks(self._api, self._records)
        self._changes = Changes(self._api, self._records, http.system.max_calls // 2)
        self._stream = IcingaStream(http, frozenset[str](options.severities), options.quiet, warn_once)
        self.unsupported: Mapping[str, str] = {
            "Outage.ticket_ids": "Icinga knows no tickets.",
            **(
                {}
                if options.service_variable
                else {"open_outages_of_services": "The options name no variable with the service."}
            ),
        }

    async def probe(self) -> None:
        """Read Icinga's own status."""
        await self._api.version()

    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        """The latest outage of each object: one that is open, or ended not longer ago than the options say."""
        services, hosts = ([key for key in ids if ("!" in key) is is_service] for is_service in (True, False))
        batches = await run_concurrently(
            [
                self._api.in_parts(services, lambda part: self._services_by_id(part, fields)),
                self._api.in_parts(hosts, lambda part: self._hosts_by_id(part, fields)),
            ]
        )
        found = match_ids([one for some in batches for one in some], self._unreadable)
        return map_rows(found, lambda row: row.outage)

    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        """All that are open; of those that have ended the latest of each object: such a list has no total."""
        asked = [self._open] if is_open is not False else []
        asked += [self._ended] if is_open is not True else []
        parts = await run_concurrently([ask(fields) for ask in asked])
        rows = {one.id: one.outage for found, _ in parts for one in found}
        unreadable = [one for _, some in parts for one in some]
        if unreadable and not rows:
            raise Garbled(self.http.name, f"none of the {len(unreadable)} objects that came can be read")

        def wanted(one: Outage) -> bool:
            began = one.started_at
            return (since is None and until is None) or (
                began is not None and (since is None or began >= since) and (until is None or began < until)
            )

        items = sorted_records([one for one in rows.values() if wanted(one)], _NEWEST)
        total = len(items) if is_open is True and not unreadable else None
        return Rows(items, 0, total, complete=True, unread=len(unreadable))

    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        """One call; three more if a host of these services is down."""
        name = self._options.service_variable
        if not name:
            raise NotSupported(self.http.name, self.unsupported["open_outages_of_services"])

        async def ask(part: Sequence[str]) -> Part:
            question = self._services("service.vars[k] in n", {"k": name, "n": written(part)}, fields)
            page = await self._api.objects(question, part)
            network = NOTHING_DOWN
            if self._records.host_words and any(row.host_may_be_down for row in page.rows):
                network = await self._networks.down(None if fields is None else fields | {"service_ids"}, part)
            own = [self._of_service(row) for row in page.rows if self._is_own(row, network.hosts)]
            return [*own, *self._of_hosts(network)], [*page.unreadable, *network.unreadable]

        batches = await self._api.in_parts(service_ids, ask)
        return await self._grouped(batches, lambda outage: outage.service_ids)

    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        """Two calls: for hosts, and for problems on them that name no service; three more if one is down."""
        name, number = self._options.resource_variable, self._options.service_variable
        is_asked = "host.vars[k] in n" if name else "host.name in n"
        nameless = f"({self._open_filter}) && {is_asked}" + (" && !service.vars[s]" if number else "")

        async def ask(part: Sequence[str]) -> Part:
            values = {"n": written(part), "k": name} if name else {"n": list(part)}
            hosts, services = await run_concurrently(
                [
                    self._api.objects(self._hosts(is_asked, values, fields), part),
                    self._api.objects(self._services(nameless, self._values | values | {"s": number}, fields), part),
                ]
            )
            down = {str(row.id) for row in hosts.rows if self._records.host_words and self._records.is_open(row)}
            own = [self._of_service(row) for row in services.rows if self._is_own(row, down)]
            network = await self._networks.down(fields, part) if down else NOTHING_DOWN
            return [*own, *self._of_hosts(network)], [*hosts.unreadable, *services.unreadable, *network.unreadable]

        batches = await self._api.in_parts(resource_ids, ask)
        return await self._grouped(batches, lambda outage: outage.resource_ids)

    async def outages_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._changes.since(since)

    def follow(self) -> AsyncGenerator[Sequence[Hint], None]:
        """Icinga's own event stream (`connectors.events.speaking.Follow`)."""
        return self._stream.follow()

    @property
    def _open_filter(self) -> str:
        """Services with an outage of their own. A host that does not count hides none."""
        own = "(service.problem && service.state_type == 1 && service.state in states) || service.flapping"
        if not self._records.host_words:
            return own
        counts = f"({self._options.host_filter}) && " if self._options.host_filter else ""
        return f"({own}) && !({counts}host.problem && host.state_type == 1)"

    @property
    def _values(self) -> dict[str, Any]:
        return {"states": list(self._records.service_words.values())}

    def _hosts(self, condition: str, values: Mapping[str, Any], fields: Fields | None) -> Question:
        return Question("hosts", condition, values, attributes("hosts", fields))

    def _services(self, condition: str, values: Mapping[str, Any], fields: Fields | None) -> Question:
        asked = attributes("services", fields)
        return Question("services", condition, values, asked, HOST)

    def _is_own(self, row: ObjectRow, down: Container[str]) -> bool:
        """Whether a service has an outage that is not its host's; `down`: the hosts that have one."""
        return self._records.is_open(row) and not (row.host_is_down and row.host_name in down)

    def _of_service(self, row: ObjectRow) -> OutageRow:
        return OutageRow(str(row.id), self._records.service(row))

    def _of_hosts(self, network: Network) -> list[OutageRow]:
        found = [network.outage(name) for name in network.roots]
        return [OutageRow(one.host.id, self._records.host(one)) for one in found]

    async def _open(self, fields: Fields | None) -> Part:
        asked: list[Any] = [self._open_hosts(fields), self._open_services(fields)]
        network, services = await run_concurrently(asked)
        own = [self._of_service(row) for row in services.rows if self._is_own(row, network.hosts)]
        return [*self._of_hosts(network), *own], [*network.unreadable, *services.unreadable]

    async def _open_hosts(self, fields: Fields | None) -> Network:
        return await self._networks.down(fields) if self._records.host_words else NOTHING_DOWN

    async def _open_services(self, fields: Fields | None) -> RowPage[ObjectRow]:
        if not self._records.service_words:
            return RowPage((), 0)
        return await self._api.objects(self._services(self._open_filter, self._values, fields))

    async def _ended(self, fields: Fields | None) -> Part:
        now = datetime.now(UTC).timestamp()
        values = {"age": self._options.ended_known}

        def condition(kind: str, words: Iterable[str]) -> str:
            was = " || ".join(f"{kind}.last_state_{word} > get_time() - age" for word in words)
            return f"({was}) && !{kind}.flapping"

        rows: list[OutageRow] = []
        lost: list[Unreadable] = []
        if self._records.service_words:
            page = await self._api.objects(
                self._services(condition("service", self._records.service_words), values, fields)
            )
            rows += [self._of_service(row) for row in page.rows if self._records.has_ended(row, now)]
            lost += page.unreadable
        if words := self._records.host_words:
            hosts = await self._api.objects(
                self._hosts(f"({condition('host', words)}) && !({IS_DOWN})", values, fields)
            )
            found, unreadable = await self._ended_hosts(hosts.rows, fields)
            rows, lost = rows + found, [*lost, *hosts.unreadable, *unreadable]
        return rows, lost

    async def _ended_hosts(self, hosts: Iterable[ObjectRow], fields: Fields | None, keys: Sequence[str] = ()) -> Part:
        now = datetime.now(UTC).timestamp()
        ended = [row for row in hosts if self._records.has_ended(row, now)]
        network = await self._networks.of_ended(ended, fields, keys)
        outages = [network.outage(str(row.id)) for row in ended]
        return [OutageRow(one.host.id, self._records.host(one)) for one in outages], list(network.unreadable)

    async def _services_by_id(self, part: Sequence[str], fields: Fields | None) -> Part:
        page = await self._api.objects(self._services("service.__name in n", {"n": list(part)}, fields), part)
        now = datetime.now(UTC).timestamp()
        counts = bool(self._records.service_words)
        rows = [
            row for row in page.rows if counts and (self._records.is_open(row) or self._records.has_ended(row, now))
        ]
        return [self._of_service(row) for row in rows], list(page.unreadable)

    async def _hosts_by_id(self, part: Sequence[str], fields: Fields | None) -> Part:
        if not self._records.host_words:
            return [], []
        page = await self._api.objects(self._hosts("host.name in n", {"n": list(part)}, fields), part)
        rows, lost = list[OutageRow](), list(page.unreadable)
        if any(self._records.is_open(row) for row in page.rows):
            network = await self._networks.down(fields, part)
            lost += network.unreadable
            found = [network.outage(key) for key in part if key in network.hosts]
            rows += [OutageRow(one.host.id, self._records.host(one)) for one in found]
        ended, unreadable = await self._ended_hosts(page.rows, fields, part)
        return [*rows, *ended], [*lost, *unreadable]

    async def _grouped(self, batches: Iterable[Batch[OutageRow]], keys_of: Any) -> Found[Rows[Outage]]:
        return await group_by_key(batches, lambda row: row.outage, keys_of, order=_NEWEST, unreadable=self._unreadable)

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self.http.name, f"an object that may be {key} cannot be read")
