"""Work that is interrupted lets others have their turn, however much of it there is."""

import asyncio

import pytest

from gateway.engine import Engine, Prepared, turns
from gateway.engine.one_at_a_time import OneAtATime
from gateway.engine.turns import Work, in_turns
from schema import build_schema

WORKS, STEPS = 20, 5


async def ticking(happened: list[str]) -> None:
    """Notes each turn of the event loop."""
    while True:
        happened.append("turn")
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _each_step_is_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLICE", -1.0)


async def test_one_of_all_that_is_interrupted_goes_on_in_each_turn() -> None:
    happened: list[str] = []

    def work(name: int) -> Work[int]:
        for _ in range(STEPS):
            happened.append(str(name))
            yield
        return name

    ticks = asyncio.create_task(ticking(happened))
    results = await asyncio.gather(*(in_turns(work(name)) for name in range(WORKS)))
    ticks.cancel()

    assert results == [*range(WORKS)]
    begun, *later = " ".join(happened).split("turn")[1:]
    assert len(begun.split()) == WORKS, "what is new begins at once"
    assert max(len(one.split()) for one in later) == 1
    assert [one.strip() for one in later if one.strip()] == [str(name) for name in range(WORKS)] * (STEPS - 1)


async def test_of_work_that_is_seldom_short_one_begins_in_each_turn() -> None:
    happened: list[str] = []

    def work(name: int) -> Work[int]:
        happened.append(str(name))
        yield
        return name

    ticks = asyncio.create_task(ticking(happened))
    await asyncio.gather(*(in_turns(work(name), begins_at_once=False) for name in range(WORKS)))
    ticks.cancel()
    assert max(len(one.split()) for one in " ".join(happened).split("turn")) == 1


async def test_what_many_send_at_once_is_prepared_once() -> None:
    engine = Engine(build_schema())
    source = "{ " + " ".join(f"c{number}: customer(id: {number}) {{ id name }}" for number in range(20)) + " }"
    prepared = await asyncio.gather(*(engine.prepare_in_turns(source, caller=who) for who in range(WORKS)))
    assert isinstance(prepared[0], Prepared)
    assert {id(one) for one in prepared} == {id(prepared[0])}


async def test_who_gives_up_leaves_the_work_to_who_waits() -> None:
    one_at_a_time, happened = OneAtATime(), list[str]()

    async def work(name: str, goes_on: asyncio.Event) -> None:
        async with one_at_a_time.on("key"):
            happened.append(name)
            await goes_on.wait()

    never, now = asyncio.Event(), asyncio.Event()
    now.set()
    first = asyncio.create_task(work("first", never))
    others = [asyncio.create_task(work(name, now)) for name in ("second", "gone", "third")]
    await asyncio.sleep(0)
    others[1].cancel()
    await asyncio.sleep(0)
    assert happened == ["first"]
    first.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait(others)
    assert happened == ["first", "second", "third"]


async def test_what_is_cancelled_while_it_waits_takes_nobodys_turn() -> None:
    def endless() -> Work[None]:
        while True:
            yield

    def short() -> Work[str]:
        yield
        yield
        return "done"

    given_up = [asyncio.create_task(in_turns(endless())) for _ in range(WORKS)]
    last = asyncio.create_task(in_turns(short()))
    await asyncio.sleep(0)
    for one in given_up:
        one.cancel()
    async with asyncio.timeout(10):
        assert await last == "done"
    assert all(one.cancelled() for one in given_up)
    async with asyncio.timeout(10):
        assert await in_turns(short()) == "done"
