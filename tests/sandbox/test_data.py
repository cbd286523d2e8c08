"""The people and facts of the contract, links between the systems, and the same data on every machine."""

import re
from base64 import b64decode
from datetime import date
from decimal import Decimal
from http.client import HTTPConnection

import pytest

from sandbox.data.billing import customer_bills
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS, resources_of
from sandbox.server import SandboxServer

OPEN = "inProgress,acknowledged,pending,held"


def _total(rows, path="value"):
    return sum((row[path]["value"] for row in rows), Decimal(0))


def test_1001_is_the_example_subscriber_of_the_contract(systems):
    crm, billing, inventory, ticketing = (systems[name] for name in SYSTEMS)
    assert crm.get("customer/1001").json["status"] == "Active"
    assert [row["name"] for row in billing.get("billingAccount?relatedParty.id=1001").json] == ["Household", "Mobile"]
    services = inventory.get("service?relatedParty.id=1001").json
    assert [row["serviceType"] for row in services] == ["broadband", "mobile", "tv", "voice"]
    below = [[r["id"] for s in row["supportingService"] for r in s["supportingResource"]] for row in services]
    assert below == [
        ["RES-1001-1", "RES-1001-2", "CAB-001", "OLT-001"],
        ["RES-1001-3", "RES-1001-4"],
        ["RES-1001-5"],
        ["RES-1001-6", "RES-1001-2", "CAB-001"],
    ]
    tickets = ticketing.get("troubleTicket?relatedParty.id=1001").json
    assert [t["status"] == "inProgress" for t in tickets] == [True, False, False]
    assert {t["status"] for t in tickets[1:]} <= {"closed", "resolved"}
    assert [n["@type"] for n in tickets[0]["note"]] == ["Note", "InternalNote", "Note"]


def test_1001_has_one_bill_open_and_one_overdue(billing):
    bills = billing.get("customerBill?relatedParty.id=1001").json
    assert len(bills) == 14
    unpaid = [bill for bill in bills if bill["state"] != "settled"]
    due, late = sorted(unpaid, key=lambda bill: bill["paymentDueDate"], reverse=True)
    assert due["paymentDueDate"] > "2026-11-22T00:00:00Z" > late["paymentDueDate"]
    assert (due["state"], due["remainingAmount"]) == ("sent", due["amountDue"])
    assert (late["state"], 0 < late["remainingAmount"]["value"] < late["amountDue"]["value"]) == ("partiallyPaid", True)
    assert {bill["remainingAmount"]["value"] for bill in bills if bill["state"] == "settled"} == {Decimal(0)}


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("day", ["2026-01-31", "2026-03-01", "2028-02-29", "2026-12-31"])
def test_1001_has_one_bill_open_and_one_overdue_on_any_day(seed, day):
    bills = customer_bills(World(seed, 2, date.fromisoformat(day)), 1001)
    unpaid = [bill["paymentDueDate"][:10] > day for bill in bills if bill["state"] != "settled"]
    assert sorted(unpaid) == [False, True]


def test_one_open_outage_affects_one_service_of_1001_and_others_too(ticketing, inventory):
    outages = ticketing.get(
        f"serviceProblem?status={OPEN}&affectedService.id=SVC-1001-1,SVC-1001-2,SVC-1001-3,SVC-1001-4"
    )
    (outage,) = outages.json
    hit = {ref["id"] for ref in outage["affectedService"]}
    assert {service for service in hit if service.startswith("SVC-1001-")} == {"SVC-1001-1"}
    assert "SVC-1002-1" in hit
    assert 2 < len(hit) <= 40
    assert "TT-1001-1" in {ref["id"] for ref in outage["troubleTicket"]}
    resource = inventory.get(f"resource/{outage['affectedResource'][0]['id']}").json
    assert (resource["resourceStatus"], resource["place"]["id"]) == ("alarm", "SITE-CAB-001")
    # by way of resources: no other service of 1001 has anything broken under it
    broken = {ref["id"] for row in ticketing.all("serviceProblem", f"status={OPEN}") for ref in row["affectedResource"]}
    under = {
        row["id"]: {r["id"] for s in row["supportingService"] for r in s["supportingResource"]} & broken
        for row in inventory.get("service?relatedParty.id=1001").json
    }
    assert under == {"SVC-1001-1": {"OLT-001"}, "SVC-1001-2": set(), "SVC-1001-3": set(), "SVC-1001-4": set()}


