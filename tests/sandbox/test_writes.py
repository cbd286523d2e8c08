"""Writes: what POST and PATCH change, what they refuse, and the events that listeners get."""

from decimal import Decimal

import pytest

from tests.sandbox import official, official5
from tests.sandbox.listener import Listener


def _pay(bill, value, **more):
    return {
        "account": {"id": bill["billingAccount"]["id"]},
        "paymentMethod": {"id": "PM-1001-1", "@referredType": "TokenizedCard"},
        "totalAmount": {"unit": "EUR", "value": value},
        "paymentItem": [{"id": "1", "item": {"id": bill["id"], "@referredType": "CustomerBill"}}],
        **more,
    }


def test_paying_a_bill_in_two_parts(fresh):
    billing = fresh("billing")
    bill = billing.get("customerBill/BILL-1001-1-07").json
    whole = bill["amountDue"]["value"]
    before = billing.get("billingAccount/BA-1001-1").json["accountBalance"][0]["amount"]["value"]
    first = billing.ask("POST", "payment", _pay(bill, Decimal("10.00"), correlatorId="mine-1"))
    assert (first.status, first.headers["location"]) == (201, first.json["href"])
    assert (first.json["status"], first.json["paymentDate"][:11]) == ("done", "2026-11-22T")
    part = billing.get("customerBill/BILL-1001-1-07").json
    assert (part["state"], part["remainingAmount"]["value"]) == ("partiallyPaid", whole - 10)
    assert billing.ask("POST", "payment", _pay(bill, whole)).status == 409
    assert billing.ask("POST", "payment", _pay(bill, whole - 10)).status == 201
    done = billing.get("customerBill?id=BILL-1001-1-07&state=settled").json[0]
    assert (done["remainingAmount"]["value"], done["amountDue"]["value"]) == (0, whole)
    after = billing.get("billingAccount?id=BA-1001-1").json[0]["accountBalance"][0]["amount"]["value"]
    assert before - after == whole
    found = billing.get("payment?paymentItem.item.id=BILL-1001-1-07&sort=totalAmount.value").json
    assert [row["totalAmount"]["value"] for row in found] == [10, whole - 10]
    applied = {one["payment"]["id"]: one["appliedAmount"]["value"] for one in done["appliedPayment"]}
    assert applied == {row["id"]: row["totalAmount"]["value"] for row in found}
    assert billing.get("payment?correlatorId=mine-1").ids == [first.json["id"]]


def test_a_payment_that_cannot_be_is_refused_and_changes_nothing(fresh):
    billing = fresh("billing")
    bill = billing.get("customerBill/BILL-1001-1-07").json
    good = _pay(bill, 1)
    for body, status in (
        ({}, 400),
        ({**good, "account": {"id": "BA-9-9"}}, 400),
        ({**good, "paymentItem": [{"item": {"id": "BILL-0"}}]}, 400),
        ({**good, "totalAmount": {"unit": "USD", "value": 1}}, 400),
        ({**good, "totalAmount": {"unit": "EUR", "value": -1}}, 400),
        ({**good, "totalAmount": {"unit": "EUR", "value": 99999}}, 409),
        (b"{", 400),
        (b"[]", 400),
    ):
        reply = billing.ask("POST", "payment", body)
        assert (reply.status, reply.json["code"]) == (status, str(status))
    assert billing.get("customerBill/BILL-1001-1-07").json == bill
    assert billing.server.world.generated < 10


