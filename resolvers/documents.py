"""Documents of records, such as a bill's PDF: their addresses on the gateway, and the ports that open them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import quote, unquote

from connectors.records import Document


@dataclass(frozen=True, slots=True)
class DocumentOwner:
    """A type whose records have documents, the attribute that holds them, and the domain whose port opens them."""

    type_name: str
    attribute: str
    domain: str


DOCUMENT_OWNERS: Final[Mapping[str, DocumentOwner]] = {
    one.type_name: one
    for one in (DocumentOwner("Bill", "documents", "billing"), DocumentOwner("Ticket", "attachments", "ticketing"))
}
"""By type name."""


@dataclass(frozen=True, slots=True)
class OwnedDocument:
    """A document and the type of its record. Clients see its attributes."""

    type_name: str
    document: Document

    @property
    def id(self) -> str:
        """The document's id, unique within its record."""
        return self.document.id

    @property
    def name(self) -> str | None:
        """The file's name."""
        return self.document.name

    @property
    def mime_type(self) -> str | None:
        """Media type, such as application/pdf."""
        return self.document.mime_type

    @property
    def url(self) -> str:
        """Path on the gateway, such as /documents/Bill:77/1. It never reveals the address in the system."""
        return f"/documents/{path_segment(f'{self.type_name}:{self.document.owner}')}/{path_segment(self.document.id)}"


def path_segment(text: str) -> str:
    """The text as one segment of a path that everything on the way leaves alone; `text_of` reads it.

    Letters, digits and ``._-:`` stand for themselves, other bytes of UTF-8 are a tilde and two hexadecimal digits.
    Percent signs would not do: proxies decode and refuse ``%2F``, and clients go up a step for ``%2E%2E``.
    """
    if text.strip(".") == "":
        return "~2E" * len(text)
    return quote(text, safe=":").replace("~", "~7E").replace("%", "~")


def text_of(segment: str) -> str:
    """The text that `path_segment` made this of."""
    return unquote(segment.replace("%", "%25").replace("~", "%"))


def documents_of(type_name: str) -> Callable[[Any], Sequence[OwnedDocument]]:
    """A function that returns the documents of a record of this type."""
    read = attrgetter(DOCUMENT_OWNERS[type_name].attribute)

    def documents(record: Any) -> Sequence[OwnedDocument]:
        return [OwnedDocument(type_name, one) for one in read(record)]

    return documents
