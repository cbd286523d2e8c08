"""Files of TM Forum records: attachments given inline, or kept at an address of the same system."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from connectors.errors import Garbled
from connectors.http import HttpClient
from connectors.records import Document
from connectors.tmf_shapes import Attachment


def documents(owner: str, attachments: Sequence[Attachment] | None) -> tuple[Document, ...]:
    """The record's documents. One without an id of its own is known by its place in the list."""
    return tuple(
        Document(id=_id(place, one), owner=owner, name=one.name, mime_type=one.mime_type)
        for place, one in enumerate(attachments or (), 1)
        if one.url or one.content
    )


@asynccontextmanager
async def opened(
    http: HttpClient, attachments: Sequence[Attachment] | None, document_id: str
) -> AsyncIterator[AsyncIterator[bytes] | None]:
    """Bytes of the attachment with this id as they come, None where there is none. Raises `ConnectorError`."""
    wanted = next((one for place, one in enumerate(attachments or (), 1) if _id(place, one) == document_id), None)
    if wanted is not None and wanted.content:
        yield _inline(http, wanted.content)
    elif wanted is not None and wanted.url:
        async with http.stream(wanted.url) as parts:
            yield parts
    else:
        yield None


async def _inline(http: HttpClient, content: str) -> AsyncIterator[bytes]:
    try:
        yield base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise Garbled(http.name, f"an attachment's content is not base64: {error}") from error


def _id(place: int, attachment: Attachment) -> str:
    return str(attachment.id) if attachment.id is not None else str(place)
