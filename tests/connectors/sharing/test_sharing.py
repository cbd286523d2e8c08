"""Many requests ask at once, the system sees it once."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from connectors import DOMAINS
from connectors.crm.port import Customer
from connectors.ports import Effect, marks
from connectors.records import Window
from tests.connectors.canned import canned, reading
from tests.connectors.sharing.many_asking import NAME, Ask, Held, asking, crm, customers, settled


async def test_identical_questions_in_flight_are_one_call_and_nothing_is_kept() -> None:
    async with crm() as (c, held):
        several = [asking(customers("1"), c) for _ in range(9)]
        await held.calls(1)
        held.let(1)
        found = [(await one)["1"] for one in several]
        assert [one.name for one in found] == ["Name 1"] * 9
        assert held.asked == [["1"]]
        assert c.crm.is_idle
        again = asking(customers("1"), c)
        await held.calls(2)
        held.let(2)
        await again
        assert held.asked == [["1"], ["1"]]
        assert [call.shared for call in again.calls] == [False]
    for one in several:
        assert [(call.keys, call.status, call.shared) for call in one.calls] == [(("1",), 200, True)]


async def test_keys_gather_while_calls_are_under_way() -> None:
    async with crm(share_after=2) as (c, held):
        several = [asking(customers("0"), c)]
        await held.calls(1)
        several += [asking(customers("1"), c)]
        await held.calls(2)
        several += [asking(customers(str(key)), c) for key in range(2, 10)]
        await settled()
        assert held.asked == [["0"], ["1"]]
        held.let(1)
        await held.calls(3)
        assert held.asked[2] == [str(key) for key in range(2, 10)]
        held.let(3)
        for key, one in enumerate(several):
            assert set(await one) == {str(key)}
        assert len(held.asked) == 3
    (late,) = several[5].calls
    assert (late.keys, late.path.partition("?")[1], late.shared, late.status) == (("5",), "", True, 200)
    assert late.start_ms >= 0
    (alone,) = several[0].calls
    assert (alone.keys, alone.shared) == (("0",), False)
    assert parse_qs(urlsplit(alone.path).query)["id"] == ["0"]


async def test_what_is_asked_in_one_turn_of_the_loop_is_one_call() -> None:
    async with crm() as (c, held):
        several = [asking(customers(*keys), c) for keys in ("1", "23", "1", "4")]
        await held.calls(1)
        held.let(1)
        assert [sorted(await one) for one in several] == [["1"], ["2", "3"], ["1"], ["4"]]
        assert held.asked == [["1", "2", "3", "4"]]
        assert c.crm.is_idle
    assert [[(call.keys, call.shared) for call in one.calls] for one in several] == [
        [(keys, True)] for keys in (("1",), ("2", "3"), ("1",), ("4",))
    ]


async def test_what_comes_at_once_waits_for_its_turn_beyond_as_many_calls_as_may_be() -> None:
    async with crm(share_after=1, share_keys=2) as (c, held):
        several = [asking(customers(key), c) for key in "123456"]
        for number in (1, 2, 3):
            await held.calls(number)
            await settled()
            assert len(held.asked) == number
            held.let(number)
        assert [[*await one] for one in several] == [[key] for key in "123456"]
        assert held.asked == [["1", "2"], ["3", "4"], ["5", "6"]]


async def test_a_question_waits_for_keys_that_others_asked_and_asks_only_the_rest() -> None:
    async with crm() as (c, held):
        first = asking(customers("1", "2"), c)
        await held.calls(1)
        second = asking(customers("2", "3", "absent"), c)
        await held.calls(2)
        assert held.asked == [["1", "2"], ["3", "absent"]]
        held.let(2)
        assert set(await first) == {"1", "2"}
        assert set(await second) == {"2", "3"}
    # Another's keys are in no trace.
    assert [(call.keys, call.shared) for call in second.calls] == [(("2",), True), (("3", "absent"), False)]
    assert "1" not in second.calls[0].path.partition("v4")[2]
    assert [(call.keys, call.shared) for call in first.calls] == [(("1", "2"), True)]


async def test_another_projection_and_a_window_are_other_questions() -> None:
    async with crm(share_after=1) as (c, held):
        several = [asking(customers("1", fields=frozenset(names)), c) for names in ({"name"}, {"name", "status"})]
        await held.calls(2)
        listing = [asking(lambda c, at=at: c.crm.customer_list(Window(at, 5), NAME), c) for at in (0, 0, 5)]
        await held.calls(4)
        await settled()
        assert held.asked == [["1"], ["1"], [""], [""]]
        held.let(4)
        for one in [*several, *listing]:
            await one
    assert [call.shared for one in listing for call in one.calls] == [True, True, False]


async def test_most_keys_of_one_call() -> None:
    async with crm(share_after=1, share_keys=3) as (c, held):
        several = [asking(customers("0"), c)]
        await held.calls(1)
        several += [asking(customers(str(key)), c) for key in range(1, 6)]
        for number in range(1, 4):
            await held.calls(number)
            held.let(number)
        for one in several:
            await one
        assert held.asked == [["0"], ["1", "2", "3"], ["4", "5"]]


async def test_one_slow_call_does_not_keep_others_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.sharing.queue.MAX_GATHERING", 0.01)
    async with crm(share_after=1) as (c, held):
        slow = asking(customers("slow"), c)
        await held.calls(1)
        others = [asking(customers(key), c) for key in "ab"]
        await held.calls(2)
        assert held.asked == [["slow"], ["a", "b"]]
        held.let(2)
        for one in [slow, *others]:
            await one


async def test_a_call_that_is_shared_counts_once_and_takes_one_place() -> None:
    async with canned(product="[]") as server, reading(server, concurrency=1) as c:
        held = Held()
        server.answers["customer"] = held
        several = [asking(customers("1"), c) for _ in range(5)]
        await held.calls(1)
        assert server.in_flight == server.most == 1
        assert c.systems[0].probe.http.health.last_seen is None
        held.let(1)
        for one in several:
            await one
        assert len(server.seen) == 1


def test_what_is_shared_only_with_the_same_question() -> None:
    """Everything else that is read has keys, and keys of many requests leave in one call."""
    known = {name: marks(one.port) for name, one in DOMAINS.items()}
    assert {
        name: {method for method, mark in own.items() if mark.effect is Effect.READ and mark.keys is None}
        for name, own in known.items()
    } == {
        "crm": {"customer_list", "customers_named", "customers_reached_by"},
        "billing": {"bills_numbered"},
        "usage": set(),
        "inventory": {"resource_list", "resources_named"},
        "ticketing": set(),
        "assurance": {"outage_list"},
    }


async def test_what_takes_a_call_for_each_key_does_not_gather() -> None:
    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path.rsplit("/", 1)[-1])
        if len(asked) == 4:
            let.set()
        await let.wait()
        return web.json_response({"id": asked[-1], "name": "x"})

    asked, let = list[str](), asyncio.Event()
    async with canned() as server, reading(server, share_after=1, profile={"id_list": "none"}) as c:
        server.answers.update(dict.fromkeys("1234", answer))
        several = [asking(customers(key), c) for key in "12341"]
        for one in several:
            await one
        assert sorted(asked) == ["1", "2", "3", "4"]


async def test_parties_of_one_number_and_two_kinds_are_not_mixed_up() -> None:
    """A person and a company may have the same number. A driver answers by number: in one call they would mix."""

    async def answer(request: web.Request) -> web.Response:
        ids = request.query["id"].split(",")
        asked.append(ids)
        began.set()
        await let.wait()
        return web.json_response([{"id": key, "givenName": f"Ada {key}"} for key in ids])

    def behind(number: str, party_id: str, kind: str) -> Ask:
        one = Customer(id=number, party_id=party_id, party_kind=kind)
        return lambda c: c.crm.parties([one], None)

    asked, began, let = list[list[str]](), asyncio.Event(), asyncio.Event()
    whose = [("1", "7", "Individual"), ("2", "5", "Individual"), ("3", "5", "Organization")]
    async with canned(individual=answer) as server, reading(server, share_after=1) as c:
        several = [asking(behind(*whose[0]), c)]
        await began.wait()
        several += [asking(behind(*who), c) for who in whose[1:]]
        await settled()
        let.set()
        found = [{key: party.given_name for key, party in (await one).items()} for one in several]
    assert found == [{"7": "Ada 7"}, {"5": "Ada 5"}, {}]
    assert asked == [["7"], ["5"]]


async def test_a_call_with_others_keys_shows_no_size_of_theirs() -> None:
    async with crm(share_after=1) as (c, held):
        first = asking(customers("1"), c)
        await held.calls(1)
        second, third = (asking(customers(key), c) for key in ("2", "3"))
        await settled()
        held.let(1)
        await held.calls(2)
        held.let(2)
        for one in (first, second, third):
            await one
    ((alone,), (mixed,)) = first.calls, second.calls
    assert alone.bytes > 0
    assert (mixed.bytes, mixed.keys, "?" in mixed.path) == (0, ("2",), False)
