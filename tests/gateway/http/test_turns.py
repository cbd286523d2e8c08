"""How much of what clients send is heeded in one turn of the event loop."""

import asyncio
from functools import partial
from itertools import pairwise

import pytest

from gateway.http.turns import Beginnings, Together, TurnEnd, Turns


async def test_so_many_are_let_in_for_each_turn_and_in_their_order() -> None:
    turns, taken = Turns(at_once=10), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        taken.append(number)

    waiting = [asyncio.create_task(one(number)) for number in range(100)]
    counts = [0]
    while len(taken) < len(waiting):
        await asyncio.sleep(0)
        counts.append(len(taken))
    assert taken == [*range(100)]
    assert max(after - before for before, after in pairwise(counts)) == 10


async def test_who_has_gone_takes_nobodys_place() -> None:
    turns, taken = Turns(at_once=1), list[int]()

    async def one(number: int) -> None:
        await turns.take()
        taken.append(number)

    waiting = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    for gone in waiting[1:4]:
        gone.cancel()
    async with asyncio.timeout(5):
        await waiting[4]
    assert taken == [0, 4]


async def test_what_is_called_is_done_at_once_while_there_is_room_and_else_in_turns_to_come() -> None:
    beginnings, done = Beginnings(at_once=10), list[int]()

    def ask(number: int) -> None:
        if beginnings.take():
            done.append(number)
        else:
            beginnings.later(lambda: ask(number))

    counts = [0]
    for number in range(100):
        ask(number)
    while len(done) < 101:
        counts.append(len(done))
        if len(counts) == 3:
            ask(100)  # who comes now waits behind those who have waited
        await asyncio.sleep(0)
    counts.append(len(done))
    assert done == [*range(101)]
    assert max(after - before for before, after in pairwise(counts)) == 10


async def test_one_that_fails_takes_nobodys_turn() -> None:
    beginnings, done = Beginnings(at_once=1), asyncio.Event()
    assert beginnings.take()
    assert not beginnings.take()
    told = list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    try:
        wrong = ValueError("wrong")
        beginnings.later(partial(_fail, wrong))
        beginnings.later(done.set)
        async with asyncio.timeout(5):
            await done.wait()
    finally:
        loop.set_exception_handler(None)
    assert told == [wrong]


def _fail(error: Exception) -> None:
    raise error


async def test_what_comes_within_a_moment_is_done_together_some_in_each_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.turns.MOMENT", 0.2)
    together, done = Together(Beginnings(at_once=10)), list[int]()
    counts = [0]
    for number in range(35):
        together.add(partial(done.append, number))
        await asyncio.sleep(0)
        assert done == []
    async with asyncio.timeout(5):
        while len(done) < 35:
            await asyncio.sleep(0)
            counts.append(len(done))
    assert done == [*range(35)]
    assert [after - before for before, after in pairwise(counts) if after > before] == [10, 10, 10, 5]
    again = asyncio.Event()
    together.add(again.set)
    async with asyncio.timeout(5):
        await again.wait()


async def test_what_ends_a_turn_is_done_in_its_order_and_once() -> None:
    end, done = TurnEnd(), list[int]()
    for one in range(3):
        end.add(partial(done.append, one))
    assert done == []
    await asyncio.sleep(0)
    end.add(partial(done.append, 3))
    await asyncio.sleep(0)
    assert done == [0, 1, 2, 3]


async def test_what_fails_at_the_end_of_a_turn_is_told_and_holds_up_nothing_else() -> None:
    end, done, told = TurnEnd(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))
    try:
        end.add(partial(done.append, 0))
        end.add(partial(done.remove, 7))
        end.add(partial(done.append, 1))
        for _ in range(3):
            await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().set_exception_handler(None)
    assert done == [0, 1]
    assert [type(one) for one in told] == [ValueError]
