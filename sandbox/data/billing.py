"""Rows of the billing system: TMF666 accounts, TMF678 bills and their lines, TMF676 payments."""

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

from sandbox.data import identities, shapes
from sandbox.data.shapes import Row
from sandbox.data.subscriber import BillState, Subscriber, bill_date, months_before
from sandbox.data.world import World

DUE_DAYS = 30


def _account_ref(who: Subscriber, account: int) -> Row:
    ident = identities.account_id(who, account)
    return shapes.ref(shapes.ACCOUNT, ident, identities.account_name(who, account), "BillingAccount")


def payment_method(who: Subscriber) -> Row:
    """Return the customer's tokenised card: a reference that shows brand and last four digits, never a number."""
    brand = ("Visa", "Mastercard")[who.draw[13] % 2]
    return {
        "id": f"PM-{who.number}-1",
        "name": f"{brand} ending in {who.draw[12] * 37 % 10000:04d}",
        "@type": "PaymentMethodRef",
        "@referredType": "TokenizedCard",
    }


def bill_id(who: Subscriber, account: int, age: int) -> str:
    """Return a bill's id; bills of an account are counted from the oldest, age 0 is the newest."""
    return f"BILL-{who.number}-{account}-{who.bills - age:02d}"


def bill_numbers(world: World, number: int) -> list[str]:
    """Return the printed numbers of all bills of a customer."""
    who = world.subscriber(number)
    months = [_month(world.today, who.bill_age, age) for age in range(who.bills)]
    return [f"{number}-{account}-{month}" for account in range(1, len(who.accounts) + 1) for month in months]


@lru_cache
def _month(today: date, newest: int, age: int) -> str:
    return f"{months_before(today - timedelta(days=newest), age):%Y-%m}"


def bill_count(who: Subscriber) -> int:
    """Return how many bills a customer has."""
    return who.bills * len(who.accounts)


def _extra(who: Subscriber, account: int, age: int) -> str:
    return ("usage", "discount", "", "oneTime")[(who.number + account * 3 + age) % 4]


def rate_count(who: Subscriber) -> int:
    """Return how many bill lines a customer has."""
    return sum(
        len(paid) + bool(_extra(who, account, age))
        for account, paid in enumerate(who.accounts, 1)
        for age in range(who.bills)
    )


def payment_count(who: Subscriber) -> int:
    """Return how many payments a customer has made."""
    return sum(
        who.bill_state(account, age) in ("settled", "partiallyPaid")
        for account in range(1, len(who.accounts) + 1)
        for age in range(who.bills)
    )


def _lines(who: Subscriber, account: int, age: int) -> list[tuple[str, str, int, Decimal]]:
    """Return (type, name, service position, amount with tax) for each line of a bill; the sum is never negative."""
    paid = who.accounts[account - 1]
    found = [("recurring", f"{who.offer(p).name}, monthly fee", p, who.offer(p).price) for p in paid]
    draw = blake2b(bill_id(who, account, age).encode(), digest_size=2, key=who.draw).digest()
    extra, some = _extra(who, account, age), Decimal(draw[0] * 5 + draw[1] % 5 + 40) / 100
    if extra == "usage":
        found.append(("usage", "Calls outside the allowance", paid[-1], some))
    elif extra == "discount":
        found.append(("discount", "Loyalty discount", paid[0], -shapes.cents(found[0][3] / 10)))
    elif extra == "oneTime":
        found.append(("oneTime", "Invoice on paper", paid[0], Decimal("2.50")))
    return found


def _totals(who: Subscriber, account: int, age: int) -> tuple[Decimal, Decimal]:
    """Return a bill's amounts with and without tax: the sums of its lines."""
    gross = [amount for *_, amount in _lines(who, account, age)]
    return sum(gross, Decimal(0)), sum(map(shapes.without_tax, gross), Decimal(0))


def _paid(state: BillState, total: Decimal) -> Decimal:
    return {"settled": total, "partiallyPaid": shapes.cents(total * 2 / 5)}.get(state, Decimal(0))


def accounts(world: World, number: int) -> list[Row]:
    """Return the customer's billing accounts; the receivable balance is what the bills still want."""
    who = world.subscriber(number)
    bills = world.rows(customer_bills, number).values()
    since = shapes.stamp(world.today - timedelta(days=200 + who.draw[9] * 12))
    rows = []
    for account in range(1, len(who.accounts) + 1):
        ident = identities.account_id(who, account)
        owed = [b for b in bills if b["billingAccount"]["id"] == ident and b["state"] != "settled"]
        late = any(b["paymentDueDate"] < shapes.stamp(world.today) for b in owed)
        balance = sum((b["remainingAmount"]["value"] for b in owed), Decimal(0))
        rows.append(
            {
                "id": ident,
                "href": f"{shapes.ACCOUNT}/{ident}",
                "name": identities.account_name(who, account),
                "accountType": "business" if who.is_organization else "residential",
                "state": who.status,
                "paymentStatus": "in arrears" if late else "due" if owed else "paid",
                "lastModified": shapes.stamp(world.today - timedelta(days=who.bill_age)),
                "accountBalance": [
                    {
                        "balanceType": "ReceivableBalance",
                        "amount": shapes.money(balance),
                        "validFor": {"startDateTime": since},
                    }
                ],
                "billStructure": {
                    "cycleSpecification": {"name": "Monthly", "isRef": False, "frequency": "monthly"},
                    "format": {"name": "Detailed", "isRef": False},
                    "presentationMedia": [{"name": "E-bill", "isRef": False}],
                },
                "defaultPaymentMethod": payment_method(who),
                "relatedParty": [shapes.customer_party(who.id, who.name)],
                "@type": "BillingAccount",
            }
        )
    return rows


