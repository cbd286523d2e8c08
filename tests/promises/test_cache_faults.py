"""Redis slow, gone, full or wrong: slower, never wrong, never down. A system down: old rows, and the answer says so."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from connectors.store.rows_in_redis import RowsInRedis, State, Times
from tests.promises.kept import ROWS, Kept, kept, until_so
from tests.stack import Answer, Stack
from tests.systems import stopped

PRODUCTS: Final = "{ me { products { nodes { id name price { amount } } } } }"
SITES: Final = "{ me { name services { nodes { id site { name } } } } }"
EMAIL: Final = '{ customer(id: "1001") { email } }'
CHANGE: Final = """mutation { updateContact(input: { idempotencyKey: "%s", customerId: "1001", email: "%s" }) {
  userErrors { code }
} }"""

RACED: Final = 5.0
"""Seconds: much less than a lease that is waited for takes."""


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with kept(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def both(running: Kept, caplog: pytest.LogCaptureFixture) -> Kept:
    """The module's gateways, with nothing kept and Redis well."""
    running.reset()
    caplog.set_level(logging.WARNING, "gateway.cache")
    return running


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "gateway.cache"]


def stale(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.body["extensions"].get("stale", [])
    return found


async def right(stack: Stack) -> dict[str, Any]:
    """What the systems say."""
    answer = await stack.ask(PRODUCTS, "1001")
    return answer.clean()


async def asked_anew(both: Kept, stack: Stack, expected: dict[str, Any]) -> None:
    """An answer that is right, and cost one call."""
    both.asked()
    assert await right(stack) == expected
    assert both.asked() == {"crm": 1}


async def test_redis_gone_costs_calls_and_never_an_answer(both: Kept, caplog: pytest.LogCaptureFixture) -> None:
    expected = await right(both.first)
    await both.settled()
    both.valkey.stop()
    for _ in range(3):
        await asked_anew(both, both.first, expected)
    assert len(said(caplog)) == 1
    both.valkey.start()
    both.asked()

    async def costs_nothing() -> bool:
        both.asked()
        await right(both.first)
        return not both.asked()

    await until_so(costs_nothing)
    lost, back = said(caplog)
    assert lost.startswith("Redis cannot be asked for rows that are kept")
    assert back.startswith("Redis can be asked again")


async def test_redis_full_keeps_what_it_has(both: Kept, caplog: pytest.LogCaptureFixture) -> None:
    expected = await right(both.first)
    await both.settled()
    with both.valkey.client() as client:
        client.config_set("maxmemory", 1)
    both.asked()
    assert await right(both.first) == expected
    assert both.asked() == {}
    for _ in range(2):
        assert (await both.first.ask(PRODUCTS, "1002")).clean()
        assert both.asked() == {"crm": 1}
    assert said(caplog) == ["Redis is full: rows that it does not have are not kept."]
    with both.valkey.client() as client:
        client.config_set("maxmemory", 0)
    await both.first.ask(PRODUCTS, "1002")
    await both.settled()
    both.asked()
    await both.second.ask(PRODUCTS, "1002")
    assert both.asked() == {}
    assert said(caplog)[1:] == ["Redis has room again; rows are kept."]


async def test_a_write_evicts_also_when_redis_is_full(both: Kept) -> None:
    await both.second.ask(EMAIL)
    await both.settled()
    with both.valkey.client() as client:
        client.config_set("maxmemory", 1)
    (await both.first.ask(CHANGE % ("full", "full@home.example"))).clean()
    assert (await both.second.ask(EMAIL)).clean()["customer"]["email"] == "full@home.example"


@pytest.mark.parametrize("row", [b"", b"\xff\x00", b"{}", b"[1]", b'{"items":[{"id":5}]}', b"null", b"[" * 5000])
@pytest.mark.parametrize("is_named", [True, False])
async def test_a_row_that_is_garbage_is_read_anew(both: Kept, row: bytes, is_named: bool) -> None:
    expected = await right(both.first)
    await both.settled()
    (name,) = both.rows()
    with both.valkey.client() as client:
        client.hset(name, "row", (name.removeprefix(ROWS.encode()) if is_named else b"") + row)
    await asked_anew(both, both.second, expected)
    await both.settled()
    both.asked()
    assert await right(both.first) == expected
    assert both.asked() == {}


async def test_garbage_beside_other_rows_holds_nobody_up(both: Kept) -> None:
    """Of three rows one is garbage, one is not kept, and one is: two are asked for, at once."""
    document = "{{ products: nodes(ids: [{}]) {{ id ... on Product {{ name }} }} }}"
    ids = [f'"Product:PROD-1001-{number}"' for number in (1, 2, 3)]
    expected = (await both.first.ask(document.format(", ".join(ids)))).clean()
    await both.settled()
    garbage, missing, _ = both.rows()
    with both.valkey.client() as client:
        client.hset(garbage, "row", "garbage")
        client.delete(missing)
    both.asked()
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await both.second.ask(document.format(", ".join(ids)))).clean() == expected
    assert loop.time() - began < RACED  # a lease that is waited for takes 15 seconds
    assert both.asked() == {"crm": 2}


async def test_another_rows_text_is_not_believed(both: Kept) -> None:
    """Two customers' rows, exchanged by whoever may write there."""
    documents = [EMAIL, EMAIL.replace("1001", "1002")]
    expected = [(await both.first.ask(document)).clean() for document in documents]
    await both.settled()
    one, other = both.rows()
    with both.valkey.client() as client:
        rows = [client.hget(name, "row") for name in (one, other)]
        client.hset(one, "row", rows[1])
        client.hset(other, "row", rows[0])
    both.asked()
    assert [(await both.second.ask(document)).clean() for document in documents] == expected
    assert both.asked() == {"crm": 2}


