"""How a file is answered: its headers, and the part of it that a client wants (RFC 9110, 14)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from connectors.files import ByteRange, File
from gateway.errors import RequestError

SHOWN: Final = frozenset({"application/pdf", "image/jpeg", "image/png", "text/plain"})
"""Media types that browsers show and never run. All others are saved."""

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+")

_RANGE: Final = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<of_end>\d{1,18}))", re.IGNORECASE)


class NoSuchPartError(RequestError):
    """The file has none of the wanted bytes."""

    status = 416
    code = "BAD_REQUEST"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The file has {size} bytes, and none of those in the header Range. Ask for others, or for the whole file.",
            headers={"Content-Range": f"bytes */{size}"},
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent of a file."""

    parts: AsyncIterator[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def wanted_range(request: Request) -> ByteRange | None:
    """The single range that a client wants. None: the whole, also for several ranges, and what is no range at all."""
    given = request.headers.getlist("range")
    found = _RANGE.fullmatch(given[0].replace(" ", "")) if len(given) == 1 and request.method == "GET" else None
    if found is None:
        return None
    if found["of_end"] is not None:
        return ByteRange(None, int(found["of_end"]))
    first, last = int(found["first"]), int(found["last"]) if found["last"] else None
    return ByteRange(first, last) if last is None or first <= last else None


def cut_out(file: File, wanted: ByteRange | None, if_range: str | None) -> Sent:
    """The wanted part of a file, or all of it where its size is unknown, or it is another version than `if_range`.

    Raises NoSuchPartError.
    """
    versioned = {"ETag": file.etag} if file.etag else {}
    if wanted is not None and if_range is not None and (if_range != file.etag or if_range.startswith("W/")):
        wanted = None
    if file.is_part and file.end is not None:
        return Sent(file, 206, {**versioned, **_part(file.begin, file.end, file.size)})
    if file.size is None:
        return Sent(file, headers=versioned)
    if wanted is None:
        return Sent(file, headers={**versioned, "Content-Length": str(file.size), "Accept-Ranges": "bytes"})
    within = wanted.within(file.size)
    if within is None:
        raise NoSuchPartError(file.size)
    return Sent(_between(file, *within), 206, {**versioned, **_part(*within, file.size)})


def _part(begin: int, end: int, size: int | None) -> dict[str, str]:
    return {
        "Content-Length": str(end - begin),
        "Content-Range": f"bytes {begin}-{end - 1}/{'*' if size is None else size}",
        "Accept-Ranges": "bytes",
    }


async def _between(parts: AsyncIterator[bytes], begin: int, end: int) -> AsyncIterator[bytes]:
    place = 0
    async for part in parts:
        piece = part[max(0, begin - place) : end - place]
        place += len(part)
        if piece:
            yield piece
        if place >= end:
            return


def file_headers(mime_type: str | None, name: str) -> dict[str, str]:
    """Headers with which a browser shows what is safe to show, saves the rest, and runs nothing."""
    kind = (mime_type or "").strip().lower()
    kind = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
    shown = "inline" if kind in SHOWN else "attachment"
    return {
        "Content-Type": kind,
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Referrer-Policy": "no-referrer",
    }
