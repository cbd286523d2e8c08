"""Fields that need a right: withheld or masked by plans and by graphql-core alike, with nothing asked in vain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.schema_directive import Location

from gateway.engine import Engine, Explanation, Outcome, Prepared, Subscribed
from gateway.engine.selection import selection_of
from resolvers.loader import BatchLoader
from schema import Graph
from schema.fields import Info, computed, edge

ROOMS: Final = {
    key: SimpleNamespace(id=key, name=f"room {key}", secret=f"s{key}", books=(key, key + 1)) for key in (1, 2)
}
LABELS: Final = ["long text", None]


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION])
class Needs:
    """The guard of these tests."""

    ways: list[list[str]]
    hides: bool = False

    @property
    def needs(self) -> list[list[str]]:
        return self.ways

    @property
    def mask(self) -> Callable[[str], str] | None:
        return (lambda text: f"{text[0]}***") if self.hides else None


class Books(BatchLoader[int, Any]):
    """Says what it is asked."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        """A book for each key."""
        self.context.asked.extend(keys)  # type: ignore[attr-defined]  # the context of these tests
        return {key: SimpleNamespace(id=key, title=f"title {key}") for key in keys}


@strawberry.type
class Book:
    id: int
    title: str | None = strawberry.field(directives=[Needs(ways=[["titles"]], hides=True)])


@strawberry.type
class Room:
    id: int
    name: str | None
    secret: str | None = strawberry.field(directives=[Needs(ways=[["a", "b"], ["c"]])])
    books: list[Book] | None = edge(Books, "books", many=True, directives=[Needs(ways=[["books"]])])
    book: Book | None = edge(Books, "id")
    title: str | None = edge(Books, "id", step="title", directives=[Needs(ways=[["titles"]], hides=True)])
    labels: list[str | None] = computed(
        lambda _room: LABELS, needs=(), directives=[Needs(ways=[["titles"]], hides=True)]
    )


@strawberry.type
class Query:
    rooms: list[Room] = computed(lambda _root: list(ROOMS.values()), needs=())


async def _touch(info: Info) -> Room | None:
    info.context.asked.append(-1)  # type: ignore[attr-defined]  # the context of these tests
    return ROOMS[1]  # type: ignore[return-value]  # the record that the type declares


@strawberry.type
class Mutation:
    touch: Room | None = strawberry.mutation(resolver=_touch, directives=[Needs(ways=[["write"]])])


@strawberry.type
class Subscription:
    touched: Room = computed(lambda _root: ROOMS[1], needs=(), directives=[Needs(ways=[["follow"]])])


@dataclass
class Context:
    """Who asks."""

    rights: frozenset[str] | None
    noted_rights: frozenset[str] = frozenset()
    has_gaps: bool = False
    loaders: dict[Any, Any] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    """Keys of books, and -1 for a write."""
    noted: dict[str, tuple[set[str], set[int]]] = field(default_factory=dict)

    def loader(self, kind: Any) -> Any:
        return kind.of(self)

    def renew(self) -> None:
        self.loaders.clear()

    def joined(self, _batch: Any) -> None:
        """Batches end by themselves here."""

    def left(self, _batch: Any) -> None:
        """It is not kept."""

    def note_read(self, type_name: str, names: Any, objects: Any) -> None:
        fields, ids = self.noted.setdefault(type_name, (set(), set()))
        fields.update(names)
        ids.update(one.id for one in objects)


def _engine(*, compiling: bool = True) -> Engine:
    return Engine(Graph(query=Query, mutation=Mutation, subscription=Subscription), compiling=compiling)


ENGINES: Final = (_engine(), _engine(compiling=False))
Asked = tuple[Any, dict[tuple[str | int, ...], str]]


async def ask(engine: Engine, document: str, context: Context, **variables: Any) -> Asked:
    """Data, and messages of FORBIDDEN_FIELD by path: there are no other errors."""
    prepared = engine.prepare(document)
    assert isinstance(prepared, Prepared), prepared
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    outcome: Outcome = await engine.execute(prepared, operation, variables, context)  # type: ignore[arg-type]  # as much as is used
    causes = [one.original_error or one for one in outcome.errors]
    assert {getattr(one, "extensions", {}).get("code") for one in causes} <= {"FORBIDDEN_FIELD"}, outcome.errors
    return outcome.data, {tuple(one.path or ()): one.message for one in outcome.errors}


async def both(
    document: str, *rights: str, noted: frozenset[str] = frozenset(), **variables: Any
) -> tuple[Asked, list[int], Context]:
    """What both executors say: the same. And what was asked, and the context of the plan's run."""
    answers, asked, contexts = [], [], []
    for engine in ENGINES:
        context = Context(frozenset(rights), noted)
        answers.append(await ask(engine, document, context, **variables))
        asked.append(sorted(context.asked))
        contexts.append(context)
    assert answers[0] == answers[1]
    assert asked[0] == asked[1]
    assert contexts[0].noted == contexts[1].noted
    return answers[0], asked[0], contexts[0]


