"""Loaders settle every key, whatever a driver gives or raises, so that nobody waits for ever, and are aiodataloader's.

That contract is tested by running the same test against aiodataloader's own loader and against ours.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from aiodataloader import DataLoader

from connectors.errors import Cancelled, Failed
from connectors.records import Rows, Window
from resolvers.context import Loader, customer_ownership
from resolvers.early import EarlyLoads
from resolvers.inventory import SiteById
from resolvers.loader import MOST_AT_ONCE, BatchLoader
from resolvers.nodes import NodeById
from resolvers.rows import RowsKey, RowsLoader
from resolvers.viewer import Viewer, ViewerKind


class Context:
    """What loaders need of a request."""

    def __init__(self) -> None:
        self.loaders: dict[Any, Any] = {}
        self.connectors: Any = None
        self.may_be_stale = False
        self.early = EarlyLoads()
        self.viewer = Viewer(ViewerKind.AGENT)
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

    def __init__(self, context: Any, **options: Any) -> None:
        super().__init__(context, **options)
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
    gc.collect()  # what earlier tests left
    caplog.clear()
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
        found = await asyncio.gather(lists.fetch([RowsKey("1")]), lists.fetch([RowsKey("1")]), return_exceptions=True)
    assert [type(one) for one in found] == [raised, raised]
    lists.outcome = {}
    assert await lists.fetch([RowsKey("1")]) == {}


async def test_what_was_asked_for_just_before_the_end_asks_no_system() -> None:
    """Batches begin a little later than what is loaded: a request may have ended in between."""
    loader = Slow(cast(Any, Context()))
    waiting = loader.load("1")
    cast(Context, loader.context).ended = True
    with pytest.raises(Cancelled, match="the request ended"):
        await waiting
    assert loader.asked == []


Ask = Callable[[list[Any]], Coroutine[Any, Any, Any]]
"""What a batch is loaded by."""


@dataclass(frozen=True, slots=True)
class Made:
    """A loader, and the batches that were asked for by it."""

    loader: DataLoader[Any, Any]
    asked: list[list[Any]]


Make = Callable[..., Made]


def stock(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    return DataLoader(ask, **options)


def stock_derived(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    class Derived(DataLoader[Any, Any]):
        async def batch_load_fn(self, keys: list[Any]) -> Any:
            return await ask(keys)

    return Derived(**options)


def ours(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    return BatchLoader(cast(Any, Context()), batch_load_fn=ask, **options)


def ours_derived(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    class Derived(BatchLoader[Any, Any]):
        async def batch_load_fn(self, keys: list[Any]) -> Any:
            return await ask(keys)

    return Derived(cast(Any, Context()), **options)


def ours_by_found(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    class Derived(BatchLoader[Any, Any]):
        async def found(self, keys: Sequence[Any]) -> Mapping[Any, Any]:
            return dict(zip(keys, await ask(list(keys)), strict=True))

    return Derived(cast(Any, Context()), **options)


def ours_of_fields(ask: Ask, **options: Any) -> DataLoader[Any, Any]:
    class Derived(Loader[Any, Any]):
        domain = "crm"
        ownership = customer_ownership

        async def fetch(self, keys: Sequence[Any]) -> Mapping[Any, Any]:
            return dict(zip(keys, await ask(list(keys)), strict=True))

    return Derived(cast(Any, Context()), **options)


FREE = [stock, stock_derived, ours, ours_derived]
"""Those whose author says what each batch gives, all of it."""


def making(how: Callable[..., DataLoader[Any, Any]]) -> Make:
    """Makes loaders that give what `answers` says of the keys: without it, their doubles."""

    def make(answers: Callable[[list[Any]], Any] = lambda keys: [key * 2 for key in keys], **options: Any) -> Made:
        asked: list[list[Any]] = []

        async def ask(keys: list[Any]) -> Any:
            asked.append(list(keys))
            await asyncio.sleep(0)
            return answers(keys)

        return Made(how(ask, **options), asked)

    return make


@pytest.fixture(params=[*FREE, ours_by_found, ours_of_fields], ids=lambda one: one.__name__)
def make(request: pytest.FixtureRequest) -> Make:
    """aiodataloader's own, and ours: the same must hold for each."""
    return making(request.param)


@pytest.fixture(params=FREE, ids=lambda one: one.__name__)
def make_free(request: pytest.FixtureRequest) -> Make:
    """The same, without those that say what they found by key."""
    return making(request.param)


async def test_what_is_loaded_in_one_turn_is_one_batch_and_each_key_once(make: Make) -> None:
    made = make()
    first, second, again = made.loader.load(1), made.loader.load(2), made.loader.load(1)
    assert isinstance(first, asyncio.Future)
    assert first is again
    assert await asyncio.gather(first, second) == [2, 4]
    assert made.loader.load(2) is second
    assert await made.loader.load(3) == 6
    assert made.asked == [[1, 2], [3]]


