"""The official TM Forum v4 definitions as JSON schemas, closed so that a misspelt attribute is an error."""

import json
import os
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

# For formats that are not checked here, jsonschema would import it, which compiles 38 grammars for two seconds.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as Python documents it: its import fails

import jsonschema  # noqa: E402

SPECS = Path(os.environ.get("TMF_SPECS") or Path(__file__).parents[2].parent / "shared" / "tmf" / "specs")

FILES = {
    "Customer": "TMF629_CustomerManagement_v4",
    "Individual": "TMF632_Party_v4",
    "Organization": "TMF632_Party_v4",
    "Product": "TMF637_ProductInventory_v4",
    "BillingAccount": "TMF666_AccountManagement_v4",
    "CustomerBill": "TMF678_CustomerBill_v4",
    "AppliedCustomerBillingRate": "TMF678_CustomerBill_v4",
    "Payment": "TMF676_Payment_v4",
    "QueryUsageConsumption": "TMF677_UsageConsumption_v4",
    "Service": "TMF638_ServiceInventory_v4",
    "Resource": "TMF639_ResourceInventory_v4",
    "GeographicSite": "TMF674_GeographicSite_v4",
    "TroubleTicket": "TMF621_TroubleTicket_v4",
    "ServiceProblem": "TMF656_ServiceProblem_v4",
}
# Attributes of the subclass that @type names; the file only has the superclass. Every object may say its @type.
SUBCLASS = {
    ("TMF639_ResourceInventory_v4", "Resource"): {"serialNumber", "value"},  # PhysicalResource, LogicalResource
    ("TMF674_GeographicSite_v4", "PlaceRefOrValue"): {"streetName", "streetNr", "city", "postcode", "country"},
}
# Defects of the official file: Resource_Update asks for id and href and defines neither.
NOT_REQUIRED = {("TMF639_ResourceInventory_v4", "Resource_Update"): {"id", "href"}}

formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@cache
def _definitions(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SPECS / f"{file}.json").read_text())["definitions"]
    for name, definition in found.items():
        if definition.get("properties"):
            more = {"@type"} | SUBCLASS.get((file, name), set())
            definition["properties"] |= {key: {} for key in more if key not in definition["properties"]}
            definition["additionalProperties"] = False
        if loose := NOT_REQUIRED.get((file, name)):
            definition["required"] = [key for key in definition["required"] if key not in loose]
    return found


def definitions(resource: str) -> dict[str, Any]:
    """Return all definitions of the file that defines `resource`."""
    return _definitions(FILES[resource])


def problems(resource: str, definition: str, document: Any) -> list[str]:
    """Return what is wrong with `document` as `definition` of the API that has `resource`."""
    schema = {"$ref": f"#/definitions/{definition}", "definitions": definitions(resource)}
    checker = jsonschema.Draft4Validator(schema, format_checker=formats)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in checker.iter_errors(document)]
