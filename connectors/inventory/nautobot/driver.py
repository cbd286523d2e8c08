"""Network inventory by Nautobot: circuits are services; devices, interfaces and addresses are resources.

A service is a circuit with a service number, and the number is its id: tickets and bills use it, and it stays when a
circuit is deleted and created again. Nautobot's UUID is unknown elsewhere, and the circuit id (`cid`) is unique per
provider only. The number is a custom field, which interfaces and IP addresses that carry a service have too. Resources
are identified by their UUIDs.

Docstrings tell the calls that a method takes for up to `max_keys` keys (see `client`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from connectors.errors import ConnectorError, Garbled
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.inventory.nautobot.client import Lists, NautobotGraphql, decoded, is_filter_value, uuids
from connectors.inventory.nautobot.events import NautobotEvents
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.nautobot.rows import (
    ADDRESS,
    CIRCUIT,
    DEVICE,
    INTERFACE,
    LOCATION,
    AddressRow,
    CarrierRow,
    CircuitRow,
    DeviceRow,
    InterfaceRow,
    LocationRow,
    Records,
    TenantRow,
    selection,
    text,
)
from connectors.inventory.port import Resource, Service, Site
from connectors.reading.concurrently import run_concurrently
from connectors.reading.order import BY_ID, sorted_records
from connectors.reading.rows import RowDecoder, Unreadable
from connectors.reading.texts import contains, forms, same
from connectors.reading.warn_once import WarnOnce
from connectors.records import Fields, Found, Rows, Window

_SEARCHED: Final = 100
"""Most hits of each type that a search reads with all fields; of more hits only the window's are."""


