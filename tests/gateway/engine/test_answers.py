"""What an executor can get wrong, one by one: the compiled one gives exactly graphql-core's answer."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import strawberry
from graphql.pyutils import Undefined

from connectors.errors import Failed
from gateway.engine import Outcome, Prepared
from resolvers.loader import BatchLoader
from schema import Graph
from schema.fields import computed, edge
from tests.gateway.engine.comparing import Pair, told
from tests.gateway.engine.operations import Operation
from tests.gateway.engine.torture import Context, World

Part = SimpleNamespace


class PartByKey(BatchLoader[int, Any]):
    """Whatever the test keeps under the key."""

    async def found(self, keys: Sequence[int]) -> Mapping[int, Any]:
        self.context.calls.append(("PartByKey", tuple(keys)))  # type: ignore[attr-defined]  # the torture's context
        kept: Mapping[int, Any] = self.context.kept  # type: ignore[attr-defined]  # set by `asked`
        return {key: kept[key] for key in keys if key in kept}


def _either(one: Any) -> bool:
    if isinstance(one.known, Exception):
        raise one.known
    return bool(one.known)


def _at(_piece: Any, at: int = 9) -> int:
    return at


@strawberry.type
class Bolt:
    size: int
    tags: list[str] | None = edge(PartByKey, "key", step=lambda found: found.tags)
    strict_tags: list[str] = edge(PartByKey, "key", step=lambda found: found.tags)


@strawberry.interface
class Piece:
    name: str
    bolt: Bolt | None
    bolts: list[Bolt | None] | None
    one: Bolt | None = edge(PartByKey, "one")
    many: list[Bolt] | None = edge(PartByKey, "many", many=True)
    each: list[Bolt | None] | None = edge(PartByKey, "many", per_key=True)
    strict_each: list[Bolt] | None = edge(PartByKey, "many", per_key=True)
    word: str | None = edge(PartByKey, "one", step=lambda found: found.word, known=_either)
    strict_word: str = edge(PartByKey, "one", step=lambda found: found.word, known=_either)
    reached: Bolt | None = edge(PartByKey, _at)
    known: Bolt | None = edge(PartByKey, "one", step=lambda found: found.bolt, known=_either)

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        return str(obj.kind)

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        return bool(obj.kind == cls.__name__)


@strawberry.type
class Loose(Piece):
    """May lack what it holds."""


@strawberry.type
class Tight(Piece):
    """Must have what it holds."""

    bolt: Bolt
    bolts: list[Bolt]


@strawberry.type
class Query:
    pieces: list[Annotated[Loose | Tight, strawberry.union("Either")] | None] | None = edge(
        PartByKey, lambda _root: [1, 2], many=True
    )
    named: list[Piece | None] | None = edge(PartByKey, lambda _root: [1, 2], many=True)
    tags: list[str] | None = edge(PartByKey, lambda _root: 1, step=lambda found: found.tags)
    bad_keys: Bolt | None = edge(PartByKey, lambda _root: {"no": "key"})
    all: list[Bolt | None] | None = edge(PartByKey, lambda _root: [9] * 1000, per_key=True)
    count: int = computed(lambda _root: 1, needs=())


PAIR = Pair(lambda: Graph(query=Query, types=[Loose, Tight]))


def part(**given: Any) -> Part:
    """A record with everything that these types have."""
    plain = {"key": 1, "kind": "Loose", "name": "n", "size": 1, "tags": ["t"], "word": "w", "known": False, "one": 9}
    return SimpleNamespace(**{**plain, "many": [9], "bolt": None, "bolts": None, **given})


def record(key: int = 9, **given: Any) -> tuple[int, Part]:
    return key, part(key=key, **given)


async def asked(
    document: str, kept: Callable[[], Mapping[int, Any]], **variables: Any
) -> tuple[Any, list[Any], Context]:
    """The compiled executor's answer, which is graphql-core's; records are made anew for each."""

    def context(_prepared: Prepared) -> Context:
        made = Context(World(0, 0.0))
        made.kept = kept()  # type: ignore[attr-defined]  # for `PartByKey`
        return made

    operation = Operation(document, variables)
    assert PAIR.planned(operation)
    ours = await PAIR.answer(PAIR.ours, operation, context)
    core = await PAIR.answer(PAIR.core, operation, context)
    assert ours.data == core.data
    assert list(map(told, ours.errors)) == list(map(told, core.errors))
    return ours.data, [(list(one.path or ()), one.message) for one in ours.errors], ours.context


class Twin(SimpleNamespace):
    """A record that is equal to all others."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Twin)

    __hash__ = None  # type: ignore[assignment]  # as records without a key of their own have none


async def test_equal_records_may_have_different_keys() -> None:
    """What is waited for together is of the same objects, not of objects that look the same."""

    def kept() -> Mapping[int, Any]:
        holding = part(bolt=Twin(key=8, size=1), bolts=[Twin(key=9, size=1)])
        return {1: holding, 8: part(tags=["eight"]), 9: part(tags=["nine"])}

    data, errors, _ = await asked("{ named { bolt { tags } bolts { tags } } }", kept)
    assert errors == []
    assert data["named"] == [{"bolt": {"tags": ["eight"]}, "bolts": [{"tags": ["nine"]}]}]


