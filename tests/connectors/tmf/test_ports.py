"""Every question of every port against well-behaved systems: values, and how often the systems were asked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from connectors.billing.port import BillState, ChargeKind, PaymentStatus
from connectors.crm.port import CustomerStatus, ProductStatus
from connectors.inventory.port import ResourceStatus, ServiceState
from connectors.records import Document, Money, Rows, Window
from connectors.ticketing.port import TicketSeverity, TicketStatus
from sandbox.data import billing, crm, inventory, ticketing, usage
from sandbox.data.world import World
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.systems import Systems, asked

LISTS_OF_CUSTOMERS = {
    "crm.products_of_customers": (crm.products, "customer"),
    "billing.accounts_of_customers": (billing.accounts, "customer"),
    "billing.bills_of_customers": (billing.customer_bills, "customer"),
    "inventory.services_of_customers": (inventory.services, "customer"),
    "ticketing.tickets_of_customers": (ticketing.tickets, "customer"),
}


def rows_of(found: Any) -> list[Any]:
    """A key's rows; fails where the key failed."""
    assert isinstance(found, Rows), found
    return list(found.items)


async def test_customers_come_under_their_ids_and_strangers_are_absent(systems: Systems, world: World) -> None:
    async with connected(systems) as connectors:
        found = await connectors.crm.customers(["1002", "nobody", "1001", "1002"], None)
    assert set(found) == {"1001", "1002"}
    example = world.subscriber(1001)
    customer = found["1001"]
    assert (customer.id, customer.name, customer.status) == ("1001", example.name, CustomerStatus.ACTIVE)
    assert (customer.raw_status, customer.email, customer.phone) == ("Active", example.email, example.phone)
    assert (customer.party_id, customer.party_kind) == ("P1001", "Individual")
    assert asked(systems["crm"]) == [
        "GET /tmf-api/customerManagement/v4/customer?id=1002,nobody,1001&sort=id&limit=1000"
    ]


async def test_no_keys_no_call(systems: Systems) -> None:
    nothing = frozenset[str]()
    async with connected(systems) as c:
        crm_, bill, inv, tick = c.crm, c.billing, c.inventory, c.ticketing
        answers = [
            await crm_.customers([], nothing),
            await crm_.parties([], nothing),
            await crm_.products([""], nothing),
            await crm_.products_of_customers([], None, nothing),
            await crm_.products_of_services([], nothing),
            await bill.accounts([], nothing),
            await bill.accounts_of_customers([""], nothing),
            await bill.bills([], nothing),
            await bill.bills_of_accounts([], Window(0, 5), nothing),
            await bill.bills_of_customers([], None, nothing),
            await bill.charges_of_bills([], nothing),
            await bill.payments([], nothing),
            await bill.payments_of_accounts([], None, nothing),
            await c.usage.usage_of_customers([""]),
            await inv.services([], nothing),
            await inv.services_of_customers([""], Window(0, 5), nothing),
            await inv.services_of_resources([], nothing),
            await inv.resources([], nothing),
            await inv.sites([], nothing),
            await tick.tickets([], nothing),
            await tick.tickets_of_customers([], None, nothing, is_open=True),
            await tick.tickets_of_services([], nothing, is_open=None),
            await c.assurance.outages([], nothing),
            await c.assurance.open_outages_of_services([], nothing),
            await c.assurance.open_outages_of_resources([], nothing),
        ]
    assert answers == [{}] * len(answers)
    assert [asked(server) for server in systems.values()] == [[], [], [], []]


@pytest.mark.parametrize("method", LISTS_OF_CUSTOMERS)
async def test_lists_per_customer_are_whole_and_each_under_its_own(systems: Systems, world: World, method: str) -> None:
    domain, name = method.split(".")
    make, _ = LISTS_OF_CUSTOMERS[method]
    keys = [str(number) for number in world.numbers[:60]]
    more = {"bills_of_customers": {"window": None}, "accounts_of_customers": {}}.get(name, {"window": None})
    if domain == "ticketing":
        more["is_open"] = None
    async with connected(systems) as connectors:
        found = await getattr(getattr(connectors, domain), name)([*keys, "nobody"], fields=frozenset({"name"}), **more)
    for key in keys:
        wanted = {row["id"] for row in make(world, int(key)) if row.get("category") != "RFS"}
        assert {row.id for row in (found[key].items if key in found else ())} == wanted, key
        assert key not in found or (found[key].complete and found[key].total == len(wanted))
    assert "nobody" not in found
    assert len(asked(systems[domain])) == 1


