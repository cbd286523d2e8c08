"""Documents that were parsed and validated once, and are executed many times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode

from gateway.engine.cost import Cost


@dataclass(frozen=True, eq=False)
class Prepared:
    """A document that fits the schema and the limits. Compared by identity.

    `operations` are by name (None for the one without a name); `roots` has, per operation, the names of the fields at
    its root, fragments written out; `costs` estimates, per operation, how large its answer can become. `derived` keeps
    what others work out from the document, by who did, for as long as it lives.
    """

    source: str
    document: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    roots: Mapping[str | None, frozenset[str]]
    costs: Mapping[str | None, Cost]
    derived: dict[object, Any] = field(default_factory=dict, repr=False)

    def root_names(self, operation: OperationDefinitionNode) -> frozenset[str]:
        """Names of the fields that an operation of this document selects at its root."""
        return self.roots[_name(operation)]

    def cost(self, operation: OperationDefinitionNode) -> Cost:
        """The estimate for an operation of this document."""
        return self.costs[_name(operation)]


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None
