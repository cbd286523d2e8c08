"""Loaders of lists that hang under a parent: one window for one parent, everything for many (decision 8)."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from connectors.errors import ConnectorError
from connectors.records import Found, Rows, Window
from resolvers.context import Loader
from resolvers.paging import After, Before, First, Last, window

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class RowsKey:
    """One parent's list: whose, by which conditions, and the window of it that is wanted (None: everything)."""

    parent: str
    conditions: Hashable = None
    window: Window | None = None


class RowsLoader(Loader[RowsKey, Rows[R]], Generic[R]):
    """Loads lists per parent. What was read whole is not read again, whatever window is asked for next."""

    missing: ClassVar[Any] = None

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._whole: dict[tuple[str, Hashable], asyncio.Future[Rows[R] | ConnectorError | None]] = {}

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[R]]:
        """Ask the port. A window comes only with a single parent."""
        raise NotImplementedError

    async def fetch(self, keys: Sequence[RowsKey]) -> dict[RowsKey, Rows[R] | ConnectorError]:
        """Lists by key; lists under the same conditions are asked for together."""
        groups: dict[Hashable, list[RowsKey]] = {}
        for key in keys:
            groups.setdefault(key.conditions, []).append(key)
        found: dict[RowsKey, Rows[R] | ConnectorError] = {}
        for part in await asyncio.gather(*(self._group(group) for group in groups.values())):
            found.update(part)
        return found

    async def _group(self, keys: Sequence[RowsKey]) -> dict[RowsKey, Rows[R] | ConnectorError]:
        first = keys[0]
        if len(keys) == 1 and first.window is not None and (first.parent, first.conditions) not in self._whole:
            found = await self.rows([first.parent], first.window, first.conditions)
            return {first: found[first.parent]} if first.parent in found else {}
        unread = [k for k in dict.fromkeys(key.parent for key in keys) if (k, first.conditions) not in self._whole]
        if unread:
            await self._read(unread, first.conditions)
        answers = {key: await self._whole[key.parent, first.conditions] for key in keys}
        return {key: rows for key, rows in answers.items() if rows is not None}

    async def _read(self, parents: Sequence[str], conditions: Hashable) -> None:
        loop = asyncio.get_running_loop()
        waiting = {parent: loop.create_future() for parent in parents}
        self._whole.update({(parent, conditions): future for parent, future in waiting.items()})
        try:
            found = await self.rows(parents, None, conditions)
        except ConnectorError as failure:
            found = dict.fromkeys(parents, failure)
        except BaseException:
            for future in waiting.values():
                future.cancel()
            raise
        for parent, future in waiting.items():
            future.set_result(found.get(parent))


def own_rows(
    parent: Any, first: First = None, after: After = None, last: Last = None, before: Before = None
) -> RowsKey:
    """The part of the parent's list that a connection's arguments name. Raises `BadInput`."""
    return RowsKey(parent.id, None, window(first, after, last, before))


def items(rows: Rows[Any] | None) -> Sequence[Any]:
    """All rows of a short list, as a plain list."""
    return [] if rows is None else rows.items
