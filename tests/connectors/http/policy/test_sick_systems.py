"""A sandbox system that breaks in every way, asked over HTTP: what is sent to it, when, and what that costs others."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from connectors.errors import Busy, ConnectorError, Garbled, RateLimited, TimedOut, Unreachable
from connectors.http.client import HttpClient
from connectors.http.policy.breaker import BreakerState
from connectors.http.policy.operation import OperationPolicy, OperationState
from connectors.http.policy.places import Places
from connectors.http.request import Answer, Request
from connectors.http.scope import Operation, RequestScope, current_operation, request_scope
from connectors.settings import System
from sandbox.server import SandboxServer
from tests.connectors.canned import canned, never
from tests.systems import Systems

BILLS = "/tmf-api/customerBillManagement/v4/customerBill?limit=1"
PAYMENTS = "/tmf-api/paymentManagement/v4/payment"
LEAST, PROBES = 5, 3
AT_ONCE = 100

SICK: list[dict[str, Any]] = [
    {"error_rate": 1, "error_status": 500},
    {"error_rate": 1, "error_status": 503},
    {"garbage": True},
    {"endless": True},
    {"close_early": True},
    {"drop_connections": 100_000},
    {"hang": True},
]
sick = pytest.mark.parametrize("how", SICK, ids=lambda how: "-".join(map(str, how)))


class Clock:
    """A clock that tests put forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def decoded(answer: Answer) -> object:
    return msgspec.json.decode(answer.body)


