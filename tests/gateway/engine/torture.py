"""A schema with everything in it that an executor can get wrong, over data that misbehaves, all of it from one seed."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Annotated, Any, Final

import strawberry
from graphql.pyutils import Undefined
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from connectors.errors import Failed
from gateway.engine import Prepared
from resolvers.loader import NO_LINK, BatchLoader
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


@dataclass(frozen=True)
class Tint:
    """What a custom scalar stands for."""

    depth: int


def _written(tint: Tint) -> str | None:
    """A tint of 7 is none, which no scalar's value may become."""
    if tint.depth < 0:
        raise ValueError(f"no tint is {tint.depth} deep")
    return None if tint.depth == 7 else f"tint {tint.depth}"


def _read(text: Any) -> Tint:
    return Tint(int(text))


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
        # An exception may also be the value, but not that of a key: loaders take any. Nor one of what decides.
        if isinstance(made, Exception) and (name in ("friend_id", "friend_ids", "is_known") or chance.random() < 0.5):
            raise made
        return made


def _once(good: Callable[[Thing, Random], Any]) -> Callable[[Thing, Random], Any]:
    """The same list, at times as a generator, or as one that fails before its end."""

    def made(thing: Thing, chance: Random) -> Any:
        whole = good(thing, chance)
        way = chance.random() if thing.world.badness else 1.0
        return whole if way > 0.3 else _given(whole, "read" if way < 0.05 else None)

    return made


def _given(some: Sequence[Any], failure: str | None) -> Iterator[Any]:
    yield from some
    if failure:
        raise ValueError(failure)


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
    "colours": (
        _once(lambda _thing, chance: [chance.choice(list(Colour)) for _ in range(3)]),
        (None, [None], "r", 5, {Colour.RED}, [Undefined]),
    ),
    "grid": (lambda _thing, chance: [[chance.randrange(3)], []], (None, [None], [[None]], [1], ([2],), [range(3)])),
    "cube": (lambda _thing, chance: [[["c"], []], [], [[chance.choice("ab")]]], (None, [[None]], [[["c", None]]], "x")),
    "tint": (lambda _thing, chance: Tint(chance.randrange(5)), (None, Tint(-1), "blue", Tint(7))),
    "tints": (_once(lambda _thing, chance: [Tint(chance.randrange(5))]), (None, [None], [Tint(-1)], Tint(1))),
    "anything": (lambda _thing, chance: {"a": [chance.randrange(3), None]}, (None, 5, ["x"], Undefined)),
    "friend_id": (lambda _thing, chance: chance.randrange(MOST + 2), (None, ValueError("friend"), ["list"], {1: 2})),
    "friend_ids": (
        _once(_keys),
        (None, ValueError("friends"), [], 5, "12", [1, None], [[1]], [2, {}], {3: 4}, {5}),
    ),
    "is_known": (lambda thing, _chance: thing.key % 2 == 0, (ValueError("known"), True)),
    "inner": (_inner, (None, 5, ValueError("inner"), Undefined)),
    "part": (_inner, (None, 5, ValueError("part"))),
    "extra": (lambda thing, chance: _inner(thing, chance) if thing.kind == "Leafy" else thing, (None, 5)),
    "mate": (lambda thing, _chance: thing, (None, 5, ValueError("mate"))),
    "inners": (
        _once(lambda thing, chance: [_inner(thing, chance) for _ in range(chance.randrange(3))]),
        (None, [None], 3, ()),
    ),
    "parts": (
        _once(lambda thing, chance: [_inner(thing, chance) for _ in range(chance.randrange(3))]),
        (None, [None], 3, [ValueError("one of the parts")]),
    ),
    "matrix": (_matrix, (None, [None], [[None]], "no", ())),
}


class ThingById(BatchLoader[int, Thing]):
    """Things; some keys fail, and some batches."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        """What there is."""
        world: World = self.context.world  # type: ignore[attr-defined]  # the torture's own context
        self.context.calls.append(("ThingById", tuple(sorted(keys, key=str))))  # type: ignore[attr-defined]  # likewise
        # Of several keys that fail, nobody says which failure is told: so they all fail in one way.
        failure = world.chance("load").choice([Failed("there", "no"), ValueError("no")])
        found: dict[int, Any] = {}
        for key in keys:
            if isinstance(key, int) and key < MOST:
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


def _painted(thing: Any, colour: Colour | None = Colour.RED, tint: Tint | None = None) -> Colour | None:
    if tint and tint.depth > 7:
        raise ValueError("too deep")
    return colour or thing.colour


def _letters(found: Any) -> Any:
    """A generator that whoever reads twice finds empty."""
    return found if not isinstance(found, str) else (one for one in found)


def _title(one: Any) -> Any:
    return one.required if isinstance(one, Thing) else one


def _neighbour(thing: Any, at: int = 0) -> int:
    if at > 6:
        raise ValueError(f"at is {at}")
    return int(thing.key) + at


def _first(_root: Any, key: int = 1) -> int:
    return key


class OwnThingById(ThingById):
    """Things, but those of strangers: some of these are as if they did not exist, others stand for no link."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        """What there is for whoever asks."""
        world: World = self.context.world  # type: ignore[attr-defined]  # the torture's own context
        found = dict(await super().found(keys))
        for key in keys:
            whose = world.chance("whose", key).random()
            if whose < 0.2:
                found.pop(key, None)
            elif whose < 0.4:
                found[key] = NO_LINK  # type: ignore[assignment]  # in place of a thing
        return found


class NodeById(BatchLoader[str, Thing]):
    """Things by global ids such as `Thing:3` and, if they are one's own, `Own:3`: one in place of two loaders."""

    def load(self, key: str) -> "asyncio.Future[Thing]":
        """The thing. Raises ValueError for what is no such id."""
        kind, _, own = key.partition(":")
        if kind not in ("Thing", "Own") or not own.isdecimal():
            raise ValueError(f"{key!r} is no id")
        return (ThingById if kind == "Thing" else OwnThingById).of(self.context).load(int(own))


