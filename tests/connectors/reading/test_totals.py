"""A total that rows, or a link to a next page, contradict is no total; what is learned of a list is kept."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

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