@pytest.mark.parametrize(("offset", "limit"), [(0, 1), (0, 3), (2, 4), (5, 50), (13, 2), (99, 5)])
async def test_a_window_is_the_slice_of_the_whole(systems: Systems, offset: int, limit: int) -> None:
    name = frozenset({"name"})
    async with connected(systems) as c:
        for call, key, more in (
            (c.billing.bills_of_customers, "1001", {}),
            (c.billing.bills_of_accounts, "BA-1001-1", {}),
            (c.billing.payments_of_accounts, "BA-1001-1", {}),
            (c.crm.products_of_customers, "1001", {}),
            (c.inventory.services_of_customers, "1001", {}),
            (c.ticketing.tickets_of_customers, "1001", {"is_open": None}),
            (c.ticketing.tickets_of_customers, "1001", {"is_open": False}),
        ):
            await call([key.replace("1001", "1002")], None, name, **more)  # shows that the filter is obeyed
            whole = rows_of((await call([key], None, name, **more))[key])
            part = (await call([key], Window(offset, limit), name, **more))[key]
            cut = part.items[offset - part.offset :][:limit]
            assert [one.id for one in cut] == [one.id for one in whole[offset : offset + limit]], call
            is_sure = more.get("is_open") is None
            assert (part.complete, part.total) in (
                [(False, len(whole))]
                if is_sure
                else [(True, len(whole))]
                if offset
                else [(False, None), (False, len(whole))]
            )


async def test_lists_of_everything_come_in_windows(systems: Systems, world: World) -> None:
    async with connected(systems) as c:
        customers = await c.crm.customer_list(Window(10, 7), frozenset({"name"}))
        assert [(one.id, one.name) for one in customers.items] == [
            (str(n), world.subscriber(n).name) for n in range(1011, 1018)
        ]
        assert (customers.offset, customers.total, customers.complete) == (10, 200, False)
        resources = await c.inventory.resource_list(Window(0, 3), frozenset({"name", "kind"}))
        assert [one.kind for one in resources.items] == ["ONT", "Router", "SIM"]
        outages = await c.assurance.outage_list(Window(0, 100), None, is_open=None)
        starts = [one.started_at for one in outages.items]
        assert len(starts) == outages.total == len(ticketing.problems(world, 1))
        assert starts == sorted(starts, reverse=True)
        is_open = await c.assurance.outage_list(Window(0, 100), frozenset({"name"}), is_open=True)
        assert {one.id for one in is_open.items} == {one.id for one in outages.items if one.is_open}
        ended = await c.assurance.outage_list(Window(2, 5), frozenset(), is_open=False)
        assert [one.id for one in ended.items] == [one.id for one in outages.items if not one.is_open][2:7]


async def test_a_product_in_full(systems: Systems, world: World) -> None:
    row = crm.products(world, 1001)[0]
    async with connected(systems) as c:
        product = (await c.crm.products(["PROD-1001-1"], None))["PROD-1001-1"]
        of_services = await c.crm.products_of_services(["SVC-1001-1", "SVC-1002-2", "SVC-0"], frozenset())
    assert (product.name, product.status, product.customer_ids) == (row["name"], ProductStatus.ACTIVE, ("1001",))
    price = row["productPrice"][0]["price"]["taxIncludedAmount"]["value"]
    assert (product.price, product.price_period) == (Money(price, "EUR"), "month")
    assert product.started_at == datetime.fromisoformat(row["startDate"])
    assert product.contract_ends_at == datetime.fromisoformat(row["productTerm"][0]["validFor"]["endDateTime"])
    assert (product.account_id, product.service_ids) == ("BA-1001-1", ("SVC-1001-1",))
    assert {key: [one.id for one in rows.items] for key, rows in of_services.items()} == {
        "SVC-1001-1": ["PROD-1001-1"],
        "SVC-1002-2": ["PROD-1002-2"],
    }