async def test_what_begins_in_the_same_turn_joins_the_batch(make: Make) -> None:
    made = make()

    async def later() -> Any:
        return await made.loader.load(2)

    begun = asyncio.create_task(later())
    assert await made.loader.load(1) == 2
    assert await begun == 4
    assert made.asked == [[1, 2]]


async def test_many_come_in_the_order_of_their_keys(make: Make) -> None:
    made = make()
    assert await made.loader.load_many(iter([3, 1, 2, 1])) == [6, 2, 4, 2]
    assert await made.loader.load_many([]) == []
    assert await made.loader.load_many((2, 4)) == [4, 8]
    assert made.asked == [[3, 1, 2], [4]]


async def test_a_value_may_be_anything(make: Make) -> None:
    values = {1: None, 2: 0, 3: "", 4: [], 5: False}
    made = make(lambda keys: [values[key] for key in keys])
    assert await made.loader.load_many(values) == list(values.values())
    assert await made.loader.load_many(values) == list(values.values())
    assert made.asked == [[1, 2, 3, 4, 5]]


async def test_an_exception_in_the_place_of_a_value_is_that_keys_and_is_kept(make: Make) -> None:
    failure = ValueError("two")
    made = make(lambda keys: [failure if key == 2 else key * 2 for key in keys])
    with pytest.raises(ValueError, match="two") as raised:
        await made.loader.load_many([1, 2, 3])
    assert raised.value is failure
    assert await asyncio.gather(*map(made.loader.load, [1, 2, 3]), return_exceptions=True) == [2, failure, 6]
    assert made.asked == [[1, 2, 3]]


async def test_a_batch_that_raises_fails_all_its_keys_and_is_not_kept(make: Make) -> None:
    fault = ValueError("all")
    outcomes: list[Any] = [fault, None]

    def answers(keys: list[Any]) -> Any:
        if outcome := outcomes.pop(0):
            raise outcome
        return [key * 2 for key in keys]

    made = make(answers)
    assert await asyncio.gather(*map(made.loader.load, [1, 2]), return_exceptions=True) == [fault, fault]
    assert await made.loader.load_many([1, 2]) == [2, 4]
    assert made.asked == [[1, 2], [1, 2]]


@pytest.mark.parametrize("answer", [[2], [2, 4, 6], [], None, 5])
async def test_a_batch_that_does_not_give_a_value_for_each_key_fails(make_free: Make, answer: Any) -> None:
    made = make_free(lambda _keys: answer)
    found = await asyncio.gather(*map(made.loader.load, [1, 2]), return_exceptions=True)
    assert list(map(type, found)) == [TypeError, TypeError]
    with pytest.raises(TypeError):
        await made.loader.load_many([1, 2])
    assert made.asked == [[1, 2], [1, 2]]


@pytest.mark.parametrize("kind", [tuple, iter, dict.fromkeys])
async def test_a_batch_may_give_any_iterable(make_free: Make, kind: Callable[[list[int]], Any]) -> None:
    assert await make_free(lambda _keys: kind([2, 4])).loader.load_many([1, 2]) == [2, 4]


@pytest.mark.parametrize("made", FREE[::2], ids=lambda one: one.__name__)
async def test_what_loads_a_batch_must_be_a_coroutine_function(made: Any) -> None:
    with pytest.raises(AssertionError, match="must be coroutine"):
        made(lambda keys: keys)


async def test_what_is_primed_is_not_asked_for(make: Make) -> None:
    made = make()
    assert made.loader.prime(1, "primed") is made.loader
    assert made.loader.load(1).done()
    assert await made.loader.load_many([1, 2]) == ["primed", 4]
    assert made.asked == [[2]]


async def test_priming_does_not_overwrite(make: Make) -> None:
    """Neither what was primed, nor what was loaded, nor what is being loaded."""
    made = make()
    loading = made.loader.load(3)
    assert await made.loader.load(2) == 4
    for key in (1, 2, 3):
        made.loader.prime(key, f"first {key}").prime(key, f"second {key}")
    assert await made.loader.load_many([1, 2, 3]) == ["first 1", 4, await loading]
    assert made.asked == [[3, 2]]
    made.loader.clear(2).prime(2, "anew")
    assert await made.loader.load(2) == "anew"


async def test_a_failure_may_be_primed(make: Make) -> None:
    made = make()
    made.loader.prime(1, ValueError("primed"))
    with pytest.raises(ValueError, match="primed"):
        await made.loader.load(1)
    assert made.asked == []


async def test_what_is_cleared_is_asked_for_again(make: Make) -> None:
    made = make()
    made.loader.prime(3, "primed")
    await made.loader.load_many([1, 2])
    assert made.loader.clear(1).clear(3).clear("never loaded") is made.loader
    assert await made.loader.load_many([1, 2, 3]) == [2, 4, 6]
    assert made.asked == [[1, 2], [1, 3]]


