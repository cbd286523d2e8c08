"""The status of a TMF639 resource: v4 has one word, v5 the states of ITU-T X.731."""

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.inventory.port import ResourceStatus
from connectors.tmf.reader import Reader, enum_table

_NOTHING: Final = ResourceStatus.UNKNOWN
"""The meaning of words that do not decide the status."""
_STATUS: Final = enum_table(ResourceStatus)
_ALARMS: Final = dict.fromkeys(["underrepair", "critical", "major", "minor", "alarmoutstanding"], ResourceStatus.ALARM)
_AVAILABILITY: Final = dict.fromkeys(
    [
        "intest",
        "failed",
        "poweroff",
        "online",
        "offline",
        "offduty",
        "dependency",
        "degraded",
        "notinstalled",
        "logfull",
    ],
    _NOTHING,
)
_FAULTS: Final = _AVAILABILITY | dict.fromkeys(["failed", "dependency", "degraded"], ResourceStatus.ALARM)
_RESTS: Final = _AVAILABILITY | dict.fromkeys(["poweroff", "offline", "offduty"], ResourceStatus.STANDBY)
_ADMINISTRATIVE: Final = {"unlocked": _NOTHING} | dict.fromkeys(
    ["locked", "shuttingdown", "shutdown"], ResourceStatus.SUSPENDED
)
_ALLOCATION: Final = {"reserved": ResourceStatus.RESERVED} | dict.fromkeys(
    ["available", "allocated", "partiallyallocated"], _NOTHING
)
_STANDBY: Final = {"providingservice": _NOTHING} | dict.fromkeys(["hotstandby", "coldstandby"], ResourceStatus.STANDBY)
_OPERATIONAL: Final = dict.fromkeys(["enabled", "enable"], ResourceStatus.AVAILABLE) | dict.fromkeys(
    ["disabled", "disable"], _NOTHING
)


def status_of(
    reader: Reader,
    resource_status: str | None,
    alarm_status: Sequence[str] | None,
    availability_status: str | None,
    administrative_state: str | None,
    allocation_status: str | None,
    standby_status: str | None,
    operational_state: str | None,
) -> tuple[ResourceStatus, str | None]:
    """The status, and the system's own word for it.

    resourceStatus decides if it is present. Otherwise the first of these that applies: alarmStatus (alarm);
    availabilityStatus failed, degraded or dependency (alarm); administrativeState locked or shutting down (suspended);
    allocationStatus reserved; standbyStatus hot or cold, availabilityStatus offDuty, offline or powerOff (standby);
    operationalState enabled (available). A disabled resource stays UNKNOWN: an official example is an unused phone
    number. The standard has no such rule; this one is the gateway's.
    """
    if resource_status is not None:
        return reader.decode_enum(_STATUS, resource_status, _NOTHING), resource_status
    states: Sequence[tuple[Mapping[str, ResourceStatus], Sequence[str | None]]] = (
        (_ALARMS, alarm_status or ()),
        (_FAULTS, [availability_status]),
        (_ADMINISTRATIVE, [administrative_state]),
        (_ALLOCATION, [allocation_status]),
        (_STANDBY, [standby_status]),
        (_RESTS, [availability_status]),
        (_OPERATIONAL, [operational_state]),
    )
    for table, words in states:
        for word in words:
            if (status := reader.decode_enum(table, word, _NOTHING)) is not _NOTHING:
                return status, word
    return _NOTHING, operational_state
