"""Rows of the types that the operator names outlive a request: asked as a client, of two gateways, counted exactly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from connectors import Cache, Connectors, connect
from connectors.errors import ConnectorError
from connectors.events.hints import Change, Hint, Source
from connectors.events.settings import EventSource
from connectors.http.scope import RequestScope, request_scope
from connectors.settings import System
from connectors.sharing.kept_types import Keeping
from connectors.store.rows_in_redis import RowsInRedis
from gateway.live.reading import Reader
from gateway.live.subscription import Subscriber
from gateway.live_settings import LiveSettings
from resolvers.viewer import Viewer, ViewerKind
from sandbox.data import shapes
from tests.promises.kept import Kept, at_once, kept, until, until_so
from tests.stack import DOMAINS, Stack

PRODUCTS: Final = "{ me { products { nodes { id name price { amount } } } } }"
EMAIL: Final = '{ customer(id: "1001") { email } }'
CHANGE: Final = """mutation($key: String!, $email: String) {
  updateContact(input: { idempotencyKey: $key, customerId: "1001", email: $email }) { userErrors { code } }
}"""


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with kept(tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def both(running: Kept) -> Kept:
    """The module's gateways, with nothing kept."""
    running.reset()
    return running


def cached(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.body["extensions"].get("cached", [])
    return found


async def counted(stack: Stack, outcome: str, kind: str = "products") -> float:
    text = await stack.metrics()
    wanted = f'gateway_cached_rows_total{{outcome="{outcome}",type="{kind}"}} '
    return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))


async def test_what_is_kept_is_not_asked_for_again_by_any_gateway(both: Kept) -> None:
    first = await both.first.ask(PRODUCTS, "1001")
    assert (both.asked(), len(first.calls), cached(first)) == ({"crm": 1}, 1, [])

    for stack in (both.first, both.second):
        again = await stack.ask(PRODUCTS, "1001")
        assert again.clean() == first.clean()
        assert (both.asked(), again.calls) == ({}, [])
        assert cached(again) == [
            {"system": "crm", "operation": "products_of_customers", "keys": ["1001"], "loader": "ProductsByCustomer"}
        ]


async def test_it_is_asked_for_again_when_its_time_is_over(both: Kept) -> None:
    await both.first.ask(PRODUCTS, "1001")
    await both.settled()
    both.pass_time(29)
    await both.first.ask(PRODUCTS, "1001")
    assert both.asked() == {"crm": 1}
    both.pass_time(1)
    await both.second.ask(PRODUCTS, "1001")
    assert both.asked() == {"crm": 1}


async def test_it_goes_from_redis_when_it_can_be_of_no_use(both: Kept) -> None:
    await both.first.ask("{ me { products { nodes { id } } services { nodes { id } } } }", "1001")
    await both.settled()
    with both.valkey.client() as client:
        left = sorted(client.pttl(name) / 1000 for name in both.rows())
        versions = [client.pttl(name) / 1000 for name in client.keys("*version*")]
    assert [20 < left[0] <= 30, 600 < left[1] <= 630] == [True, True]
    assert all(0 < one <= 24 * 3600 for one in versions)


async def test_other_attributes_and_other_keys_are_other_rows(both: Kept) -> None:
    await both.first.ask(PRODUCTS, "1001")
    await both.first.ask("{ me { products { nodes { id status } } } }", "1001")
    await both.first.ask(PRODUCTS, "1002")
    assert both.asked() == {"crm": 3}
    (answer,) = await at_once(both.first.ask(PRODUCTS, "1002"))
    assert both.asked() == {}
    assert all("1002" in one["id"] for one in answer["me"]["products"]["nodes"])


async def test_who_may_not_see_it_sees_nothing_of_what_is_kept(both: Kept) -> None:
    one = '{ product(id: "PROD-1001-1") { id name } }'
    assert (await both.first.ask(one, "agent")).clean()["product"] is not None
    assert (await both.first.ask(one, "1001")).clean()["product"] is not None
    assert both.asked() == {"crm": 1}
    assert (await both.second.ask(one, "1002")).clean() == {"product": None}


async def test_two_gateways_and_one_miss_cost_one_call(both: Kept) -> None:
    both.first.systems["crm"].switches.latency_ms = 100
    asking = [stack.ask(PRODUCTS, "1001") for stack in (both.first, both.second) for _ in range(4)]
    answers = await at_once(*asking)
    assert both.asked() == {"crm": 1}
    assert all(one == answers[0] for one in answers)


async def test_who_waits_for_a_reader_that_died_asks_when_its_lease_is_over(both: Kept) -> None:
    held = both.crm.hold("GET", "request", "/product")
    dies = asyncio.create_task(both.first.ask(PRODUCTS, "1001"))
    await held.waited()
    waits = asyncio.create_task(both.second.ask(PRODUCTS, "1001"))
    (name,) = both.rows()
    with both.valkey.client() as client:
        looks = client.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0)
        await until(lambda: client.info("commandstats")["cmdstat_hmget"]["calls"] > looks + 1)
        assert both.asked() == {}
        client.hset(name, "until", 0)
    assert (await waits).clean()["me"]["products"]["nodes"]
    assert both.asked() == {"crm": 1}
    held.let.set()
    await dies
    await both.first.ask(PRODUCTS, "1001")
    assert both.asked() == {"crm": 1}  # of the one who died; what the other one read is kept


