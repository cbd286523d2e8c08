"""Converts v4 rows, queries and request bodies to and from TM Forum v5.

`PATHS` lists the v5 paths; `version5_rows` has the attributes that single resources rename. `row_of` converts a row to
v5, `with_v4_paths` a v5 query to one that finds the rows, `body_of` a v5 request body to v4. The shapes are those of
the v5 files of TMF621, 629, 632, 637, 638, 639, 656, 666, 677 and 678; payments and geographic sites have no v5 file
and stay unchanged.
"""

from dataclasses import replace
from typing import Any, Final

from sandbox.data import shapes
from sandbox.data.shapes import Row
from sandbox.protocol.query import Query
from sandbox.protocol.version5_rows import RENAMED, REPORT, service

PATHS: Final[dict[str, str]] = {
    shapes.CUSTOMER: "/tmf-api/customerManagement/v5/customer",
    shapes.INDIVIDUAL: "/tmf-api/party/v5/individual",
    shapes.ORGANIZATION: "/tmf-api/party/v5/organization",
    shapes.PRODUCT: "/tmf-api/productInventory/v5/product",
    shapes.ACCOUNT: "/tmf-api/accountManagement/v5/billingAccount",
    shapes.BILL: "/tmf-api/customerBillManagement/v5/customerBill",
    shapes.RATE: "/tmf-api/customerBillManagement/v5/appliedCustomerBillingRate",
    shapes.USAGE: "/tmf-api/usageConsumption/v5/queryUsageConsumption",
    shapes.SERVICE: "/tmf-api/serviceInventory/v5/service",
    shapes.RESOURCE: "/tmf-api/resourceInventoryManagement/v5/resource",
    shapes.TICKET: "/tmf-api/troubleTicket/v5/troubleTicket",
    shapes.PROBLEM: "/tmf-api/serviceProblemManagement/v5/serviceProblem",
}
"""v4 path of a resource: its v5 path, in the form that the files' examples have in href."""

FILTERS: Final[dict[str, str]] = {
    "relatedParty.partyOrPartyRole.id": "relatedParty.id",
    "relatedEntity.entity.id": "relatedEntity.id",
    "place.place.id": "place.id",
    "contactMedium.emailAddress": "contactMedium.characteristic.emailAddress",
    "contactMedium.phoneNumber": "contactMedium.characteristic.phoneNumber",
    "externalIdentifier.id": "externalId",
    "formattedName": "fullName",
}
"""v5 filter path: the v4 path by which rows are found without making everybody's."""

_EMBEDDING: Final = (shapes.CUSTOMER, shapes.INDIVIDUAL, shapes.ORGANIZATION, shapes.PRODUCT)
"""Resources whose related party may be given by value; the others only refer."""

_TYPES: Final[dict[str, str]] = {
    "account": "AccountRef",
    "accountBalance": "AccountBalance",
    "affectedResource": "ResourceRef",
    "affectedService": "ServiceRef",
    "appliedTax": "AppliedBillingTaxRate",
    "attachment": "Attachment",
    "bill": "CustomerBillRef",
    "billDocument": "Attachment",
    "billStructure": "BillStructure",
    "billingAccount": "BillingAccountRef",
    "bucket": "Bucket",
    "bucketCounter": "BucketCounter",
    "channel": "ChannelRef",
    "cycleSpecification": "BillingCycleSpecification",
    "defaultPaymentMethod": "PaymentMethodRef",
    "engagedParty": "PartyRef",
    "format": "BillFormat",
    "logicalResource": "LogicalResourceRef",
    "note": "Note",
    "partyAccount": "PartyAccountRef",
    "payment": "PaymentRef",
    "presentationMedia": "BillPresentationMedia",
    "price": "Price",
    "priceAlteration": "PriceAlteration",
    "product": "ProductRef",
    "productOffering": "ProductOfferingRef",
    "productPrice": "ProductPrice",
    "productTerm": "ProductTerm",
    "realizingResource": "ResourceRef",
    "realizingService": "ServiceRef",
    "resourceSpecification": "ResourceSpecificationRef",
    "serviceSpecification": "ServiceSpecificationRef",
    "statusChangeHistory": "StatusChange",
    "supportingResource": "ResourceRef",
    "taxItem": "TaxItem",
    "troubleTicket": "TroubleTicketRef",
}
"""Attribute: the @type that v5 wants on the objects in it, where they say none."""

_MEDIA: Final = {
    "email": "EmailContactMedium",
    "telephoneNumber": "PhoneContactMedium",
    "postalAddress": "GeographicAddressContactMedium",
}
_CHARACTERISTICS: Final = {bool: "Boolean", str: "String", int: "Integer", dict: "Object"}


def with_v4_paths(query: Query) -> Query:
    """Return the query with v4 paths, to find the rows that may match. The v5 rows are then tested by the v5 query."""
    return replace(
        query,
        groups=tuple(
            tuple(replace(condition, path=FILTERS.get(condition.path, condition.path)) for condition in group)
            for group in query.groups
        ),
    )


def row_of(path: str, row: Row) -> Row:
    """Return the row of the resource whose v4 path is `path` as v5 has it."""
    if path not in PATHS and path != REPORT:
        return row
    return _walked(RENAMED.get(path, dict)(row), path)


