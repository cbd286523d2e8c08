"""TM Forum v5: what is served under which path, in which shape, and how it is asked for."""

import json

import pytest

from sandbox.data import shapes
from sandbox.protocol import version5
from sandbox.protocol.systems import REPORT, RESOURCES
from tests.sandbox import official5

CUSTOMER, PRODUCT, TICKET = (version5.PATHS[path] for path in (shapes.CUSTOMER, shapes.PRODUCT, shapes.TICKET))
SERVICE, RESOURCE = version5.PATHS[shapes.SERVICE], version5.PATHS[shapes.RESOURCE]
V5 = [*(resource for resource in RESOURCES if resource.path in version5.PATHS), REPORT]


@pytest.fixture
def v5(systems):
    for client in systems.values():
        client.server.switches.version = "v5"
    return systems


def _path(resource):
    return version5.PATHS.get(resource.path, resource.path)


@pytest.mark.skipif(bool(official5.MISSING), reason=official5.MISSING)
@pytest.mark.parametrize("resource", V5, ids=lambda r: r.name)
@pytest.mark.parametrize("limit", [10, pytest.param(400, marks=pytest.mark.long)])
def test_rows_are_what_the_official_definition_says(v5, resource, limit):
    rows = json.loads(v5[resource.system].get(f"{_path(resource)}?limit={limit}").body)
    assert rows
    wrong = {row["id"]: found for row in rows if (found := official5.problems(resource.type, resource.type, row))}
    assert wrong == {}


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.path in version5.PATHS], ids=lambda r: r.name)
def test_one_version_at_a_time(systems, resource):
    client = systems[resource.system]
    statuses = []
    for version in ("v4", "v5"):
        client.server.switches.version = version
        statuses.append([client.get(f"{path}?limit=1").status for path in (resource.path, _path(resource))])
    assert statuses == [[206, 404], [404, 206]]


def test_what_has_no_v5_stays_where_it_is(v5):
    assert v5["billing"].get("payment?account.id=BA-1001-1").json[0]["payer"]["id"] == "1001"
    assert v5["inventory"].get("geographicSite/SITE-1001").json["relatedParty"][0]["id"] == "1001"


def test_a_related_party_is_nested_and_so_is_its_filter(v5):
    crm = v5["crm"]
    path = version5.PATHS[shapes.PRODUCT]
    rows = crm.get(f"{path}?relatedParty.partyOrPartyRole.id=1001,1002").json
    parties = [row["relatedParty"] for row in rows]
    assert {row["id"][:9] for row in rows} == {"PROD-1001", "PROD-1002"}
    assert parties[0] == [
        {
            "role": "customer",
            "@type": "RelatedPartyOrPartyRole",
            "partyOrPartyRole": {
                "id": "1001",
                "href": "/tmf-api/customerManagement/v5/customer/1001",
                "name": crm.get(f"{version5.PATHS[shapes.CUSTOMER]}/1001").json["name"],
                "partyId": "P1001",
                "partyName": parties[0][0]["partyOrPartyRole"]["name"],
                "@type": "PartyRoleRef",
                "@referredType": "Customer",
            },
        }
    ]
    assert crm.get(f"{path}?relatedParty.id=1001").json == []


def test_a_customer_stands_on_a_reference_to_a_party_and_is_reached_by_flat_media(v5):
    crm = v5["crm"]
    row = crm.get(f"{CUSTOMER}/1001").json
    assert {key: row["engagedParty"][key] for key in ("id", "@type", "@referredType")} == {
        "id": "P1001",
        "@type": "PartyRef",
        "@referredType": "Individual",
    }
    email, phone, postal = row["contactMedium"]
    assert [medium["@type"] for medium in row["contactMedium"]] == [
        "EmailContactMedium",
        "PhoneContactMedium",
        "GeographicAddressContactMedium",
    ]
    assert ("mediumType" in email, "characteristic" in email, phone["contactType"]) == (False, False, "mobile")
    assert postal["country"] == "SE"
    assert crm.get(f"{CUSTOMER}?contactMedium.emailAddress={email['emailAddress']}").ids == ["1001"]
    assert crm.get(f"{CUSTOMER}?contactMedium.phoneNumber=%2B{phone['phoneNumber'][1:]}").ids == ["1001"]
    assert crm.get(f"{CUSTOMER}?contactMedium.emailAddress.regex=^{email['emailAddress'][:9]}").ids == ["1001"]


def test_parties_can_be_given_by_value(v5):
    crm = v5["crm"]
    crm.server.switches.parties_by_value = True
    (owner,) = crm.get(f"{CUSTOMER}/1001").json["relatedParty"]
    assert (owner["role"], owner["partyOrPartyRole"]["id"], owner["partyOrPartyRole"]["@type"]) == (
        "owner",
        "P1001",
        "Individual",
    )
    (customer,) = crm.get(f"{PRODUCT}/PROD-1001-1").json["relatedParty"]
    party = customer["partyOrPartyRole"]
    assert (party["id"], party["@type"], party["engagedParty"]["id"]) == ("1001", "PartyRole", "P1001")


