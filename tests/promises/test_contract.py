"""The contract's documents: valid word for word, with data in every field that the sandbox has."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from schema import build_schema
from tests.conftest import OPERATIONS, contract
from tests.stack import Stack

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("CONTRACT", ROOT.parent / "shared/contract/operations"))
EXAMPLES = json.loads((OPERATIONS.parent / "examples.json").read_text(encoding="utf-8"))
WRITING = [name for name, example in EXAMPLES.items() if "input" in example["variables"]]
OWN = {"AddInternalNote", "AssignTicket", "ReopenTicket"}
"""What GraphiQL shows beside the contract's documents."""
MUTATIONS = [name for name in WRITING if name not in OWN]
SUBSCRIPTIONS = {"TicketChanged", "OutageChanged"}
QUERIES = sorted(EXAMPLES.keys() - set(WRITING) - SUBSCRIPTIONS)

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
    schema = build_schema().graphql
    documents = {path.stem: path.read_text(encoding="utf-8") for path in SHARED.glob("*.graphql")}

    assert {name: validate(schema, parse(text)) for name, text in documents.items()} == {name: [] for name in documents}
    assert documents.keys() == EXAMPLES.keys() - OWN


@pytest.mark.parametrize("name", QUERIES)
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
