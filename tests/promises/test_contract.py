"""The contract's documents: valid word for word, with data in every field that the sandbox has."""

import os
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema as parse_schema
from graphql import parse, validate

from schema import build_schema
from tests.conftest import OPERATIONS, contract
from tests.stack import Stack

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("CONTRACT", ROOT.parent / "shared/contract/operations"))
NAMES = sorted(path.stem for path in OPERATIONS.glob("*.graphql"))

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "PortalHome": ("1001", {}),
    "UsageGlance": ("1001", {}),
    "BillDetail": ("1001", {"id": "Bill:BILL-1001-1-05"}),
    "TicketThread": ("1001", {"id": "Ticket:TT-1001-1"}),
    "AgentSearch": ("agent", {"text": "1001"}),
    "OpsDashboard": ("agent", {"first": 50}),
    "OutageImpact": ("agent", {}),
    "DeviceTrace": ("agent", {"serial": "RTR0001001615"}),
    "SystemStatus": ("agent", {}),
}

# What is null because the sandbox has nothing to say there, by path without list positions.
NOTHING_THERE = {
    "SystemStatus": {"systems.lastError", "viewer.customer"},
    "TicketThread": {"ticket.resolvedAt"},
    "BillDetail": set[str](),
    "AgentSearch": set[str](),
}


def nulls(value: Any, path: str = "") -> set[str]:
    if value is None:
        return {path}
    if isinstance(value, dict):
        return {null for key, below in value.items() for null in nulls(below, f"{path}.{key}".lstrip("."))}
    if isinstance(value, list):
        return {null for one in value for null in nulls(one, path)}
    return set()


def empty_lists(value: Any, path: str = "") -> set[str]:
    if value == []:
        return {path}
    if isinstance(value, dict):
        return {one for key, below in value.items() for one in empty_lists(below, f"{path}.{key}".lstrip("."))}
    return set()


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the contract's folder is not here ({SHARED.name}; set CONTRACT)")
def test_every_document_of_the_contract_is_valid() -> None:
    schema = build_schema()._schema
    documents = {path.stem: path.read_text(encoding="utf-8") for path in SHARED.glob("*.graphql")}
    queries = {name: text for name, text in documents.items() if "query " in text}

    assert {name: validate(schema, parse(text)) for name, text in queries.items()} == {name: [] for name in queries}
    assert sorted(queries) == NAMES


def test_the_committed_schema_is_the_codes() -> None:
    committed = (ROOT / "schema.graphql").read_text(encoding="utf-8")

    assert committed == build_schema().as_str() + "\n", "run: gateway schema --write"


def test_everything_is_described() -> None:
    schema = parse_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    bare = []
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        bare += [] if kind.description else [name]
        for field_name, field in getattr(kind, "fields", {}).items():
            bare += [] if field.description else [f"{name}.{field_name}"]
            for argument, value in getattr(field, "args", {}).items():
                bare += [] if value.description else [f"{name}.{field_name}({argument})"]
        for value_name, value in getattr(kind, "values", {}).items():
            bare += [] if value.description else [f"{name}.{value_name}"]

    assert bare == []


@pytest.mark.parametrize("name", NAMES)
async def test_every_field_has_data(stack: Stack, name: str) -> None:
    who, variables = ASKED[name]
    answer = await stack.ask(contract(name), who, **variables)

    data = answer.clean()
    assert nulls(data) - NOTHING_THERE.get(name, set()) == set()
    assert empty_lists(data) == set()


async def test_portal_home_means_what_the_contract_says(stack: Stack) -> None:
    me = (await stack.ask(contract("PortalHome"), "1001")).clean()["me"]

    assert me["id"] == "Customer:1001"
    assert [account["id"] for account in me["accounts"]] == ["BillingAccount:BA-1001-1", "BillingAccount:BA-1001-2"]
    for account in me["accounts"]:
        dates = [bill["billDate"] for bill in account["bills"]["nodes"]]
        assert len(dates) == 3
        assert dates == sorted(dates, reverse=True)
    assert len(me["services"]["nodes"]) == 4
    assert all(service["resources"] for service in me["services"]["nodes"])
    assert sum(len(service["outages"]) for service in me["services"]["nodes"]) == 1
    assert me["tickets"]["totalCount"] == len(me["tickets"]["nodes"]) == 1