def some_id(chance: Random) -> str:
    """An id of a thing, of none that there is, of another type, or no id."""
    if chance.random() < 0.15:
        return chance.choice(["3", "Nothing:3", "", "Thing:", "thing:3", "Thing:3:4", ":3", "Own:x"])
    return f"{chance.choice(['Thing', 'Own'])}:{chance.randrange(MOST + 2)}"


def some_ids(chance: Random, one: Callable[[Random], str] = some_id, most: int = 7) -> Any:
    """Several ids, many of them more than once; at times one that is not in a list."""
    among = [one(chance) for _ in range(chance.randrange(1, 4))]
    if chance.random() < 0.05:
        return among[0]
    return [chance.choice(among) for _ in range(chance.randrange(most))]


WORDS: Final[dict[str, Callable[[Random], Any]]] = {"id": some_id, "ids": some_ids}
"""Values of arguments by their names."""


def node_id(_parent: Any, id: strawberry.ID) -> str:  # noqa: A002  # Relay's name
    """The id that a client names."""
    return id


def node_ids(_parent: Any, ids: list[strawberry.ID]) -> Sequence[str]:
    """The same, of a few."""
    if len(ids) > 5:
        raise ValueError(f"{len(ids)} ids")
    return ids


@strawberry.type
class Inner:
    """An object without an id, in the record itself."""

    required: str
    number: int | None
    colour: Colour | None
    inners: list["Inner"]
    strict_title: str = edge(NameById, "key")
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
    cube: list[list[list[str]] | None] | None
    tint: Tint | None
    tints: list[Tint]
    anything: JSON | None
    inner: Inner | None
    part: Inner | None
    parts: list[Inner | None] | None
    mate: Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] | None
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
    strict_title: str = edge(NameById, "key", known=lambda thing: thing.is_known, step=lambda one: _title(one))
    letters: list[str] | None = edge(NameById, "key", step=_letters)
    strict_letters: list[str] = edge(NameById, "key", step=_letters)

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        """The record's kind; at times a type that is none, or not one of these."""
        world: World = obj.world
        return str(world.value(("type", obj.key), obj.kind, "Inner", "Nobody"))


@strawberry.type
class Leafy(Named):
    """One kind of thing, which must have more of what both have."""

    part: Inner
    parts: list[Inner]
    mate: "Leafy"
    extra: Inner | None

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """At times it does not know its own."""
        return bool(obj.kind == "Leafy" and obj.world.value(("is", obj.key), True, False))


@strawberry.type
class Stony(Named):
    """The other kind."""

    parts: list[Inner | None]
    extra: Annotated["Named", strawberry.lazy("tests.gateway.engine.torture")] | None

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
    node: Named | None = edge(NodeById, node_id)
    strict_node: Named = edge(NodeById, node_id)
    nodes: list[Named | None] | None = edge(NodeById, node_ids, per_key=True)
    strict_nodes: list[Named] = edge(NodeById, node_ids, per_key=True)
    slow: str | None = strawberry.field(resolver=lambda: "not planned")


class Context:
    """As much of a request's context as loaders need."""

    has_gaps = False

    def __init__(self, world: World) -> None:
        self.world, self.loaders, self.viewer = world, {}, None
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        self.writes: list[tuple[str, int]] = []
        """What was written, and when the loaders were forgotten."""

    def loader(self, kind: Any) -> Any:
        """One of each class."""
        return kind.of(self)

    def renew(self) -> None:
        """Forget the loaders."""
        self.writes.append(("renewed", 0))
        self.loaders.clear()

    def joined(self, _batch: Any) -> None:
        """Batches end by themselves here."""

    def left(self, _batch: Any) -> None:
        """It is not kept."""


SCALARS: Final = {Tint: strawberry.scalar(name="Tint", serialize=_written, parse_value=_read)}


def build() -> Graph:
    """The schema."""
    config = StrawberryConfig(auto_camel_case=True, scalar_map=SCALARS)
    return Graph(query=Query, types=[Leafy, Stony], config=config)


PAIR: Final = Pair(build)


BY_ID: Final = frozenset({"node", "nodes", "strictNode", "strictNodes"})
"""Fields that find things by global ids."""


def case(
    seed: int, *, other: bool = False, without: frozenset[str] | None = None
) -> tuple[Operation, Callable[[Prepared], Context]]:
    """One operation and the world it is asked of; `other`: the same of another world.

    Only some have fields of `BY_ID`, unless `without` says which are left out.
    """
    if without is None:
        without = frozenset() if Random(f"by id {seed}").random() < 0.35 else BY_ID  # data, not a secret
    chance = Random(seed)  # data, not a secret
    skip = frozenset({"slow"} if chance.random() < 0.95 else ())
    badness = chance.choice([0.0, 0.02, 0.1, 0.3])
    depth = chance.randrange(2, 6)
    writer = Writer(PAIR.ours.core_schema, chance, depth=depth, words=WORDS, without=without)
    operation = writer.operation(skip)
    return operation, lambda _prepared: Context(World(seed + other, badness))
