"""Attributes and states that v5 renames in single resources."""

from collections.abc import Callable
from typing import Final

from sandbox.data import shapes
from sandbox.data.shapes import Row

REPORT: Final = "/tmf-api/usageConsumption/v5/usageConsumptionReport"
"""What v5 has besides the usage task; there is no v4 path."""


def _individual(row: Row) -> Row:
    found = {("formattedName" if k == "fullName" else k): v for k, v in row.items()}
    return found | ({"status": "deceased"} if row.get("status") == "deceaded" else {})


def _product(row: Row) -> Row:
    found = {("agreementItem" if k == "agreement" else k): v for k, v in row.items()}
    if "productPrice" in row:
        found["productPrice"] = [
            {("priceAlteration" if k == "productPriceAlteration" else k): v for k, v in price.items()}
            for price in row["productPrice"]
            if isinstance(price, dict)
        ]
    if "productTerm" in row:
        found["productTerm"] = [
            term | {"duration": {"amount": duration["amount"], "units": duration.get("units") or duration["unit"]}}
            if (duration := term.get("duration"))
            else term
            for term in row["productTerm"]
        ]
    return found | ({"creationDate": row["startDate"]} if "startDate" in row else {})


def _account(row: Row) -> Row:
    found = {("lastUpdate" if k == "lastModified" else k): v for k, v in row.items()}
    return found | {"ratingType": "postpaid"}


def _rate(row: Row) -> Row:
    return {("appliedBillingRateType" if k == "type" else k): v for k, v in row.items()}


def service(row: Row) -> Row:
    """v5 has the word for a suspended service that v4 lacks: in v4 the sandbox's are inactive."""
    state = row.get("state")
    found = row | {"@type": "Service" if "serviceSpecification" in row else "ServiceRef"}
    if state == "inactive":
        found["state"] = "suspended"
    if state is not None:
        found["operatingStatus"] = "running" if state == "active" else "stopped"
    return found


_STATES: Final[dict[str, Row]] = {
    "alarm": {"alarmStatus": ["critical"], "availabilityStatus": "failed", "allocationStatus": "allocated"},
    "available": {"availabilityStatus": "online", "allocationStatus": "allocated"},
    "reserved": {"availabilityStatus": "online", "allocationStatus": "reserved"},
    "standby": {"availabilityStatus": "offDuty", "allocationStatus": "allocated"},
    "suspended": {"availabilityStatus": "offline", "administrativeState": "locked", "allocationStatus": "allocated"},
    "unknown": {"unknownStatus": True},
}
"""v4 resourceStatus: the X.731 states that say it in v5."""
_OPERATIONAL: Final = {"enable": "enabled", "disable": "disabled"}
_ADMINISTRATIVE: Final = {"shutdown": "shuttingDown"}


def _resource(row: Row) -> Row:
    found = {k: v for k, v in row.items() if k != "resourceStatus"} | {"lifecycleState": "installed"}
    if "operationalState" in row:
        found["operationalState"] = _OPERATIONAL.get(row["operationalState"], row["operationalState"])
    if "administrativeState" in row:
        found["administrativeState"] = _ADMINISTRATIVE.get(row["administrativeState"], row["administrativeState"])
    if isinstance(row.get("place"), dict):
        found["place"] = [row["place"]]
    return found | _STATES.get(row.get("resourceStatus", ""), {})


def _ticket(row: Row) -> Row:
    found = {k: v for k, v in row.items() if k not in ("externalId", "statusChange")}
    if "externalId" in row:
        identifier = {"id": row["externalId"], "externalIdentifierType": "ticket", "@type": "ExternalIdentifier"}
        found["externalIdentifier"] = [identifier]
    if "statusChange" in row:
        names = {"changeDate": "statusChangeDate", "changeReason": "statusChangeReason"}
        found["statusChangeHistory"] = [{names.get(k, k): v for k, v in step.items()} for step in row["statusChange"]]
    return found


def _report(row: Row) -> Row:
    """Return a report as in v5: without service and state, and with its buckets under `bucket`."""
    found = {("bucket" if k == "bucketRefOrValue" else k): v for k, v in row.items() if k not in ("service", "state")}
    found["product"] = [{**product, "@type": "UsageConsumptionProductRef"} for product in row.get("product", [])]
    return found | {"href": f"{REPORT}/{row['id']}", "@type": "UsageConsumptionReport"}


def _task(row: Row) -> Row:
    found = {("creationDate" if k == "queryUsageConsumptionDate" else k): v for k, v in row.items()}
    found["usageConsumption"] = [_report(report) for report in row.get("usageConsumption", [])]
    return found | {"state": "done"}


RENAMED: Final[dict[str, Callable[[Row], Row]]] = {
    shapes.INDIVIDUAL: _individual,
    shapes.PRODUCT: _product,
    shapes.ACCOUNT: _account,
    shapes.RATE: _rate,
    shapes.USAGE: _task,
    shapes.SERVICE: service,
    shapes.RESOURCE: _resource,
    shapes.TICKET: _ticket,
    REPORT: _report,
}
"""By resource, the function that gives its own attributes their v5 names; shapes that all share come later."""
