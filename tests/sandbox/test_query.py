"""TMF630 filters, projection, sorting and paging, asked over HTTP."""

from urllib.parse import quote

import pytest

CITY = "contactMedium.characteristic.city"


def test_a_comma_list_a_repeated_name_and_a_semicolon_all_mean_or(crm):
    spellings = ["id=1003,1001", "id=1003&id=1001", "id=1003;id=1001", "id=1003%2C1001", "id.eq=1003,1001"]
    assert [crm.get(f"customer?{spelling}").ids for spelling in spellings] == [["1001", "1003"]] * 5


def test_or_across_attributes_and_and_between_parameters(ticketing):
    rows = ticketing.get(
        "troubleTicket?status=inProgress,held;severity=Critical&relatedParty.role=customer&limit=500"
    ).json
    words = {(row["status"], row["severity"]) for row in rows}
    assert words
    assert all(status in ("inProgress", "held") or severity == "Critical" for status, severity in words)
    assert any(severity != "Critical" for _, severity in words)
    assert any(status not in ("inProgress", "held") for status, _ in words)
    every = ticketing.all("troubleTicket")
    assert len(rows) == sum(r["status"] in ("inProgress", "held") or r["severity"] == "Critical" for r in every)


def test_dot_paths_go_through_arrays(billing, inventory):
    bills = billing.get("customerBill?relatedParty.id=1001,1002&relatedParty.role=customer").json
    assert {bill["relatedParty"][0]["id"] for bill in bills} == {"1001", "1002"}
    services = inventory.get("service?supportingService.supportingResource.id=CAB-001&limit=500").json
    assert {row["category"] for row in services} == {"CFS"}
    assert {"1001", "1002"} <= {row["relatedParty"][0]["id"] for row in services}


@pytest.mark.parametrize(
    ("query", "meets"),
    [
        ("amountDue.value.gt=60", lambda v: v > 60),
        ("amountDue.value%3E60", lambda v: v > 60),
        ("amountDue.value%3E=60", lambda v: v > 60),
        ("amountDue.value.gte=60.5&amountDue.value.lt=90", lambda v: 60.5 <= v < 90),
        ("amountDue.value%3E%3D60.5&amountDue.value%3C90", lambda v: 60.5 <= v < 90),
        ("amountDue.value%3E%3D=60.5&amountDue.value%3C%3D=90", lambda v: 60.5 <= v <= 90),
        ("amountDue.value>=60.5&amountDue.value<=90", lambda v: 60.5 <= v <= 90),
        ("amountDue.value.lte=20", lambda v: v <= 20),
    ],
)
def test_comparisons_of_numbers_in_every_spelling(billing, query, meets):
    every = billing.all("customerBill")
    expected = [row["id"] for row in every if meets(row["amountDue"]["value"])]
    assert 0 < len(expected) < len(every)
    assert [row["id"] for row in billing.all("customerBill", query)] == expected


def test_dates_are_compared_as_instants(billing):
    since = quote("2026-11-01T01:00:00+01:00")
    rows = billing.all("customerBill", f"billDate.gte={since}")
    assert rows == [row for row in billing.all("customerBill") if row["billDate"] >= "2026-11-01T00:00:00Z"]
    assert 0 < len(rows) < len(billing.all("customerBill"))
    assert billing.all("customerBill", "billDate.gte=2026-11-01T01:00:00+01:00") == rows


@pytest.mark.parametrize("spelling", ["name.regex={}", "name%3D~{}", "name%3D~={}", "name=~{}"])
def test_regular_expressions(crm, spelling):
    expected = [row["id"] for row in crm.all("customer") if row["name"].startswith(("Anna", "Erik"))]
    assert expected
    assert crm.get(f"customer?{spelling.format(quote('^(Anna|Erik)'))}").ids == expected


