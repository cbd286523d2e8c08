"""TM Forum shapes that several resources share: money, references, periods, dates."""

from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

Row = dict[str, Any]
"""One resource in TM Forum's JSON shape. Rows are shared between requests and must never be changed."""

CURRENCY: Final = "EUR"
TAX_RATE: Final = Decimal("0.25")
_CENT: Final = Decimal("0.01")

CUSTOMER: Final = "/tmf-api/customerManagement/v4/customer"
INDIVIDUAL: Final = "/tmf-api/party/v4/individual"
ORGANIZATION: Final = "/tmf-api/party/v4/organization"
PRODUCT: Final = "/tmf-api/productInventory/v4/product"
ACCOUNT: Final = "/tmf-api/accountManagement/v4/billingAccount"
BILL: Final = "/tmf-api/customerBillManagement/v4/customerBill"
RATE: Final = "/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"
PAYMENT: Final = "/payment/v4/payment"
USAGE: Final = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
SERVICE: Final = "/tmf-api/serviceInventory/v4/service"
RESOURCE: Final = "/tmf-api/resourceInventoryManagement/v4/resource"
SITE: Final = "/tmf-api/geographicSiteManagement/v4/geographicSite"
TICKET: Final = "/tmf-api/troubleTicket/v4/troubleTicket"
PROBLEM: Final = "/tmf-api/serviceProblemManagement/v4/serviceProblem"


def cents(value: Decimal) -> Decimal:
    """Return `value` with exactly two digits."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def money(value: Decimal) -> Row:
    """Return a TM Forum Money in EUR."""
    return {"unit": CURRENCY, "value": cents(value)}


def without_tax(value: Decimal) -> Decimal:
    """Return the net amount of a gross one."""
    return cents(value / (1 + TAX_RATE))


def ref(path: str, ident: str, name: str, referred: str) -> Row:
    """Return a reference to the resource `ident` under `path`."""
    return {"id": ident, "href": f"{path}/{ident}", "name": name, "@referredType": referred}


def customer_party(ident: str, name: str) -> Row:
    """Return the related party entry that names the customer."""
    return ref(CUSTOMER, ident, name, "Customer") | {"role": "customer"}


def stamp(moment: datetime | date, hour: int = 0, minute: int = 0) -> str:
    """Return RFC 3339 in UTC with ``Z``; a date is taken at `hour`:`minute`."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(hour, minute), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def email_medium(address: str) -> Row:
    """Return an e-mail contact medium."""
    return {"mediumType": "email", "preferred": True, "characteristic": {"emailAddress": address}}


def phone_medium(number: str) -> Row:
    """Return a mobile phone contact medium."""
    return {
        "mediumType": "telephoneNumber",
        "preferred": False,
        "characteristic": {"contactType": "mobile", "phoneNumber": number},
    }
