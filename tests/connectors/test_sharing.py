"""Many requests ask at once, the system sees it once; and what one does is never another's loss."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from connectors import PORTS
from connectors.crm.port import Customer
from connectors.errors import Failed, Garbled, Rejected, TimedOut
from connectors.health import Health, SystemStatus
from connectors.records import Window
from connectors.request import RequestScope, UpstreamCall, current_loader, current_scope, request_scope
from connectors.sharing import questions, shared
from connectors.system import System
from tests.connectors.canned import Canned, canned, reading

NAME = frozenset({"name"})
Ask = Callable[[Any], Awaitable[Any]]


class Held:
    """A CRM that answers when it is let, with the customers it is asked for, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.began = asyncio.Queue[int]()
        self._let: list[asyncio.Event] = []
        self.fail: dict[str, int] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        ids = request.query.get("id", "").split(",")
        let = asyncio.Event()
        self.asked.append(ids)
        self._let.append(let)
        self.began.put_nowait(len(self.asked))
        await let.wait()
        for key, status in self.fail.items():
            if key in ids:
                return web.Response(status=status)
        rows = [{"id": key, "name": f"Name {key}"} for key in ids if key and key != "absent"]
        return web.json_response(rows, headers={"X-Total-Count": str(len(rows))})

    async def calls(self, number: int) -> None:
        """Wait until so many were made."""
        while len(self.asked) < number:
            await asyncio.wait_for(self.began.get(), 5)

    def let_one(self, number: int) -> None:
        """Answer the call with this number, from 1."""
        self._let[number - 1].set()

    def let(self, number: int) -> None:
        """Answer the first `number` calls."""
        for one in self._let[:number]:
            one.set()


@asynccontextmanager
async def crm(**settings: Any) -> AsyncIterator[tuple[Any, Held]]:
    held = Held()
    async with canned(customer=held) as server, reading(server, **settings) as connectors:
        yield connectors, held


def asking(ask: Ask, connectors: Any, seconds: float = 8.0, token: str | None = None) -> "Asked":
    """Ask in a request of its own."""
    scope = RequestScope.lasting(seconds)
    scope.token = token

    async def run() -> Any:
        with request_scope(scope):
            return await ask(connectors)

    return Asked(scope, asyncio.create_task(run()))


class Asked:
    def __init__(self, scope: RequestScope, task: "asyncio.Task[Any]") -> None:
        self.scope, self.task = scope, task

    @property
    def calls(self) -> list[UpstreamCall]:
        return self.scope.calls

    def __await__(self) -> Any:
        return self.task.__await__()


def customers(*keys: str, fields: frozenset[str] = NAME) -> Ask:
    return lambda c: c.crm.customers(keys, fields)


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_identical_questions_in_flight_are_one_call_and_nothing_is_kept() -> None:
    async with crm() as (c, held):
        several = [asking(customers("1"), c) for _ in range(9)]
        await held.calls(1)
        held.let(1)
        found = [(await one)["1"] for one in several]
        assert [one.name for one in found] == ["Name 1"] * 9
        assert held.asked == [["1"]]
        assert c.crm._lines == {}
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
        assert c.crm._lines == {}
    assert [[(call.keys, call.shared) for call in one.calls] for one in several] == [
        [(keys, True)] for keys in (("1",), ("2", "3"), ("1",), ("4",))
    ]


@pytest.mark.parametrize("keys", ["123", "111"], ids=["other keys", "the same key"])
@pytest.mark.parametrize("seconds", [(0.3, 20, 20.01), (20, 0.3, 20)], ids=["first", "second"])
async def test_who_has_not_long_is_not_kept_by_who_has(keys: str, seconds: tuple[float, ...]) -> None:
    """One call, which lasts for whoever has most time; the others look at the clock."""
    async with crm(timeout=30) as (c, held):
        several = [asking(customers(key), c, one) for key, one in zip(keys, seconds, strict=True)]
        await held.calls(1)
        async with asyncio.timeout(5):
            short = await several[seconds.index(0.3)]
        assert [type(one) for one in short.values()] == [TimedOut]
        held.let(1)
        found = [(await one)[key].name for key, one, s in zip(keys, several, seconds, strict=True) if s > 1]
        assert found == [f"Name {key}" for key, s in zip(keys, seconds, strict=True) if s > 1]
        assert held.asked == [sorted(set(keys))]


