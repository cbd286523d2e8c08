"""Loaders settle every key, whatever a driver gives or raises: nobody waits for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from connectors.errors import Cancelled, Failed
from resolvers.batches import BatchLoader
from resolvers.rows import RowsKey, RowsLoader


class Context:
    """What loaders need of a request."""

    def __init__(self) -> None:
        self.loaders: dict[Any, Any] = {}
        self.begun: dict[Any, Any] = {}

    def joined(self, _batch: Any) -> None:
        """Nobody ends it."""

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
