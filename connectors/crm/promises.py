"""The promises of a CRM driver, for the conformance suite."""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from connectors.conformance.promises import Keyed, Listed, Promises, Searched, by_own_id, by_parent_key, in_name, own_id
from connectors.crm.port import Customer, Party, Product
from connectors.crm.promised_writes import UpdateContact
from connectors.links import CustomerKey
from connectors.records import Fields, Window


def _parties(driver: Any, keys: Sequence[str], _: Window | None, fields: Fields | None) -> Awaitable[Any]:
    people = [Customer(id=key, party_id=key, party_kind="Individual") for key in keys]
    given: Awaitable[Any] = driver.parties(people, fields)
    return given


def _known_as(driver: Any, values: Sequence[str], _: Window | None, fields: Fields | None) -> Awaitable[Any]:
    given: Awaitable[Any] = driver.customers_known_as(CustomerKey("party"), values, fields)
    return given


def _reached_by(driver: Any, text: str, _: Window, fields: Fields | None) -> Any:
    return driver.customers_reached_by(text, fields)


CRM: Final = Promises(
    methods=(
        Listed(
            "customer_list",
            Customer,
            lambda driver, window, fields: driver.customer_list(window, fields),
            "id",
            {"by_name": (lambda driver, window, fields: driver.customer_list(window, fields, by_name=True), "name")},
        ),
        by_own_id("customers", "customer", Customer),
        Searched(
            "customers_named",
            Customer,
            lambda driver, text, window, fields: driver.customers_named(text, window, fields),
            lambda row: (row.name,),
            in_name,
        ),
        Searched(
            "customers_reached_by",
            Customer,
            _reached_by,
            lambda row: (row.email, row.phone),
            lambda text, row: True,  # It may be one of several addresses, of which the record holds the first.
            windowed=False,
            any_case=False,
        ),
        Keyed("parties", "party", Party, _parties, own_id),
        Keyed(
            "customers_known_as",
            "party",
            Customer,
            _known_as,
            lambda row: (row.party_id,),
            many=True,
            partial=True,
        ),
        by_parent_key("products_of_customers", "customer", Product, "customer_ids", "id", windowed=True),
        by_own_id("products", "product", Product),
        by_parent_key("products_of_services", "service", Product, "service_ids", ""),
    ),
    kinds={Customer: "customer", Party: "party", Product: "product"},
    writes=("update_contact",),
    writings=lambda trial: [UpdateContact(trial)],
)
