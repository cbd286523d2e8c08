"""Every switch of the misbehaviour board, turned while the server runs."""

import base64
import json
import socket
from http.client import IncompleteRead, RemoteDisconnected
from time import monotonic
from urllib.request import urlopen

import pytest

from sandbox.protocol.switches import Switches
from sandbox.protocol.vendors import VENDORS


def _turn(client, **switches):
    reply = client.ask("PUT", "/_sandbox/switches", switches)
    assert reply.status == 200
    return reply.json


def test_one_admin_call_turns_switches_and_another_resets_them(crm):
    now = _turn(crm, latencyMs=1, auth={"kind": "bearer", "token": "t"})
    assert (now["latencyMs"], now["auth"]["kind"], now["auth"]["header"]) == (1, "bearer", "X-API-Key")
    assert _turn(crm, errorStatus=429)["latencyMs"] == 1
    assert crm.ask("DELETE", "/_sandbox/switches").json == Switches().document()
    assert crm.get("/_sandbox/switches").json == Switches().document()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"latency": 5}, "latency: no such switch; there are latencyMs, jitterMs"),
        ({"errorRate": 2}, "errorRate"),
        ({"errorStatus": 418}, "500, 503 or 429"),
        ({"auth": {"kind": "magic"}}, "'none', 'bearer', 'basic', 'apiKey' or 'oauth2'"),
        ({"auth": {"user": "x"}}, "auth.user: no such switch; there are kind, token"),
        ({"readOnly": ["ticket"]}, "ticket: no such resource; there are appliedCustomerBillingRate, billingAccount"),
        ({"paths": {"product": "products/"}}, "paths.product: String should match pattern"),
        ([], "JSON object"),
    ],
)
def test_a_bad_switch_is_400_and_changes_nothing(crm, body, says):
    reply = crm.ask("PUT", "/_sandbox/switches", {"noSort": True, **body} if isinstance(body, dict) else body)
    assert reply.status == 400
    assert says in reply.json["message"]
    assert crm.server.switches == Switches()


def test_assigning_a_bad_value_in_process_fails_too(crm):
    with pytest.raises(ValueError, match="less than or equal to 1"):
        crm.server.switches.error_rate = 7


def test_requests_are_remembered_and_forgotten(crm):
    crm.ask("DELETE", "/_sandbox/requests")
    crm.get("customer?id=1001,1002&fields=name")
    crm.get("customer/1")
    path = "/tmf-api/customerManagement/v4/customer"
    assert crm.get("/_sandbox/requests").json == [
        {"method": "GET", "path": path, "query": "id=1001,1002&fields=name", "status": 200},
        {"method": "GET", "path": f"{path}/1", "query": "", "status": 404},
    ]
    assert crm.ask("DELETE", "/_sandbox/requests").json == []


