"""What ends the work for a request: the client, and a bound that counts from the work's beginning."""

import asyncio
from typing import Any

import pytest

from gateway.http.disconnect import WATCH_DELAY, DeadlinePassed, run_until_disconnect


async def _nothing_comes() -> Any:
    await asyncio.get_running_loop().create_future()


async def test_the_bound_counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the clock in the first moments, and they count all the same."""
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    began: list[float] = []
    real = loop.call_at

    def call_at(when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        asked.append(when)
        return real(when, *arguments, **options)

    async def work() -> None:
        began.append(loop.time())
        await _nothing_comes()

    monkeypatch.setattr(loop, "call_at", call_at)
    before = loop.time()
    with pytest.raises(DeadlinePassed):
        await run_until_disconnect(work(), _nothing_comes, 2 * WATCH_DELAY)
    assert any(before <= when - 2 * WATCH_DELAY <= began[0] for when in asked)  # others set timers, too


async def test_work_that_is_done_in_time() -> None:
    """Its result, also where it takes longer than nobody looks; the one who listens for the client is let go."""
    listening: list[asyncio.Task[Any] | None] = []
    heard = asyncio.Event()

    async def receive() -> Any:
        listening.append(asyncio.current_task())
        heard.set()
        await _nothing_comes()

    async def work() -> str:
        await heard.wait()
        return "done"

    assert await run_until_disconnect(work(), receive, 60) == "done"
    (task,) = listening
    assert task is not None
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_client_that_goes_away() -> None:
    """The work has ended when None is given."""
    ended: list[str] = []

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def work() -> None:
        try:
            await _nothing_comes()
        finally:
            ended.append("work")

    assert await run_until_disconnect(work(), gone, 60) is None
    assert ended == ["work"]