@pytest.mark.parametrize("first", ["Loose", "Tight"])
async def test_what_may_be_null_goes_by_the_type_that_is_there(first: str) -> None:
    """An edge below the bolt fails: Loose loses its bolt, Tight is lost as a whole."""
    other = {"Loose": "Tight", "Tight": "Loose"}[first]

    def kept() -> Mapping[int, Any]:
        one = part(key=1, kind=first, bolt=part(key=7), bolts=[part(key=8)])
        return dict([(1, one), record(2, kind=other, bolt=part(key=8), bolts=[part(key=7)]), record(8)])

    data, errors, _ = await asked("{ named { bolt { strictTags } } }", kept)
    lost = {"bolt": None} if first == "Loose" else None
    assert data == {"named": [lost, {"bolt": {"strictTags": ["t"]}}]}
    assert [path for path, _message in errors] == [["named", 0, "bolt", "strictTags"]]

    data, errors, _ = await asked("{ named { bolts { strictTags } } }", kept)
    assert data["named"][0] == {"bolts": [{"strictTags": ["t"]}]}
    assert data["named"][1] == ({"bolts": [None]} if other == "Loose" else None)
    assert [path for path, _message in errors] == [["named", 1, "bolts", 0, "strictTags"]]


@pytest.mark.parametrize("fields", ["a: tags b: tags c: tags", "tags size strictTags"])
async def test_leaves_of_one_record_that_fails_are_told_in_their_order(fields: str) -> None:
    """They are waited for together, and one of them may make all of them null."""
    _, errors, _ = await asked(
        f"{{ named {{ bolt {{ {fields} }} }} }}", lambda: {1: part(key=1, kind="Tight", bolt=part(key=7))}
    )
    assert len(errors) == fields.replace("size ", "").count("ags")


async def test_members_of_a_union_have_their_own_rules() -> None:
    data, errors, _ = await asked(
        "{ pieces { ... on Loose { held: bolt { strictTags } } ... on Tight { holds: bolt { strictTags } } } }",
        lambda: {
            1: part(key=1, kind="Loose", bolt=part(key=7)),
            2: part(key=2, kind="Tight", bolt=part(key=7)),
        },
    )
    assert data == {"pieces": [{"held": None}, None]}
    assert len(errors) == 2


async def test_what_can_be_read_once_is_read_once() -> None:
    """The second piece makes the first one's block be made again."""
    data, errors, _ = await asked(
        "{ named { one { tags } } }",
        lambda: {
            1: part(key=1, one=3),
            2: part(key=2, one=4),
            3: part(key=3, tags=(one for one in "ab")),
            4: part(key=4, tags=["c", None]),
        },
    )
    assert data == {"named": [{"one": {"tags": ["a", "b"]}}, {"one": {"tags": None}}]}
    assert [path for path, _message in errors] == [["named", 1, "one", "tags", 1]]


def _failing() -> Iterator[str]:
    yield "a"
    raise ValueError("while it was read")


async def test_a_list_that_fails_while_it_is_read_is_the_fields_error() -> None:
    data, errors, _ = await asked("{ tags count }", lambda: {1: part(tags=_failing())})
    assert (data, errors) == ({"tags": None, "count": 1}, [(["tags"], "while it was read")])


@pytest.mark.parametrize(
    "keys", [lambda: (one for one in [9, 8, 9]), lambda: {9: 1, 8: 1, 7: 1}.keys(), lambda: [9, 8]]
)
async def test_keys_may_be_any_iterable(keys: Callable[[], Any]) -> None:
    data, errors, context = await asked(
        "{ named { many { size } } }", lambda: dict([(1, part(many=keys())), record(8, size=8), record(9, size=9)])
    )
    assert [one["size"] for one in data["named"][0]["many"]][:2] == [9, 8]
    assert errors == []
    assert len(context.calls) == 2


@pytest.mark.parametrize(
    ("many", "message"),
    [
        (5, "These should be several keys, and are: 5."),
        ([9, None], "The loader.load() function must be called with a value, but got: None."),
        ([9, ["list"]], "unhashable type: 'list'"),
    ],
)
async def test_keys_that_are_none_are_the_fields_error(many: Any, message: str) -> None:
    """Another object's keys are good, and found."""
    data, errors, _ = await asked(
        "{ named { many { size } name } }", lambda: dict([(1, part(many=many)), (2, part(key=2)), record()])
    )
    assert data == {"named": [{"many": None, "name": "n"}, {"many": [{"size": 1}], "name": "n"}]}
    assert [path for path, _message in errors] == [["named", 0, "many"]]
    assert message in errors[0][1]