async def test_a_withheld_field_is_null_with_an_error_and_nothing_is_loaded_for_it() -> None:
    (data, errors), asked, _ = await both("{ rooms { name books { id title } } }")

    assert data == {"rooms": [{"name": "room 1", "books": None}, {"name": "room 2", "books": None}]}
    assert errors.keys() == {("rooms", 0, "books"), ("rooms", 1, "books")}
    assert set(errors.values()) == {
        "Reading Room.books needs the scope 'books', which this caller does not have. Leave the field out, or sign in"
        " with more."
    }
    assert asked == []

    (data, errors), asked, _ = await both("{ rooms { books { id } } }", "books")
    assert (errors, asked) == ({}, [1, 2, 3])
    assert data["rooms"][1] == {"books": [{"id": 2}, {"id": 3}]}


@pytest.mark.parametrize(
    ("rights", "missing"),
    [((), "'a' and 'b', or 'c'"), (("a",), "'b', or 'c'"), (("a", "b"), None), (("c",), None)],
)
async def test_any_list_will_do_and_all_of_it(rights: tuple[str, ...], missing: str | None) -> None:
    (_, errors), _, _ = await both("{ rooms { secret } }", *rights)

    assert [f"needs the scopes {missing}, which" in one for one in errors.values()] == ([True] * 2 if missing else [])


async def test_in_fragments_under_aliases_and_where_included() -> None:
    document = """query ($yes: Boolean!) { rooms { ...R mine: books @include(if: $yes) { id } } }
        fragment R on Room { ... on Room { theirs: books @skip(if: $yes) { id } } book { id } }"""
    (data, errors), asked, _ = await both(document, yes=True)
    assert data["rooms"][0] == {"book": {"id": 1}, "mine": None}
    assert errors.keys() == {("rooms", 0, "mine"), ("rooms", 1, "mine")}
    assert asked == [1, 2]

    (data, errors), _, _ = await both(document, yes=False)
    assert data["rooms"][0] == {"theirs": None, "book": {"id": 1}}
    assert errors.keys() == {("rooms", 0, "theirs"), ("rooms", 1, "theirs")}


async def test_texts_are_masked_of_attributes_of_what_is_loaded_and_in_lists() -> None:
    document = "{ rooms { title labels book { title } } }"
    (data, errors), _, context = await both(document)
    assert data["rooms"][0] == {"title": "t***", "labels": ["l***", None], "book": {"title": "t***"}}
    assert (errors, context.noted) == ({}, {})

    (data, _), _, context = await both(document, "titles")
    assert data["rooms"][0] == {"title": "title 1", "labels": LABELS, "book": {"title": "title 1"}}
    assert context.noted == {}


async def test_what_a_noted_right_unmasks_is_noted() -> None:
    titles = frozenset({"titles"})
    (data, _), _, context = await both("{ rooms { name title book { title } } }", *titles, noted=titles)

    assert data["rooms"][1] == {"name": "room 2", "title": "title 2", "book": {"title": "title 2"}}
    assert context.noted == {"Room": ({"title"}, {1, 2}), "Book": ({"title"}, {1, 2})}

    assert (await both("{ rooms { name } }", *titles, noted=titles))[2].noted == {}
    # In a block that is completed value by value, because another field is withheld.
    (_, errors), _, context = await both("{ rooms { title secret } }", *titles, noted=titles)
    assert len(errors) == 2
    assert context.noted == {"Room": ({"title"}, {1, 2})}


