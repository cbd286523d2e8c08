"""What the benchmark's upstream knows: 1,000 customers in TM Forum v4 shapes, the same in every run.

Customer n has two accounts with five bills each, four services with a resource each, and one or two open tickets. Lists
are kept in the order that everybody asks for: bills and tickets newest first, all else by id.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

CUSTOMERS: Final = 1000
FIRST: Final = 1001
"""Number of the first customer; the others follow."""

PATHS: Final[Mapping[str, str]] = {
    "customer": "/tmf-api/customerManagement/v4/customer",
    "billingAccount": "/tmf-api/accountManagement/v4/billingAccount",
    "customerBill": "/tmf-api/customerBillManagement/v4/customerBill",
    "service": "/tmf-api/serviceInventory/v4/service",
    "resource": "/tmf-api/resourceInventoryManagement/v4/resource",
    "troubleTicket": "/tmf-api/troubleTicket/v4/troubleTicket",
}
"""Resource to path; all four systems at one address."""

Row = dict[str, Any]


def rows_of(resource: str) -> list[Row]:
    """All rows of a resource."""
    return [row for n in range(CUSTOMERS) for row in _MAKERS[resource](n)]


def _id(n: int) -> str:
    return str(FIRST + n)


def _row(resource: str, key: str, **attributes: Any) -> Row:
    kind = resource[0].upper() + resource[1:]
    return {"id": key, "href": f"{PATHS[resource]}/{key}", "@type": kind, **attributes}


def _parties(n: int) -> list[Row]:
    return [{"id": _id(n), "name": _name(n), "role": "customer", "@referredType": "Customer"}]


def _name(n: int) -> str:
    return f"{('Ivan', 'Maja', 'Erik', 'Sofia', 'Anton')[n % 5]} {('Svensson', 'Lind', 'Berg')[n % 3]} {n}"


def _money(k: int) -> Row:
    # Never a whole number: JavaScript would write 20.0 as 20.
    return {"unit": "EUR", "value": 10 + k % 90 + (1 + k % 99) / 100}


def _customers(n: int) -> Iterator[Row]:
    media = [
        {"mediumType": "email", "preferred": True, "characteristic": {"emailAddress": f"c{_id(n)}@example.org"}},
        {"mediumType": "phone", "preferred": False, "characteristic": {"phoneNumber": f"+46 70 000 {_id(n)}"}},
    ]
    party = {"id": f"P{_id(n)}", "name": _name(n), "@referredType": "Individual"}
    status = ("active", "active", "suspended")[n % 3]
    yield _row("customer", _id(n), name=_name(n), status=status, contactMedium=media, engagedParty=party)


def _accounts(n: int) -> Iterator[Row]:
    for place in (1, 2):
        yield _row(
            "billingAccount",
            f"A{_id(n)}-{place}",
            name=("Household", "Business")[place - 1],
            state="active",
            accountType="postpaid",
            accountBalance=[{"balanceType": "ReceivableBalance", "amount": _money(n * 7 + place)}],
            relatedParty=_parties(n),
        )


def _bills(n: int) -> Iterator[Row]:
    for month in range(11, 6, -1):
        for place in (1, 2):
            key = f"B{_id(n)}-{place}-{month:02}"
            account = {"id": f"A{_id(n)}-{place}", "@referredType": "BillingAccount"}
            yield _row(
                "customerBill",
                key,
                billNo=f"{_id(n)}-{place}-2026-{month:02}",
                state=("sent", "settled", "partiallyPaid")[(n + month) % 3],
                billDate=f"2026-{month:02}-0{place}T00:00:00+00:00",
                paymentDueDate=f"2026-{month:02}-2{place}T00:00:00+00:00",
                amountDue=_money(n + month * place),
                remainingAmount=_money(n + month),
                taxIncludedAmount=_money(n + month * place),
                billingAccount=account,
                relatedParty=_parties(n),
            )


def _services(n: int) -> Iterator[Row]:
    for place in range(1, 5):
        resource = {"id": f"R{_id(n)}-{place}", "@referredType": "Resource"}
        yield _row(
            "service",
            f"S{_id(n)}-{place}",
            name=("Fibre 500", "Mobile L", "TV Family", "Voice")[place - 1],
            category="CFS",
            serviceType=("broadband", "mobile", "tv", "voice")[place - 1],
            state=("active", "active", "suspended", "active")[(n + place) % 4],
            startDate=f"2025-0{place}-01T08:00:00+00:00",
            supportingService=[{"id": f"RFS{_id(n)}-{place}", "supportingResource": [resource]}],
            relatedParty=_parties(n),
        )


def _resources(n: int) -> Iterator[Row]:
    for place in range(1, 5):
        yield _row(
            "resource",
            f"R{_id(n)}-{place}",
            name=f"{('ONT', 'SIM', 'Set-top box', 'Number')[place - 1]} {_id(n)}",
            category=("ONT", "SIM", "STB", "MSISDN")[place - 1],
            resourceStatus="available",
            serialNumber=f"SN{_id(n)}{place}",
        )


def _tickets(n: int) -> Iterator[Row]:
    for place in range(1 + n % 2, 0, -1):
        yield _row(
            "troubleTicket",
            f"T{_id(n)}-{place}",
            name=("No connection in the evenings", "Bill is too high")[place - 1],
            description="It began last week, and happens every evening between eight and ten.",
            ticketType="complaint",
            status=("inProgress", "acknowledged")[place - 1],
            severity=("major", "minor")[place - 1],
            creationDate=f"2026-11-1{place}T09:30:00+00:00",
            relatedParty=_parties(n),
        )


_MAKERS: Final = {
    "customer": _customers,
    "billingAccount": _accounts,
    "customerBill": _bills,
    "service": _services,
    "resource": _resources,
    "troubleTicket": _tickets,
}
