"""Loaders of lists by parent: a window for a single parent, whole lists for many (docs/contributing.md, rule 8)."""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

from connectors.errors import ConnectorError
from connectors.records import Found, Rows, Window
from resolvers.context import Loader
from resolvers.loader import Key, NoLink

R = TypeVar("R")


class RowsKey(Key, frozen=True):
    """One parent's list: the parent's id, the conditions for the system, and the window (None for the whole list)."""

    parent: str
    conditions: Hashable = None
    window: Window | None = None


class RowsLoader(Loader[RowsKey, Rows[R]], Generic[R]):
    """Loads lists by parent. A list that was read as a whole is not read again for another window."""

    connection: ClassVar[str]
    """GraphQL type of the connection, to see whether `totalCount` is selected."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._whole: defaultdict[Hashable, dict[str, asyncio.Future[Mapping[str, Any]]]] = defaultdict(dict)
        """Reads of whole lists, by conditions and parent."""

    def clear(self, key: RowsKey) -> Self:
        """Read this parent's list again when it is loaded next."""
        self._whole[key.conditions].pop(key.parent, None)
        return super().clear(key)

    def clear_all(self) -> Self:
        """Read every list again when it is loaded next."""
        self._whole.clear()
        return super().clear_all()

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[R]]:
        """Lists by parent from the port. A window is given with a single parent only."""
        raise NotImplementedError

    async def fetch(self, keys: Sequence[RowsKey]) -> dict[RowsKey, Rows[R] | ConnectorError | NoLink]:
        """Lists by key. Keys with the same conditions are read together."""
        if len(keys) == 1:
            return await self._group(keys)
        groups: dict[Hashable, list[RowsKey]] = {}
        for key in keys:
            groups.setdefault(key.conditions, []).append(key)
        if len(groups) == 1:
            return await self._group(keys)
        found: dict[RowsKey, Rows[R] | ConnectorError | NoLink] = {}
        for part in await asyncio.gather(*(self._group(group) for group in groups.values())):
            found.update(part)
        return found

    async def _group(self, keys: Sequence[RowsKey]) -> dict[RowsKey, Rows[R] | ConnectorError | NoLink]:
        window = None if keys[0].parent in self._whole[keys[0].conditions] else self._window(keys)
        if window is None:
            return await self._wholes(keys)
        found = (await self.rows([keys[0].parent], window, keys[0].conditions)).get(keys[0].parent)
        if isinstance(found, Rows) and found.total_doubted and self._counts():
            return await self._wholes(keys)
        return {} if found is None else dict.fromkeys(keys, found)

    def _window(self, keys: Sequence[RowsKey]) -> Window | None:
        """One window that covers all keys; None if whole lists are needed.

        A system that ignores a filter counts other customers' rows. So if `totalCount` is selected, rows are counted
        here for subscribers, and for everybody if there are conditions, which the system may ignore as well.
        """
        windows = [key.window for key in keys if key.window is not None]
        if len(windows) < len(keys) or (len(keys) > 1 and len({key.parent for key in keys}) > 1):
            return None
        if self._counts() and (not self.context.viewer.is_staff or keys[0].conditions is not None):
            return None
        if len(windows) == 1:
            return windows[0]
        start = min(window.offset for window in windows)
        limit = max(window.offset + window.limit for window in windows) - start
        return Window(start, limit) if limit <= 2 * sum(window.limit for window in windows) else None

    def _counts(self) -> bool:
        """Whether `totalCount` is selected."""
        return "total_count" in (self.context.fields(self.connection) or {"total_count"})

    async def _wholes(self, keys: Sequence[RowsKey]) -> dict[RowsKey, Rows[R] | ConnectorError | NoLink]:
        conditions = keys[0].conditions
        parents = dict.fromkeys([key.parent for key in keys])
        lists = self._whole[conditions]
        readings = {parent: lists[parent] for parent in parents if parent in lists}
        if unread := [parent for parent in parents if parent not in readings]:
            readings.update(dict.fromkeys(unread, await self._read(unread, conditions)))
        found: dict[RowsKey, Rows[R] | ConnectorError | NoLink] = {}
        for key in keys:
            reading = readings[key.parent]
            rows = (reading.result() if reading.done() else await reading).get(key.parent)
            if rows is not None:
                found[key] = rows
        return found

    async def visible(self, found: Mapping[RowsKey, Any]) -> Mapping[RowsKey, Any]:
        """The visible rows. If a window loses rows to the ownership check, the whole list is read and filtered."""
        seen = dict(await super().visible(found))
        short = [key for key, rows in seen.items() if _lost(found[key], rows)]
        if short:
            groups: dict[Hashable, list[RowsKey]] = {}
            for key in short:
                groups.setdefault(key.conditions, []).append(key)
            for group in groups.values():
                seen.update(await super().visible(await self._wholes(group)))
        return seen

    async def _read(
        self, parents: Sequence[str], conditions: Hashable
    ) -> "asyncio.Future[Mapping[str, Rows[R] | ConnectorError]]":
        """The reading that has these parents' lists, when it is done."""
        reading: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        lists = self._whole[conditions]
        lists.update(dict.fromkeys(parents, reading))
        answers: Mapping[str, Any]
        try:
            answers = await self.rows(parents, None, conditions)
            answers.get(parents[0])  # an answer that is no mapping raises here, for all who wait
        except ConnectorError as failure:
            answers = dict.fromkeys(parents, failure)
        except BaseException as fault:
            for parent in parents:
                if lists.get(parent) is reading:
                    del lists[parent]  # a fault is not kept
            if isinstance(fault, Exception):
                reading.set_exception(fault)
                reading.exception()  # seen: it is raised here, too
            else:
                reading.cancel()
            raise
        reading.set_result(answers)
        return reading


def _lost(before: Any, after: Any) -> bool:
    return (
        isinstance(before, Rows)
        and isinstance(after, Rows)
        and not before.complete
        and len(after.items) < len(before.items)
    )


def all_rows(rows: Rows[Any] | None) -> Sequence[Any]:
    """The rows of a short list; empty for None."""
    return [] if rows is None else rows.items