class NautobotDriver:
    """The inventory port over Nautobot. The system's address ends before /api; calls are per `max_keys` keys."""

    telling: ClassVar[Telling] = Telling.SIGNED

    unsupported: ClassVar[Mapping[str, str]] = {
        "Service.category": "Nautobot does not tell customer-facing circuits from others.",
        "Service.part_ids": "Nautobot has no services under a circuit, only what carries it.",
    }
    """Attributes of records that Nautobot does not support, with reasons."""

    def __init__(self, http: HttpClient, options: NautobotOptions) -> None:
        self.http = http
        self.events = NautobotEvents(http.name, options.service_number)
        self._graphql = NautobotGraphql(http, options.max_keys)
        # A custom field takes many values only with __ie.
        self._number = f"number:cf_{options.service_number}"
        self._by_number = f"cf_{options.service_number}__ie:$keys"
        customer = f"cf_{options.customer_number}" if options.customer_number else "name"
        self._customer = f"key:{customer}"
        self._by_customer = f"{customer}__ie:$keys" if options.customer_number else "name:$keys"
        warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._records = Records(warn_once, options)
        self._circuits = RowDecoder(CircuitRow, warn_once, ["number", "tenant"])
        self._tenants = RowDecoder(TenantRow, warn_once, ["key", "circuits"])
        self._carrier_rows = RowDecoder(CarrierRow, warn_once, ["number", "interfaces"])
        self._devices = RowDecoder(DeviceRow, warn_once)
        self._interfaces = RowDecoder(InterfaceRow, warn_once)
        self._addresses = RowDecoder(AddressRow, warn_once)
        self._locations = RowDecoder(LocationRow, warn_once)

    async def probe(self) -> None:
        """Read one row by GraphQL, which also makes the server process build its schema."""
        self._graphql.recheck_permissions()
        await self._graphql.everything(self._graphql.listing("circuits", "", "id", 1))

    async def services(self, ids: Sequence[str], fields: Fields | None) -> Found[Service]:
        """One call. A number that several circuits have is `Garbled`, because service and owner are ambiguous."""

        async def part(keys: Sequence[str]) -> Found[Service]:
            circuits = self._graphql.listing("circuits", self._by_number, self._circuit(fields))
            lists = await self._graphql.ask(circuits | self._carriers(fields), keys)
            read = await decoded(lists["circuits"], self._circuits)
            return self._graphql.match_keys(keys, await self._services(read.rows, lists), read.unreadable)

        return await self._graphql.ask_in_parts(ids, part)

    async def services_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Service]]:
        """One call, and one more for `resource_ids`, because interfaces name no tenant.

        Tenants are queried, because in a query of circuits one unknown tenant would fail the batch. The list is always
        complete: GraphQL cannot sort. A number that several circuits of the customer have is left out; if
        `resource_ids` are requested, also one that circuits of other customers have.
        """

        async def part(keys: Sequence[str]) -> Found[Rows[Service]]:
            inner = f"id {self._customer} circuits{{{self._circuit(fields)}}}"
            lists = await self._graphql.ask(self._graphql.listing("tenants", self._by_customer, inner), keys)
            tenants = await decoded(lists["tenants"], self._tenants)
            if tenants.unreadable and not tenants.rows:
                raise Garbled(self.http.name, "tenants: none of the rows that came can be read")
            unread = len(tenants.unreadable)
            raws = defaultdict[str, list[msgspec.Raw]](list)
            for tenant in tenants.rows:
                raws[text(tenant.key) or ""] += tenant.circuits or ()
            circuits = {key: await decoded(raws[key], self._circuits) for key in keys if raws[key]}
            self._graphql.check_row_limit("circuits", sum(len(raws[key]) for key in keys))
            for key, read in circuits.items():
                if read.unreadable and not read.rows:
                    raise Garbled(self.http.name, f"circuits: none of the rows of {key!r} can be read")
            if not circuits:
                await self._graphql.require_permission("circuits")
            below = await self._below([row for own in circuits.values() for row in own.rows], fields)
            anybodys = await decoded(below.get("circuits", ()), self._carrier_rows)
            if anybodys.unreadable:
                raise Garbled(self.http.name, "circuits: a service number cannot be read")
            elsewhere = Counter(text(row.number) for row in anybodys.rows)
            found: dict[str, Rows[Service]] = {}
            for key, read in circuits.items():
                services = [one for one in await self._services(read.rows, below) if key in one.customer_ids]
                times = Counter(one.id for one in services)
                own = [one for one in services if times[one.id] == 1 and elsewhere[one.id] <= 1]
                if len(own) < len(services):
                    self._records.warn_once(
                        "has service numbers on several circuits: these services have no owner and are left out"
                    )
                lost = unread + len(read.unreadable)
                total = None if lost or len(own) < len(services) else len(own)
                if total != 0:
                    found[key] = Rows(sorted_records(own, BY_ID), 0, total, complete=True, unread=lost)
            if unread:  # each of them may be any of the customers' that did not come
                found = {key: Rows((), 0, None, complete=True, unread=unread) for key in keys} | found
            return found

        return await self._graphql.ask_in_parts(customer_ids, part)

    async def services_of_resources(self, resource_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Service]]:
        """Two calls: for the service numbers of the resources, and for the circuits with these numbers.

        Where a row that came cannot be read, every resource without one is `Garbled`: it may be that one's.
        """

        async def part(keys: Sequence[str]) -> Found[Rows[Service]]:
            carried = f"interfaces{{{self._number}}}"
            lists = await self._graphql.ask(
                self._graphql.listing("devices", "id:$keys", f"id {carried}")
                | self._graphql.listing("interfaces", "id:$keys", f"id {self._number}")
                | self._graphql.listing("ip_addresses", "id:$keys", f"id {self._number} {carried}"),
                keys,
            )
            read = await decoded([row for each in lists.values() for row in each], self._carrier_rows)
            numbers = {str(row.id): [row.number, *(one.number for one in row.interfaces or ())] for row in read.rows}
            named = {
                key: [number for one in dict.fromkeys(numbers[key]) if (number := text(one))]
                for key in keys
                if key in numbers
            }
            services = await self.services([number for each in named.values() for number in each], fields)
            found: dict[str, Rows[Service] | ConnectorError] = {}
            if read.unreadable:  # each of them may be any resource that did not come
                lost = Garbled(self.http.name, "a device, an interface or an address cannot be read")
                found.update((key, lost) for key in keys if key not in numbers)
            for key, own in named.items():
                answers = [services[number] for number in own if number in services]
                failure = next((one for one in answers if isinstance(one, ConnectorError)), None)
                if failure is not None and not isinstance(failure, Garbled):
                    found[key] = failure
                elif answers:
                    standing = sorted_records([one for one in answers if isinstance(one, Service)], BY_ID)
                    found[key] = Rows(standing, 0, None if failure else len(standing), complete=True)
            return found

        return await self._graphql.ask_in_parts(uuids(resource_ids), part)

    async def resources(self, ids: Sequence[str], fields: Fields | None) -> Found[Resource]:
        """One call for devices, interfaces and addresses."""

        async def part(keys: Sequence[str]) -> Found[Resource]:
            lists = await self._graphql.ask(self._resource_lists("id:$keys", fields), keys)
            return self._graphql.match_keys(keys, *await self._resources(lists))

        return await self._graphql.ask_in_parts(uuids(ids), part)

    async def resource_list(self, window: Window, fields: Fields | None) -> Rows[Resource]:
        """Two calls: for all ids (up to max_rows of each type), and for the resources in the window."""
        everything, unreadable = await self._resources(
            await self._graphql.everything(self._resource_lists("", frozenset()))
        )
        self._some_readable(everything, unreadable)
        return await self._window(sorted_records(everything, BY_ID), window, fields, len(unreadable))

    async def resources_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        """One call for up to 100 hits of each type, three for more. An address is found by its DNS name."""
        sought = text.strip()
        if not is_filter_value(sought):
            return Rows.of(())
        compared = frozenset({"name", "serial_number"})
        lists = await self._search(sought, fields if fields is None else compared | fields, _SEARCHED + 1)
        if all(len(each) <= _SEARCHED for each in lists.values()):
            items, unread = await self._matching(sought, lists)
            return Rows(items, 0, None if unread else len(items), complete=True, unread=unread)
        lists = await self._search(sought, compared, self._graphql.limit)
        items, unread = await self._matching(sought, lists)
        return await self._window(items, window, fields, unread)

    async def sites(self, ids: Sequence[str], fields: Fields | None) -> Found[Site]:

        async def part(keys: Sequence[str]) -> Found[Site]:
            lists = await self._graphql.ask(
                self._graphql.listing("locations", "id:$keys", selection(LOCATION, fields)), keys
            )
            read = await decoded(lists["locations"], self._locations)
            return self._graphql.match_keys(keys, map(self._records.site, read.rows), read.unreadable)

        return await self._graphql.ask_in_parts(uuids(ids), part)

    def _circuit(self, fields: Fields | None) -> str:
        return selection(CIRCUIT, fields, self._number, f"tenant{{{self._customer}}}")

    def _carriers(self, fields: Fields | None) -> dict[str, str]:
        """The lists of interfaces and addresses by service number; none if `resource_ids` are not requested."""
        if fields is not None and "resource_ids" not in fields:
            return {}
        interface = f"id {self._number} device{{id}} ip_addresses{{id}}"
        return self._graphql.listing("interfaces", self._by_number, interface) | self._graphql.listing(
            "ip_addresses", self._by_number, f"id {self._number}"
        )

    async def _below(self, circuits: Sequence[CircuitRow], fields: Fields | None) -> Lists:
        """The interfaces, addresses and circuits with these circuits' numbers; none if they are not requested."""
        numbers, lists = [number for row in circuits if (number := text(row.number))], self._carriers(fields)
        if not numbers or not lists:
            return {}
        lists |= self._graphql.listing("circuits", self._by_number, f"id {self._number}")
        parts = await run_concurrently([self._graphql.ask(lists, some) for some in self._graphql.key_parts(numbers)])
        return {name: [row for part in parts for row in part[name]] for name in lists}

    async def _carrying(self, raws: Sequence[msgspec.Raw]) -> Sequence[CarrierRow]:
        read = await decoded(raws, self._carrier_rows)
        if read.unreadable:
            self._records.warn_once("has interfaces or addresses with a service that cannot be read: they are left out")
        return read.rows

    async def _services(self, rows: Sequence[CircuitRow], lists: Lists) -> list[Service]:
        """The circuits with a service number, with their resources: interfaces, the devices of these, addresses."""
        below = defaultdict[str | None, list[str]](list)
        for name in ("interfaces", "ip_addresses"):
            for row in await self._carrying(lists.get(name, ())):
                refs = [ref for ref in (row.device, *(row.ip_addresses or ())) if ref]
                below[text(row.number)] += [str(row.id), *(ref.id for ref in refs if ref.id)]
        services = [
            self._records.service(row, number, below.get(number, ())) for row in rows if (number := text(row.number))
        ]
        if len(services) < len(rows):
            self._records.warn_once("has circuits without a service number: they are not services")
        return services

    def _resource_lists(self, condition: str, fields: Fields | None) -> dict[str, str]:
        return (
            self._graphql.listing("devices", condition, selection(DEVICE, fields))
            | self._graphql.listing("interfaces", condition, selection(INTERFACE, fields))
            | self._graphql.listing("ip_addresses", condition, selection(ADDRESS, fields))
        )

    async def _resources(self, lists: Lists) -> tuple[list[Resource], list[Unreadable]]:
        devices = await decoded([*lists["devices"], *lists.get("serials", ())], self._devices)
        interfaces = await decoded(lists["interfaces"], self._interfaces)
        addresses = await decoded(lists["ip_addresses"], self._addresses)
        records = [
            *map(self._records.device, devices.rows),
            *map(self._records.interface, interfaces.rows),
            *map(self._records.address, addresses.rows),
        ]
        return records, [*devices.unreadable, *interfaces.unreadable, *addresses.unreadable]

    async def _search(self, sought: str, fields: Fields | None, limit: int) -> Lists:
        return await self._graphql.ask(
            self._graphql.listing("devices", "name__ic:$keys", selection(DEVICE, fields), limit)
            | self._graphql.listing("devices", "serial__ie:$keys", selection(DEVICE, fields), limit, "serials")
            | self._graphql.listing("interfaces", "name__ic:$keys", selection(INTERFACE, fields), limit)
            | self._graphql.listing("ip_addresses", "dns_name__ic:$keys", selection(ADDRESS, fields), limit),
            forms(sought),
        )

    async def _matching(self, sought: str, lists: Lists) -> tuple[list[Resource], int]:
        """The resources that match, in the port's order, and how many rows cannot be read.

        A device that matches twice comes once.
        """
        records, unreadable = await self._resources(lists)
        self._some_readable(records, unreadable)
        distinct = list({one.id: one for one in records}.values())
        named = [one for one in distinct if contains(one.name, sought)]
        numbered = [one for one in distinct if same(one.serial_number, sought) and one not in named]
        distinct_unread = {one.text for one in unreadable}
        return [*sorted_records(numbered, BY_ID), *sorted_records(named, BY_ID)], len(distinct_unread)

    async def _window(
        self, ordered: Sequence[Resource], window: Window, fields: Fields | None, unread: int
    ) -> Rows[Resource]:
        """The window's resources with all fields, without those deleted meanwhile. Raises the failure of any."""
        keys = [one.id for one in ordered[window.offset : window.offset + window.limit]]
        found = await self.resources(keys, fields)
        items: list[Resource] = []
        for key in keys:
            one = found.get(key)
            if isinstance(one, ConnectorError):
                raise one
            if one is not None:
                items.append(one)
        total = None if unread else len(ordered)
        return Rows(items, window.offset, total, complete=False, unread=unread)

    def _some_readable(self, records: Sequence[Resource], unreadable: Sequence[Unreadable]) -> None:
        if unreadable and not records:
            raise Garbled(self.http.name, f"none of the {len(unreadable)} resources that came can be read")
