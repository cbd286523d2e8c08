"""Mutations: one root field after the other, each with all that is selected below it, and nothing stale is read."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from gateway.engine import Engine, Explanation, Outcome, Prepared
from resolvers.loader import BatchLoader
from schema import Graph
from schema.fields import Info, computed, edge
from tests.gateway.engine.torture import Context, World


class Counting(Context):
    """Counters by name, and what was done with them, in order."""

    def __init__(self) -> None:
        super().__init__(World(0, 0.0))
        self.counters: dict[str, int] = {}
        self.done: list[str] = []
        self.reached = asyncio.Event()


class CounterByName(BatchLoader[str, int]):
    """What a counter shows."""

    async def found(self, keys: Sequence[str]) -> Mapping[str, int]:
        context: Any = self.context
        await asyncio.sleep(0)
        context.done.append(f"read {','.join(keys)}")
        return {key: context.counters.get(key, 0) for key in keys}


@strawberry.type
class Counter:
    name: str
    shows: int | None = edge(CounterByName, "name")


@strawberry.type
class Query:
    nothing: int | None = computed(lambda _root: None, needs=())


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def count(self, info: Info, name: str) -> Counter | None:
        """One more, after a look at how many there are."""
        context: Any = info.context
        shown = await CounterByName.of(context).load(name)
        context.done.append(f"write {name}")
        context.counters[name] = shown + 1
        return SimpleNamespace(name=name)  # type: ignore[return-value]  # a record

    @strawberry.mutation
    def refused(self) -> Counter:
        """It must answer, and does not."""
        raise ValueError("refused")

    @strawberry.mutation
    async def lasting(self, info: Info) -> int | None:
        """It never ends."""
        context: Any = info.context
        context.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            context.done.append("cancelled")
            raise
        return None


async def asked(document: str, *, compiling: bool = True) -> tuple[Outcome, Counting]:
    engine = Engine(Graph(query=Query, mutation=Mutation), compiling=compiling)
    prepared = engine.prepare(document)
    assert isinstance(prepared, Prepared)
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    context = Counting()
    return await engine.execute(prepared, operation, {}, context), context


def test_a_mutation_is_planned_and_its_writes_are_steps() -> None:
    engine = Engine(Graph(query=Query, mutation=Mutation))
    prepared = engine.prepare('mutation { a: count(name: "x") { shows } b: count(name: "y") { name } }')
    assert isinstance(prepared, Prepared)
    explained = engine.explain(prepared, prepared.operations[None], {})

    assert isinstance(explained, Explanation)
    assert explained.fallback is None
    assert [[(one.fields, one.loader) for one in step] for step in explained.steps] == [
        [(("a",), "Mutation.count")],
        [(("a.shows",), "CounterByName")],
        [(("b",), "Mutation.count")],
    ]


@pytest.mark.parametrize("compiling", [True, False])
async def test_each_write_is_read_before_the_next_and_nothing_stale_is(compiling: bool) -> None:
    outcome, context = await asked(
        'mutation { a: count(name: "x") { shows } b: count(name: "x") { shows name } }', compiling=compiling
    )
    assert outcome.errors == []
    assert outcome.data == {"a": {"shows": 1}, "b": {"shows": 2, "name": "x"}}
    assert context.done == ["read x", "write x", "read x", "read x", "write x", "read x"]


@pytest.mark.parametrize("compiling", [True, False])
async def test_what_makes_the_answer_null_ends_the_mutation(compiling: bool) -> None:
    outcome, context = await asked(
        'mutation { a: count(name: "x") { name } refused { name } c: count(name: "y") { name } }', compiling=compiling
    )
    assert outcome.data is None
    assert [(error.path, error.message) for error in outcome.errors] == [(["refused"], "refused")]
    assert context.counters == {"x": 1}


async def test_nothing_selected_is_nothing_written() -> None:
    outcome, context = await asked('mutation { count(name: "x") @skip(if: true) { name } }')
    assert (outcome.data, outcome.errors, context.done) == ({}, [], [])


async def test_who_gives_up_ends_the_resolver() -> None:
    engine = Engine(Graph(query=Query, mutation=Mutation))
    prepared = engine.prepare("mutation { lasting }")
    assert isinstance(prepared, Prepared)
    context = Counting()
    running = asyncio.ensure_future(engine.execute(prepared, prepared.operations[None], {}, context))
    await context.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert context.done == ["cancelled"]