def _walked(row: Row, path: str) -> Row:
    return {key: _value(key, value, path) for key, value in row.items()}


def _value(key: str, value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [_value(key, item, path) for item in value]
    if isinstance(value, dict):
        return _object(key, value, path)
    return _href(value) if key == "href" else value


def _object(key: str, value: Row, path: str) -> Row:
    if key in ("relatedParty", "originatorParty", "responsibleParty"):
        return _party(value, path)
    if key == "relatedEntity":
        return _nested(value, "entity", "EntityRef", "RelatedEntity")
    if key in ("place", "affectedLocation"):
        outer = "RelatedPlaceRef" if path == shapes.RESOURCE else "RelatedPlaceRefOrValue"
        return _nested(value, "place", "PlaceRef", outer)
    if key == "contactMedium":
        return _medium(value)
    if key == "supportingService":
        return _walked(service(value), path)
    if key == "characteristic" or key.endswith("Characteristic"):
        return _walked({"@type": _characteristic(value.get("value")), **value}, path)
    found = _walked({k: v for k, v in value.items() if k != "isRef"}, path)
    return found if "@type" in found or key not in _TYPES else found | {"@type": _TYPES[key]}


def _characteristic(value: Any) -> str:
    """Return the type of a characteristic with this value."""
    array = "Array" if isinstance(value, list) else ""
    first = (value[0] if value else "") if isinstance(value, list) else value
    return f"{_CHARACTERISTICS.get(type(first), 'Number')}{array}Characteristic"


def _href(value: Any) -> Any:
    """Return the address under v5 of a resource that is known by its v4 one."""
    if not isinstance(value, str):
        return value
    above, _, ident = value.rpartition("/")
    return f"{PATHS[above]}/{ident}" if above in PATHS else value


def _nested(value: Row, inner: str, inner_type: str, outer_type: str) -> Row:
    """Return a v4 reference with its role put outside."""
    reference = {k: _href(v) if k == "href" else v for k, v in value.items() if k != "role"} | {"@type": inner_type}
    role = {"role": value["role"]} if "role" in value else {}
    return role | {inner: reference, "@type": outer_type}


def _party(value: Row, path: str) -> Row:
    """Return a related party; a customer is a party role, with the party behind it where its number tells (P1001)."""
    outer = "RelatedPartyOrPartyRole" if path in _EMBEDDING else "RelatedPartyRefOrPartyRoleRef"
    if value.get("@referredType") != "Customer":
        return _nested(value, "partyOrPartyRole", "PartyRef", outer)
    behind = {"partyId": f"P{value['id']}"} if str(value["id"]).isdigit() else {}
    named = {"partyName": value["name"]} if "name" in value else {}
    return _nested(value | behind | named, "partyOrPartyRole", "PartyRoleRef", outer)


def party_by_value(reference: Row) -> Row:
    """Return the party or party role by value, with the attributes of its reference."""
    found = {key: reference[key] for key in ("id", "href", "name") if key in reference}
    if reference.get("@type") != "PartyRoleRef":
        return found | {"@type": reference["@referredType"]}
    behind = {"id": reference.get("partyId", ""), "name": reference.get("partyName", ""), "@type": "PartyRef"}
    return found | {"engagedParty": behind, "@type": "PartyRole"}


def _medium(value: Row) -> Row:
    kind = _MEDIA.get(value.get("mediumType", ""), "ContactMedium")
    kept: Row = {k: v for k, v in value.items() if k not in ("mediumType", "characteristic")}
    inside: Row = value.get("characteristic", {})
    return kept | inside | {"@type": kind}


def event_of(event: Row) -> Row:
    """Return an event with its time under the name that v5 has for it, and a type."""
    found = {("timeOccurred" if k == "timeOcurred" else k): v for k, v in event.items()}
    return found | {"@type": event["eventType"]}


def body_of(path: str, body: Row) -> Row:
    """Return a v5 request body for the resource with v4 path `path` in v4's shape."""
    if path not in PATHS:
        return body
    found = {key: _flat(key, value) for key, value in body.items() if key != "externalIdentifier"}
    if isinstance(named := body.get("externalIdentifier"), list) and named and isinstance(named[0], dict):
        found["externalId"] = named[0].get("id")
    if path == shapes.ORGANIZATION and "name" in body:
        found.setdefault("tradingName", body["name"])
    if path == shapes.SERVICE and body.get("state") == "suspended":
        found["state"] = "inactive"
    return found


def _flat(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_flat(key, item) for item in value]
    if not isinstance(value, dict):
        return value
    for inner in ("partyOrPartyRole", "entity", "place"):
        if isinstance(value.get(inner), dict):
            kept = {k: v for k, v in value[inner].items() if k not in ("@type", "partyId", "partyName")}
            return kept | ({"role": value["role"]} if "role" in value else {})
    if key == "contactMedium":
        kind = next((name for name, known in _MEDIA.items() if known == value.get("@type")), "other")
        outside = ("id", "preferred", "validFor")
        inside = {k: v for k, v in value.items() if k not in (*outside, "@type")}
        return {k: v for k, v in value.items() if k in outside} | {"mediumType": kind, "characteristic": inside}
    return {k: _flat(k, v) for k, v in value.items()}
