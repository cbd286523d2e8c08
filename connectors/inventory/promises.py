"""The promises of an inventory driver, for the conformance suite."""

from typing import Final

from connectors.conformance.promises import Listed, Promises, Searched, by_own_id, by_parent_key, in_name
from connectors.inventory.port import Resource, Service, Site
from connectors.reading.texts import same

INVENTORY: Final = Promises(
    methods=(
        Listed("resource_list", Resource, lambda driver, window, fields: driver.resource_list(window, fields), "id"),
        by_own_id("resources", "resource", Resource),
        Searched(
            "resources_named",
            Resource,
            lambda driver, text, window, fields: driver.resources_named(text, window, fields),
            lambda row: (row.name, row.serial_number),
            lambda text, row: in_name(text, row) or same(row.serial_number, text),
        ),
        by_parent_key("services_of_customers", "customer", Service, "customer_ids", "id", windowed=True),
        by_own_id("services", "service", Service),
        by_parent_key("services_of_resources", "resource", Service, "resource_ids", ""),
        by_own_id("sites", "site", Site),
    ),
    kinds={Resource: "resource", Service: "service", Site: "site"},
    references={"part_ids": "service"},
)