def test_equal_signs_in_every_spelling(crm):
    assert [crm.get(f"customer?{q}").ids for q in ("id%3D%3D1001", "id%3D%3D=1001", "id.eq=1001")] == [["1001"]] * 3


@pytest.mark.parametrize(
    ("client", "query"),
    [
        ("crm", "customer?contactMedium.characteristic.phoneNumber=%2B46700001001"),
        ("crm", "individual?id=P1001"),
        ("crm", "customer?engagedParty.id=P1001"),
        ("crm", "customer?account.id=BA-1001-2"),
        ("crm", "product?realizingService.id=SVC-1001-2"),
        ("crm", "product?billingAccount.id=BA-1001-2"),
        ("billing", "customerBill?billNo=1001-1-2026-11"),
        ("billing", "customerBill?billNo.regex=^1001-1-2026-11"),
        ("billing", "appliedCustomerBillingRate?bill.id=BILL-1001-2-07&type=recurring"),
        ("billing", "payment?paymentItem.item.id=BILL-1001-1-01"),
        ("billing", "payment?correlatorId=CORR-BILL-1001-1-01"),
        ("inventory", "service?supportingService.id=RFS-1001-1"),
        ("inventory", "service?supportingResource.id=RES-1001-1"),
        ("inventory", "service?place.id=SITE-1001&serviceType=tv"),
        ("inventory", "resource?place.id=SITE-CAB-001&category=Cabinet"),
        ("inventory", "resource?value=%2B46700001001"),
        ("ticketing", "troubleTicket?relatedEntity.id=SVC-1001-1&status=inProgress"),
        ("ticketing", "serviceProblem?affectedResource.id=OLT-001&status=inProgress,acknowledged,pending"),
        ("ticketing", "serviceProblem?affectedService.id=SVC-1001-1&status=inProgress,acknowledged,pending"),
    ],
)
def test_lookups_by_key_find_exactly_one_row(systems, client, query):
    reply = systems[client].get(query)
    assert (reply.status, reply.headers["x-total-count"], len(reply.json)) == (200, "1", 1)


def test_a_lookup_by_key_generates_only_the_customers_it_names(fresh):
    client = fresh("billing", customers=5000)
    client.get("customerBill?billingAccount.id=BA-1001-1,BA-4321-1&state=settled")
    assert client.server.world.generated == 2


@pytest.mark.parametrize(
    "query",
    ["relatedParty.id=9999999", "id=nonsense", "name=Nobody%20Atall", "noSuchAttribute=1", "status.gt=zzzz", "id="],
)
def test_what_matches_nothing_is_an_empty_list(crm, query):
    reply = crm.get(f"customer?{query}")
    assert (reply.status, reply.json, reply.headers["x-total-count"]) == (200, [], "0")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("status.ne=Active", ".ne"),
        ("name.contains=A", ".contains"),
        ("name.regex=(", "regular expression"),
        ("limit=ten", "whole number"),
        ("limit=-1", "whole number"),
        ("offset=1.5", "whole number"),
        ("sort=name%20desc", "sort"),
        ("justaword", "attribute=value"),
        ("a..b=1", "attribute path"),
    ],
)
def test_a_query_that_cannot_be_read_is_400_and_says_why(crm, query, says):
    reply = crm.get(f"customer?{query}")
    assert (reply.status, reply.json["code"], reply.json["reason"]) == (400, "400", "Bad Request")
    assert says in reply.json["message"]


def test_jsonpath_is_501(crm):
    reply = crm.get("customer?filter=relatedParty%5B%3F(%40.id%3D%3D'1')%5D")
    assert (reply.status, reply.json["code"]) == (501, "501")


