"""Files that systems keep: streamed from the system itself and from nowhere else."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from aiohttp import web

from connectors import Connectors
from connectors.billing.port import Bill
from connectors.errors import (
    Busy,
    ConnectorError,
    Failed,
    Garbled,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.files import ByteRange
from connectors.http.health import SystemStatus
from connectors.records import Document
from sandbox.data.documents import lights_png, measurement
from tests.connectors.asking import connected
from tests.connectors.canned import canned, never, reading
from tests.systems import Systems, asked


def found_in(record: Any, attribute: str, document: str) -> Document | None:
    """The record's document with this id."""
    return next((one for one in getattr(record, attribute, ()) if one.id == document), None)


async def bill_file(c: Connectors, bill: str, document: str) -> bytes | None:
    """All of a bill's document; None where there is no such document, or its file is gone."""
    found = found_in((await c.billing.bills([bill], frozenset({"documents"}))).get(bill), "documents", document)
    if found is None:
        return None
    async with c.billing.open_document(found) as parts:
        return None if parts is None else b"".join([part async for part in parts])


async def ticket_file(c: Connectors, ticket: str, attachment: str) -> bytes | None:
    """All of a ticket's attachment; None where there is none, or its file is gone."""
    tickets = await c.ticketing.tickets([ticket], frozenset({"attachments"}))
    found = found_in(tickets.get(ticket), "attachments", attachment)
    if found is None:
        return None
    async with c.ticketing.open_document(found) as parts:
        return None if parts is None else b"".join([part async for part in parts])


@pytest.mark.parametrize("absolute", [True, False])
async def test_files_at_an_address_and_inline(systems: Systems, absolute: bool) -> None:
    for server in systems.values():
        server.switches.absolute_urls = absolute
    async with connected(systems) as c:
        pdf = await bill_file(c, "BILL-1001-1-07", "DOC-BILL-1001-1-07")
        assert pdf is not None
        assert pdf.startswith(b"%PDF-1.4")
        assert b"Customer 1001" in pdf
        assert await ticket_file(c, "TT-1001-1", "TT-1001-1-A1") == lights_png()
        assert await ticket_file(c, "TT-1001-1", "TT-1001-1-A2") == measurement("TT-1001-1", "1001")
        for nothing in (
            bill_file(c, "BILL-1001-1-07", "DOC-BILL-1002-1-01"),
            bill_file(c, "BILL-0", "DOC-BILL-0"),
            ticket_file(c, "TT-1001-2", "TT-1001-1-A1"),
        ):
            assert await nothing is None
    base = "GET /tmf-api/customerBillManagement/v4/customerBill"
    fields = "fields=billDocument,billingAccount,id,relatedParty&sort=id&limit=1000"
    assert asked(systems["billing"])[:2] == [
        f"{base}?id=BILL-1001-1-07&{fields}",
        "GET /documents/BILL-1001-1-07.pdf",
    ]


def bill(**attachment: Any) -> str:
    """The list with one bill that has one document."""
    return json.dumps([{"id": "B", "billDocument": [{"id": "D", **attachment}]}])


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "//elsewhere.example/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1:1/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "data:text/plain,x",
        "http://[",
    ],
)
async def test_an_address_elsewhere_is_never_followed(url: str) -> None:
    async with canned(customerBill=bill(url=url)) as server, reading(server) as c:
        with pytest.raises(Rejected, match="a document at"):
            await bill_file(c, "B", "D")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/f/a%3Bb%2Fc%252F/x?y=%2B%3B&z=a+b", "/f/a%3Bb%2Fc%252F/x?y=%2B%3B&z=a+b"),
        ("/f/a;b//x", "/f/a;b//x"),
        ("/f/ü 50%/x", "/f/%C3%BC%2050%25/x"),
        ("f/x", "/f/x"),
    ],
)
async def test_an_address_reaches_the_system_as_it_is(address: str, sent: str) -> None:
    """What is encoded stays so, and what is not is encoded."""
    async with canned(customerBill=bill(url=address), x=b"file") as server, reading(server) as c:
        assert await bill_file(c, "B", "D") == b"file"
    assert server.seen[1:] == [sent]


