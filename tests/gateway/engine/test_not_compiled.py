"""What is run by graphql-core, and how."""

import asyncio
from enum import Enum
from operator import getitem
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import DirectiveLocation, GraphQLError
from strawberry.directive import DirectiveValue
from strawberry.schema.config import StrawberryConfig

from gateway.engine import Engine, Explanation, Outcome, Prepared
from gateway.engine.compiler import MAX_OBJECTS
from schema import Graph
from schema.fields import computed
from tests.gateway.engine.comparing import LIMITS
from tests.gateway.engine.torture import Context, World, build


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def upper(value: DirectiveValue[str]) -> str:
    """In capitals."""
    return value.upper()


@strawberry.enum
class Colour(Enum):
    """Of walls."""

    RED = "red"


@strawberry.type
class Room:
    """A room."""

    name: str


@strawberry.type
class Query:
    """The ways in."""

    room: Room = computed(lambda _root: SimpleNamespace(name="attic"), needs=())
    table: Room = computed(lambda _root: {"name": "attic"}, needs=())

    @strawberry.field
    def painted(self, colour: Colour) -> str:
        """A resolver of its own."""
        return colour.value


def asked(engine: Engine, document: str, **variables: Any) -> Outcome:
    prepared = engine.prepare(document)
    assert isinstance(prepared, Prepared), prepared
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    return asyncio.run(engine.execute(prepared, operation, variables, Context(World(1, 0))))


def test_a_schemas_own_directives_are_heeded() -> None:
    engine = Engine(Graph(query=Query, directives=[upper]))
    assert asked(engine, "{ room { name @upper } }").data == {"room": {"name": "ATTIC"}}


def test_another_default_resolver_is_asked() -> None:
    engine = Engine(Graph(query=Query, config=StrawberryConfig(default_resolver=getitem)))
    assert asked(engine, "{ table { name } }").data == {"table": {"name": "attic"}}


@pytest.mark.parametrize("compiling", [True, False])
def test_no_executor_names_what_callers_may_not_read(compiling: bool) -> None:
    engine = Engine(Graph(query=Query), compiling=compiling, hide_suggestions=True)
    outcome = asked(engine, "query($colour: Colour!) { painted(colour: $colour) }", colour="RAD")
    assert not outcome.executed
    (error,) = outcome.errors
    assert "RAD" in error.message
    assert "RED" not in error.message


def test_types_that_multiply_are_not_compiled() -> None:
    """Each friend may be of either kind, and so may each friend of those: two types at the first level, 2,048 here."""
    engine = Engine(build(), limits=LIMITS)
    for levels, fallback in ((3, None), (11, "interfaces below interfaces, with too many types together")):
        prepared = engine.prepare("{ thing " + "{ friend " * levels + "{ id }" + " }" * levels + " }")
        assert isinstance(prepared, Prepared)
        assert 2**levels > MAX_OBJECTS or fallback is None
        explained = engine.explain(prepared, prepared.operations[None], {})
        assert isinstance(explained, Explanation)
        assert explained.fallback == fallback
