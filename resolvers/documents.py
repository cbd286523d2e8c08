"""Files that belong to records: where each is found behind the graph, and whose port opens it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import quote

from connectors.records import Document


@dataclass(frozen=True, slots=True)
class Filed:
    """A type whose records have documents: in which attribute, and of which domain's port."""

    type_name: str
    attribute: str
    domain: str


FILED: Final[Mapping[str, Filed]] = {
    one.type_name: one for one in (Filed("Bill", "documents", "billing"), Filed("Ticket", "attachments", "ticketing"))
}
"""By the type's name."""


@dataclass(frozen=True, slots=True)
class FiledDocument:
    """A document as clients see it, with the type of the record that it belongs to."""

    type_name: str
    document: Document

    @property
    def id(self) -> str:
        """Unique within its record."""
        return self.document.id

    @property
    def name(self) -> str | None:
        """The file's name."""
        return self.document.name

    @property
    def mime_type(self) -> str | None:
        """What it is, such as application/pdf."""
        return self.document.mime_type

    @property
    def url(self) -> str:
        """Path under the gateway: it names the record and the document, never where the system keeps it."""
        owner = quote(f"{self.type_name}:{self.document.owner}", safe=":")
        return f"/documents/{owner}/{quote(self.document.id, safe='')}"


def documents_of(type_name: str) -> Callable[[Any], Sequence[FiledDocument]]:
    """What gives the documents of a record of this type."""
    read = attrgetter(FILED[type_name].attribute)

    def documents(record: Any) -> Sequence[FiledDocument]:
        return [FiledDocument(type_name, one) for one in read(record)]

    return documents
