"""The port to a network inventory: services, the resources that support them, and their sites."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

from connectors.ports import batch, read
from connectors.records import UNNAMED, Fields, Found, Owned, Owners, Rows, Window


class ServiceState(Enum):
    """TMF638 ServiceStateType, with v5's suspended."""

    FEASIBILITY_CHECKED = "feasibilityChecked"
    DESIGNED = "designed"
    RESERVED = "reserved"
    INACTIVE = "inactive"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"


class ResourceStatus(Enum):
    """TMF639 v4 ResourceStatusType. UNKNOWN is also a word of the standard."""

    STANDBY = "standby"
    ALARM = "alarm"
    AVAILABLE = "available"
    RESERVED = "reserved"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


class Service(Owned, frozen=True, kw_only=True):
    """TMF638 Service. `part_ids` are its supporting (resource-facing) services, `resource_ids` all its resources,
    direct or through these.
    """

    id: str
    name: str | None = None
    category: str | None = None
    service_type: str | None = None
    state: ServiceState = ServiceState.UNKNOWN
    raw_state: str | None = None
    started_at: datetime | None = None
    site_id: str | None = None
    part_ids: tuple[str, ...] = ()
    resource_ids: tuple[str, ...] = ()


class Resource(Owned, frozen=True, kw_only=True):
    """TMF639 Resource. `kind` is its type, such as ONT or SIM; `value` is a logical resource's, such as a phone number.

    `owners` is `UNNAMED` if it names no customer, as a shared resource does.
    """

    id: str
    owners: Owners = UNNAMED
    name: str | None = None
    kind: str | None = None
    is_physical: bool | None = None
    status: ResourceStatus = ResourceStatus.UNKNOWN
    raw_status: str | None = None
    serial_number: str | None = None
    value: str | None = None
    site_id: str | None = None


class Site(Owned, frozen=True, kw_only=True):
    """TMF674 GeographicSite. `owners` is `UNNAMED` if it names no customer."""

    id: str
    owners: Owners = UNNAMED
    name: str | None = None
    status: str | None = None
    description: str | None = None


class InventoryPort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    Methods without keys raise it; others may, if all keys failed. `fields` are the attributes to read, None for all.
    """

    @batch("ids")
    async def services(self, ids: Sequence[str], fields: Fields | None) -> Found[Service]:
        """Services by id."""

    @batch("customer_ids")
    async def services_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Service]]:
        """Customer-facing services per customer, sorted by id. A window is given only with a single customer."""

    @batch("resource_ids")
    async def services_of_resources(self, resource_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Service]]:
        """Customer-facing services per resource that supports them, directly or through another service."""

    @batch("ids")
    async def resources(self, ids: Sequence[str], fields: Fields | None) -> Found[Resource]:
        """Resources by id."""

    @read
    async def resource_list(self, window: Window, fields: Fields | None) -> Rows[Resource]:
        """One window of all resources, sorted by id."""

    @read
    async def resources_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Resource]:
        """One window of the resources whose serial number is `text` or whose name contains it, in any letter case.

        Those found by serial number only come first; both groups are sorted by id. A blank text finds nothing.
        """

    @batch("ids")
    async def sites(self, ids: Sequence[str], fields: Fields | None) -> Found[Site]:
        """Sites by id."""
