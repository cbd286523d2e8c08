"""Services, the resources under them, and their sites.

A resource names no customer: a subscriber sees it when it stands under one of the subscriber's services, a site when
one of those services or resources stands there. Services that were let through grant what is under them; for a
resource that came another way the subscriber's services are read, once per request.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.errors import ConnectorError
from connectors.inventory.port import Resource, Service, ServiceState, Site
from connectors.records import Found, Rows, Window
from resolvers.context import Loader, RequestContext, Rule, customer_ownership
from resolvers.errors import Forbidden
from resolvers.filters import is_wanted
from resolvers.ownership import customers_of, names_no_customer
from resolvers.paging import window
from resolvers.rows import RowsKey, RowsLoader
from resolvers.viewer import Viewer

MAX_READ_BY_ID: Final = 20
"""So many records are asked for by id even when some may be others'; of more, a subscriber's own are looked up."""


async def service_ownership(context: RequestContext, services: Sequence[Service]) -> Rule:
    """A service's related parties say whose it is."""
    rule = await customer_ownership(context, services)
    for service in filter(rule, services):
        context.grant("Resource", service.resource_ids)
        if service.site_id:
            context.grant("Site", [service.site_id])
    return rule


async def resource_ownership(context: RequestContext, resources: Sequence[Resource]) -> Rule:
    """Seen when a service of the viewer stands on it, and it does not say itself that it is somebody else's."""
    unknown = [resource for resource in resources if not context.granted("Resource", resource.id)]
    failure = (await load_own_services(context))[1] if unknown else None
    granted = _granted(context, "Resource", failure)

    def may_see(resource: Resource) -> bool:
        seen = granted(resource)
        if seen and resource.site_id:
            context.grant("Site", [resource.site_id])
        return seen

    return may_see


async def site_ownership(context: RequestContext, sites: Sequence[Site]) -> Rule:
    """Seen when a service of the viewer, or a resource under one, stands there."""
    failure = None
    if any(not context.granted("Site", site.id) for site in sites):
        services, failure = await load_own_services(context)
        under = list(dict.fromkeys(key for service in services for key in service.resource_ids))
        found = await ResourceById.of(context).load_all(under)
        failure = failure or next((one for one in found.values() if isinstance(one, ConnectorError)), None)
    return _granted(context, "Site", failure)


def _granted(context: RequestContext, type_name: str, failure: ConnectorError | None) -> Rule:
    """Seen when granted; where what would grant could not be read, nobody can tell. Never where it is another's."""
    mine = frozenset(context.viewer.customer_ids)

    def may_see(record: Any) -> bool:
        if not names_no_customer(record) and mine.isdisjoint(customers_of(record)):
            return False
        if context.granted(type_name, record.id):
            return True
        if failure is not None:
            raise failure
        return False

    return may_see


async def load_own_services(context: RequestContext) -> tuple[list[Service], ConnectorError | None]:
    """The viewer's own services, whole, once per request; what is under them is granted on the way."""
    keys = [RowsKey(key) for key in context.viewer.customer_ids]
    found = await ServicesByCustomer.of(context).load_all(keys)
    failure = next((rows for rows in found.values() if isinstance(rows, ConnectorError)), None)
    return [service for rows in found.values() if isinstance(rows, Rows) for service in rows.items], failure


async def own_services_by_id(context: RequestContext, keys: Sequence[str]) -> dict[str, Service | ConnectorError]:
    """Those of many services that are the viewer's: its own few are read, and what is under them, not everybody's."""
    services, failure = await load_own_services(context)
    own: dict[str, Service | ConnectorError] = {service.id: service for service in services}
    parts = {key for service in services for key in service.part_ids}
    if under := [key for key in keys if key in parts and key not in own]:
        own |= await context.connectors.inventory.services(under, service_fields(context))
    return {key: found for key in keys if (found := own.get(key, failure)) is not None}


def service_fields(context: RequestContext) -> frozenset[str] | None:
    """What to read of services: what was selected, and for subscribers what decides who may see what is under them."""
    fields = context.fields("Service")
    if fields is None or context.viewer.is_staff or not (context.selects("Resource") or context.selects("Site")):
        return fields
    return fields | {"resource_ids", "site_id"}


