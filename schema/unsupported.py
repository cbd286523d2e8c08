"""Attributes that the connected products cannot give: their fields are null with an error that says so.

A driver declares them as ``Record.attribute`` in its `unsupported`, as in ``Bill.period``. What a client sees of an
attribute is found by the fields' own metadata: the field of that name, an edge along it (``BillCharge.product_id`` is
`product`), and a function of it. Only a field that is made of nothing else, and may be null, is touched: a non-null one
keeps its value, which says UNKNOWN, false or an empty list, because null there would take the whole record away.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from connectors import DOMAINS, ConnectedSystem
from connectors.errors import NotSupported
from schema.fields import NEEDS, SYNCHRONOUS

_SHOWN_BY: Final[Mapping[str, str]] = {"Party": "Customer"}
"""Records without a type of their own, and the type whose fields of the same names show them."""
_DEFINITION: Final = "strawberry-definition"


def disable_unsupported(schema: GraphQLSchema, systems: Iterable[ConnectedSystem]) -> None:
    """Replace the resolvers of fields that no record of these systems can fill; other fields cost what they did.

    The schema must be the app's own. May be called again with the same systems.
    """
    for system in systems:
        port = sys.modules[DOMAINS[system.domain].port.__module__]
        lacking: dict[str, set[str]] = {}
        for name in system.unsupported:
            record, _, attribute = name.partition(".")
            # Records of all domains, such as Document, are nobody's to declare.
            if attribute and getattr(vars(port).get(record), "__module__", "") == port.__name__:
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
