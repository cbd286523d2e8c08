"""What a review found, and must not come back."""

import base64
from typing import Any

import pytest

from tests.stack import Stack


@pytest.mark.parametrize("selected", ["id", "__typename", "... on Service { id }"])
async def test_what_is_there_does_not_depend_on_what_is_selected(stack: Stack, selected: str) -> None:
    document = f'{{ node(id: "Resource:CAB-001") {{ __typename {selected} }} }}'
    assert (await stack.ask(document, "1001")).clean()["node"]["__typename"] == "Resource"
    direct = '{ resource(id: "CAB-001") { __typename } site(id: "SITE-CAB-001") { __typename } }'
    assert (await stack.ask(direct, "1001")).clean() == {
        "resource": {"__typename": "Resource"},
        "site": {"__typename": "Site"},
    }


async def test_counting_needs_no_rows(stack: Stack) -> None:
    bare = "{ outages(open: true) { nodes { id affectedResources { totalCount } affectedServices { totalCount } } } }"
    full = bare.replace("{ totalCount }", "{ totalCount nodes { id } }")
    counted = (await stack.ask(bare, "1001")).clean()["outages"]["nodes"]
    listed = (await stack.ask(full, "1001")).clean()["outages"]["nodes"]

    for one, other in zip(counted, listed, strict=True):
        for field in ("affectedResources", "affectedServices"):
            assert one[field]["totalCount"] == other[field]["totalCount"] == len(other[field]["nodes"])
    assert max(one["affectedServices"]["totalCount"] for one in counted) == 1


@pytest.mark.parametrize("field", ["products", "bills", "services", "tickets"])
async def test_a_system_that_ignores_filters_tells_no_numbers(stack: Stack, field: str) -> None:
    document = f"{{ me {{ {field}(first: 1) {{ totalCount pageInfo {{ hasNextPage }} nodes {{ id }} }} }} }}"
    honest = (await stack.ask(document, "1001")).clean()
    for system in stack.systems.values():
        system.switches.ignore_filters = True

    assert (await stack.ask(document, "1001")).clean() == honest


async def test_one_wrong_id_costs_its_own_place(stack: Stack) -> None:
    stack.systems["billing"].switches.error_rate = 1
    document = '{ me { id name } nodes(ids: ["Bill:BILL-1001-1-05", "Ticket:TT-1001-1", "nonsense"]) { id } }'
    answer = await stack.ask(document, "1001")

    assert answer.data["me"]["name"]
    assert answer.data["nodes"] == [None, {"id": "Ticket:TT-1001-1"}, None]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["nodes", 0], "UPSTREAM_FAILED"),
        (["nodes", 2], "BAD_USER_INPUT"),
    ]


async def test_dates_without_a_zone_are_utc(stack: Stack) -> None:
    document = "query($since: DateTime) { me { bills(since: $since) { totalCount } } }"
    with_zone = (await stack.ask(document, "1001", since="2026-09-01T00:00:00Z")).clean()
    bare = (await stack.ask(document, "1001", since="2026-09-01T00:00:00")).clean()

    assert with_zone == bare
    assert 0 < bare["me"]["bills"]["totalCount"] < 14


@pytest.mark.parametrize("place", ["-5", "9" * 40, "x", "", "1.5"])
async def test_odd_cursors_do_not_reach_a_system(stack: Stack, place: str) -> None:
    cursor = base64.urlsafe_b64encode(f"{place}:BILL".encode()).decode().rstrip("=")
    answer = await stack.ask(
        "query($after: String) { me { bills(after: $after) { nodes { id } } } }", "1001", after=cursor
    )

    assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"]
    assert answer.calls == []


@pytest.mark.parametrize(
    ("document", "calls"),
    [
        ('{ customer(id: "1001") { accounts { id name bills(first: 1) { nodes { account { id name } } } } } }', 3),
        ("{ customers(first: 3) { nodes { name services { nodes { customer { name } } } } } }", 2),
        ('{ customer(id: "1001") { services { nodes { id name } } } service(id: "SVC-1001-1") { name } }', 3),
    ],
)
async def test_rows_of_lists_are_not_read_again_by_id(stack: Stack, document: str, calls: int) -> None:
    answer = await stack.ask(document)

    answer.clean()
    assert len(answer.calls) == calls, [call["path"] for call in answer.calls]


async def test_subscribers_do_not_cause_reads_of_everybodys_rows(stack: Stack) -> None:
    document = "{ outages(open: true) { nodes { affectedServices { nodes { id } } tickets { nodes { id } } } } }"
    answer = await stack.ask(document, "1001")

    answer.clean()
    asked = {key for call in answer.calls for key in call["keys"]}
    assert {key for key in asked if key.startswith("SVC-")} == set()
    cabinet = await stack.ask('{ resource(id: "CAB-001") { services { totalCount nodes { id } } } }', "1001")
    services = cabinet.clean()["resource"]["services"]
    assert services["totalCount"] == len(services["nodes"]) == 2
    assert {key for call in cabinet.calls for key in call["keys"]} == {"CAB-001", "1001"}


