"""Ids, names and addresses that several systems use for the same things of a customer."""

from sandbox.data import names
from sandbox.data.shapes import Row
from sandbox.data.subscriber import Kind, Subscriber


def address(who: Subscriber) -> Row:
    """Return the customer's postal address as a contact medium characteristic."""
    street = names.STREETS[who.draw[6] % len(names.STREETS)]
    ending = names.STREET_ENDINGS[who.draw[7] % len(names.STREET_ENDINGS)]
    return {
        "street1": f"{street} {ending} {who.draw[8] % 99 + 1}",
        "city": names.DISTRICTS[(who.cabinet - 1) % len(names.DISTRICTS)],
        "postCode": f"{10000 + who.cabinet % 90000}",
        "country": "SE",
    }


def party_id(who: Subscriber) -> str:
    """Return the id of the party behind the customer."""
    return f"P{who.number}"


def account_id(who: Subscriber, account: int) -> str:
    """Return the id of the customer's billing account `account` (1 is the first)."""
    return f"BA-{who.number}-{account}"


def account_name(who: Subscriber, account: int) -> str:
    """Return the billing account's name: Mobile if it pays for nothing else, else Household or Business."""
    paid: set[Kind] = {who.kinds[position - 1] for position in who.accounts[account - 1]}
    if paid == {"mobile"}:
        return "Mobile"
    return "Business" if who.is_organization else "Household"


def product_id(who: Subscriber, position: int) -> str:
    """Return the id of the product that is realised by service `position`."""
    return f"PROD-{who.number}-{position}"
