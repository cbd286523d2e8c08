"""The port to a usage system: what is used of allowances. By default it is the billing system."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from connectors.ports import batch
from connectors.records import Found, Owned, Rows


class UsageAllowance(Owned, frozen=True, kw_only=True):
    """TMF677 bucket: how much of an allowance a customer has used. Amounts are in `unit`."""

    id: str
    name: str | None = None
    usage_type: str | None = None
    used: Decimal | None = None
    remaining: Decimal | None = None
    unit: str | None = None
    resets_at: datetime | None = None

    @property
    def allowance(self) -> Decimal | None:
        """The sum of used and remaining, because TMF677 has no attribute for it; None if one of them is unknown."""
        return None if self.used is None or self.remaining is None else self.used + self.remaining


class UsagePort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    It may be raised if all keys failed.
    """

    @batch("customer_ids")
    async def usage_of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """All usage allowances per customer, in any order."""