async def test_each_key_has_an_entry_of_its_own() -> None:
    """In the order of the keys, equal ones too; what is not there is null, and what fails fails alone."""
    keys = [9, 8, 9, 7, None, ["list"], 6]
    failing = {7: Failed("there", "seven"), 6: part(key=6, size="large")}
    data, errors, _ = await asked(
        "{ named { each { size } } }",
        lambda: dict([(1, part(many=keys)), (2, part(key=2, many=[])), record(), *failing.items()]),
    )
    assert data["named"][0] == {"each": [{"size": 1}, None, {"size": 1}, None, None, None, None]}
    assert [path[2:] for path, _message in errors] == [["each", 3], ["each", 4], ["each", 5], ["each", 6, "size"]]
    assert data["named"][1] == {"each": []}


async def test_an_entry_that_must_not_be_null_takes_its_list_with_it() -> None:
    data, errors, _ = await asked(
        "{ named { strictEach { size } } }", lambda: dict([(1, part(many=[9, 8])), (2, part(key=2)), record()])
    )
    assert data == {"named": [{"strictEach": None}, {"strictEach": [{"size": 1}]}]}
    assert [path for path, _message in errors] == [["named", 0, "strictEach", 1]]


class Heard(asyncio.Future[Any]):
    """A future that counts who waits for it."""

    waiters = 0

    def add_done_callback(self, *given: Any, **more: Any) -> None:
        self.waiters += 1
        super().add_done_callback(*given, **more)


async def test_a_thousand_equal_keys_are_one_waiter() -> None:
    loading = Heard()

    class Held:
        def load(self, _key: Any) -> Heard:
            return loading

    class Holding(Context):
        def loader(self, kind: Any) -> Any:
            return Held() if kind is PartByKey else super().loader(kind)

    made = Holding(World(0, 0.0))
    prepared, operation = PAIR.prepared(Operation("{ all { size } }", {}))
    PAIR.ours.explain(prepared, operation, {})  # compiled: what is compiled first starts its loads when it is awaited
    started = PAIR.ours.start(prepared, operation, {}, made)
    assert not isinstance(started, Outcome)
    loading.set_result(part())
    outcome = await started

    assert outcome.data == {"all": [{"size": 1}] * 1000}
    assert loading.waiters == 1


async def test_a_key_that_cannot_be_one_is_the_fields_error() -> None:
    data, errors, _ = await asked("{ badKeys { size } count }", dict)
    assert data == {"badKeys": None, "count": 1}
    assert [path for path, _message in errors] == [["badKeys"]]
    assert "unhashable type: 'dict'" in errors[0][1]


async def test_no_key_is_null_and_no_load() -> None:
    data, errors, context = await asked(
        "{ named { one { size } many { size } } }", lambda: {1: part(one=None, many=None), 2: part(one=None, many=[])}
    )
    assert data == {"named": [{"one": None, "many": None}, {"one": None, "many": []}]}
    assert errors == []
    assert context.calls == [("PartByKey", (1, 2))]


@pytest.mark.parametrize("name", ["word", "strictWord"])
async def test_a_failing_known_is_its_fields_error(name: str) -> None:
    data, errors, _ = await asked(
        f"{{ named {{ name {name} }} }}", lambda: {1: part(known=ValueError("known")), 2: part(known=True)}
    )
    assert data["named"][0] == (None if name == "strictWord" else {"name": "n", name: None})
    assert data["named"][1] == {"name": "n", name: "w"}
    assert errors == [(["named", 0, name], "known")]


def test_an_object_that_its_parent_may_hold_is_left_to_graphql_core() -> None:
    assert not PAIR.planned(Operation("{ named { known { size } } }", {}))


async def test_a_null_that_decides_what_is_selected_is_left_to_graphql_core() -> None:
    operation = Operation("query($no: Boolean = true) { named { name @skip(if: $no) } }", {"no": None})
    assert not PAIR.planned(operation)


async def test_arguments_that_cannot_be_used_are_an_error_before_those_that_come_after() -> None:
    wrong = part(key=1, name=None)
    data, errors, _ = await asked(
        "query($no: Int = 3) { named { reached(at: $no) { size } name } }", lambda: {1: wrong}, no=None
    )
    assert data == {"named": [None]}
    assert [path for path, _message in errors] == [["named", 0, "reached"], ["named", 0, "name"]]


async def test_errors_that_do_not_wait_are_told_in_their_order() -> None:
    """An error before the one that makes their object null is told, too; one after it is not met."""
    wrong = part(key=1, kind="Tight", name=None, bolt=Failed("there", "bolt"), bolts=[Failed("there", "bolts")])
    data, errors, _ = await asked("{ named { name bolt { size } } }", lambda: {1: wrong})
    assert (data, [path for path, _ in errors]) == ({"named": [None]}, [["named", 0, "name"]])

    loose = part(key=1, kind="Loose", name=None, bolt=Failed("there", "bolt"))
    data, errors, _ = await asked("{ named { bolt { size } name } }", lambda: {1: loose})
    assert (data, [path for path, _ in errors]) == ({"named": [None]}, [["named", 0, "bolt"], ["named", 0, "name"]])


async def test_undefined_is_null() -> None:
    data, errors, _ = await asked(
        "{ named { bolt { __typename } one { tags } } }",
        lambda: dict([(1, part(bolt=Undefined)), record(tags=Undefined)]),
    )
    assert (data, errors) == ({"named": [{"bolt": None, "one": {"tags": None}}]}, [])
