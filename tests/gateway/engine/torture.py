"""A schema with everything in it that an executor can get wrong, over data that misbehaves, all of it from one seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Annotated, Any, Final

import strawberry
from strawberry.schema.config import StrawberryConfig

from connectors.errors import Failed
from gateway.engine import Prepared
from resolvers.batches import BatchLoader
from schema import Graph
from schema.fields import computed, edge
from tests.gateway.engine.comparing import Pair
from tests.gateway.engine.operations import Operation, Writer

MOST: Final = 12
"""Things there are; others do not exist."""


@strawberry.enum
class Colour(Enum):
    """An enum whose values are not its names."""

    RED = "r"
    GREEN = "g"
    UNKNOWN = "?"


@strawberry.input
class Style:
    """An input object."""

    prefix: str = "<"
    colours: list[Colour] | None = None


class World:
    """What every thing is like, and what goes wrong: the same for everybody who asks with this seed and `badness`."""

    def __init__(self, seed: int, badness: float) -> None:
        self.seed, self.badness = seed, badness

    def chance(self, *place: object) -> Random:
        """Chance that is the same at the same place."""
        return Random(f"{self.seed}:{place}")  # data, not a secret

    def value(self, place: Sequence[object], good: Any, *bad: Any) -> Any:
        """A good value, or at times one of the bad ones; an exception among them is raised where it is read."""
        chance = self.chance(*place)
        return chance.choice(bad) if bad and chance.random() < self.badness else good


@dataclass
class Thing:
    """One record; attributes are worked out when they are read, and may raise."""

    world: World
    key: int
    kind: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in GOOD:
            raise AttributeError(name)
        good, bad = GOOD[name]
        chance = self.world.chance(self.key, name)
        made = self.world.value((self.key, name, "bad"), good(self, chance), *bad)
        # An exception may also be the value, but not that of a key: loaders take any.
        if isinstance(made, Exception) and (name.startswith("friend") or chance.random() < 0.5):
            raise made
        return made


def _inner(thing: Thing, chance: Random) -> Any:
    return Thing(thing.world, thing.key * 31 % 1000 + chance.randrange(5), "Inner")


def _keys(_thing: Thing, chance: Random) -> list[int]:
    return [chance.randrange(MOST + 2) for _ in range(chance.randrange(4))]


def _matrix(thing: Thing, chance: Random) -> Any:
    return [[_inner(thing, chance) for _ in range(chance.randrange(3))] for _ in range(chance.randrange(3))]


GOOD: Final[Mapping[str, tuple[Any, tuple[Any, ...]]]] = {
    "id": (lambda thing, _chance: str(thing.key), (None, 7)),
    "name": (lambda _thing, chance: chance.choice(["a", "", "ü"]), (None, 5, ValueError("name"), ["x"])),
    "required": (lambda _thing, chance: chance.choice(["r", "s"]), (None, ValueError("required"))),
    "number": (lambda _thing, chance: chance.randrange(9), (None, 2**40, "3", 1.5, True)),
    "ratio": (lambda _thing, chance: chance.random(), (None, float("nan"), 3, float("inf"))),
    "flag": (lambda _thing, chance: chance.random() < 0.5, (None, 1, "x")),
    "moment": (lambda _thing, _chance: datetime(2026, 1, 2, tzinfo=UTC), (None, "today")),
    "colour": (lambda _thing, chance: chance.choice(list(Colour)), (None, "r", "RED", KeyError("colour"))),
    "colours": (lambda _thing, chance: [chance.choice(list(Colour)) for _ in range(3)], (None, [None], "r", 5)),
    "grid": (lambda _thing, chance: [[chance.randrange(3)], []], (None, [None], [[None]], [1], ([2],))),
    "friend_id": (lambda _thing, chance: chance.randrange(MOST + 2), (None, ValueError("friend"))),
    "friend_ids": (_keys, (ValueError("friends"), [])),
    "inner": (_inner, (None, 5, ValueError("inner"))),
    "inners": (lambda thing, chance: [_inner(thing, chance) for _ in range(chance.randrange(3))], (None, [None], 3)),
    "matrix": (_matrix, (None, [None], [[None]], "no")),
}


class ThingById(BatchLoader[int, Thing]):
    """Things; some keys fail, and some batches."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        """What there is."""
        world: World = self.context.world  # type: ignore[attr-defined]  # the torture's own context
        self.context.calls.append(("ThingById", tuple(sorted(keys))))  # type: ignore[attr-defined]  # likewise
        # Of several keys that fail, nobody says which failure is told: so they all fail in one way.
        failure = world.chance("load").choice([Failed("there", "no"), ValueError("no")])
        found: dict[int, Any] = {}
        for key in keys:
            if key < MOST:
                kind = "Leafy" if key % 3 else "Stony"
                found[key] = world.value(("load", key), Thing(world, key, kind), failure)
        return found


class NameById(BatchLoader[int, str]):
    """Leaves behind an edge."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        """A name each, or a failure for all."""
        world: World = self.context.world  # type: ignore[attr-defined]  # the torture's own context
        self.context.calls.append(("NameById", tuple(sorted(keys))))  # type: ignore[attr-defined]  # likewise
        if world.chance("names").random() < world.badness / 4:
            raise Failed("there", "all")
        return {key: world.value(("name of", key), f"n{key}", None, 5, Failed("there", "one")) for key in keys}


def _label(
    thing: Any,
    prefix: Annotated[str | None, strawberry.argument(description="In front.")] = None,
    times: int | None = 1,
    style: Style | None = None,
) -> str:
    if times is not None and times > 3:
        raise ValueError(f"times is {times}")
    shown = "" if style is None else f"{style.prefix}{[one.name for one in style.colours or ()]}"
    return f"{shown}{prefix}{thing.required}" * (times or 0)


def _painted(thing: Any, colour: Colour | None = Colour.RED) -> Colour | None:
    return colour or thing.colour


def _title(one: Any) -> Any:
    return one.required if isinstance(one, Thing) else one


def _neighbour(thing: Any, at: int = 0) -> int:
    return int(thing.key) + at


def _first(_root: Any, key: int = 1) -> int:
    return key


@strawberry.type
class Inner:
    """An object without an id, in the record itself."""

    required: str
    number: int | None
    colour: Colour | None
    inners: list["Inner"]
    friend: Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] | None = edge(ThingById, "friend_id")


def _friends(found: Sequence[Any], first: int | None = None) -> Sequence[Any]:
    if first is not None and first < 0:
        raise ValueError("first")
    return found if first is None else found[:first]


@strawberry.interface
class Named:
    """What both kinds of thing have; which of them a record is goes by its kind."""

    id: strawberry.ID
    name: str | None
    required: str
    number: int | None
    ratio: float | None
    flag: bool | None
    moment: datetime | None
    colour: Colour
    colours: list[Colour] | None
    grid: list[list[int]] | None
    inner: Inner | None
    inners: list[Inner]
    matrix: list[list[Inner | None]] | None
    label: str = computed(_label, needs=())
    painted: Colour | None = computed(_painted, needs=())
    friend: Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] | None = edge(ThingById, "friend_id")
    strict_friend: Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] = edge(ThingById, "friend_id")
    friends: list[Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")]] | None = edge(
        ThingById, lambda thing: thing.friend_ids, _friends, many=True
    )
    either: Annotated["Either", strawberry.lazy("tests.gateway.engine.torture")] | None = edge(ThingById, _neighbour)
    title: str | None = edge(NameById, "key")
    strict_title: str = edge(NameById, "key", known=lambda thing: thing.key % 2 == 0, step=lambda one: _title(one))

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        """The record's kind; at times a type that is none, or not one of these."""
        world: World = obj.world
        return str(world.value(("type", obj.key), obj.kind, "Inner", "Nobody"))


