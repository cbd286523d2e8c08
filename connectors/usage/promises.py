"""The promises of a usage driver, for the conformance suite."""

from typing import Final

from connectors.conformance.promises import Keyed, Promises
from connectors.usage.port import UsageAllowance

USAGE: Final = Promises(
    methods=(
        Keyed(
            "usage_of_customers",
            "customer",
            UsageAllowance,
            lambda driver, keys, _window, _fields: driver.usage_of_customers(keys),
            lambda row: row.customer_ids,
            many=True,
            projected=False,
        ),
    ),
    kinds={},
)
