"""TMF677 usage consumption: what is used of each allowance this month."""

from calendar import monthrange
from datetime import date
from decimal import Decimal

from sandbox.data import identities, inventory, shapes
from sandbox.data.shapes import Row
from sandbox.data.subscriber import EXAMPLE
from sandbox.data.world import World


def _month(today: date) -> Row:
    last = today.replace(day=monthrange(today.year, today.month)[1])
    return {"startDateTime": shapes.stamp(today.replace(day=1)), "endDateTime": f"{last:%Y-%m-%d}T23:59:59Z"}


def consumptions(world: World, number: int) -> list[Row]:
    """Return one consumption for each of the customer's products that has an allowance (the mobile ones)."""
    who = world.subscriber(number)
    rows = []
    month, stamp = _month(world.today), shapes.stamp(world.today, 6)
    for position, kind in enumerate(who.kinds, 1):
        if kind != "mobile":
            continue
        offer = who.offer(position)
        account = next(a for a, paid in enumerate(who.accounts, 1) if position in paid)
        party = shapes.customer_party(who.id, who.name)
        product = shapes.ref(shapes.PRODUCT, identities.product_id(who, position), offer.name, "Product")
        service = shapes.ref(shapes.SERVICE, f"SVC-{number}-{position}", offer.name, "CustomerFacingService")
        allowances = (
            ("data", "Mobile data", Decimal(offer.gigabytes), "GB"),
            ("voice", "Voice minutes", Decimal(500), "min"),
            ("sms", "Text messages", Decimal(500), "sms"),
        )
        buckets = []
        for index, (usage_type, name, allowance, units) in enumerate(allowances):
            share = 62 - index * 17 if number == EXAMPLE else who.draw[10 + index] % 101
            used = allowance * share / 100
            used = shapes.cents(used) if units == "GB" else used.quantize(Decimal(1))
            buckets.append(
                {
                    "id": f"BUCKET-{number}-{position}-{index + 1}",
                    "name": name,
                    "usageType": usage_type,
                    "isShared": False,
                    "status": "active",
                    "remainingValue": {"amount": allowance - used, "units": units},
                    "remainingValueName": f"{allowance - used} {units}",
                    "validFor": month,
                    "bucketCounter": [
                        {
                            "counterType": "used",
                            "level": "global",
                            "value": {"amount": used, "units": units},
                            "valueName": f"{used} {units}",
                            "consumptionPeriod": month,
                        }
                    ],
                    "relatedParty": [party],
                    "product": [product],
                }
            )
        rows.append(
            {
                "id": f"USAGE-{number}-{position}",
                "name": offer.name,
                "creationDate": stamp,
                "lastUpdate": stamp,
                "state": "done",
                "validPeriod": month,
                "relatedParty": [party],
                "partyAccount": [
                    shapes.ref(
                        shapes.ACCOUNT,
                        identities.account_id(who, account),
                        identities.account_name(who, account),
                        "BillingAccount",
                    )
                ],
                "product": [product],
                "service": [service],
                "logicalResource": [
                    item.ref() for item in inventory.equipment(who) if item.first == position and item.kind == "MSISDN"
                ],
                "bucketRefOrValue": buckets,
                "@type": "UsageConsumption",
            }
        )
    return rows
