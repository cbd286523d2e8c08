"""A schema that a stack has used is as it was built, whatever the application made of it."""

from pathlib import Path
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType

from gateway.scope_settings import ScopeSettings
from schema import Graph
from schema.unsupported import disable_unsupported
from tests.schemas_again import borrowed_schema
from tests.stack import stacked


def state(graph: Graph) -> dict[str, Any]:
    """All of it that can be changed."""
    found: dict[str, Any] = {"": (graph.extensions, graph.directives)}
    for name, kind in graph.graphql.type_map.items():
        found[name] = dict(vars(kind))
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            found |= {f"{name}.{one}": dict(vars(field)) for one, field in kind.fields.items()}
    return found


async def test_nothing_of_a_stack_stays_in_it(tmp_path: Path) -> None:
    scopes = ScopeSettings.model_validate({"own": ["own:bills"], "fields": {"Customer.bills": [["own:bills"]]}})
    async with stacked(tmp_path, customers=2, scopes=scopes):
        pass
    with borrowed_schema() as graph:
        built = state(graph)
        assert "own:bills" not in graph.graphql.type_map["Customer"].fields["bills"].description  # type: ignore[attr-defined]  # an object type
    async with stacked(tmp_path, customers=2, scopes=scopes) as stack:
        changed = state(graph)
        disable_unsupported(graph.graphql, stack.connected)
    assert changed != built
    with borrowed_schema() as again:
        assert again is graph
        assert state(again) == built
