"""Lists of a TM Forum resource: all rows per parent key, one page of one parent's list, or a list without a parent."""

from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from typing import Any, Final, TypeVar

from connectors.errors import ConnectorError
from connectors.reading.grouping import complete_rows, group_by_key
from connectors.reading.order import Order, sorted_records
from connectors.reading.rows import Batch
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf.collection import Collection
from connectors.tmf.query import Filters

R = TypeVar("R")

_PARTY: Final = "relatedParty."


async def all_under(
    collection: Collection[R],
    parameter: str,
    keys: Sequence[str],
    keys_of: Callable[[R], Iterable[str]],
    *,
    fields: Fields | None,
    order: Order | None = None,
    filters: Filters = (),
    wanted: Callable[[R], bool] | None = None,
) -> Found[Rows[R]]:
    """All rows per key, in `order`; sorted here where the server cannot sort."""
    asked, own_order = _sorting(collection, fields, order)
    batches = await collection.by_keys(parameter, keys, fields=asked, filters=filters, order=order)
    record = collection.record_factory(asked)
    unasked: list[Any] = []
    group = partial(
        group_by_key,
        keys_of=keys_of,
        wanted=wanted,
        order=own_order,
        unreadable=collection.unreadable,
        unasked=unasked.append if parameter.startswith(_PARTY) else None,
    )
    if filters or not collection.obeyed_filters.is_open(parameter):
        found = await group(batches, record)
    else:
        converted = [_with_records(batch, record) for batch in batches]
        for one in converted:
            if not one.failure and not one.unreadable:
                _record_answer(collection, parameter, one.keys, one.rows, keys_of, wanted)
        found = await group(converted, None)
        if unasked:
            unasked = _rows_of(unasked, batches, converted)
    for row in unasked:
        collection.explain_unowned(row, frozenset(keys))
    if unasked and not found:  # where a filter is ignored, rows of nobody come beside those of others
        collection.explain_ownerless(unasked)
    return found


def _with_records(batch: Batch[Any], record: Callable[[Any], Any]) -> Batch[Any]:
    return Batch(batch.keys, list(map(record, batch.rows)), batch.failure, batch.unreadable)


def _rows_of(records: Iterable[Any], batches: Iterable[Batch[Any]], converted: Iterable[Batch[Any]]) -> list[Any]:
    """The rows of which these records were made."""
    sought = set(map(id, records))
    pairs = ((batch.rows, made.rows) for batch, made in zip(batches, converted, strict=True))
    return [row for rows, made in pairs for row, one in zip(rows, made, strict=True) if id(one) in sought]


def _all_explained(collection: Collection[Any], rows: Iterable[Any], asked: Set[str]) -> bool:
    """Whether all rows name one of the asked customers, if otherwise than the profile says; each is explained."""
    return sum(not collection.explain_unowned(row, asked) for row in rows) == 0


def _record_answer(
    collection: Collection[Any],
    parameter: str,
    asked: Iterable[str],
    items: Sequence[Any],
    keys_of: Callable[[Any], Iterable[str]],
    wanted: Callable[[Any], bool] | None,
) -> None:
    keys = {one.id: frozenset(keys_of(one) if wanted is None or wanted(one) else ()) for one in items}
    collection.obeyed_filters.record_answer(parameter, frozenset(asked), keys)


async def page_under(
    collection: Collection[R],
    parameter: str,
    keys: Sequence[str],
    window: Window | None,
    keys_of: Callable[[R], Iterable[str]],
    *,
    fields: Fields | None,
    order: Order,
    filters: Filters = (),
    wanted: Callable[[R], bool] | None = None,
) -> Found[Rows[R]]:
    """Rows per key: one page of a single key's list, or the complete lists of many keys.

    The page is requested from the server only if its rows can be trusted. If a row violates the filters, the server
    ignores them, and its pages and totals mean nothing: all rows are read and filtered here. The same happens if a row
    cannot be read, because a page must not have gaps.

    While it is not proved that the server obeys `parameter` (see `ObeyedFilters`), and whenever `filters` are given,
    a total beyond the page is reported as doubtful, and a page with an offset is cut from the complete list.
    """
    conditions = [(parameter, keys), *filters]
    is_sure = not filters and parameter in collection.obeyed_filters
    is_useless = collection.obeyed_filters.has_useless_pages(parameter)
    can_ask = collection.profile.sort and collection.askable.can_apply(conditions) and not is_useless
    if window and (is_sure or window.offset == 0) and len(keys) == 1 and keys[0] and can_ask:
        key = keys[0]
        try:
            page = await collection.page(conditions, window, fields=fields, order=order, keys=keys)
        except ConnectorError as failure:
            return {key: failure}
        items = list(map(collection.record_factory(fields), page.rows))
        if page.unreadable:
            pass  # the decoder has logged it
        elif not all(key in keys_of(one) for one in items):
            others = [row for row, one in zip(page.rows, items, strict=True) if key not in keys_of(one)]
            if not parameter.startswith(_PARTY) or not _all_explained(collection, others, frozenset(keys)):
                collection.obeyed_filters.record_useless_page(parameter)
                collection.warn_once(f"ignores the filter {parameter} and sends other rows too: see `parameters`")
        elif wanted is None or all(map(wanted, items)):
            doubted = not collection.totals_are_believed
            if is_sure:
                return {key: Rows(items, window.offset, page.total, complete=False, total_doubted=doubted)}
            if len(items) < window.limit or page.total == len(items):
                if not filters:
                    _record_answer(collection, parameter, keys, items, keys_of, wanted)
                return {key: Rows(items, 0, len(items), complete=False)}
            return {key: Rows(items, 0, complete=False, total_doubted=doubted or page.total is not None)}
    return await all_under(
        collection, parameter, keys, keys_of, fields=fields, order=order, filters=filters, wanted=wanted
    )


async def list_page(
    collection: Collection[R],
    filters: Filters,
    window: Window | None,
    *,
    fields: Fields | None,
    order: Order,
    wanted: Callable[[R], bool] | None = None,
    keys: Sequence[str] = (),
    unclear: Callable[[Any, R], bool] | None = None,
) -> Rows[R]:
    """One page of a list without a parent key.

    All rows are returned if `window` is None, if the server cannot sort or filter so, or if a row of the page cannot
    be read or violates the filters. A row of which it is `unclear` whether it is wanted counts as one that cannot be
    read.
    """
    if window is not None and collection.profile.sort and collection.askable.can_apply(filters):
        page = await collection.page(filters, window, fields=fields, order=order, keys=keys)
        items = list(map(collection.record_factory(fields), page.rows))
        if not page.unreadable and (wanted is None or all(map(wanted, items))):
            return Rows(items, window.offset, page.total, complete=False)
    asked = fields if fields is None else fields | {order.attribute}
    everything = await collection.drain(filters, fields=asked, keys=keys)
    record = collection.record_factory(asked)
    found = [(row, record(row)) for row in everything.rows]
    kept = [one for _, one in found if wanted is None or wanted(one)]
    unread = len(everything.unreadable) + sum(unclear(row, one) for row, one in found if unclear is not None)
    if unread and unread == len(everything.entries):
        raise collection.unreadable("of every row")
    return complete_rows(sorted_records(kept, order), unread)


def _sorting(
    collection: Collection[R], fields: Fields | None, order: Order | None
) -> tuple[Fields | None, Order | None]:
    """The fields to request, and the order in which to sort here: None if the server sorts."""
    if order is None or collection.profile.sort:
        return fields, None
    return fields if fields is None else fields | {order.attribute}, order