def test_the_number_of_open_outages_is_bounded(ticketing):
    rows = ticketing.all("serviceProblem")
    over = [row for row in rows if row["status"] in ("resolved", "closed")]
    assert 0 < len(rows) - len(over) <= 12
    assert all("resolutionDate" in row for row in over)


def test_1001_has_used_part_of_an_allowance(billing):
    body = {
        "relatedParty": [{"id": "1001", "@referredType": "Customer"}, {"id": "1002", "@referredType": "Customer"}],
        "searchCriteria": {},
    }
    found = billing.ask("POST", "queryUsageConsumption", body).json["usageConsumption"]
    assert [row["relatedParty"][0]["id"] for row in found] == ["1001", "1002"]
    for bucket in found[0]["bucketRefOrValue"]:
        (counter,) = bucket["bucketCounter"]
        assert counter["counterType"] == "used"
        assert counter["value"]["units"] == bucket["remainingValue"]["units"]
        assert counter["value"]["amount"] > 0
        assert bucket["remainingValue"]["amount"] > 0


def test_bill_lines_add_up_to_the_bill(billing):
    bills = billing.all("customerBill", "relatedParty.id=" + ",".join(map(str, range(1001, 1051))))
    lines = billing.all("appliedCustomerBillingRate", "bill.id=" + ",".join(bill["id"] for bill in bills[:120]))
    assert {line["type"] for line in lines} == {"recurring", "usage", "discount", "oneTime"}
    assert all((line["taxIncludedAmount"]["value"] < 0) == (line["type"] == "discount") for line in lines)
    for bill in bills[:120]:
        own = [line for line in lines if line["bill"]["id"] == bill["id"]]
        assert _total(own, "taxIncludedAmount") == bill["taxIncludedAmount"]["value"] == bill["amountDue"]["value"]
        assert _total(own, "taxExcludedAmount") == bill["taxExcludedAmount"]["value"]


def test_balances_and_payments_agree_with_the_bills(billing):
    accounts = {row["id"]: row["accountBalance"][0]["amount"]["value"] for row in billing.all("billingAccount")}
    owed = dict.fromkeys(accounts, Decimal(0))
    paid = {row["paymentItem"][0]["item"]["id"]: row["totalAmount"]["value"] for row in billing.all("payment")}
    for bill in billing.all("customerBill"):
        owed[bill["billingAccount"]["id"]] += bill["remainingAmount"]["value"]
        assert bill["amountDue"]["value"] - paid.pop(bill["id"], Decimal(0)) == bill["remainingAmount"]["value"]
    assert paid == {}
    assert owed == accounts


def test_money_has_two_digits_on_the_wire(billing):
    for name in ("customerBill", "payment", "billingAccount", "appliedCustomerBillingRate"):
        amounts = re.findall(rb'"unit":"EUR","value":([^,}]*)', billing.get(f"{name}?limit=300").body)
        assert len(amounts) >= 300
        assert [a for a in amounts if not re.fullmatch(rb"-?\d+\.\d\d", a)] == []


def test_emails_and_phones_are_unique(crm):
    media = [row["contactMedium"] for row in crm.all("customer")]
    for index, key in ((0, "emailAddress"), (1, "phoneNumber")):
        values = [m[index]["characteristic"][key] for m in media]
        assert len(set(values)) == len(values) == 300
    assert all(value.isascii() for value in values)


def test_about_a_tenth_are_organizations_with_a_party_each(crm):
    organizations = crm.all("organization")
    assert 15 <= len(organizations) <= 50
    assert len(crm.all("individual")) + len(organizations) == 300


def _links(row):
    """Yield every reference inside a row: its href and id."""
    for value in row.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                if "href" in item:
                    yield item["href"], item["id"]
                yield from _links(item)