def test_what_v5_calls_otherwise(v5):
    account = v5["billing"].get(f"{version5.PATHS[shapes.ACCOUNT]}/BA-1001-1").json
    rate = v5["billing"].get(f"{version5.PATHS[shapes.RATE]}?bill.id=BILL-1001-1-07&limit=1").json[0]
    product = v5["crm"].get(f"{PRODUCT}/PROD-1001-1").json
    ticket = v5["ticketing"].get(f"{TICKET}/TT-1001-1").json
    assert ("lastModified" in account, account["lastUpdate"][:5]) == (False, "2026-")
    assert ("type" in rate, rate["appliedBillingRateType"]) == (False, "recurring")
    assert product["creationDate"] == product["startDate"]
    assert product["productTerm"][0]["duration"] == {"amount": 24, "units": "month"}
    assert [step["status"] for step in ticket["statusChangeHistory"]] == ["acknowledged", "inProgress"]
    assert all(step["statusChangeDate"] for step in ticket["statusChangeHistory"])
    assert ticket["relatedEntity"][0]["entity"]["id"] == "SVC-1001-1"
    assert v5["ticketing"].get(f"{TICKET}?relatedEntity.entity.id=SVC-1001-1&status=inProgress").ids == ["TT-1001-1"]


def test_services_and_resources_say_their_states_in_the_words_of_v5(systems):
    inventory = systems["inventory"]
    before = {row["id"]: row for name in ("service", "resource") for row in inventory.all(name)}
    inventory.server.switches.version = "v5"
    after = {row["id"]: row for path in (SERVICE, RESOURCE) for row in inventory.all_at(path)}
    assert before.keys() == after.keys()
    said = {
        (old["state"], new["state"], new["operatingStatus"])
        for ident, new in after.items()
        if "state" in (old := before[ident])
    }
    assert said == {
        ("active", "active", "running"),
        ("inactive", "suspended", "stopped"),
        ("terminated", "terminated", "stopped"),
    }
    states = {
        (old["resourceStatus"], new["operationalState"], new["availabilityStatus"], *new.get("alarmStatus", []))
        for ident, new in after.items()
        if "resourceStatus" in (old := before[ident])
    }
    assert states == {("available", "enabled", "online"), ("alarm", "disabled", "failed", "critical")}
    assert after["RES-1001-1"]["place"] == [
        {
            "role": "InstallationAddress",
            "@type": "RelatedPlaceRef",
            "place": {
                **{k: v for k, v in before["RES-1001-1"]["place"].items() if k != "role"},
                "@type": "PlaceRef",
            },
        }
    ]
    assert set(inventory.get(f"{RESOURCE}?place.place.id=SITE-CAB-001").ids) == {"CAB-001", "OLT-001"}
    assert inventory.get(f"{SERVICE}?state=suspended&limit=1").json[0]["state"] == "suspended"


def test_usage_is_a_plain_list_besides_the_task(v5):
    billing = v5["billing"]
    reports = billing.get(f"{REPORT.path}?relatedParty.partyOrPartyRole.id=1001,1002").json
    task = billing.ask(
        "POST",
        version5.PATHS[shapes.USAGE],
        {
            "searchCriteria": {
                "relatedParty": [
                    {
                        "partyOrPartyRole": {"id": ident, "@type": "PartyRoleRef"},
                        "@type": "RelatedPartyRefOrPartyRoleRef",
                    }
                    for ident in ("1001", "1002")
                ],
                "@type": "UsageConsumptionReport",
            },
            "@type": "QueryUsageConsumption",
        },
    )
    assert task.status == 201
    assert task.json["usageConsumption"] == reports
    assert (task.json["state"], task.headers["location"]) == ("done", task.json["href"])
    assert {report["relatedParty"][0]["partyOrPartyRole"]["id"] for report in reports} <= {"1001", "1002"}
    assert [bucket["usageType"] for bucket in reports[0]["bucket"]] == ["data", "voice", "sms"]
    first = reports[0]
    for path in ("product", "logicalResource", "partyAccount"):
        assert first["id"] in billing.get(f"{REPORT.path}?{path}.id={first[path][0]['id']}").ids
    assert billing.get(f"{REPORT.path}/{first['id']}").json == first
    everybody = billing.get(f"{REPORT.path}?limit=1000")
    assert len(everybody.json) == int(everybody.headers["x-total-count"])


