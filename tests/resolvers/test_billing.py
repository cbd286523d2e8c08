"""Rules of bills that no system states."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connectors.billing.port import Bill, BillState
from connectors.records import Money, owned_by
from resolvers.billing import is_overdue

DUE = datetime(2026, 11, 11, tzinfo=UTC)
DAY = DUE.date()
PRAGUE = timezone(timedelta(hours=1))


def bill(
    remaining: str | None = "1.00", state: BillState = BillState.SENT, due: date | None = DAY, **more: Any
) -> Bill:
    amount = None if remaining is None else Money(Decimal(remaining), "EUR")
    return Bill(id="b", owners=owned_by("1"), remaining_amount=amount, state=state, due_date=due, **more)


@pytest.mark.parametrize(
    ("now", "overdue"),
    [
        (DUE - timedelta(seconds=1), False),
        (DUE + timedelta(hours=23), False),
        (DUE + timedelta(days=1), True),
        (datetime(2026, 11, 12, 0, 30, tzinfo=PRAGUE), False),
    ],
)
def test_a_bill_is_in_time_on_its_day(now: datetime, overdue: bool) -> None:
    assert is_overdue(bill(), now) is overdue


def test_the_day_ends_where_the_system_is() -> None:
    one = bill(overdue_from=datetime(2026, 11, 12, tzinfo=PRAGUE))
    assert is_overdue(one, datetime(2026, 11, 11, 22, 59, 59, tzinfo=UTC)) is False
    assert is_overdue(one, datetime(2026, 11, 11, 23, tzinfo=UTC)) is True


@pytest.mark.parametrize(
    ("one", "open_"),
    [
        (bill("0.01"), True),
        (bill("0.00"), False),
        (bill("0.00", BillState.SENT), False),
        (bill("-5.00"), False),
        (bill(None, BillState.SENT), True),
        (bill(None, BillState.UNKNOWN), True),
        (bill(None, BillState.SETTLED), False),
    ],
)
def test_what_remains_decides_whether_a_bill_is_open(one: Bill, open_: bool) -> None:
    assert one.is_open is open_
    assert is_overdue(one, DUE + timedelta(days=9)) is open_


def test_no_due_date_is_never_overdue() -> None:
    assert is_overdue(bill(due=None), DUE + timedelta(days=900)) is False