def _period(issued: date) -> Row:
    end = issued - timedelta(days=1)
    return {"startDateTime": shapes.stamp(months_before(issued, 1)), "endDateTime": shapes.stamp(end, 23, 59)}


def customer_bills(world: World, number: int) -> list[Row]:
    """Return the customer's bills, per account from the oldest to the newest."""
    who = world.subscriber(number)
    rows = []
    for account in range(1, len(who.accounts) + 1):
        for age in reversed(range(who.bills)):
            ident, issued = bill_id(who, account, age), bill_date(who, world.today, age)
            state = who.bill_state(account, age)
            gross, net = _totals(who, account, age)
            paid = _paid(state, gross)
            row: Row = {
                "id": ident,
                "href": f"{shapes.BILL}/{ident}",
                "billNo": f"{number}-{account}-{issued:%Y-%m}",
                "billDate": shapes.stamp(issued),
                "nextBillDate": shapes.stamp(months_before(issued, -1)),
                "paymentDueDate": shapes.stamp(issued + timedelta(days=DUE_DAYS)),
                "billingPeriod": _period(issued),
                "category": "normal",
                "runType": "onCycle",
                "state": state,
                "lastUpdate": shapes.stamp(issued, 4, 30),
                "amountDue": shapes.money(gross),
                "remainingAmount": shapes.money(gross - paid),
                "taxIncludedAmount": shapes.money(gross),
                "taxExcludedAmount": shapes.money(net),
                "taxItem": [{"taxCategory": "VAT", "taxRate": shapes.TAX_RATE, "taxAmount": shapes.money(gross - net)}],
                "billingAccount": _account_ref(who, account),
                "relatedParty": [shapes.customer_party(who.id, who.name)],
                "billDocument": [
                    {
                        "id": f"DOC-{ident}",
                        "name": f"bill-{number}-{account}-{issued:%Y-%m}.pdf",
                        "attachmentType": "bill",
                        "mimeType": "application/pdf",
                        "url": f"/documents/{ident}.pdf",
                    }
                ],
                "@type": "CustomerBill",
            }
            if paid:
                payment = shapes.ref(shapes.PAYMENT, f"PAY-{ident}-1", "Card payment", "Payment")
                row["appliedPayment"] = [{"appliedAmount": shapes.money(paid), "payment": payment}]
            rows.append(row)
    return rows


def billing_rates(world: World, number: int) -> list[Row]:
    """Return the lines of all the customer's bills; per bill they add up to its totals."""
    who = world.subscriber(number)
    rows = []
    for account in range(1, len(who.accounts) + 1):
        for age in reversed(range(who.bills)):
            bill, issued = bill_id(who, account, age), bill_date(who, world.today, age)
            for line, (kind, name, position, gross) in enumerate(_lines(who, account, age), 1):
                ident, net = f"RATE-{bill}-{line}", shapes.without_tax(gross)
                rows.append(
                    {
                        "id": ident,
                        "href": f"{shapes.RATE}/{ident}",
                        "date": shapes.stamp(issued),
                        "name": name,
                        "type": kind,
                        "isBilled": True,
                        "bill": {"id": bill, "href": f"{shapes.BILL}/{bill}", "@referredType": "CustomerBill"},
                        "billingAccount": _account_ref(who, account),
                        "product": shapes.ref(
                            shapes.PRODUCT, identities.product_id(who, position), who.offer(position).name, "Product"
                        ),
                        "periodCoverage": _period(issued),
                        "taxIncludedAmount": shapes.money(gross),
                        "taxExcludedAmount": shapes.money(net),
                        "appliedTax": [
                            {"taxCategory": "VAT", "taxRate": shapes.TAX_RATE, "taxAmount": shapes.money(gross - net)}
                        ],
                        "@type": "AppliedCustomerBillingRate",
                    }
                )
    return rows


def payments(world: World, number: int) -> list[Row]:
    """Return the payments that settled, fully or in part, the customer's bills."""
    who = world.subscriber(number)
    rows = []
    for account in range(1, len(who.accounts) + 1):
        for age in reversed(range(who.bills)):
            gross, _ = _totals(who, account, age)
            paid = _paid(who.bill_state(account, age), gross)
            if not paid:
                continue
            bill, issued = bill_id(who, account, age), bill_date(who, world.today, age)
            ident = f"PAY-{bill}-1"
            on = shapes.stamp(min(issued + timedelta(days=5 + who.draw[11] % 20), world.today), 9, 15)
            rows.append(
                {
                    "id": ident,
                    "href": f"{shapes.PAYMENT}/{ident}",
                    "correlatorId": f"CORR-{bill}",
                    "name": "Card payment",
                    "paymentDate": on,
                    "status": "done",
                    "statusDate": on,
                    "account": _account_ref(who, account),
                    "amount": shapes.money(shapes.without_tax(paid)),
                    "taxAmount": shapes.money(paid - shapes.without_tax(paid)),
                    "totalAmount": shapes.money(paid),
                    "payer": shapes.customer_party(who.id, who.name) | {"role": "payer"},
                    "paymentItem": [
                        {
                            "id": "1",
                            "item": {"id": bill, "href": f"{shapes.BILL}/{bill}", "@referredType": "CustomerBill"},
                            "totalAmount": shapes.money(paid),
                        }
                    ],
                    "paymentMethod": payment_method(who),
                    "@type": "Payment",
                }
            )
    return rows
