"""Every argument says to clients what it is for, and nothing is said of arguments that are not there."""

import re
from typing import Any

import pytest
import strawberry

from schema import build_schema
from schema.fields import computed


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