class ServiceById(Loader[str, Service]):
    """A service by its id."""

    domain = "inventory"
    ownership = service_ownership
    entity = "Service"

    async def fetch(self, keys: Sequence[str]) -> Found[Service]:
        """One batch of services. A subscriber who meets many, as in an outage, is answered from its own."""
        if not self.context.viewer.is_staff and len(keys) > MAX_READ_BY_ID:
            return await own_services_by_id(self.context, keys)
        return await self.context.connectors.inventory.services(keys, service_fields(self.context))


class ServicesByCustomer(RowsLoader[Service]):
    """A customer's services."""

    domain = "inventory"
    ownership = service_ownership
    primes = ServiceById
    connection = "ServiceConnection"

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Service]]:
        """See `RowsLoader`."""
        fields = service_fields(self.context)
        return await self.context.connectors.inventory.services_of_customers(parents, window, fields)


class ServicesByResource(Loader[str, Rows[Service]]):
    """The services that stand on a resource; a subscriber sees only its own."""

    domain = "inventory"
    ownership = service_ownership
    primes = ServiceById

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[Service]]:
        """One batch of services; a subscriber's own ones are few, and known to stand on what."""
        if self.context.viewer.is_staff:
            return await self.context.connectors.inventory.services_of_resources(keys, service_fields(self.context))
        services, failure = await load_own_services(self.context)
        if failure is not None:
            raise failure
        return {
            key: Rows.of(standing)
            for key in keys
            if (standing := [service for service in services if key in service.resource_ids])
        }


class ResourceById(Loader[str, Resource]):
    """A resource by its id."""

    domain = "inventory"
    ownership = resource_ownership
    entity = "Resource"

    async def fetch(self, keys: Sequence[str]) -> Found[Resource]:
        """One batch of resources. Where a resource stands decides about sites, so it comes along for subscribers."""
        fields = self.context.fields("Resource")
        if fields is not None and self.context.selects("Site") and not self.context.viewer.is_staff:
            fields |= {"site_id"}
        return await self.context.connectors.inventory.resources(keys, fields)


@dataclass(frozen=True, slots=True)
class ResourceSearch:
    """What is looked for (None: everything) and which window of it is wanted."""

    text: str | None
    window: Window


def resource_search(
    _root: Any,
    viewer: Viewer,
    search: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> ResourceSearch:
    """The resources to read. Raises `Forbidden` for subscribers, who find theirs under their services."""
    if not viewer.is_staff:
        raise Forbidden(
            "The field resources is for agents and admins. A subscriber's resources are under me and services."
        )
    return ResourceSearch(search, window(first, after) or Window(0, 1))


class ResourcesBySearch(Loader[ResourceSearch, Rows[Resource]]):
    """A list of resources."""

    domain = "inventory"
    ownership = resource_ownership
    primes = ResourceById

    async def fetch(self, keys: Sequence[ResourceSearch]) -> dict[ResourceSearch, Rows[Resource] | ConnectorError]:
        """Each search is a question of its own."""
        return dict(zip(keys, await asyncio.gather(*map(self._search, keys)), strict=True))

    async def _search(self, search: ResourceSearch) -> Rows[Resource] | ConnectorError:
        inventory, fields = self.context.connectors.inventory, self.context.fields("Resource")
        try:
            if search.text is None:
                return await inventory.resource_list(search.window, fields)
            return await inventory.resources_named(search.text.strip(), search.window, fields)
        except ConnectorError as failure:
            return failure


class SiteById(Loader[str, Site]):
    """A site by its id."""

    domain = "inventory"
    ownership = site_ownership
    entity = "Site"

    async def fetch(self, keys: Sequence[str]) -> Found[Site]:
        """One batch of sites."""
        return await self.context.connectors.inventory.sites(keys, self.context.fields("Site"))


def filter_services(services: Rows[Service], state: list[ServiceState] | None = None) -> Rows[Service]:
    """Services in the wanted states."""
    return services.keep(lambda service: is_wanted(service.state, state))
