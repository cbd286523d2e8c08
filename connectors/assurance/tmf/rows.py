"""How assurance records are made of TM Forum v4 or v5 rows, attribute by attribute."""

from typing import Final

from connectors.assurance.port import Outage
from connectors.tmf.kinds import date, references, text
from connectors.tmf.mapping import Kind, Mapping, source

OUTAGE: Final = Mapping(
    Outage,
    derived={"is_open": ["state"]},
    name=source("name", text),
    description=source("description", text),
    state=source("status", text),
    raw_state=source("status", text),
    severity=source("priority", Kind(int | str | None, lambda reader: reader.small_number)),
    started_at=source("creationDate", date),
    resolved_at=source("resolutionDate", date),
    service_ids=source("affectedService", references),
    resource_ids=source("affectedResource", references),
    ticket_ids=source("troubleTicket", references),
)
"""TMF656 ServiceProblem. The driver decodes `state`."""
