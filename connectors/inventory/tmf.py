"""Network inventory by TM Forum v4: TMF638 Service, TMF639 Resource, TMF674 Geographic Site."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from connectors.errors import ConnectorError
from connectors.grouping import grouped, listed, mapped, narrowed
from connectors.http import HttpClient
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState, Site
from connectors.profile import Profile
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf630 import Batch, Collection
from connectors.tmf630_paging import Identified, together
from connectors.tmf630_query import BY_ID, Projection
from connectors.tmf_shapes import Many, Reader, Ref, RelatedParty, by_word, ids


class _Part(msgspec.Struct, rename="camel"):
    """A supporting service: by value with its resources, or only a reference (then `supporting_resource` is None)."""

    id: str | int | None = None
    supporting_resource: list[Ref] | None = None


class _Place(msgspec.Struct, rename="camel"):
    id: str | int | None = None
    referred_type: str | None = msgspec.field(name="@referredType", default=None)


class _Specification(msgspec.Struct):
    name: str | None = None


class _Service(Identified, rename="camel"):
    name: str | None = None
    category: str | None = None
    service_type: str | None = None
    state: str | None = None
    start_date: str | None = None
    place: Many[_Place] = None
    supporting_service: Many[_Part] = None
    supporting_resource: Many[Ref] = None
    related_party: Many[RelatedParty] = None


class _Resource(Identified, rename="camel"):
    name: str | None = None
    category: str | None = None
    type: str | None = msgspec.field(name="@type", default=None)
    resource_status: str | None = None
    serial_number: str | None = None
    value: str | int | None = None
    place: _Place | None = None
    resource_specification: _Specification | None = None


class _Site(Identified, rename="camel"):
    name: str | None = None
    status: str | None = None
    description: str | None = None


_SERVICE: Final = Projection(
    ["id", "category", "relatedParty"],
    {
        "part_ids": ["supportingService"],
        "resource_ids": ["supportingService", "supportingResource"],
        "site_id": ["place"],
        "name": ["name"],
        "service_type": ["serviceType"],
        "state": ["state"],
        "raw_state": ["state"],
        "started_at": ["startDate"],
    },
)
_RESOURCE: Final = Projection(
    ["id"],
    {
        "name": ["name"],
        "kind": ["category", "resourceSpecification"],
        "is_physical": ["@type"],
        "status": ["resourceStatus"],
        "raw_status": ["resourceStatus"],
        "serial_number": ["serialNumber"],
        "value": ["value"],
        "site_id": ["place"],
    },
)
_SITE: Final = Projection(["id"], {"name": ["name"], "status": ["status"], "description": ["description"]})
_SERVICE_STATE: Final = by_word(ServiceState)
_RESOURCE_STATUS: Final = by_word(ResourceStatus)
_PHYSICAL: Final = {"PhysicalResource": True, "LogicalResource": False}
_RESOURCE_FACING: Final = frozenset({"rfs", "resourcefacingservice"})


class _Services(Collection[_Service]):
    """Services, whose parts are read too where the server only refers to them."""

    def __init__(self, http: HttpClient, profile: Profile, path: str) -> None:
        super().__init__(http, profile, path, _Service, _SERVICE)
        # Parts of parts are not read: what supports itself, in a circle, would be read for ever.
        self._parts = Collection(http, profile, path, _Service, _SERVICE)

    async def _complete(self, rows: Sequence[_Service], fields: Fields | None) -> None:
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


class TmfInventory:
    """The inventory port over TM Forum v4."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile)
        resources = "/tmf-api/resourceInventoryManagement/v4/resource"
        self._services = _Services(http, profile, "/tmf-api/serviceInventory/v4/service")
        self._resources = Collection(http, profile, resources, _Resource, _RESOURCE)
        self._sites = Collection(http, profile, "/tmf-api/geographicSiteManagement/v4/geographicSite", _Site, _SITE)

    async def probe(self) -> None:
        """One cheap read, for health."""
        await self._services.page([], Window(0, 1), fields=frozenset())

    async def services(self, ids: Sequence[str], fields: Fields | None) -> Found[Service]:
        """See `InventoryPort`."""
        return mapped(await self._services.by_ids(ids, fields), self._service)

    async def services_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Service]]:
        """See `InventoryPort`. Resource-facing services are parts of others, and not what a customer has."""
        return await narrowed(
            self._services,
            "relatedParty.id",
            customer_ids,
            window,
            self._service,
            lambda service: service.customer_ids,
            fields=fields,
            order=BY_ID,
            wanted=_customer_facing,
        )

    async def services_of_resources(self, resource_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Service]]:
        """See `InventoryPort`. TMF638 has no reference from resource to service, so the other side is filtered."""
        asked = None if fields is None else fields | {"resource_ids"}
        match self._profile.service_parts:
            case "value":
                parameter = "supportingService.supportingResource.id"
                batches = await self._services.by_keys(parameter, resource_ids, fields=asked)
            case "flat":
                batches = await self._services.by_keys("supportingResource.id", resource_ids, fields=asked)
            case "reference":
                batches = await self._above(resource_ids, fields)
        return grouped(batches, self._service, lambda service: service.resource_ids, _customer_facing)

    async def _above(self, resource_ids: Sequence[str], fields: Fields | None) -> list[Batch[_Service]]:
        """Two steps: the services that name the resources, then those that they support; keys stay the resources."""

        below_fields = None if fields is None else fields | {"resource_ids"}
        above_fields = None if fields is None else fields | {"part_ids"}

        async def step(below: Batch[_Service]) -> Batch[_Service]:
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
        return list(await together([step(batch) for batch in batches]))

    async def resources(self, ids: Sequence[str], fields: Fields | None) -> Found[Resource]:
        """See `InventoryPort`."""
        return mapped(await self._resources.by_ids(ids, fields), self._resource)

    async def resource_list(self, window: Window, fields: Fields | None) -> Rows[Resource]:
        """See `InventoryPort`."""
        return await listed(self._resources, [], window, self._resource, fields=fields, order=BY_ID)

    async def resources_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        """See `InventoryPort`. TMF630 has no OR over two attributes, so it is asked twice, side by side."""
        sought = text.strip()
        if not sought:
            return Rows.of(())
        asked = None if fields is None else fields | {"name", "serial_number"}
        numbered, named = await together([self._numbered(sought, asked), self._named(sought, window, asked)])
        before = len(numbered.items)
        if before and window.offset and not named.complete:
            named = await self._named(sought, Window(max(0, window.offset - before), window.limit), asked)
        total = None if numbered.total is None or named.total is None else before + named.total
        if named.complete:
            return Rows([*numbered.items, *named.items], 0, total, complete=True)
        items = [*numbered.items[window.offset :], *named.items]
        return Rows(items[: window.limit], window.offset, total, complete=False)

    async def _numbered(self, text: str, fields: Fields | None) -> Rows[Resource]:
        """All with this serial number, apart from those that `_named` finds."""
        wanted = text.casefold()
        return await listed(
            self._resources,
            [("serialNumber", [text])],
            None,
            self._resource,
            fields=fields,
            order=BY_ID,
            wanted=lambda one: (
                (one.serial_number or "").casefold() == wanted and wanted not in (one.name or "").casefold()
            ),
            keys=[text],
        )

    async def _named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        wanted = text.casefold()
        return await listed(
            self._resources,
            [self._resources.containing("name", text)],
            window,
            self._resource,
            fields=fields,
            order=BY_ID,
            wanted=lambda one: wanted in (one.name or "").casefold(),
            keys=[text],
        )

    async def sites(self, ids: Sequence[str], fields: Fields | None) -> Found[Site]:
        """See `InventoryPort`."""
        return mapped(
            await self._sites.by_ids(ids, fields),
            lambda row: Site(id=str(row.id), name=row.name, status=row.status, description=row.description),
        )

    def _service(self, row: _Service) -> Service:
        parts = row.supporting_service or ()
        below = [resource for part in parts for resource in part.supporting_resource or ()]
        site = next((place for place in row.place or () if place.id is not None), None)
        return Service(
            id=str(row.id),
            customer_ids=self._reader.owners(row.related_party),
            name=row.name,
            category=row.category,
            service_type=row.service_type,
            state=self._reader.word(_SERVICE_STATE, row.state, ServiceState.UNKNOWN),
            raw_state=row.state,
            started_at=self._reader.date(row.start_date),
            site_id=str(site.id) if site else None,
            part_ids=tuple(str(part.id) for part in parts if part.id is not None),
            resource_ids=ids([*(row.supporting_resource or ()), *below]),
        )

    def _resource(self, row: _Resource) -> Resource:
        specification = row.resource_specification
        return Resource(
            id=str(row.id),
            name=row.name,
            kind=row.category or (specification.name if specification else None),
            is_physical=_PHYSICAL.get(row.type or ""),
            status=self._reader.word(_RESOURCE_STATUS, row.resource_status, ResourceStatus.UNKNOWN),
            raw_status=row.resource_status,
            serial_number=row.serial_number,
            value=None if row.value is None else str(row.value),
            site_id=str(row.place.id) if row.place and row.place.id is not None else None,
        )


def _customer_facing(service: Service) -> bool:
    return (service.category or "").casefold() not in _RESOURCE_FACING


def _over(row: _Service, parts: Mapping[str, _Service]) -> _Service:
    """The row, its parts with the resources of those that have been read."""
    for part in row.supporting_service or ():
        if part.supporting_resource is None and (below := parts.get(str(part.id))):
            part.supporting_resource = below.supporting_resource
    return row
