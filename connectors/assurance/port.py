"""The port to an assurance system, which knows of outages (service problems): by default it is the ticketing system."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Protocol

from connectors.links import RefersTo
from connectors.ports import batch, fresh, read
from connectors.records import Changed, Fields, Found, Record, Rows, Window

ENDED = frozenset({"rejected", "cancelled", "closed", "resolved"})
"""The standard's words for ended outages. An unknown word counts as open, so that nothing is overlooked."""


class OutageState(Enum):
    """TMF656 ServiceProblemStatusType."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PENDING = "pending"
    HELD = "held"
    IN_PROGRESS = "inProgress"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Outage(Record, frozen=True, kw_only=True):
    """TMF656 ServiceProblem. `severity` is its priority, 1 (highest) to 10."""

    id: str
    name: str | None = None
    description: str | None = None
    state: OutageState = OutageState.UNKNOWN
    raw_state: str | None = None
    severity: int | None = None
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    service_ids: Annotated[tuple[str, ...], RefersTo("service")] = ()
    resource_ids: Annotated[tuple[str, ...], RefersTo("resource")] = ()
    ticket_ids: Annotated[tuple[str, ...], RefersTo("ticket")] = ()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended. An unknown status counts as open."""
        return self.state.value not in ENDED


class AssurancePort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    Methods without keys raise it; others may, if all keys failed. `fields` are the attributes to read, None for all.
    An outage belongs to nobody; `outages` must find by its id whatever the other methods told of, also when it ended.
    """

    @batch("ids")
    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        """Outages by id."""

    @read
    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        """One window of the outages that began from `since` until before `until` (both with a zone), newest first."""

    @batch("service_ids")
    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        """Open outages per service that they affect."""

    @batch("resource_ids")
    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        """Open outages per resource that they affect."""

    @fresh
    async def outages_changed(self, since: datetime | None) -> Sequence[Changed]:
        """Outages that began or changed at `since` (with a zone) or later; None: a few, with the last one.

        Raises `NotSupported` where the system cannot tell.
        """