@strawberry.type
class Leafy(Named):
    """One kind of thing."""

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """At times it does not know its own."""
        return bool(obj.kind == "Leafy" and obj.world.value(("is", obj.key), True, False))


@strawberry.type
class Stony(Named):
    """The other kind."""

    weight: float | None = computed(lambda thing: thing.ratio, needs=())

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """It always does."""
        return bool(obj.kind == "Stony")


Either = Annotated[Leafy | Stony, strawberry.union("Either")]


@strawberry.type
class Query:
    """The ways in."""

    thing: Named | None = edge(ThingById, _first)
    strict: Named = edge(ThingById, _first)
    leafy: Leafy | None = edge(ThingById, _first)
    things: list[Named | None] | None = edge(ThingById, lambda _root: list(range(MOST)), _friends, many=True)
    count: int = computed(lambda _root: 3, needs=())
    slow: str | None = strawberry.field(resolver=lambda: "not planned")


class Context:
    """As much of a request's context as loaders need."""

    def __init__(self, world: World) -> None:
        self.world, self.loaders, self.viewer = world, {}, None
        self.calls: list[tuple[str, tuple[int, ...]]] = []

    def joined(self, _batch: Any) -> None:
        """Batches end by themselves here."""


def build() -> Graph:
    """The schema."""
    return Graph(query=Query, types=[Leafy, Stony], config=StrawberryConfig(auto_camel_case=True))


PAIR: Final = Pair(build)


def case(seed: int) -> tuple[Operation, Callable[[Prepared], Context]]:
    """One operation and the world it is asked of."""
    chance = Random(seed)  # data, not a secret
    skip = frozenset({"slow"} if chance.random() < 0.95 else ())
    badness = chance.choice([0.0, 0.02, 0.1, 0.3])
    depth = chance.randrange(2, 6)
    operation = Writer(PAIR.ours.core_schema, chance, depth=depth).operation(skip)
    return operation, lambda _prepared: Context(World(seed, badness))
