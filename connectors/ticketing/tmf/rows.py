"""How ticketing records are made of TM Forum v4 or v5 rows, attribute by attribute."""

from collections.abc import Sequence
from typing import Final

import msgspec

from connectors.ticketing.port import Ticket, TicketSeverity
from connectors.tmf.documents import documents
from connectors.tmf.kinds import date, enum_word, numbered_text, owners, text
from connectors.tmf.mapping import Kind, Mapping, Source, source
from connectors.tmf.reader import enum_table
from connectors.tmf.shapes import Attachment, RelatedEntity, RelatedParty, array_of, ids


class NoteRow(msgspec.Struct, gc=False):
    """A note on a ticket."""

    author: str | None = None
    text: str | None = None
    date: str | None = None
    type: str | None = msgspec.field(name="@type", default=None)
    id: object = None
    """A text in the standard. Whatever comes instead must not cost the note."""


def _service_ids(entities: Sequence[RelatedEntity] | None) -> tuple[str, ...]:
    """Ids of the entities whose type ends in "service", such as CustomerFacingService."""
    targets = [one.target for one in entities or ()]
    return ids(one for one in targets if (one.kind or "").strip().casefold().endswith("service"))


TICKET: Final = Mapping(
    Ticket,
    always=["owners"],
    derived={"is_open": ["status"]},
    owners=source("relatedParty", owners),
    name=source("name", text),
    description=source("description", text),
    kind=source("ticketType", text),
    status=source("status", text),
    raw_status=source("status", text),
    severity=source("severity", enum_word(enum_table(TicketSeverity), TicketSeverity.UNKNOWN)),
    raw_severity=source("severity", text),
    priority=source("priority", numbered_text),
    created_at=source("creationDate", date),
    updated_at=source("lastUpdate", date),
    resolved_at=source("resolutionDate", date),
    expected_resolution_at=source("expectedResolutionDate", date),
    notes=source("note", Kind(array_of(NoteRow))),
    attachments=Source({"id": str, "attachment": array_of(Attachment)}, lambda _reader: documents),
    service_ids=source("relatedEntity", Kind(array_of(RelatedEntity), lambda _reader: _service_ids)),
    assignee=source("relatedParty", Kind(array_of(RelatedParty))),
)
"""TMF621 TroubleTicket. The driver decodes `status`, `notes` and `assignee`."""