def test_every_link_leads_to_a_row(systems):
    owner = {resource.path: name for name in SYSTEMS for resource in resources_of(name)}
    rows = {
        resource.path: {row["id"]: row for row in systems[name].all(resource.name)}
        for name in SYSTEMS
        for resource in resources_of(name)
    }
    followed = set()
    for found in rows.values():
        for row in found.values():
            for href, ident in _links(row):
                path, _, last = href.rpartition("/")
                assert last == ident
                assert path in owner
                assert ident in rows[path], f"{row['href']} points to {href}"
                followed.add(path)
    leaves = {"/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"}
    leaves.add("/tmf-api/serviceProblemManagement/v4/serviceProblem")
    assert followed == set(owner) - leaves


def test_party_and_customer_point_at_each_other(crm):
    party = crm.get("individual/P1001").json
    customer = crm.get(f"customer/{party['relatedParty'][0]['id']}").json
    assert (customer["engagedParty"]["id"], customer["name"]) == ("P1001", party["fullName"])
    assert party["contactMedium"] == customer["contactMedium"]


def test_the_shared_cabinet_belongs_to_nobody(inventory):
    cabinet = inventory.get("resource/CAB-001").json
    assert (cabinet["category"], "relatedParty" in cabinet) == ("Cabinet", False)
    assert inventory.get("geographicSite/SITE-CAB-001").json["name"] == cabinet["place"]["name"]


def test_a_bill_document_is_a_pdf_with_the_number(billing):
    bill = billing.get("customerBill/BILL-1001-1-07").json
    (document,) = bill["billDocument"]
    reply = billing.get(document["url"])
    assert (reply.status, reply.headers["content-type"], document["mimeType"]) == (200, *["application/pdf"] * 2)
    assert reply.body.startswith(b"%PDF-1.4")
    assert bill["billNo"].encode() in reply.body
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", reply.body)[1])
    offsets = [int(o) for o in re.findall(rb"(\d{10}) 00000 n", reply.body[start:])]
    assert [reply.body[o:].startswith(b"%d 0 obj" % i) for i, o in enumerate(offsets, 1)] == [True] * 5
    assert billing.get("/documents/BILL-1001-1-99.pdf").status == 404


def test_ticket_attachments_by_address_and_inline(ticketing):
    picture, text = ticketing.get("troubleTicket/TT-1001-1").json["attachment"]
    reply = ticketing.get(picture["url"])
    assert (reply.headers["content-type"], reply.body[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert b"TT-1001-1" in b64decode(text["content"])
    assert ticketing.get("/attachments/TT-1001-2-A1").status == 404


def _everything(seed, customers=40):
    found = {}
    for name in SYSTEMS:
        with SandboxServer(name, world=World(seed, customers)) as server:
            connection = HTTPConnection(server.host, server.port)
            for resource in resources_of(name):
                connection.request("GET", f"{resource.path}?limit=2000")
                found[resource.name] = connection.getresponse().read()
            connection.close()
    return found


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_names():
    first, again, other = _everything(1), _everything(1), _everything(2)
    assert first == again
    assert {name for name in first if first[name] == other[name]} == set()


def test_a_population_starts_with_the_same_people_however_large_it_is():
    small, large = World(customers=40), World(customers=90_000)
    assert [small.subscriber(n) for n in small.numbers] == [large.subscriber(n) for n in small.numbers]


def test_100000_customers_cost_nothing_until_they_are_asked_for(fresh):
    client = fresh("crm", customers=100_000)
    world = client.server.world
    assert world.generated == 0
    reply = client.get("customer?limit=50&offset=90000")
    assert (reply.ids[0], reply.headers["x-total-count"], world.generated) == ("91001", "100000", 50)
    assert client.get("customer?sort=-id&limit=1").ids == ["101000"]
    assert world.generated == 51
    reply = client.get("customer?name.regex=%5EAnna%20B&limit=1")
    assert reply.json[0]["name"].startswith("Anna B")
    assert world.generated < 2000