async def test_a_request_that_waits_for_two_keys_of_one_call_waits_once() -> None:
    """The call is ended when all left, also where one of them joined it twice."""
    async with crm() as (c, held):
        several = [asking(customers(*keys), c) for keys in ("1", "12")]
        await held.calls(1)
        for one in several:
            one.task.cancel()
        await asyncio.wait([one.task for one in several])
        assert held.asked == [["1", "2"]]
        assert c.crm._lines == {}
        assert [call.error for one in several for call in one.calls] == ["REQUEST_CANCELLED"] * 2


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


async def test_who_waits_for_a_turn_is_let_when_those_before_left() -> None:
    async with crm(share_after=1, share_keys=1) as (c, held):
        leaving, staying = asking(customers("1"), c), asking(customers("2"), c)
        await asyncio.sleep(0)
        leaving.task.cancel()
        await held.calls(1)
        held.let(1)
        assert [*await staying] == ["2"]
        assert held.asked == [["2"]]


async def test_who_leaves_before_the_call_does_was_never_there() -> None:
    async with crm() as (c, held):
        leaving = asking(customers("1"), c)
        await asyncio.sleep(0)
        assert c.crm._lines != {}
        leaving.task.cancel()
        await settled()
        assert held.asked == []
        assert c.crm._lines == {}


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
    monkeypatch.setattr("connectors.lines.PATIENCE", 0.01)
    async with crm(share_after=1) as (c, held):
        slow = asking(customers("slow"), c)
        await held.calls(1)
        others = [asking(customers(key), c) for key in "ab"]
        await held.calls(2)
        assert held.asked == [["slow"], ["a", "b"]]
        held.let(2)
        for one in [slow, *others]:
            await one


async def test_who_hangs_up_ends_nobody_elses_call() -> None:
    async with crm() as (c, held):
        leaving, staying = asking(customers("1"), c), asking(customers("1"), c)
        await held.calls(1)
        leaving.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert [call.error for call in leaving.calls] == ["REQUEST_CANCELLED"]
        held.let(1)
        assert set(await staying) == {"1"}
        assert c.systems[0].probe.http.health.status is SystemStatus.UP


async def test_a_call_that_everybody_left_is_cancelled_and_nobody_joins_it() -> None:
    async with crm(share_after=1) as (c, held):
        leaving = [asking(customers("1"), c) for _ in range(3)]
        await held.calls(1)
        gathered = asking(customers("2"), c)
        await settled()
        gathered.task.cancel()
        for one in leaving:
            one.task.cancel()
        later = asking(customers("1"), c)
        await held.calls(2)
        held.let(2)
        assert set(await later) == {"1"}
        assert held.asked == [["1"], ["1"]]  # what only gathered was never asked
        assert [one.calls[0].error for one in leaving] == ["REQUEST_CANCELLED"] * 3
        await settled()
        assert c.crm._lines == {}


async def test_a_short_deadline_holds_and_ends_nobody_elses_call() -> None:
    async with crm(timeout=2) as (c, held):
        long = asking(customers("1"), c, seconds=20)
        await held.calls(1)
        short = asking(customers("1"), c, seconds=0.3)
        assert type((await short)["1"]) is TimedOut
        assert [(call.error, call.status) for call in short.calls] == [("UPSTREAM_TIMEOUT", None)]
        held.let(1)
        assert (await long)["1"].name == "Name 1"
        assert held.asked == [["1"]]
        assert [(call.error, call.status) for call in long.calls] == [(None, 200)]


