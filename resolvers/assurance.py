"""Loaders and pure functions for assurance: outages.

Outages have no owner, and every signed-in viewer may see them. The services, resources and tickets under an outage are
subject to their own ownership.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import override

from connectors.assurance.port import Outage
from connectors.errors import ConnectorError
from connectors.records import Fields, Found, Rows, Window
from resolvers.context import Loader, signed_in_ownership
from resolvers.filters import with_zone
from resolvers.loader import Key
from resolvers.paging import window


class OutageById(Loader[str, Outage]):
    """Outages by id."""

    domain = "assurance"
    ownership = signed_in_ownership
    entity = "Outage"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Outage]:
        return await self.context.connectors.assurance.outages(keys, self.context.fields("Outage"))


class OutageList(Key, frozen=True):
    """A list of outages: open or ended ones (None for both), the span of their start, and the window to read."""

    is_open: bool | None
    since: datetime | None
    until: datetime | None
    window: Window


class OutagesByState(Loader[OutageList, Rows[Outage]]):
    """Outages by list, newest first."""

    domain = "assurance"
    ownership = signed_in_ownership
    primes = OutageById

    @override
    async def fetch(self, keys: Sequence[OutageList]) -> dict[OutageList, Rows[Outage] | ConnectorError]:
        return dict(zip(keys, await asyncio.gather(*map(self._list, keys)), strict=True))

    async def _list(self, key: OutageList) -> Rows[Outage] | ConnectorError:
        assurance, fields = self.context.connectors.assurance, self.context.fields("Outage")
        try:
            return await assurance.outage_list(
                key.window, fields, is_open=key.is_open, since=key.since, until=key.until
            )
        except ConnectorError as failure:
            return failure


Asking = Callable[[Sequence[str], Fields | None], Awaitable[Found[Rows[Outage]]]]


class Affected(Key, frozen=True):
    """A service or resource that an outage may affect. `kind` is `Service` or `Resource`."""

    kind: str
    id: str


class OpenOutagesByAffected(Loader[Affected, Rows[Outage]]):
    """Open outages by affected service or resource, in one call for each kind."""

    domain = "assurance"
    ownership = signed_in_ownership
    besides = {"assurance": 1}  # by service, and by resource
    primes = OutageById

    @override
    async def fetch(self, keys: Sequence[Affected]) -> dict[Affected, Rows[Outage] | ConnectorError]:
        assurance, fields = self.context.connectors.assurance, self.context.fields("Outage")
        services = [key.id for key in keys if key.kind == "Service"]
        resources = [key.id for key in keys if key.kind == "Resource"]
        of_services, of_resources = await asyncio.gather(
            _open_outages(services, assurance.open_outages_of_services, fields),
            _open_outages(resources, assurance.open_outages_of_resources, fields),
        )
        found = {"Service": of_services, "Resource": of_resources}
        return {key: found[key.kind][key.id] for key in keys if key.id in found[key.kind]}


async def _open_outages(ids: Sequence[str], ask: Asking, fields: Fields | None) -> Found[Rows[Outage]]:
    return await ask(ids, fields) if ids else {}


def outage_list(
    _root: Any,
    is_open: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    first: int | None = None,
    after: str | None = None,
) -> OutageList:
    """The loader's key for the field's arguments."""
    return OutageList(
        is_open, since and with_zone(since), until and with_zone(until), window(first, after) or Window(0, 1)
    )


def service_outage_keys(service: Any) -> list[Affected]:
    """Keys of all outages that affect a service: the service itself, its parts, and its resources."""
    services = dict.fromkeys([service.id, *service.part_ids])
    return [
        *[Affected("Service", key) for key in services],
        *[Affected("Resource", key) for key in service.resource_ids],
    ]


def resource_outage_keys(resource: Any) -> list[Affected]:
    """Keys of the outages that affect a resource."""
    return [Affected("Resource", resource.id)]


def merge_outages(found: Sequence[Rows[Outage] | None]) -> list[Outage]:
    """The outages of all keys, each once, in the order of their ids."""
    outages = {outage.id: outage for rows in found if rows is not None for outage in rows.items}
    return [outages[key] for key in sorted(outages)]
