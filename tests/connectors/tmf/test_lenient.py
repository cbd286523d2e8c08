"""Rows as official examples and real systems spell them: read leniently, kept exactly."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import pytest
from aiohttp import web

from connectors.billing.port import BillState, ChargeKind
from connectors.crm.port import CustomerStatus, ProductStatus
from connectors.errors import ConnectorError, Garbled
from connectors.records import STRANGERS, UNNAMED, Known, Money, Owners, Period, Rows
from tests.connectors.canned import canned, reading


async def one(resource: str, call: str, row: dict[str, Any] | str, **profile: Any) -> Any:
    """The record that a driver makes of one row."""
    text = row if isinstance(row, str) else json.dumps(row)
    domain, method = call.split(".")
    async with canned(**{resource: f"[{text}]"}) as server, reading(server, profile=profile) as c:
        return (await getattr(getattr(c, domain), method)(["1"], None))["1"]


@pytest.mark.parametrize("number", ["0.1", "19.90", "-3.0000000000000000001", "12345678901234567.89", "5", "1e2"])
async def test_money_is_exact(number: str) -> None:
    bill = await one("customerBill", "billing.bills", f'{{"id":"1","amountDue":{{"unit":"eur ","value":{number}}}}}')
    assert bill.amount_due == Money(Decimal(number), "EUR")


@pytest.mark.parametrize("money", [{"unit": "EUR"}, {"value": 1}, {"unit": "", "value": 1}, {}, None])
async def test_half_an_amount_is_none(money: Any) -> None:
    assert (await one("customerBill", "billing.bills", {"id": "1", "amountDue": money})).amount_due is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-05-16T23:38:55Z", datetime(2026, 5, 16, 23, 38, 55, tzinfo=UTC)),
        ("2026-05-16T23:38:55.120+02:00", datetime(2026, 5, 16, 21, 38, 55, 120000, tzinfo=UTC)),
        ("2026-05-16T23:38:55+0200", datetime(2026, 5, 16, 21, 38, 55, tzinfo=UTC)),
        ("2026-05-16 23:38:55", datetime(2026, 5, 16, 21, 38, 55, tzinfo=UTC)),  # Stockholm in summer
        ("2026-01-04T00:00", datetime(2026, 1, 3, 23, 0, tzinfo=UTC)),
        ("2026-01-04", datetime(2026, 1, 3, 23, 0, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
async def test_dates(text: str | None, wanted: datetime | None) -> None:
    product = await one("product", "crm.products", {"id": "1", "startDate": text}, timezone="Europe/Stockholm")
    assert product.started_at == wanted
    assert wanted is None or product.started_at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "zone", "wanted"),
    [
        ("2026-11-11", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-11 00:00:00", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-11T00:00:00Z", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-10T23:00:00Z", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-10T22:59:59Z", "Europe/Stockholm", (10, "+01:00")),
        ("2026-11-11T00:00:00+01:00", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-11T23:59:59+01:00", "Europe/Stockholm", (11, "+01:00")),
        ("2026-11-11T05:00:00Z", "America/New_York", (11, "-05:00")),
        ("2026-11-11T00:00:00Z", "America/New_York", (10, "-05:00")),
        ("2026-11-11T00:00:00+01:00", "UTC", (10, "+00:00")),
        # Without a zone in the profile, the system's own words count.
        ("2026-11-11T00:00:00Z", None, (11, "+00:00")),
        ("2026-11-11T00:00:00+01:00", None, (11, "+01:00")),
        ("2026-11-11", None, (11, "+00:00")),
        ("9999-12-31T23:59:59Z", None, None),
        ("0001-01-01T00:00:00Z", "America/New_York", None),
        ("soon", None, None),
        (None, None, None),
    ],
)
async def test_a_day_is_the_systems_and_ends_with_its_midnight(
    text: str | None, zone: str | None, wanted: tuple[int, str] | None
) -> None:
    row = {"id": "1", "billDate": text, "paymentDueDate": text}
    bill = await one("customerBill", "billing.bills", row, **({"timezone": zone} if zone else {}))

    day = None if wanted is None else date(2026, 11, wanted[0])
    assert (bill.bill_date, bill.due_date) == (day, day)
    assert type(bill.due_date) is (date if wanted else NoneType)
    end = None if wanted is None else f"2026-11-{wanted[0] + 1}T00:00:00{wanted[1]}"
    assert (bill.overdue_from and bill.overdue_from.isoformat()) == end


async def test_the_midnight_after_a_day_is_that_of_the_next_days_offset() -> None:
    row = {"id": "1", "paymentDueDate": "2026-10-24T22:00:00Z"}  # the clocks go back on 25 October
    bill = await one("customerBill", "billing.bills", row, timezone="Europe/Stockholm")
    assert (bill.due_date, bill.overdue_from.isoformat()) == (date(2026, 10, 25), "2026-10-26T00:00:00+01:00")


async def test_periods_the_wrong_way_round_and_open_ones() -> None:
    period = {"startDateTime": "2026-02-01T00:00:00+01:00", "endDateTime": "2026-01-01T00:00:00Z"}
    bill = await one("customerBill", "billing.bills", {"id": "1", "billingPeriod": period})
    assert bill.period == Period(date(2026, 1, 1), date(2026, 2, 1))
    bill = await one("customerBill", "billing.bills", {"id": "1", "billingPeriod": {"endDateTime": "2026-01-01"}})
    assert bill.period == Period(None, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("aborted ", ProductStatus.ABORTED),
        ("pendingactive", ProductStatus.PENDING_ACTIVE),
        ("ACTIVE", ProductStatus.ACTIVE),
        ("Verkauft", ProductStatus.UNKNOWN),
        (None, ProductStatus.UNKNOWN),
    ],
)
async def test_status_words(word: str | None, wanted: ProductStatus) -> None:
    product = await one("product", "crm.products", {"id": "1", "status": word})
    assert (product.status, product.raw_status) == (wanted, word)


async def test_nulls_stand_for_nothing() -> None:
    customer = {"id": 1, "contactMedium": None, "engagedParty": None, "status": "Approved", "name": None}
    record = await one("customer", "crm.customers", customer)
    assert (record.id, record.email, record.party_id, record.status) == ("1", None, None, CustomerStatus.ACTIVE)
    lists: tuple[str, ...] = ("relatedParty", "productPrice", "productTerm", "realizingService", "billingAccount")
    product = await one("product", "crm.products", {"id": "1", **dict.fromkeys(lists)})
    assert (product.customer_ids, product.service_ids, product.price, product.account_id) == ((), (), None, None)
    lists = ("relatedParty", "billDocument", "appliedPayment", "billingPeriod", "billingAccount", "amountDue")
    bill = await one("customerBill", "billing.bills", {"id": "1", **dict.fromkeys(lists)})
    assert (bill.customer_ids, bill.documents, bill.payment_ids, bill.state) == ((), (), (), BillState.UNKNOWN)
    lists = ("relatedParty", "note", "attachment", "relatedEntity", "priority")
    ticket = await one("troubleTicket", "ticketing.tickets", {"id": "1", **dict.fromkeys(lists)})
    assert (ticket.customer_ids, ticket.notes, ticket.attachments, ticket.service_ids) == ((), (), (), ())
    lists = ("relatedParty", "place", "supportingService", "supportingResource")
    service = await one("service", "inventory.services", {"id": "1", **dict.fromkeys(lists)})
    assert (service.customer_ids, service.site_id, service.part_ids, service.resource_ids) == ((), None, (), ())


@pytest.mark.parametrize(
    ("parties", "owners"),
    [
        ([{"id": "7", "role": "Customer"}, {"id": "8", "role": "assignee", "@referredType": "Customer"}], ("7",)),
        ([{"id": 7, "@referredType": "customer"}, {"id": "", "@referredType": "customer"}], ("7",)),
        ([{"id": "7"}, {"id": "8", "role": ""}, {"role": "customer"}], ()),
        (
            [{"id": "7", "role": "customer"}, {"id": "9", "role": "CUSTOMER "}, {"id": 7, "role": "customer"}],
            ("7", "9"),
        ),
        (
            # ids of parties, which are no customer numbers even where they look like one
            [
                {"id": str(n), "role": "customer", "@referredType": kind}
                for n, kind in enumerate(("Individual", "Organization", "Party", " CUSTOMER", "customer", None))
            ],
            ("3", "4", "5"),
        ),
        ([{"id": "7", "role": "salesAgent", "@referredType": "Customer"}, {"id": "8", "@referredType": "Party"}], ()),
    ],
)
async def test_who_owns_a_row(parties: Sequence[Any], owners: tuple[str, ...]) -> None:
    ticket = await one("troubleTicket", "ticketing.tickets", {"id": "1", "relatedParty": parties})
    assert ticket.customer_ids == owners


async def test_a_system_may_call_its_customers_something_else() -> None:
    parties = [{"id": "7", "role": "buyer", "@referredType": "PartyRole"}, {"id": "8", "role": "customer"}]
    profile = {"party_roles": ["buyer"], "party_types": ["partyRole"]}
    ticket = await one("troubleTicket", "ticketing.tickets", {"id": "1", "relatedParty": parties}, **profile)
    assert ticket.customer_ids == ("7",)


@pytest.mark.parametrize(
    ("party", "owners"),
    [
        ({"role": "customer", "@referredType": "Individual"}, ("7",)),
        ({"role": "customer"}, ("7",)),
        ({"role": "customer", "@referredType": "Customer"}, ()),
        ({"@referredType": "Customer"}, ()),
        ({"role": "customer", "@type": "Customer"}, ()),
        ({"role": "customer", "@type": "RelatedParty"}, ("7",)),
    ],
)
async def test_where_customers_are_known_by_their_party_a_customers_own_number_is_none(
    party: dict[str, str], owners: tuple[str, ...]
) -> None:
    row = {"id": "1", "relatedParty": [{"id": "7", **party}]}
    ticket = await one("troubleTicket", "ticketing.tickets", row, party_types=["Individual", "Organization", "Party"])
    assert ticket.customer_ids == owners


async def test_the_type_of_an_entry_counts_where_it_is_a_partys() -> None:
    row = {"id": "1", "relatedParty": [{"id": "7", "role": "customer", "@type": "Individual"}]}
    assert (await one("troubleTicket", "ticketing.tickets", row)).customer_ids == ()


async def test_a_role_in_the_place_of_the_type_says_nothing_of_the_id_where_the_profile_says_so() -> None:
    row = {"id": "1", "relatedParty": [{"id": "P7", "@referredType": "customer"}, {"id": "8", "@referredType": "x"}]}
    parties = {"party_types": ["Individual", "Organization", "Party"]}
    assert (await one("troubleTicket", "ticketing.tickets", row, **parties)).customer_ids == ()
    known = await one("troubleTicket", "ticketing.tickets", row, **parties, party_type_is_role=True)
    assert known.customer_ids == ("P7",)


@pytest.mark.parametrize(
    ("parties", "owners"),
    [
        ([], UNNAMED),
        ([{"id": "7", "role": "reporter", "@referredType": "Individual"}], UNNAMED),
        ([{"id": "", "role": "customer", "@referredType": "Individual"}], UNNAMED),
        ([{"id": "7", "role": "customer", "@referredType": "Individual"}], STRANGERS),
        (
            [{"id": "7", "role": "customer"}, {"id": "8", "role": "customer", "@referredType": "Individual"}],
            Known(("7",)),
        ),
    ],
)
async def test_a_row_whose_customer_is_of_another_type_is_not_one_that_names_nobody(
    parties: list[Any], owners: Owners
) -> None:
    bill = await one("customerBill", "billing.bills", {"id": "1", "relatedParty": parties})
    assert bill.owners == owners


@pytest.mark.parametrize(
    ("payer", "owners"),
    [
        ({"id": "7", "role": "payer", "@referredType": "Customer"}, ("7",)),
        ({"id": "7", "role": "payer", "@referredType": "Individual"}, ()),
        ({"id": "7", "role": "customer"}, ()),
        ({"id": "", "@referredType": "Customer"}, ()),
        (None, ()),
    ],
)
async def test_a_payer_owns_a_payment_only_where_it_says_that_it_is_a_customer(payer: Any, owners: Any) -> None:
    payment = await one("payment", "billing.payments", {"id": "1", "payer": payer, "account": {"id": "A"}})
    assert (payment.customer_ids, payment.account_id) == (owners, "A")


async def test_usage_is_its_customers_and_nobody_elses() -> None:
    def party(key: str, role: str, kind: str = "Customer") -> list[dict[str, str]]:
        return [{"id": key, "role": role, "@referredType": kind}]

    rows = [
        {"relatedParty": party("1", "customer"), "bucketRefOrValue": [{"id": "own"}]},
        {"relatedParty": party("1", "salesAgent"), "bucketRefOrValue": [{"id": "sold"}]},
        {"relatedParty": party("1", "customer", "Individual"), "bucketRefOrValue": [{"id": "of a person"}]},
        {
            "relatedParty": party("1", "customer"),
            "bucketRefOrValue": [
                {"id": "others", "relatedParty": party("2", "customer")},
                {"id": "used", "relatedParty": party("9", "user", "Individual")},
            ],
        },
    ]
    async with canned(queryUsageConsumption=json.dumps({"usageConsumption": rows})) as server, reading(server) as c:
        found = await c.usage.usage_of_customers(["1", "3"])
    assert {key: [bucket.id for bucket in rows.items] for key, rows in found.items()} == {"1": ["own", "used"]}


NOTES: list[tuple[str | None, bool, dict[str, Any]]] = [
    ("Note", False, {}),
    (" note ", False, {}),
    ("comments", False, {}),
    ("InternalNote", True, {}),
    ("work_notes", True, {}),
    ("SomethingNew", True, {}),
    (None, False, {}),
    (" ", False, {}),
    (None, True, {"untyped_notes_public": False}),
    ("Note", True, {"public_note_types": ["customerNote"]}),
    ("CUSTOMERNOTE", False, {"public_note_types": ["customerNote "]}),
]


@pytest.mark.parametrize(("kind", "internal", "profile"), NOTES)
async def test_a_note_is_internal_unless_its_type_is_known_to_be_public(
    kind: str | None, internal: bool, profile: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    notes = [{"text": "x"} | ({} if kind is None else {"@type": kind})] * 2
    ticket = await one("troubleTicket", "ticketing.tickets", {"id": "1", "note": notes}, **profile)
    assert [note.internal for note in ticket.notes] == [internal] * 2
    told = [line for line in caplog.messages if "public_note_types" in line]
    assert len(told) == (kind == "SomethingNew" or ("public_note_types" in profile and internal))


@pytest.mark.parametrize(
    "value", ['"NaN"', '"sNaN"', '"Infinity"', '"-Infinity"', "1e3000000", "1e-3000000", "9" * 35, '"0e99999"']
)
async def test_amounts_that_are_none(value: str, caplog: pytest.LogCaptureFixture) -> None:
    amount = f'{{"unit": "EUR", "value": {value}}}'
    row = f'{{"id": "1", "amountDue": {amount}, "remainingAmount": {amount}}}'
    bill = await one("customerBill", "billing.bills", row)
    assert (bill.amount_due, bill.remaining_amount, bill.is_open) == (None, None, True)
    assert len([line for line in caplog.messages if "not finite" in line]) == 1
    bucket = (
        f'{{"id": "b", "remainingValue": {{"amount": {value}}}, "relatedParty": [{{"id": "1", "role": "customer"}}]}}'
    )
    task = f'{{"usageConsumption": [{{"bucketRefOrValue": [{bucket}]}}]}}'
    async with canned(queryUsageConsumption=task) as server, reading(server) as c:
        found = (await c.usage.usage_of_customers(["1"]))["1"]
    assert [one.remaining for one in found.items] == [None]


async def test_ids_of_any_length_are_put_in_order() -> None:
    keys = ["TT-10", "TT-9", "TT-" + "9" * 5000, "TT-010"]
    rows = [{"id": key, "relatedParty": [{"id": "1", "role": "customer"}]} for key in keys]
    profile = {"sort": False, "paging": "none"}
    async with canned(product=json.dumps(rows)) as server, reading(server, profile=profile) as c:
        found = (await c.crm.products_of_customers(["1"], None, None))["1"]
    assert [one.id for one in found.items] == ["TT-9", "TT-010", "TT-10", keys[2]]


async def test_what_is_unknown_or_odd_does_not_cost_the_row() -> None:
    resource = {"id": "1", "@type": "PhotonicResource", "newInV5": [{}], "value": 46, "category": None}
    record = await one("resource", "inventory.resources", resource | {"resourceSpecification": {"name": "ONT"}})
    assert (record.is_physical, record.value, record.kind) == (None, "46", "ONT")
    rate = {"id": "1", "bill": {"id": 1}, "type": "One Time", "taxExcludedAmount": {"unit": "EUR", "value": -2.5}}
    async with (
        canned(appliedCustomerBillingRate=json.dumps([rate])) as server,
        reading(server, profile={"paging": "none"}) as c,
    ):
        found = (await c.billing.charges_of_bills(["1"], None))["1"]
    assert isinstance(found, Rows)
    assert (found.items[0].kind, found.items[0].amount) == (ChargeKind.ONE_TIME, Money(Decimal("-2.5"), "EUR"))


async def test_a_list_under_another_name_is_not_guessed() -> None:
    async with canned(customer='{"items": []}') as server, reading(server) as c:
        found = await c.crm.customers(["1"], None)
    assert isinstance(found["1"], ConnectorError)
    assert "answered with an object instead of a list" in found["1"].detail


async def test_a_usage_task_is_asked_for_until_it_is_done() -> None:
    owner = [{"id": "1", "role": "customer"}]
    bucket = {"id": "b", "remainingValue": {"amount": 1.5, "units": "GB"}, "relatedParty": owner}
    other = {"id": "c", "relatedParty": [{"id": "2", "role": "customer"}]}
    states = iter(["accepted", "inProgress", "done"])

    def task() -> str:
        rows = [{"state": next(states), "bucketRefOrValue": [bucket, other]}]
        return json.dumps({"id": "T 1", "usageConsumption": rows})

    async def post(_: web.Request) -> web.Response:
        return web.Response(text=task(), status=201)

    async def get(_: web.Request) -> web.Response:
        return web.Response(text=task())

    async with canned(queryUsageConsumption=post, **{"T 1": get}) as server, reading(server) as c:
        found = await c.usage.usage_of_customers(["1"])
    assert set(found) == {"1"}
    rows = found["1"]
    assert isinstance(rows, Rows)
    assert [(row.id, row.remaining, row.used, row.allowance, row.unit) for row in rows.items] == [
        ("b", Decimal("1.5"), None, None, "GB")
    ]
    path = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
    assert server.seen == [path, f"{path}/T%201", f"{path}/T%201"]


async def test_usage_that_is_no_task() -> None:
    async with canned(queryUsageConsumption="[]") as server, reading(server) as c:
        assert type((await c.usage.usage_of_customers(["1"]))["1"]) is Garbled


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_rows_that_came_for_a_customer_and_name_nobody_are_told(version: str) -> None:
    accounts = json.dumps([{"id": "A"}, {"id": "B", "relatedParty": []}])
    async with (
        canned(billingAccount=accounts) as server,
        reading(server, profile={"version": version, "paging": "none"}) as c,
    ):
        assert await c.billing.accounts_of_customers(["1"], None) == {}
        (told,) = c.billing.http.health.losses
    assert told.endswith(
        "billingAccount rows that were asked for by customer have no relatedParty, so that they are left out"
    )
