"""Everything that is sent and taken, held against the official TM Forum v4 definitions."""

import json

import pytest

from sandbox.protocol.systems import RESOURCES
from tests.sandbox import official

pytestmark = pytest.mark.skipif(
    not official.SPECS.is_dir(), reason=f"no official specs at {official.SPECS}; set TMF_SPECS"
)


def _floats(reply):
    return json.loads(reply.body)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
@pytest.mark.parametrize("limit", [20, pytest.param(400, marks=pytest.mark.long)])
def test_rows_are_what_the_official_definition_says(systems, resource, limit):
    rows = _floats(systems[resource.system].get(f"{resource.name}?limit={limit}"))
    assert rows
    wrong = {row["id"]: found for row in rows if (found := official.problems(resource.type, resource.type, row))}
    assert wrong == {}


def test_the_definitions_catch_a_wrong_row(ticketing):
    row = _floats(ticketing.get("troubleTicket/TT-1001-1"))
    for change in ({"status": "Working"}, {"creationDate": "2026-05-16 23:38:55"}, {"severty": "x"}, {"note": {}}):
        assert official.problems("TroubleTicket", "TroubleTicket", row | change)


def test_a_usage_task_and_its_request(billing):
    body = {"searchCriteria": {"relatedParty": [{"id": "1001", "@referredType": "Customer"}]}}
    assert official.problems("QueryUsageConsumption", "QueryUsageConsumption_Create", body) == []
    reply = billing.ask("POST", "queryUsageConsumption", body)
    task = _floats(reply)
    assert official.problems("QueryUsageConsumption", "QueryUsageConsumption", task) == []
    again = _floats(billing.get(reply.headers["location"]))
    assert again == task
    assert [c["state"] for c in task["usageConsumption"]] == ["done"]


@pytest.mark.parametrize("query", ["customer/1", "customer?limit=x", "customer?filter=%24"])
def test_error_bodies(crm, query):
    reply = crm.get(query)
    assert reply.status >= 400
    assert official.problems("Customer", "Error", _floats(reply)) == []


WRITES = [
    ("crm", "POST", "customer", "Customer", "Customer_Create",
     {"name": "New One", "engagedParty": {"id": "P1", "@referredType": "Individual"}}),
    ("crm", "PATCH", "customer/1001", "Customer", "Customer_Update",
     {"engagedParty": {"id": "P1001", "@referredType": "Individual"},
      "contactMedium": [{"mediumType": "email", "characteristic": {"emailAddress": "new@example.net"}}]}),
    ("crm", "POST", "individual", "Individual", "Individual_Create", {"givenName": "New", "familyName": "One"}),
    ("crm", "PATCH", "individual/P1001", "Individual", "Individual_Update",
     {"givenName": "Nova", "familyName": "Svensson"}),
    ("billing", "PATCH", "customerBill/BILL-1001-1-07", "CustomerBill", "CustomerBill_Update", {"state": "onHold"}),
    ("billing", "POST", "payment", "Payment", "Payment_Create",
     {"account": {"id": "BA-1001-1"}, "paymentMethod": {"id": "PM-1001-1"},
      "totalAmount": {"unit": "EUR", "value": 1.5},
      "paymentItem": [{"id": "1", "item": {"id": "BILL-1001-1-07", "@referredType": "CustomerBill"},
                       "totalAmount": {"unit": "EUR", "value": 1.5}}]}),
    ("inventory", "PATCH", "service/SVC-1001-1", "Service", "Service_Update", {"state": "inactive"}),
    ("inventory", "PATCH", "resource/RES-1001-1", "Resource", "Resource_Update", {"resourceStatus": "suspended"}),
    ("ticketing", "POST", "troubleTicket", "TroubleTicket", "TroubleTicket_Create",
     {"description": "d", "severity": "Minor", "ticketType": "fault",
      "relatedParty": [{"id": "1001", "role": "customer", "@referredType": "Customer"}]}),
    ("ticketing", "PATCH", "troubleTicket/TT-1001-1", "TroubleTicket", "TroubleTicket_Update",
     {"status": "resolved", "statusChangeReason": "done", "note": [{"author": "1001", "text": "Works again"}]}),
    ("ticketing", "POST", "serviceProblem", "ServiceProblem", "ServiceProblem_Create",
     {"category": "supplier.originated", "priority": 1, "description": "d", "reason": "r",
      "originatorParty": {"id": "NOC", "@referredType": "Organization"}}),
    ("ticketing", "PATCH", "serviceProblem/SP-1", "ServiceProblem", "ServiceProblem_Update", {"status": "resolved"}),
]  # fmt: skip


@pytest.mark.parametrize("case", WRITES, ids=lambda c: f"{c[1]} {c[2]}")
def test_writes_take_official_bodies_and_answer_official_rows(fresh, case):
    system, method, path, kind, body_kind, body = case
    assert official.problems(kind, body_kind, body) == []
    client = fresh(system)
    reply = client.ask(method, path, body)
    assert reply.status == (201 if method == "POST" else 200)
    row = _floats(reply)
    assert official.problems(kind, kind, row) == []
    assert client.get(row["href"]).json == reply.json