def test_a_new_ticket_is_found_by_everything_it_names(fresh):
    ticketing = fresh("ticketing")
    body = {
        "description": "No light on the terminal",
        "severity": "Major",
        "ticketType": "fault",
        "externalId": "gw-77",
        "note": [{"author": "1001", "text": "Since this morning"}],
        "relatedParty": [{"id": "1001", "role": "customer", "@referredType": "Customer"}],
        "relatedEntity": [{"id": "SVC-1001-1", "role": "affectedService", "@referredType": "Service"}],
    }
    reply = ticketing.ask("POST", "troubleTicket", body)
    made = reply.json
    assert (reply.status, made["id"], made["status"]) == (201, "TT-1001-4", "acknowledged")
    assert made["href"] == reply.headers["location"]
    assert [set(n) for n in made["note"]] == [{"id", "date", "author", "text"}]
    for query in ("id=TT-1001-4", "externalId=gw-77", "relatedParty.id=1001&sort=-creationDate&limit=1",
                  "relatedEntity.id=SVC-1001-1&status=acknowledged&externalId=gw-77"):  # fmt: skip
        assert ticketing.get(f"troubleTicket?{query}").ids == ["TT-1001-4"]
    assert ticketing.get("troubleTicket?relatedParty.id=1001").headers["x-total-count"] == "4"
    total = int(ticketing.get("troubleTicket?limit=1").headers["x-total-count"])
    assert ticketing.get(f"troubleTicket?offset={total - 1}").ids == ["TT-1001-4"]
    assert ticketing.ask("POST", "troubleTicket", body).json["id"] == "TT-1001-5"


def test_patch_is_a_merge_patch_arrays_are_replaced(fresh):
    ticketing = fresh("ticketing")
    before = ticketing.get("troubleTicket/TT-1001-1").json
    body = {"note": [{"author": "1001", "text": "only this"}], "channel": {"name": "app"}, "priority": None}
    after = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", body).json
    assert [n["text"] for n in after["note"]] == ["only this"]
    assert (after["channel"], "priority" in after) == ({"id": "CH-1", "name": "app"}, False)
    assert {k: v for k, v in after.items() if k not in ("note", "channel", "lastUpdate")} == {
        k: v for k, v in before.items() if k not in ("note", "channel", "lastUpdate", "priority")
    }


def test_closing_a_ticket_keeps_the_history(fresh):
    ticketing = fresh("ticketing")
    row = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "closed", "statusChangeReason": "Fixed"}).json
    assert [step["status"] for step in row["statusChange"]] == ["acknowledged", "inProgress", "closed"]
    assert row["statusChange"][-1]["changeReason"] == "Fixed"
    assert row["resolutionDate"] == row["statusChangeDate"] == row["lastUpdate"] > row["creationDate"]
    assert ticketing.get("troubleTicket?relatedParty.id=1001&status=inProgress").json == []


def test_changing_contacts(fresh):
    crm = fresh("crm")
    media = crm.get("customer/1001").json["contactMedium"]
    media[0]["characteristic"]["emailAddress"] = "new@example.net"
    reply = crm.ask("PATCH", "customer/1001", {"contactMedium": media})
    assert (reply.status, reply.json["contactMedium"]) == (200, media)
    assert crm.get("customer?id=1001").json[0]["contactMedium"] == media
    assert crm.get("customer?limit=2").json[0]["contactMedium"] == media


@pytest.mark.parametrize("address", ["new@example.net", "somebody7777@example.net", "other1002@example.net"])
def test_a_changed_row_is_found_by_its_new_values_and_not_by_the_old(fresh, address):
    crm = fresh("crm")
    media = crm.get("customer/1001").json["contactMedium"]
    old = media[0]["characteristic"]["emailAddress"]
    media[0]["characteristic"]["emailAddress"] = address
    crm.ask("PATCH", "customer/1001", {"contactMedium": media, "name": "Zed Zedsson"})
    path = "customer?contactMedium.characteristic.emailAddress"
    assert crm.get(f"{path}={address}").ids == ["1001"]
    assert crm.get(f"{path}={old}").ids == []
    assert crm.get("customer?name.regex=%5EZed").ids == ["1001"]


