"""Rows of TM Forum v5, and rows that mix it with v4 as official examples do: whose they are, and what they say."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import pytest
from aiohttp import web

from connectors.billing.port import BillState, ChargeKind
from connectors.errors import ConnectorError
from connectors.inventory.port import ResourceStatus
from tests.connectors.canned import Canned, canned, reading


async def one(resource: str, call: str, row: dict[str, Any], **profile: Any) -> Any:
    """The record that a driver of v5, unless the profile says otherwise, makes of one row."""
    domain, method = call.split(".")
    settings = {"version": "v5", "paging": "none"} | profile
    async with canned(**{resource: json.dumps([row])}) as server, reading(server, profile=settings) as c:
        return (await getattr(getattr(c, domain), method)(["1"], None))["1"]


def party(role: str | None, **inner: Any) -> dict[str, Any]:
    """A related party as v5 has it; `at_type` and `at_referred` are its @type and @referredType."""
    names = {"at_type": "@type", "at_referred": "@referredType"}
    found = {"partyOrPartyRole": {names.get(key, key): value for key, value in inner.items()}}
    return found | ({} if role is None else {"role": role}) | {"@type": "RelatedPartyOrPartyRole"}


OWNERS: Final[Sequence[tuple[str, dict[str, Any], tuple[str, ...]]]] = [
    ("a role", party("customer", id="1", at_type="PartyRoleRef", at_referred="Customer", partyId="P1"), ("1",)),
    ("in any case", party(" Customer", id=1, at_type="partyroleref", at_referred="customer"), ("1",)),
    ("another's role", party("reporter", id="1", at_type="PartyRoleRef", at_referred="Customer"), ()),
    ("a person", party("customer", id="1", at_type="PartyRef", at_referred="Individual"), ()),
    ("somebody", party("customer", id="1", at_type="PartyRef"), ()),
    ("a customer called a party", party("customer", id="1", at_type="PartyRef", at_referred="Customer"), ("1",)),
    ("some role", party("customer", id="1", at_type="PartyRoleRef"), ("1",)),
    ("either", party("customer", id="1", at_type="PartyRefOrPartyRoleRef"), ("1",)),
    ("no types", party("customer", id="1"), ("1",)),
    ("another kind of role", party("customer", id="1", at_type="PartyRoleRef", at_referred="Supplier"), ()),
    ("a person by value", party("customer", id="1", at_type="Individual", givenName="Ann"), ()),
    ("a company by value", party("customer", id="1", at_type="Organization"), ()),
    ("a customer by value", party("customer", id="1", at_type="Customer", name="Ann"), ("1",)),
    ("a consumer by value", party("customer", id="1", at_type="Consumer"), ()),
    ("no role", party(None, id="1", at_type="PartyRoleRef"), ()),
    ("the role as type", party(None, id="1", at_type="PartyRoleRef", at_referred="customer"), ("1",)),
    ("an empty id", party("customer", id="", at_type="PartyRoleRef", at_referred="Customer"), ()),
    ("only the party behind", party("customer", at_type="PartyRoleRef", at_referred="Customer", partyId="1"), ()),
    ("as v4", {"id": "1", "role": "customer", "@referredType": "Customer"}, ("1",)),
    ("as v4, a person", {"id": "1", "role": "customer", "@referredType": "Individual"}, ()),
    ("as v4, with a type of the entry", {"id": "1", "role": "customer", "@type": "RelatedParty"}, ("1",)),
    ("both, and the inner one counts", {"id": "2"} | party("customer", id="1", at_referred="Customer"), ("1",)),
    ("both, and the outer is a person", {"@referredType": "Individual"} | party("customer", id="1"), ()),
]


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize(("related", "owners"), [case[1:] for case in OWNERS], ids=[case[0] for case in OWNERS])
async def test_who_owns_a_row(version: str, related: dict[str, Any], owners: tuple[str, ...]) -> None:
    product = await one("product", "crm.products", {"id": "1", "relatedParty": [related]}, version=version)
    assert product.customer_ids == owners


MAIL: Final = {"@type": "EmailContactMedium", "emailAddress": "a@example.net", "contactType": "home"}
PHONE: Final = {"@type": "PhoneContactMedium", "phoneNumber": "+46701"}
FAX: Final = {"@type": "FaxContactMedium", "faxNumber": "+46702", "preferred": True}


@pytest.mark.parametrize(
    ("media", "email", "phone"),
    [
        ([MAIL, PHONE], "a@example.net", "+46701"),
        ([FAX, PHONE], None, "+46701"),
        ([PHONE, PHONE | {"phoneNumber": "+46703", "preferred": True}], None, "+46703"),
        (
            [{"mediumType": "email", "characteristic": {"emailAddress": "b@example.net"}}, PHONE],
            "b@example.net",
            "+46701",
        ),
        ([{"@type": "EmailContactMedium"}, MAIL], "a@example.net", None),
        (None, None, None),
    ],
)
async def test_contact_media_of_either_version(media: Any, email: str | None, phone: str | None) -> None:
    customer = await one("customer", "crm.customers", {"id": "1", "contactMedium": media})
    assert (customer.email, customer.phone) == (email, phone)


@pytest.mark.parametrize(
    ("engaged", "kind"),
    [
        ({"id": "P1", "@type": "PartyRef", "@referredType": "Organization"}, "Organization"),
        ({"id": "P1", "@type": "Organization"}, "Organization"),
        ({"id": "P1", "@type": "PartyRef"}, "Party"),
        ({"id": "P1", "@type": "RelatedParty", "@referredType": "Individual"}, "Individual"),
        ({"id": "P1", "@type": "RelatedParty"}, None),
        ({"id": "P1"}, None),
    ],
)
async def test_the_party_behind_a_customer(engaged: dict[str, Any], kind: str | None) -> None:
    customer = await one("customer", "crm.customers", {"id": "1", "engagedParty": engaged})
    assert (customer.party_id, customer.party_kind) == ("P1", kind)


@pytest.mark.parametrize(
    ("place", "site"),
    [
        ([{"role": "home", "place": {"id": "S1", "@type": "PlaceRef", "@referredType": "GeographicSite"}}], "S1"),
        ([{"role": "home", "place": {"@type": "GeographicAddress", "city": "Lund"}}, {"place": {"id": 2}}], "2"),
        ([{"id": "S1", "role": "home", "@referredType": "GeographicSite"}], "S1"),
        ([{"id": "S1", "role": "home", "place": [{"city": "Lund"}]}], "S1"),
        ({"id": "S1", "role": "home"}, "S1"),
        ({"role": "home", "place": {"id": "S1"}}, "S1"),
        ([{"place": {"id": "A1", "@type": "PlaceRef", "@referredType": "GeographicAddress"}}], None),
        ([{"place": {"id": "A1", "@type": "GeographicAddress"}}, {"place": {"id": "S1", "@type": "PlaceRef"}}], "S1"),
        ([{"id": "A1", "@referredType": "GeographicAddress"}, {"id": "S1", "@referredType": "GeographicSite"}], "S1"),
        ([{"place": {"id": ""}}], None),
        ([], None),
        (None, None),
    ],
)
@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_places_of_either_version(version: str, place: Any, site: str | None) -> None:
    resource = await one("resource", "inventory.resources", {"id": "1", "place": place}, version=version)
    assert resource.site_id == site
    if not isinstance(place, dict):
        service = await one("service", "inventory.services", {"id": "1", "place": place}, version=version)
        assert service.site_id == site


@pytest.mark.parametrize(
    ("states", "status", "own"),
    [
        ({"resourceStatus": "reserved", "alarmStatus": ["critical"]}, ResourceStatus.RESERVED, "reserved"),
        ({"resourceStatus": "unknown", "operationalState": "enabled"}, ResourceStatus.UNKNOWN, "unknown"),
        ({"alarmStatus": ["minor"], "administrativeState": "locked"}, ResourceStatus.ALARM, "minor"),
        ({"alarmStatus": [], "operationalState": "enabled"}, ResourceStatus.AVAILABLE, "enabled"),
        ({"alarmStatus": None, "operationalState": "Enabled "}, ResourceStatus.AVAILABLE, "Enabled "),
        ({"availabilityStatus": "degraded", "operationalState": "enabled"}, ResourceStatus.ALARM, "degraded"),
        ({"availabilityStatus": "online", "operationalState": "enabled"}, ResourceStatus.AVAILABLE, "enabled"),
        (
            {"administrativeState": "shuttingDown", "operationalState": "enabled"},
            ResourceStatus.SUSPENDED,
            "shuttingDown",
        ),
        ({"administrativeState": "locked", "availabilityStatus": "offline"}, ResourceStatus.SUSPENDED, "locked"),
        ({"administrativeState": "unlocked", "operationalState": "disabled"}, ResourceStatus.UNKNOWN, "disabled"),
        ({"allocationStatus": "reserved", "operationalState": "enabled"}, ResourceStatus.RESERVED, "reserved"),
        ({"allocationStatus": "allocated", "operationalState": "enable"}, ResourceStatus.AVAILABLE, "enable"),
        ({"standbyStatus": "hotStandby", "operationalState": "enabled"}, ResourceStatus.STANDBY, "hotStandby"),
        ({"availabilityStatus": "offDuty", "operationalState": "enabled"}, ResourceStatus.STANDBY, "offDuty"),
        ({"availabilityStatus": "notInstalled", "operationalState": "disabled"}, ResourceStatus.UNKNOWN, "disabled"),
        ({"operationalState": "resting"}, ResourceStatus.UNKNOWN, "resting"),
        ({"usageState": "active"}, ResourceStatus.UNKNOWN, None),
    ],
)
async def test_what_state_a_resource_is_in(states: dict[str, Any], status: ResourceStatus, own: str | None) -> None:
    resource = await one("resource", "inventory.resources", {"id": "1"} | states)
    assert (resource.status, resource.raw_status) == (status, own)


async def test_a_systems_own_words_for_the_states() -> None:
    row = {"id": "1", "operationalState": "In Service"}
    resource = await one("resource", "inventory.resources", row, words={"in service": "enabled"})
    assert (resource.status, resource.raw_status) == (ResourceStatus.AVAILABLE, "In Service")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"appliedBillingRateType": "recurring"}, ChargeKind.RECURRING),
        ({"type": "discount"}, ChargeKind.DISCOUNT),
        ({"appliedBillingRateType": "usage", "type": "AppliedCustomerBillingRate"}, ChargeKind.USAGE),
    ],
)
async def test_kinds_of_charges_of_either_version(row: dict[str, Any], kind: ChargeKind) -> None:
    charges = await one(
        "appliedCustomerBillingRate", "billing.charges_of_bills", row | {"id": "7", "bill": {"id": "1"}}
    )
    assert [(charge.id, charge.kind) for charge in charges.items] == [("7", kind)]


@pytest.mark.parametrize("name", ["state", "status"])
async def test_a_bills_state_where_examples_call_it_status(name: str) -> None:
    bill = await one("customerBill", "billing.bills", {"id": "1", name: "settled", "size": 3})
    assert (bill.state, bill.raw_state) == (BillState.SETTLED, "settled")


@pytest.mark.parametrize(
    ("entities", "services"),
    [
        ([{"role": "x", "entity": {"id": "S1", "@type": "EntityRef", "@referredType": "Service"}}], ("S1",)),
        ([{"role": "x", "entity": {"id": "S1", "@type": "Service"}}], ("S1",)),
        ([{"role": "x", "entity": {"id": "B1", "@type": "EntityRef", "@referredType": "CustomerBill"}}], ()),
        ([{"role": "x", "entity": {"id": "S1", "@type": "EntityRef"}}], ()),
        ([{"id": "S1", "role": "x", "@referredType": "CustomerFacingService"}], ("S1",)),
    ],
)
async def test_what_a_ticket_is_about(entities: Any, services: tuple[str, ...]) -> None:
    ticket = await one("troubleTicket", "ticketing.tickets", {"id": "1", "relatedEntity": entities})
    assert ticket.service_ids == services


async def test_notes_of_v5_are_public_and_history_is_no_hindrance() -> None:
    row = {
        "id": "1",
        "status": "inProgress",
        "note": [{"id": "n", "author": "Ann", "date": "2026-01-02T00:00:00Z", "text": "Hello", "@type": "Note"}],
        "statusChangeHistory": [
            {"status": "pending", "statusChangeDate": "2026-01-01T00:00:00Z", "@type": "StatusChange"}
        ],
        "attachment": [{"@type": "AttachmentRef", "id": "a", "name": "a.txt", "url": "/files/a.txt"}],
        "externalIdentifier": [{"owner": "x", "externalIdentifierType": "y", "id": "z"}],
    }
    ticket = await one("troubleTicket", "ticketing.tickets", row)
    assert [(note.text, note.internal) for note in ticket.notes] == [("Hello", False)]
    assert [file.name for file in ticket.attachments] == ["a.txt"]


# --- Usage --------------------------------------------------------------------------------------------------------


def report(owner: str, *buckets: str, name: str = "bucket") -> dict[str, Any]:
    """A report of one customer's buckets, each with 3 GB left of 5."""
    return {
        "id": f"R{owner}",
        "@type": "UsageConsumptionReport",
        "relatedParty": [party("customer", id=owner, at_type="PartyRoleRef", at_referred="Customer")],
        name: [
            {
                "id": bucket,
                "@type": "Bucket",
                "remainingValue": {"amount": 3, "units": "GB"},
                "bucketCounter": [{"counterType": "used", "value": {"amount": 2, "units": "GB"}}],
            }
            for bucket in buckets
        ],
    }