async def test_parties_are_asked_for_people_only(systems: Systems, world: World) -> None:
    company = next(n for n in world.numbers if world.subscriber(n).is_organization)
    async with connected(systems) as c:
        customers = (await c.crm.customers(["1001", str(company)], frozenset({"party_id", "party_kind"}))).values()
        systems["crm"].requests.clear()
        parties = await c.crm.parties(list(customers), None)
    who = world.subscriber(1001)
    assert {key: (p.given_name, p.family_name) for key, p in parties.items()} == {
        "P1001": (who.given_name, who.family_name)
    }
    assert asked(systems["crm"]) == ["GET /tmf-api/party/v4/individual?id=P1001&sort=id&limit=1000"]


async def test_customers_by_name_and_by_contact(systems: Systems, world: World) -> None:
    who = world.subscriber(1001)
    named = [str(n) for n in world.numbers if who.family_name.upper() in world.subscriber(n).name.upper()]
    async with connected(systems) as c:
        found = await c.crm.customers_named(who.family_name.upper(), Window(0, 1000), frozenset())
        assert [one.id for one in found.items] == named
        nothing = await c.crm.customers_named("no(body", Window(0, 10), None)
        assert (list(nothing.items), nothing.total) == ([], 0)
        for contact in (who.email, who.phone):
            reached = await c.crm.customers_reached_by(contact, frozenset({"name"}))
            assert {one.id: one.name for one in reached.items} == {"1001": who.name}
        assert (await c.crm.customers_reached_by("nobody@example.net", None)).items == []


async def test_bills_their_lines_and_payments(systems: Systems, world: World) -> None:
    row = billing.customer_bills(world, 1001)[-1]
    lines = [one for one in billing.billing_rates(world, 1001) if one["bill"]["id"] == row["id"]]
    paid = billing.payments(world, 1001)
    async with connected(systems) as c:
        bill = (await c.billing.bills([row["id"]], None))[row["id"]]
        charges = rows_of((await c.billing.charges_of_bills([row["id"]], None))[row["id"]])
        payments = await c.billing.payments([one["id"] for one in paid], None)
        numbered = await c.billing.bills_numbered(row["billNo"], frozenset())
    assert (bill.number, bill.state, bill.account_id) == (row["billNo"], BillState(row["state"]), "BA-1001-2")
    assert bill.amount_due == Money(row["amountDue"]["value"], "EUR")
    assert bill.remaining_amount == Money(row["remainingAmount"]["value"], "EUR")
    assert bill.due_date is not None
    assert bill.bill_date is not None
    assert bill.due_date - bill.bill_date == timedelta(days=billing.DUE_DAYS)
    assert bill.period is not None
    assert bill.period.end == date.fromisoformat(row["billingPeriod"]["endDateTime"][:10])
    name = f"bill-{row['billNo']}.pdf"
    document = Document(id=f"DOC-{bill.id}", owner=bill.id, name=name, mime_type="application/pdf")
    assert bill.documents == (document,)
    assert [one.id for one in numbered.items] == [row["id"]]
    assert [(one.id, one.kind, one.amount) for one in charges] == [
        (one["id"], ChargeKind(one["type"]), Money(one["taxIncludedAmount"]["value"], "EUR")) for one in lines
    ]
    assert sum(one.amount.amount for one in charges) == bill.tax_included.amount
    for one in paid:
        payment = payments[one["id"]]
        assert (payment.status, payment.customer_ids) == (PaymentStatus.DONE, ("1001",))
        assert payment.bill_ids == (one["paymentItem"][0]["item"]["id"],)
        assert payment.amount == Money(one["totalAmount"]["value"], "EUR")