async def test_an_address_that_points_elsewhere_from_within_is_not_followed() -> None:
    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})

    async with canned(customerBill=bill(url="/files/moved"), moved=moved) as server, reading(server) as c:
        with pytest.raises(Rejected):
            await bill_file(c, "B", "D")
    assert server.seen[1:] == ["/files/moved"]


@pytest.mark.parametrize(
    "content",
    [
        "/+7/7g+/aQ==",
        "/+7/\r\n7g+/\r\naQ==\r\n",
        "_-7_7g-_aQ",
        " _-7_7g-_aQ= ",
        "data:application/pdf;base64,/+7/7g+/aQ==",
        "data:;Base64, /+7/7g+/aQ",
    ],
)
async def test_base64_as_others_write_it(content: str) -> None:
    async with canned(customerBill=bill(content=content)) as server, reading(server) as c:
        assert await bill_file(c, "B", "D") == b"\xff\xee\xff\xee\x0f\xbf\x69"


async def test_documents_of_one_record_have_ids_of_their_own() -> None:
    attachments = [
        {"id": "2", "content": "QQ=="},
        {"content": "Qg=="},
        {"id": "2", "content": "Qw=="},
        {"id": "", "content": "RA=="},
    ]
    row = json.dumps([{"id": "B", "billDocument": attachments}])
    async with canned(customerBill=row) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], frozenset({"documents"})))["B"]
        assert isinstance(found, Bill)
        assert [one.id for one in found.documents] == ["2", "2-2", "3", "4"]
        assert [await bill_file(c, "B", one) for one in ("2", "2-2", "3", "4")] == [b"A", b"B", b"C", b"D"]


@pytest.mark.parametrize("content", ["not base64!", "QQ==QQ==", "A", "Q=Q=", "data:,QQ=="])
async def test_content_that_is_no_base64(content: str) -> None:
    async with canned(customerBill=bill(content=content)) as server, reading(server) as c:
        with pytest.raises(Garbled, match="not base64"):
            await bill_file(c, "B", "D")


async def test_a_document_without_an_id_is_known_by_its_place() -> None:
    rows = json.dumps([{"id": "B", "billDocument": [{"name": "a"}, {"content": "aGVq", "name": "b"}]}])
    async with canned(customerBill=rows) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        assert [one.id for one in found.documents] == ["2"]  # the first is nowhere to be had
        assert await bill_file(c, "B", "2") == b"hej"
        assert "aGVq" not in repr(found)
        assert found.documents[0] == Document(id="2", owner="B", name="b", size=3)
        with pytest.raises(TypeError, match="B 3"):
            await c.billing.open_document(Document(id="3", owner="B")).__aenter__()


async def test_how_a_file_can_fail() -> None:
    cut = asyncio.Event()

    async def broken(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"begin")
        await cut.wait()
        assert request.transport is not None
        request.transport.close()
        return answer

    async def status(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path.rsplit("/", 1)[-1]))

    async with (
        canned(broken=broken, hanging=never, **{"500": status, "403": status}) as server,
        reading(server, timeout=0.3) as c,
    ):
        for url, failure in (("/500", Failed), ("/403", Refused), ("/hanging", TimedOut)):
            server.answers["customerBill"] = bill(url=url)
            with pytest.raises(failure):
                await bill_file(c, "B", "D")
        server.answers["customerBill"] = bill(url="/nothing")
        assert await bill_file(c, "B", "D") is None
        server.answers["customerBill"] = bill(url="/broken")
        parts: list[bytes] = []
        with pytest.raises(Unreachable):
            await read_until_cut(c, parts, cut)
        assert parts == [b"begin"]


async def read_until_cut(c: Connectors, parts: list[bytes], cut: asyncio.Event) -> None:
    """Read a document into `parts`, setting `cut` when something has come."""
    bill = (await c.billing.bills(["B"], frozenset({"documents"})))["B"]
    assert isinstance(bill, Bill)
    async with c.billing.open_document(bill.documents[0]) as opened:
        assert opened is not None
        async for part in opened:
            parts.append(part)
            cut.set()


async def test_slow_readers_of_files_keep_no_question_waiting() -> None:
    begun = asyncio.Event()

    async def slow_file(request: web.Request) -> web.StreamResponse:
        begun.set()
        return await never(request)

    async with (
        canned(customerBill=bill(url="/hanging"), hanging=slow_file, payment="[]") as server,
        reading(server, concurrency=1, timeout=2) as c,
    ):
        slow = asyncio.create_task(bill_file(c, "B", "D"))
        await begun.wait()
        async with asyncio.timeout(1):
            assert await c.billing.payments(["1"], None) == {}
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow


