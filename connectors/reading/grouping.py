"""Matches rows to the requested keys, by the keys that each row carries and never by position."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from connectors.errors import ConnectorError
from connectors.reading.order import Order, sorted_records
from connectors.reading.rows import Batch, Row
from connectors.reading.turns import Turns
from connectors.records import Found, Rows

R = TypeVar("R")

_LOOKED_AT: Final = 128
"""Rows after which the clock is looked at."""


def map_rows(rows: Mapping[str, Row | ConnectorError], record: Callable[[Row], R]) -> Found[R]:
    """The same mapping with records instead of rows."""
    return {key: row if isinstance(row, ConnectorError) else record(row) for key, row in rows.items()}


def match_ids(
    batches: Iterable[Batch[Row]], unreadable: Callable[[str], ConnectorError]
) -> dict[str, Row | ConnectorError]:
    """Rows by their ids, for the requested ids only. An id that the system does not have is absent.

    An unreadable row's id maps to the failure that `unreadable` makes. If even a row's id cannot be read, so does every
    requested id without a row, because the row may be any of them.
    """
    found: dict[str, Row | ConnectorError] = {}
    for batch in batches:
        if batch.failure:
            found.update(dict.fromkeys(batch.keys, batch.failure))
            continue
        if batch.unreadable:
            unread = {one.id for one in batch.unreadable}
            hidden = batch.keys if None in unread else unread.intersection(batch.keys)
            found.update({str(key): unreadable(str(key)) for key in hidden})
        asked = set(batch.keys)
        found.update({key: row for row in batch.rows if (key := str(row.id)) in asked})
    return found


async def group_by_key(
    batches: Iterable[Batch[Row]],
    record: Callable[[Row], R] | None,
    keys_of: Callable[[R], Iterable[str]],
    wanted: Callable[[R], bool] | None = None,
    order: Order | None = None,
    *,
    unreadable: Callable[[str], ConnectorError],
    unasked: Callable[[Row], object] | None = None,
) -> Found[Rows[R]]:
    """Records by each of their requested keys. A key without rows is absent; a failed key maps to its failure.

    Records keep the order in which they came, unless `order` is given. A batch with an unreadable row has no totals,
    because the row may belong to any of its keys; where none of its rows can be read, each of its keys has the failure
    that `unreadable` makes. `record` makes a record of a row; None if rows are records already. `unasked` is told each
    row that has none of the keys. Many rows take several turns.
    """
    found: dict[str, Rows[R] | ConnectorError] = {}
    for batch in batches:
        if batch.failure:
            found.update(dict.fromkeys(batch.keys, batch.failure))
            continue
        if batch.unreadable and not batch.rows:
            found.update({key: unreadable(key) for key in batch.keys})
            continue
        asked, groups = frozenset(batch.keys), defaultdict[str, list[R]](list)
        if batch.unreadable:
            groups.update({key: [] for key in batch.keys})
        one: Any
        turns = Turns()
        for number, row in enumerate(batch.rows, 1):
            if number % _LOOKED_AT == 0 and turns.is_over:
                await turns.next()
            one = record(row) if record else row
            if wanted is None or wanted(one):
                keys = keys_of(one)
                # The usual case: a row with one key needs no check for repeated keys.
                single = keys.__class__ is tuple and len(keys) == 1
                is_asked = False
                for key in keys if single else asked.intersection(keys):
                    if key in asked:
                        groups[key].append(one)
                        is_asked = True
                if unasked and not is_asked:
                    unasked(row)
        for key, group in groups.items():
            found[key] = complete_rows(sorted_records(group, order) if order else group, len(batch.unreadable))
    return found


def complete_rows(items: Sequence[R], unread: int) -> Rows[R]:
    """The complete list. Its total is unknown if any row is unreadable."""
    return Rows(items, 0, None if unread else len(items), complete=True, unread=unread)
