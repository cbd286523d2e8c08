"""The data of all four systems, generated from a seed, customer by customer, on first use."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Final

from sandbox.data.shapes import Row
from sandbox.data.subscriber import CUSTOMERS_PER_CABINET, FIRST_CUSTOMER, Subscriber, subscriber

TODAY: Final = date(2026, 11, 22)
"""The sandbox's default date, so that the same seed gives the same data on any day."""
_KEPT: Final = 512


class World:
    """A seeded population of customers, numbered from 1001. Rows are generated on first use; `generated` counts them.

    Dates of bills and tickets are relative to `today`; ``None`` means the real date. Rows of the last few hundred
    customers are cached.
    """

    def __init__(self, seed: int = 1, customers: int = 1000, today: date | None = TODAY) -> None:
        if customers < 2:
            raise ValueError(f"customers is {customers}; at least 2 are needed (1001 and 1002)")
        self.seed = seed
        self.customers = customers
        self.today = today or datetime.now(UTC).date()
        self.generated = 0
        self._started = monotonic()
        self.subscriber: Callable[[int], Subscriber] = lru_cache(maxsize=200_000)(self._subscriber)
        self.rows: Callable[[Callable[[World, int], Sequence[Row]], int], dict[str, Row]] = lru_cache(
            maxsize=_KEPT * 4
        )(self._rows)

    @property
    def numbers(self) -> range:
        """All customer numbers, ascending."""
        return range(FIRST_CUSTOMER, FIRST_CUSTOMER + self.customers)

    @property
    def cabinets(self) -> range:
        """All street cabinet numbers, ascending."""
        return range(1, (self.customers - 1) // CUSTOMERS_PER_CABINET + 2)

    def in_cabinet(self, cabinet: int) -> range:
        """Return the numbers of the customers who are connected to a cabinet."""
        first = FIRST_CUSTOMER + (cabinet - 1) * CUSTOMERS_PER_CABINET
        return range(first, min(first + CUSTOMERS_PER_CABINET, self.numbers.stop))

    def now(self) -> datetime:
        """Return the current time of this world, which starts at noon of `today`."""
        noon = datetime(self.today.year, self.today.month, self.today.day, 12, tzinfo=UTC)
        return noon + timedelta(seconds=monotonic() - self._started)

    def _subscriber(self, number: int) -> Subscriber:
        return subscriber(self.seed, number)

    def _rows(self, make: Callable[["World", int], Sequence[Row]], shard: int) -> dict[str, Row]:
        self.generated += 1
        return {row["id"]: row for row in make(self, shard)}
