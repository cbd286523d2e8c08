"""Services, the resources under them, and their sites.

A resource names no customer: a subscriber sees it when it stands under one of the subscriber's services, a site when
one of those services or resources stands there. Services that were let through grant what is under them; for a
resource that came another way the subscriber's services are read, once per request.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from connectors.errors import ConnectorError
from connectors.inventory.port import Resource, Service, Site
from connectors.records import Found, Rows, Window
from resolvers.context import Loader, RequestContext, Rule, owned
from resolvers.errors import Forbidden
from resolvers.ids import bare
from resolvers.paging import After, First, window
from resolvers.rows import RowsKey, RowsLoader
from resolvers.viewer import Viewer


async def own_services(context: RequestContext, services: Sequence[Service]) -> Rule:
    """A service's related parties say whose it is."""
    rule = await owned(context, services)
    for service in filter(rule, services):
        context.grant("Resource", service.resource_ids)
        context.grant("Site", [service.site_id] if service.site_id else [])
    return rule


async def own_resources(context: RequestContext, resources: Sequence[Resource]) -> Rule:
    """Seen when a service of the viewer stands on it."""
    if any(not context.granted("Resource", resource.id) for resource in resources):
        await _grant_what_is_under_own_services(context)
    for resource in resources:
        if resource.site_id and context.granted("Resource", resource.id):
            context.grant("Site", [resource.site_id])
    return lambda resource: context.granted("Resource", resource.id)


async def own_sites(context: RequestContext, sites: Sequence[Site]) -> Rule:
    """Seen when a service of the viewer, or a resource under one, stands there."""
    if any(not context.granted("Site", site.id) for site in sites):
        services = await _grant_what_is_under_own_services(context)
        under = dict.fromkeys(key for service in services for key in service.resource_ids)
        await ResourceById.of(context).load_many(list(under))
    return lambda site: context.granted("Site", site.id)


async def _grant_what_is_under_own_services(context: RequestContext) -> list[Service]:
    keys = [RowsKey(key) for key in context.viewer.customer_ids]
    found: Sequence[Rows[Service] | None] = await ServicesByCustomer.of(context).load_many(keys)
    return [service for rows in found if rows is not None for service in rows.items]


def service_fields(context: RequestContext) -> frozenset[str] | None:
    """What to read of services: what was selected, and for subscribers what decides who may see what is under them."""
    fields = context.fields("Service")
    if fields is None or context.viewer.is_staff:
        return fields
    if context.selects("Resource") or context.selects("Site"):
        return fields | {"resource_ids", "site_id"}
    return fields


class ServiceById(Loader[str, Service]):
    """A service by its id."""

    ownership = own_services

    async def fetch(self, keys: Sequence[str]) -> Found[Service]:
        """One batch of services."""
        return await self.context.connectors.inventory.services(keys, service_fields(self.context))


class ServicesByCustomer(RowsLoader[Service]):
    """A customer's services."""

    ownership = own_services

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Service]]:
        """See `RowsLoader`."""
        inventory = self.context.connectors.inventory
        return await inventory.services_of_customers(parents, window, service_fields(self.context))


class ServicesByResource(Loader[str, Rows[Service]]):
    """The services that stand on a resource; a subscriber sees only its own."""

    ownership = own_services

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[Service]]:
        """One batch of services."""
        return await self.context.connectors.inventory.services_of_resources(keys, service_fields(self.context))


class ResourceById(Loader[str, Resource]):
    """A resource by its id."""

    ownership = own_resources

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
    search: Annotated[
        str | None, strawberry.argument(description="Part of a name, or a whole serial number, in any case.")
    ] = None,
    first: First = None,
    after: After = None,
) -> ResourceSearch:
    """The resources to read. Raises `Forbidden` for subscribers, who find theirs under their services."""
    if not viewer.is_staff:
        raise Forbidden("resources is for agents: a subscriber's resources are under me { services { resources } }.")
    return ResourceSearch(search, window(first, after) or Window(0, 1))


class ResourcesBySearch(Loader[ResourceSearch, Rows[Resource]]):
    """A list of resources."""

    ownership = own_resources

    async def fetch(self, keys: Sequence[ResourceSearch]) -> dict[ResourceSearch, Rows[Resource] | ConnectorError]:
        """Each search is a question of its own."""
        return dict(zip(keys, await asyncio.gather(*map(self._search, keys)), strict=True))

    async def _search(self, search: ResourceSearch) -> Rows[Resource] | ConnectorError:
        inventory, fields = self.context.connectors.inventory, self.context.fields("Resource")
        try:
            if search.text is None:
                return await inventory.resource_list(search.window, fields)
            return Rows.of(await inventory.resources_named(bare(search.text), fields))
        except ConnectorError as failure:
            return failure


class SiteById(Loader[str, Site]):
    """A site by its id."""

    ownership = own_sites

    async def fetch(self, keys: Sequence[str]) -> Found[Site]:
        """One batch of sites."""
        return await self.context.connectors.inventory.sites(keys, self.context.fields("Site"))
