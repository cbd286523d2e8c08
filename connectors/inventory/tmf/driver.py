"""Network inventory by TM Forum v4 and v5: TMF638 Service, TMF639 Resource, TMF674 Geographic Site."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from connectors.errors import ConnectorError
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.inventory.port import Resource, Service, Site
from connectors.inventory.tmf.rows import RESOURCE, SERVICE, SITE
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import group_by_key, map_rows
from connectors.reading.order import BY_ID
from connectors.reading.rows import Batch
from connectors.reading.texts import contains, forms, same
from connectors.records import Fields, Found, Rows, Window, changed
from connectors.tmf.capabilities import RequiredFilter, existing, one_by_one, unsupported
from connectors.tmf.collection import Collection
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import list_page, page_under
from connectors.tmf.mapping import BoundMapping
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.versions import GEOGRAPHIC_SITE, SPELLINGS

_RESOURCE_FACING: Final = frozenset({"rfs", "resourcefacingservice"})


class _Services(Collection[Service]):
    """Services. Their supporting services are read too if the server sends only references to them."""

    def __init__(self, http: HttpClient, profile: Profile, path: str, mapping: BoundMapping[Service]) -> None:
        super().__init__(http, profile, path, mapping)
        # Another collection, so that parts of parts are not read: a circle of services would never end.
        self._parts = Collection(http, profile, path, mapping)

    async def _complete(self, rows: Sequence[Any], fields: Fields | None) -> None:
        if self.profile.service_parts != "reference" or (fields is not None and "resource_ids" not in fields):
            return
        unread = [
            (str(part.id), part)
            for row in rows
            for part in row.supporting_service or ()
            if part.id is not None and part.supporting_resource is None
        ]
        found = await self._parts.by_ids(sorted({key for key, _ in unread}), frozenset({"resource_ids"}))
        for key, part in unread:
            below = found.get(key)
            if isinstance(below, ConnectorError):
                raise below
            part.supporting_resource = below.supporting_resource if below else None


_THROUGH: Final = {
    "value": ["supportingService.supportingResource.id"],
    "flat": ["supportingResource.id"],
    "reference": ["supportingResource.id", "supportingService.id"],
}
"""The filters that find services by their resources, by the profile's `service_parts`."""
_SEARCHED: Final = ("serialNumber", "name.regex")


