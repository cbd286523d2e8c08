"""Every argument says to clients what it is for, and what is wrong with what they give for it."""

import re
from typing import Any

import pytest
import strawberry

from schema import build_schema
from schema.fields import computed
from tests.stack import Stack


def repeated(_root: Any, how_often: int | None = None, is_loud: bool | None = None) -> str:
    return ("HO" if is_loud else "ho") * (how_often or 1)


TIMES = {"how_often": "How many times."}
LOUD = {"is_loud": strawberry.argument(name="loud", description="Whether in capitals.")}


def test_texts_and_names_are_put_to_the_resolvers_arguments() -> None:
    @strawberry.type
    class Query:
        laugh: str = computed(repeated, needs=(), arguments={**TIMES, **LOUD})

    graph = build_schema(query=Query)

    assert graph.execute_sync("{ laugh(howOften: 2, loud: true) }").data == {"laugh": "HOHO"}
    field = graph.graphql.query_type.fields["laugh"]  # type: ignore[union-attr]  # there is one
    assert {name: argument.description for name, argument in field.args.items()} == {
        "howOften": "How many times.",
        "loud": "Whether in capitals.",
    }


def test_an_argument_without_a_text_is_named_with_its_field() -> None:
    @strawberry.type
    class Query:
        laugh: str = computed(repeated, needs=(), arguments=LOUD)
        shout: str = computed(repeated, needs=(), arguments=TIMES)

    with pytest.raises(TypeError, match=re.escape("Query.laugh(howOften:), Query.shout(isLoud:)")):
        build_schema(query=Query)


def test_a_text_without_its_argument_is_refused() -> None:
    with pytest.raises(TypeError, match=re.escape("no such arguments: ['how_much']")):
        computed(repeated, needs=(), arguments={**TIMES, **LOUD, "how_much": "Gone."})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ('{ bill(id: "Ticket:1") { id } }', "a Ticket.* a Bill"),
        ('{ node(id: "1001") { id } }', "a global id.* looks like Customer:1001"),
        ("{ me { bills(first: -1) { totalCount } } }", "first is -1.* must be from 0 to 1000"),
        ("{ me { bills(first: 1001) { totalCount } } }", "first is 1001.* must be from 0 to 1000"),
        ("{ me { bills(first: 1, last: 1) { totalCount } } }", "either first or last"),
        ('{ me { bills(after: "?") { totalCount } } }', "after is not a cursor"),
    ],
)
async def test_a_wrong_argument_is_named(stack: Stack, document: str, says: str) -> None:
    answer = await stack.ask(document, "1001")

    (error,) = answer.errors
    assert re.search(says, error["message"])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