@pytest.mark.parametrize("what", ["row", "version"])
async def test_what_is_no_row_at_all_is_removed(both: Kept, what: str) -> None:
    expected = await right(both.first)
    await both.settled()
    with both.valkey.client() as client:
        for name in client.keys(f"{ROWS}*"):
            if (b":version:" in name) == (what == "version"):
                client.delete(name)
                client.rpush(name, "something else")
    await asked_anew(both, both.second, expected)
    await both.settled()
    both.asked()
    assert await right(both.first) == expected
    assert both.asked() == {}


@pytest.mark.parametrize(("attribute", "value"), [("at", "soon"), ("at", 10**15), ("version", "another"), ("row", "")])
async def test_what_was_written_by_another_version_is_missing(both: Kept, attribute: str, value: Any) -> None:
    expected = await right(both.first)
    await both.settled()
    (name,) = both.rows()
    with both.valkey.client() as client:
        client.hset(name, attribute, value)
    await asked_anew(both, both.second, expected)


async def test_what_was_evicted_while_redis_was_away_is_not_shown_when_it_is_back(both: Kept) -> None:
    """It was away for one process only: what the others have kept is older than a write."""
    address, names, times = f"127.0.0.1:{both.valkey.port}/0", ["a" * 32], Times(30, 30, 3)
    with both.valkey.client() as client:
        client.acl_setuser("us", enabled=False, nopass=True, keys=["*"], commands=["+@all"])
        ours = RowsInRedis(f"redis://us:any@{address}", timeout=20.0, pause=0.01)
        others = RowsInRedis(f"redis://{address}", timeout=20.0)
        looked = await others.look("group", names, "token", times)
        assert looked is not None
        others.settle("group", looked, "token", {names[0]: b"old"}, times)
        await both.settled()
        await ours.evict(["group"])
        assert await ours.look("group", names, "mine", times) is None
        client.acl_setuser("us", enabled=True)
        found = []

        async def is_back() -> bool:
            found.append(await ours.look("group", names, "mine", times))
            return found[-1] is not None

        await until_so(is_back)
    assert [(one.state, one.row) for one in found[-1].rows] == [(State.OURS, b"")]
    for store in (ours, others):
        await store.close()


def break_down(both: Kept, system: str) -> None:
    both.first.systems[system].switches.error_rate = 1


async def test_what_is_old_is_shown_while_its_system_is_down_and_said_to_be(both: Kept) -> None:
    expected = await right(both.first)
    await both.settled()
    both.pass_time(100)
    break_down(both, "crm")
    answer = await both.second.ask(PRODUCTS, "1001")
    assert answer.clean() == expected
    (told,) = stale(answer)
    assert (told["system"], told["paths"]) == ("crm", [["me", "products"]])
    assert 100 <= told["age"] < 130
    assert [one["stale"] for one in answer.body["extensions"]["cached"]] == [True]
    both.first.systems["crm"].switches.reset()
    answer = await both.second.ask(PRODUCTS, "1001")
    assert (answer.clean(), stale(answer)) == (expected, [])


async def test_so_it_is_where_the_system_cannot_be_reached(both: Kept) -> None:
    expected = (await both.first.ask(SITES, "1001")).clean()
    await both.settled()
    both.pass_time(40, holding=b"description")
    with stopped(both.first.systems["inventory"]):
        answer = await both.second.ask(SITES, "1001")
    assert answer.clean() == expected
    sites = [["me", "services", "nodes", number, "site"] for number in range(4)]
    assert [(one["system"], one["paths"]) for one in stale(answer)] == [("inventory", sites)]


async def test_every_field_of_an_old_record_is_named(both: Kept) -> None:
    document = "{ me { name email phone } }"
    expected = (await both.first.ask(document, "1001")).clean()
    await both.settled()
    both.pass_time(40)
    break_down(both, "crm")
    answer = await both.first.ask(document, "1001")
    assert answer.clean() == expected
    assert [(one["system"], one["paths"]) for one in stale(answer)] == [
        ("crm", [["me", "name"], ["me", "email"], ["me", "phone"]])
    ]


async def test_no_more_than_a_hundred_places_are_named(both: Kept) -> None:
    customers = (f"c{number}: me {{ name email phone status }}" for number in range(29))
    document = f"{{ {' '.join(customers)} }}"
    await both.first.ask(document, "1001")
    await both.settled()
    both.pass_time(40)
    break_down(both, "crm")
    (told,) = stale(await both.first.ask(document, "1001"))
    assert len(told["paths"]) == 100
    assert told["morePaths"] == 16


async def test_what_is_too_old_or_not_allowed_is_an_error(both: Kept) -> None:
    services = "{ me { services { nodes { id } } } }"
    for document in (PRODUCTS, services):
        await both.first.ask(document, "1001")
    await both.settled()
    both.pass_time(631)
    for system, document in (("crm", PRODUCTS), ("inventory", services)):
        break_down(both, system)
        answer = await both.second.ask(document, "1001")
        assert [one["extensions"]["code"] for one in answer.errors] == ["UPSTREAM_FAILED"]
        assert stale(answer) == []


async def test_nothing_old_is_shown_after_it_changed(both: Kept) -> None:
    """It was written to, and then its system goes down: it is unknown what is true now."""
    await both.first.ask(EMAIL)
    await both.settled()
    (await both.first.ask(CHANGE % ("down", "down@home.example"))).clean()
    both.pass_time(40)
    break_down(both, "crm")
    assert (await both.second.ask(EMAIL)).errors