async def test_a_call_that_ends_with_a_shorter_deadline_is_not_waited_for() -> None:
    async with crm(timeout=30) as (c, held):
        short = asking(customers("1"), c, seconds=0.3)
        await held.calls(1)
        long = asking(customers("1"), c, seconds=20)
        await held.calls(2)
        also = asking(customers("1"), c, seconds=21)
        assert type((await short)["1"]) is TimedOut
        held.let(2)
        assert [(await one)["1"].name for one in (long, also)] == ["Name 1"] * 2
        assert held.asked == [["1"], ["1"]]
        assert [[(call.error, call.status, call.shared) for call in one.calls] for one in (long, also)] == [
            [(None, 200, True)]
        ] * 2


async def test_a_deadline_that_passes_while_keys_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.lines.PATIENCE", 60.0)
    async with crm(share_after=1, timeout=30) as (c, held):
        first = asking(customers("1"), c)
        await held.calls(1)
        short = asking(customers("2"), c, seconds=0.3)
        assert type((await short)["2"]) is TimedOut
        held.let(1)
        await first
        assert held.asked == [["1"]]


async def test_the_systems_own_timeout_holds_for_all() -> None:
    async with crm(timeout=0.3) as (c, held):
        several = [asking(customers("1"), c) for _ in range(2)]
        for one in several:
            assert type((await one)["1"]) is TimedOut
        assert held.asked == [["1"]]
        assert c.systems[0].probe.http.health.status is SystemStatus.DOWN


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
        return [{"id": f"P{owner}", "name": name, "relatedParty": [party]}]

    rows = {"1": product("1", "x"), "2": product("2", "x"), "3": product("3", {"no": "text"})}
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
    assert totals == [1, 1, None]


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


async def test_not_shared_when_the_settings_say_so() -> None:
    async with crm(share=False) as (c, held):
        several = [asking(customers("1"), c) for _ in range(3)]
        await held.calls(3)
        held.let(3)
        for one in several:
            await one
            assert [call.shared for call in one.calls] == [False]


async def test_per_user_credentials_share_nothing_and_each_shows_its_own() -> None:
    async with crm(auth={"kind": "forward"}) as (c, held):
        several = [asking(customers("1"), c, token=token) for token in ("ada", "bob", "bob")]
        await held.calls(3)
        held.let(3)
        for one in several:
            await one
            assert [call.shared for call in one.calls] == [False]
        assert held.asked == [["1"]] * 3


async def shown(server: Canned) -> list[str | None]:
    return [headers.get("Authorization") for headers in server.headers]


async def test_the_callers_token_is_passed_on_and_without_one_no_credentials() -> None:
    async with canned(customer="[]") as server, reading(server, auth={"kind": "forward"}) as c:
        for token in ("ada", "bob", None):
            await asking(customers("1"), c, token=token)
        await c.crm.customers(["1"], NAME)
        await c.systems[0].probe.probe()
        assert await shown(server) == ["Bearer ada", "Bearer bob", None, None, None]


async def test_a_caller_who_is_refused_says_nothing_about_the_system() -> None:
    async def refuse(request: web.Request) -> web.Response:
        good = request.headers.get("Authorization") == "Bearer good"
        return web.json_response([]) if good else web.Response(status=401)

    async with canned(customer=refuse) as server, reading(server, auth={"kind": "forward"}) as c:
        await asking(customers("1"), c, token="good")
        for _ in range(3):
            assert (await asking(customers("1"), c, token="bad"))["1"].code == "UPSTREAM_REFUSED"
        assert c.systems[0].probe.http.health.status is SystemStatus.UP
        assert len(server.seen) == 4


def test_a_token_is_in_no_text() -> None:
    scope = RequestScope.lasting(1)
    scope.token = "secret"
    assert "secret" not in repr(scope)


