"""How a record is made of a row: attribute by attribute, and only those that were asked for.

Rows, too, have just the attributes that were asked for: what nobody selected is not decoded, should it come all the
same. Servers that ignore `fields=` send whole rows; most of the time that such an answer takes goes into what is
dropped. And an attribute that nobody asked for cannot make a row unreadable.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from connectors.reading.rows import Identified, Row
from connectors.records import Fields

R = TypeVar("R")

_MOST_KEPT: Final = 256
"""Selections whose makers are kept; each document has one or two per type."""


class Projection:
    """Which upstream attributes a record's attributes are made of."""

    def __init__(self, always: Iterable[str], sources: Mapping[str, Sequence[str]]) -> None:
        self._always, self.sources = frozenset(always), sources

    def of(self, fields: Fields | None) -> str | None:
        """The value for `fields=`: sorted, so that the same selection is the same URL; None means everything."""
        return None if fields is None else ",".join(sorted(self._wanted(fields)))

    def names(self, fields: Fields | None) -> frozenset[str] | None:
        """The upstream attributes that are asked for with these fields; None means all."""
        return None if fields is None else self._wanted(fields)

    def fills(self, attribute: str, fields: Fields | None) -> bool:
        """Whether what is asked for with these fields gives the record's attribute a value."""
        sources = self.sources.get(attribute)
        return fields is None or sources is None or not self._wanted(fields).isdisjoint(sources)

    def _wanted(self, fields: Fields) -> frozenset[str]:
        return self._always.union(*(self.sources.get(name, ()) for name in fields))


class Recipe(Generic[Row, R]):
    """Makes records of one kind. `attributes` has, by the record's attribute, the row's attribute or a function of it.

    The id is the row's, as text.

    An attribute that the projection knows no source of (ids, owners) always comes along; any other one does when one of
    its sources was asked for. The rest keep the record's defaults: nobody selected them, and their upstream attributes
    did not come either, where the server knows fields=. For 1,000 customers of 3 attributes that is 1 ms instead of 4.
    """

    def __init__(
        self, record: Callable[..., R], projection: Projection, attributes: Mapping[str, str | Callable[[Row], Any]]
    ) -> None:
        self._record, self._projection, self._attributes = record, projection, attributes
        self.of: Callable[[Fields | None], Callable[[Row], R]] = lru_cache(_MOST_KEPT)(self._of)
        """What makes records of rows that were asked for with `fields`."""

    def _of(self, fields: Fields | None) -> Callable[[Row], R]:
        names: dict[str, Any] = {"record": self._record}
        filled = ["id=str(row.id)"]
        for name, value in self._attributes.items():
            if self._projection.fills(name, fields):
                names[f"_{name}"] = value
                filled.append(f"{name}=row.{value}" if isinstance(value, str) else f"{name}=_{name}(row)")
        # One call with keywords, written out: half the time of collecting them in a dictionary first.
        made: Callable[[Row], R] = eval(f"lambda row: record({', '.join(filled)})", names)  # noqa: S307  # our own names
        return made


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