class TmfInventory:
    """The inventory port over TM Forum v4 and v5."""

    telling: ClassVar[Telling] = Telling.HUB

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        mapped_by = Reader(http.name, profile, http.system.customer_key, http.health), profile.version
        self._spelled = SPELLINGS[profile.version]
        resources = self._spelled.path("/tmf-api/resourceInventoryManagement/v4/resource")
        services = self._spelled.path("/tmf-api/serviceInventory/v4/service")
        self._services = _Services(http, profile, services, SERVICE.bound(*mapped_by))
        self._resources = Collection(http, profile, resources, RESOURCE.bound(*mapped_by))
        self._sites = Collection(http, profile, self._spelled.path(GEOGRAPHIC_SITE), SITE.bound(*mapped_by))
        self.events = TmfEvents(http.name, profile, [resources, services])
        questions: dict[str, Sequence[RequiredFilter]] = {
            "services_of_customers": [(self._services, self._spelled.filter("relatedParty.id"))],
            "services_of_resources": [(self._services, one) for one in _THROUGH[profile.service_parts]],
            "resources_named": [(self._resources, one) for one in _SEARCHED],
        }
        self._unsupported = unsupported(
            questions,
            {Service: self._services, Resource: self._resources, Site: self._sites},
            {
                "services": self._services,
                "resources": self._resources,
                "resource_list": self._resources,
                "sites": self._sites,
            },
        )
        self.one_by_one = one_by_one(
            questions, {"services": self._services, "resources": self._resources, "sites": self._sites}
        )

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods and attributes that this installation does not support according to its profile, with reasons."""
        return self._unsupported

    @property
    def empty_is_404(self) -> bool:
        """Whether this installation answers an empty list with 404."""
        return self._services.profile.empty_is_404

    async def probe(self) -> None:
        await existing(self._services, self._resources, self._sites).page([], Window(0, 1), fields=frozenset())

    async def services(self, ids: Sequence[str], fields: Fields | None) -> Found[Service]:
        return map_rows(await self._services.by_ids(ids, fields), self._services.record_factory(fields))

    async def services_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Service]]:
        """Resource-facing services are left out: they are parts of the customer's services."""
        return await page_under(
            self._services,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window,
            lambda service: service.customer_ids,
            fields=fields,
            order=BY_ID,
            wanted=_customer_facing,
        )

    async def services_of_resources(self, resource_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Service]]:
        """TMF639 has no reference from resource to service, so services are filtered by their resources."""
        asked = None if fields is None else fields | {"resource_ids"}
        match self._profile.service_parts:
            case "value":
                parameter = "supportingService.supportingResource.id"
                batches = await self._services.by_keys(parameter, resource_ids, fields=asked)
            case "flat":
                batches = await self._services.by_keys("supportingResource.id", resource_ids, fields=asked)
            case "reference":
                batches = await self._above(resource_ids, fields)
        return await group_by_key(
            batches,
            self._services.record_factory(asked),
            lambda service: service.resource_ids,
            _customer_facing,
            unreadable=self._services.unreadable,
        )

    async def _above(self, resource_ids: Sequence[str], fields: Fields | None) -> list[Batch[Any]]:
        """Services that name the resources, and services supported by these. The keys are the resources'."""

        self._services.askable.require_filters(*_THROUGH["reference"])
        below_fields = None if fields is None else fields | {"resource_ids"}
        above_fields = None if fields is None else fields | {"part_ids"}

        async def step(below: Batch[Any]) -> Batch[Any]:
            parts = {str(row.id): row for row in below.rows}
            rows, unreadable = dict(parts), [*below.unreadable]
            for above in await self._services.by_keys("supportingService.id", list(parts), fields=above_fields):
                if above.failure:
                    return Batch(below.keys, (), above.failure)
                unreadable += above.unreadable
                for row in above.rows:
                    rows[str(row.id)] = _over(row, parts)
            return Batch(below.keys, list(rows.values()), below.failure, unreadable)

        batches = await self._services.by_keys("supportingResource.id", resource_ids, fields=below_fields)
        return list(await run_concurrently([step(batch) for batch in batches]))

    async def resources(self, ids: Sequence[str], fields: Fields | None) -> Found[Resource]:
        return map_rows(await self._resources.by_ids(ids, fields), self._resources.record_factory(fields))

    async def resource_list(self, window: Window, fields: Fields | None) -> Rows[Resource]:
        return await list_page(self._resources, [], window, fields=fields, order=BY_ID)

    async def resources_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        """TMF630 has no OR over two attributes, so two requests are sent concurrently."""
        sought = text.strip()
        if not sought:
            return Rows.of(())
        self._resources.askable.require_filters(*_SEARCHED)
        asked = None if fields is None else fields | {"name", "serial_number"}
        if not all(map(self._resources.profile.understands, _SEARCHED)):
            return await self._among_all(sought, asked)
        numbered, named = await run_concurrently([self._numbered(sought, asked), self._named(sought, window, asked)])
        before = len(numbered.items)
        if before and window.offset and not named.complete:
            named = await self._named(sought, Window(max(0, window.offset - before), window.limit), asked)
        total = None if numbered.total is None or named.total is None else before + named.total
        if named.complete:
            return Rows([*numbered.items, *named.items], 0, total, complete=True)
        items = [*numbered.items[window.offset :], *named.items]
        return Rows(items[: window.limit], window.offset, total, complete=False)

    async def _among_all(self, text: str, fields: Fields | None) -> Rows[Resource]:
        """The same from the whole list, read once, as the system can be asked for only one of both, or for neither."""
        found = await list_page(
            self._resources,
            [],
            None,
            fields=fields,
            order=BY_ID,
            wanted=lambda one: same(one.serial_number, text) or contains(one.name, text),
            keys=[text],
        )
        named = [one for one in found.items if contains(one.name, text)]
        return changed(found, items=[*(one for one in found.items if not contains(one.name, text)), *named])

    async def _numbered(self, text: str, fields: Fields | None) -> Rows[Resource]:
        """All resources with this serial number, except those that `_named` finds."""
        return await list_page(
            self._resources,
            [("serialNumber", forms(text))],
            None,
            fields=fields,
            order=BY_ID,
            wanted=lambda one: same(one.serial_number, text) and not contains(one.name, text),
            keys=[text],
        )

    async def _named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        return await list_page(
            self._resources,
            [self._resources.contains_filter("name", text)],
            window,
            fields=fields,
            order=BY_ID,
            wanted=lambda one: contains(one.name, text),
            keys=[text],
        )

    async def sites(self, ids: Sequence[str], fields: Fields | None) -> Found[Site]:
        return map_rows(await self._sites.by_ids(ids, fields), self._sites.record_factory(fields))


def _customer_facing(service: Service) -> bool:
    return (service.category or "").casefold() not in _RESOURCE_FACING


def _over(row: Any, parts: Mapping[str, Any]) -> Any:
    """The row, with the resources of its parts filled in from `parts`."""
    for part in row.supporting_service or ():
        if part.supporting_resource is None and (below := parts.get(str(part.id))):
            part.supporting_resource = below.supporting_resource
    return row
