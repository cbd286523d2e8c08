"""Who writes to what is somebody else's is told what is told of what does not exist, and nothing is sent for it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from gateway.settings import WritesSettings
from tests.stack import DOMAINS, Stack, stacked

USAGE: Final = "usageConsumptionReport"
"""A read, for which a POST makes a task."""
NOTE: Final = "addTicketNote"
MORE: Final[dict[str, dict[str, Any]]] = {
    "openTicket": {"name": "No dial tone", "description": "Since this morning."},
    NOTE: {"text": "It happened again."},
    "closeTicket": {},
    "reopenTicket": {},
    "payBill": {"paymentMethodToken": "tok-1"},
    "updateContact": {"email": "me@home.example"},
}
"""What else an input needs."""

TICKETS: Final = ["Ticket:TT-1002-1", "Ticket:TT-1002-2", "Ticket:TT-1002-3"]
"""In several states."""
BILLS: Final = ["Bill:BILL-1002-2-07", "Bill:BILL-1002-1-05"]
"""One that is open, one that is paid."""

STRANGE: Final[list[tuple[str, str, list[str], str]]] = [
    ("openTicket", "customerId", ["Customer:1002"], "Customer:9002"),
    ("openTicket", "serviceIds", ["Service:SVC-1002-1", "Service:RFS-1002-1"], "Service:SVC-9002-1"),
    (NOTE, "ticketId", TICKETS, "Ticket:TT-9002-1"),
    ("closeTicket", "ticketId", TICKETS, "Ticket:TT-9002-1"),
    ("reopenTicket", "ticketId", TICKETS, "Ticket:TT-9002-1"),
    ("payBill", "billId", BILLS, "Bill:BILL-9002-1-07"),
    ("updateContact", "customerId", ["Customer:1002"], "Customer:9002"),
]
"""Mutation, attribute, ids of somebody else's, and one of nothing."""

VARIANTS: Final[dict[str, list[dict[str, Any]]]] = {
    "openTicket": [{}, {"severity": "MAJOR", "kind": "complaint"}],
    NOTE: [{}, {"internal": False}, {"internal": True}, {"text": ""}],
    "closeTicket": [{}, {"reason": "It works again."}],
    "reopenTicket": [{}],
    "payBill": [
        {},
        {"amount": {"amount": "1.00", "currency": "EUR"}},
        {"amount": {"amount": "99999.00", "currency": "USD"}},
        {"paymentMethodToken": None},
    ],
    "updateContact": [{}, {"email": None, "phone": None}, {"phone": "x"}],
}
"""What is written besides, right or wrong."""


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path_factory.mktemp("strangers"), customers=4, writes=writes) as started:
        yield started


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.reset()
    return running


KEYS: Final = map(str, itertools.count())


async def written(stack: Stack, mutation: str, who: str = "1001", **given: Any) -> dict[str, Any]:
    """The whole answer, trace apart."""
    kind = mutation[0].upper() + mutation[1:]
    record = {"payBill": "payment { id } bill { id }", "updateContact": "customer { id }"}.get(
        mutation, "ticket { id }"
    )
    document = f"""mutation ($input: {kind}Input!) {{
      {mutation}(input: $input) {{ {record} userErrors {{ code message path }} }}
    }}"""
    answer = await stack.ask(document, who, input={"idempotencyKey": f"key {next(KEYS)}", **given})
    answer.body.pop("extensions", None)
    for error in answer.errors:
        error["extensions"].pop("id", None)
    return answer.body


def sent(stack: Stack) -> list[str]:
    """Requests that change something."""
    return [
        f"{one['method']} {one['path']}"
        for domain in DOMAINS
        for one in list(stack.systems[domain].requests)
        if one["method"] != "GET" and USAGE not in one["path"]
    ]


def cases() -> Iterator[tuple[str, str, Any, Any, dict[str, Any]]]:
    for mutation, attribute, theirs, nobodys in STRANGE:
        for one, more in itertools.product(theirs, VARIANTS[mutation]):
            for spelled in (str, bare):
                yield mutation, attribute, spelled(one), spelled(nobodys), {**MORE[mutation], **more}


def bare(one: str) -> str:
    """Without its type."""
    return one.partition(":")[2]


@pytest.mark.parametrize("ignoring", [False, True], ids=["honest systems", "systems that ignore filters"])
async def test_what_is_somebody_elses_is_what_does_not_exist(stack: Stack, ignoring: bool) -> None:
    for system in stack.systems.values():
        system.switches.ignore_filters = ignoring
    seen = 0
    for mutation, attribute, theirs, nobodys, more in cases():
        lists = [lambda one: [one], lambda one: ["SVC-1001-1", one]] if attribute == "serviceIds" else [lambda one: one]
        for listed in lists:
            of_theirs, of_nobodys = await asyncio.gather(
                written(stack, mutation, **{**more, attribute: listed(theirs)}),
                written(stack, mutation, **{**more, attribute: listed(nobodys)}),
            )
            assert of_theirs == of_nobodys, (mutation, attribute, theirs, more)
            payload = of_theirs["data"][mutation]
            assert payload["userErrors"]
            assert {value for name, value in payload.items() if name != "userErrors"} == {None}
            if more == MORE[mutation]:
                (error,) = payload["userErrors"]
                assert (error["code"], error["path"][0]) == ("NOT_FOUND", attribute)
            seen += 1
    assert sent(stack) == []
    assert seen == 84


async def test_an_error_names_the_place_at_which_the_client_wrote_it(stack: Stack) -> None:
    own, strange = "Service:SVC-1001-1", ["Service:SVC-1002-1", "Service:SVC-9002-1"]
    given = [own, own, strange[0], own, strange[1], strange[0]]
    payload = (await written(stack, "openTicket", **{**MORE["openTicket"], "serviceIds": given}))["data"]["openTicket"]
    assert [(one["code"], one["path"]) for one in payload["userErrors"]] == [
        ("NOT_FOUND", ["serviceIds", str(place)]) for place in (2, 4, 5)
    ]
    assert sent(stack) == []


async def test_what_only_staff_may_write_a_subscriber_may_not(stack: Stack) -> None:
    own, theirs, nobodys = "Ticket:TT-1001-1", "Ticket:TT-1002-1", "Ticket:TT-9002-1"
    answers = [await written(stack, "assignTicket", ticketId=one, assignee="kim") for one in (own, theirs, nobodys)]
    assert answers == [answers[0]] * 3
    assert [error["extensions"]["code"] for error in answers[0]["errors"]] == ["FORBIDDEN"]
    assert answers[0]["data"] == {"assignTicket": None}

    notes = [await written(stack, NOTE, ticketId=one, text="Psst.", internal=True) for one in (own, theirs, nobodys)]
    assert notes == [notes[0]] * 3
    (error,) = notes[0]["data"][NOTE]["userErrors"]
    assert (error["code"], error["path"]) == ("NOT_ALLOWED", ["internal"])
    assert sent(stack) == []

    for mutation, more in (("assignTicket", {"assignee": "kim"}), (NOTE, {"text": "Psst.", "internal": True})):
        by_staff = await written(stack, mutation, "agent", ticketId=own, **more)
        assert by_staff["data"][mutation]["userErrors"] == []
    seen = (await stack.ask('{ ticket(id: "TT-1001-1") { notes { text } } }', "1001")).clean()
    assert "Psst." not in str(seen)
