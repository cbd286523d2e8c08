"""Files of TM Forum records: attachments given inline, or kept at an address of the same system."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.records import Document
from connectors.tmf.shapes import Attachment


def documents(owner: str, attachments: Sequence[Attachment] | None) -> tuple[Document, ...]:
    """The record's documents. A document without an id gets its position in the list, from 1, as its id."""
    return tuple(
        Document(id=_id(place, one), owner=owner, name=one.name, mime_type=one.mime_type, source=one)
        for place, one in enumerate(attachments or (), 1)
        if one.url or one.content
    )


@asynccontextmanager
async def open_attachment(http: HttpClient, document: Document) -> AsyncIterator[AsyncIterator[bytes] | None]:
    """The bytes of a document made by `documents`, as they arrive; None if it is gone. Raises `ConnectorError`."""
    match document.source:
        case Attachment(content=str(content)) if content:
            yield _inline(http, content)
        case Attachment(url=str(url)) if url:
            async with http.stream(url) as parts:
                yield parts
        case _:
            raise TypeError(f"{document.owner} {document.id}: not a document of {http.name}'s own records")


async def _inline(http: HttpClient, content: str) -> AsyncIterator[bytes]:
    try:
        yield base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise Garbled(http.name, f"an attachment's content is not base64: {error}") from error


def _id(place: int, attachment: Attachment) -> str:
    return str(attachment.id) if attachment.id is not None else str(place)
