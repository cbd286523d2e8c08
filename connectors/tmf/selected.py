"""Rows of just the attributes that were asked for: what nobody selected is not decoded, should it come all the same.

Servers that ignore `fields=` send whole rows; most of the time that such an answer takes goes into what is dropped. And
an attribute that nobody asked for cannot make a row unreadable.
"""

from collections.abc import Set
from typing import Any, TypeVar

import msgspec

from connectors.reading.rows import Identified

Row = TypeVar("Row", bound=Identified)


def selected(row: type[Row], names: Set[str] | None) -> type[Row]:
    """The row with those of its attributes that have one of these names upstream (None: all), and its id.

    The others stand in the class with their defaults, so that whoever reads them finds what a server that honours
    `fields=` makes of them.
    """
    fields = msgspec.structs.fields(row)
    kept = [one for one in fields if names is None or one.required or one.encode_name in names]
    if len(kept) == len(fields):
        return row
    classes = [one for one in reversed(row.__mro__) if issubclass(one, Identified)]
    own = {name: value for one in classes for name, value in vars(one).items() if _is_method(value)}
    rest = {one.name: _default(one) for one in fields if one not in kept}
    return msgspec.defstruct(  # type: ignore[return-value]  # the same attributes, by another way
        row.__name__,
        [(one.name, one.type, _declared(one)) for one in kept],
        namespace={name: value for name, value in own.items() if not name.startswith("__")} | rest,
        module=row.__module__,
        gc=False,
    )


def _is_method(value: object) -> bool:
    return isinstance(value, property) or callable(value)


def _declared(one: msgspec.structs.FieldInfo) -> Any:
    if one.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(name=one.encode_name, default_factory=one.default_factory)
    return msgspec.field(name=one.encode_name, default=one.default)


def _default(one: msgspec.structs.FieldInfo) -> Any:
    return one.default if one.default_factory is msgspec.NODEFAULT else one.default_factory()
