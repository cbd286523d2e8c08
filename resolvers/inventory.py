"""Loaders and ownership for the inventory: services, resources and sites.

A resource names no customer. A subscriber may see it if one of the subscriber's services uses it, and a site if one
of those services or resources is there. Services that the viewer may see grant what they use. For a resource that is
reached in another way, the subscriber's services are read, once per request.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from typing_extensions import override

from connectors.errors import ConnectorError
from connectors.inventory.port import Resource, Service, ServiceState, Site
from connectors.records import Found, Rows, Window
from resolvers.context import Loader, RequestContext, Rule, customer_ownership
from resolvers.errors import Forbidden
from resolvers.filters import is_wanted, searched
from resolvers.loader import Key
from resolvers.ownership import customers_of, names_no_customer
from resolvers.paging import window
from resolvers.rows import RowsKey, RowsLoader
from resolvers.viewer import Viewer

MAX_READ_BY_ID: Final = 20
"""Most records that are read by id for a subscriber. For more ids, the subscriber's own records are read instead."""


async def service_ownership(context: RequestContext, services: Sequence[Service]) -> Rule:
    """A service belongs to the customers it names. Grants the resources and the site of those that may be seen."""
    rule = await customer_ownership(context, services)
    for service in filter(rule, services):
        context.grant("Resource", service.resource_ids)
        if service.site_id:
            context.grant("Site", [service.site_id])
    return rule


async def resource_ownership(context: RequestContext, resources: Sequence[Resource]) -> Rule:
    """A resource may be seen if one of the viewer's services uses it and it does not name another customer."""
    is_known = context.granted("Resource") >= {one.id for one in resources}
    failure = None if is_known else (await load_own_services(context))[1]
    granted = _granted(context, "Resource", failure)

    def may_see(resource: Resource) -> bool:
        seen = granted(resource)
        if seen and resource.site_id:
            context.grant("Site", [resource.site_id])
        return seen

    return may_see


async def site_ownership(context: RequestContext, sites: Sequence[Site]) -> Rule:
    """A site may be seen if one of the viewer's services, or a resource of one, is there."""
    is_known = context.granted("Site") >= {one.id for one in sites}
    return _granted(context, "Site", None if is_known else await _load_own_places(context))


async def _load_own_places(context: RequestContext) -> ConnectorError | None:
    """Read the viewer's services and their resources, which grant their sites. The failure of what cannot be read."""
    services, failure = await load_own_services(context)
    under = list(dict.fromkeys(key for service in services for key in service.resource_ids))
    found = await ResourceById.of(context).load_all(under)
    return failure or next((one for one in found.values() if isinstance(one, ConnectorError)), None)


Answer = Mapping[str, Any]
"""A port's answer: records or failures by id."""


async def _only_granted(
    context: RequestContext,
    type_name: str,
    keys: Sequence[str],
    grant: Callable[[], Awaitable[ConnectorError | None]],
    ask: Callable[[Sequence[str]], Awaitable[Answer]],
) -> Answer:
    """What the system has for those of a subscriber's keys that are granted; all keys for staff.

    The system is not asked for the others, so that what is somebody else's takes the same calls, and the same time, as
    what does not exist. `grant` reads what grants the subscriber's own; its failure is that of the keys that it hides.
    """
    if context.viewer.is_staff:
        return await ask(keys)
    failure = None if context.granted(type_name) >= set(keys) else await grant()
    granted = context.granted(type_name)
    own = [key for key in keys if key in granted]
    hidden = {} if failure is None else {key: failure for key in keys if key not in granted}
    return {**(await ask(own) if own else {}), **hidden}


def _granted(context: RequestContext, type_name: str, failure: ConnectorError | None) -> Rule:
    """Granted records may be seen. Without a grant, `failure` is raised if there is one: it may hide a grant."""
    mine, granted = frozenset(context.viewer.customer_ids), context.granted(type_name)

    def may_see(record: Any) -> bool:
        if not names_no_customer(record) and mine.isdisjoint(customers_of(record)):
            return False
        if record.id in granted:
            return True
        if failure is not None:
            raise failure
        return False

    return may_see


async def load_own_services(context: RequestContext) -> tuple[list[Service], ConnectorError | None]:
    """All services of the viewer's customers, and the failure of one that could not be read. Grants what they use."""
    keys = [RowsKey(key) for key in context.viewer.customer_ids]
    found = await ServicesByCustomer.of(context).load_all(keys)
    failure = next((rows for rows in found.values() if isinstance(rows, ConnectorError)), None)
    return [service for rows in found.values() if isinstance(rows, Rows) for service in rows.items], failure


async def own_services_unread(context: RequestContext) -> int:
    """How many services of the viewer's customers could not be read."""
    keys = [RowsKey(key) for key in context.viewer.customer_ids]
    found = await ServicesByCustomer.of(context).load_all(keys)
    return sum(rows.unread for rows in found.values() if isinstance(rows, Rows))


