"""Who leaves a shared call, or has less time than others, is never their loss."""

import asyncio

import pytest

from connectors.errors import TimedOut
from connectors.http.health import SystemStatus
from tests.connectors.sharing.many_asking import asking, crm, customers, settled


@pytest.mark.parametrize("keys", ["123", "111"], ids=["other keys", "the same key"])
@pytest.mark.parametrize(
    "seconds", [(0.3, 20, 20.01), (20, 0.3, 20), (0.35, 0.3, 20)], ids=["first", "second", "one after the other"]
)
async def test_who_has_not_long_is_not_kept_by_who_has(keys: str, seconds: tuple[float, ...]) -> None:
    """One call, which lasts for whoever has most time; the others look at the clock."""
    async with crm(timeout=30) as (c, held):
        several = [asking(customers(key), c, one) for key, one in zip(keys, seconds, strict=True)]
        await held.calls(1)
        async with asyncio.timeout(5):
            short = [await one for one, s in zip(several, seconds, strict=True) if s < 1]
        assert {type(found) for one in short for found in one.values()} == {TimedOut}
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
        assert c.crm.is_idle
        assert [call.error for one in several for call in one.calls] == ["REQUEST_CANCELLED"] * 2


async def test_who_leaves_before_the_call_does_was_never_there() -> None:
    async with crm() as (c, held):
        leaving = asking(customers("1"), c)
        await asyncio.sleep(0)
        assert not c.crm.is_idle
        leaving.task.cancel()
        await settled()
        assert held.asked == []
        assert c.crm.is_idle


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
        assert c.crm.is_idle


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
    monkeypatch.setattr("connectors.sharing.queue.MAX_GATHERING", 60.0)
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
        assert c.crm.is_idle


async def test_who_waits_for_a_turn_is_let_when_those_before_left() -> None:
    async with crm(share_after=1, share_keys=1) as (c, held):
        leaving, staying = asking(customers("1"), c), asking(customers("2"), c)
        await asyncio.sleep(0)
        leaving.task.cancel()
        await held.calls(1)
        held.let(1)
        assert [*await staying] == ["2"]
        assert held.asked == [["2"]]
