"""Usage that is a little odd: one odd amount costs itself, a part that nobody can read is counted, no error is done."""

import json
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Failed, Garbled
from tests.connectors.canned import canned, reading


def bucket(name: str, amount: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "remainingValue": {"amount": amount, "units": "GB"}, **more}


def of(customer: Any, *buckets: Any, **more: Any) -> dict[str, Any]:
    party = [{"id": customer, "role": "customer", "@referredType": "Customer"}]
    return {"id": f"of {customer}", "relatedParty": party, "bucket": list(buckets), **more}


async def asked(version: str, parts: list[Any], *customers: str) -> Any:
    answers: dict[str, Any] = {"queryUsageConsumption": json.dumps({"id": "T", "usageConsumption": parts})}
    answers["usageConsumptionReport"] = json.dumps(parts)
    async with canned(**answers) as server, reading(server, profile={"version": version, "paging": "none"}) as c:
        return await c.usage.usage_of_customers(list(customers))


def told(found: Any) -> dict[str, Any]:
    return {key: (list(map(left, rows.items)), rows.total, rows.unread) for key, rows in found.items()}


def left(allowance: Any) -> tuple[str, str | None]:
    return allowance.name, None if allowance.remaining is None else str(allowance.remaining)


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_one_odd_amount_costs_itself(version: str) -> None:
    parts = [of("1", bucket("a", "much"), bucket("b", "2.50")), of("2", bucket("c", 3), bucket("d", {"x": 1}))]
    assert told(await asked(version, parts, "1", "2")) == {
        "1": ([("a", None), ("b", "2.50")], 2, 0),
        "2": ([("c", "3"), ("d", None)], 2, 0),
    }


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_what_nobody_can_tell_whose_it_is_is_counted_for_all(version: str) -> None:
    parts = [of("1", bucket("a", 1), bucket("b", 2, relatedParty=[{"id": []}])), of("2", bucket("c", 3))]
    assert told(await asked(version, parts, "1", "2", "3")) == {
        "1": ([("a", "1")], None, 1),
        "2": ([("c", "3")], None, 1),
        "3": ([], None, 1),
    }


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_where_nothing_can_be_read_it_is_a_failure(version: str) -> None:
    found = await asked(version, [of({"x": 1}, bucket("a", 1))], "1", "2")
    assert {key: type(one) for key, one in found.items()} == {"1": Garbled, "2": Garbled}


@pytest.mark.parametrize("state", ["terminatedWithError", "TerminatedWithError", "failed"])
async def test_a_part_that_ended_badly_fails_its_customer_only(state: str) -> None:
    parts = [of("1", bucket("a", 1), state="done"), of("2", bucket("b", 2), state=state)]
    found = await asked("v4", parts, "1", "2")
    assert told({"1": found["1"]}) == {"1": ([("a", "1")], 1, 0)}
    assert type(found["2"]) is Failed


async def test_one_that_names_nobody_fails_all() -> None:
    found = await asked("v4", [{"state": "terminatedWithError"}], "1", "2")
    assert {key: type(one) for key, one in found.items()} == {"1": Failed, "2": Failed}


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_what_comes_twice_is_one(version: str) -> None:
    parts = [of("1", bucket("a", 1), bucket("b", 2), bucket("a", 1))] * 2
    assert told(await asked(version, parts, "1")) == {"1": ([("a", "1"), ("b", "2")], 2, 0)}


async def test_buckets_without_ids_are_told_apart() -> None:
    nameless = [{"name": name, "remainingValue": {"amount": 1, "units": "GB"}} for name in "ab"]
    (rows,) = (await asked("v4", [of("1", nameless[0]), of("1", nameless[1], id="other")], "1")).values()
    assert [(one.name, one.id) for one in rows.items] == [("a", "1--0"), ("b", "1-1-0")]


@pytest.mark.parametrize(
    ("first", "status"), [({"id": "T", "state": "inProgress"}, 201), ({"id": "T"}, 202)], ids=["state", "202"]
)
async def test_a_task_that_is_under_way_itself_is_waited_for(first: Any, status: int) -> None:
    async def begun(_request: web.Request) -> web.Response:
        return web.json_response(first, status=status)

    done = json.dumps({"id": "T", "state": "done", "usageConsumption": [of("1", bucket("a", 1))]})
    async with canned(queryUsageConsumption=begun, T=done) as server, reading(server) as c:
        assert told(await c.usage.usage_of_customers(["1"])) == {"1": ([("a", "1")], 1, 0)}


async def test_a_task_that_ended_badly_itself_and_one_without_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with canned(queryUsageConsumption='{"id": "T", "state": "failed"}') as server, reading(server) as c:
        assert type((await c.usage.usage_of_customers(["1"]))["1"]) is Failed
        server.answers["queryUsageConsumption"] = "{}"
        assert await c.usage.usage_of_customers(["1"]) == {}
    assert "has an answer without usageConsumption" in caplog.text