async def test_who_hangs_up_gives_the_lease_back(both: Kept) -> None:
    held = both.crm.hold("GET", "request", "/product")
    leaves = asyncio.create_task(both.first.ask(PRODUCTS, "1001"))
    await held.waited()
    waits = asyncio.create_task(both.second.ask(PRODUCTS, "1001"))
    leaves.cancel()
    assert (await waits).clean()["me"]["products"]["nodes"]
    assert both.asked() == {"crm": 1}
    held.lose()


async def test_what_fails_is_not_kept(both: Kept) -> None:
    both.first.systems["crm"].switches.error_rate = 1
    assert (await both.first.ask(PRODUCTS, "1001")).errors
    assert both.asked()["crm"] >= 1
    await both.settled()
    assert both.rows() == []
    both.first.systems["crm"].switches.reset()
    assert (await both.second.ask(PRODUCTS, "1001")).clean()
    assert both.asked() == {"crm": 1}


async def test_what_does_not_exist_is_not_kept(both: Kept) -> None:
    for stack in (both.first, both.second):
        assert (await stack.ask('{ product(id: "PROD-none") { id } }', "agent")).clean() == {"product": None}
        assert both.asked() == {"crm": 1}
        await both.settled()
    assert both.rows() == []


@pytest.mark.parametrize("first", ["", "(first: 2)"])
async def test_a_list_that_lacks_rows_is_not_kept(both: Kept, first: str) -> None:
    both.first.systems["crm"].switches.odd = {"PROD-1001-2": {"relatedParty": 5}}
    for stack in (both.first, both.second):
        answer = await stack.ask(f"{{ me {{ products{first} {{ nodes {{ id }} }} }} }}", "1001")
        assert [one["rows"] for one in answer.body["extensions"]["incomplete"]] == [1]
        assert both.asked()["crm"] >= 1
        await both.settled()
    assert both.rows() == []


async def test_a_write_evicts_for_all_gateways_before_it_is_answered(both: Kept) -> None:
    for number, (writer, reader) in enumerate(((both.first, both.second), (both.second, both.first))):
        both.reset()
        for stack in (writer, reader):
            await stack.ask(EMAIL)
        assert both.asked() == {"crm": 1}
        before = await counted(reader, "hit", "customers")
        email = f"new-{number}@home.example"
        (await writer.ask(CHANGE, "agent", key=f"evict {number}", email=email)).clean()
        both.asked()

        assert (await reader.ask(EMAIL)).clean()["customer"]["email"] == email
        assert both.asked() == {"crm": 1}
        assert (await writer.ask(EMAIL)).clean()["customer"]["email"] == email
        assert both.asked() == {}
        assert await counted(reader, "hit", "customers") >= before
        assert await counted(writer, "eviction", "customers") >= 1


async def test_a_payment_evicts_accounts_and_payments_and_nothing_of_other_systems(both: Kept) -> None:
    document = "{ me { accounts { balance { amount } payments { nodes { id } } } products { nodes { id } } } }"
    pay = """mutation { payBill(input: { idempotencyKey: "evicting", billId: "BILL-1001-1-07",
      amount: { amount: "1.00", currency: "EUR" }, paymentMethodToken: "tok-1" }) { userErrors { code } } }"""
    before = (await both.second.ask(document, "1001")).clean()
    await both.settled()
    both.asked()
    assert (await both.first.ask(pay, "1001")).clean() == {"payBill": {"userErrors": []}}
    both.asked()

    after = (await both.second.ask(document, "1001")).clean()
    assert both.asked() == {"billing": 2}
    paid = [len(one["me"]["accounts"][0]["payments"]["nodes"]) for one in (before, after)]
    assert paid[1] == paid[0] + 1


async def test_a_reading_that_began_before_a_write_does_not_put_its_old_row_back(both: Kept) -> None:
    held = both.crm.hold("GET", "answer", "/customer")
    reads = asyncio.create_task(both.first.ask(EMAIL))
    await held.waited()
    (await both.second.ask(CHANGE, "agent", key="fenced", email="fenced@home.example")).clean()
    await both.second.ask(EMAIL.replace("1001", "1002"))  # there is a new version now
    both.asked()
    held.let.set()
    assert (await reads).clean()["customer"]["email"] != "fenced@home.example"
    await both.settled()

    assert (await both.first.ask(EMAIL)).clean()["customer"]["email"] == "fenced@home.example"
    assert both.asked() == {"crm": 1}


async def test_a_mutation_reads_what_it_answers_anew(both: Kept) -> None:
    await both.first.ask(EMAIL)
    await both.settled()
    both.asked()
    change = CHANGE.replace("userErrors { code }", "customer { email }")
    answer = await both.first.ask(change, "agent", key="anew", email="anew@home.example")
    assert answer.clean()["updateContact"]["customer"]["email"] == "anew@home.example"
    assert cached(answer) == []