def test_fields_keeps_what_is_named_and_always_id_href_and_type(crm, billing):
    always = {"id", "href", "@type"}
    assert set(crm.get("customer/1001?fields=none").json) == always
    assert set(crm.get("customer?id=1001&fields=name,status").json[0]) == always | {"name", "status"}
    bill = billing.get("customerBill?id=BILL-1001-1-07&fields=amountDue.value,relatedParty.id,billNo").json[0]
    assert set(bill) == always | {"amountDue", "relatedParty", "billNo"}
    assert (set(bill["amountDue"]), bill["relatedParty"]) == ({"value"}, [{"id": "1001"}])
    both = billing.get("customerBill/BILL-1001-1-07?fields=amountDue,amountDue.value").json
    assert set(both["amountDue"]) == {"unit", "value"}


def test_a_filter_works_on_attributes_that_fields_leaves_out(crm):
    assert crm.get("customer?status=Active&id=1001&fields=name").ids == ["1001"]


def test_sort_by_several_attributes_both_ways(billing):
    rows = billing.all("customerBill", "sort=-state,%2BamountDue.value")
    keys = [(row["state"], row["amountDue"]["value"]) for row in rows]
    expected = sorted(keys, key=lambda k: k[1])
    expected.sort(key=lambda k: k[0], reverse=True)
    assert keys == expected
    assert len({state for state, _ in keys}) > 2


def test_id_order_is_numeric_and_can_be_reversed(crm):
    assert crm.get("customer?sort=-id&limit=2").ids == ["1300", "1299"]
    assert crm.get("customer?sort=-id&limit=3&offset=298").ids == ["1002", "1001"]
    assert crm.get("customer?sort=id&limit=2").ids == crm.get("customer?limit=2").ids == ["1001", "1002"]


def test_rows_without_the_attribute_are_sorted_last(ticketing):
    rows = ticketing.all("troubleTicket", "sort=-resolutionDate")
    dates = [row.get("resolutionDate", "") for row in rows]
    assert dates == sorted(dates, reverse=True)
    assert "" in dates


def test_pages_carry_the_headers_of_tmf630(crm):
    reply = crm.get("customer?status=Active&offset=10&limit=5&fields=name")
    total = len(crm.all("customer", "status=Active"))
    last = (total - 1) // 5 * 5
    path = "/tmf-api/customerManagement/v4/customer?status=Active&fields=name"
    assert reply.status == 206
    assert reply.headers["x-total-count"] == str(total)
    assert reply.headers["x-result-count"] == "5"
    assert reply.headers["content-range"] == f"items 11-15/{total}"
    assert reply.headers["link"] == ", ".join(
        f'<{path}&offset={offset}&limit=5>; rel="{name}"'
        for name, offset in (("first", 0), ("prev", 5), ("next", 15), ("last", last))
    )


def test_all_in_one_answer_is_200_without_links(crm):
    reply = crm.get("customer?limit=300")
    assert (reply.status, len(reply.json), reply.headers.get("link")) == (200, 300, None)


def test_the_default_and_the_largest_page(crm):
    assert len(crm.get("customer").json) == 100
    crm.server.switches.merge({"defaultLimit": 7, "maxLimit": 20})
    assert len(crm.get("customer").json) == 7
    assert len(crm.get("customer?limit=250").json) == 20


@pytest.mark.parametrize(
    "name", ["customer", "individual", "organization", "product", "billingAccount", "customerBill",
             "appliedCustomerBillingRate", "payment", "service", "resource", "geographicSite", "troubleTicket",
             "serviceProblem"],
)  # fmt: skip
def test_pages_add_up_to_the_total_without_gaps_or_doubles(systems, name):
    client = next(c for c in systems.values() if c.get(f"{name}?limit=0").status != 404)
    total = int(client.get(f"{name}?limit=0").headers["x-total-count"])
    seen: list[str] = []
    while len(seen) < total:
        page = client.get(f"{name}?offset={len(seen)}&limit=333&fields=none").ids
        assert page
        seen += page
    assert len(seen) == len(set(seen)) == total
    assert client.get(f"{name}?offset={total}").json == []
    assert client.get(f"{name}?sort=-id&limit=5").ids == seen[:-6:-1]
