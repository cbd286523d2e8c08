"""What state a TMF639 resource is in: v4 says so in one word, v5 in the states of ITU-T X.731 (FACTS.md, section 3)."""

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.inventory.port import ResourceStatus
from connectors.inventory.tmf_rows import ResourceRow
from connectors.tmf_shapes import Reader, by_word

_ALARM, _SUSPENDED, _NOTHING = ResourceStatus.ALARM, ResourceStatus.SUSPENDED, ResourceStatus.UNKNOWN
_STATUS: Final = by_word(ResourceStatus)
_ALARMS: Final = {
    "critical": _ALARM,
    "major": _ALARM,
    "minor": _ALARM,
    "alarmoutstanding": _ALARM,
    "underrepair": _ALARM,
}
_AVAILABILITY: Final = {"failed": _ALARM, "degraded": _ALARM, "dependency": _ALARM} | dict.fromkeys(
    ["intest", "poweroff", "online", "offline", "offduty", "notinstalled", "logfull"], _NOTHING
)
_ADMINISTRATIVE: Final = {
    "locked": _SUSPENDED,
    "shuttingdown": _SUSPENDED,
    "shutdown": _SUSPENDED,
    "unlocked": _NOTHING,
}
_ALLOCATION: Final = {"reserved": ResourceStatus.RESERVED} | dict.fromkeys(
    ["available", "allocated", "partiallyallocated"], _NOTHING
)
_STANDBY: Final = {
    "hotstandby": ResourceStatus.STANDBY,
    "coldstandby": ResourceStatus.STANDBY,
    "providingservice": _NOTHING,
}
_OPERATIONAL: Final = {
    "enabled": ResourceStatus.AVAILABLE,
    "enable": ResourceStatus.AVAILABLE,
    "disabled": _ALARM,
    "disable": _ALARM,
}


def status_of(row: ResourceRow, reader: Reader) -> tuple[ResourceStatus, str | None]:
    """The status, and the system's own word that says so.

    Where there is a resourceStatus it alone counts. Otherwise the first of these that says something:
    an alarm; that it has failed, is degraded, or lacks what it depends on (alarm); that it is locked or being shut
    down (suspended); that it is reserved; that it stands by for another; and at last whether it can work at all
    (available) or cannot (alarm).
    """
    if row.resource_status is not None:
        return reader.word(_STATUS, row.resource_status, _NOTHING), row.resource_status
    states: Sequence[tuple[Mapping[str, ResourceStatus], Sequence[str | None]]] = (
        (_ALARMS, row.alarm_status or ()),
        (_AVAILABILITY, [row.availability_status]),
        (_ADMINISTRATIVE, [row.administrative_state]),
        (_ALLOCATION, [row.allocation_status]),
        (_STANDBY, [row.standby_status]),
        (_OPERATIONAL, [row.operational_state]),
    )
    for table, words in states:
        for word in words:
            if (status := reader.word(table, word, _NOTHING)) is not _NOTHING:
                return status, word
    return _NOTHING, row.operational_state