def test_every_question_of_every_port_is_known() -> None:
    """A new method is shared without a word: by key where its answers come by key, which these do."""
    known = {domain: questions(port) for domain, port in PORTS.items()}
    assert {domain: {name for name, at in all_.items() if at is None} for domain, all_ in known.items()} == {
        "crm": {"customer_list", "customers_named", "customers_reached_by"},
        "billing": {"bills_numbered"},
        "inventory": {"resource_list", "resources_named"},
        "ticketing": {"outage_list"},
    }
    assert {name for all_ in known.values() for name, at in all_.items() if at not in (None, 0)} == {
        "customers_known_as"
    }
    assert known["crm"]["customers_known_as"] == 1
    asked = {name for port in PORTS.values() for name, one in vars(port).items() if inspect.iscoroutinefunction(one)}
    assert {name for all_ in known.values() for name in all_} == asked


async def test_the_last_that_waits_leaves_at_its_deadline() -> None:
    """Nobody waits for the call any more: it is cancelled, and says so to nobody as an empty answer."""
    async with crm(timeout=2, share_after=1) as (c, held):
        first = asking(customers("1"), c, seconds=20)
        await held.calls(1)
        last = asking(customers("1"), c, seconds=0.5)
        await settled()
        first.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert type((await last)["1"]) is TimedOut
        await settled()
        assert c.crm._lines == {}


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


async def test_the_call_runs_in_nobodys_context() -> None:
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")
    seen: list[str] = []

    class Driver:
        async def customers(self, ids: Any, _fields: Any) -> dict[str, Any]:
            scope = current_scope.get()
            seen.append(f"{mine.get()} {current_loader.get()!r} {scope and scope.token}")
            return {}

    line = shared(Driver(), PORTS["crm"], System.model_validate({"url": "http://crm.example"}), Health("crm"))

    async def ask(_connectors: Any) -> Any:
        mine.set("Ada's")
        current_loader.set("CustomerById")
        return await line.customers(["1"], NAME)  # type: ignore[attr-defined]

    assert await asking(ask, None, token="Ada's") == {}
    assert seen == ["nobody's '' None"]


@pytest.mark.parametrize("keys", [("1", "1"), ("1", "2")], ids=["the same", "in one call"])
async def test_a_fault_of_a_driver_leaves_nobody_waiting(keys: tuple[str, str]) -> None:
    class Driver:
        async def customers(self, _ids: Any, _fields: Any) -> None:
            """Nothing, where there should be a mapping."""

    line = shared(Driver(), PORTS["crm"], System.model_validate({"url": "http://crm.example"}), Health("crm"))
    several = [asking(lambda _c, key=key: line.customers([key], NAME), None) for key in keys]  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        for one in several:
            with pytest.raises((AttributeError, TypeError)):
                await one
    assert line._lines == {}  # type: ignore[attr-defined]


class HeldProducts(Held):
    """Products of customers, three each; the windows that were asked for are noted."""

    def __init__(self, each: int = 3) -> None:
        super().__init__()
        self.each = each
        self.limits: list[str] = []

    async def __call__(self, request: web.Request) -> web.Response:
        owners = request.query["relatedParty.id"].split(",")
        let = asyncio.Event()
        self.asked.append(owners)
        self.limits.append(request.query["limit"])
        self._let.append(let)
        self.began.put_nowait(len(self.asked))
        await let.wait()
        if any(owner in self.fail for owner in owners):
            return web.Response(text="<html>")
        rows = [
            {"id": f"P{owner}-{n}", "relatedParty": [{"id": owner, "role": "customer", "@referredType": "Customer"}]}
            for owner in owners
            for n in range(self.each)
        ]
        first = int(request.query.get("offset", 0))
        rows = rows[first : first + int(request.query["limit"])]
        return web.json_response(rows, headers={"X-Total-Count": str(self.each * len(owners))})


