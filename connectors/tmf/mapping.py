"""How a record is made of a row: attribute by attribute, and only those that were asked for."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from connectors.reading.rows import Row
from connectors.records import Fields
from connectors.tmf.query import Projection

R = TypeVar("R")

_MOST_KEPT: Final = 256
"""Selections whose makers are kept; each document has one or two per type."""


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