async def test_two_pages_of_one_list_are_one_window(stack: Stack) -> None:
    answer = await stack.ask(
        "{ me { a: bills(first: 2) { nodes { id } } b: bills(first: 3) { nodes { id } } } }", "1001"
    )

    me = answer.clean()["me"]
    assert me["a"]["nodes"] == me["b"]["nodes"][:2]
    (call,) = answer.calls
    assert call["path"].endswith("limit=4")


@pytest.mark.parametrize(
    "text", ["+46 70 000 10 01", "Bill:BILL-1001-1-07", "tt-1001-1", "Ticket:TT-1001-1", "BillingAccount:BA-1001-1"]
)
async def test_search_takes_numbers_as_people_write_them(stack: Stack, text: str) -> None:
    found = await stack.ask("query($text: String) { customers(search: $text) { totalCount nodes { id } } }", text=text)

    assert found.clean()["customers"] == {"totalCount": 1, "nodes": [{"id": "Customer:1001"}]}


async def test_a_search_for_nothing_finds_nothing(stack: Stack) -> None:
    answer = await stack.ask('{ customers(search: " ") { totalCount } resources(search: "") { totalCount } }')

    assert answer.clean() == {"customers": {"totalCount": 0}, "resources": {"totalCount": 0}}
    assert answer.calls == []


async def test_lists_can_be_chosen_and_sorted(stack: Stack) -> None:
    document = """{ me {
      tickets { nodes { id createdAt status } }
      oldest: tickets(sort: OLDEST) { nodes { id createdAt status } }
      done: tickets(status: [CLOSED, RESOLVED]) { totalCount nodes { id } }
      bills(first: 100) { nodes { id dueDate } }
      due: bills(sort: DUE_FIRST, first: 100) { nodes { id dueDate } }
      old: bills(sort: OLDEST, first: 100) { nodes { id dueDate } }
      services(state: [ACTIVE]) { totalCount }
      none: services(state: [TERMINATED]) { totalCount }
      products(status: [ACTIVE]) { totalCount }
      accounts { payments(since: "2026-09-01T00:00:00Z", first: 100) { nodes { paidAt } } }
    } }"""
    me: Any = (await stack.ask(document, "1001")).clean()["me"]

    assert me["oldest"]["nodes"] == me["tickets"]["nodes"][::-1]
    assert me["done"]["totalCount"] == 2
    assert sorted(bill["id"] for bill in me["due"]["nodes"]) == sorted(bill["id"] for bill in me["bills"]["nodes"])
    due = [bill["dueDate"] for bill in me["due"]["nodes"]]
    assert due == sorted(due)
    assert me["services"]["totalCount"] == 4
    assert me["none"]["totalCount"] == 0
    paid = [payment["paidAt"] for account in me["accounts"] for payment in account["payments"]["nodes"]]
    assert paid
    assert min(paid) >= "2026-09-01"


async def test_filters_read_what_they_need_though_nobody_selected_it(stack: Stack) -> None:
    document = """{ me {
      tickets(status: [CLOSED, RESOLVED], sort: OLDEST) { nodes { id } }
      services(state: [ACTIVE]) { nodes { id } }
    } }"""
    answer = await stack.ask(document, "1001")

    me = answer.clean()["me"]
    assert len(me["tickets"]["nodes"]) == 2
    assert len(me["services"]["nodes"]) == 4


async def test_outages_of_a_span(stack: Stack) -> None:
    document = """query($since: DateTime, $until: DateTime) {
      outages(since: $since, until: $until, first: 100) { totalCount nodes { id startedAt } }
    }"""
    everything = (await stack.ask(document)).clean()["outages"]["nodes"]
    middle = everything[len(everything) // 2]["startedAt"]
    later = await stack.ask(document, since=middle)
    earlier = await stack.ask(document, until=middle)

    assert [outage["startedAt"] for outage in everything] == sorted((o["startedAt"] for o in everything), reverse=True)
    found = [answer.clean()["outages"] for answer in (later, earlier)]
    assert [outage for part in found for outage in part["nodes"]] == everything
    assert [part["totalCount"] for part in found] == [len(part["nodes"]) for part in found]
    assert len(later.calls) == 1
    assert "creationDate.gte=" in later.calls[0]["path"]


async def test_customers_by_name(stack: Stack) -> None:
    everybody = (await stack.ask("{ customers(first: 60) { nodes { name } } }")).clean()["customers"]["nodes"]
    names = [customer["name"] for customer in everybody]
    answer = await stack.ask("{ customers(first: 5, sort: NAME) { nodes { name } } }")

    assert [c["name"] for c in answer.clean()["customers"]["nodes"]] == sorted(names)[:5]