@pytest.mark.parametrize("each", [3, 9])
async def test_windows_gather_as_lists_where_they_held_the_whole_lists(each: int) -> None:
    """Where they did not, a list may be long: every window stays a question of its own."""

    def first(key: str) -> Ask:
        return lambda connectors: connectors.crm.products_of_customers([key], Window(0, 5), NAME)

    held = HeldProducts(each)
    async with canned(product=held) as server, reading(server, share_after=1) as connectors:
        learning = asking(first("1"), connectors)
        await held.calls(1)
        held.let(1)
        await learning.task
        under_way = asking(first("2"), connectors)
        await held.calls(2)
        waiting = [asking(first(key), connectors) for key in ("3", "4")]
        if each > 5:
            await held.calls(4)
            held.let(4)
        else:
            held.let(2)
            await held.calls(3)
            held.let(3)
        answers = [await one.task for one in (under_way, *waiting)]

    assert [list(found) for found in answers] == [["2"], ["3"], ["4"]]
    owners = [{one.customer_ids for one in found[key].items} for key, found in zip("234", answers, strict=True)]
    assert owners == [{("2",)}, {("3",)}, {("4",)}]
    assert held.asked == ([["1"], ["2"], ["3", "4"]] if each < 5 else [["1"], ["2"], ["3"], ["4"]])
    assert set(held.limits[:2]) == {"5"}
    assert [found[key].complete for key, found in zip("34", answers[1:], strict=True)] == [each < 5] * 2


@pytest.mark.parametrize(
    ("windows", "asked"),
    [
        ([("2", 5)], [(["2"], "5")]),
        ([("2", 5), ("2", 5)], [(["2"], "5")]),
        ([("2", 5), ("2", 4)], [(["2"], "whole")]),
        ([("2", 5), ("3", 5)], [(["2", "3"], "whole")]),
    ],
    ids=["alone", "the same", "two of one list", "two lists"],
)
async def test_a_window_is_asked_as_such_where_nobody_asks_beside_it(
    windows: list[tuple[str, int]], asked: list[tuple[list[str], str]]
) -> None:
    def first(key: str, limit: int) -> Ask:
        return lambda connectors: connectors.crm.products_of_customers([key], Window(0, limit), NAME)

    held = HeldProducts()
    async with canned(product=held) as server, reading(server, share_after=9) as connectors:
        learning = asking(first("1", 5), connectors)
        await held.calls(1)
        held.let(1)
        await learning
        several = [asking(first(*one), connectors) for one in windows]
        await held.calls(2)
        several.append(asking(first(*windows[0]), connectors))  # joins what is under way
        await settled()
        held.let(9)
        answers = [await one for one in several]
    for (key, _limit), found in zip([*windows, windows[0]], answers, strict=True):
        assert [row.id for row in found[key].items] == [f"P{key}-{n}" for n in range(3)]
        assert {row.customer_ids for row in found[key].items} == {(key,)}
    limits = [one if one in ("4", "5") else "whole" for one in held.limits[1:]]
    assert list(zip(held.asked[1:], limits, strict=True)) == asked
    assert connectors.crm._lines == {}


def window(key: str, limit: int = 5, offset: int = 0) -> Ask:
    return lambda connectors: connectors.crm.products_of_customers([key], Window(offset, limit), NAME)


@asynccontextmanager
async def products(**settings: Any) -> AsyncIterator[tuple[Any, HeldProducts]]:
    """A CRM of which it is known that windows of 5 hold whole lists."""
    held = HeldProducts()
    async with canned(product=held) as server, reading(server, **settings) as connectors:
        learning = asking(window("1"), connectors)
        await held.calls(1)
        held.let(1)
        await learning
        yield connectors, held


async def test_a_window_that_fails_is_asked_for_once() -> None:
    async with products() as (c, held):
        held.fail["2"] = 200
        one = asking(window("2"), c)
        await held.calls(2)
        held.let(9)
        assert type((await one)["2"]) is Garbled
        assert held.limits == ["5", "5"]


