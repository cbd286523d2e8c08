"""Loaders for usage: what is used of allowances."""

from collections.abc import Sequence

from typing_extensions import override

from connectors.records import Found, Rows
from connectors.usage.port import UsageAllowance
from resolvers.context import Loader, customer_ownership


class UsageByCustomer(Loader[str, Rows[UsageAllowance]]):
    """Usage allowances by customer number."""

    domain = "usage"
    ownership = customer_ownership

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        return await self.context.connectors.usage.usage_of_customers(keys)