async def test_a_mutation_that_may_not_be_used_does_nothing() -> None:
    (data, errors), asked, _ = await both("mutation { touch { id } again: touch { id } }")
    assert data == {"touch": None, "again": None}
    assert errors.keys() == {("touch",), ("again",)}
    assert asked == []

    (data, errors), asked, _ = await both("mutation { touch { id secret } }", "write")
    assert data == {"touch": {"id": 1, "secret": None}}
    assert errors.keys() == {("touch", "secret")}
    assert asked == [-1]


def _one(document: str) -> tuple[Engine, Prepared, Any]:
    prepared = ENGINES[0].prepare(document)
    assert isinstance(prepared, Prepared)
    return ENGINES[0], prepared, ENGINES[0].operation(prepared, None)


async def test_a_subscription_is_not_begun() -> None:
    engine, prepared, operation = _one("subscription { touched { id } }")
    (refused,) = engine.subscribed(prepared, operation, {}, rights=frozenset())  # type: ignore[misc]  # a list of errors
    assert refused.extensions == {"code": "FORBIDDEN_FIELD"}
    assert isinstance(engine.subscribed(prepared, operation, {}, rights=frozenset({"follow"})), Subscribed)


async def test_estimates_explanations_and_selections_leave_out_what_is_withheld() -> None:
    engine, prepared, operation = _one("{ rooms { title books { id title } } }")
    none, books = frozenset[str](), frozenset({"books"})

    assert engine.estimate(prepared, operation, {}, books) == engine.estimate(prepared, operation, {})
    less = engine.estimate(prepared, operation, {}, none)
    assert less.rows < engine.estimate(prepared, operation, {}).rows
    assert less == engine.estimate(*_one("{ rooms { title id } }")[1:], {})

    explained = engine.explain(prepared, operation, {}, none)
    assert isinstance(explained, Explanation)
    assert (explained.withheld, explained.masked) == (("rooms.books",), ("rooms.title",))
    assert [load.fields for step in explained.steps for load in step] == [("rooms.title",)]
    everything = engine.explain(prepared, operation, {})
    assert isinstance(everything, Explanation)
    assert {"withheld", "masked"}.isdisjoint(everything.document())

    withheld = engine.withheld(prepared, none)
    assert withheld == {("Room", "books")}
    selection = selection_of(engine.core_schema, prepared, operation, withheld)
    assert "Book" not in selection
    assert "books" not in selection["Room"]


async def test_who_may_read_all_that_is_asked_for_shares_one_plan() -> None:
    engine, prepared, operation = _one("{ rooms { id name } }")
    plain = engine.code(prepared, operation, {}, None)
    before = engine.weight(prepared)
    for rights in (frozenset[str](), frozenset({"titles"}), frozenset({"books", "c"})):
        assert engine.code(prepared, operation, {}, rights) == plain
        await ask(engine, "{ rooms { id name } }", Context(rights))
    assert engine.weight(prepared) == before
    assert "mask" not in str(engine.code(*_one("{ rooms { title } }")[1:], {}, frozenset({"titles"})))


@pytest.mark.parametrize(
    ("kind", "guards", "why"),
    [
        (str, [Needs(ways=[["a"]])], "can never be null"),
        (int | None, [Needs(ways=[["a"]], hides=True)], "is no text"),
        (str | None, [Needs(ways=[["a"]]), Needs(ways=[["b"]])], "two guards of one sort"),
    ],
)
def test_guards_that_cannot_be(kind: Any, guards: list[Any], why: str) -> None:
    made = strawberry.type(
        type("Query", (), {"__annotations__": {"one": kind}, "one": strawberry.field(directives=guards)})
    )
    with pytest.raises(TypeError, match=why):
        Engine(Graph(query=made))
