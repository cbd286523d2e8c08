"""Mutations of the torture's things: resolvers that wait and that do not, that fail before and after, and payloads."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Annotated, Any, Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from connectors.errors import Failed
from gateway.engine import Prepared
from schema import Graph
from schema.fields import Info, computed, edge
from tests.gateway.engine.comparing import Pair
from tests.gateway.engine.operations import Operation, Writer
from tests.gateway.engine.torture import (
    MOST,
    SCALARS,
    WORDS,
    Context,
    Leafy,
    Named,
    NodeById,
    Query,
    Stony,
    Thing,
    ThingById,
    World,
    node_id,
    node_ids,
)


class Written:
    """What a write answers; `keys` are of things that may have changed."""

    def __init__(self, world: World, key: int) -> None:
        chance = world.chance("written", key)
        self.world, self.key = world, key
        self.keys = [chance.randrange(MOST + 2) for _ in range(chance.randrange(5))]
        self.code = world.value(("code", key), f"w{key}", None, ValueError("code"), 5)
        self.held = world.value(("held", key), Thing(world, key, "Leafy" if key % 3 else "Stony"), None, 5)


@strawberry.type
class Changed:
    """A payload."""

    code: str
    key: int | None
    held: Named | None
    thing: Named | None = edge(ThingById, "key")
    strict_thing: Named = edge(ThingById, "key")
    each: list[Named | None] | None = edge(ThingById, "keys", per_key=True)
    strict_each: list[Named] = edge(ThingById, "keys", per_key=True)
    node: Named | None = edge(NodeById, node_id)
    strict_node: Named = edge(NodeById, node_id)
    nodes: list[Named | None] | None = edge(NodeById, node_ids, per_key=True)
    strict_nodes: list[Named] = edge(NodeById, node_ids, per_key=True)


def _write(info: Info, key: int, name: str) -> Any:
    """Change the world, and say what came of it. Raises where the world is bad."""
    context: Any = info.context
    context.writes.append((name, key))
    context.world = World(context.world.seed + 1000, context.world.badness)
    failed = Failed("there", f"{name} {key}")
    found = context.world.value((name, key), Written(context.world, key), None, failed, ValueError("no"))
    if isinstance(found, Exception) and key % 2:
        raise found
    return found


async def _waiting(info: Info, key: int, name: str) -> Any:
    """The same, after it has looked at what there is, as a write does."""
    context: Any = info.context
    await asyncio.gather(ThingById.of(context).load(key), return_exceptions=True)
    found = _write(info, key, name)
    await asyncio.sleep(0)
    return found


def _key(_root: Any, key: int = 1) -> int:
    return key


@strawberry.type
class Mutation:
    """The writes."""

    loaded: Named | None = edge(ThingById, _key)
    count: int = computed(lambda _root: 3, needs=())
    nothing: int | None = computed(lambda _root: None, needs=())

    @strawberry.mutation
    async def change(self, info: Info, key: int = 1) -> Changed | None:
        """It waits."""
        return await _waiting(info, key, "change")  # type: ignore[no-any-return]  # whatever the world says

    @strawberry.mutation
    async def strict_change(self, info: Info, key: int = 1) -> Changed:
        """It must answer."""
        return await _waiting(info, key, "strict_change")  # type: ignore[no-any-return]  # likewise

    @strawberry.mutation
    def change_at_once(self, info: Info, key: int = 1) -> Changed | None:
        """It does not wait."""
        return _write(info, key, "change_at_once")  # type: ignore[no-any-return]  # likewise

    @strawberry.mutation
    async def change_all(self, info: Info, keys: list[int]) -> list[Changed | None] | None:
        """Several."""
        return [await _waiting(info, key, "change_all") for key in keys]

    @strawberry.mutation
    async def strict_change_all(self, info: Info, keys: list[int]) -> list[Changed] | None:
        """Several, each of which must answer."""
        return [await _waiting(info, key, "strict_change_all") for key in keys]

    @strawberry.mutation
    async def touch(
        self, info: Info, key: int = 1
    ) -> Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] | None:
        """It answers with the thing itself, of a type that only the record knows."""
        written = await _waiting(info, key, "touch")
        return written and written.held  # type: ignore[no-any-return]  # likewise

    @strawberry.mutation
    async def counted(self, info: Info, key: int = 1) -> int:
        """A leaf that must be there."""
        written = await _waiting(info, key, "counted")
        return written and written.key  # type: ignore[no-any-return]  # likewise


def build() -> Graph:
    """The schema."""
    config = StrawberryConfig(auto_camel_case=True, scalar_map=SCALARS)
    return Graph(query=Query, mutation=Mutation, types=[Leafy, Stony], config=config)


PAIR: Final = Pair(build)


def case(seed: int, *, other: bool = False) -> tuple[Operation, Callable[[Prepared], Context]]:
    """One operation and the world it changes; `other`: the same of another world."""
    chance = Random(seed)  # data, not a secret
    badness = chance.choice([0.0, 0.02, 0.1, 0.3])
    words = WORDS | {"keys": lambda chance: [chance.randrange(MOST + 2) for _ in range(chance.randrange(4))]}
    depth = chance.randrange(2, 5)
    writer = Writer(PAIR.ours.core_schema, chance, depth=depth, words=words, kind="mutation")
    return writer.operation(), lambda _prepared: Context(World(seed + other, badness))
