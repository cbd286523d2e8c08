"""Hubs that behave as real ones do, and outages that an admin call begins and ends."""

import pytest

TICKETS = "/tmf-api/troubleTicket/v4"
PROBLEMS = "/tmf-api/serviceProblemManagement/v4"
NEW = {"description": "d", "severity": "Minor", "ticketType": "fault"}


def names(listener, count):
    """The types of the next events."""
    return [listener.next()[1]["eventType"] for _ in range(count)]


def test_a_registration_that_is_known_is_refused(fresh):
    ticketing = fresh("ticketing")
    ticketing.server.switches.hub_refuses_known = True
    same = {"callback": "http://127.0.0.1:9/a"}
    asked = [same, same, same | {"query": "eventType=X"}, {"callback": "http://127.0.0.1:9/b"}]
    assert [ticketing.ask("POST", f"{TICKETS}/hub", one).status for one in asked] == [201, 409, 201, 201]
    assert ticketing.ask("POST", f"{PROBLEMS}/hub", same).status == 201


def test_registrations_are_lost_when_the_system_restarts(fresh):
    ticketing = fresh("ticketing")
    for forgets, left in ((False, 204), (True, 404)):
        ticketing.server.switches.hub_forgets = forgets
        ident = ticketing.ask("POST", f"{TICKETS}/hub", {"callback": "http://127.0.0.1:9/a"}).json["id"]
        ticketing.server.stop()
        ticketing.server.start()
        assert ticketing.ask("DELETE", f"{TICKETS}/hub/{ident}").status == left


def test_the_query_is_ignored_and_events_come_twice(fresh, listener):
    ticketing = fresh("ticketing")
    ticketing.ask("POST", f"{TICKETS}/hub", {"callback": listener.url, "query": "eventType=Nothing"})
    ticketing.ask("POST", "troubleTicket", NEW)
    ticketing.server.switches.hub_ignores_query = ticketing.server.switches.hub_duplicates = True
    made = ticketing.ask("POST", "troubleTicket", NEW).json
    both = [listener.next()[1] for _ in range(2)]
    assert [one["event"]["troubleTicket"]["id"] for one in both] == [made["id"]] * 2
    assert both[0]["eventId"] == both[1]["eventId"]


def test_events_have_the_names_of_the_reference_component(fresh, listener):
    ticketing = fresh("ticketing")
    ticketing.server.switches.hub_notifications = True
    ticketing.ask("POST", f"{TICKETS}/hub", {"callback": listener.url})
    ticketing.ask("POST", "troubleTicket", NEW)
    assert names(listener, 1) == ["TroubleTicketCreationNotification"]


def test_one_patch_sends_two_events(fresh, listener):
    ticketing = fresh("ticketing")
    ticketing.ask("POST", f"{TICKETS}/hub", {"callback": listener.url})
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "held"})
    assert names(listener, 1) == ["TroubleTicketStatusChangeEvent"]
    ticketing.server.switches.hub_two_events = True
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "pending"})
    assert names(listener, 2) == ["TroubleTicketAttributeValueChangeEvent", "TroubleTicketStatusChangeEvent"]


def test_an_event_lies_about_the_owner_and_the_status(fresh, listener):
    ticketing = fresh("ticketing")
    ticketing.server.switches.hub_lies = True
    ticketing.ask("POST", f"{TICKETS}/hub", {"callback": listener.url})
    ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"status": "held"})
    told = listener.next()[1]["event"]["troubleTicket"]
    assert (told["id"], told["status"]) == ("TT-1001-1", "closed")
    assert [party["id"] for party in told["relatedParty"]] == ["1002"]
    assert ticketing.get("troubleTicket/TT-1001-1").json["status"] == "held"


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_an_outage_begins_and_ends_with_its_events(fresh, listener, version):
    ticketing = fresh("ticketing")
    ticketing.server.switches.version = version
    ticketing.ask("POST", f"{PROBLEMS.replace('v4', version)}/hub", {"callback": listener.url})
    begun = ticketing.ask("POST", "/_sandbox/outages", {"cabinet": 2})
    assert begun.status == 201
    ident = begun.json["id"]
    path = f"{PROBLEMS.replace('v4', version)}/serviceProblem/{ident}"
    seen = ticketing.ask("GET", path).json
    assert seen["affectedResource"][0]["id"] == "CAB-002"
    assert seen["affectedService"]
    assert ticketing.ask("DELETE", f"/_sandbox/outages/{ident}").status == 200
    assert ticketing.ask("GET", path).json["status"] == "resolved"
    events = [listener.next()[1] for _ in range(2)]
    assert [one["event"]["serviceProblem"]["id"] for one in events] == [ident] * 2
    assert [one["eventType"] for one in events] == ["ServiceProblemCreateEvent", "ServiceProblemStateChangeEvent"]


def test_what_is_no_outage(fresh):
    ticketing = fresh("ticketing")
    assert ticketing.ask("POST", "/_sandbox/outages").status == 201
    assert ticketing.ask("POST", "/_sandbox/outages", {"cabinet": 99}).status == 400
    assert ticketing.ask("DELETE", "/_sandbox/outages/SP-999").status == 404
    assert ticketing.ask("GET", "/_sandbox/outages").status == 405
    assert fresh("billing").ask("POST", "/_sandbox/outages").status == 404
