"""Batch reads for a product that reads one key per call: concurrent calls, or the whole list if that is cheaper."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.crm.bottlecrm.client import ReadListPage, Rest
from connectors.errors import ConnectorError
from connectors.reading.rows import Row, RowPage

T = TypeVar("T")


class BatchReader:
    """Reads many keys. `share` is the number of rows in a list that cost as much as one call; 0 never reads lists."""

    def __init__(self, rest: Rest, share: int) -> None:
        self._rest, self._share = rest, share
        self._sizes: dict[str, int] = {}  # the last known total of each list

    async def whole_list_if_cheaper(self, name: str, read: ReadListPage[Row], count: int) -> RowPage[Row] | None:
        """The whole list `name` if it costs less than `count` calls; else None.

        While the list's total is unknown, a page is read that costs no more than these calls.
        """
        limit = min(count * self._share, self._rest.http.system.max_rows)
        if count < 2 or not limit or self._sizes.get(name, 0) > limit:
            return None
        first = await read(0, min(limit, self._rest.page_size))
        self._sizes[name] = first.total
        return await self._rest.everything(read, first) if first.total <= limit else None

    async def for_each_key(
        self, keys: Sequence[str], ask: Callable[[str], Awaitable[T | ConnectorError | None]]
    ) -> dict[str, T | ConnectorError]:
        """Results by key, with one call per key, as `HttpClient.for_each`. A key without a result is absent."""
        answers = await self._rest.http.for_each(keys, ask)
        return {key: one for key, one in zip(keys, answers, strict=True) if one is not None}