def test_a_new_customer_comes_after_all_others(fresh):
    crm = fresh("crm")
    made = crm.ask(
        "POST", "customer", {"name": "Ada Newman", "engagedParty": {"id": "P2", "@referredType": "Individual"}}
    )
    assert (made.status, made.json["id"], made.json["status"]) == (201, "1061", "Active")
    assert crm.get("customer?offset=59").ids == ["1060", "1061"]
    assert crm.get("customer?sort=-id&limit=1").ids == ["1061"]
    assert crm.get("customer?name=Ada%20Newman").ids == ["1061"]
    assert crm.get("customer?engagedParty.id=P2").ids == ["1061"]


@pytest.mark.parametrize(
    ("system", "method", "path", "body", "status"),
    [
        ("crm", "PATCH", "customer/1001", {"id": "1002"}, 400),
        ("crm", "POST", "customer", {"name": "x"}, 400),
        ("crm", "PATCH", "customer/1", {"name": "x"}, 404),
        ("crm", "POST", "product", {}, 405),
        ("billing", "PATCH", "customerBill/BILL-1001-1-07", {"amountDue": {"value": 0}}, 400),
        ("billing", "PATCH", "customerBill/BILL-1001-1-07", {"state": "paid"}, 400),
        ("billing", "PATCH", "payment/PAY-BILL-1001-1-01-1", {}, 405),
        ("billing", "POST", "queryUsageConsumption", {"searchCriteria": {}}, 400),
        ("billing", "POST", "queryUsageConsumption", {}, 400),
        ("ticketing", "PATCH", "troubleTicket/TT-1001-1", {"status": "Working"}, 400),
        ("ticketing", "PATCH", "troubleTicket/TT-1001-1", {"note": "text"}, 400),
        ("inventory", "PATCH", "service/SVC-1001-1", {"state": "broken"}, 400),
    ],
)
def test_what_may_not_be_written(fresh, system, method, path, body, status):
    client = fresh(system)
    reply = client.ask(method, path, body)
    assert (reply.status, reply.json["code"]) == (status, str(status))
    if status != 404 and method == "PATCH":
        assert client.get(path).json == fresh(system).get(path).json


def test_writes_outlive_a_restart_of_the_server(fresh):
    crm = fresh("crm")
    crm.ask("PATCH", "customer/1001", {"status": "Suspended"})
    port = crm.server.port
    crm.server.stop()
    assert crm.server.start().port == port
    assert crm.get("customer/1001").json["status"] == "Suspended"


TICKETS = "/tmf-api/troubleTicket/v4"


def test_a_listener_gets_creations_changes_and_status_changes_in_order(fresh, listener):
    ticketing = fresh("ticketing")
    reply = ticketing.ask("POST", f"{TICKETS}/hub", {"callback": listener.url})
    assert (reply.status, reply.json["callback"]) == (201, listener.url)
    assert reply.headers["location"] == f"{TICKETS}/hub/{reply.json['id']}"
    body = {"description": "d", "severity": "Minor", "ticketType": "fault"}
    made = ticketing.ask("POST", "troubleTicket", body).json
    ticketing.ask("PATCH", f"troubleTicket/{made['id']}", {"priority": "High"})
    ticketing.ask("PATCH", f"troubleTicket/{made['id']}", {"status": "resolved", "description": "e"})
    got = [listener.next() for _ in range(5)]
    assert [(path, event["eventType"]) for path, event in got] == [
        ("/events", "TroubleTicketCreateEvent"),
        ("/events", "TroubleTicketAttributeValueChangeEvent"),
        ("/events", "TroubleTicketAttributeValueChangeEvent"),
        ("/events", "TroubleTicketStatusChangeEvent"),
        ("/events", "TroubleTicketResolvedEvent"),
    ]
    assert len({event["eventId"] for _, event in got}) == 5
    assert got[3][1]["event"]["troubleTicket"]["status"] == "resolved"
    assert all(event["timeOcurred"].endswith("Z") for _, event in got)
    if official.SPECS.is_dir():
        assert [official.problems("TroubleTicket", event["eventType"], event) for _, event in got] == [[]] * 5


