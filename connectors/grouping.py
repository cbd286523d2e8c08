"""From rows to what was asked for: matched by the keys that each row itself carries, never by position."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from connectors.errors import ConnectorError
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf630 import Batch, Collection, Filters, Identified

Row = TypeVar("Row", bound=Identified)
R = TypeVar("R")


def mapped(rows: Mapping[str, Row | ConnectorError], record: Callable[[Row], R]) -> Found[R]:
    """The same mapping with records instead of rows."""
    return {key: row if isinstance(row, ConnectorError) else record(row) for key, row in rows.items()}


def grouped(
    batches: Iterable[Batch[Row]],
    record: Callable[[Row], R],
    keys_of: Callable[[R], Iterable[str]],
    wanted: Callable[[R], bool] | None = None,
) -> Found[Rows[R]]:
    """Records under every key of theirs that was asked for; a key without rows is absent, one that failed says so."""
    found: dict[str, Rows[R] | ConnectorError] = {}
    for batch in batches:
        if batch.failure:
            found.update(dict.fromkeys(batch.keys, batch.failure))
            continue
        asked, groups = set(batch.keys), defaultdict[str, list[R]](list)
        for row in batch.rows:
            one = record(row)
            if wanted is None or wanted(one):
                for key in asked.intersection(keys_of(one)):
                    groups[key].append(one)
        found.update({key: Rows.of(group) for key, group in groups.items()})
    return found


async def narrowed(
    collection: Collection[Row],
    parameter: str,
    keys: Sequence[str],
    window: Window | None,
    record: Callable[[Row], R],
    keys_of: Callable[[R], Iterable[str]],
    *,
    fields: Fields | None,
    sort: str | None = None,
    filters: Filters = (),
    wanted: Callable[[R], bool] | None = None,
) -> Found[Rows[R]]:
    """Rows per key: one window of one key's list, or everything of many keys.

    A row in the window that the conditions do not allow means that the server ignores them; its pages and totals
    then say nothing, and everything is read and sorted out here, within the system's bounds.
    """
    if window is not None and len(keys) == 1:
        key = keys[0]
        try:
            page = await collection.page([(parameter, [key]), *filters], window, fields=fields, sort=sort, keys=keys)
        except ConnectorError as failure:
            return {key: failure}
        items = [record(row) for row in page.rows]
        if all(key in keys_of(one) and (wanted is None or wanted(one)) for one in items):
            return {key: Rows(items, window.offset, page.total, complete=False)}
    batches = await collection.by_keys(parameter, keys, fields=fields, filters=filters, sort=sort)
    return grouped(batches, record, keys_of, wanted)
