"""The switches for writes that go wrong: what is answered, what has happened, and what is seen of it."""

from http.client import RemoteDisconnected

import pytest

TICKET = {"description": "d", "severity": "Minor", "ticketType": "fault", "externalId": "gw-1"}
V5 = "/tmf-api/troubleTicket/v5/troubleTicket"


def _turn(client, **switches):
    assert client.ask("PUT", "/_sandbox/switches", switches).status == 200


def _payment(bill, **more):
    return {
        "account": {"id": bill["billingAccount"]["id"]},
        "paymentMethod": {"id": "PM-1001-1"},
        "totalAmount": {"unit": "EUR", "value": 1},
        "paymentItem": [{"item": {"id": bill["id"]}}],
        **more,
    }


def test_a_lost_answer_is_one_whose_effect_is_there(fresh):
    ticketing = fresh("ticketing")
    _turn(ticketing, loseAnswers=2)
    assert ticketing.get("troubleTicket/TT-1001-1").status == 200  # reads are answered
    assert ticketing.ask("POST", "troubleTicket", {}).status == 400  # so is what was refused
    with pytest.raises(RemoteDisconnected):
        ticketing.ask("POST", "troubleTicket", TICKET)
    with pytest.raises(RemoteDisconnected):
        ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"priority": "Z"})
    assert len(ticketing.get("troubleTicket?externalId=gw-1").json) == 1
    assert ticketing.get("troubleTicket/TT-1001-1").json["priority"] == "Z"
    assert ticketing.ask("POST", "troubleTicket", TICKET).status == 201
    assert ticketing.get("/_sandbox/switches").json["loseAnswers"] == 0


def test_a_late_effect_is_seen_nowhere_until_it_is_everywhere(fresh, monkeypatch):
    now = [10.0]
    monkeypatch.setattr("sandbox.protocol.collection.monotonic", lambda: now[0])
    billing = fresh("billing")
    bill = billing.get("customerBill/BILL-1001-1-07").json
    total = billing.get("payment?limit=1").headers["x-total-count"]
    _turn(billing, lateMs=300)
    made = billing.ask("POST", "payment", _payment(bill, correlatorId="gw-1")).json
    paths = (f"payment/{made['id']}", "payment?correlatorId=gw-1", "payment?limit=1", "customerBill/BILL-1001-1-07")
    seen = [billing.get(path) for path in paths]
    assert (seen[0].status, seen[1].json, seen[2].headers["x-total-count"], seen[3].json) == (404, [], total, bill)
    left = bill["remainingAmount"]["value"]
    too_much = _payment(bill, totalAmount={"unit": "EUR", "value": left})
    assert billing.ask("POST", "payment", too_much).status == 409  # the system itself knows
    now[0] += 0.31
    seen = [billing.get(path) for path in paths]
    assert (seen[0].status, seen[1].ids) == (200, [made["id"]])
    assert seen[2].headers["x-total-count"] == str(int(total) + 1)
    assert seen[3].json["remainingAmount"]["value"] == left - 1


@pytest.mark.parametrize("status", [400, 409, 412, 422])
@pytest.mark.parametrize("in_200", [False, True])
def test_a_refused_write_changes_nothing(fresh, status, in_200):
    ticketing = fresh("ticketing")
    before = ticketing.get("troubleTicket/TT-1001-1").json
    _turn(ticketing, refuseWrites=status, refusalsIn200=in_200)
    for method, path, body in (
        ("POST", "troubleTicket", TICKET),
        ("PATCH", "troubleTicket/TT-1001-1", {"priority": "Z"}),
    ):
        reply = ticketing.ask(method, path, body)
        assert (reply.status, reply.json["code"]) == (200 if in_200 else status, str(status))
    assert ticketing.get("troubleTicket/TT-1001-1").json == before
    assert ticketing.get("troubleTicket?externalId=gw-1").json == []
    assert ticketing.ask("GET", "troubleTicket/TT-0").status == 404  # a read is answered as ever


def test_usage_tasks_and_hubs_are_no_writes(fresh):
    billing = fresh("billing")
    _turn(billing, refuseWrites=409, loseAnswers=1)
    asked = {"searchCriteria": {"relatedParty": [{"id": "1001"}]}}
    assert billing.ask("POST", "queryUsageConsumption", asked).status == 201
    assert billing.ask("POST", "/payment/v4/hub", {"callback": "http://127.0.0.1:9/"}).status == 201