async def test_accounts_and_usage(systems: Systems, world: World) -> None:
    rows = billing.accounts(world, 1001)
    async with connected(systems) as c:
        accounts = rows_of((await c.billing.accounts_of_customers(["1001"], None))["1001"])
        by_id = await c.billing.accounts(["BA-1001-2", "BA-0"], frozenset({"balance"}))
        usages = await c.usage.usage_of_customers(["1001", "1002", "nobody", "1001"])
    assert [(one.id, one.name, one.balance.amount) for one in accounts] == [
        (one["id"], one["name"], one["accountBalance"][0]["amount"]["value"]) for one in rows
    ]
    assert {key: one.balance for key, one in by_id.items()} == {
        "BA-1001-2": Money(rows[1]["accountBalance"][0]["amount"]["value"], "EUR")
    }
    assert set(usages) == {"1001", "1002"}
    buckets = [bucket for row in usage.consumptions(world, 1001) for bucket in row["bucketRefOrValue"]]
    assert [(one.id, one.used, one.unit) for one in rows_of(usages["1001"])] == [
        (b["id"], b["bucketCounter"][0]["value"]["amount"], b["remainingValue"]["units"]) for b in buckets
    ]
    assert rows_of(usages["1001"])[0].allowance == Decimal(50)
    assert [line.split()[0] for line in asked(systems["billing"])] == ["GET", "GET", "POST"]


async def test_services_resources_and_sites(systems: Systems, world: World) -> None:
    async with connected(systems) as c:
        services = await c.inventory.services(["SVC-1001-1", "SVC-x"], None)
        service = services["SVC-1001-1"]
        assert list(services) == ["SVC-1001-1"]
        assert (service.state, service.customer_ids, service.site_id) == (ServiceState.ACTIVE, ("1001",), "SITE-1001")
        assert service.part_ids == ("RFS-1001-1",)
        assert service.resource_ids == ("RES-1001-1", "RES-1001-2", "CAB-001", "OLT-001")
        above = await c.inventory.services_of_resources(["RES-1001-2", "OLT-001"], frozenset({"name"}))
        assert {one.id for one in rows_of(above["RES-1001-2"])} == {"SVC-1001-1", "SVC-1001-4"}
        hit = {
            row["id"]
            for n in world.in_cabinet(1)
            for row in inventory.services(world, n)
            if row["category"] == "CFS" and row["serviceType"] == "broadband"
        }
        assert {one.id for one in rows_of(above["OLT-001"])} == hit
        resources = await c.inventory.resources(["RES-1001-1", "OLT-001", "RES-1001-4"], None)
        ont, olt, number = (resources[key] for key in ("RES-1001-1", "OLT-001", "RES-1001-4"))
        assert (ont.kind, ont.is_physical, ont.status) == ("ONT", True, ResourceStatus.AVAILABLE)
        assert ont.serial_number == inventory.serial_number(world.subscriber(1001), "ONT")
        assert (olt.status, olt.site_id) == (ResourceStatus.ALARM, "SITE-CAB-001")
        assert (number.is_physical, number.value) == (False, world.subscriber(1001).phone)
        sites = await c.inventory.sites(["SITE-1001", "SITE-0"], None)
        assert {key: one.status for key, one in sites.items()} == {"SITE-1001": "active"}


async def test_resources_by_serial_number_and_name_in_windows(systems: Systems, world: World) -> None:
    serial = inventory.serial_number(world.subscriber(1001), "ONT")
    async with connected(systems) as c:
        named = c.inventory.resources_named
        # The system compares serial numbers exactly, and it is asked for this spelling.
        assert (await named(serial.lower(), Window(0, 5), frozenset())).items == []
        found = await named(f" {serial}", Window(0, 5), frozenset())
        assert ([one.id for one in found.items], found.total) == (["RES-1001-1"], 1)
        found = await named("street CABINET", Window(0, 9), frozenset({"name"}))
        assert [one.id for one in found.items] == ["CAB-001", "CAB-002", "CAB-003", "CAB-004"]
        systems["inventory"].requests.clear()
        found = await named("street CABINET", Window(1, 2), frozenset({"name"}))
        assert ([one.id for one in found.items], found.offset, found.total) == (["CAB-002", "CAB-003"], 1, 4)
        sent = sorted(asked(systems["inventory"]))
        assert len(sent) == 2
        assert sent[0].endswith(
            "?name.regex=%28%3Fi%29street%5C%20CABINET&fields=id,name,relatedParty,serialNumber&sort=id&offset=1&limit=2"
        )
        systems["inventory"].requests.clear()
        for blank in ("", "  "):
            assert await named(blank, Window(0, 5), None) == Rows.of(())
        assert asked(systems["inventory"]) == []