async def test_open_bills_come_by_due_date_and_are_not_paid(stack: Stack) -> None:
    document = """{ me {
      open: bills(state: OPEN) { totalCount nodes { dueDate isOpen isOverdue remainingAmount { amount } } }
      overdue: bills(state: OVERDUE) { totalCount }
      paid: bills(state: PAID) { totalCount }
      bills(first: 100) { totalCount nodes { billDate } }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]

    due = [bill["dueDate"] for bill in me["open"]["nodes"]]
    assert due == sorted(due)
    assert all(bill["isOpen"] and float(bill["remainingAmount"]["amount"]) > 0 for bill in me["open"]["nodes"])
    assert me["open"]["totalCount"] == 2
    assert me["open"]["totalCount"] + me["paid"]["totalCount"] == me["bills"]["totalCount"] >= 12
    dates = [bill["billDate"] for bill in me["bills"]["nodes"]]
    assert dates == sorted(dates, reverse=True)


async def test_amounts_are_exact_strings_and_dates_have_a_zone(stack: Stack) -> None:
    bill = (await stack.ask(contract("BillDetail"), "1001", id="BILL-1001-1-05")).clean()["bill"]

    lines = sum(round(float(charge["amount"]["amount"]) * 100) for charge in bill["charges"])
    assert lines == round(float(bill["taxIncluded"]["amount"]) * 100)
    assert isinstance(bill["amountDue"]["amount"], str)
    assert bill["period"]["start"].endswith("+00:00")


async def test_usage_adds_up(stack: Stack) -> None:
    usage = (await stack.ask("{ me { usage { used remaining allowance unit } } }", "1001")).clean()["me"]["usage"]

    assert len(usage) >= 2
    assert all(one["used"] + one["remaining"] == one["allowance"] for one in usage)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1001", "1001"),
        ("Customer:1001", "1001"),
        ("+46700001001", "1001"),
        ("BA-1001-2", "1001"),
        ("1001-1-2026-09", "1001"),
        ("TT-1001-1", "1001"),
        ("1002", "1002"),
    ],
)
async def test_agents_find_by_any_number(stack: Stack, text: str, found: str) -> None:
    answer = (await stack.ask(contract("AgentSearch"), text=text)).clean()["customers"]

    assert [customer["id"] for customer in answer["nodes"]] == [f"Customer:{found}"]
    assert answer["totalCount"] == 1


async def test_agents_find_by_name_and_address(stack: Stack) -> None:
    one = (await stack.ask('{ customer(id: "1001") { name email } }')).clean()["customer"]
    by_mail = (await stack.ask(contract("AgentSearch"), text=one["email"].upper())).clean()["customers"]
    by_name = (await stack.ask(contract("AgentSearch"), text=one["name"].lower())).clean()["customers"]

    assert [customer["id"] for customer in by_mail["nodes"]] == ["Customer:1001"]
    assert "Customer:1001" in [customer["id"] for customer in by_name["nodes"]]
    assert {one["name"].lower() in customer["name"].lower() for customer in by_name["nodes"]} == {True}


async def test_nodes_are_found_again_by_their_ids(stack: Stack) -> None:
    ids = [
        "Customer:1001",
        "Bill:BILL-1001-1-05",
        "Ticket:TT-1001-1",
        "Service:SVC-1001-1",
        "Outage:none",
        "Site:SITE-1001",
    ]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = (await stack.ask(document, "1001", ids=ids)).clean()["nodes"]

    assert [node and node["id"] for node in found] == [None if key == "Outage:none" else key for key in ids]
    assert [node["__typename"] for node in found if node] == ["Customer", "Bill", "Ticket", "Service", "Site"]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ('{ bill(id: "Ticket:1") { id } }', "is the id of a Ticket. This field needs the id of a Bill."),
        ('{ node(id: "1001") { id } }', "is not a global id, which looks like Customer:1001"),
        ("{ me { bills(first: -1) { totalCount } } }", "first is -1. It must be from 0 to 1000"),
        ("{ me { bills(first: 1001) { totalCount } } }", "first is 1001. It must be from 0 to 1000"),
        ("{ me { bills(first: 1, last: 1) { totalCount } } }", "either first or last"),
        ('{ me { bills(after: "?") { totalCount } } }', "after is not a cursor"),
    ],
)
async def test_a_wrong_argument_is_named(stack: Stack, document: str, says: str) -> None:
    answer = await stack.ask(document, "1001")

    (error,) = answer.errors
    assert says in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
