"""Parsed and validated documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode

from gateway.engine.cost import Cost


@dataclass(frozen=True, eq=False)
class Prepared:
    """A valid document within the limits. It is compared by identity.

    `operations` are by name, where None is an operation without a name. `roots` has the names of the fields at the root
    of each operation, fragments written out, and `costs` the size estimates. `weight` is about how many bytes it holds,
    without what is in `derived`. `derived` caches what other objects derive
    from the document, by the object.
    """

    source: str
    document: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    roots: Mapping[str | None, frozenset[str]]
    costs: Mapping[str | None, Cost]
    weight: int = 0
    derived: dict[object, Any] = field(default_factory=dict, repr=False)

    def root_names(self, operation: OperationDefinitionNode) -> frozenset[str]:
        """Names of the fields that an operation of this document selects at its root."""
        return self.roots[_name(operation)]

    def cost(self, operation: OperationDefinitionNode) -> Cost:
        """The estimate for an operation of this document."""
        return self.costs[_name(operation)]


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None
