"""What a question costs upstream: calls, steps, nothing twice, and nothing that nobody selected."""

from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from acceptance.calls import steps
from tests.conftest import contract
from tests.promises.test_contract import ASKED
from tests.stack import Stack

MOST = {
    # document: calls, steps (the bounds where it gives some, else what was reached)
    "PortalHome": (9, 2),
    "UsageGlance": (5, 2),
    "BillDetail": (5, 3),
    "TicketThread": (3, 2),
    "AgentSearch": (6, 2),
    "OpsDashboard": (5, 3),
    "OutageImpact": (5, 3),
    "DeviceTrace": (7, 3),
    "SystemStatus": (4, 1),
}


@pytest.mark.parametrize("name", sorted(MOST))
async def test_calls_and_steps(stack: Stack, name: str) -> None:
    who, variables = ASKED[name]
    for system in stack.systems.values():
        system.switches.latency_ms = 60  # calls of one step overlap, calls of two steps do not
    answer = await stack.ask(contract(name), who, **variables)

    answer.clean()
    calls, most_steps = MOST[name]
    assert len(answer.calls) <= calls, [call["path"] for call in answer.calls]
    assert steps(answer.calls) <= most_steps
    seen = sum(len(system.requests) for system in stack.systems.values())
    assert seen == len(answer.calls)


@pytest.mark.parametrize("name", sorted(MOST))
async def test_nothing_is_asked_twice(stack: Stack, name: str) -> None:
    who, variables = ASKED[name]
    answer = await stack.ask(contract(name), who, **variables)

    asked = Counter((call["system"], call["method"], call["path"], tuple(call["keys"])) for call in answer.calls)
    assert set(asked.values()) <= {1}
    keys = Counter((call["loader"], call["path"].split("?")[0], key) for call in answer.calls for key in call["keys"])
    twice = {key for key, times in keys.items() if times > 1}
    # A resource is searched by its serial number and by its name, which TMF630 cannot ask in one call.
    assert {loader for loader, *_ in twice} <= {"ResourcesBySearch"}


async def test_many_aliases_of_many_parents_cost_no_more(stack: Stack) -> None:
    one = await stack.ask("{ customers(first: 20) { nodes { accounts { bills(first: 2) { nodes { id } } } } } }")
    two = await stack.ask(
        """{ customers(first: 20) { nodes {
          accounts { a: bills(first: 2) { nodes { id } } b: bills(first: 9) { nodes { id } } }
          again: accounts { bills(state: OPEN) { nodes { id dueDate } } }
        } } }"""
    )
    one.clean()
    two.clean()

    assert len(one.calls) == len(two.calls) == 3


async def test_only_what_is_selected_travels_up(stack: Stack) -> None:
    answer = await stack.ask("{ me { bills(first: 2) { nodes { number account { name } } } } }", "1001")

    answer.clean()
    fields = {call["path"].split("?")[0].rsplit("/", 1)[1]: _fields(call["path"]) for call in answer.calls}
    assert fields == {
        "customerBill": {"id", "relatedParty", "billingAccount", "billNo"},
        "billingAccount": {"id", "relatedParty", "name"},
    }


async def test_filters_bring_what_they_read(stack: Stack) -> None:
    """Chosen and sorted by attributes that nobody selected."""
    document = '{ me { bills(state: OPEN, since: "2026-01-01T00:00:00Z") { nodes { id } } } }'
    answer = await stack.ask(document, "1001")

    nodes = answer.clean()["me"]["bills"]["nodes"]
    full = await stack.ask("{ me { bills(state: OPEN) { nodes { id dueDate } } } }", "1001")
    assert nodes == [{"id": bill["id"]} for bill in full.clean()["me"]["bills"]["nodes"]]
    assert len(nodes) == 2
    (call,) = answer.calls
    whose = {"id", "relatedParty", "billingAccount"}
    assert _fields(call["path"]) == whose | {"state", "remainingAmount", "paymentDueDate", "billDate"}


async def test_so_do_filters_of_tickets_and_services(stack: Stack) -> None:
    document = """{ me {
      tickets(status: [CLOSED, RESOLVED], sort: OLDEST) { nodes { id } }
      services(state: [ACTIVE]) { nodes { id } }
    } }"""
    answer = await stack.ask(document, "1001")

    me = answer.clean()["me"]
    assert (len(me["tickets"]["nodes"]), len(me["services"]["nodes"])) == (2, 4)
    assert {call["system"]: _fields(call["path"]) for call in answer.calls} == {
        "ticketing": {"id", "relatedParty", "status", "creationDate", "lastUpdate"},
        "inventory": {"id", "relatedParty", "category", "state"},
    }


async def test_a_customer_that_the_token_names_needs_no_crm(stack: Stack) -> None:
    answer = await stack.ask("{ me { id accounts { id customer { id } } } }", "1001")

    assert answer.clean()["me"]["accounts"][0]["customer"]["id"] == "Customer:1001"
    assert [call["system"] for call in answer.calls] == ["billing"]


async def test_the_trace_tells_what_was_asked(stack: Stack) -> None:
    answer = await stack.ask('{ bill(id: "BILL-1001-1-05") { number } }')

    answer.clean()
    (call,) = answer.calls
    assert call["startMs"] >= 0
    assert call["durationMs"] > 0
    assert call["bytes"] > 50
    assert {key: call[key] for key in ("system", "method", "status", "keys", "loader")} == {
        "system": "billing",
        "method": "GET",
        "status": 200,
        "keys": ["BILL-1001-1-05"],
        "loader": "BillById",
    }


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


def _fields(path: str) -> set[str]:
    return set(parse_qs(urlsplit(path).query)["fields"][0].split(","))