async def test_what_is_cleared_while_it_is_loaded_is_asked_for_again(make: Make) -> None:
    made = make()
    loading = made.loader.load(1)
    again = made.loader.clear(1).load(1)
    assert loading is not again
    assert [await loading, await again] == [2, 2]
    assert made.loader.load(1) is again


async def test_all_is_cleared_at_once(make: Make) -> None:
    made = make()
    made.loader.prime(3, "primed")
    await made.loader.load_many([1, 2])
    assert made.loader.clear_all() is made.loader
    assert await made.loader.load_many([1, 2, 3]) == [2, 4, 6]
    assert made.asked == [[1, 2], [1, 2, 3]]


@pytest.mark.parametrize(
    ("most", "batches"),
    [(2, [[1, 2], [3, 4], [5]]), (5, [[1, 2, 3, 4, 5]]), (9, [[1, 2, 3, 4, 5]]), (1, [[1], [2], [3], [4], [5]])],
)
async def test_a_batch_holds_at_most_so_many(make: Make, most: int, batches: list[list[int]]) -> None:
    made = make(max_batch_size=most)
    assert await made.loader.load_many([1, 2, 3, 4, 5]) == [2, 4, 6, 8, 10]
    assert made.asked == batches


async def test_without_batches_each_key_is_asked_for_alone(make: Make) -> None:
    made = make(batch=False)
    assert await made.loader.load_many([1, 2, 1]) == [2, 4, 2]
    assert made.asked == [[1], [2]]


async def test_without_a_cache_each_load_asks(make_free: Make) -> None:
    made = make_free(cache=False)
    made.loader.prime(1, "primed")
    first, second = made.loader.load(1), made.loader.load(1)
    assert first is not second
    assert [await first, await second, await made.loader.load(1)] == [2, 2, 2]
    assert made.asked == [[1, 1], [1]]


async def test_a_key_that_is_none_is_no_key(make: Make) -> None:
    made = make()
    with pytest.raises(TypeError, match=r"must be called with a value, but got: None"):
        made.loader.load(None)
    with pytest.raises(TypeError, match=r"must be called with a value, but got: None"):
        made.loader.load_many([None])
    assert await made.loader.load_many([0, "", False]) == [0, "", 0]
    assert made.asked == [[0, ""]]  # False is 0


@pytest.mark.parametrize("keys", [5, None])
async def test_many_keys_must_be_several(make: Make, keys: Any) -> None:
    with pytest.raises(TypeError):
        make().loader.load_many(keys)


async def test_a_key_may_be_kept_by_another(make_free: Make) -> None:
    kept: dict[Any, Any] = {}
    made = make_free(lambda keys: [key["id"] * 2 for key in keys], get_cache_key=lambda key: key["id"], cache_map=kept)
    assert await made.loader.load_many([{"id": 1}, {"id": 2}, {"id": 1}]) == [2, 4, 2]
    assert await made.loader.prime({"id": 3}, "primed").load({"id": 3}) == "primed"
    assert made.asked == [[{"id": 1}, {"id": 2}]]
    assert list(kept) == [1, 2, 3]
    made.loader.clear({"id": 1})
    assert list(kept) == [2, 3]


@pytest.mark.parametrize("base", [stock_derived, ours_derived, ours_by_found], ids=lambda one: one.__name__)
async def test_options_may_stand_in_the_class(base: Callable[..., DataLoader[Any, Any]]) -> None:
    asked: list[list[Any]] = []

    async def ask(keys: list[Any]) -> Any:
        asked.append(list(keys))
        return keys

    loader = base(ask)
    type(loader).max_batch_size, type(loader).cache = 2, False
    assert await loader.load_many([1, 2, 3]) == [1, 2, 3]
    assert await loader.load(1) == 1
    assert asked == [[1, 2], [3], [1]]


async def test_the_loop_may_be_said(make: Make) -> None:
    loop = asyncio.get_running_loop()
    assert await make(loop=loop).loader.load(1) == 2
    assert make(loop=None).loader.loop is loop


class Record(NamedTuple):
    """What is loaded by its id."""

    id: str


async def test_records_that_others_read_are_as_if_primed() -> None:
    loader = Slow(cast(Any, Context()))
    loader.let.set()
    records: list[Any] = [Record(key) for key in "abc"]
    loader.prime_many(records)
    loader.prime("a", "too late")
    assert await loader.load_many("ab") == records[:2]
    assert loader.asked == []
    loader.clear("a").clear("c")
    assert await loader.load_many("abc") == ["record a", records[1], "record c"]
    loader.prime_many([*records, cast(Any, Record("d"))])
    assert await loader.load("a") == "record a"
    assert await loader.clear_all().load_many("bd") == ["record b", "record d"]
    assert loader.asked == [["a", "c"], ["b", "d"]]


