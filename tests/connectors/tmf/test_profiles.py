"""Every deviation that a profile can name, against a system that deviates so: the same answer, in as few calls."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from pydantic import ValidationError

from connectors import Connectors
from connectors.errors import ConnectorError, TooMuch
from connectors.records import Rows, Window
from connectors.ticketing.port import TicketSeverity, TicketStatus
from connectors.tmf.profile import Profile
from sandbox.data import billing, inventory, ticketing
from sandbox.data.world import World
from sandbox.protocol.switches import Switches
from tests.connectors.asking import connected
from tests.systems import Systems, asked, well_behaved

DOMAINS = ("crm", "billing", "inventory", "ticketing")
CUSTOMERS = [str(n) for n in range(1001, 1013)]
NAME = frozenset({"name"})

DEVIATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "repeat": ({}, {"id_list": "repeat"}),
    "semicolon": ({}, {"id_list": "semicolon"}),
    "no id lists": ({"no_id_lists": True}, {"id_list": "none"}),
    "few keys": ({}, {"max_keys": 3}),
    "short addresses": ({}, {"max_url": 500}),
    "capped": ({"max_limit": 7}, {}),
    "capped, no total": ({"max_limit": 7, "no_total": True}, {}),
    "capped, total of everything": ({"max_limit": 7, "unfiltered_total": True}, {"total_trusted": False}),
    "small pages": ({}, {"page_size": 5}),
    "one row a page": ({"max_limit": 1}, {}),
    "pages, capped": ({"offset_is_page": True, "max_limit": 7}, {"paging": "page", "page_size": 7}),
    "pages": ({"offset_is_page": True}, {"paging": "page", "page_size": 10}),
    "pages, no total": ({"offset_is_page": True, "no_total": True}, {"paging": "page", "page_size": 5}),
    "no paging": ({"no_paging": True}, {"paging": "none"}),
    "duplicates": ({"duplicate_rows": True, "max_limit": 7}, {}),
    "duplicates, no total": ({"duplicate_rows": True, "max_limit": 7, "no_total": True}, {}),
    "404 when empty": ({"not_found_when_empty": True}, {"empty_is_404": True}),
    "404 when empty, no total": ({"not_found_when_empty": True, "no_total": True}, {"empty_is_404": True}),
    "no fields": ({"no_fields": True}, {"fields": False}),
    "no sort": ({"no_sort": True}, {"sort": False}),
    "no order at all": ({"no_sort": True, "shuffle": True, "max_limit": 7}, {"sort": False}),
    "ignored filters": ({"ignore_filters": True}, {}),
    "ignored filters, no sort": ({"ignore_filters": True, "no_sort": True, "no_total": True}, {"sort": False}),
    "wrapped": ({"wrap_list": True}, {}),
    "numbers as ids": ({"numeric_ids": True}, {}),
    "roles as types": (
        {"party_role_in_referred_type": True},
        {"party_type_is_role": True, "assignee_role": "assigned_to"},
    ),
    "parts by reference": ({"supporting_service_by_reference": True}, {"service_parts": "reference"}),
    "parts by reference, no id lists": (
        {"supporting_service_by_reference": True, "no_id_lists": True},
        {"service_parts": "reference", "id_list": "none"},
    ),
    "no regex": ({}, {"regex": False, "read_everything": True}),
    "plain dates": ({"dates": "plain"}, {}),
    "numbers unless quoted": ({"numeric_filters": True}, {"quoted": True}),
    "no operators": ({"no_operator_suffixes": True}, {"operators": False, "regex": False, "read_everything": True}),
    "no filter by id": (
        {"ignore_id_filter": ["resource"]},
        {"resources": {"resource": {"filters": ["name", "serialNumber"]}}},
    ),
    "few filters": (
        {"only_filters": {"troubleTicket": ["id", "status"], "product": ["id"]}, "unknown_filters": "refused"},
        {
            "read_everything": True,
            "resources": {"troubleTicket": {"filters": ["id", "status"]}, "product": {"filters": ["id"]}},
        },
    ),
    "pages of one resource": ({"resource_limits": {"product": [2, 3]}}, {"resources": {"product": {"page_size": 3}}}),
}


def deviating(systems: Systems, switches: Mapping[str, Any]) -> None:
    """Turn switches of all systems."""
    for server in systems.values():
        for name, value in switches.items():
            if name in Switches.model_fields:
                setattr(server.switches, name, value)


async def everything(connectors: Connectors) -> dict[str, Any]:
    """A question of every kind, in order where the port promises one."""
    c = connectors
    return {
        "customers": await c.crm.customers([*CUSTOMERS, "9"], NAME),
        "list": _window(await c.crm.customer_list(Window(5, 21), NAME), 5, 21),
        "products": _lists(await c.crm.products_of_customers(CUSTOMERS, None, NAME)),
        "product window": _windows(await c.crm.products_of_customers(["1001"], Window(1, 2), NAME), 1, 2),
        "of services": _lists(await c.crm.products_of_services(["SVC-1001-1", "SVC-1002-3"], NAME)),
        "accounts": _lists(await c.billing.accounts_of_customers(CUSTOMERS, NAME)),
        "bills": _lists(await c.billing.bills_of_customers(CUSTOMERS, None, frozenset({"number"}))),
        "bill window": _windows(await c.billing.bills_of_customers(["1001"], Window(3, 9), NAME), 3, 9),
        "no bills": _windows(await c.billing.bills_of_accounts(["BA-9-9"], Window(0, 9), NAME), 0, 9),
        "charges": _lists(await c.billing.charges_of_bills(["BILL-1001-1-07", "BILL-1002-1-01"], NAME)),
        "payments": _windows(await c.billing.payments_of_accounts(["BA-1001-1"], Window(0, 4), NAME), 0, 4),
        "usage": _lists(await c.usage.usage_of_customers(CUSTOMERS)),
        "services": _lists(await c.inventory.services_of_customers(CUSTOMERS, None, frozenset({"resource_ids"}))),
        "service": await c.inventory.services(["SVC-1001-1", "SVC-0"], frozenset({"resource_ids", "name"})),
        "of resources": _sets(await c.inventory.services_of_resources(["CAB-001", "RES-1002-1", "RES-0"], NAME)),
        "resources": await c.inventory.resources(["CAB-001", "RES-1001-1", "RES-0"], NAME),
        "named": _window(await c.inventory.resources_named("Street cabinet Northgate 1", Window(0, 5), NAME), 0, 5),
        "sites": await c.inventory.sites(["SITE-1001", "SITE-CAB-001"], NAME),
        "tickets": _lists(await c.ticketing.tickets_of_customers(CUSTOMERS, None, NAME, is_open=None)),
        "open tickets": _lists(await c.ticketing.tickets_of_customers(CUSTOMERS, None, NAME, is_open=True)),
        "ended tickets": _windows(
            await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), NAME, is_open=False), 0, 9
        ),
        "about": _lists(await c.ticketing.tickets_of_services(["SVC-1001-1", "SVC-1001-2"], NAME, is_open=None)),
        "outages": _window(await c.assurance.outage_list(Window(1, 9), NAME, is_open=None), 1, 9),
        "open outages": _window(await c.assurance.outage_list(Window(0, 9), NAME, is_open=True), 0, 9),
        "hit": _sets(await c.assurance.open_outages_of_services(["SVC-1001-1", "SVC-1001-3"], NAME)),
    }


def _lists(found: Mapping[str, Any]) -> dict[str, list[str]]:
    for rows in found.values():
        assert isinstance(rows, Rows), rows
    return {key: [one.id for one in rows.items] for key, rows in found.items()}


def _sets(found: Mapping[str, Any]) -> dict[str, list[str]]:
    return {key: sorted(ids) for key, ids in _lists(found).items()}


def _window(rows: Rows[Any], offset: int, limit: int) -> list[str]:
    """What is in the window, whether the system gave just that or everything."""
    if rows.complete:
        assert rows.total == len(rows.items)
    start = offset - rows.offset
    return [one.id for one in rows.items[start : start + limit]]


def _windows(found: Mapping[str, Any], offset: int, limit: int) -> dict[str, list[str]]:
    """A key whose window is empty is as good as one that is absent."""
    assert all(isinstance(rows, Rows) for rows in found.values()), found
    return {key: ids for key, rows in found.items() if (ids := _window(rows, offset, limit))}


@pytest_asyncio.fixture(scope="module")
async def expected(_systems: Systems) -> dict[str, Any]:
    """The answers of systems that do not deviate."""
    well_behaved(_systems)
    async with connected(_systems) as connectors:
        return await everything(connectors)


ALIKE = {"semicolon", "short addresses", "small pages", "one row a page", "no order at all", "no fields", "wrapped"}
"""Deviations of the same key, or of the same kind, as another one here."""


@pytest.mark.parametrize(  # several together, and what is alike, in `make long`
    "name", [pytest.param(one, marks=[pytest.mark.long] if "," in one or one in ALIKE else []) for one in DEVIATIONS]
)
async def test_a_deviation_that_the_profile_names_changes_no_answer(
    expected: dict[str, Any], systems: Systems, name: str
) -> None:
    switches, profile = DEVIATIONS[name]
    deviating(systems, switches)
    async with connected(systems, **{name: {"profile": profile, "max_rows": 5000} for name in DOMAINS}) as connectors:
        answers = await everything(connectors)
    for question, answer in expected.items():
        assert _plain(answers[question]) == _plain(answer), question


def _plain(answer: Any) -> Any:
    """Records as they are, without what only a system that ignores `fields` tells as well."""
    if isinstance(answer, Mapping) and all(hasattr(one, "name") for one in answer.values()):
        return {key: (one.id, one.name, getattr(one, "resource_ids", None)) for key, one in answer.items()}
    if isinstance(answer, list) and all(hasattr(one, "id") for one in answer):
        return [(one.id, one.name) for one in answer]
    return answer


@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        ({}, ["id=1001,1002,1003&sort=id&limit=1000"]),
        ({"id_list": "repeat"}, ["id=1001&id=1002&id=1003&sort=id&limit=1000"]),
        ({"id_list": "semicolon"}, ["id=1001;id=1002;id=1003&sort=id&limit=1000"]),
        ({"max_keys": 2}, ["id=1001,1002&sort=id&limit=1000", "id=1003&sort=id&limit=1000"]),
        ({"page_size": 50}, ["id=1001,1002,1003&sort=id&limit=50"]),
        ({"paging": "page"}, ["id=1001,1002,1003&sort=id&offset=0&limit=1000"]),
        ({"paging": "none"}, ["id=1001,1002,1003"]),
        ({"sort": False}, ["id=1001,1002,1003&limit=1000"]),
        ({"total_trusted": False}, ["id=1001,1002,1003&sort=id&limit=1000"]),  # all that was asked for is there
        ({"parameters": {"id": "customerId"}}, ["customerId=1001,1002,1003&sort=id&limit=1000"]),
        ({"id_list": "none"}, ["/1001", "/1002", "/1003"]),
    ],
)
async def test_how_a_list_of_ids_is_asked(systems: Systems, profile: dict[str, Any], wanted: list[str]) -> None:
    async with connected(systems, crm={"profile": profile}) as c:
        await c.crm.customers(["1001", "1002", "1003", "1001"], None)
    base = "GET /tmf-api/customerManagement/v4/customer"
    assert sorted(asked(systems["crm"])) == [base + (one if one[0] == "/" else f"?{one}") for one in wanted]


@pytest.mark.parametrize("id_list", ["comma", "repeat", "semicolon"])
@pytest.mark.parametrize("prefix", ["", "/gateway/of/another/team"])
async def test_no_address_is_longer_than_the_profile_allows(systems: Systems, id_list: str, prefix: str) -> None:
    keys = [f"urn:ngsi-ld:customer:Å-{n:05d}" for n in range(100)]
    settings = {"profile": {"max_url": 700, "id_list": id_list}, "url": systems["crm"].url + prefix}
    async with connected(systems, crm=settings) as c:
        found = await c.crm.customers([*keys, "x" * 800], NAME)
    sent = [line.removeprefix("GET ") for line in asked(systems["crm"])]
    assert max(map(len, sent)) <= 700
    assert min(sorted(map(len, sent))[1:]) > 600  # and no call is wasted: all but the last are full
    expected = set() if not prefix else set(keys)  # under the prefix there is nothing: 404 on a list is a failure
    assert {key for key, one in found.items() if isinstance(one, ConnectorError)} == expected | {"x" * 800}


async def test_ids_cannot_lead_to_another_path(systems: Systems) -> None:
    async with connected(systems, crm={"profile": {"id_list": "none"}}) as c:
        assert await c.crm.customers(["..", ".", "", "../customer/1001", "1001?x=1"], None) == {}
    assert sorted(asked(systems["crm"])) == [
        # the sandbox's log has the path decoded: one segment each, for which there is nothing
        "GET /tmf-api/customerManagement/v4/customer/../customer/1001",
        "GET /tmf-api/customerManagement/v4/customer/1001?x=1",
    ]


async def test_vendor_words_and_dates(systems: Systems, world: World) -> None:
    deviating(systems, {"status_words": True, "dates": "noZone"})
    words = {"Working": "inProgress", "2 - High": "major", "In Use": "active"}
    profile = {"words": words, "status_filter": False, "timezone": "Europe/Stockholm"}
    async with connected(systems, ticketing={"profile": profile}) as c:
        ticket = (await c.ticketing.tickets(["TT-1001-1"], None))["TT-1001-1"]
        is_open = await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), NAME, is_open=True)
    assert (ticket.status, ticket.raw_status) == (TicketStatus.IN_PROGRESS, "Working")
    assert (ticket.severity, ticket.raw_severity) == (TicketSeverity.MAJOR, "2 - High")
    created = datetime.fromisoformat(ticketing.tickets(world, 1001)[0]["creationDate"])
    assert ticket.created_at == created.replace(tzinfo=ZoneInfo("Europe/Stockholm"))
    # words that nobody knows count as open, and the system is not asked for the standard's
    assert sorted(_lists(is_open)["1001"]) == ["TT-1001-1", "TT-1001-2", "TT-1001-3"]
    assert "status=" not in asked(systems["ticketing"])[-1]
    async with connected(systems, ticketing={}) as c:
        ticket = (await c.ticketing.tickets(["TT-1001-1"], None))["TT-1001-1"]
    assert (ticket.status, ticket.raw_status) == (TicketStatus.UNKNOWN, "Working")
    assert (ticket.severity, ticket.raw_severity) == (TicketSeverity.UNKNOWN, "2 - High")
    assert ticket.created_at == created.replace(tzinfo=UTC)


async def test_a_system_with_words_of_its_own_is_no_longer_filtered_on_them(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    deviating(systems, {"status_words": True})
    async with connected(systems) as c:
        ticketing = c.ticketing
        await ticketing.tickets(["TT-1001-1"], frozenset({"is_open"}))
        whole = (await ticketing.tickets_of_customers(["1001"], None, frozenset({"is_open"}), is_open=None))["1001"]
        for window in (Window(0, 9), None):
            for is_open in (True, False):
                found = await ticketing.tickets_of_customers(["1001"], window, NAME, is_open=is_open)
                ids = [one.id for one in whole.items if one.is_open is is_open]
                assert _windows(found, 0, 9) == ({"1001": ids} if ids else {})
        systems["ticketing"].requests.clear()
        await c.assurance.open_outages_of_services(["SVC-1001-1"], NAME)
        found = await c.assurance.open_outages_of_services(["SVC-1001-1"], NAME)
        outages = (await c.assurance.outage_list(Window(0, 99), None, is_open=None)).items
        assert _sets(found)["SVC-1001-1"] == sorted(
            one.id for one in outages if one.is_open and "SVC-1001-1" in one.service_ids
        )
        assert ["status=" in one for one in asked(systems["ticketing"])] == [True, False, False]
    told = [one.partition(" has status words")[0] for one in caplog.messages if "no longer filtered" in one]
    assert [one.rpartition("/")[2] for one in told] == ["troubleTicket", "serviceProblem"]


async def test_a_probe_is_enough_to_know_the_words(systems: Systems) -> None:
    deviating(systems, {"status_words": True})
    async with connected(systems) as c:
        await c.systems[3].probe.probe()
        found = await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), NAME, is_open=True)
    assert "TT-1001-1" in _lists(found)["1001"]


async def test_own_words_are_filtered_on_as_well(systems: Systems) -> None:
    async with connected(systems, ticketing={"profile": {"words": {"Working": "inProgress", "Over": "closed"}}}) as c:
        await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), NAME, is_open=True)
        await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), NAME, is_open=False)
    is_open, ended = asked(systems["ticketing"])
    assert "status=acknowledged,pending,held,inProgress,Working&" in is_open
    assert "status=cancelled,closed,rejected,resolved,Over&" in ended


async def test_a_filter_that_is_ignored_shows_nobody_elses_rows_and_is_said_once(
    systems: Systems, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    systems["billing"].switches.ignore_parameters = ["relatedParty.id", "billingAccount.id"]
    async with connected(systems) as c:
        for _ in range(2):
            found = (await c.billing.bills_of_customers(["1001"], Window(0, 5), NAME))["1001"]
    assert isinstance(found, Rows)
    assert {one.customer_ids for one in found.items} == {("1001",)}
    assert (len(found.items), found.total) == (len(billing.customer_bills(world, 1001)),) * 2
    assert [one.getMessage() for one in caplog.records if "ignores the filter" in one.getMessage()] == [
        "billing: /tmf-api/customerBillManagement/v4/customerBill ignores the filter relatedParty.id and sends"
        " other rows too: see `parameters`"
    ]
    async with connected(systems, billing={"max_rows": 1000}) as c:
        assert isinstance((await c.billing.bills_of_customers(["1001"], Window(0, 5), NAME))["1001"], TooMuch)


async def test_another_path_and_another_name_for_a_filter(systems: Systems) -> None:
    names = {"relatedParty.id": "customer", "name": "label"}
    profile = {"paths": {"product": "/api/sn_prd_invt/product", "customer": "/c"}, "parameters": names}
    async with connected(systems, crm={"profile": profile}) as c:
        found = await c.crm.products_of_customers(["1001"], None, frozenset())
        with pytest.raises(ConnectorError, match="/c does not exist there: check the address and the path"):
            await c.crm.customers_named("Olsson", Window(0, 1), frozenset())
    assert isinstance(found["1001"], ConnectorError)
    assert asked(systems["crm"]) == [
        "GET /api/sn_prd_invt/product?customer=1001&fields=id,relatedParty&sort=id&limit=1000",
        "GET /c?label.regex=%28%3Fi%29Olsson&fields=id,name&sort=id&limit=1",
    ]


@pytest.mark.parametrize("wrong", [{"paths": {"costumer": "/x"}}, {"paths": {"customer": "x"}}, {"page_size": 0}])
def test_a_wrong_profile_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate(wrong)


async def test_parts_by_reference_take_two_steps_and_keep_failures_apart(systems: Systems, world: World) -> None:
    systems["inventory"].switches.supporting_service_by_reference = True
    async with connected(systems, inventory={"profile": {"service_parts": "reference"}}) as c:
        found = await c.inventory.services_of_resources(["OLT-001"], NAME)
    assert len(asked(systems["inventory"])) == 2
    broadband = [
        row["id"]
        for n in world.in_cabinet(1)
        for row in inventory.services(world, n)
        if row["category"] == "CFS" and row["serviceType"] == "broadband"
    ]
    assert sorted(_lists(found)["OLT-001"]) == sorted(broadband)
