"""What is known early is asked for early: fewest steps, the same answers, the same calls."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from acceptance.calls import steps
from sandbox.data import shapes
from tests.promises.test_contract import ASKED, contract
from tests.stack import Answer, Stack, stacked

NAMING = {"billing": {"profile": {"bills_name_customers": True}}}


@pytest_asyncio.fixture(scope="module")
async def naming(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack whose billing system is known to name its customers on every bill."""
    async with stacked(tmp_path_factory.mktemp("naming"), systems=NAMING) as running:
        yield running


SLOW = 60.0
"""Latency of the systems here, in milliseconds: calls that wait for each other are that much apart."""


def by_loader(answer: Answer) -> dict[str, dict[str, Any]]:
    """The one call of each loader."""
    assert len({call["loader"] for call in answer.calls}) == len(answer.calls), answer.calls
    return {call["loader"]: call for call in answer.calls}


def beside(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether neither call waited for the other."""
    return bool(
        one["startMs"] < other["startMs"] + other["durationMs"]
        and other["startMs"] < one["startMs"] + one["durationMs"]
    )


async def slowly(stack: Stack, name: str) -> Answer:
    """One of the contract's queries, over systems that take their time."""
    for system in stack.systems.values():
        system.switches.latency_ms = SLOW
    who, variables = ASKED[name]
    return await stack.ask(contract(name), who, **variables)


async def test_the_dashboard_takes_two_steps(naming: Stack) -> None:
    naming.reset()
    answer = await slowly(naming, "OpsDashboard")
    calls = by_loader(answer)

    assert (len(calls), steps(answer.calls)) == (5, 2)
    assert beside(calls["BillsByCustomer"], calls["BillingAccountsByCustomer"])
    assert any(account["bills"]["nodes"] for one in answer.clean()["customers"]["nodes"] for account in one["accounts"])


async def test_without_the_shortcut_the_answer_is_the_same(stack: Stack, naming: Stack) -> None:
    naming.reset()
    expected = await slowly(naming, "OpsDashboard")
    answer = await slowly(stack, "OpsDashboard")

    calls = by_loader(answer)
    assert answer.clean() == expected.clean()
    assert (len(calls), steps(answer.calls)) == (5, 3)
    assert not beside(calls["BillsByAccount"], calls["BillingAccountsByCustomer"])


ACCOUNTS = '{ customer(id: "1001") { accounts { id bills(first: 50) { totalCount nodes { id } } } } }'


async def test_bills_of_a_joint_account_are_asked_for_by_the_account(tmp_path: Path) -> None:
    """Some of them may name the other customer only."""
    async with stacked(tmp_path, systems=NAMING) as joint:
        expected = (await joint.ask(ACCOUNTS)).clean()
        both = [{"id": key, "role": "customer", "@referredType": "Customer"} for key in ("1001", "1002")]
        joint.rewrite("billing", shapes.ACCOUNT, "BA-1001-1", relatedParty=both)
        joint.rewrite("billing", shapes.BILL, "BILL-1001-1-05", relatedParty=both[1:])
        answer = await joint.ask(ACCOUNTS)

    assert answer.clean() == expected
    assert "Bill:BILL-1001-1-05" in str(expected)
    assert [call["keys"] for call in answer.calls if call["loader"] == "BillsByAccount"] == [["BA-1001-1"]]


async def test_by_default_bills_that_name_nobody_are_not_lost(tmp_path: Path) -> None:
    async with stacked(tmp_path) as silent:
        expected = (await silent.ask(ACCOUNTS, "1001")).clean()
        silent.rewrite("billing", shapes.BILL, "BILL-1001-1-05", relatedParty=[])

        assert (await silent.ask(ACCOUNTS, "1001")).clean() == expected
        assert (await silent.ask(ACCOUNTS, "agent")).clean() == expected
        assert (await silent.ask(ACCOUNTS, "1002")).clean() == {"customer": None}


async def test_a_bills_lines_are_read_beside_the_bill(stack: Stack) -> None:
    answer = await slowly(stack, "BillDetail")
    calls = by_loader(answer)

    assert beside(calls["ChargesByBill"], calls["BillById"])
    assert answer.clean()["bill"]["charges"]


async def test_what_an_agents_customer_has_is_read_beside_the_customer(stack: Stack) -> None:
    for system in stack.systems.values():
        system.switches.latency_ms = SLOW
    answer = await stack.ask(
        "query($id: ID!) { customer(id: $id) { name tickets(first: 3) { nodes { id } } services { nodes { id } } } }",
        id="1001",
    )
    calls = by_loader(answer)

    assert beside(calls["TicketsByCustomer"], calls["CustomerById"])
    assert beside(calls["ServicesByCustomer"], calls["CustomerById"])
    assert len(answer.clean()["customer"]["tickets"]["nodes"]) > 0


async def test_nothing_is_asked_about_a_customer_who_is_not_the_viewers(stack: Stack) -> None:
    answer = await stack.ask('{ customer(id: "1002") { tickets { nodes { id } } bills { nodes { id } } } }', "1001")

    assert answer.clean() == {"customer": None}
    assert answer.calls == []


async def test_what_was_read_early_is_not_shown_to_others(stack: Stack) -> None:
    document = '{ bill(id: "BILL-1002-1-05") { id charges { name } } }'
    answer = await stack.ask(document, "1001")
    assert answer.clean() == {"bill": None}

    own = (await stack.ask(document.replace("1002", "1001"), "1001")).clean()["bill"]
    assert len(own["charges"]) > 0


async def test_early_rows_of_a_system_that_ignores_filters_hang_under_their_own_parents(naming: Stack) -> None:
    naming.reset()
    document = "{ customers(first: 5) { nodes { id accounts { id bills(first: 3) { nodes { id } totalCount } } } } }"
    mine = "{ me { accounts { id bills(first: 3) { nodes { id } } } } }"
    expected = (await naming.ask(document)).clean(), (await naming.ask(mine, "1001")).clean()
    naming.systems["billing"].switches.ignore_filters = True

    assert ((await naming.ask(document)).clean(), (await naming.ask(mine, "1001")).clean()) == expected


async def test_a_wrong_page_is_an_error_in_its_place_and_nothing_is_begun(stack: Stack) -> None:
    answer = await stack.ask('{ customer(id: "1001") { name tickets(first: -1) { nodes { id } } } }')

    assert answer.data["customer"]["name"]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["customer", "tickets"], "BAD_USER_INPUT")
    ]
    assert [call["system"] for call in answer.calls] == ["crm"]
