"""TM Forum v5 beside v4: the same records from the same world, in as many calls, and nobody else's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import pytest_asyncio

from connectors import Connectors, records
from connectors.assurance.port import Outage
from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment
from connectors.crm.port import Customer, Party, Product
from connectors.errors import Rejected
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState, Site
from connectors.links import CustomerKey
from connectors.records import Rows, Window, changed
from connectors.ticketing.port import Ticket
from sandbox.data import inventory
from sandbox.data.world import World
from tests.connectors.asking import connected
from tests.connectors.tmf.test_profiles import DEVIATIONS, deviating
from tests.systems import Systems, asked, well_behaved

DOMAINS: Final = ("crm", "billing", "inventory", "ticketing")
V5: Final[Mapping[str, Any]] = {domain: {"profile": {"version": "v5"}} for domain in DOMAINS}
NUMBERS: Final = [str(number) for number in range(1001, 1041)]


def speaking(systems: Systems, version: str) -> None:
    """Let all four systems speak a version, and forget what they were asked."""
    for server in systems.values():
        server.switches.merge({"version": version})
        server.requests.clear()


def attributes(kind: type[Any]) -> frozenset[str]:
    """Everything that can be selected of a record."""
    return frozenset(records.attributes(kind)) - {"owners"}


def comparable(value: Any) -> Any:
    """A value without what must differ.

    A resource's own word for its status: v5 has no resourceStatus, and the word is the one that decides among others.
    A suspended service: v4 has no word for it, and the sandbox says inactive there.
    """
    if isinstance(value, Mapping):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, Rows):
        return changed(value, items=[comparable(one) for one in value.items])
    if isinstance(value, (list, tuple)):
        return [comparable(one) for one in value]
    if isinstance(value, Resource):
        return records.changed(value, raw_status=None)
    if isinstance(value, Service) and value.state is ServiceState.SUSPENDED:
        assert value.raw_state == "suspended"
        return records.changed(value, state=ServiceState.INACTIVE, raw_state="inactive")
    return value


async def everything(c: Connectors, *, whole: bool) -> dict[str, Any]:
    """The answers to every question of every port, by its name; all attributes, or `whole` rows without fields=."""

    def of(kind: type[Any]) -> frozenset[str] | None:
        return None if whole else attributes(kind)

    crm, billing, network, ticketing = c.crm, c.billing, c.inventory, c.ticketing
    customers = await crm.customers(NUMBERS, of(Customer))
    accounts = await billing.accounts_of_customers(NUMBERS, of(BillingAccount))
    bills = await billing.bills_of_customers(NUMBERS, None, of(Bill))
    services = await network.services_of_customers(NUMBERS, None, of(Service))
    tickets = await ticketing.tickets_of_customers(NUMBERS, None, of(Ticket), is_open=None)
    outages = await c.assurance.outage_list(Window(0, 100), of(Outage), is_open=None)
    products = await crm.products_of_customers(NUMBERS, None, of(Product))

    known = [one for one in customers.values() if isinstance(one, Customer)]
    account_ids = [one.id for one in items(accounts)]
    bill_ids = [one.id for one in items(bills)]
    service_ids = [one.id for one in items(services)]
    resource_ids = sorted({key for one in items(services) for key in one.resource_ids})
    payment_ids = sorted({key for one in items(bills) for key in one.payment_ids})
    mail, phone = known[0].email or "", known[1].phone or ""
    serial = inventory.serial_numbers(World(customers=2).subscriber(1001))[0]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "customers": customers,
        "customer_list": await crm.customer_list(Window(3, 9), of(Customer), by_name=True),
        "customers_named": await crm.customers_named("an", Window(0, 20), of(Customer)),
        "reached_by_mail": await crm.customers_reached_by(mail.upper(), of(Customer)),
        "reached_by_phone": await crm.customers_reached_by(phone, of(Customer)),
        "known_by_party": await crm.customers_known_as(
            CustomerKey("party"), [one.party_id or "" for one in known], of(Customer)
        ),
        "parties": await crm.parties(known, of(Party)),
        "products_of_customers": products,
        "a_window_of_products": await crm.products_of_customers(["1001"], Window(1, 2), of(Product)),
        "products": await crm.products([one.id for one in items(products)], of(Product)),
        "products_of_services": await crm.products_of_services(service_ids, of(Product)),
        "accounts_of_customers": accounts,
        "accounts": await billing.accounts(account_ids, of(BillingAccount)),
        "bills_of_customers": bills,
        "a_window_of_bills": await billing.bills_of_customers(["1001"], Window(1, 3), of(Bill)),
        "bills": await billing.bills(bill_ids, of(Bill)),
        "bills_numbered": await billing.bills_numbered(items(bills)[0].number or "", of(Bill)),
        "bills_of_accounts": await billing.bills_of_accounts(account_ids, None, of(Bill)),
        "charges_of_bills": await billing.charges_of_bills(bill_ids, of(BillCharge)),
        "payments": await billing.payments(payment_ids, of(Payment)),
        "payments_of_accounts": await billing.payments_of_accounts(account_ids, None, of(Payment)),
        "usage_of_customers": await c.usage.usage_of_customers([*NUMBERS, "nobody"]),
        "services_of_customers": services,
        "a_window_of_services": await network.services_of_customers(["1001"], Window(1, 2), of(Service)),
        "services": await network.services(service_ids, of(Service)),
        "services_of_resources": await network.services_of_resources(resource_ids[:40], of(Service)),
        "resources": await network.resources(resource_ids, of(Resource)),
        "resource_list": await network.resource_list(Window(5, 20), of(Resource)),
        "resources_named": await network.resources_named(serial, Window(0, 5), of(Resource)),
        "sites": await network.sites([one.site_id or "" for one in items(services)], of(Site)),
        "tickets_of_customers": tickets,
        "a_window_of_tickets": await ticketing.tickets_of_customers(["1001"], Window(0, 2), of(Ticket), is_open=True),
        "tickets": await ticketing.tickets([one.id for one in items(tickets)], of(Ticket)),
        "tickets_of_services": await ticketing.tickets_of_services(service_ids, of(Ticket), is_open=None),
        "outage_list": outages,
        "outages_since": await c.assurance.outage_list(Window(0, 50), of(Outage), is_open=None, since=since),
        "outages": await c.assurance.outages([one.id for one in outages.items], of(Outage)),
        "outages_of_services": await c.assurance.open_outages_of_services(service_ids, of(Outage)),
        "outages_of_resources": await c.assurance.open_outages_of_resources(resource_ids, of(Outage)),
    }


def items(found: Mapping[str, Any]) -> list[Any]:
    """All rows under all keys; fails where a key failed."""
    return [one for rows in found.values() for one in rows.items]


@pytest.mark.parametrize("whole", [True, False])
async def test_every_question_has_the_same_answer_in_as_many_calls(systems: Systems, *, whole: bool) -> None:
    async with connected(systems) as c:
        v4 = await everything(c, whole=whole)
    calls = {name: [line.split("?")[0] for line in asked(server)] for name, server in systems.items()}
    speaking(systems, "v5")
    async with connected(systems, **V5) as c:
        v5 = await everything(c, whole=whole)

    assert [name for name, found in v5.items() if not found] == []
    for name, found in v5.items():
        assert comparable(found) == comparable(v4[name]), name
    assert {name: len(server.requests) for name, server in systems.items()} == {
        name: len(lines) for name, lines in calls.items()
    }
    was = {path for lines in calls.values() for path in lines}
    now = {line.split("?")[0] for server in systems.values() for line in asked(server)}
    assert now == {PATHS.get(path) or path.replace("/v4/", "/v5/") for path in was}


# Paths that are not v4's with another number.
PATHS: Final = {
    path: path for path in ("GET /payment/v4/payment", "GET /tmf-api/geographicSiteManagement/v4/geographicSite")
} | {
    "POST /tmf-api/usageConsumption/v4/queryUsageConsumption": "GET /tmf-api/usageConsumption/v5/usageConsumptionReport"
}


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_one_attribute_alone_is_what_it_is_among_all(systems: Systems, version: str) -> None:
    speaking(systems, version)
    async with connected(systems, **{d: {"profile": {"version": version}} for d in DOMAINS}) as c:
        bill = (await c.billing.bills_of_customers(["1001"], None, frozenset({"payment_ids"})))["1001"].items[2]
        charge = (await c.billing.charges_of_bills([bill.id], None))[bill.id].items[0]
        for kind, ask in (
            (Customer, lambda f: c.crm.customers(["1001"], f)),
            (Product, lambda f: c.crm.products(["PROD-1001-1"], f)),
            (BillingAccount, lambda f: c.billing.accounts(["BA-1001-1"], f)),
            (Bill, lambda f: c.billing.bills([bill.id], f)),
            (Payment, lambda f: c.billing.payments(bill.payment_ids, f)),
            (Service, lambda f: c.inventory.services(["SVC-1001-1"], f)),
            (Resource, lambda f: c.inventory.resources(["OLT-001"], f)),
            (Ticket, lambda f: c.ticketing.tickets(["TT-1001-1"], f)),
        ):
            (whole,) = (await ask(None)).values()
            for name in attributes(kind):
                (part,) = (await ask(frozenset({name}))).values()
                assert getattr(part, name) == getattr(whole, name), (kind, name)
        for name in attributes(BillCharge):
            part = (await c.billing.charges_of_bills([bill.id], frozenset({name})))[bill.id].items[0]
            assert getattr(part, name) == getattr(charge, name), name


async def test_suspended_services_and_equipment_in_v5(systems: Systems, world: World) -> None:
    suspended = next(number for number in world.numbers if world.subscriber(number).status == "Suspended")
    speaking(systems, "v5")
    async with connected(systems, **V5) as c:
        services = (await c.inventory.services_of_customers([str(suspended)], None, frozenset({"state"})))[
            str(suspended)
        ]
        found = await c.inventory.resources(["OLT-001", "RES-1001-1"], frozenset({"status", "raw_status", "site_id"}))
    assert {one.state for one in services.items} == {ServiceState.SUSPENDED}
    assert {key: (one.status, one.raw_status, one.site_id) for key, one in found.items()} == {
        "OLT-001": (ResourceStatus.ALARM, "critical", "SITE-CAB-001"),
        "RES-1001-1": (ResourceStatus.AVAILABLE, "enabled", "SITE-1001"),
    }


async def test_filters_follow_the_shape(systems: Systems) -> None:
    speaking(systems, "v5")
    none = frozenset[str]()
    async with connected(systems, **V5) as c:
        await c.crm.products_of_customers(["1001", "1002"], None, none)
        await c.crm.customers_reached_by("a@example.net", none)
        await c.crm.customers_reached_by("+4670", none)
        await c.usage.usage_of_customers(["1001", "1002"])
        await c.ticketing.tickets_of_services(["SVC-1001-1"], none, is_open=None)
    assert [line.split("?")[1].split("&")[0] for name in DOMAINS for line in asked(systems[name])] == [
        "relatedParty.partyOrPartyRole.id=1001,1002",
        "contactMedium.emailAddress=a%40example.net",
        "contactMedium.phoneNumber=%2B4670",
        "relatedParty.partyOrPartyRole.id=1001,1002",
        "relatedEntity.entity.id=SVC-1001-1",
    ]


async def test_a_system_of_the_other_version_is_told_from_an_empty_one(systems: Systems) -> None:
    async with connected(systems, **V5) as c:
        found = (await c.crm.customers(["1001"], None))["1001"]
        usage = (await c.usage.usage_of_customers(["1001"]))["1001"]
    assert isinstance(found, Rejected)
    assert str(found).endswith(
        "/tmf-api/customerManagement/v5/customer does not exist there: check the address and the path, and the"
        " profile's version"
    )
    assert isinstance(usage, Rejected)


async def test_nobody_elses_rows_where_filters_are_ignored(systems: Systems) -> None:
    async with connected(systems) as c:
        v4 = await lists(c, ["1001", "1003"])
    speaking(systems, "v5")
    for server in systems.values():
        server.switches.merge({"ignoreFilters": True})
    async with connected(systems, **V5) as c:
        v5 = await lists(c, ["1001", "1003"])
        one_page = await c.billing.bills_of_customers(["1001"], Window(0, 2), frozenset({"number"}))
    assert comparable(v5) == comparable(v4)
    assert {key for found in v5 for key in found} == {"1001", "1003"}
    assert {owner for found in v5 for one in items(found) for owner in one.customer_ids} == {"1001", "1003"}
    assert {one.customer_ids for one in items(one_page)} == {("1001",)}


RESOURCES: Final = ["RES-1001-2", "OLT-001"]


@pytest_asyncio.fixture(scope="module")
async def by_v4(_systems: Systems) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """What two customers have, and what is above two resources, by systems that speak v4 and do not deviate."""
    well_behaved(_systems)
    async with connected(_systems) as c:
        return await lists(c, ["1001", "1003"]), await c.inventory.services_of_resources(RESOURCES, None)


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_what_deviates_in_v4_may_deviate_in_v5(
    by_v4: tuple[list[Mapping[str, Any]], Mapping[str, Any]], systems: Systems, name: str
) -> None:
    switches, profile = DEVIATIONS[name]
    v4, above4 = by_v4
    speaking(systems, "v5")
    deviating(systems, switches)
    async with connected(systems, **{domain: {"profile": {"version": "v5"} | profile} for domain in DOMAINS}) as c:
        v5 = await lists(c, ["1001", "1003"])
        above5 = await c.inventory.services_of_resources(RESOURCES, None)
    assert comparable(v5) == comparable(v4)
    for key in RESOURCES:  # in no order
        assert {one.id: one for one in comparable(above5[key]).items} == {
            one.id: one for one in comparable(above4[key]).items
        }


async def test_documents_open_in_v5(systems: Systems) -> None:
    files = []
    for version in ("v4", "v5"):
        speaking(systems, version)
        async with connected(systems, billing={"profile": {"version": version}}) as c:
            (bill,) = (await c.billing.bills_of_customers(["1001"], Window(0, 1), frozenset({"documents"})))[
                "1001"
            ].items
            async with c.billing.open_document(bill.documents[0]) as parts:
                files.append(b"".join([part async for part in parts]))
    assert files[0].startswith(b"%PDF")
    assert files[0] == files[1]


async def lists(c: Connectors, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    """What customers have, by customer."""
    return [
        await c.crm.products_of_customers(keys, None, None),
        await c.billing.accounts_of_customers(keys, None),
        await c.billing.bills_of_customers(keys, None, None),
        await c.usage.usage_of_customers(keys),
        await c.inventory.services_of_customers(keys, None, None),
        await c.ticketing.tickets_of_customers(keys, None, None, is_open=None),
    ]
