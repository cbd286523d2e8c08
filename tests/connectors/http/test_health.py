"""When a system counts as lost, and when as back: said once, however it comes and goes."""

import logging
from collections.abc import Iterable

import aiohttp
import pytest

from connectors.errors import Busy, Cancelled, ConnectorError, Failed, TooMuch, Unreachable
from connectors.http.health import Health, SystemStatus
from tests.connectors.asking import connected
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
        for _ in range(3):
            await c.crm.customers(["1001"], NAME)
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
