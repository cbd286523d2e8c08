"""The schema's own scalars: written without checks where the class is the expected one, else as graphql-core does."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode
from strawberry.schema.config import StrawberryConfig

from gateway.engine import Engine, Prepared
from schema import Graph
from schema.fields import computed
from schema.leaves import SCALARS, CurrencyCode
from tests.gateway.engine.comparing import LIMITS

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
DOCUMENT = "{ thing { day time number code } }"


@strawberry.type
class Thing:
    day: date | None
    time: datetime | None
    number: Decimal | None
    code: CurrencyCode | None


@strawberry.type
class Query:
    thing: Thing | None = computed(lambda _root, viewer: viewer, needs=())


def prepared(*, compiling: bool) -> tuple[Engine, Prepared, OperationDefinitionNode]:
    graph = Graph(query=Query, config=StrawberryConfig(scalar_map=SCALARS))
    engine = Engine(graph, limits=LIMITS, absent=None, compiling=compiling)
    document = engine.prepare(DOCUMENT)
    assert isinstance(document, Prepared)
    operation = engine.operation(document, None)
    assert isinstance(operation, OperationDefinitionNode)
    return engine, document, operation


async def answer(given: dict[str, Any], *, compiling: bool) -> tuple[Any, list[str]]:
    engine, document, operation = prepared(compiling=compiling)
    thing = Thing(**{"day": NOON.date(), "time": NOON, "number": Decimal(1), "code": CurrencyCode("EUR"), **given})
    outcome = await engine.execute(document, operation, {}, SimpleNamespace(viewer=thing))
    return outcome.data and outcome.data["thing"], [one.message for one in outcome.errors]


def test_each_has_a_way_without_checks() -> None:
    engine, document, operation = prepared(compiling=True)
    (text,) = engine.code(document, operation, {})
    assert isinstance(text, str)
    for name in ("Date", "DateTime", "Decimal"):
        assert f"(write_{name}(v) if v.__class__ is kind_{name} else coerced_" in text
    assert "(v if v.__class__ is str else coerced_" in text


class Text(str):
    """A text of a class of its own."""


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("day", date(2026, 11, 11), "2026-11-11"),
        ("day", NOON, "2026-11-11"),
        ("day", "2026-11-11", None),
        ("time", NOON, "2026-11-11T12:00:00+00:00"),
        ("time", date(2026, 11, 11), None),
        ("number", Decimal("25.60"), "25.60"),
        ("number", Decimal("1E+3"), "1000"),
        ("number", Decimal("1E-7"), "0.0000001"),
        ("number", 25.6, None),
        ("number", "25.6", None),
        ("code", "EUR", "EUR"),
        ("code", Text("EUR"), "EUR"),
    ],
)
async def test_a_value_is_written_exactly_or_is_an_error(name: str, value: Any, written: str | None) -> None:
    ours, core = [await answer({name: value}, compiling=compiling) for compiling in (True, False)]
    assert ours == core
    data, errors = ours
    assert (data[name], len(errors)) == (written, int(written is None))
