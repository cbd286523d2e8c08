"""Places: never more than there are, never a free one beside somebody who may have it, and nobody passed over."""

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connectors.http.policy.places import Fixed, Line, Places

MOST = 4


class Changing:
    """A limit that a test changes."""

    def __init__(self) -> None:
        self.now = MOST


class Sharing(RuleBasedStateMachine):
    """Three operations that take, wait for, leave and give up places, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.places, self.limits = Places(MOST), [Changing() for _ in range(3)]
        self.lines = [Line(limit, longest=5) for limit in self.limits]
        self.waiting: list[tuple[int, asyncio.Task[bool]]] = []
        self.held = [0, 0, 0]

    def teardown(self) -> None:
        for _, one in self.waiting:
            one.cancel()
        self.turn()
        self.loop.close()

    def turn(self) -> None:
        async def some() -> None:
            for _ in range(3):
                await asyncio.sleep(0)

        self.loop.run_until_complete(some())
        for number, task in [one for one in self.waiting if one[1].done()]:
            self.waiting.remove((number, task))
            if not task.cancelled() and task.exception() is None and task.result():
                self.held[number] += 1

    @rule(number=st.integers(0, 2))
    def take(self, number: int) -> None:
        if self.places.take(self.lines[number]):
            self.held[number] += 1

    @rule(number=st.integers(0, 2))
    def wait(self, number: int) -> None:
        if self.places.take(self.lines[number]):  # as callers do
            self.held[number] += 1
            return
        self.waiting.append((number, self.loop.create_task(self.places.wait(self.lines[number], 3600.0))))
        self.turn()

    @rule(number=st.integers(0, 2))
    def leave(self, number: int) -> None:
        if self.held[number]:
            self.held[number] -= 1
            self.places.leave(self.lines[number])

    @rule(which=st.integers(0, 9))
    def give_up(self, which: int) -> None:
        if which < len(self.waiting):
            self.waiting[which][1].cancel()

    @rule(number=st.integers(0, 2), limit=st.integers(1, MOST))
    def change_limit(self, number: int, limit: int) -> None:
        self.limits[number].now = limit
        self.places.share_out()

    @rule(number=st.integers(0, 2))
    def dismiss(self, number: int) -> None:
        self.places.dismiss(self.lines[number])

    @invariant()
    def is_right(self) -> None:
        self.turn()
        assert self.held == [line.under_way for line in self.lines]
        assert sum(self.held) <= MOST
        for number, line in enumerate(self.lines):
            assert len(line.waiting) == sum(one == number for one, _ in self.waiting) <= 5
            if line.waiting:
                assert sum(self.held) == MOST or self.held[number] >= line.limit.now, "a free place is not given"


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


async def test_operations_take_turns() -> None:
    places, slow, quick = Places(1), Line(Fixed(1), 100), Line(Fixed(1), 100)
    assert places.take(slow)
    order: list[str] = []

    async def call(line: Line, name: str) -> None:
        assert await places.wait(line, 60)
        order.append(name)
        places.leave(line)

    calls: list[Any] = [*(call(slow, "slow") for _ in range(3)), *(call(quick, "quick") for _ in range(3))]
    tasks = [asyncio.create_task(one) for one in calls]
    await asyncio.sleep(0)
    places.leave(slow)
    await asyncio.gather(*tasks)
    assert order == ["slow", "quick"] * 3


async def test_a_full_queue_is_said_at_once() -> None:
    places, line = Places(1), Line(Fixed(1), 1)
    assert places.take(line)
    waits = asyncio.create_task(places.wait(line, 60))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await places.wait(line, 60)
    places.dismiss(line)
    assert await waits is False
