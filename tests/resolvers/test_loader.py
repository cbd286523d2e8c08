"""Loaders settle every key, whatever a driver gives or raises: nobody waits for ever."""

import asyncio
import gc
from collections.abc import Sequence
from typing import Any, cast

import pytest

from connectors.errors import Cancelled, Failed
from resolvers.loader import BatchLoader
from resolvers.rows import RowsKey, RowsLoader


class Context:
    """What loaders need of a request."""

    def __init__(self) -> None:
        self.loaders: dict[Any, Any] = {}
        self.begun: dict[Any, Any] = {}
        self.ended = False

    def joined(self, _batch: Any) -> None:
        """As the real one."""
        if self.ended:
            raise Cancelled("gateway", "the request ended")

    def left(self, _batch: Any) -> None:
        """It is not kept."""


class Giving(BatchLoader[str, Any]):
    """Gives or raises what it was made with."""

    gives: Any = None

    async def found(self, keys: Sequence[str]) -> Any:
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives


def giving(value: Any) -> Giving:
    loader = Giving(cast(Any, Context()))
    loader.gives = value
    return loader


@pytest.mark.parametrize(
    ("given", "raised", "words"),
    [
        (None, AttributeError, "get"),
        (["a"], AttributeError, "get"),
        ({"a": StopIteration(3)}, RuntimeError, "a loader gave StopIteration"),
        ({"a": ValueError("bad")}, ValueError, "bad"),
        ({"a": Failed("crm", "no")}, Failed, "no"),
        (Failed("crm", "all"), Failed, "all"),
        (KeyError("fault"), KeyError, "fault"),
        (asyncio.CancelledError(), Cancelled, "the request ended"),
    ],
)
async def test_every_key_is_settled(given: Any, raised: type[Exception], words: str) -> None:
    loader = giving(given)
    async with asyncio.timeout(5):
        with pytest.raises(raised, match=words):
            await loader.load("a")


async def test_a_fault_is_not_kept_and_a_failure_is() -> None:
    loader = giving(KeyError("fault"))
    with pytest.raises(KeyError):
        await loader.load("a")
    loader.gives = {"a": 1}
    assert await loader.load("a") == 1

    failing = giving(Failed("crm", "no"))
    with pytest.raises(Failed):
        await failing.load("a")
    failing.gives = {"a": 1}
    with pytest.raises(Failed):
        await failing.load("a")


class Slow(BatchLoader[str, str]):
    """Answers when it is let."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.let, self.asked = asyncio.Event(), list[list[str]]()

    async def found(self, keys: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(keys))
        await self.let.wait()
        return {key: f"record {key}" for key in keys if key != "absent"}


async def test_load_now_asks_for_what_nobody_asked_for_and_waits_for_the_rest() -> None:
    loader = Slow(cast(Any, Context()))
    loader.prime("known", "record known")
    early = loader.load("1")
    found = asyncio.create_task(loader.load_now(["1", "2", "absent", "known"]))
    await asyncio.sleep(0)
    assert loader.asked == [["2", "absent"]]  # in its own batch, and not a turn later
    late = loader.load("2")
    loader.let.set()
    assert await found == {"1": "record 1", "2": "record 2", "absent": None, "known": "record known"}
    assert (await early, await late) == ("record 1", "record 2")
    assert loader.asked == [["2", "absent"], ["1"]]


async def test_load_now_tells_a_fault_once(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody asks again in the same breath, and no future is left that nobody looked at."""
    asked: list[Sequence[str]] = []

    class Faulty(BatchLoader[str, Any]):
        async def found(self, keys: Sequence[str]) -> Any:
            asked.append(keys)
            raise KeyError("fault")

    loader = Faulty(cast(Any, Context()))
    with pytest.raises(KeyError, match="fault"):
        await loader.load_now(["1", "2"])
    gc.collect()
    await asyncio.sleep(0)
    assert asked == [["1", "2"]]
    assert caplog.records == []


async def test_load_now_that_is_ended_leaves_nobody_waiting() -> None:
    loader = Slow(cast(Any, Context()))
    ended = asyncio.create_task(loader.load_now(["1"]))
    await asyncio.sleep(0)
    waiting = loader.load("1")
    ended.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ended
    with pytest.raises(Cancelled, match="the request ended"):
        await waiting


class Lists(RowsLoader[Any]):
    """A list whose reading fails as the test says."""

    domain = "crm"
    connection = "ThingConnection"
    outcome: Any = None

    async def rows(self, parents: Sequence[str], window: Any, conditions: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(("outcome", "raised"), [(ValueError("fault"), ValueError), (None, AttributeError)])
async def test_a_fault_reaches_everybody_who_waits_for_the_list(outcome: Any, raised: type[Exception]) -> None:
    lists = Lists(cast(Any, Context()))
    lists.outcome = outcome
    async with asyncio.timeout(5):
        found = await asyncio.gather(
            lists._wholes([RowsKey("1")]), lists._wholes([RowsKey("1")]), return_exceptions=True
        )
    assert [type(one) for one in found] == [raised, raised]
    lists.outcome = {}
    assert await lists._wholes([RowsKey("1")]) == {}


async def test_what_was_asked_for_just_before_the_end_asks_no_system() -> None:
    """Batches begin a little later than what is loaded: a request may have ended in between."""
    loader = Slow(cast(Any, Context()))
    waiting = loader.load("1")
    cast(Context, loader.context).ended = True
    with pytest.raises(Cancelled, match="the request ended"):
        await waiting
    assert loader.asked == []
