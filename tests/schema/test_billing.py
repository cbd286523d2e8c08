"""Bills, payments and usage: what is owed and when, in order, exactly."""

from tests.conftest import contract
from tests.stack import Stack


async def test_open_bills_come_by_due_date_and_are_not_paid(stack: Stack) -> None:
    document = """{ me {
      open: bills(state: OPEN) { totalCount nodes { dueDate isOpen isOverdue remainingAmount { amount } } }
      overdue: bills(state: OVERDUE) { totalCount }
      paid: bills(state: PAID) { totalCount }
      bills(first: 100) { totalCount nodes { billDate } }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]

    due = [bill["dueDate"] for bill in me["open"]["nodes"]]
    assert due == sorted(due)
    assert all(bill["isOpen"] and float(bill["remainingAmount"]["amount"]) > 0 for bill in me["open"]["nodes"])
    assert me["open"]["totalCount"] == 2
    assert me["open"]["totalCount"] + me["paid"]["totalCount"] == me["bills"]["totalCount"] == 14
    dates = [bill["billDate"] for bill in me["bills"]["nodes"]]
    assert dates == sorted(dates, reverse=True)


async def test_bills_are_sorted_as_asked(stack: Stack) -> None:
    document = """{ me {
      bills(first: 100) { nodes { id billDate } }
      due: bills(sort: DUE_FIRST, first: 100) { nodes { id dueDate } }
      old: bills(sort: OLDEST, first: 100) { nodes { id billDate } }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]

    ids = sorted(bill["id"] for bill in me["bills"]["nodes"])
    due, old = me["due"]["nodes"], me["old"]["nodes"]
    assert sorted(bill["id"] for bill in due) == sorted(bill["id"] for bill in old) == ids
    assert [bill["dueDate"] for bill in due] == sorted(bill["dueDate"] for bill in due)
    assert [bill["billDate"] for bill in old] == sorted(bill["billDate"] for bill in old)


async def test_payments_since_a_date(stack: Stack) -> None:
    document = """query($since: DateTime) {
      me { accounts { payments(since: $since, first: 100) { nodes { id paidAt } } } }
    }"""
    since = "2026-09-01T00:00:00+00:00"
    every = (await stack.ask(document, "1001")).clean()["me"]["accounts"]
    later = (await stack.ask(document, "1001", since=since)).clean()["me"]["accounts"]

    expected = [[one for one in account["payments"]["nodes"] if one["paidAt"] >= since] for account in every]
    assert [account["payments"]["nodes"] for account in later] == expected
    assert list(map(len, expected)) == [2, 3]


async def test_what_a_bill_calls_a_day_is_a_day(stack: Stack) -> None:
    document = """{ bill(id: "BILL-1001-1-05") { billDate dueDate period { start end } payments { paidAt } } }"""
    bill = (await stack.ask(document, "1001")).clean()["bill"]

    days = (bill["billDate"], bill["dueDate"], bill["period"]["start"], bill["period"]["end"])
    assert days == ("2026-09-12", "2026-10-12", "2026-08-12", "2026-09-11")
    assert [one["paidAt"][19:] for one in bill["payments"]] == ["+00:00"]


async def test_amounts_are_exact_strings(stack: Stack) -> None:
    bill = (await stack.ask(contract("BillDetail"), "1001", id="BILL-1001-1-05")).clean()["bill"]

    lines = sum(round(float(charge["amount"]["amount"]) * 100) for charge in bill["charges"])
    assert lines == round(float(bill["taxIncluded"]["amount"]) * 100)
    assert isinstance(bill["amountDue"]["amount"], str)


async def test_usage_adds_up(stack: Stack) -> None:
    usage = (await stack.ask("{ me { usage { used remaining allowance unit } } }", "1001")).clean()["me"]["usage"]

    assert len(usage) == 3
    assert all(one["used"] + one["remaining"] == one["allowance"] for one in usage)