def test_what_is_accepted_comes_with_202_and_the_resource(fresh):
    billing, ticketing = fresh("billing"), fresh("ticketing")
    for client in (billing, ticketing):
        _turn(client, acceptWrites=True)
    bill = billing.get("customerBill/BILL-1001-1-07").json
    paid = billing.ask("POST", "payment", _payment(bill))
    assert (paid.status, paid.json["status"], paid.headers["location"]) == (202, "accepted", paid.json["href"])
    changed = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"priority": "Z"})
    assert (changed.status, changed.json["priority"]) == (202, "Z")


def test_half_a_write_takes_the_notes_and_not_the_status(fresh):
    ticketing = fresh("ticketing")
    _turn(ticketing, halfWrites=True, notesAppend=True)
    body = {"status": "closed", "note": [{"author": "a", "text": "Done."}]}
    reply = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", body)
    assert (reply.status, reply.json["status"], reply.json["note"][-1]["text"]) == (200, "inProgress", "Done.")


def test_a_strict_system_wants_what_the_files_require(fresh):
    ticketing, crm = fresh("ticketing"), fresh("crm")
    for client in (ticketing, crm):
        _turn(client, strictWrites=True)
    json, merge = ({"content-type": kind} for kind in ("application/json", "application/merge-patch+json"))
    change = {"priority": "Z"}
    for headers, status in (({}, 415), (merge, 415), ({"content-type": "application/json; charset=utf-8"}, 200)):
        assert ticketing.ask("PATCH", "troubleTicket/TT-1001-1", change, headers).status == status
    assert crm.ask("PATCH", "customer/1001", {"status": "x"}, json).status == 400
    party = crm.get("customer/1001").json["engagedParty"]
    assert crm.ask("PATCH", "customer/1001", {"status": "x", "engagedParty": party}, json).status == 200
    _turn(ticketing, version="v5")
    for body, headers, status in (
        (change, merge, 400),
        (change | {"@type": "TroubleTicket"}, merge, 200),
        (change | {"@type": "TroubleTicket"}, json, 200),
        (change | {"@type": "TroubleTicket"}, {"content-type": "application/json-patch+json"}, 415),
    ):
        assert ticketing.ask("PATCH", f"{V5}/TT-1001-1", body, headers).status == status
    assert ticketing.ask("POST", V5, TICKET).status == 400


def test_a_system_with_note_ids_of_its_own_keeps_those_it_gave(fresh):
    ticketing = fresh("ticketing")
    _turn(ticketing, ownNoteIds=True)
    notes = ticketing.get("troubleTicket/TT-1001-1").json["note"]
    body = {"note": [*notes, {"id": "mine", "text": "New."}]}
    after = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", body).json["note"]
    assert after[:3] == notes
    assert [one["id"] for one in after] == ["1", "2", "3", "4"]


def test_keys_are_dropped(fresh):
    ticketing, billing = fresh("ticketing"), fresh("billing")
    for client in (ticketing, billing):
        _turn(client, dropKeys=True)
    assert "externalId" not in ticketing.ask("POST", "troubleTicket", TICKET).json
    bill = billing.get("customerBill/BILL-1001-1-07").json
    assert "correlatorId" not in billing.ask("POST", "payment", _payment(bill, correlatorId="gw-1")).json


def test_vendors_words_and_places_are_understood_in_writes_too(fresh):
    ticketing = fresh("ticketing")
    _turn(ticketing, statusWords=True, partyRoleInReferredType=True, numericIds=True)
    row = ticketing.get("troubleTicket/TT-1001-1").json
    body = {"status": "On Hold", "severity": "3 - Moderate", "relatedParty": row["relatedParty"]}
    after = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", body).json
    assert (after["status"], after["severity"], after["relatedParty"]) == (
        "On Hold",
        "3 - Moderate",
        row["relatedParty"],
    )
    _turn(ticketing, statusWords=False, partyRoleInReferredType=False, numericIds=False)
    plain = ticketing.get("troubleTicket?relatedParty.id=1001&status=held").json
    assert [(one["id"], one["severity"], one["relatedParty"][0]["role"]) for one in plain] == [
        ("TT-1001-1", "Minor", "customer")
    ]
