"""The example in docs/engine.md is true."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

from gateway.engine import Engine, Prepared
from resolvers.loader import BatchLoader
from schema import Graph
from schema.fields import computed, edge
from tests.gateway.engine.torture import Context, World

DOCUMENT = Path(__file__).parents[3] / "docs" / "engine.md"


async def test_the_example_loads_once_for_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    module = ModuleType("engine_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names = vars(module)
    names |= {
        "BatchLoader": BatchLoader,
        "Engine": Engine,
        "Graph": Graph,
        "SimpleNamespace": SimpleNamespace,
        "computed": computed,
        "edge": edge,
        "strawberry": strawberry,
    }
    exec(compile(code, "engine.md", "exec"), names)
    asked: list[list[str]] = []
    found = names["ShelfById"].found

    async def counted(self: Any, keys: Any) -> Any:
        asked.append(list(keys))
        return await found(self, keys)

    names["ShelfById"].found = counted
    engine: Engine = names["engine"]
    prepared = engine.prepare("{ rooms { name books } }")
    assert isinstance(prepared, Prepared)
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    outcome = await engine.execute(prepared, operation, {}, Context(World(1, 0)))

    assert outcome.data == {"rooms": [{"name": "a", "books": ["a-1", "a-2"]}, {"name": "b", "books": ["b-1", "b-2"]}]}
    assert asked == [["a", "b"]]
    assert engine.explain(prepared, operation, {}).fallback is None  # type: ignore[union-attr]  # no variables