async def test_hits_and_misses_are_counted_by_type(both: Kept) -> None:
    before = [await counted(both.first, one) for one in ("miss", "hit")]
    for _ in range(3):
        await both.first.ask(PRODUCTS, "1001")
    after = [await counted(both.first, one) for one in ("miss", "hit")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 2]


async def test_a_callers_own_rows_are_that_callers_only(tmp_path: Any) -> None:
    forward = {name: {"auth": {"kind": "forward"}} for name in DOMAINS}
    async with kept(tmp_path, systems=forward) as both:
        token = both.first.token("1001,1002")
        for stack in (both.first, both.second):
            (await stack.ask(PRODUCTS, "1001")).clean()
        assert both.asked() == {"crm": 2}  # two gateways have two issuers here, so these are two tokens
        own = await both.first.ask_with(token, PRODUCTS)
        assert both.asked() == {"crm": 1}
        assert (await both.first.ask_with(token, PRODUCTS)).clean() == own.clean()
        assert both.asked() == {}
        with both.valkey.client() as client:
            kept_there = b" ".join(name + b" ".join(client.hvals(name)) for name in both.rows())
        assert token.encode() not in kept_there


SECRET: Final = "at-least-16-characters"
TICKER: Final = LiveSettings(enabled=True, sources={"crm": EventSource(secret=SECRET, poll=0)})


async def test_an_event_evicts_for_all_gateways(tmp_path: Path) -> None:
    async with kept(tmp_path, live=TICKER) as both:
        for stack in (both.first, both.second):
            await stack.ask(PRODUCTS, "1001")
        assert both.asked()["crm"] == 1  # the others are polled
        await both.settled()
        both.first.rewrite("crm", shapes.PRODUCT, "PROD-1001-2", name="Renamed")
        event = {"eventId": "1", "eventType": "ProductStateChangeEvent", "event": {"product": {"id": "PROD-1001-2"}}}
        address = f"{both.first.address}/events/crm/{SECRET}"
        async with both.first.session.post(address, json=event) as answer:
            assert answer.status == 204

        async def is_new() -> bool:
            answer = (await both.second.ask(PRODUCTS, "1001")).clean()
            return "Renamed" in [one["name"] for one in answer["me"]["products"]["nodes"]]

        await until_so(is_new)
        assert await counted(both.first, "eviction") >= 1


@asynccontextmanager
async def connected(both: Kept) -> AsyncIterator[Connectors]:
    """The systems as a gateway has them, with the cache."""
    store = RowsInRedis(f"redis://127.0.0.1:{both.valkey.port}/0", timeout=20.0)
    systems = {name: System(url=server.url, timeout=20.0) for name, server in both.first.systems.items()}
    keeping = {"customers": Keeping(30), "products": Keeping(30, 600), "services": Keeping(30)}
    try:
        async with aiohttp.ClientSession() as session:
            yield connect(systems, session, Cache(store, keeping, lambda _type, _outcome, _rows: None))
    finally:
        await store.close()


async def test_an_event_of_one_type_evicts_that_type_only(both: Kept) -> None:
    told = Hint(domain="crm", type="Product", id="PROD-1001-1", change=Change.CHANGED, source=Source.HUB, at=0.0)
    written = msgspec.structs.replace(told, source=Source.WRITE)
    expected = [(written, {}), (told, {"crm": 1}), (msgspec.structs.replace(told, type=""), {"crm": 2})]
    async with connected(both) as connectors:

        async def ask() -> None:
            with request_scope(RequestScope.lasting(20)):
                await connectors.crm.customers(["1001"], None)
                await connectors.crm.products(["PROD-1001-1"], None)
                await connectors.inventory.services(["SVC-1001-1"], None)

        for hint, calls in expected:
            both.reset()
            await ask()
            await both.settled()
            both.asked()
            await connectors.evict([hint])
            await ask()
            assert both.asked() == calls


async def test_what_is_told_to_subscriptions_is_never_taken_from_what_is_kept(both: Kept) -> None:
    async with connected(both) as connectors:
        told = Reader(connectors, connectors, 20).scope(Subscriber(Viewer(ViewerKind.AGENT)))
        for scope, calls in ((RequestScope.lasting(20), 1), (RequestScope.lasting(20), 0), (told, 1)):
            with request_scope(scope):
                assert await connectors.crm.products(["PROD-1001-1"], None)
            assert both.asked() == ({"crm": calls} if calls else {})
            await both.settled()
        both.pass_time(40)
        both.first.systems["crm"].switches.error_rate = 1
        with request_scope(RequestScope.lasting(20)) as scope:
            assert not isinstance((await connectors.crm.products(["PROD-1001-1"], None))["PROD-1001-1"], ConnectorError)
            assert scope.stale
        with request_scope(told):
            assert isinstance((await connectors.crm.products(["PROD-1001-1"], None))["PROD-1001-1"], ConnectorError)
        assert not told.stale
