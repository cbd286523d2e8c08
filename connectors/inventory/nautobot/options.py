"""Options of the Nautobot driver."""

from typing import Annotated, Final

from pydantic import Field

from connectors.inventory.port import ResourceStatus, ServiceState
from connectors.reading.dates import TimeZone
from connectors.strict import Strict
from connectors.texts import matching

_FIELD_NAME: Final = matching(
    r"[A-Za-z][A-Za-z0-9_]*", "the key of a custom field: letters, digits and _, such as service_number"
)


class NautobotOptions(Strict):
    """How an installation of Nautobot is used. The default status words are Nautobot's own."""

    service_number: Annotated[
        str,
        _FIELD_NAME,
        Field(description="Key of the custom field of circuits, interfaces and IP addresses with the service number."),
    ] = "service_number"
    customer_number: Annotated[
        str | None,
        _FIELD_NAME,
        Field(description="Key of the tenants' custom field with the customer number. By default it is their name."),
    ] = None
    timezone: Annotated[TimeZone, Field(description="Zone of installation dates, which have none (IANA name).")] = "UTC"
    max_keys: Annotated[int, Field(ge=1, description="Most keys in one query.")] = 500
    service_states: Annotated[
        dict[str, ServiceState], Field(description="TMF638's states for the statuses of circuits (any letter case).")
    ] = {
        "Active": ServiceState.ACTIVE,
        "Offline": ServiceState.SUSPENDED,
        "Planned": ServiceState.DESIGNED,
        "Provisioning": ServiceState.RESERVED,
        "Deprovisioning": ServiceState.INACTIVE,
        "Decommissioned": ServiceState.TERMINATED,
    }
    resource_statuses: Annotated[
        dict[str, ResourceStatus],
        Field(description="What statuses of devices, interfaces and addresses (any case) say in TMF639's words."),
    ] = {
        "Active": ResourceStatus.AVAILABLE,
        "Failed": ResourceStatus.ALARM,
        "Offline": ResourceStatus.SUSPENDED,
        "Maintenance": ResourceStatus.SUSPENDED,
        "Decommissioning": ResourceStatus.SUSPENDED,
        "Inventory": ResourceStatus.STANDBY,
        "Staged": ResourceStatus.STANDBY,
        "Planned": ResourceStatus.RESERVED,
        "Reserved": ResourceStatus.RESERVED,
    }
