"""How much of what clients send is heeded in one turn of the event loop."""

import asyncio
from itertools import pairwise

from gateway.http.turns import Turns


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
