"""Bounds in time by one timer: what takes too long ends, and nothing else does."""

import asyncio

import pytest

from connectors.watch import Watch


async def never() -> None:
    await asyncio.get_running_loop().create_future()


async def test_what_takes_too_long_raises_and_what_is_in_time_does_not() -> None:
    watch = Watch()

    async def bounded(seconds: float) -> str:
        try:
            with watch.bound(seconds):
                await never()
        except TimeoutError:
            return "late"
        return "in time"

    with watch.bound(60):
        assert await asyncio.gather(*map(bounded, (0.03, 0.01, 0.0, -1.0))) == ["late"] * 4
    with watch.bound(0.01):
        pass
    with watch.bound(60):
        assert await bounded(0.02) == "late", "the timer rings for the one that ended, and is set anew"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_later_bounds_are_ended_one_after_the_other() -> None:
    watch, ended = Watch(), list[float]()

    async def bounded(seconds: float) -> None:
        try:
            with watch.bound(seconds):
                await never()
        except TimeoutError:
            ended.append(seconds)

    await asyncio.gather(*map(bounded, (0.06, 0.02, 0.04)))
    assert ended == [0.02, 0.04, 0.06]


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    watch, begun = Watch(), asyncio.Event()

    async def bounded() -> None:
        with watch.bound(60):
            begun.set()
            await never()

    task = asyncio.create_task(bounded())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_bound_does_not_end_the_outer_one() -> None:
    watch, ended = Watch(), list[str]()

    async def inner() -> None:
        with watch.bound(0.01):
            await never()

    async def outer() -> None:
        with watch.bound(0.05):
            with pytest.raises(TimeoutError):
                await inner()
            ended.append("inner")
            await never()

    with pytest.raises(TimeoutError):
        await outer()
    assert ended == ["inner"]


async def test_an_error_of_what_is_bounded_is_not_hidden() -> None:
    with pytest.raises(KeyError), Watch().bound(60):
        raise KeyError("its own")
