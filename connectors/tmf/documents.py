"""Files of TM Forum records: attachments given inline, or kept at an address of the same system."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from connectors.errors import Garbled
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.base64 import base64_bytes
from connectors.records import Document
from connectors.tmf.shapes import Attachment


def documents(owner: str, attachments: Sequence[Attachment] | None) -> tuple[Document, ...]:
    """The record's documents, each with an id of its own within the record.

    A document without an id, or with one that came before, gets its position in the list, from 1, as its id.
    """
    found: dict[str, Document] = {}
    for ident, one in _with_ids(attachments or ()):
        if one.url or one.content:
            found[ident] = Document(
                id=ident, owner=owner, name=one.name, mime_type=one.mime_type, size=_size(one), source=one
            )
    return tuple(found.values())


@asynccontextmanager
async def open_attachment(
    http: HttpClient, document: Document, part: ByteRange | None = None
) -> AsyncIterator[File | None]:
    """A document made by `documents`, its bytes as they arrive; None if it is gone. Raises `ConnectorError`."""
    match document.source:
        case Attachment(content=str(content)) if content:
            yield _inline(http, content)
        case Attachment(url=str(url)) if url:
            async with http.stream(url, part) as file:
                yield file
        case _:
            raise TypeError(f"{document.owner} {document.id}: not a document of {http.name}'s own records")


def _inline(http: HttpClient, content: str) -> File:
    try:
        return File.of(base64_bytes(content))
    except ValueError as error:
        raise Garbled(http.name, f"an attachment's content is not base64: {error}") from error


def _size(one: Attachment) -> int | None:
    """Bytes of the file; None if nothing tells them, or not exactly."""
    if one.content:
        return _decoded(one.content)
    match one.size:
        case {"amount": int(amount), **others} if 0 <= amount <= _MOST:
            units = others.get("units")
            return amount if units is None or str(units).strip().lower() in _BYTES else None
    return None


def _decoded(content: str) -> int | None:
    """Bytes that base64 without spaces and line breaks stands for."""
    if len(content) % 4 or not content.isascii() or any(one in content for one in " \r\n\t"):
        return None
    return len(content) // 4 * 3 - content[-2:].count("=")


_BYTES: Final = frozenset({"byte", "bytes", "b", ""})
"""Not kilobytes: whether these are 1,000 bytes or 1,024, and how they were rounded, nobody says."""

_MOST: Final = 2**31 - 1
"""The largest that GraphQL has (Int)."""


def _with_ids(attachments: Sequence[Attachment]) -> Iterator[tuple[str, Attachment]]:
    given = {str(one.id) for one in attachments if one.id not in (None, "")}
    taken: set[str] = set()
    for place, one in enumerate(attachments, 1):
        ident = str(one.id if one.id is not None else "")
        if not ident or ident in taken:
            ident = str(place)
            while ident in taken or ident in given:
                ident = f"{ident}-{place}"
        taken.add(ident)
        yield ident, one
