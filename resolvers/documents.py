"""Documents of records, such as a bill's PDF: their addresses on the gateway, and the ports that open them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from connectors.records import Document
from resolvers.errors import PublicError
from resolvers.viewer import Viewer


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
    def size(self) -> int | None:
        """Size in bytes."""
        return self.document.size

    @property
    def key(self) -> str:
        """Which document it is of all, such as Bill:77/1."""
        return key_of(f"{self.type_name}:{self.document.owner}", self.document.id)


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """An address that opens a document without a token, until it ends."""

    url: str
    expires_at: datetime


class Sign(Protocol):
    """Signs for viewers."""

    def __call__(self, key: str, viewer: Viewer) -> tuple[str, datetime]:
        """The signature for a document's key, as it stands in an address, and when it ends. Raises `PublicError`."""


class NothingSigned(PublicError):
    """The settings allow no signed addresses."""

    code = "NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("This gateway signs no addresses of documents. Get the file at `url`, with the bearer token.")


class Addresses:
    """Where clients find documents: `base` is what their paths are put behind, and may be empty."""

    def __init__(self, base: str = "", sign: Sign | None = None) -> None:
        self._folder, self._sign = f"{base}{FOLDER}/", sign

    def url(self, document: OwnedDocument) -> str:
        """Its address. It never reveals the address in the system."""
        return self._folder + document.key

    def signed(self, document: OwnedDocument, viewer: Viewer) -> SignedAddress:
        """An address that opens it as this viewer. Raises `PublicError`."""
        if self._sign is None:
            raise NothingSigned
        signature, ends = self._sign(document.key, viewer)
        return SignedAddress(f"{self._folder}{document.key}?{SIGNATURE}={signature}", ends)


FOLDER: Final = "/documents"
"""Path of all documents on the gateway."""

SIGNATURE: Final = "signature"
"""Parameter of a signed address."""

PATHS: Final = Addresses()
"""Where the gateway does not know how clients reach it."""


def key_of(owner: str, document: str) -> str:
    """What stands for a document: its record's global id and its own id, as two segments of a path."""
    return f"{path_segment(owner)}/{path_segment(document)}"


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
