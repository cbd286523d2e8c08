"""How much of a bill is open: what was paid and is not yet taken off counts as paid."""

from decimal import Decimal

import pytest

from connectors.billing.port import Bill, Payment, PaymentStatus
from connectors.records import UNNAMED, Money
from resolvers.writing.billing import not_taken_off


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    ("remaining", "listed", "paid", "left_out"),
    [
        ("100", [], [], "0"),
        ("100", [], [("30", "DONE")], "30"),  # the bill does not show it yet
        ("70", [], [("30", "DONE")], "0"),  # the bill lists no payments, and has become less
        ("70", ["P0"], [("30", "DONE")], "0"),
        ("70", ["P0"], [("30", "DONE"), ("20", "DONE")], "20"),
        ("100", [], [("30", "PENDING")], "30"),
        ("100", [], [("30", "INITIALIZED"), ("20", "UNKNOWN")], "50"),
        ("100", [], [("30", "FAILED"), ("20", "CANCELLED")], "0"),
        ("50", [], [("30", "PENDING")], "30"),  # a credit note of 50
        ("20", [], [("30", "DONE"), ("30", "PENDING")], "30"),
        ("120", [], [("30", "DONE")], "30"),  # a fee for reminding
    ],
)
def test_what_is_paid_and_not_taken_off(
    remaining: str, listed: list[str], paid: list[tuple[str, str]], left_out: str
) -> None:
    bill = Bill(
        id="B1",
        owners=UNNAMED,
        tax_included=euros("100"),
        remaining_amount=euros(remaining),
        payment_ids=tuple(listed),
    )
    payments = [
        Payment(id=f"P{at}", bill_ids=("B1",), status=PaymentStatus[status], amount=euros(amount))
        for at, (amount, status) in enumerate(paid)
    ]
    strange = Payment(id="P9", bill_ids=("B2",), status=PaymentStatus.DONE, amount=euros("7"))
    assert not_taken_off(bill, [*payments, strange]) == Decimal(left_out)