def test_a_listener_under_v5_gets_rows_and_times_as_v5_has_them(fresh, listener):
    ticketing = fresh("ticketing")
    ticketing.server.switches.version = "v5"
    hub = "/tmf-api/troubleTicket/v5/hub"
    query = "event.troubleTicket.relatedParty.partyOrPartyRole.id=1001"
    reply = ticketing.ask("POST", hub, {"callback": listener.url, "query": query, "@type": "Hub"})
    assert (reply.status, reply.json["@type"]) == (201, "Hub")
    for ticket in ("TT-1002-1", "TT-1001-1"):
        ticketing.ask("PATCH", f"/tmf-api/troubleTicket/v5/troubleTicket/{ticket}", {"status": "held"})
    _, event = listener.next()
    assert event["event"]["troubleTicket"]["id"] == "TT-1001-1"
    assert event["event"]["troubleTicket"]["statusChangeHistory"][-1]["status"] == "held"
    assert (event["@type"], event["timeOccurred"]) == ("TroubleTicketStatusChangeEvent", event["eventTime"])
    assert ("timeOcurred" in event, event["domain"]) == (False, "troubleTicket")
    if not official5.MISSING:
        assert official5.problems("TroubleTicket", event["eventType"], event) == []


def test_a_listener_hears_only_its_own_api_and_query_until_it_leaves(fresh, listener):
    ticketing = fresh("ticketing")
    hub = f"{TICKETS}/hub"
    query = "eventType=TroubleTicketStatusChangeEvent&event.troubleTicket.relatedParty.id=1001"
    subscription = ticketing.ask("POST", hub, {"callback": listener.url, "query": query}).json
    ticketing.ask("PATCH", "serviceProblem/SP-1", {"status": "resolved"})
    ticketing.ask("PATCH", "troubleTicket/TT-1002-1", {"status": "cancelled"})
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "held", "priority": "Low"})
    assert listener.next()[1]["event"]["troubleTicket"]["id"] == "TT-1001-1"
    assert ticketing.ask("DELETE", f"{hub}/{subscription['id']}").status == 204
    assert ticketing.ask("DELETE", f"{hub}/{subscription['id']}").status == 404
    ticketing.ask("POST", "/tmf-api/serviceProblemManagement/v4/hub", {"callback": listener.url})
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "closed"})
    ticketing.ask("PATCH", "serviceProblem/SP-2", {"status": "cancelled"})
    _, event = listener.next()
    assert (event["eventType"], event["event"]["serviceProblem"]["id"]) == ("ServiceProblemStateChangeEvent", "SP-2")


def test_paying_tells_listeners_about_the_payment_and_the_bill(fresh, listener):
    billing = fresh("billing")
    billing.server.switches.hub_path = "listener"
    for base in ("/payment/v4", "/tmf-api/customerBillManagement/v4"):
        assert billing.ask("POST", f"{base}/hub", {"callback": listener.url}).status == 201
    bill = billing.get("customerBill/BILL-1001-1-07").json
    billing.ask("POST", "payment", _pay(bill, bill["amountDue"]["value"]))
    assert [listener.next()[0] for _ in range(3)] == [
        "/events/listener/paymentCreateEvent",
        "/events/listener/customerBillAttributeValueChangeEvent",
        "/events/listener/customerBillStateChangeEvent",
    ]


@pytest.mark.parametrize("callback", [None, "nowhere", "file:///etc/passwd"])
def test_a_callback_must_be_a_web_address(fresh, callback):
    assert fresh("crm").ask("POST", "/tmf-api/party/v4/hub", {"callback": callback}).status == 400


def test_a_listener_that_is_gone_does_not_stop_the_others(fresh, listener, caplog):
    ticketing = fresh("ticketing")
    gone = Listener()
    gone.close()
    for url in (gone.url, listener.url):
        ticketing.ask("POST", f"{TICKETS}/hub", {"callback": url})
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "closed"})
    assert listener.next()[1]["eventType"] == "TroubleTicketStatusChangeEvent"
    assert f"listener {gone.url} cannot be reached" in caplog.text
