"""What goes wrong in a shared call reaches those who asked for it, and nobody else."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from connectors.crm.port import CrmPort
from connectors.errors import Failed, Rejected, TimedOut
from connectors.http.health import Health
from connectors.settings import System
from connectors.sharing.port import share_reads
from tests.connectors.canned import canned, reading
from tests.connectors.sharing.many_asking import NAME, asking, crm, customers, settled


@pytest.mark.parametrize(("status", "failure"), [(500, Failed), (400, Rejected)])
async def test_what_one_key_breaks_is_broken_for_those_who_asked_for_it(status: int, failure: type[Exception]) -> None:
    async with crm(share_after=1) as (c, held):
        held.fail["bad"] = status
        first = asking(customers("1"), c)
        await held.calls(1)
        bad, good = asking(customers("bad"), c), asking(customers("2"), c)
        held.let(1)
        await held.calls(2)
        held.let(2)
        await held.calls(4)  # each once more, alone
        held.let(4)
        assert type((await bad)["bad"]) is failure
        assert (await good)["2"].name == "Name 2"
        await first
        assert held.asked[:2] == [["1"], ["bad", "2"]]
        assert sorted(held.asked[2:]) == [["2"], ["bad"]]


async def test_anothers_unreadable_row_hides_no_total() -> None:
    def product(owner: str, name: object) -> list[dict[str, object]]:
        party = {"id": owner, "role": "customer", "@referredType": "Customer"}
        parties = "?" if owner == "3" else [party]
        return [
            {"id": f"P{owner}", "name": name, "relatedParty": parties},
            {"id": f"Q{owner}", "relatedParty": [party]},
        ]

    rows = {"1": product("1", "x"), "2": product("2", "x"), "3": product("3", "x")}
    let, asked = asyncio.Event(), list[list[str]]()
    began = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        owners = request.query["relatedParty.id"].split(",")
        asked.append(owners)
        began.set()
        await let.wait()
        found = [row for one in owners for row in rows[one]]
        return web.json_response(found, headers={"X-Total-Count": str(len(found))})

    async with canned(product=answer) as server, reading(server, share_after=1) as c:
        some = []
        for key in "123":
            some.append(asking(lambda c, key=key: c.crm.products_of_customers([key], None, NAME), c))
            await began.wait()
        await settled()
        let.set()
        totals = [(await one)[key].total for key, one in zip("123", some, strict=True)]
    assert asked[:2] == [["1"], ["2", "3"]]
    assert totals == [2, 2, None]


async def test_a_slow_key_is_slow_for_those_who_asked_for_it_while_the_system_answers_others() -> None:
    async def answer(request: web.Request) -> web.Response:
        ids = request.query["id"].split(",")
        asked.append(ids)
        began.set()
        await (asyncio.Event() if "slow" in ids else let).wait()
        return web.json_response([{"id": key, "name": "x"} for key in ids])

    asked, began, let = list[list[str]](), asyncio.Event(), asyncio.Event()
    async with canned(customer=answer) as server, reading(server, share_after=1, timeout=0.3) as c:
        first = asking(customers("1"), c)
        await began.wait()
        slow, good = (asking(customers(key), c) for key in ("slow", "2"))
        await settled()
        let.set()
        assert [type((await slow)["slow"]), (await good)["2"].name, (await first)["1"].name] == [TimedOut, "x", "x"]
        assert asked[:2] == [["1"], ["slow", "2"]]


async def test_too_much_for_one_answer_is_asked_for_in_parts() -> None:
    async with crm(share_after=1, max_rows=2) as (c, held):
        several = [asking(customers("1"), c)]
        await held.calls(1)
        several += [asking(customers(*keys), c) for keys in (("2", "3"), ("4",))]
        await settled()
        held.let(1)
        await held.calls(2)
        held.let(2)
        await held.calls(4)
        held.let(4)
        assert [sorted(await one) for one in several] == [["1"], ["2", "3"], ["4"]]
        assert held.asked[1] == ["2", "3", "4"]
        assert sorted(held.asked[2:]) == [["2", "3"], ["4"]]


@pytest.mark.parametrize("keys", [("1", "1"), ("1", "2")], ids=["the same", "in one call"])
async def test_a_fault_of_a_driver_leaves_nobody_waiting(keys: tuple[str, str]) -> None:
    class Driver:
        async def customers(self, _ids: Any, _fields: Any) -> None:
            """Nothing, where there should be a mapping."""

    line = share_reads(Driver(), CrmPort, System.model_validate({"url": "http://crm.example"}), Health("crm"))
    several = [asking(lambda _c, key=key: line.customers([key], NAME), None) for key in keys]  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        for one in several:
            with pytest.raises((AttributeError, TypeError)):
                await one
    assert line.is_idle  # type: ignore[attr-defined]
