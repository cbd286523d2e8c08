"""One resource of one API: finding rows without making everybody's, and what was written over them."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from time import monotonic
from typing import Final

from sandbox.data.shapes import Row
from sandbox.data.world import World
from sandbox.protocol.query import Condition, Query

Shard = tuple[int, int]
"""(part of the collection, number): the smallest piece that is generated at once, such as one customer's bills."""
Find = Callable[[World, str], Iterable[Shard] | None]
"""The shards where a row with this value of a parent's id may be; None if the value does not tell."""

_OWNER: Final = re.compile(r"(?:[A-Z]+-)*P?(\d+)(?:-|\Z)")
_CABINET: Final = re.compile(r"(?:SITE-)?(?:CAB|OLT)-(\d+)\Z")


def of_customer(world: World, value: str) -> list[Shard]:
    """Find the shard of the customer whose number is in the id `value`; an id of another kind finds nothing."""
    match = _OWNER.match(value)
    return [(0, int(match[1]))] if match and int(match[1]) in world.numbers else []


def of_customer_or_cabinet(world: World, value: str) -> list[Shard]:
    """Find the shard of the id `value` where part 0 is by customer and part 1 by cabinet."""
    if match := _CABINET.match(value):
        return [(1, int(match[1]))] if int(match[1]) in world.cabinets else []
    return of_customer(world, value)


def around_cabinet(world: World, value: str) -> list[Shard]:
    """Find the customers behind a resource: all of a cabinet, or the owner."""
    if match := _CABINET.match(value):
        return [(0, n) for n in world.in_cabinet(int(match[1]))] if int(match[1]) in world.cabinets else []
    return of_customer(world, value)


@dataclass(frozen=True)
class Part:
    """Rows of one origin. `count` is None where every shard has exactly one row; `columns` list values cheaply."""

    make: Callable[[World, int], Sequence[Row]]
    shards: Callable[[World], range]
    count: Callable[[World, int], int] | None = None
    columns: Mapping[str, Callable[[World, int], Iterable[str]]] = field(default_factory=dict)