class Asking:
    """One system asked by several operations."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self.http, self.clock = http, clock

    async def ask(self, operation: str = "bills", target: str = BILLS) -> object:
        """What came: the answer, or the failure."""
        return await self.send(Operation(operation), lambda: Request.get(target))

    async def send(self, operation: Operation | None, make: Any) -> object:
        context = copy_context()
        context.run(current_operation.set, operation)
        request = context.run(make)
        try:
            return await self.http.send(request, decoded)
        except ConnectorError as failure:
            return failure

    async def many(self, times: int, operation: str = "bills", target: str = BILLS) -> list[object]:
        return list(await asyncio.gather(*(self.ask(operation, target) for _ in range(times))))

    async def until_open(self, operation: str = "bills") -> None:
        for _ in range(LEAST):
            assert isinstance(await self.ask(operation), ConnectorError)
        assert self.state(operation).breaker is BreakerState.OPEN

    def state(self, operation: str = "bills") -> OperationState:
        return next(one for one in self.http.policies.states if one.name == operation)


@asynccontextmanager
async def asking(url: str, **settings: Any) -> AsyncIterator[Asking]:
    clock = Clock()
    policy = {"window": 2 * LEAST, "least_calls": LEAST, **settings.pop("policy", {})}
    given = {"url": url, "timeout": 20.0, "connect_timeout": 10.0, "max_bytes": 100_000, "policy": policy}
    given |= settings
    system = System.model_validate(given)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Asking(HttpClient("billing", system, session, clock), clock)


def make_sick(server: SandboxServer, how: dict[str, Any]) -> None:
    for name, value in how.items():
        setattr(server.switches, name, value)


def patience(how: dict[str, Any]) -> float:
    return 0.05 if "hang" in how else 20.0


def kinds(answers: list[object]) -> Counter[str]:
    return Counter(type(one).__name__ for one in answers)


@sick
async def test_it_is_left_in_peace_tried_with_few_calls_and_back_at_once(systems: Systems, how: dict[str, Any]) -> None:
    billing = systems["billing"]
    make_sick(billing, how)
    patient = 0.4 if "hang" in how else 20.0  # in which each call reaches it, also on a busy machine
    async with asking(billing.url, timeout=patient, policy={"retries": 0}) as a:
        await a.until_open()
        assert len(billing.requests) == LEAST
        refused = await a.many(AT_ONCE)
        assert len(billing.requests) == LEAST, "an open operation was asked"
        for one in refused:
            assert isinstance(one, Unreachable)
            assert (one.code, one.retryable, one.nothing_sent) == ("UPSTREAM_UNAVAILABLE", True, True)
            assert not one.may_have_happened

        a.clock.now += 1.0  # it is still sick
        assert kinds(await a.many(AT_ONCE))["Unreachable"] >= AT_ONCE - PROBES
        assert len(billing.requests) == LEAST + PROBES
        assert a.state().breaker is BreakerState.OPEN
        a.clock.now += 1.7  # twice as long, less a tenth at most
        await a.many(AT_ONCE)
        assert len(billing.requests) == LEAST + PROBES

        billing.switches.reset()
        a.http.system = a.http.system.model_copy(update={"timeout": 20.0})
        a.clock.now += 0.3
        found = await a.many(AT_ONCE)
        assert len(billing.requests) == LEAST + 2 * PROBES
        assert kinds(found) == {"list": PROBES, "Unreachable": AT_ONCE - PROBES}
        assert kinds(await a.many(AT_ONCE)) == {"list": AT_ONCE}


@sick
async def test_upstream_calls_a_second_while_a_system_is_broken(systems: Systems, how: dict[str, Any]) -> None:
    """A minute of 25 calls a second, on a clock of its own."""
    billing = systems["billing"]
    make_sick(billing, how)
    async with asking(billing.url, timeout=patience(how), policy={"backoff": 0.0}) as a:
        for _ in range(60):
            await a.many(25)
            a.clock.now += 1
        sent = len(billing.requests)
    assert sent <= LEAST + 15 + 16 + 60 / 4 * PROBES, "to be sure, those beside them, repetitions, probes in 4 to 5 s"
    assert sent >= LEAST + 60 / 5.1 * 2 - 2, "it is tried again"


async def test_other_operations_and_their_data_are_untouched() -> None:
    """By operation, not by address: the same one answers one and not the other."""

    async def some(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if "sick" in request.query else web.json_response([1])

    async with canned(bill=some) as server, asking(server.url) as a:
        for _ in range(LEAST):
            await a.ask("bills", "/bill?sick=1")
            assert await a.ask("accounts", "/bill") == [1]
        assert isinstance(await a.ask("bills", "/bill"), Unreachable)
        assert await a.ask("accounts", "/bill") == [1]
        assert await a.ask("other", "/bill?any=1") == [1]


async def test_a_write_is_refused_before_anything_is_sent_and_never_repeated(systems: Systems) -> None:
    billing = systems["billing"]
    write = Operation("pay", is_write=True)
    billing.switches.drop_connections = 100_000
    async with asking(billing.url) as a:
        with request_scope(RequestScope.lasting(60)) as scope:
            for sent in range(LEAST):
                failure = await a.send(write, lambda: Request.write("POST", PAYMENTS, b"{}"))
                assert isinstance(failure, Unreachable)
                assert failure.may_have_happened
                assert len(billing.requests) == scope.writes_sent == sent + 1
            refused = await asyncio.gather(
                *(a.send(write, lambda: Request.write("POST", PAYMENTS, b"{}")) for _ in range(AT_ONCE))
            )
            assert len(billing.requests) == scope.writes_sent == LEAST
        assert {(type(one), one.may_have_happened) for one in refused if isinstance(one, ConnectorError)} == {
            (Unreachable, False)
        }
        assert len(refused) == AT_ONCE
        assert a.state("pay").retries == 0


async def test_repetitions_stay_within_their_budget(systems: Systems) -> None:
    billing = systems["billing"]
    billing.switches.close_early = True
    calls = 200
    async with asking(billing.url, concurrency=8, policy={"breaker": False, "backoff": 0.0}) as a:
        for _ in range(calls // AT_ONCE):
            assert kinds(await a.many(AT_ONCE)) == {"Unreachable": AT_ONCE}
        repeated = a.state().retries
        assert len(billing.requests) == calls + repeated == a.state().calls
    assert calls * 0.03 <= repeated <= 8 + calls * 0.03


async def test_a_system_that_asks_for_fewer_calls_gets_none_until_the_time_that_it_named(systems: Systems) -> None:
    billing = systems["billing"]
    make_sick(billing, {"error_rate": 1, "error_status": 429})  # with Retry-After: 1
    async with asking(billing.url, policy={"retries": 0}) as a:
        assert isinstance(await a.ask(), RateLimited)
        assert len(billing.requests) == 1
        a.clock.now += 0.99
        billing.switches.reset()
        assert kinds(await a.many(AT_ONCE)) == {"RateLimited": AT_ONCE}
        assert len(billing.requests) == 1
        a.clock.now += 0.02
        assert kinds(await a.many(AT_ONCE)) == {"list": AT_ONCE}


async def test_a_read_that_has_the_time_is_repeated_when_the_system_said() -> None:
    loop, asked = asyncio.get_running_loop(), list[float]()

    async def busy(_request: web.Request) -> web.StreamResponse:
        asked.append(loop.time())
        return web.json_response([1]) if len(asked) > 1 else web.Response(status=503, headers={"Retry-After": "1"})

    async with canned(bill=busy) as server, asking(server.url) as a:
        assert await a.ask("bills", "/bill") == [1]
    assert asked[1] - asked[0] >= 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_what_the_caller_did_wrong_does_not_count(status: int) -> None:
    async def wrong(_request: web.Request) -> web.StreamResponse:
        return web.json_response("no", status=status)

    async with canned(bill=wrong) as server, asking(server.url) as a:
        for _ in range(3 * LEAST):
            await a.ask("bills", "/bill")
        assert len(server.seen) == 3 * LEAST
        assert a.state().breaker is BreakerState.CLOSED


async def test_callers_who_hang_up_or_have_too_little_time_do_not_count() -> None:
    arrived = asyncio.Event()

    async def hangs(request: web.Request) -> web.StreamResponse:
        arrived.set()
        return await never(request)

    async with canned(bill=hangs) as server, asking(server.url) as a:
        for _ in range(2 * LEAST):
            call = asyncio.create_task(a.ask("bills", "/bill"))
            await arrived.wait()
            arrived.clear()
            call.cancel()
            await asyncio.wait([call])
        with request_scope(RequestScope.lasting(0.2)):
            assert kinds(await a.many(16, "bills", "/bill")) == {"TimedOut": 16}
        assert a.state().breaker is BreakerState.CLOSED
        assert a.state().broken == 0
        assert a.state().under_way == 0


async def test_a_record_that_cannot_be_read_costs_no_other() -> None:
    """Asked for again and again, as a page does that polls."""

    async def bill(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"<<<" if "bad" in request.query else b"[1]")

    def of(key: str) -> Any:
        return lambda: Request.get(f"/bill?{key}=1", [key])

    async with canned(bill=bill) as server, asking(server.url) as a:
        assert await a.send(Operation("bills"), of("good")) == [1]
        for _ in range(3 * LEAST):
            for _ in range(LEAST - 1):
                assert isinstance(await a.send(Operation("bills"), of("bad")), Garbled)
            assert await a.send(Operation("bills"), of("good")) == [1]
        assert a.state().breaker is BreakerState.CLOSED


async def test_who_waits_for_a_place_is_told_when_it_opens() -> None:
    async with canned(bill=never) as server, asking(server.url, timeout=0.5, concurrency=LEAST) as a:
        with request_scope(RequestScope.lasting(60)):
            found = kinds(await a.many(5 * LEAST, "bills", "/bill"))
        sent = len(server.seen)
    assert LEAST <= sent < 2 * LEAST, "a place that one left went to the next, until it was open"
    assert found == {"TimedOut": sent, "Unreachable": 5 * LEAST - sent}


async def test_who_waits_does_not_wait_for_a_place_first() -> None:
    clock, request = Clock(), Request.get("/bill")
    rules = {"window": 5, "least_calls": 1}
    system = System.model_validate({"url": "http://127.0.0.1:9", "concurrency": 1, "policy": rules})
    policy = OperationPolicy("bills", "billing", system, Places(1), clock)
    assert policy.take_place()
    permit = policy.admit(request)
    waits = asyncio.create_task(policy.wait_for_place(request, 60))
    await asyncio.sleep(0)
    policy.failed(permit, clock(), TimedOut("billing", "no answer"), request)
    with pytest.raises(Unreachable):
        await waits
    assert (policy.state.under_way, policy.state.waiting, policy.state.refused) == (1, 0, 1)


async def test_no_more_wait_than_the_queue_holds() -> None:
    freed = asyncio.Event()

    async def waits(_request: web.Request) -> web.StreamResponse:
        await freed.wait()
        return web.json_response([1])

    async with (
        canned(bill=waits) as server,
        asking(server.url, concurrency=1, policy={"queue": 2}) as a,
    ):
        calls = [asyncio.create_task(a.ask("bills", "/bill")) for _ in range(5)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert kinds([one.result() for one in done]) == {"Busy": len(done)}
        assert a.state().waiting == 2
        freed.set()
        assert kinds(list(await asyncio.gather(*calls))) == {"list": 3, "Busy": 2}
        assert all(isinstance(one.result(), list | Busy) for one in calls)
        assert (server.most, len(server.seen)) == (1, 3)


async def test_a_system_that_hangs_gets_fewer_calls_at_once() -> None:
    async with (
        canned(bill=never) as server,
        asking(server.url, timeout=0.05, concurrency=16, policy={"breaker": False, "retries": 0}) as a,
    ):
        assert kinds(await a.many(16, "bills", "/bill")) == {"TimedOut": 16}
        assert server.most <= 16
        assert a.state().limit == 11
        for limit in (7, 5, 3, 3):
            a.clock.now += 1
            await a.many(a.state().limit, "bills", "/bill")
            assert a.state().limit == limit


async def test_a_system_whose_answers_do_not_end_gets_fewer_calls_at_once(systems: Systems) -> None:
    billing = systems["billing"]
    make_sick(billing, {"endless": True})
    async with asking(billing.url, concurrency=16, policy={"breaker": False}) as a:
        assert kinds(await a.many(16)) == {"TooLarge": 16}
        assert a.state().limit == 11


async def test_a_read_that_takes_unusually_long_is_asked_beside_and_the_first_answer_counts() -> None:
    slow = asyncio.Event()

    async def bill(request: web.Request) -> web.StreamResponse:
        clock.now += 0.5
        if slow.is_set():
            slow.clear()
            return await never(request)
        return web.json_response([1])

    policy = {"hedge": True, "hedge_share": 0.1}
    async with canned(bill=bill) as server, asking(server.url, policy=policy) as a:
        clock = a.clock
        for _ in range(64):
            assert await a.ask("bills", "/bill") == [1]
        slow.set()
        with request_scope(RequestScope.lasting(60)) as scope:
            assert await a.ask("bills", "/bill") == [1]
        assert a.state().hedges == 1
        assert len(server.seen) == 66
        assert [call.status for call in scope.calls] == [None, 200]
        assert a.state().under_way == 0


async def test_hedges_stay_within_their_budget_and_no_write_is_hedged() -> None:
    """On a clock that stands still every call takes longer than usual."""
    policy = {"hedge": True, "hedge_share": 0.05}
    async with canned(bill="[1]") as server, asking(server.url, policy=policy) as a:
        for _ in range(50):
            await a.many(4, "bills", "/bill")
        hedges = a.state().hedges
        assert 0.05 * 150 <= hedges <= 1 + 0.05 * 200
        assert len(server.seen) <= 200 + hedges
        for _ in range(64):
            await a.send(Operation("pay", is_write=True), lambda: Request.write("POST", "/bill", b"{}"))
        assert a.state("pay").hedges == 0
        assert a.state("pay").calls == 64


async def test_nothing_is_hedged_by_default() -> None:
    async with canned(bill="[1]") as server, asking(server.url) as a:
        for _ in range(200):
            await a.ask("bills", "/bill")
        assert len(server.seen) == 200


async def test_the_time_that_is_left_is_told_in_the_header_that_the_settings_name() -> None:
    policy = {"deadline_header": "X-Request-Timeout-Ms", "backoff": 0.0}

    async def bill(request: web.Request) -> web.StreamResponse:
        if len(server.seen) == 1:
            assert request.transport is not None
            request.transport.close()
        return web.json_response([1])

    async with canned(bill=bill) as server, asking(server.url, policy=policy) as a:
        with request_scope(RequestScope.lasting(10)):
            assert await a.ask("bills", "/bill") == [1]
        assert await a.ask("bills", "/bill") == [1]
    told = [int(one["X-Request-Timeout-Ms"]) for one in server.headers]
    assert 9850 >= told[0] >= told[1] > 0, "a repetition has what is left of the first one's time"
    assert told[2] == 20_000


async def test_the_log_says_once_that_it_is_left_in_peace_and_once_that_it_is_well(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    billing = systems["billing"]
    make_sick(billing, {"error_rate": 1, "error_status": 500})
    async with asking(billing.url) as a:
        with caplog.at_level(logging.INFO, logger="gateway.systems"):
            for _ in range(20):
                await a.many(30)
                a.clock.now += 6
            billing.switches.reset()
            for _ in range(20):
                await a.ask()
    told = [one.getMessage() for one in caplog.records if one.getMessage().startswith("billing.")]
    assert [line.split(":")[0] for line in told] == ["billing.bills is left in peace", "billing.bills is well again"]
    assert "answered 500" in told[0]


async def test_a_slow_system_is_left_in_peace_too() -> None:
    async def bill(_request: web.Request) -> web.StreamResponse:
        clock.now += 0.9 * 20.0
        return web.json_response([1])

    async with canned(bill=bill) as server, asking(server.url) as a:
        clock = a.clock
        for _ in range(LEAST):
            assert await a.ask("bills", "/bill") == [1]
        assert isinstance(await a.ask("bills", "/bill"), Unreachable)
        assert len(server.seen) == LEAST


async def test_a_call_that_the_callers_deadline_ended_was_slow_if_it_took_that_long() -> None:
    async def bill(request: web.Request) -> web.StreamResponse:
        clock.now += 0.9 * 20.0
        return await never(request)

    async with canned(bill=bill) as server, asking(server.url, concurrency=LEAST) as a:
        clock = a.clock
        with request_scope(RequestScope.lasting(0.4)):
            assert kinds(await a.many(LEAST, "bills", "/bill")) == {"TimedOut": LEAST}
        assert len(server.seen) == LEAST
        failure = await a.ask("bills", "/bill")
        assert isinstance(failure, Unreachable)
        assert not isinstance(failure, TimedOut)


async def test_a_system_that_answers_nobody_is_left_in_peace_however_few_ask() -> None:
    """One page that polls is enough: what it asks for was answered a moment ago."""

    async def bill(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"[1]" if len(server.seen) == 1 else b"<<<")

    async with canned(bill=bill) as server, asking(server.url) as a:
        for _ in range(5 * LEAST):
            await a.send(Operation("bills"), lambda: Request.get("/bill", ["1"]))
        assert len(server.seen) <= 1 + 3 * LEAST