async def test_a_place_for_a_file_is_waited_for_and_not_for_ever() -> None:
    begun = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"begin")
        begun.set()
        return await never(request)

    async with (
        canned(customerBill=bill(url="/endless"), endless=endless) as server,
        reading(server, concurrency=1, timeout=0.3) as c,
    ):
        document = (await c.billing.bills(["B"], None))["B"].documents[0]
        async with c.billing.open_document(document) as parts:
            assert await anext(parts) == b"begin"
            with pytest.raises(Busy, match="concurrency = 1"):
                await bill_file(c, "B", "D")
            with pytest.raises(TimedOut):  # nothing came for as long as an answer may take
                await anext(parts)


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_is_no_larger_than_the_settings_allow(told: bool) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "3000"} if told else {})
        await answer.prepare(request)
        for _ in range(3):
            await answer.write(b"x" * 1000)
        return answer

    async with canned(customerBill=bill(url="/large"), large=large) as server:
        async with reading(server, max_file_bytes=2999) as c:
            with pytest.raises(TooMuch, match="max_file_bytes = 2999"):
                await bill_file(c, "B", "D")
        async with reading(server, max_file_bytes=3000) as c:
            assert await bill_file(c, "B", "D") == b"x" * 3000


async def test_a_reader_that_stands_still_keeps_its_place_no_longer_than_a_file_may_take() -> None:
    async def file(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"begin")
        if len(server.seen) > 2:
            return answer
        return await never(request)

    async with (
        canned(customerBill=bill(url="/file"), file=file) as server,
        reading(server, concurrency=1, timeout=5, file_timeout=0.3) as c,
    ):
        document = (await c.billing.bills(["B"], None))["B"].documents[0]
        async with c.billing.open_document(document) as parts:
            assert await anext(parts) == b"begin"
            assert await bill_file(c, "B", "D") == b"begin"  # waited until the first was over
            with pytest.raises(TimedOut, match=r"file_timeout = 0\.3"):
                await anext(parts)
            with pytest.raises(StopAsyncIteration):
                await anext(parts)
        assert await bill_file(c, "B", "D") == b"begin"


@pytest.mark.parametrize("rate", [1e9, 1e6])
async def test_a_slow_reader_leaves_its_place_to_others(rate: float) -> None:
    """After `file_pause`, and as much longer as the parts that it took are worth: half a second for half a megabyte."""
    content = bytes(500_000)

    async def file(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content)

    async with (
        canned(customerBill=bill(url="/file"), file=file) as server,
        reading(server, concurrency=1, timeout=5, file_timeout=20, file_pause=0.1, file_rate=rate) as c,
    ):
        found = (await c.billing.bills(["B"], None))["B"].documents[0]
        began = asyncio.get_running_loop().time()
        async with c.billing.open_document(found) as parts:
            assert parts is not None
            first = await anext(parts)
            async with c.billing.open_document(found) as others:  # waits for the only place
                assert others is not None
                waited = asyncio.get_running_loop().time() - began
                assert b"".join([part async for part in others]) == content
            with pytest.raises(TimedOut, match="file_rate"):
                await anext(parts)
    assert waited >= 0.1 + len(first) / rate