def test_latency_and_jitter_delay_every_answer(crm, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("sandbox.app.sleep", sleep)
    _turn(crm, latencyMs=200, jitterMs=100)
    for _ in range(20):
        assert crm.get("customer/1001").status == 200
    assert len(waits) == 20
    assert all(0.2 <= wait <= 0.3 for wait in waits)
    assert len(set(waits)) > 10


@pytest.mark.parametrize("status", [500, 503, 429])
def test_error_rate(crm, status):
    _turn(crm, errorRate=1, errorStatus=status)
    assert {crm.get("customer").status for _ in range(5)} == {status}
    reply = crm.get("customer")
    assert (reply.json["code"], reply.headers.get("retry-after")) == (str(status), None if status == 500 else "1")
    _turn(crm, errorRate=0.5)
    assert {crm.get("customer/1001").status for _ in range(60)} == {200, status}


def test_hang_answers_nothing_and_the_admin_call_still_works(crm):
    _turn(crm, hang=True)
    with socket.create_connection((crm.server.host, crm.server.port)) as connection:
        connection.sendall(b"GET /tmf-api/customerManagement/v4/customer HTTP/1.1\r\nHost: x\r\n\r\n")
        assert crm.get("/_sandbox/requests").json[-1]["status"] is None
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_share_hangs(crm):
    _turn(crm, hangRate=0.5)
    hung = answered = 0
    while not (hung and answered):
        with socket.create_connection((crm.server.host, crm.server.port)) as connection:
            connection.sendall(b"GET /tmf-api/customerManagement/v4/customer/1001 HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.settimeout(0.2)
            try:
                answered += connection.recv(1) == b"H"
            except TimeoutError:
                hung += 1


def test_an_endless_answer_goes_on_until_who_asked_has_gone(crm):
    _turn(crm, endless=True)
    with socket.create_connection((crm.server.host, crm.server.port)) as connection:
        connection.sendall(b"GET /tmf-api/customerManagement/v4/customer HTTP/1.1\r\nHost: x\r\n\r\n")
        had = 0
        while had < 20_000_000:
            had += len(connection.recv(1_000_000))
    assert crm.get("/_sandbox/requests").json[-1]["status"] == 200


def test_garbage_and_html(crm):
    _turn(crm, garbage=True)
    reply = crm.get("customer")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json;charset=utf-8")
    with pytest.raises(ValueError, match=r"."):
        json.loads(reply.body)
    _turn(crm, garbage=False, html=True)
    reply = crm.get("customer")
    assert (reply.status, reply.headers["content-type"], reply.body[:9]) == (
        200,
        "text/html;charset=utf-8",
        b"<!doctype",
    )


def test_close_early_cuts_the_body(crm):
    _turn(crm, closeEarly=True)
    with pytest.raises(IncompleteRead) as cut:
        crm.get("customer")
    assert (len(cut.value.partial) > 0, cut.value.expected > 0) == (True, True)


def test_the_next_connections_are_dropped_then_all_is_well(crm):
    _turn(crm, dropConnections=2)
    for _ in range(2):
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            crm.get("customer/1001")
    assert crm.get("customer/1001").status == 200
    assert crm.server.switches.drop_connections == 0


def test_an_empty_list_can_be_404(crm):
    _turn(crm, notFoundWhenEmpty=True)
    reply = crm.get("customer?id=5")
    assert (reply.status, reply.json["reason"]) == (404, "Not Found")
    assert crm.get("customer?id=1001").status == 200


def test_totals_can_be_wrong_or_absent(crm):
    _turn(crm, unfilteredTotal=True)
    reply = crm.get("customer?id=1001,1002")
    assert (reply.status, len(reply.json), reply.headers["x-total-count"]) == (206, 2, "300")
    _turn(crm, unfilteredTotal=False, noTotal=True)
    reply = crm.get("customer?limit=2")
    assert "x-total-count" not in reply.headers
    assert reply.headers["content-range"] == "items 1-2/*"
    assert 'rel="last"' not in reply.headers["link"]


def test_filters_can_be_ignored(crm):
    _turn(crm, ignoreFilters=True)
    reply = crm.get("customer?id=1005&limit=3&fields=name&sort=-id")
    assert (reply.ids, "status" in reply.json[0]) == (["1300", "1299", "1298"], False)


def test_named_parameters_can_be_ignored(crm):
    _turn(crm, ignoreParameters=["relatedParty.id", "sort", "limit"])
    assert len(crm.get("product?relatedParty.id=1001&sort=-id&limit=1&status=active").json) == 100
    assert crm.get("product?relatedParty.id=1001&id=PROD-1002-1").ids == ["PROD-1002-1"]


def test_id_lists_can_be_unknown(crm):
    _turn(crm, noIdLists=True)
    assert crm.get("customer?id=1001,1002").json == []
    assert crm.get("customer?id=1001&id=1002").ids == ["1001", "1002"]


def test_sort_and_fields_can_be_unknown(crm):
    _turn(crm, noSort=True, noFields=True)
    assert crm.get("customer?sort=-id&fields=none&limit=2").ids == ["1001", "1002"]
    assert crm.get("customer?fields=none&limit=1").json[0]["name"] == crm.get("customer/1001").json["name"]


def test_offset_can_be_a_page_number(crm):
    _turn(crm, offsetIsPage=True)
    assert crm.get("customer?offset=2&limit=10").ids[0] == "1021"


def test_paging_can_be_unknown(crm):
    _turn(crm, noPaging=True)
    reply = crm.get("customer?offset=5&limit=10")
    assert (reply.status, len(reply.json), "x-total-count" in reply.headers) == (200, 300, False)
    assert len(crm.get("customer?status=Active&limit=1").json) > 200


def test_rows_can_come_twice_and_in_no_order(crm):
    _turn(crm, duplicateRows=True)
    assert crm.get("customer?limit=3").ids == ["1001", "1002", "1003", "1001"]
    _turn(crm, duplicateRows=False, shuffle=True)
    ids = crm.get("customer?limit=50").ids
    assert ids != sorted(ids)
    assert sorted(ids) == [str(n) for n in range(1001, 1051)]


def test_lists_can_be_wrapped(crm):
    _turn(crm, wrapList=True)
    body = crm.get("customer?id=1001").json
    assert [row["id"] for row in body["customer"]] == ["1001"]


def test_ids_can_be_numbers(billing):
    _turn(billing, numericIds=True)
    bill = billing.get("customerBill/BILL-1001-1-07").json
    assert (bill["id"], bill["relatedParty"][0]["id"]) == ("BILL-1001-1-07", 1001)


def test_words_can_be_the_vendors(ticketing):
    _turn(ticketing, statusWords=True)
    row = ticketing.get("troubleTicket/TT-1001-1").json
    assert (row["status"], row["severity"]) == ("Working", "2 - High")


@pytest.mark.parametrize(("kind", "value"), [("plain", "2026-11-12 00:00:00"), ("noZone", "2026-11-12T00:00:00")])
def test_dates_can_have_no_zone(billing, kind, value):
    assert billing.get("customerBill/BILL-1001-1-07").json["billDate"] == "2026-11-12T00:00:00Z"
    _turn(billing, dates=kind)
    assert billing.get("customerBill/BILL-1001-1-07").json["billDate"] == value


def test_the_role_can_be_in_the_referred_type(ticketing):
    _turn(ticketing, partyRoleInReferredType=True)
    ticket = ticketing.get("troubleTicket/TT-1001-1").json
    parties, (entity,) = ticket["relatedParty"], ticket["relatedEntity"]
    assert (entity["role"], entity["@referredType"]) == ("affectedService", "Service")
    assert [(p["id"][:5], p["@referredType"], "role" in p) for p in parties] == [
        ("1001", "customer", False),
        ("AGENT", "assigned_to", False),
        ("", "customer_contact", False),
    ]


def test_notes_can_be_appended(fresh):
    ticketing = fresh("ticketing")
    before = ticketing.get("troubleTicket/TT-1001-1").json["note"]
    _turn(ticketing, notesAppend=True)
    after = ticketing.ask("PATCH", "troubleTicket/TT-1001-1", {"note": [{"author": "1001", "text": "Hello"}]}).json[
        "note"
    ]
    assert [n["text"] for n in after] == [*[n["text"] for n in before], "Hello"]
    assert len({n["id"] for n in after}) == len(after)


def test_supporting_services_can_be_references(inventory):
    _turn(inventory, supportingServiceByReference=True)
    row = inventory.get("service/SVC-1001-1").json
    assert [set(s) for s in row["supportingService"]] == [{"id", "href", "name"}]
    assert inventory.get("service?supportingService.supportingResource.id=CAB-001").json == []
    assert inventory.get("service?supportingService.id=RFS-1001-1").ids == ["SVC-1001-1"]
    assert [r["id"] for r in inventory.get("service/RFS-1001-1").json["supportingResource"]][-1] == "OLT-001"


def test_documents_can_have_absolute_addresses(billing):
    _turn(billing, absoluteUrls=True)
    url = billing.get("customerBill/BILL-1001-1-07").json["billDocument"][0]["url"]
    assert url == f"{billing.server.url}/documents/BILL-1001-1-07.pdf"
    with urlopen(url) as answer:
        assert answer.read(5) == b"%PDF-"


def _basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("auth", "right", "wrong"),
    [
        ({"kind": "bearer", "token": "s3"}, {"Authorization": "Bearer s3"}, {"Authorization": "Bearer s4"}),
        ({"kind": "basic", "username": "u", "password": "p:q"}, {"Authorization": _basic("u:p:q")},
         {"Authorization": _basic("u:x")}),
        ({"kind": "apiKey", "token": "k", "header": "X-Key"}, {"X-Key": "k"}, {"X-Key": "K"}),
    ],
)  # fmt: skip
def test_credentials_can_be_required(crm, billing, auth, right, wrong):
    for client, path in ((crm, "customer/1001"), (billing, "/documents/BILL-1001-1-07.pdf")):
        _turn(client, auth=auth)
        assert [client.get(path, **h).status for h in ({}, wrong, right)] == [401, 401, 200]
        assert client.get("/_sandbox/switches").status == 200


def test_oauth_tokens_are_issued_and_expire(crm, monkeypatch):
    _turn(crm, auth={"kind": "oauth2", "clientId": "me", "clientSecret": "s", "expiresIn": 60})

    def token(body, **headers):
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        return crm.ask("POST", "/_sandbox/oauth/token", body.encode(), headers)

    assert token("grant_type=client_credentials&client_id=me&client_secret=no").status == 401
    assert token("grant_type=password&client_id=me&client_secret=s").status == 400
    by_header = token("grant_type=client_credentials", Authorization=_basic("me:s"))
    issued = token("grant_type=client_credentials&client_id=me&client_secret=s").json
    assert (by_header.status, issued["token_type"], issued["expires_in"]) == (200, "Bearer", 60)
    shown = {"Authorization": f"Bearer {issued['access_token']}"}
    assert [crm.get("customer/1001", **h).status for h in ({}, {"Authorization": "Bearer x"}, shown)] == [401, 401, 200]
    monkeypatch.setattr("sandbox.protocol.credentials.monotonic", lambda: monotonic() + 61)
    assert crm.get("customer/1001", **shown).status == 401


def test_methods_and_paths_that_do_not_exist(crm, billing):
    assert crm.ask("DELETE", "customer/1001").status == 405
    assert crm.ask("PUT", "customer").status == 405
    assert crm.get("/tmf-api/nothing/v4/here").status == 404
    assert billing.get("/tmf-api/customerManagement/v4/customer").status == 404
    assert crm.get("/_sandbox/nothing").status == 404


def test_paths_can_be_the_vendors(ticketing):
    _turn(ticketing, paths={"troubleTicket": "/api/ticket/troubleTicket"})
    standard = "/tmf-api/troubleTicket/v4/troubleTicket"
    assert (ticketing.get(standard).status, ticketing.get(f"{standard}/TT-1001-1").status) == (404, 404)
    row = ticketing.get("/api/ticket/troubleTicket/TT-1001-1").json
    assert row["href"] == "/api/ticket/troubleTicket/TT-1001-1"
    listed = ticketing.get("/api/ticket/troubleTicket?limit=1")
    assert listed.headers["link"].startswith("</api/ticket/troubleTicket?offset=0")
    assert ticketing.get("/tmf-api/serviceProblemManagement/v4/serviceProblem?limit=1").status == 206


def test_a_resource_can_have_its_own_page_sizes(crm):
    _turn(crm, resourceLimits={"product": [20, 30]})
    assert [len(crm.get(f"product{query}").json) for query in ("", "?limit=25", "?limit=90")] == [20, 25, 30]
    assert len(crm.get("customer?limit=90").json) == 90


def test_only_some_filters_can_be_understood(ticketing):
    _turn(ticketing, onlyFilters={"troubleTicket": ["id", "status"]})
    everybody = ticketing.get("troubleTicket?limit=1").headers["x-total-count"]
    asked = ticketing.get("troubleTicket?relatedParty.id=1001&limit=1")
    assert asked.headers["x-total-count"] == everybody
    assert ticketing.get("troubleTicket?id=TT-1001-1&relatedParty.id=1002").ids == ["TT-1001-1"]
    _turn(ticketing, unknownFilters="refused")
    refused = ticketing.get("troubleTicket?relatedParty.id=1001")
    assert (refused.status, refused.json["message"]) == (400, "relatedParty.id is not a filter of troubleTicket")
    assert ticketing.get("serviceProblem?relatedParty.id=1001").status == 200


@pytest.mark.parametrize("version", ["v4", "v5"])
def test_a_filter_can_have_another_name(crm, version):
    path = f"/tmf-api/productInventory/{version}/product"
    _turn(crm, version=version, filterNames={"product": {"customer": "relatedParty.id"}})
    assert {ident[:9] for ident in crm.get(f"{path}?customer=1001").ids} == {"PROD-1001"}
    standard = "relatedParty.id" if version == "v4" else "relatedParty.partyOrPartyRole.id"
    assert len(crm.get(f"{path}?{standard}=1001").json) == 100


def test_the_id_filter_can_be_passed_over(crm):
    _turn(crm, ignoreIdFilter=["product"])
    assert crm.get("product?id=PROD-1002-1&limit=1").ids == ["PROD-1001-1"]
    assert crm.get("customer?id=1002").ids == ["1002"]


def test_values_can_be_compared_as_numbers(crm):
    _turn(crm, numericFilters=True)
    assert crm.get("customer?id=1001,1002").json == []
    assert crm.get("customer?id=%221001%22,1002").ids == ["1001"]
    assert crm.get("customer?engagedParty.id=P1001").ids == ["1001"]


def test_operators_can_be_symbols_only(billing):
    ask = "customerBill?relatedParty.id=1001&billDate"
    right = billing.get(f"{ask}.gte=2026-10-01").ids
    assert len(right) > 1
    _turn(billing, noOperatorSuffixes=True)
    assert billing.get(f"{ask}.gte=2026-10-01").json == []
    assert billing.get(f"{ask}%3E%3D2026-10-01").ids == right


def test_and_with_or_can_be_refused(ticketing):
    _turn(ticketing, noMixedOperators=True)
    mixed = ticketing.get("troubleTicket?status=pending;status=held&severity=Major")
    assert (mixed.status, "combining" in mixed.json["message"]) == (400, True)
    assert {r["status"] for r in ticketing.get("troubleTicket?status=pending;status=held&limit=90").json} == {
        "pending",
        "held",
    }


def test_parameters_that_look_reserved_can_be_dropped(crm):
    _turn(crm, dropReservedPrefixes=True)
    assert crm.get("customer?sortOf=x&limit=2&sort=-id").ids == ["1300", "1299"]
    _turn(crm, dropReservedPrefixes=False)
    assert crm.get("customer?sortOf=x&limit=2").json == []


def test_nothing_can_be_told_about_pages(crm):
    _turn(crm, noPageHeaders=True)
    reply = crm.get("customer?limit=2")
    told = {"x-total-count", "x-result-count", "content-range", "link"}
    assert (reply.status, reply.ids, told & reply.headers.keys()) == (200, ["1001", "1002"], set())


def test_links_can_be_the_reference_components(crm):
    _turn(crm, badLinks=True)
    link = crm.get("customer?status=Active&fields=name&limit=2").headers["link"]
    path = "/tmf-api/customerManagement/v4/customer"
    assert link.split(", ")[0] == f'"<{path}?fields=name&offset=2&limit=2>; rel="next"'
    assert ("status" in link, "first" in link) == (False, False)


def test_prices_can_be_missing(crm):
    assert crm.get("product/PROD-1001-1").json["productPrice"][0]["priceType"] == "recurring"
    _turn(crm, noProductPrice=True)
    assert crm.get("product/PROD-1001-1").json["productPrice"] == []


@pytest.mark.parametrize("name", VENDORS)
def test_the_vendors_switches_can_be_turned_at_once(systems, name):
    for client in systems.values():
        now = _turn(client, **VENDORS[name])
        assert {key: now[key] for key in VENDORS[name]} == VENDORS[name]


def test_a_resource_can_be_for_reading_only(crm):
    _turn(crm, readOnly=["product", "individual"])
    before = crm.get("product/PROD-1001-1").json
    assert crm.ask("PATCH", "product/PROD-1001-1", {"name": "Mine"}).status == 405
    assert crm.ask("POST", "individual", {"givenName": "New", "familyName": "One"}).status == 405
    assert crm.get("product/PROD-1001-1").json == before
