"""What a question costs upstream: calls, steps, nothing twice, and nothing that nobody selected."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from acceptance.calls import LEAST, ROOT, steps
from gateway.commands.demo_settings import settings
from tests.conftest import contract
from tests.promises.test_contract import ASKED
from tests.stack import Stack, stacked


@pytest_asyncio.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As many customers as docs/performance.md says, and systems as the demo knows them."""
    known = settings(1, 2).systems.by_domain.items()
    systems = {name: system.model_dump(exclude_unset=True, exclude={"url"}) for name, system in known}
    async with stacked(tmp_path_factory.mktemp("demo"), customers=1000, systems=systems) as running:
        yield running


def documented() -> dict[str, tuple[int, int, int, int]]:
    """The table of docs/performance.md: calls, least, steps, least."""
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    _, header, rows = page.partition("| document | calls | least | steps | least |\n")
    assert header
    found = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", rows.partition("\n\n")[0], re.MULTILINE)
    return {name: (int(calls), int(least), int(steps), int(fewest)) for name, calls, least, steps, fewest in found}


def test_every_document_is_in_the_table_with_the_least_that_is_possible() -> None:
    table = documented()

    assert table.keys() == ASKED.keys() == LEAST.keys()
    assert {name: (least, fewest) for name, (_, least, _, fewest) in table.items()} == {
        name: (calls, in_steps) for name, (calls, in_steps, _) in LEAST.items()
    }


@pytest.mark.parametrize("name", sorted(ASKED))
async def test_calls_and_steps_are_those_of_the_table(demo: Stack, name: str) -> None:
    who, variables = ASKED[name]
    demo.reset()
    for system in demo.systems.values():
        system.switches.latency_ms = 60  # calls of one step overlap, calls of two steps do not
    (await demo.ask(contract(name), who, **variables)).clean()  # the systems are heard of
    for system in demo.systems.values():
        system.requests.clear()
    answer = await demo.ask(contract(name), who, **variables)

    answer.clean()
    calls, _, in_steps, _ = documented()[name]
    assert (len(answer.calls), steps(answer.calls)) == (calls, in_steps), [call["path"] for call in answer.calls]
    assert sum(len(system.requests) for system in demo.systems.values()) == calls


async def test_systems_that_were_not_heard_of_are_read_once_to_know_their_health(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as fresh:
        answers = [await fresh.ask(contract("SystemStatus")) for _ in range(2)]

    assert [(len(answer.calls), steps(answer.calls)) for answer in answers] == [(4, 1), (0, 0)]


@pytest.mark.parametrize("name", sorted(ASKED))
async def test_nothing_is_asked_twice(stack: Stack, name: str) -> None:
    who, variables = ASKED[name]
    answer = await stack.ask(contract(name), who, **variables)

    answer.clean()
    asked = Counter((call["system"], call["method"], call["path"], tuple(call["keys"])) for call in answer.calls)
    assert [call for call, times in asked.items() if times > 1] == []
    keys = Counter((call["loader"], call["path"].split("?")[0], key) for call in answer.calls for key in call["keys"])
    twice = {loader for (loader, *_), times in keys.items() if times > 1}
    # A resource is searched by its serial number and by its name, which TMF630 cannot ask in one call.
    assert twice == ({"ResourcesBySearch"} if name == "DeviceTrace" else set())


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
    document = '{ me { bills(state: OPEN, since: "2026-01-01") { nodes { id } } } }'
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