class Collection:
    """All rows of a resource, generated or written, in their natural order (customer by customer).

    Rows that were created or changed live in `written` and go over the generated ones.
    """

    def __init__(self, world: World, parts: Sequence[Part], keys: Mapping[str, Find]) -> None:
        self._world, self._parts, self._keys = world, parts, keys
        self.written: dict[str, Row] = {}
        self._created: dict[str, Row] = {}
        self._ends: list[list[int]] | None = None
        self._late: dict[str, tuple[float, Row | None]] = {}
        """By id: when the row as it is will be seen, and the one that is seen until then (None: none)."""

    def get(self, ident: str) -> Row | None:
        """Return the row with this id, or None."""
        return self.written.get(ident) or self._generated(ident)

    def seen(self, ident: str) -> Row | None:
        """Return the row with this id as readers see it, or None."""
        row = self.get(ident)
        return None if row is None else self._as_seen(row)

    @property
    def is_late(self) -> bool:
        """Whether readers do not see everything yet that was written."""
        self._late = {ident: late for ident, late in self._late.items() if late[0] > monotonic()}
        return bool(self._late)

    def _as_seen(self, row: Row) -> Row | None:
        until, before = self._late.get(row["id"], (0.0, None))
        return before if until > monotonic() else row

    def put(self, row: Row, late: float = 0) -> None:
        """Keep a row that was created or changed; readers see it in `late` seconds."""
        if late:
            self._late[row["id"]] = (monotonic() + late, self.seen(row["id"]))
        self.written[row["id"]] = row
        if row["id"] in self._created or self._generated(row["id"]) is None:
            self._created[row["id"]] = row

    def total(self) -> int:
        """Return how many rows there are."""
        return sum(ends[-1] for ends in self._offsets() if ends) + len(self._created)

    def window(self, offset: int, limit: int, *, backwards: bool = False) -> list[Row]:
        """Return `limit` rows from `offset` in natural order (or its reverse), generating only those."""
        if backwards:
            stop = max(self.total() - offset, 0)
            start = max(stop - limit, 0)
            return self.window(start, stop - start)[::-1]
        return list(islice(self._from(offset), limit))

    def candidates(self, query: Query) -> Iterator[Row]:
        """Return, in natural order, all rows that may meet the query's conditions; the caller applies them."""
        if self.is_late:
            yield from (seen for row in self._candidates(query) if (seen := self._as_seen(row)) is not None)
        else:
            yield from self._candidates(query)

    def _candidates(self, query: Query) -> Iterator[Row]:
        shards = self._narrowed(query)
        if shards is None:
            yield from self._from(0)
            return
        for shard in shards:
            yield from self._rows(shard)
        for ident, row in self.written.items():
            if ident in self._created or self._moved(ident, shards):
                yield row

    def _moved(self, ident: str, shards: Sequence[Shard]) -> bool:
        """Return whether a changed row lies in none of the shards."""
        return not any(shard in shards for shard in self._shards_of(ident))

    def _generated(self, ident: str) -> Row | None:
        for part, number in self._shards_of(ident):
            if row := self._world.rows(self._parts[part].make, number).get(ident):
                return row
        return None

    def _shards_of(self, ident: str) -> Sequence[Shard]:
        return tuple(self._keys["id"](self._world, ident) or ())

    def _rows(self, shard: Shard) -> Iterator[Row]:
        rows = self._world.rows(self._parts[shard[0]].make, shard[1])
        if not self.written:
            return iter(rows.values())
        return (self.written.get(ident, row) for ident, row in rows.items())

    def _offsets(self) -> list[list[int]]:
        """Per part, the number of rows up to and with each shard."""
        if self._ends is None:
            world = self._world
            self._ends = [
                list(accumulate(part.count(world, n) for n in part.shards(world)))
                if part.count
                else list(range(1, len(part.shards(world)) + 1))
                for part in self._parts
            ]
        return self._ends

    def _from(self, offset: int) -> Iterator[Row]:
        for index, (part, ends) in enumerate(zip(self._parts, self._offsets(), strict=True)):
            size = ends[-1] if ends else 0
            if offset >= size:
                offset -= size
                continue
            first = bisect_right(ends, offset)
            skip, offset = offset - (ends[first - 1] if first else 0), 0
            for number in part.shards(self._world)[first:]:
                yield from islice(self._rows((index, number)), skip, None)
                skip = 0
        yield from islice(self._created.values(), offset, None)

    def _narrowed(self, query: Query) -> Sequence[Shard] | None:
        best: set[Shard] | None = None
        slow = []
        for group in query.groups:
            found: set[Shard] | None = set()
            for condition in group:
                shards = self._by_key(condition)
                if shards is None or found is None:
                    found = None
                else:
                    found |= shards
            if found is None:
                slow.append(group)
            else:
                best = found if best is None else best & found
        if best is None:
            best = next((s for s in map(self._by_columns, slow) if s is not None), None)
        return None if best is None else sorted(best)

    def _by_key(self, condition: Condition) -> set[Shard] | None:
        find = self._keys.get(condition.path)
        if find is None or condition.operator != "eq":
            return None
        found: set[Shard] = set()
        for value in condition.values:
            shards = find(self._world, value)
            if shards is None:
                return None
            found.update(shards)
        return found

    def _by_columns(self, group: Sequence[Condition]) -> set[Shard] | None:
        """Scan cheap columns; a part that has no such column stays whole. None if no part has it."""
        found: set[Shard] = set()
        for condition in group:
            if not any(condition.path in part.columns for part in self._parts):
                return None
            for index, part in enumerate(self._parts):
                column = part.columns.get(condition.path)
                numbers: Iterable[int] = part.shards(self._world)
                if column is not None:
                    test, world = condition.test, self._world
                    numbers = [n for n in numbers if any(map(test, column(world, n)))]
                found.update((index, n) for n in numbers)
        return found
