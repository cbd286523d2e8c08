"""The example in docs/engine.md is true, and so is the code that is said to be generated for it."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from graphql import GraphQLError

from gateway.engine import Engine, Explanation, Prepared
from tests.gateway.engine.torture import Context, World

DOCUMENT = Path(__file__).parents[3] / "docs" / "engine.md"


async def test_the_example_loads_once_for_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (generated,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    module = ModuleType("engine_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    names = vars(module)
    exec(compile(example, "engine.md", "exec"), names)
    asked: list[list[str]] = []
    found = names["BooksByRoom"].found

    async def counted(self: Any, keys: Any) -> Any:
        asked.append(list(keys))
        return await found(self, keys)

    names["BooksByRoom"].found = counted
    engine: Engine = names["engine"]
    prepared = engine.prepare("{ rooms { name books } }")
    assert isinstance(prepared, Prepared)
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    outcome = await engine.execute(prepared, operation, {}, Context(World(1, 0)))

    assert outcome.data == {"rooms": [{"name": "a", "books": ["a-1", "a-2"]}, {"name": "b", "books": ["b-1", "b-2"]}]}
    assert asked == [["a", "b"]]
    explained = engine.explain(prepared, operation, {})
    assert isinstance(explained, Explanation)
    assert explained.fallback is None
    assert engine.code(prepared, operation, {}) == [generated]