async def test_a_file_that_drips_is_over_in_time() -> None:
    async def dripping(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(1000):
            await answer.write(b"x")
            await asyncio.sleep(0.02)
        return answer

    async with (
        canned(customerBill=bill(url="/dripping"), dripping=dripping) as server,
        reading(server, timeout=5, file_timeout=0.3) as c,
    ):
        with pytest.raises(TimedOut, match="file_timeout"):
            await bill_file(c, "B", "D")


async def test_a_client_that_goes_away_is_no_failure_of_the_system() -> None:
    async with canned(customerBill=bill(url="/file"), file=b"all of it") as server, reading(server) as c:
        document = (await c.billing.bills(["B"], None))["B"].documents[0]
        health = c.systems[1].probe.http.health
        with pytest.raises(ConnectionResetError):
            await given_up(c, document)
        assert (health.status, health.last_error) == (SystemStatus.UP, None)


async def given_up(c: Any, document: Document) -> None:
    """Open a document for somebody who is no longer there."""
    async with c.billing.open_document(document):
        raise ConnectionResetError


TEN = b"0123456789"


async def obeying(request: web.Request) -> web.Response:
    """A system that knows ranges."""
    headers = {"ETag": '"v1"'}
    asked = request.http_range
    if asked.start is None and asked.stop is None:
        return web.Response(body=TEN, headers=headers)
    begin, end, _ = asked.indices(len(TEN))
    if begin >= end:
        return web.Response(status=416, headers={"Content-Range": "bytes */10"})
    return web.Response(
        status=206, body=TEN[begin:end], headers=headers | {"Content-Range": f"bytes {begin}-{end - 1}/10"}
    )


@pytest.mark.parametrize(
    ("part", "sent", "expected"),
    [
        (None, None, (TEN, 0, 10, False)),
        (ByteRange(2, 4), "bytes=2-4", (b"234", 2, 5, True)),
        (ByteRange(7, None), "bytes=7-", (b"789", 7, 10, True)),
        (ByteRange(None, 3), "bytes=-3", (b"789", 7, 10, True)),
        (ByteRange(20, None), None, (TEN, 0, 10, False)),  # none of it: all of it, to tell its size
    ],
)
async def test_a_part_is_asked_of_the_system(
    part: ByteRange | None, sent: str | None, expected: tuple[bytes, int, int, bool]
) -> None:
    async with canned(customerBill=bill(url="/f"), f=obeying) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        async with c.billing.open_document(found.documents[0], part) as file:
            assert file is not None
            assert (file.size, file.etag) == (10, '"v1"')
            assert (b"".join([one async for one in file]), file.begin, file.end, file.is_part) == expected
    assert server.headers[-1].get("Range") == sent
    assert server.headers[-1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Range": "bytes 0-2/10"},
        {"Content-Range": "bytes 2-9/10"},
        {"Content-Range": "bytes 4-2/10"},
        {"Content-Range": "bytes 2-4/10", "Content-Encoding": "identity"},
        {"Content-Range": "items 2-4/10"},
        {"Content-Range": "bytes 2-4/3"},
    ],
)
async def test_another_part_than_the_wanted_one_is_not_taken_for_it(headers: dict[str, str]) -> None:
    async def wrong(_: web.Request) -> web.Response:
        return web.Response(status=206, body=b"234", headers=headers)

    async with canned(customerBill=bill(url="/f"), f=wrong) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        with pytest.raises(Garbled, match="another part"):
            async with c.billing.open_document(found.documents[0], ByteRange(2, 4)):
                pass


async def test_a_part_of_a_file_that_is_too_large_is_refused() -> None:
    async def huge(_: web.Request) -> web.Response:
        return web.Response(status=206, body=b"2", headers={"Content-Range": f"bytes 2-2/{10**12}"})

    async with canned(customerBill=bill(url="/f"), f=huge) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        with pytest.raises(TooMuch):
            async with c.billing.open_document(found.documents[0], ByteRange(2, 2)):
                pass


async def test_the_size_of_a_packed_file_is_not_that_of_what_was_sent() -> None:
    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(TEN * 100), headers={"Content-Encoding": "gzip"})

    async with canned(customerBill=bill(url="/f"), f=packed) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        async with c.billing.open_document(found.documents[0]) as file:
            assert file is not None
            assert file.size is None
            assert b"".join([one async for one in file]) == TEN * 100


@pytest.mark.parametrize(
    ("size", "known"),
    [
        ({"amount": 12, "units": "bytes"}, 12),
        ({"amount": 12}, 12),
        ({"amount": 12, "units": "KB"}, None),
        ({"amount": 1.5, "units": "bytes"}, None),
        ({"amount": -1, "units": "bytes"}, None),
        ({"amount": 2**40, "units": "bytes"}, None),
        ({"amount": "12", "units": "bytes"}, None),
        (12, None),
        ("12 KB", None),
        ([], None),
    ],
)
async def test_a_size_that_cannot_be_told_costs_no_file(size: object, known: int | None) -> None:
    async with canned(customerBill=bill(url="/f", size=size)) as server, reading(server) as c:
        found = (await c.billing.bills(["B"], None))["B"]
        assert not isinstance(found, ConnectorError)
        assert [one.size for one in found.documents] == [known]