@pytest.mark.parametrize(("options", "first"), [({"max_batch_size": 2}, ["1", "2"]), ({"batch": False}, ["1"])])
async def test_load_now_asks_for_no_more_than_a_batch_may_hold(options: Any, first: list[str]) -> None:
    loader = Slow(cast(Any, Context()), **options)
    loader.let.set()
    assert await loader.load_now(list("123")) == {key: f"record {key}" for key in "123"}
    assert first in loader.asked
    assert sorted(key for batch in loader.asked for key in batch) == list("123")
    assert max(map(len, loader.asked)) == len(first)


async def test_what_was_begun_with_early_is_cleared_too() -> None:
    made = making(ours_of_fields)()
    loader = cast("Loader[Any, Any]", made.loader)
    loader.expect([1, 2])
    assert await loader.load_many([1, 2]) == [2, 4]
    assert await loader.clear(1).load_many([1, 2]) == [2, 4]
    assert await loader.clear_all().load_many([1, 2]) == [2, 4]
    assert made.asked == [[1, 2], [1], [1, 2]]


async def test_a_list_that_was_read_whole_is_cleared_too() -> None:
    lists = Lists(cast(Any, Context()))
    lists.outcome = {"1": Rows.of([Record("a")])}
    key, page = RowsKey("1"), RowsKey("1", window=Window(0, 1))
    assert (await lists.load(key)).items == [Record("a")]
    lists.outcome = {"1": Rows.of([Record("b")])}
    assert (await lists.load(page)).items == [Record("a")]  # not read again
    assert (await lists.clear(key).load(key)).items == [Record("b")]
    lists.outcome = {"1": Rows.of([Record("c")])}
    assert (await lists.clear_all().load(key)).items == [Record("c")]


async def test_a_list_may_be_cleared_while_it_is_read() -> None:
    lists = Lists(cast(Any, Context()))
    lists.outcome = {"1": Rows.of([Record("a")])}
    key = RowsKey("1")
    reading = asyncio.create_task(lists.fetch([key]))
    waiting = asyncio.create_task(lists.fetch([key]))
    await asyncio.sleep(0)
    lists.clear(key)
    again = asyncio.create_task(lists.fetch([key]))
    await asyncio.sleep(0)
    lists.outcome = ValueError("fault")
    assert [(await one)[key].items for one in (reading, waiting)] == [[Record("a")]] * 2  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="fault"):
        await again


async def test_a_node_is_primed_and_cleared_where_its_type_is_loaded() -> None:
    class Broken:
        """No port is to be asked, and who asks one is told so."""

        async def sites(self, *_: Any) -> Any:
            raise Failed("inventory", "asked")

    context = Context()
    context.connectors = SimpleNamespace(inventory=Broken())
    context.fields = lambda _type: None
    nodes, sites = NodeById.of(cast(Any, context)), SiteById.of(cast(Any, context))
    assert nodes.prime("Site:1", "primed") is nodes
    assert [await nodes.load("Site:1"), await sites.load("1")] == ["primed", "primed"]
    for clear in (lambda: nodes.clear("Site:1"), nodes.clear_all):
        assert clear() is nodes
        with pytest.raises(Failed, match="asked"):
            await nodes.load("Site:1")
        sites.clear("1").prime("1", "primed")
        assert await nodes.load("Site:1") == "primed"


class Held(BatchLoader[str, Any]):
    """Gives when it is let."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def found(self, keys: Sequence[str]) -> Any:
        self.asked.set()
        await self.let.wait()
        return {key: key.upper() for key in keys}


async def test_who_stops_waiting_ends_the_load_of_nobody_else_and_many_stop_at_once() -> None:
    loader = Held(cast(Any, Context()))
    leaving = [asyncio.create_task(loader.wait_for("a")) for _ in range(20_000)]  # shield takes 8 seconds to let go
    staying = asyncio.create_task(loader.wait_for("a"))
    await loader.asked.wait()
    began = time.thread_time()
    for one in leaving:
        one.cancel()
    await asyncio.wait(leaving)
    took = time.thread_time() - began
    assert all(one.cancelled() for one in leaving)
    loader.let.set()
    assert await staying == "A"
    assert took < 2


async def test_more_keys_than_a_batch_may_have_are_several_batches() -> None:
    loader = giving({})
    asked: list[int] = []

    async def found(keys: Sequence[str]) -> Any:
        asked.append(len(keys))
        return {key: key for key in keys}

    loader.found = found  # type: ignore[method-assign]  # a loader that counts
    values = await asyncio.gather(*(loader.load(str(number)) for number in range(2500)))
    assert values == [str(number) for number in range(2500)]
    assert asked == [MOST_AT_ONCE, MOST_AT_ONCE, 500]