async def used(server: Canned, keys: Sequence[str], **profile: Any) -> Any:
    """Usage of these customers by a driver of v5."""
    async with reading(server, profile={"version": "v5", "paging": "none"} | profile) as c:
        return await c.usage.usage_of_customers(keys)


async def test_reports_of_either_spelling_each_under_its_customer() -> None:
    rows = [report("1", "a", "b"), report("2", "c", name="bucketRefOrValue"), report("9", "d")]
    async with canned(usageConsumptionReport=json.dumps(rows)) as server:
        found = await used(server, ["1", "2", "3"])
    assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {"1": ["a", "b"], "2": ["c"]}
    assert {(one.used, one.remaining, one.unit) for rows in found.values() for one in rows.items} == {
        (Decimal(2), Decimal(3), "GB")
    }
    assert [rows.total for rows in found.values()] == [2, 1]
    assert len(server.seen) == 1


async def test_a_bucket_of_somebody_else_in_a_customers_report_is_somebody_elses() -> None:
    row = report("1", "a", "b")
    row["bucket"][1]["relatedParty"] = [party("customer", id="2", at_type="PartyRoleRef", at_referred="Customer")]
    async with canned(usageConsumptionReport=json.dumps([row])) as server:
        found = await used(server, ["1", "2"])
    assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {"1": ["a"], "2": ["b"]}


