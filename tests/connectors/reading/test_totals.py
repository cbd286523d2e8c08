"""A total that rows, or a link to a next page, contradict is no total; what is learned of a list is kept."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Garbled
from connectors.records import Window
from tests.connectors.canned import Answering, canned, reading

EVERYBODY = [{"id": str(number), "name": "Ann"} for number in range(101, 126)]
NEXT = '<https://crm/customer?offset=10>; rel="next"'


def said(rows: Sequence[Any], total: int, *, cap: int = 10, link: bool = False, always: bool = False) -> Answering:
    """A list that says that it has `total` rows; `always`: even its last page has a link to a next one."""

    async def answer(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        part = rows[offset : offset + min(cap, int(request.query["limit"]))]
        more = offset + len(part) < len(rows)
        headers = {"X-Total-Count": str(total), **({"Link": NEXT} if (link and more) or always else {})}
        return web.json_response(part, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("total", "link"), [(3, False), (9, False), (10, True), (20, True), (24, False), (24, True), (25, True)]
)
async def test_all_rows_come(total: int, link: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        canned(customer=said(EVERYBODY, total, link=link)) as server,
        reading(server, profile={"sort": False}) as c,
    ):
        for _ in range(2):
            found = await c.crm.customers_named("Ann", Window(0, 100), None)
            assert ([one.id for one in found.items], found.total) == ([one["id"] for one in EVERYBODY], 25)
    warned = [one for one in caplog.records if "total that is too low" in one.getMessage()]
    assert len(warned) == (total < 25)
    assert [one for one in c.systems[0].probe.http.health.notices if "too low" in one] == [
        one.getMessage().removeprefix("crm: ") for one in warned
    ]


async def test_a_window_says_no_wrong_total() -> None:
    async with canned(customer=said(EVERYBODY, 10, link=True)) as server, reading(server) as c:
        for _ in range(2):
            page = await c.crm.customer_list(Window(0, 20), None)
            assert (len(page.items), page.total) == (20, None)


async def test_a_link_that_leads_to_nothing_is_followed_once_and_the_total_stands() -> None:
    few = EVERYBODY[:4]
    async with canned(customer=said(few, 4, always=True)) as server, reading(server, profile={"sort": False}) as c:
        counts = []
        for _ in range(3):
            found = await c.crm.customers_named("Ann", Window(0, 100), None)
            assert len(found.items) == 4
            counts.append(len(server.seen))
        assert counts == [2, 3, 4]
        assert c.systems[0].probe.http.health.notices == []


async def test_a_server_that_counts_from_nothing_beyond_the_end_is_no_liar() -> None:
    async def answer(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        return web.json_response(EVERYBODY[offset:], headers={"X-Total-Count": "25" if offset < 25 else "0"})

    async with canned(customer=answer) as server, reading(server) as c:
        assert (await c.crm.customer_list(Window(30, 5), None)).items == []
        assert (await c.crm.customer_list(Window(0, 30), None)).total == 25


def paged(rows: Sequence[Any], headers: Any, *, cap: int = 10, status: int = 200, shown: Any = None) -> Answering:
    """Pages of these rows; `headers` makes lines of offset and rows of a page. Then those not `shown` are hidden."""

    async def answer(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        part = rows[offset : offset + min(cap, int(request.query.get("limit", cap)))]
        response = web.json_response([one for one in part if shown is None or one in shown], status=status)
        for name, value in headers(offset, len(part)):
            response.headers.add(name, value)
        return response

    return answer


def next_from(offset: int, came: int, of: int = 25) -> list[tuple[str, str]]:
    first = ("Link", '<https://crm/customer?offset=0>; rel="first"')
    return [first, *([("Link", NEXT)] if offset + came < of else [])]


WAYS: list[tuple[str, Any, dict[str, Any]]] = [
    ("the link stands on a second line", lambda at, n: [("X-Total-Count", "10"), *next_from(at, n)], {}),
    ("two totals", lambda _at, n: [("X-Total-Count", str(n)), ("X-Total-Count", "25")], {}),
    ("two totals in a line", lambda _at, n: [("X-Total-Count", f"{n}, 25")], {}),
    ("the page's rows for a total", lambda _at, n: [("X-Total-Count", str(n))], {"page_size": 10}),
    ("a range that knows better", lambda _at, n: [("X-Total-Count", str(n)), ("Content-Range", "items 0-9/25")], {}),
    ("a range for a total", lambda at, n: [("Content-Range", f"items {at}-{at + n - 1}/25")], {}),
    ("a range of unknown length", lambda at, n: [("Content-Range", f"items {at}-{at + n - 1}/*")], {}),
]


@pytest.mark.parametrize(("headers", "profile"), [one[1:] for one in WAYS], ids=[one[0] for one in WAYS])
async def test_all_rows_come_whatever_the_headers_say(headers: Any, profile: dict[str, Any]) -> None:
    async with (
        canned(customer=paged(EVERYBODY, headers)) as server,
        reading(server, profile={"sort": False, **profile}) as c,
    ):
        for _ in range(2):
            found = await c.crm.customers_named("Ann", Window(0, 100), None)
            assert ([one.id for one in found.items], found.total) == ([one["id"] for one in EVERYBODY], 25)


@pytest.mark.parametrize(
    "headers",
    [lambda _at, n: [("X-Total-Count", str(n))], lambda _at, n: [("Content-Range", f"bytes 0-{n * 30 - 1}/{n * 30}")]],
    ids=["rows of the page", "bytes of the body"],
)
async def test_what_counts_something_else_is_no_total_of_a_window_either(headers: Any) -> None:
    """Not even on the empty page behind the last one, which says 0."""
    async with canned(customer=paged(EVERYBODY, headers)) as server, reading(server, profile={"page_size": 10}) as c:
        for window in (Window(0, 100), Window(0, 5)):
            page = await c.crm.customer_list(window, None)
            assert (len(page.items), page.total) == (min(25, window.limit), None)


async def test_a_part_that_is_called_the_whole_is_read_on() -> None:
    answer = paged(EVERYBODY, lambda _at, n: [("X-Total-Count", str(n))], status=206)
    async with canned(customer=answer) as server, reading(server, profile={"sort": False}) as c:
        assert len((await c.crm.customers_named("Ann", Window(0, 100), None)).items) == 25


async def test_a_window_as_long_as_the_list_has_its_total_and_costs_one_call_once() -> None:
    for total, right in (("20", None), ("25", 20)):
        rows = EVERYBODY[: right or 25]
        answer = paged(rows, lambda _at, n, total=total: [("X-Total-Count", str(min(n, int(total))))], cap=100)
        async with canned(customer=answer) as server, reading(server) as c:
            pages = [await c.crm.customer_list(Window(0, 20), None) for _ in range(2)]
            assert [(len(page.items), page.total) for page in pages] == [(20, right)] * 2
            assert len(server.seen) == 3


HIDDEN = [*EVERYBODY[:10], *EVERYBODY[20:]]


async def test_a_page_whose_rows_are_all_hidden_is_not_the_end() -> None:
    async with (
        canned(customer=paged(EVERYBODY, next_from, shown=HIDDEN)) as server,
        reading(server, profile={"sort": False, "page_size": 10}) as c,
    ):
        found = await c.crm.customers_named("Ann", Window(0, 100), None)
        assert [one.id for one in found.items] == [one["id"] for one in HIDDEN]


async def test_links_that_never_end_cost_some_calls_once() -> None:
    few = paged(EVERYBODY[:4], lambda *_: [("Link", NEXT)])
    async with canned(customer=few) as server, reading(server, profile={"sort": False}) as c:
        counts = []
        for _ in range(2):
            assert len((await c.crm.customers_named("Ann", Window(0, 100), None)).items) == 4
            counts.append(len(server.seen))
        assert counts == [1 + 6, 7 + 2]


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("at", [3, 9, 10, 24])
async def test_a_row_that_stands_twice_in_a_list_costs_nothing_and_is_said(total: bool, at: int) -> None:
    rows = [*EVERYBODY[: at + 1], *EVERYBODY[at:]]
    answer = paged(rows, lambda *_: [("X-Total-Count", "26")] if total else [])
    async with canned(customer=answer) as server, reading(server, profile={"sort": False}) as c:
        found = await c.crm.customers_named("Ann", Window(0, 100), None)
        assert ([one.id for one in found.items], found.total) == ([one["id"] for one in EVERYBODY], 25)
        assert ["sends some rows twice" in one for one in c.systems[0].probe.http.health.notices] == [True]


@pytest.mark.parametrize("total", [True, False])
async def test_rows_that_move_from_page_to_page_are_no_list(total: bool) -> None:
    asked: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(1)
        turned = EVERYBODY[len(asked) * 7 % 25 :] + EVERYBODY[: len(asked) * 7 % 25]
        offset = int(request.query.get("offset", 0))
        return web.json_response(turned[offset : offset + 10], headers={"X-Total-Count": "25"} if total else {})

    async with canned(customer=answer) as server, reading(server, profile={"sort": False}) as c:
        with pytest.raises(Garbled, match=r"set (total_trusted|page_size)"):
            await c.crm.customers_named("Ann", Window(0, 100), None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [([("X-Total-Count", "25")], 200), ([("Link", NEXT)], 200), ([], 206), ([("Content-Range", "items 0-9/25")], 206)],
)
async def test_no_paging_is_no_end_where_the_system_says_that_more_follows(headers: Any, status: int) -> None:
    answer = paged(EVERYBODY, lambda *_: headers, status=status)
    profile = {"sort": False, "paging": "none"}
    async with canned(customer=answer) as server, reading(server, profile=profile) as c:
        with pytest.raises(Garbled, match="set paging = 'offset'"):
            await c.crm.customers_named("Ann", Window(0, 100), None)
    async with canned(customer=answer) as server, reading(server, profile={**profile, "total_trusted": False}) as c:
        assert len((await c.crm.customers_named("Ann", Window(0, 100), None)).items) == 10


ONE = {"id": "101", "name": "Ann"}


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (ONE, ["101"]),
        ({"customer": ONE}, ["101"]),
        ({"id": "101", "name": "Ann", "customer": []}, ["101"]),
        ({"customer": [ONE]}, ["101"]),
        ({"id": "request-7", "customer": [ONE]}, ["101"]),
        ({"id": "100", "name": "Ann", "@type": "Customer", "customer": [ONE]}, ["100"]),
        ({}, []),
        ({"customer": {}}, []),
        ({"customer": None}, []),
        ([{**ONE, "id": 101.0}], ["101"]),
        ({"code": "60", "reason": "down"}, None),
        ({"id": "7", "code": "60", "reason": "down"}, None),
        ({"error": "down"}, None),
        ([{"id": "", "name": "Ann"}], None),
        ("", None),
    ],
)
async def test_one_row_stands_for_a_list_of_it_and_nothing_for_an_empty_one(body: Any, ids: list[str] | None) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response([] if request.query.get("offset") else body)

    async with canned(customer=answer) as server, reading(server, profile={"sort": False}) as c:
        if ids is None:
            with pytest.raises(Garbled):
                await c.crm.customers_named("Ann", Window(0, 100), None)
        else:
            found = await c.crm.customers_named("Ann", Window(0, 100), None)
            assert [one.id for one in found.items] == ids


async def test_rows_with_an_empty_id_are_lost_aloud_each() -> None:
    rows = [{"id": "", "name": "Ann"}, {"id": "", "name": "Anna"}, ONE]

    async def answer(request: web.Request) -> web.Response:
        return web.json_response([] if request.query.get("offset") else rows)

    async with canned(customer=answer) as server, reading(server, profile={"sort": False}) as c:
        found = await c.crm.customers_named("Ann", Window(0, 100), None)
        assert ([one.id for one in found.items], found.total, found.unread) == (["101"], None, 2)
