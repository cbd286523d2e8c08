"""What is somebody else's and what does not exist cannot be told apart: not by the answer, the calls, or the time."""

import re
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from sandbox.data import shapes
from schema import build_schema
from tests.promises.test_identity import KEYS, keyed
from tests.stack import Stack

SHARED: Final = {"outage"}
"""Fields whose objects everybody who is signed in may read."""

IDS: Final = (
    '{ customer(id: "1002") { id accounts { id bills(first: 1) { nodes { id } } payments(first: 1) { nodes { id } } }'
    " products(first: 1) { nodes { id } } tickets(first: 1) { nodes { id } }"
    " services(first: 1) { nodes { id site { id } resources { id } } } } }"
)

SELECTED: Final[Mapping[str, str]] = {
    "account": "id name balance { amount } bills(first: 3) { nodes { id } }",
    "bill": "id number account { id } charges { name }",
    "customer": "id name bills(first: 3) { nodes { id } } services(first: 3) { nodes { id } }",
    "payment": "id account { id }",
    "product": "id name services { nodes { id } }",
    "resource": "id name site { id name } outages { id }",
    "service": "id name resources { id } site { id } outages { id }",
    "site": "id name status",
    "ticket": "id name services { id }",
}
SAMPLES: Final = 60
LATENCY: Final = 40.0
"""Milliseconds that each system takes for an answer."""


def test_every_id_is_tried() -> None:
    query = build_schema().graphql.query_type
    assert query is not None
    assert {name for name, field in query.fields.items() if "id" in field.args} - {"node"} - SHARED == set(SELECTED)


async def _foreign(stack: Stack) -> dict[str, str]:
    """An id of customer 1002's for each field."""
    customer = (await stack.ask(IDS)).clean()["customer"]
    (account, *_), (service, *_) = customer["accounts"], customer["services"]["nodes"]
    found = {
        "customer": customer,
        "account": account,
        "bill": account["bills"]["nodes"][0],
        "payment": account["payments"]["nodes"][0],
        "product": customer["products"]["nodes"][0],
        "ticket": customer["tickets"]["nodes"][0],
        "service": service,
        "site": service["site"],
        "resource": service["resources"][0],
    }
    return {field: one["id"] for field, one in found.items()}


_TRIES: Final = 4
"""On a busy machine a prefetched call may be given up before or after it is sent, for both ids alike."""


def _missing(key: str) -> str:
    """An id of nothing that looks like this one."""
    assert "1002" in key
    return key.replace("1002", "9902")


def _calls(stack: Stack) -> Counter[tuple[str, str, str, str]]:
    """The calls since the last time, without the keys that they ask for."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for name, system in stack.systems.items():
        for one in system.requests:
            query = re.sub(r"\bid=[^&]*", "id=...", str(one["query"]))
            found[name, one["method"], one["path"], query] += 1
        system.requests.clear()
    return found


def _documents(field: str) -> dict[str, str]:
    kind = build_schema().graphql.query_type.fields[field].type.name  # type: ignore[union-attr]  # objects, all of them
    inner = SELECTED[field]
    return {
        "by its field": f"query ($id: ID!) {{ found: {field}(id: $id) {{ {inner} }} }}",
        "as a node": f"query ($id: ID!) {{ found: node(id: $id) {{ id ... on {kind} {{ {inner} }} }} }}",
    }


async def _told(stack: Stack, document: str, asked: str) -> tuple[Any, Any]:
    _calls(stack)
    answer = await stack.ask(document, "1001", id=asked)
    assert answer.data == {"found": None}, asked
    return answer.errors, _calls(stack)


async def _told_apart(stack: Stack) -> dict[str, Any]:
    """Fields and documents for which answers or calls differ, as subscriber 1001 asks for them."""
    foreign, apart = await _foreign(stack), {}
    for field, key in foreign.items():
        for how, document in _documents(field).items():
            for asked in (key, _missing(key)):
                await stack.ask(document, "1001", id=asked)  # what a system obeys is learned from its answers
            for _ in range(_TRIES):
                told = [await _told(stack, document, asked) for asked in (key, _missing(key))]
                if told[0] == told[1]:
                    break
            else:
                apart[f"{field} {how}"] = told
    return apart


async def test_the_calls_are_the_same(stack: Stack) -> None:
    assert await _told_apart(stack) == {}


@pytest.mark.parametrize("how", [pytest.param(one, marks=[pytest.mark.long] if one == "party" else []) for one in KEYS])
async def test_the_calls_are_the_same_whatever_systems_call_a_customer(tmp_path: Path, how: Any) -> None:
    async with keyed(tmp_path, crm=how, billing=how, inventory=how, ticketing=how) as stack:
        assert await _told_apart(stack) == {}


async def test_the_calls_are_the_same_where_a_bill_names_nobody(stack: Stack) -> None:
    foreign = await _foreign(stack)
    bill = foreign["bill"].partition(":")[2]
    stack.rewrite("billing", shapes.BILL, bill, relatedParty=[])
    try:
        told = []
        for key in (bill, _missing(bill)):
            _calls(stack)
            answer = await stack.ask(_documents("bill")["by its field"], "1001", id=key)
            assert answer.data == {"found": None}
            told.append((answer.errors, _calls(stack)))
    finally:
        owner = [{"id": "1002", "role": "customer", "@referredType": "Customer"}]
        stack.rewrite("billing", shapes.BILL, bill, relatedParty=owner)
    assert told[0] == told[1]


async def _seconds(stack: Stack, document: str, key: str) -> float:
    began = time.perf_counter()
    await stack.ask(document, "1001", id=key)
    return time.perf_counter() - began


@pytest.mark.long
async def test_the_times_are_the_same(stack: Stack) -> None:
    """The median of paired differences is far below the time of one more call."""
    foreign = await _foreign(stack)
    for system in stack.systems.values():
        system.switches.latency_ms = LATENCY
    differences: dict[str, float] = {}
    for field in SELECTED:
        key, document = foreign[field], _documents(field)["by its field"]
        await stack.ask(document, "1001", id=key)
        pairs = []
        for number in range(SAMPLES):
            asked = [key, _missing(key)]
            first, second = asked if number % 2 else reversed(asked)
            times = {first: await _seconds(stack, document, first), second: await _seconds(stack, document, second)}
            pairs.append(times[key] - times[_missing(key)])
        differences[field] = statistics.median(pairs) * 1000
    assert {field: one for field, one in differences.items() if abs(one) > LATENCY / 2} == {}
