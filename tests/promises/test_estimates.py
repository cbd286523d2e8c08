"""What `X-Gateway-Cost` tells before anything runs is never less than what is asked of a system then."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import contract
from tests.promises.test_contract import ASKED
from tests.promises.test_identity import keyed
from tests.stack import Stack

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Bill { payments { id } } } }"
IDS = [
    *("Customer:1001", "Product:PROD-1001-1", "BillingAccount:BA-1001-1", "Bill:BILL-1001-1-05"),
    *("Payment:PAY-BILL-1001-1-05-1", "Service:SVC-1001-1", "Resource:RES-1001-1", "Site:SITE-1001"),
    "Ticket:TT-1001-1",
]
DEEP = "{ me { accounts { bills { nodes { account { id } payments { account { id } } } } } } }"
"""Documents that ownership, and the look-up of keys, cost more calls than their edges have."""

CASES: list[tuple[str, str, dict[str, Any]]] = [
    *((contract(name), who, variables) for name, (who, variables) in ASKED.items()),
    *((NODES, who, {"ids": IDS}) for who in ("1001", "agent")),
    *(("query($id: ID!) { node(id: $id) { id } }", "1001", {"id": one}) for one in IDS),
    *((DEEP, who, {}) for who in ("1001", "agent")),
    ('{ customers(search: "1001") { nodes { id bills { totalCount } } } }', "agent", {}),
]


@pytest_asyncio.fixture(scope="module")
async def with_keys(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack whose systems all know customers otherwise."""
    folder: Path = tmp_path_factory.mktemp("keys")
    async with keyed(folder, crm="reference", billing="reference", inventory="party", ticketing="reference") as stack:
        yield stack


@pytest.mark.parametrize("keys", ["numbers", "keys of their own"])
async def test_no_system_is_called_more_often_than_estimated(stack: Stack, with_keys: Stack, keys: str) -> None:
    asked = stack if keys == "numbers" else with_keys
    tightest = 0.0
    for document, who, variables in CASES:
        body = {"query": document, "variables": variables}
        headers = {**asked.headers(who), "X-Gateway-Cost": "1"}
        async with asked.session.post(f"{asked.address}/graphql", json=body, headers=headers) as answer:
            body = await answer.json()
        said = body["extensions"]
        estimated = {system: one["calls"] for system, one in said["cost"]["systems"].items()}
        of_any = estimated.pop("any", 0)
        for system, calls in Counter(call["system"] for call in said["upstream"]).items():
            most = estimated.get(system, 0) + of_any
            assert calls <= most, (system, document, said["upstream"])
            tightest = max(tightest, calls / most)
    assert tightest == 1.0