@pytest.mark.parametrize("sort", [True, False])
async def test_the_one_with_the_serial_number_comes_before_those_with_the_name(sort: bool) -> None:
    resources = [{"id": f"R{n}", "name": f"Router a7 {n}", "serialNumber": f"S{n}"} for n in range(6)]
    resources += [{"id": "R6", "name": "Other", "serialNumber": "a7"}, {"id": "R7", "name": "a7", "serialNumber": "a7"}]

    async def answer(request: web.Request) -> web.Response:
        rows = [row for row in resources if row["serialNumber"] == request.query.get("serialNumber", "a7")]
        if "name.regex" in request.query:
            rows = [row for row in resources if "a7" in row["name"]]
        offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
        return web.json_response(rows[offset : offset + limit], headers={"X-Total-Count": str(len(rows))})

    whole = ["R6", "R0", "R1", "R2", "R3", "R4", "R5", "R7"]
    async with canned(resource=answer) as server, reading(server, profile={"sort": sort}) as c:
        for offset in range(9):
            for limit in (1, 2, 5, 9):
                found = await c.inventory.resources_named("a7", Window(offset, limit), None)
                start = offset - found.offset
                assert [one.id for one in found.items[start : start + limit]] == whole[offset : offset + limit]
                assert (found.total, found.complete) == (8, not sort)


async def test_tickets_and_outages(systems: Systems, world: World) -> None:
    async with connected(systems) as c:
        ticket = (await c.ticketing.tickets(["TT-1001-1"], None))["TT-1001-1"]
        assert (ticket.status, ticket.severity, ticket.is_open) == (
            TicketStatus.IN_PROGRESS,
            TicketSeverity.MAJOR,
            True,
        )
        assert [note.internal for note in ticket.notes] == [False, True, False]
        assert [one.name for one in ticket.attachments] == ["router-lights.png", "line-measurement.txt"]
        assert (ticket.customer_ids, ticket.service_ids) == (("1001",), ("SVC-1001-1",))
        assert ticket.created_at is not None
        assert ticket.created_at.tzinfo is UTC
        is_open = await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), frozenset(), is_open=True)
        assert [one.id for one in rows_of(is_open["1001"])] == ["TT-1001-1"]
        whole = rows_of((await c.ticketing.tickets_of_customers(["1001"], None, frozenset(), is_open=None))["1001"])
        about = await c.ticketing.tickets_of_services(["SVC-1001-1", "SVC-0"], frozenset(), is_open=None)
        assert set(about) == {"SVC-1001-1"}
        mine = {row["id"] for row in ticketing.tickets(world, 1001) if row["relatedEntity"][0]["id"] == "SVC-1001-1"}
        assert [one.id for one in rows_of(about["SVC-1001-1"])] == [one.id for one in whole if one.id in mine]
        by_service = await c.assurance.open_outages_of_services(["SVC-1001-1", "SVC-1001-3"], frozenset({"name"}))
        assert {key: [one.id for one in rows.items] for key, rows in by_service.items()} == {"SVC-1001-1": ["SP-1"]}
        by_resource = await c.assurance.open_outages_of_resources(["OLT-001", "CAB-001"], frozenset())
        assert {key: [one.id for one in rows.items] for key, rows in by_resource.items()} == {"OLT-001": ["SP-1"]}
        outage = (await c.assurance.outages(["SP-1"], None))["SP-1"]
        row = ticketing.problems(world, 1)[0]
        assert outage.severity == row["priority"]
        assert outage.service_ids == tuple(one["id"] for one in row["affectedService"])
        assert outage.ticket_ids == tuple(one["id"] for one in row["troubleTicket"])


async def test_only_selected_fields_are_asked_for_and_what_owns_a_row_always(systems: Systems) -> None:
    async with connected(systems) as c:
        await c.billing.bills(["BILL-1001-1-07"], frozenset({"number"}))
        await c.crm.customers(["1001"], frozenset({"email", "phone"}))
    assert (
        asked(systems["billing"])[0].partition("fields=")[2]
        == "billNo,billingAccount,id,relatedParty&sort=id&limit=1000"
    )
    assert asked(systems["crm"])[0].partition("fields=")[2] == "contactMedium,id&sort=id&limit=1000"
