"""Parts of files, and their headers, as clients get them (RFC 9110, 14)."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.files import ByteRange, File
from gateway.http.file_answers import NoSuchPartError, cut_out, file_headers
from tests.stack import Stack

PDF = "/documents/Bill:BILL-1001-1-05/DOC-BILL-1001-1-05"
INLINE = "/documents/Ticket:TT-1001-1/TT-1001-1-A2"
"""Text, which the ticket itself holds."""

TEN = b"0123456789"


async def got(stack: Stack, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = {**stack.headers("1001"), **given}
    async with stack.session.request(method, f"{stack.address}{path}", headers=asked) as answer:
        return answer.status, dict(answer.headers), await answer.read()


@pytest.mark.parametrize("path", [PDF, INLINE])
async def test_a_file_has_a_length_and_parts(stack: Stack, path: str) -> None:
    status, headers, whole = await got(stack, path, Accept_Encoding="gzip")
    assert (status, headers["Content-Length"], headers["Accept-Ranges"]) == (200, str(len(whole)), "bytes")
    assert "Content-Encoding" not in headers
    assert headers["Content-Disposition"].startswith("inline; filename*=UTF-8''")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"
    size = len(whole)
    for given, expected, place in [
        ("bytes=0-9", whole[:10], f"0-9/{size}"),
        ("bytes=5-", whole[5:], f"5-{size - 1}/{size}"),
        ("bytes=-7", whole[-7:], f"{size - 7}-{size - 1}/{size}"),
        ("bytes=0-999999", whole, f"0-{size - 1}/{size}"),
        ("bytes=-999999", whole, f"0-{size - 1}/{size}"),
        ("Bytes=3-3", whole[3:4], f"3-3/{size}"),
    ]:
        status, headers, part = await got(stack, path, Range=given)
        assert (status, part, headers["Content-Range"]) == (206, expected, f"bytes {place}"), given
        assert headers["Content-Length"] == str(len(expected))
    for given in ("bytes=0-1,4-5", "bytes=9-3", "bytes=", "bytes=-", "lines=1-2", "bytes=a-b", f"bytes=0-{'9' * 30}"):
        status, _, body = await got(stack, path, Range=given)
        assert (status, body) == (200, whole), given
    for given in (f"bytes={size}-", f"bytes={size}-{size + 5}", "bytes=-0"):
        status, headers, _ = await got(stack, path, Range=given)
        assert (status, headers["Content-Range"]) == (416, f"bytes */{size}"), given
    status, headers, body = await got(stack, path, "HEAD", Range="bytes=0-1")
    assert (status, headers["Content-Length"], body) == (200, str(size), b"")


async def test_the_list_tells_the_size_where_the_system_does(stack: Stack) -> None:
    document = """{
      ticket(id: "TT-1001-1") { attachments { id size url } }
      bill(id: "BILL-1001-1-05") { documents { id size } }
    }"""
    found = (await stack.ask(document, "1001")).clean()
    for one in found["ticket"]["attachments"]:
        assert one["size"] == len((await got(stack, one["url"]))[2])
    assert found["bill"]["documents"] == [{"id": PDF.removeprefix("/documents/"), "size": None}]


async def parts_of(content: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("wanted", [ByteRange(0, 0), ByteRange(2, 6), ByteRange(9, None), ByteRange(None, 4)])
async def test_a_part_is_cut_out_of_whatever_pieces_come(size: int, wanted: ByteRange) -> None:
    sent = cut_out(File(parts_of(TEN, size), size=10), wanted, None)
    begin, end = wanted.within(10) or (0, 0)
    assert b"".join([part async for part in sent.parts]) == TEN[begin:end]
    assert sent.headers["Content-Range"] == f"bytes {begin}-{end - 1}/10"


@pytest.mark.parametrize(
    ("etag", "if_range", "status"),
    [
        ('"1"', None, 206),
        ('"1"', '"1"', 206),
        ('"1"', '"2"', 200),
        ('W/"1"', 'W/"1"', 200),
        (None, '"1"', 200),
        ('"1"', "Sun, 29 Nov 2026 19:00:00 GMT", 200),
    ],
)
async def test_a_part_is_of_the_version_that_the_client_has(
    etag: str | None, if_range: str | None, status: int
) -> None:
    sent = cut_out(File(parts_of(TEN, 3), size=10, etag=etag), ByteRange(2, 3), if_range)
    assert (sent.status, sent.headers.get("ETag")) == (status, etag)
    assert b"".join([part async for part in sent.parts]) == (b"23" if status == 206 else TEN)


async def test_a_file_of_unknown_size_comes_whole() -> None:
    sent = cut_out(File(parts_of(TEN, 3)), ByteRange(2, 3), None)
    assert (sent.status, sent.headers) == (200, {})
    with pytest.raises(NoSuchPartError):
        cut_out(File.of(b""), ByteRange(0, None), None)


@pytest.mark.parametrize(
    ("kind", "sent", "shown"),
    [
        ("application/pdf", "application/pdf", True),
        ("Image/PNG", "image/png", True),
        ("text/plain", "text/plain", True),
        ("text/html", "text/html", False),
        ("image/svg+xml", "image/svg+xml", False),
        ("application/xhtml+xml", "application/xhtml+xml", False),
        ("text/plain\r\nX-Evil: 1", "application/octet-stream", False),
        ("", "application/octet-stream", False),
        (None, "application/octet-stream", False),
    ],
)
def test_browsers_are_shown_what_is_safe(kind: str | None, sent: str, shown: bool) -> None:
    headers: dict[str, Any] = file_headers(kind, 'a "b"\r\n/ü.pdf')
    assert headers["Content-Type"] == sent
    assert headers["Content-Disposition"].split(";")[0] == ("inline" if shown else "attachment")
    assert re.fullmatch(r"[!-~ ]+", headers["Content-Disposition"])
