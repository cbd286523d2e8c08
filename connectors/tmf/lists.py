"""Lists of a TM Forum resource: all rows per key, one window of one key's list, or a list that hangs under nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from connectors.errors import ConnectorError
from connectors.reading.grouping import grouped, whole
from connectors.reading.order import Order, arranged
from connectors.reading.rows import Batch
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf.collection import Collection
from connectors.tmf.query import Filters

R = TypeVar("R")


async def per_key(
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
    """All rows per key, in `order`; sorted here where the server cannot."""
    asked, ours = _sorting(collection, fields, order)
    batches = await collection.by_keys(parameter, keys, fields=asked, filters=filters, order=order)
    record = collection.record(asked)
    if filters or not collection.heeded.is_open(parameter):
        return grouped(batches, record, keys_of, wanted, ours)
    made = [_made(batch, record) for batch in batches]
    for one in made:
        if not one.failure and not one.unreadable:
            _saw_all(collection, parameter, one.keys, one.rows, keys_of, wanted)
    return grouped(made, None, keys_of, wanted, ours)


def _made(batch: Batch[Any], record: Callable[[Any], Any]) -> Batch[Any]:
    """The batch with records instead of rows."""
    return Batch(batch.keys, list(map(record, batch.rows)), batch.failure, batch.unreadable)


def _saw_all(
    collection: Collection[Any],
    parameter: str,
    asked: Iterable[str],
    items: Sequence[Any],
    keys_of: Callable[[Any], Iterable[str]],
    wanted: Callable[[Any], bool] | None,
) -> None:
    keys = {one.id: frozenset(keys_of(one) if wanted is None or wanted(one) else ()) for one in items}
    collection.heeded.saw_all(parameter, frozenset(asked), keys)


async def narrowed(
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
    """Rows per key: one window of one key's list, or everything of many keys.

    A row in the window that the conditions do not allow means that the server ignores them, or cannot be asked so;
    its pages and totals then say nothing, and everything is read and sorted out here, within the system's bounds.
    The same goes for a row that cannot be read: a window has no holes.

    Until the system was seen to heed the filter (see `Heeded`), and always under more conditions than that, a total
    that the window does not show is doubted; and of a window that does not begin at the first row nobody can tell how
    many of the rows before it are others': everything is read in its place.
    """
    conditions = [(parameter, keys), *filters]
    is_sure = not filters and parameter in collection.heeded
    can_ask = collection.profile.sort and collection.answers(conditions)
    if window and (is_sure or window.offset == 0) and len(keys) == 1 and keys[0] and can_ask:
        key = keys[0]
        try:
            page = await collection.page(conditions, window, fields=fields, order=order, keys=keys)
        except ConnectorError as failure:
            return {key: failure}
        items = list(map(collection.record(fields), page.rows))
        if page.unreadable:
            pass  # told where the rows are read
        elif not all(key in keys_of(one) for one in items):
            collection.heeded.saw_others(parameter)
            collection.warn_once(f"ignores the filter {parameter}: it answers with other rows, too; see `parameters`")
        elif wanted is None or all(map(wanted, items)):
            if is_sure:
                return {key: Rows(items, window.offset, page.total, complete=False)}
            if len(items) < window.limit or page.total == len(items):
                if not filters:
                    _saw_all(collection, parameter, keys, items, keys_of, wanted)
                return {key: Rows(items, 0, len(items), complete=False)}
            return {key: Rows(items, 0, complete=False, doubted=page.total is not None)}
    return await per_key(
        collection, parameter, keys, keys_of, fields=fields, order=order, filters=filters, wanted=wanted
    )


async def listed(
    collection: Collection[R],
    filters: Filters,
    window: Window | None,
    *,
    fields: Fields | None,
    order: Order,
    wanted: Callable[[R], bool] | None = None,
    keys: Sequence[str] = (),
) -> Rows[R]:
    """One window of a list that hangs under nothing; everything where there is no window, or the server cannot.

    Everything, too, where the window would have holes (see `narrowed`).
    """
    if window is not None and collection.profile.sort and collection.answers(filters):
        page = await collection.page(filters, window, fields=fields, order=order, keys=keys)
        items = list(map(collection.record(fields), page.rows))
        if not page.unreadable and (wanted is None or all(map(wanted, items))):
            return Rows(items, window.offset, page.total, complete=False)
    asked = fields if fields is None else fields | {order.attribute}
    everything = await collection.drain(filters, fields=asked, keys=keys)
    return whole(arranged(filter(wanted, map(collection.record(asked), everything.rows)), order), everything.unreadable)


def _sorting(
    collection: Collection[R], fields: Fields | None, order: Order | None
) -> tuple[Fields | None, Order | None]:
    """What to ask for, and the order that is left to us: none where the server sorts."""
    if order is None or collection.profile.sort:
        return fields, None
    return fields if fields is None else fields | {order.attribute}, order