async def own_services_by_id(context: RequestContext, keys: Sequence[str]) -> dict[str, Service | ConnectorError]:
    """The viewer's own among many services: only the viewer's services and their parts are read."""
    services, failure = await load_own_services(context)
    own: dict[str, Service | ConnectorError] = {service.id: service for service in services}
    parts = {key for service in services for key in service.part_ids}
    if under := [key for key in keys if key in parts and key not in own]:
        own |= await context.connectors.inventory.services(under, service_fields(context))
    return {key: found for key in keys if (found := own.get(key, failure)) is not None}


def service_fields(context: RequestContext) -> frozenset[str] | None:
    """Attributes of services to read: those selected, and for subscribers those that ownership of resources needs."""
    fields = context.fields("Service")
    if fields is None or context.viewer.is_staff or not (context.selects("Resource") or context.selects("Site")):
        return fields
    return fields | {"resource_ids", "site_id"}


class ServiceById(Loader[str, Service]):
    """Services by id."""

    domain = "inventory"
    ownership = service_ownership
    entity = "Service"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Service]:
        """For a subscriber with many keys, as below an outage, only the subscriber's own services are read."""
        if not self.context.viewer.is_staff and len(keys) > MAX_READ_BY_ID:
            return await own_services_by_id(self.context, keys)
        return await self.context.connectors.inventory.services(keys, service_fields(self.context))


class ServicesByCustomer(RowsLoader[Service]):
    """Services by customer."""

    domain = "inventory"
    ownership = service_ownership
    primes = ServiceById
    connection = "ServiceConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Service]]:
        fields = service_fields(self.context)
        return await self.context.connectors.inventory.services_of_customers(parents, window, fields)


class ServicesByResource(Loader[str, Rows[Service]]):
    """Services by the resource that they use. A subscriber sees only the subscriber's own."""

    domain = "inventory"
    ownership = service_ownership
    primes = ServiceById

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Rows[Service]]:
        """For a subscriber, the own services are read: they name their resources."""
        if self.context.viewer.is_staff:
            return await self.context.connectors.inventory.services_of_resources(keys, service_fields(self.context))
        services, failure = await load_own_services(self.context)
        if failure is not None:
            raise failure
        unread = await own_services_unread(self.context)
        return {
            key: Rows(standing, 0, None if unread else len(standing), unread=unread)
            for key in keys
            if (standing := [service for service in services if key in service.resource_ids]) or unread
        }


class ResourceById(Loader[str, Resource]):
    """Resources by id."""

    domain = "inventory"
    ownership = resource_ownership
    besides = {"inventory": 1}  # the viewer's services
    entity = "Resource"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Resource]:
        """For subscribers only those that their services use, with `site_id`: it decides whether a site may be seen."""
        context, fields = self.context, self.context.fields("Resource")
        if fields is not None and context.selects("Site") and not context.viewer.is_staff:
            fields |= {"site_id"}

        async def grant() -> ConnectorError | None:
            return (await load_own_services(context))[1]

        async def ask(own: Sequence[str]) -> Answer:
            return await context.connectors.inventory.resources(own, fields)

        return await _only_granted(context, "Resource", keys, grant, ask)


class ResourceSearch(Key, frozen=True):
    """A search: the text (None for all resources) and the window of rows to read."""

    text: str | None
    window: Window


def resource_search(
    _root: Any,
    viewer: Viewer,
    search: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> ResourceSearch:
    """The loader's key for the field's arguments. Raises `BadInput`, and `Forbidden` for subscribers."""
    if not viewer.is_staff:
        raise Forbidden("The field resources is for agents and admins. Your own are under me, services, resources.")
    return ResourceSearch(searched(search), window(first, after) or Window(0, 1))


class ResourcesBySearch(Loader[ResourceSearch, Rows[Resource]]):
    """Resources by search."""

    domain = "inventory"
    ownership = resource_ownership
    besides = {"inventory": 1}  # by serial number, and by name
    primes = ResourceById

    @override
    async def fetch(self, keys: Sequence[ResourceSearch]) -> dict[ResourceSearch, Rows[Resource] | ConnectorError]:
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
    """Sites by id."""

    domain = "inventory"
    ownership = site_ownership
    besides = {"inventory": 2}  # the viewer's services, and their resources
    entity = "Site"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Site]:
        """For subscribers only those of their services and of their services' resources."""
        context = self.context

        async def ask(own: Sequence[str]) -> Answer:
            return await context.connectors.inventory.sites(own, context.fields("Site"))

        return await _only_granted(context, "Site", keys, partial(_load_own_places, context), ask)


def filter_services(services: Rows[Service], state: list[ServiceState] | None = None) -> Rows[Service]:
    """The services in one of these states; all for None."""
    return services.keep(lambda service: is_wanted(service.state, state))
