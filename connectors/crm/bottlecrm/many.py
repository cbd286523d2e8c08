"""Many keys of a product that reads one at a time: side by side, or the whole list where that costs less."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.crm.bottlecrm.client import ReadPart, Rest
from connectors.errors import ConnectorError
from connectors.reading.rows import Row, RowPage

T = TypeVar("T")


class Many:
    """`share` are the rows of a list that cost as much as one question of their own; 0 never reads a list."""

    def __init__(self, rest: Rest, share: int) -> None:
        self._rest, self._share = rest, share
        self._sizes: dict[str, int] = {}  # rows that each list last said there are

    async def worth(self, name: str, read: ReadPart[Row], count: int) -> RowPage[Row] | None:
        """The whole list `name`, where so many questions would cost more; else None.

        How long it is has to be learned once, by a page that costs no more than the questions.
        """
        worth = min(count * self._share, self._rest.http.system.max_rows)
        if count < 2 or not worth or self._sizes.get(name, 0) > worth:
            return None
        first = await read(0, min(worth, self._rest.page_size))
        self._sizes[name] = first.total
        return await self._rest.everything(read, first) if first.total <= worth else None

    async def each(
        self, keys: Sequence[str], ask: Callable[[str], Awaitable[T | ConnectorError | None]]
    ) -> dict[str, T | ConnectorError]:
        """One call per key; a failure costs its own key. See `HttpClient.each`."""
        answers = await self._rest.http.each(keys, ask)
        return {key: one for key, one in zip(keys, answers, strict=True) if one is not None}
