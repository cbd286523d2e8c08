"""The status of a TMF639 resource: v4 has one word, v5 the states of ITU-T X.731."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.inventory.port import ResourceStatus
from connectors.tmf.reader import EnumDecoder, Reader, enum_table

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


class ResourceStates:
    """The states of one installation's resources.

    resourceStatus decides if it is present. Otherwise the first of these that applies: alarmStatus (alarm);
    availabilityStatus failed, degraded or dependency (alarm); administrativeState locked or shutting down (suspended);
    allocationStatus reserved; standbyStatus hot or cold, availabilityStatus offDuty, offline or powerOff (standby);
    operationalState enabled (available). A disabled resource stays UNKNOWN: an official example is an unused phone
    number. The standard has no such rule; this one is the gateway's.
    """

    def __init__(self, reader: Reader) -> None:
        def words(table: Mapping[str, ResourceStatus]) -> EnumDecoder[ResourceStatus]:
            return reader.enum_decoder(table, _NOTHING)

        self._status, self._alarms, self._faults, self._rests = map(words, (_STATUS, _ALARMS, _FAULTS, _RESTS))
        self._administrative, self._allocation = words(_ADMINISTRATIVE), words(_ALLOCATION)
        self._standby, self._operational = words(_STANDBY), words(_OPERATIONAL)

    def status(self, resource_status: str | None, *states: Any) -> ResourceStatus:
        """The status. `states`: the others, in the order of `_decided`."""
        return self._decided(*states)[0] if resource_status is None else self._status[resource_status]

    def word(self, resource_status: str | None, *states: Any) -> str | None:
        """The system's own word for the status."""
        return self._decided(*states)[1] if resource_status is None else resource_status

    def _decided(
        self,
        alarm_status: Sequence[str] | None,
        availability_status: str | None,
        administrative_state: str | None,
        allocation_status: str | None,
        standby_status: str | None,
        operational_state: str | None,
    ) -> tuple[ResourceStatus, str | None]:
        states: Sequence[tuple[EnumDecoder[ResourceStatus], Sequence[str | None]]] = (
            (self._alarms, alarm_status or ()),
            (self._faults, [availability_status]),
            (self._administrative, [administrative_state]),
            (self._allocation, [allocation_status]),
            (self._standby, [standby_status]),
            (self._rests, [availability_status]),
            (self._operational, [operational_state]),
        )
        for table, words in states:
            for word in words:
                if (status := table[word]) is not _NOTHING:
                    return status, word
        return _NOTHING, operational_state
