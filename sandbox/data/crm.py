"""Rows of the CRM: TMF629 customers, TMF632 individuals and organizations, TMF637 products."""

from datetime import timedelta
from typing import Final

from sandbox.data import identities, inventory, shapes
from sandbox.data.shapes import Row
from sandbox.data.subscriber import Subscriber
from sandbox.data.world import World

BILLING_NUMBER: Final = "billingNumber"
"""Name of the characteristic that holds the number by which another system may know the customer."""

_STATUS = {"Active": "active", "Suspended": "suspended", "Closed": "terminated"}


def party_ref(who: Subscriber) -> Row:
    """Return the reference to the party behind the customer."""
    if who.is_organization:
        return shapes.ref(shapes.ORGANIZATION, identities.party_id(who), who.name, "Organization")
    return shapes.ref(shapes.INDIVIDUAL, identities.party_id(who), who.name, "Individual")


def _contact(who: Subscriber) -> list[Row]:
    postal = {"mediumType": "postalAddress", "preferred": False, "characteristic": identities.address(who)}
    return [shapes.email_medium(who.email), shapes.phone_medium(who.phone), postal]


def customers(world: World, number: int) -> list[Row]:
    """Return the customer with `number` (one row)."""
    who = world.subscriber(number)
    since = world.today - timedelta(days=200 + who.draw[9] * 12)
    return [
        {
            "id": who.id,
            "href": f"{shapes.CUSTOMER}/{who.id}",
            "name": who.name,
            "status": who.status,
            "statusReason": {"Suspended": "Unpaid bills", "Closed": "Contract ended"}.get(who.status, ""),
            "validFor": {"startDateTime": shapes.stamp(since)},
            "engagedParty": party_ref(who),
            "account": [
                shapes.ref(
                    shapes.ACCOUNT, identities.account_id(who, a), identities.account_name(who, a), "BillingAccount"
                )
                for a in range(1, len(who.accounts) + 1)
            ],
            "contactMedium": _contact(who),
            "relatedParty": [party_ref(who) | {"role": "owner"}],
            "characteristic": [{"name": BILLING_NUMBER, "value": f"B-{who.id}"}],
            "@type": "Customer",
        }
    ]


def individuals(world: World, number: int) -> list[Row]:
    """Return the individual behind a customer; none if it is an organization."""
    who = world.subscriber(number)
    if who.is_organization:
        return []
    return [
        {
            "id": identities.party_id(who),
            "href": f"{shapes.INDIVIDUAL}/{identities.party_id(who)}",
            "givenName": who.given_name,
            "familyName": who.family_name,
            "fullName": who.name,
            "status": "validated",
            "languageAbility": [{"languageCode": ("sv", "en")[who.draw[6] % 2], "isFavouriteLanguage": True}],
            "contactMedium": _contact(who),
            "relatedParty": [shapes.customer_party(who.id, who.name)],
            "@type": "Individual",
        }
    ]


def organizations(world: World, number: int) -> list[Row]:
    """Return the organization behind a customer; none if it is a person."""
    who = world.subscriber(number)
    if not who.is_organization:
        return []
    return [
        {
            "id": identities.party_id(who),
            "href": f"{shapes.ORGANIZATION}/{identities.party_id(who)}",
            "name": who.name,
            "tradingName": who.name,
            "organizationType": "company",
            "isLegalEntity": True,
            "status": "closed" if who.status == "Closed" else "validated",
            "contactMedium": _contact(who),
            "relatedParty": [shapes.customer_party(who.id, who.name)],
            "@type": "Organization",
        }
    ]


def products(world: World, number: int) -> list[Row]:
    """Return the customer's products: one for each service."""
    who = world.subscriber(number)
    rows = []
    for position, kind in enumerate(who.kinds, 1):
        offer = who.offer(position)
        start = world.today - timedelta(days=60 + who.draw[5 + position] * 5)
        months = 24 if kind != "mobile" else 12
        term = timedelta(days=months * 30)
        end = start + term * (1 + max(0, (world.today - start) // term))
        account = next(a for a, paid in enumerate(who.accounts, 1) if position in paid)
        gross = offer.price
        ident = identities.product_id(who, position)
        price = {"taxIncludedAmount": shapes.money(gross), "dutyFreeAmount": shapes.money(shapes.without_tax(gross))}
        rows.append(
            {
                "id": ident,
                "href": f"{shapes.PRODUCT}/{ident}",
                "name": offer.name,
                "description": f"{offer.name}, monthly subscription",
                "isBundle": False,
                "isCustomerVisible": True,
                "status": _STATUS[who.status],
                "startDate": shapes.stamp(start),
                "productOffering": {"id": offer.id, "name": offer.name, "@referredType": "ProductOffering"},
                "productPrice": [
                    {
                        "name": "Monthly fee",
                        "priceType": "recurring",
                        "recurringChargePeriod": "month",
                        "price": price | {"taxRate": shapes.TAX_RATE},
                    }
                ],
                "productTerm": [
                    {
                        "name": "Contract",
                        "duration": {"amount": months, "units": "month"},
                        "validFor": {"startDateTime": shapes.stamp(start), "endDateTime": shapes.stamp(end)},
                    }
                ],
                "billingAccount": shapes.ref(
                    shapes.ACCOUNT,
                    identities.account_id(who, account),
                    identities.account_name(who, account),
                    "BillingAccount",
                ),
                "relatedParty": [shapes.customer_party(who.id, who.name)],
                "realizingService": [
                    shapes.ref(shapes.SERVICE, f"SVC-{number}-{position}", offer.name, "CustomerFacingService")
                ],
                "realizingResource": [
                    item.ref()
                    for item in inventory.equipment(who)
                    if item.first == position and item.kind in ("SIM", "ONT")
                ],
                "@type": "Product",
            }
        )
    return rows
