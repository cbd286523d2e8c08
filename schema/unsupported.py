"""Fields of attributes that the connected products cannot provide: they are null, with the error NOT_SUPPORTED.

A driver declares such attributes in its `unsupported`, as in ``Bill.period``. The fields made of an attribute follow
from their metadata: the field of that name, an edge by it (``BillCharge.product_id`` makes `product`), and a function
of it. Only nullable fields that are made of nothing else are replaced. A non-null field keeps its value, which is
UNKNOWN, false or an empty list, because a null would make the whole record null.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from connectors import DOMAINS, ConnectedSystem
from connectors.errors import NotSupported
from schema.fields import NEEDS, SYNCHRONOUS

_SHOWN_BY: Final[Mapping[str, str]] = {"Party": "Customer"}
"""Records without a GraphQL type of their own, and the type that has fields of their attributes."""
_DEFINITION: Final = "strawberry-definition"


def disable_unsupported(schema: GraphQLSchema, systems: Iterable[ConnectedSystem]) -> None:
    """Replace the resolvers of fields that these systems' drivers do not support.

    This changes `schema`, which the application must not share. It may be called again with the same systems.
    """
    for system in systems:
        ports = [sys.modules[DOMAINS[domain].port.__module__] for domain in system.drivers]
        lacking: dict[str, set[str]] = {}
        for name in system.unsupported:
            record, _, attribute = name.partition(".")
            # Records that all domains share, such as Document, cannot be declared by one of them.
            if attribute and any(getattr(vars(one).get(record), "__module__", "") == one.__name__ for one in ports):
                lacking.setdefault(_SHOWN_BY.get(record, record), set()).add(attribute)
        for type_name, attributes in lacking.items():
            shown = schema.get_type(type_name)
            if isinstance(shown, GraphQLObjectType):
                _disable(shown, attributes, system.name)


def _disable(shown: GraphQLObjectType, attributes: set[str], system: str) -> None:
    for name, field in shown.fields.items():
        definition = field.extensions.get(_DEFINITION)
        if definition is None or isinstance(field.type, GraphQLNonNull):
            continue
        needs = definition.metadata.get(NEEDS) or frozenset()
        if definition.python_name in attributes or (needs and needs <= attributes):
            field.resolve = _refusal(system, f"{shown.name}.{name}")
            field.extensions = {**field.extensions, SYNCHRONOUS: True}


def _refusal(system: str, field: str) -> Callable[..., Any]:
    def resolve(*_: Any, **__: Any) -> Any:
        raise NotSupported(system, f"the driver does not support {field}", field=field)

    return resolve
