"""Many keys of a product that reads one at a time: side by side, or the whole list where that costs less."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.crm.bottlecrm.client import ReadListPage, Rest
from connectors.errors import ConnectorError
from connectors.reading.rows import Row, RowPage

T = TypeVar("T")


class BatchReader:
    """`share` are the rows of a list that cost as much as one question of their own; 0 never reads a list."""

    def __init__(self, rest: Rest, share: int) -> None:
        self._rest, self._share = rest, share
        self._sizes: dict[str, int] = {}  # rows that each list last said there are

    async def whole_list_if_cheaper(self, name: str, read: ReadListPage[Row], count: int) -> RowPage[Row] | None:
        """The whole list `name`, where so many questions would cost more; else None.

        How long it is has to be learned once, by a page that costs no more than the questions.
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
        """One call per key; a failure costs its own key. See `HttpClient.for_each`."""
        answers = await self._rest.http.for_each(keys, ask)
        return {key: one for key, one in zip(keys, answers, strict=True) if one is not None}