WRITES = [
    ("ticketing", "POST", shapes.TICKET, "", "TroubleTicket",
     {"description": "d", "severity": "Minor", "ticketType": "fault", "@type": "TroubleTicket",
      "externalIdentifier": [{"id": "K1", "externalIdentifierType": "key", "@type": "ExternalIdentifier"}],
      "relatedEntity": [{"role": "service", "@type": "RelatedEntity",
                         "entity": {"id": "SVC-1001-1", "@referredType": "Service", "@type": "EntityRef"}}],
      "relatedParty": [{"role": "customer", "@type": "RelatedPartyRefOrPartyRoleRef",
                        "partyOrPartyRole": {"id": "1001", "@type": "PartyRoleRef", "@referredType": "Customer"}}]}),
    ("ticketing", "PATCH", shapes.TICKET, "/TT-1001-1", "TroubleTicket",
     {"status": "resolved", "@type": "TroubleTicket",
      "note": [{"author": "1001", "text": "Works again", "@type": "Note"}]}),
    ("crm", "PATCH", shapes.INDIVIDUAL, "/P1001", "Individual",
     {"@type": "Individual", "familyName": "Svensson",
      "contactMedium": [{"@type": "EmailContactMedium", "emailAddress": "new@example.net", "preferred": True}]}),
    ("crm", "POST", shapes.ORGANIZATION, "", "Organization", {"@type": "Organization", "name": "New One"}),
    ("inventory", "PATCH", shapes.SERVICE, "/SVC-1001-1", "Service", {"@type": "Service", "state": "suspended"}),
    ("billing", "PATCH", shapes.BILL, "/BILL-1001-1-07", "CustomerBill",
     {"@type": "CustomerBill", "state": "onHold"}),
]  # fmt: skip


@pytest.mark.skipif(bool(official5.MISSING), reason=official5.MISSING)
@pytest.mark.parametrize("case", WRITES, ids=lambda c: f"{c[1]} {c[4]}")
def test_writes_take_official_bodies_and_answer_official_rows(fresh, case):
    system, method, native, ident, kind, body = case
    assert official5.problems(kind, f"{kind}_{'FVO' if method == 'POST' else 'MVO'}", body) == []
    client = fresh(system)
    client.server.switches.version = "v5"
    reply = client.ask(method, version5.PATHS[native] + ident, body)
    assert reply.status == (201 if method == "POST" else 200)
    row = json.loads(reply.body)
    assert official5.problems(kind, kind, row) == []
    assert row["href"].startswith(version5.PATHS[native])
    assert client.get(row["href"]).json == reply.json
    assert {k: v for k, v in row.items() if k in body and isinstance(v, str)} == {
        k: v for k, v in body.items() if isinstance(v, str)
    }


def test_a_ticket_written_under_v5_is_found_by_all_that_was_said(fresh):
    ticketing = fresh("ticketing")
    ticketing.server.switches.version = "v5"
    made = ticketing.ask("POST", TICKET, WRITES[0][5]).json
    assert ticketing.get(f"{TICKET}?externalIdentifier.id=K1").ids == [made["id"]]
    assert made["id"] in ticketing.get(f"{TICKET}?relatedParty.partyOrPartyRole.id=1001").ids
    assert made["id"] in ticketing.get(f"{TICKET}?relatedEntity.entity.id=SVC-1001-1").ids
    ticketing.server.switches.version = "v4"
    old = ticketing.get(f"troubleTicket/{made['id']}").json
    assert (old["externalId"], old["relatedParty"][0]["id"], old["relatedParty"][0]["role"]) == (
        "K1",
        "1001",
        "customer",
    )


def test_vendors_quirks_are_the_same_in_v5(v5):
    inventory, ticketing = v5["inventory"], v5["ticketing"]
    inventory.server.switches.supporting_service_by_reference = True
    assert [set(s) for s in inventory.get(f"{SERVICE}/SVC-1001-1").json["supportingService"]] == [
        {"id", "href", "name", "@type"}
    ]
    ticketing.server.switches.party_role_in_referred_type = True
    parties = ticketing.get(f"{TICKET}/TT-1001-1").json["relatedParty"]
    assert [
        ("role" in p, p["partyOrPartyRole"]["id"][:5], p["partyOrPartyRole"]["@referredType"]) for p in parties
    ] == [
        (False, "1001", "customer"),
        (False, "AGENT", "assigned_to"),
        (False, "", "customer_contact"),
    ]


def test_a_characteristic_says_the_type_of_its_value(fresh):
    crm = fresh("crm")
    values = {"tier": "gold", "score": 7, "rate": 1.5, "vip": True, "tags": ["a"], "place": {"floor": 2}}
    given = [{"name": name, "value": value} for name, value in values.items()]
    party = {"id": "P1001", "@referredType": "Individual"}
    assert crm.ask("PATCH", "customer/1001", {"engagedParty": party, "characteristic": given}).status == 200
    crm.server.switches.version = "v5"
    row = json.loads(crm.get(f"{CUSTOMER}/1001").body)
    assert {c["name"]: (c["@type"], c["value"]) for c in row["characteristic"]} == {
        "tier": ("StringCharacteristic", "gold"),
        "score": ("IntegerCharacteristic", 7),
        "rate": ("NumberCharacteristic", 1.5),
        "vip": ("BooleanCharacteristic", True),
        "tags": ("StringArrayCharacteristic", ["a"]),
        "place": ("ObjectCharacteristic", {"floor": 2}),
    }
    if not official5.MISSING:
        assert official5.problems("Customer", "Customer", row) == []
