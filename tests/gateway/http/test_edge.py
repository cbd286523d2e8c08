"""All connections of a process are looked at once a second, in turns that hold up nobody."""

import asyncio
import time

from gateway.http.edge import Edge
from gateway.server_settings import ConnectionLimits

CONNECTIONS = 60
LONG = 0.002
"""Seconds that ending one takes here: all together would take more than a tenth of a second."""


class Ending:
    """A connection that is ended when it is looked at."""

    address = "192.0.2.7"

    def __init__(self, looked_at: list[int], turn: list[int]) -> None:
        self._looked_at, self._turn = looked_at, turn

    def look(self, now: float) -> None:
        self._looked_at.append(self._turn[0])
        until = time.perf_counter() + LONG
        while time.perf_counter() < until:
            pass

    def cut(self, why: str) -> None: ...

    def give_way(self) -> None: ...

    def give_up(self) -> None: ...

    def waiting(self, now: float) -> int:
        return 0

    def seconds_left(self, now: float) -> float:
        return 0.0

    def silent_for(self, now: float) -> float:
        return 0.0

    def idle_for(self, now: float) -> float:
        return 0.0


async def test_many_that_end_at_once_end_in_several_turns() -> None:
    edge, turn, looked_at = Edge(ConnectionLimits()), [0], list[int]()
    connections = [Ending(looked_at, turn) for _ in range(CONNECTIONS)]
    for one in connections:
        edge.enter(one, CONNECTIONS)
    gone = connections.pop()
    edge.leave(gone)
    async with asyncio.timeout(20):
        while len(looked_at) < len(connections):
            turn[0] += 1
            await asyncio.sleep(0)
    assert len(looked_at) == CONNECTIONS - 1, "each once, and who has gone not"
    assert max(map(looked_at.count, set(looked_at))) <= 3
    for one in connections:
        edge.leave(one)
        edge.release(one.address)
