"""When a system counts as lost, and when as back: said once, however it comes and goes."""

import logging
from collections.abc import Iterable

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import (
    Busy,
    Cancelled,
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.http.health import Health, SystemStatus
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.systems import Systems, stopped

NAME = frozenset({"name"})


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an operator read about systems."""
    return [one.getMessage().split(":")[0] for one in caplog.records if one.name == "gateway.systems"]


async def test_lost_with_the_second_failure_and_said_to_be_back_with_the_third_answer(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gateway.systems")
    async with connected(systems) as c:
        health, seen, lines = c.systems[0].probe.http.health, [], []
        seen.append(health.status)
        await c.systems[0].probe.probe()
        seen.append(health.status)
        systems["crm"].switches.error_rate = 1
        for customer in ("1001", "1002", "1003"):
            await c.crm.customers([customer], NAME)
            seen.append(health.status)
        with pytest.raises(Failed):
            await c.systems[0].probe.probe()
        systems["crm"].switches.error_rate = 0
        for _ in range(4):
            await c.crm.customers(["1001"], NAME)
            seen.append(health.status)
            lines.append(len(told(caplog)))
    wanted = ["unknown", "up", "up", "down", "down", "up", "up", "up", "up"]
    assert [status.value for status in seen] == wanted
    assert lines == [1, 1, 2, 2]
    assert health.last_error is not None
    assert health.last_error.message == Failed("crm", "").public
    assert told(caplog) == ["crm is lost", "crm is back"]


async def test_no_connection_is_a_loss_at_once(systems: Systems, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(systems) as c:
        await c.crm.customers(["1001"], NAME)
        with stopped(systems["crm"]):
            await c.crm.customers(["1001"], NAME)
            assert c.systems[0].probe.http.health.status is SystemStatus.DOWN
    assert told(caplog) == ["crm is lost"]


def living(health: Health, marks: Iterable[str]) -> None:
    """`+` is an answer, everything else a failure."""
    for mark in marks:
        if mark == "+":
            health.answered(1)
        else:
            health.failed(Failed("crm", "500"))


ABOUT_RECORDS = [Failed("crm", "500"), Garbled("crm", "no JSON"), Refused("crm", "403", status=403)]
ALWAYS = [
    Unreachable("crm", "hung up"),
    TimedOut("crm", "no answer"),
    RateLimited("crm", "429"),
    Refused("crm", "401", login_wanted=True, status=401),
    Failed("crm", "the login answered 500", signing_in=True),
]


@pytest.mark.parametrize("failure", ABOUT_RECORDS)
def test_an_answer_that_fails_about_one_record_marks_nothing_lost_however_often_it_is_asked(
    failure: ConnectorError, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health("crm")
    for _ in range(5):
        health.failed(failure, about="/customer/1")
    assert health.status is SystemStatus.UNKNOWN
    assert health.last_error is not None
    assert health.last_seen is None  # so that who asks for the state has the system probed
    health.answered(1)
    for _ in range(5):
        health.failed(failure, about="/customer/1")
    assert health.status is SystemStatus.UP
    health.answered(1)
    health.failed(failure, about="/customer/1")
    assert health.status is SystemStatus.UP  # an answer in between, and the count begins anew
    assert told(caplog) == []


@pytest.mark.parametrize("failure", ABOUT_RECORDS)
def test_answers_that_fail_about_two_records_or_about_none_in_particular_mark_it_lost(failure: ConnectorError) -> None:
    for second in ("/customer/2", None):
        health = Health("crm")
        health.answered(1)
        health.failed(failure, about="/customer/1")
        health.failed(failure, about=second)
        assert health.status is SystemStatus.DOWN


@pytest.mark.parametrize("failure", ALWAYS)
def test_no_answer_and_a_refused_gateway_say_nothing_of_a_record(failure: ConnectorError) -> None:
    health = Health("crm")
    health.answered(1)
    health.failed(failure, about="/customer/1")
    assert health.status is SystemStatus.UP
    health.failed(failure, about="/customer/1")
    assert health.status is SystemStatus.DOWN


async def test_one_broken_record_is_asked_for_again_and_again_and_the_system_stays_up(systems: Systems) -> None:
    async def broken(request: web.Request) -> web.Response:
        return web.Response(status=500) if "=bad" in request.raw_path else web.json_response([])

    async with canned(customer=broken) as server, reading(server) as c:
        health = c.systems[0].probe.http.health
        assert (await c.crm.customers(["good"], NAME)) == {}
        for _ in range(3):
            assert type((await c.crm.customers(["bad"], NAME))["bad"]) is Failed
        assert health.status is SystemStatus.UP
        await c.crm.customers(["bad2"], NAME)
        assert health.status is SystemStatus.DOWN


def test_every_other_failure_is_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    health = Health("crm")
    living(health, "+" + "-+" * 100)
    assert health.status is SystemStatus.UP
    assert told(caplog) == []


def test_one_that_goes_on_coming_and_going_is_logged_less_and_less(caplog: pytest.LogCaptureFixture) -> None:
    health = Health("crm")
    living(health, "+" + "--+++" * 100)
    assert told(caplog) == ["crm is lost", "crm is back", "crm is lost"]
    living(health, "++++++")
    assert told(caplog)[3:] == ["crm is back"]


def test_after_a_calm_one_answer_says_enough(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("connectors.http.health.time.monotonic", lambda: now)
    health = Health("crm")
    living(health, "+--")
    now += 9.9
    living(health, "+")
    assert told(caplog) == ["crm is lost"]
    now += 0.2
    living(health, "+")
    assert told(caplog) == ["crm is lost", "crm is back"]


def test_one_that_was_steady_is_believed_as_quickly_as_the_first_time(caplog: pytest.LogCaptureFixture) -> None:
    health = Health("crm")
    living(health, "+--+++" + "+" * 7 + "--+++")
    assert told(caplog) == ["crm is lost", "crm is back"] * 2


async def test_half_of_all_answers_failing_is_a_handful_of_lines(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(systems) as c:
        await c.billing.bills(["BILL-1001-1-01"], NAME)
        systems["billing"].switches.error_rate = 0.5
        for _ in range(150):
            await c.billing.bills(["BILL-1001-1-01"], NAME)
    assert len(told(caplog)) <= 8


@pytest.mark.parametrize("kind", [Busy, Cancelled, TooMuch])
def test_what_is_our_own_doing_is_no_failure(kind: type[ConnectorError]) -> None:
    health = Health("crm")
    health.failed(kind("crm", "ours"))
    assert (health.status, health.last_error) == (SystemStatus.UNKNOWN, None)


async def test_a_token_endpoint_that_is_not_there_is_a_loss_at_once(systems: Systems) -> None:
    auth = {"kind": "oauth2", "token_url": "http://127.0.0.1:1/", "client_id": "x", "client_secret": "y"}
    async with connected(systems, crm={"auth": auth}) as c:
        found = (await c.crm.customers(["1001"], NAME))["1001"]
    assert isinstance(found, Unreachable)
    assert found.nothing_sent
    assert isinstance(found.__cause__, aiohttp.ClientConnectorError)