async def test_usage_that_names_nobody_is_nobodys_and_the_operator_is_told(caplog: pytest.LogCaptureFixture) -> None:
    nobodys = {key: value for key, value in report("1", "a").items() if key != "relatedParty"}
    async with canned(usageConsumptionReport=json.dumps([nobodys])) as server:
        assert await used(server, ["1"]) == {}
    assert [record.getMessage() for record in caplog.records] == [
        "billing: sends usage without related parties, so it belongs to no customer and is not shown"
    ]


async def test_a_report_that_cannot_be_read_leaves_the_number_open() -> None:
    rows = [report("1", "a"), {"id": "R2", "bucket": "all of it"}]
    async with canned(usageConsumptionReport=json.dumps(rows)) as server:
        found = await used(server, ["1", "2"])
    assert {key: ([one.id for one in rows.items], rows.total) for key, rows in found.items()} == {
        "1": (["a"], None),
        "2": ([], None),
    }


async def test_usage_is_asked_in_parts_and_one_failing_part_costs_only_itself() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        keys = request.query["relatedParty.partyOrPartyRole.id"].split(",")
        if "3" in keys:
            return web.Response(status=500)
        return web.json_response([report(key, f"b{key}") for key in keys], headers={"X-Total-Count": str(len(keys))})

    async with canned(usageConsumptionReport=answer) as server:
        found = await used(server, ["1", "2", "3", "4", "5"], max_keys=2)
    assert {key: isinstance(rows, ConnectorError) for key, rows in found.items()} == {
        "1": False,
        "2": False,
        "3": True,
        "4": True,
        "5": False,
    }


async def test_a_profile_names_paths_and_filters_of_its_version() -> None:
    profile = {
        "version": "v5",
        "paths": {"usageConsumptionReport": "/usage/reports"},
        "parameters": {"relatedParty.partyOrPartyRole.id": "customer"},
    }
    async with canned(reports="[]") as server:
        await used(server, ["1", "2"], **profile)
    assert server.seen == ["/usage/reports?customer=1,2"]
