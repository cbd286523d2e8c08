"""Where the schema says that null only ever means an error (`@semanticNonNull`), it does; and keys are keys."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, get_named_type

from connectors.records import UNNAMED
from connectors.ticketing.port import Ticket, TicketNote
from resolvers.ticketing import visible_notes
from resolvers.viewer import Viewer, ViewerKind
from schema.guards import DEFINITION
from schema.nullability import SemanticNonNull
from tests.promises.test_leaks import SCHEMA, documents, everybodys_ids, walked
from tests.stack import DOMAINS, Stack

EVERY: Final = 20
"""Of the walk's documents the long form asks each so many-th."""

PROMISED: Final = {
    (kind.name, name)
    for kind in SCHEMA.type_map.values()
    if isinstance(kind, GraphQLObjectType)
    for name, field in kind.fields.items()
    if any(isinstance(one, SemanticNonNull) for one in getattr(field.extensions.get(DEFINITION), "directives", ()))
}


def nulls(kind: Any, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths of nulls where there may be none without an error."""
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield from nulls(kind, one, (*path, at))
    if not isinstance(value, dict):
        return
    named = SCHEMA.type_map.get(value.get("__typename", ""), kind)
    for name, one in value.items():
        field = getattr(named, "fields", {}).get(name)
        if field is None:
            continue
        if one is None and (named.name, name) in PROMISED:
            yield (*path, name)
        yield from nulls(get_named_type(field.type), one, (*path, name))


async def unexplained(stack: Stack, document: str, who: str) -> tuple[list[Any], int]:
    """Nulls that no error explains, and how many nulls there are where none may be without one."""
    answer = await stack.ask(re.sub(r"\{ id", "{ __typename id", document), who)
    found = [*nulls(SCHEMA.query_type, answer.body.get("data"))]
    told = {tuple(one["path"]) for one in answer.errors if "path" in one}
    return [one for one in found if one not in told], len(found)


def test_a_promise_is_said_in_the_description_and_of_nullable_fields_only() -> None:
    for type_name, name in PROMISED:
        field = SCHEMA.type_map[type_name].fields[name]  # type: ignore[union-attr]  # an object type
        assert not str(field.type).endswith("!"), (type_name, name)
        assert not re.search(r"(?<!An entry is )[Nn]ull (if|for|unless) ", field.description or ""), (type_name, name)
    assert len(PROMISED) >= 30


@pytest_asyncio.fixture(scope="module")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with walked(tmp_path_factory.mktemp("nulls")) as running:
        yield running


async def ask_all(stack: Stack, asked: Iterable[str]) -> int:
    """Ask as a subscriber and as an agent: how many nulls there were where errors must explain them, and did."""
    seen = 0
    for document in asked:
        for who in ("1001", "agent"):
            wrong, count = await unexplained(stack, document, who)
            assert wrong == [], document
            seen += count
    return seen


@pytest.mark.parametrize(
    ("down", "every"),
    [(None, 1), *((one, 2) for one in DOMAINS), *(pytest.param(one, 1, marks=pytest.mark.long) for one in DOMAINS)],
)
async def test_null_is_an_error_where_the_schema_says_so(small: Stack, down: str | None, every: int) -> None:
    small.reset()
    if down is not None:
        small.systems[down].stop()
    own = [one for one in documents(everybodys_ids()) if one.startswith("{ node(") and "1001" in one]
    seen = await ask_all(small, own[::every])
    assert (seen > 0) is (down not in (None, "billing")), "what billing promises is reached through billing only"
    small.reset()


@pytest.mark.long
async def test_null_is_an_error_along_all_paths(small: Stack) -> None:
    small.reset()
    await ask_all(small, list(documents(everybodys_ids()))[::EVERY])


async def test_keys_are_keys(stack: Stack) -> None:
    """The same thing has the same key in every answer, and no two things have one."""
    document = """{
      viewer { id kind }
      me {
        bills(first: 5) { nodes { charges { id name } documents { id } } }
        usage { id name }
        tickets(first: 50) { nodes { id notes { id text } attachments { id } } }
      }
    }"""
    found = {who: (await stack.ask(document, who)).clean() for who in ("1001", "1002", "1003")}
    keys: dict[str, object] = {}
    for answer in (*found.values(), (await stack.ask(document, "1001")).clean()):
        me = answer["me"]
        things = [
            answer["viewer"] | {"whose": me["tickets"]["nodes"][0]["id"] if me["tickets"]["nodes"] else ""},
            *(one for bill in me["bills"]["nodes"] for one in (*(bill["charges"] or ()), *bill["documents"])),
            *(me["usage"] or ()),
            *(one for ticket in me["tickets"]["nodes"] for one in (*ticket["notes"], *ticket["attachments"])),
        ]
        assert len({one["id"] for one in things}) == len(things)
        for one in things:
            assert keys.setdefault(one["id"], one) == one
    assert len(keys) > 20
    (agent,) = {(await stack.ask("{ viewer { id } }", "agent")).clean()["viewer"]["id"] for _ in range(2)}
    assert agent not in keys
    systems = (await stack.ask("{ systems { id name } }", "agent")).clean()["systems"]
    assert {one["id"] for one in systems} == {f"System:{domain}" for domain in DOMAINS}


async def test_a_note_has_one_key_for_staff_and_customers(stack: Stack) -> None:
    document = '{ ticket(id: "TT-1001-1") { notes { id text } } }'
    staff, customer = [
        {note["text"]: note["id"] for note in (await stack.ask(document, who)).clean()["ticket"]["notes"]}
        for who in (ViewerKind.AGENT.value, "1001")
    ]
    assert customer
    assert {text: staff[text] for text in customer} == customer


def test_notes_without_ids_have_keys_all_the_same() -> None:
    """By what they say, and not by where they stand: another note before them changes nothing."""

    def note(text: str, key: str | None = None) -> TicketNote:
        return TicketNote(author="Ivan", text=text, created_at=None, internal=False, id=key)

    def keys(*notes: TicketNote) -> list[str]:
        ticket = Ticket(id="TT-1", owners=UNNAMED, notes=notes)
        return [one.key for one in visible_notes(ticket, Viewer(ViewerKind.AGENT))]

    first, second = keys(note("a"), note("b"))
    assert keys(note("c"), note("a"), note("b"))[1:] == [first, second]
    assert len({*keys(note("a"), note("a"), note("a"))}) == 3
    assert "secret" not in keys(note("a", "secret-key"))[0]
    assert keys(note("a", "1")) == keys(note("edited", "1"))