async def test_a_window_whose_company_fails_is_asked_for_as_a_window() -> None:
    async with products() as (c, held):
        held.fail["3"] = 200
        several = [asking(window(key), c) for key in "23"]
        await held.calls(2)
        held.let(2)
        await held.calls(4)
        held.let(4)
        assert [row.id for row in (await several[0])["2"].items] == ["P2-0", "P2-1", "P2-2"]
        assert type((await several[1])["3"]) is Garbled
        assert (held.asked[1], sorted(held.asked[2:])) == (["2", "3"], [["2"], ["3"]])
        assert held.limits[2:] == ["5", "5"]


async def test_two_windows_of_a_list_that_cannot_be_read_whole_are_asked_for_as_windows() -> None:
    async with products() as (c, held):
        held.fail["2"] = 200
        several = [asking(window("2", limit), c) for limit in (5, 4)]
        await held.calls(2)
        held.let(2)
        await held.calls(4)
        held.fail.clear()
        held.let(4)
        for one in several:
            assert [row.id for row in (await one)["2"].items] == ["P2-0", "P2-1", "P2-2"]
        assert (held.asked[1:], sorted(held.limits[2:])) == ([["2"]] * 3, ["4", "5"])


async def test_the_end_of_a_longer_list_is_no_short_list() -> None:
    """What a later page shows says nothing about whole lists: the next windows are questions of their own."""
    async with products() as (c, held):
        later = asking(window("2", offset=2), c)
        await held.calls(2)
        held.let(2)
        await later
        both = [asking(window(key), c) for key in "34"]
        await held.calls(4)
        held.let(9)
        for one in both:
            await one
        assert held.asked[1:] == [["2"], ["3"], ["4"]]


async def test_what_gathers_looks_at_the_clock_when_others_left_before_it() -> None:
    held = HeldProducts()
    async with canned(product=held) as server, reading(server, share_after=1, timeout=30) as c:
        direct = asking(window("1"), c)
        short, long = (
            asking(lambda c, key=key: c.crm.products_of_customers([key], None, NAME), c, seconds)
            for key, seconds in (("2", 0.3), ("3", 20))
        )
        async with asyncio.timeout(5):
            assert type((await short)["2"]) is TimedOut
        assert held.asked == [["1"]]
        held.let(1)
        await held.calls(2)
        held.let(2)
        assert [*await direct, *await long] == ["1", "3"]


async def test_who_asks_in_its_own_way_may_join_a_window_asked_alone() -> None:
    """Between the two it turned out that lists are longer. What fails is not asked again as a whole list."""
    async with products() as (c, held):
        held.fail["2"] = 200
        first = asking(window("2"), c)
        await held.calls(2)
        full = asking(window("3", limit=3), c)
        await held.calls(3)
        held.let_one(3)
        await full
        second = asking(window("2"), c)
        await settled()
        held.let(9)
        assert [type((await one)["2"]) for one in (first, second)] == [Garbled, Garbled]
        assert held.asked[1:] == [["2"], ["3"]]


@pytest.mark.parametrize(
    ("window", "each"), [(Window(2, 5), 3), (Window(0, 3), 3)], ids=["a later page", "a full page"]
)
async def test_what_a_window_does_not_show_is_no_short_list(window: Window, each: int) -> None:
    held = HeldProducts(each)
    async with canned(product=held) as server, reading(server, share_after=1) as connectors:

        async def ask(connectors: Any) -> Any:
            return await connectors.crm.products_of_customers(["1"], window, NAME)

        learning = asking(ask, connectors)
        await held.calls(1)
        held.let(9)
        await learning.task
        under_way = asking(lambda c: c.crm.products_of_customers(["2"], Window(0, 5), NAME), connectors)
        await held.calls(2)
        beside = asking(lambda c: c.crm.products_of_customers(["3"], Window(0, 5), NAME), connectors)
        await held.calls(3)  # at once, and not behind the one before
        held.let(9)
        await under_way.task
        assert not (await beside.task)["3"].complete
