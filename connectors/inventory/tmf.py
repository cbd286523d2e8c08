"""Network inventory by TM Forum v4: TMF638 Service, TMF639 Resource, TMF674 Geographic Site."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.errors import ConnectorError
from connectors.grouping import grouped, mapped, narrowed
from connectors.http import HttpClient
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState, Site
from connectors.profile import Profile
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf630 import Batch, Collection, Filters, Identified, Projection, RowPage
from connectors.tmf_shapes import Reader, Ref, RelatedParty, by_word, ids, owners


class _Part(msgspec.Struct, rename="camel"):
    """A supporting service: by value with its resources, or only a reference (then `supporting_resource` is None)."""

    id: str | int
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
    place: list[_Place] = []
    supporting_service: list[_Part] = []
    supporting_resource: list[Ref] = []
    related_party: list[RelatedParty] = []


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

    async def _read(
        self, filters: Filters, fields: Fields | None, sort: str | None, offset: int, limit: int, keys: Sequence[str]
    ) -> RowPage[_Service]:
        page = await super()._read(filters, fields, sort, offset, limit, keys)
        if self.profile.service_parts == "reference" and (fields is None or "resource_ids" in fields):
            await self._complete(page.rows)
        return page

    async def _complete(self, rows: Sequence[_Service]) -> None:
        unread = {str(part.id) for row in rows for part in row.supporting_service if part.supporting_resource is None}
        if not unread:
            return
        found = await self.by_ids(sorted(unread), frozenset({"resource_ids"}))
        for row in rows:
            for part in row.supporting_service:
                below = found.get(str(part.id))
                if isinstance(below, ConnectorError):
                    raise below
                if part.supporting_resource is None and below is not None:
                    part.supporting_resource = below.supporting_resource


class TmfInventory:
    """The inventory port over TM Forum v4."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile)
        resources = "/tmf-api/resourceInventoryManagement/v4/resource"
        self._services = _Services(http, profile, "/tmf-api/serviceInventory/v4/service", _Service, _SERVICE)
        self._resources = Collection(http, profile, resources, _Resource, _RESOURCE)
        self._sites = Collection(http, profile, "/tmf-api/geographicSiteManagement/v4/geographicSite", _Site, _SITE)

    async def probe(self) -> None:
        """One cheap read, for health."""
        await self._services.page([], Window(0, 1), fields=frozenset(), sort=None)

    async def services(self, ids: Sequence[str], fields: Fields | None) -> Found[Service]:
        """See `InventoryPort`."""
        return mapped(await self._services.by_ids(ids, fields), self._service)

    async def services_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Service]]:
        """See `InventoryPort`. Resource-facing services are parts of others, and not what a customer has."""
        found = await narrowed(
            self._services,
            "relatedParty.id",
            customer_ids,
            window,
            self._service,
            lambda service: service.customer_ids,
            fields=fields,
            sort="id",
        )
        return {
            key: rows if isinstance(rows, ConnectorError) else rows.keep(_customer_facing)
            for key, rows in found.items()
        }

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
                batches = await self._above(resource_ids, asked)
        return grouped(batches, self._service, lambda service: service.resource_ids, _customer_facing)

    async def _above(self, resource_ids: Sequence[str], fields: Fields | None) -> list[Batch[_Service]]:
        """Two steps: the services that name the resources, then those that they support; keys stay the resources."""
        below = await self._services.by_keys("supportingResource.id", resource_ids, fields=fields)
        failure = next((batch.failure for batch in below if batch.failure), None)
        parts = {str(row.id): row for batch in below for row in batch.rows}
        if failure or not parts:
            return below
        above = await self._services.by_keys("supportingService.id", list(parts), fields=fields)
        failure = next((batch.failure for batch in above if batch.failure), None)
        rows = {str(row.id): row for batch in above for row in batch.rows} | parts
        return [Batch(resource_ids, list(rows.values()), failure)]

    async def resources(self, ids: Sequence[str], fields: Fields | None) -> Found[Resource]:
        """See `InventoryPort`."""
        return mapped(await self._resources.by_ids(ids, fields), self._resource)

    async def resource_list(self, window: Window, fields: Fields | None) -> Rows[Resource]:
        """See `InventoryPort`."""
        page = await self._resources.page([], window, fields=fields, sort="id")
        return Rows([self._resource(row) for row in page.rows], window.offset, page.total, complete=False)

    async def resources_named(self, text: str, fields: Fields | None) -> Sequence[Resource]:
        """See `InventoryPort`. TMF630 has no OR over two attributes, so it is asked twice, side by side."""
        asked = None if fields is None else fields | {"name", "serial_number"}
        numbered, named = await asyncio.gather(
            self._resources.drain([("serialNumber", [text])], fields=asked, keys=[text]),
            self._resources.drain([self._resources.containing("name", text)], fields=asked, keys=[text]),
        )
        wanted = text.casefold()
        rows = {
            str(row.id): self._resource(row)
            for row in [*numbered, *named]
            if (row.serial_number or "").casefold() == wanted or wanted in (row.name or "").casefold()
        }
        return [rows[key] for key in sorted(rows)]

    async def sites(self, ids: Sequence[str], fields: Fields | None) -> Found[Site]:
        """See `InventoryPort`."""
        return mapped(
            await self._sites.by_ids(ids, fields),
            lambda row: Site(id=str(row.id), name=row.name, status=row.status, description=row.description),
        )

    def _service(self, row: _Service) -> Service:
        parts = row.supporting_service
        below = [resource for part in parts for resource in part.supporting_resource or ()]
        site = next((place for place in row.place if place.id is not None), None)
        return Service(
            id=str(row.id),
            customer_ids=owners(row.related_party, self._profile),
            name=row.name,
            category=row.category,
            service_type=row.service_type,
            state=self._reader.word(_SERVICE_STATE, row.state, ServiceState.UNKNOWN),
            raw_state=row.state,
            started_at=self._reader.date(row.start_date),
            site_id=str(site.id) if site else None,
            part_ids=tuple(str(part.id) for part in parts),
            resource_ids=ids([*row.supporting_resource, *below]),
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
