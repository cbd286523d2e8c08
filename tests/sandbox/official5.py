"""The official TM Forum v5 definitions as JSON schemas, closed so that a misspelt attribute is an error."""

from functools import cache
from importlib.util import find_spec
from typing import Any

import jsonschema

from tests.sandbox.official import SPECS, formats

FILES = {
    "Customer": "TMF629_CustomerManagement_v5",
    "Individual": "TMF632_Party_v5",
    "Organization": "TMF632_Party_v5",
    "Product": "TMF637_ProductInventory_v5",
    "BillingAccount": "TMF666_AccountManagement_v5",
    "CustomerBill": "TMF678_CustomerBill_v5",
    "AppliedCustomerBillingRate": "TMF678_CustomerBill_v5",
    "QueryUsageConsumption": "TMF677_UsageConsumption_v5",
    "UsageConsumptionReport": "TMF677_UsageConsumption_v5",
    "Service": "TMF638_ServiceInventory_v5",
    "Resource": "TMF639_ResourceInventory_v5",
    "TroubleTicket": "TMF621_TroubleTicket_v5",
    "ServiceProblem": "TMF656_ServiceProblem_v5",
}
# Our own subclass, which a discriminator that lists the standard's cannot know.
SUBCLASS = {"InternalNote": "Note"}
MISSING = (
    f"no official specs at {SPECS}; set TMF_SPECS"
    if not SPECS.is_dir()
    else ""
    if find_spec("yaml")
    else "PyYAML, which reads the official v5 files, is not installed"
)
"""Why nothing can be held against them; empty if it can."""
_HERE = "#/components/schemas/"


@cache
def _schemas(file: str) -> dict[str, Any]:
    import yaml  # may be absent: see MISSING

    with (SPECS / f"{file}.yaml").open() as text:
        found: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)["components"]["schemas"]
    return found


def _flattened(file: str, name: str) -> tuple[dict[str, Any], list[str]]:
    """Return attributes and required ones of a definition and of all that it is made from."""
    definition = _schemas(file)[name]
    attributes: dict[str, Any] = {}
    required: list[str] = []
    for part in [*definition.get("allOf", []), definition]:
        if "$ref" in part:
            more, needed = _flattened(file, part["$ref"].removeprefix(_HERE))
        else:
            more, needed = part.get("properties", {}), part.get("required", [])
        attributes, required = attributes | more, required + needed
    return attributes, required


def problems(resource: str, definition: str, document: Any) -> list[str]:
    """Return what is wrong with `document` as `definition` of the API that has `resource`.

    An object is held against the definition that its @type names, where the official discriminator knows that.
    """
    return list(_problems(FILES[resource], {"$ref": _HERE + definition}, document, ""))


def _problems(file: str, schema: dict[str, Any], document: Any, where: str) -> list[str]:
    if "$ref" not in schema:
        if schema.get("type") == "array" and isinstance(document, list):
            items = enumerate(document)
            return [p for i, item in items for p in _problems(file, schema["items"], item, f"{where}/{i}")]
        checker = jsonschema.Draft4Validator(schema, format_checker=formats)
        return [f"{where}: {error.message[:200]}" for error in checker.iter_errors(document)]
    name = schema["$ref"].removeprefix(_HERE)
    definition = _schemas(file)[name]
    mapping = definition.get("discriminator", {}).get("mapping", {})
    if isinstance(document, dict) and mapping:
        said = SUBCLASS.get(document.get("@type", ""), document.get("@type"))
        if said not in mapping:
            return [f"{where}: @type {said!r} is none of {sorted(mapping)} for {name}"]
        name = mapping[said].removeprefix(_HERE)
        definition = _schemas(file)[name]
    attributes, required = _flattened(file, name)
    if not attributes:
        return _problems(file, {k: v for k, v in definition.items() if k != "discriminator"}, document, where)
    if not isinstance(document, dict):
        return [f"{where}: {document!r} is not an object ({name})"]
    found = [f"{where}: {key} is missing ({name})" for key in required if key not in document]
    for key, value in document.items():
        if key in attributes:
            found += _problems(file, attributes[key], value, f"{where}/{key}")
        else:
            found.append(f"{where}: {key} is no attribute of {name}")
    return found
