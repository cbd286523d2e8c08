"""What comes at the same time, to two workers: equal requests, keys that are used again, and two keys for one thing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from acceptance.repeating import key_of
from sandbox.data import shapes
from tests.promises.workers import Workers, two_workers

EQUAL: Final = 64
BILL: Final = "Bill:BILL-1001-1-07"
OTHER_BILL: Final = "Bill:BILL-1001-2-06"
TICKET: Final = "Ticket:TT-1001-1"
PAY: Final = """mutation ($input: PayBillInput!) {
  payBill(input: $input) { payment { id } bill { remainingAmount { amount } } userErrors { code path } }
}"""
NOTE: Final = "mutation ($input: AddTicketNoteInput!) { addTicketNote(input: $input) { userErrors { code path } } }"
OPEN: Final = """mutation ($input: OpenTicketInput!) {
  openTicket(input: $input) { ticket { id } userErrors { code path } }
}"""
CLOSE: Final = "mutation ($input: CloseTicketInput!) { closeTicket(input: $input) { userErrors { code path } } }"
REUSED: Final = [{"code": "IDEMPOTENCY_KEY_REUSED", "path": ["idempotencyKey"]}]


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workers]:
    async with two_workers(tmp_path_factory.mktemp("at-once")) as started:
        yield started


@pytest.fixture
def workers(running: Workers) -> Iterator[Workers]:
    running.reset()
    yield running
    running.reset()


def ticket(key: str, **more: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, "name": "No dial tone", "description": "Since this morning.", **more}


def payment(key: str, bill: str = BILL, **more: Any) -> dict[str, Any]:
    return {"idempotencyKey": key, "billId": bill, "paymentMethodToken": "tok-1", **more}


def euros(amount: str) -> dict[str, Any]:
    return {"amount": {"amount": amount, "currency": "EUR"}}


async def opened(workers: Workers, *keys: str) -> list[dict[str, Any]]:
    """The tickets that have one of these keys."""
    return [row for row in await workers.rows("ticketing", shapes.TICKET) if row.get("externalId") in keys]


async def test_64_equal_requests_to_two_workers_have_one_effect_and_equal_answers(workers: Workers) -> None:
    asked = [workers.ask(at % 2, OPEN, "1001", input=ticket("equal")) for at in range(EQUAL)]
    answers = [answer.clean() for answer in await asyncio.gather(*asked)]

    (row,) = await opened(workers, key_of("1001", "openTicket", "equal"))
    assert answers == [{"openTicket": {"ticket": {"id": f"Ticket:{row['id']}"}, "userErrors": []}}] * EQUAL
    assert workers.between["ticketing"].writes() == 1


async def test_the_same_key_of_another_caller_or_for_another_mutation_is_another_key(workers: Workers) -> None:
    callers = ["1001", "1002", "agent"]
    for who in callers:
        given = ticket("mine", **({"customerId": "1001"} if who == "agent" else {}))
        assert (await workers.ask(0, OPEN, who, input=given)).clean()["openTicket"]["userErrors"] == []
    note = {"idempotencyKey": "mine", "ticketId": TICKET, "text": "Again."}
    assert (await workers.ask(1, NOTE, "1001", input=note)).clean() == {"addTicketNote": {"userErrors": []}}

    keys = [key_of(who, "openTicket", "mine") for who in callers]
    assert Counter(row["externalId"] for row in await opened(workers, *keys)) == Counter(keys)
    assert workers.between["ticketing"].writes() == 4


async def test_the_same_key_with_another_input_is_refused_while_the_first_is_under_way_and_afterwards(
    workers: Workers,
) -> None:
    held = workers.between["ticketing"].hold("POST", "answer")
    first = workers.asking(0, OPEN, "1001", input=ticket("two inputs"))
    await held.waited()
    others = [
        ticket("two inputs", name="Something else"),
        ticket("two inputs", serviceIds=["Service:SVC-1001-1"]),
        ticket("two inputs", severity="MAJOR"),
    ]
    for _ in range(2):
        for at, other in enumerate(others):
            answer = (await workers.ask(at % 2, OPEN, "1001", input=other)).clean()
            assert answer["openTicket"] == {"ticket": None, "userErrors": REUSED}
        held.let.set()
        assert (await first).clean()["openTicket"]["userErrors"] == []
    assert workers.between["ticketing"].writes() == 1


async def test_what_means_the_same_is_the_same_input(workers: Workers) -> None:
    same = [
        payment("same", OTHER_BILL, **euros("1.5")),
        {"amount": {"currency": "EUR", "amount": "1.50"}, **payment("same", OTHER_BILL.removeprefix("Bill:"))},
    ]
    ids = {
        (await workers.ask(at, PAY, "1001", input=one)).clean()["payBill"]["payment"]["id"]
        for at, one in enumerate(same)
    }
    assert len(ids) == 1
    assert workers.between["billing"].writes() == 1


async def test_a_repeat_with_another_selection_is_answered_as_things_are_now(workers: Workers) -> None:
    (made,) = (await workers.ask(0, OPEN, "1001", input=ticket("selected"))).clean().values()
    closing = {"idempotencyKey": "closing", "ticketId": made["ticket"]["id"]}
    assert (await workers.ask(1, CLOSE, "1001", input=closing)).clean()["closeTicket"]["userErrors"] == []
    more = OPEN.replace("{ id }", "{ __typename name status customer { name } }")
    (again,) = (await workers.ask(1, more, "1001", input=ticket("selected"))).clean().values()

    named = {"__typename": "Ticket", "name": "No dial tone", "status": "CLOSED"}
    assert again["ticket"] == {**named, "customer": again["ticket"]["customer"]}
    assert again["ticket"]["customer"]["name"]
    assert workers.between["ticketing"].writes() == 2


async def test_two_keys_for_one_bill_are_one_payment_and_one_user_error(workers: Workers) -> None:
    bill = "Bill:BILL-1002-2-07"
    asked = [workers.ask(at, PAY, "1002", input=payment(f"click {at}", bill)) for at in range(2)]
    done, late = sorted(
        [answer.clean()["payBill"] for answer in await asyncio.gather(*asked)], key=lambda one: len(one["userErrors"])
    )

    assert done["userErrors"] == []
    assert done["bill"]["remainingAmount"]["amount"] == "0.00"
    assert late == {"payment": None, "bill": None, "userErrors": [{"code": "ALREADY_PAID", "path": ["billId"]}]}
    keys = [key_of("1002", "payBill", f"click {at}") for at in range(2)]
    rows = [row for row in await workers.rows("billing", shapes.PAYMENT) if row.get("correlatorId") in keys]
    assert [f"Payment:{row['id']}" for row in rows] == [done["payment"]["id"]]


async def test_two_payments_of_one_bill_in_one_document_are_made_one_after_the_other(workers: Workers) -> None:
    document = """mutation ($a: PayBillInput!, $b: PayBillInput!) {
      a: payBill(input: $a) { bill { remainingAmount { amount } } userErrors { code } }
      b: payBill(input: $b) { bill { remainingAmount { amount } } userErrors { code } }
    }"""
    parts = {"a": payment("a", **euros("80")), "b": payment("b", **euros("80"))}
    answer = (await workers.ask(0, document, "1001", **parts)).clean()

    assert answer["a"] == {"bill": {"remainingAmount": {"amount": "4.70"}}, "userErrors": []}
    assert answer["b"] == {"bill": None, "userErrors": [{"code": "AMOUNT_TOO_HIGH"}]}
    again = (await workers.ask(1, document, "1001", a=parts["a"], b=payment("b"))).clean()
    assert again["a"] == {"bill": {"remainingAmount": {"amount": "4.70"}}, "userErrors": []}
    assert again["b"] == {"bill": {"remainingAmount": {"amount": "0.00"}}, "userErrors": []}
    assert workers.between["billing"].writes() == 2


async def test_notes_that_are_added_at_once_under_merge_patch_are_all_there(workers: Workers) -> None:
    texts = [f"Note {at}" for at in range(6)]
    asked = [
        workers.ask(at % 2, NOTE, "1001", input={"idempotencyKey": text, "ticketId": TICKET, "text": text})
        for at, text in enumerate(texts)
    ]
    for answer in await asyncio.gather(*asked):
        assert answer.clean() == {"addTicketNote": {"userErrors": []}}
    rows = await workers.rows("ticketing", shapes.TICKET)
    (row,) = [row for row in rows if row["id"] == TICKET.removeprefix("Ticket:")]
    assert Counter(note["text"] for note in row["note"] if note["text"] in texts) == Counter(texts)


async def test_a_stranger_is_told_at_once_while_the_owner_writes_and_does_not_keep_the_owner_waiting(
    workers: Workers,
) -> None:
    held = workers.between["ticketing"].hold("PATCH", "answer")
    own = {"idempotencyKey": "owner", "ticketId": "Ticket:TT-1002-2", "text": "Mine."}
    owner = workers.asking(0, NOTE, "1002", input=own)
    await held.waited()
    for at, theirs in enumerate(["Ticket:TT-1002-2", "Ticket:TT-9002-1"]):
        given = {"idempotencyKey": f"stranger {at}", "ticketId": theirs, "text": "Not mine."}
        answer = (await workers.ask(1, NOTE, "1001", input=given)).clean()
        assert answer["addTicketNote"]["userErrors"] == [{"code": "NOT_FOUND", "path": ["ticketId"]}]
    assert not owner.done()
    held.let.set()
    assert (await owner).clean() == {"addTicketNote": {"userErrors": []}}

    held = workers.between["ticketing"].hold("GET", "answer", "TT-1002-2")
    stranger = workers.asking(1, NOTE, "1001", input={**own, "idempotencyKey": "slow stranger"})
    await held.waited()
    again = {**own, "idempotencyKey": "owner again", "text": "Mine again."}
    assert (await workers.ask(0, NOTE, "1002", input=again)).clean() == {"addTicketNote": {"userErrors": []}}
    held.let.set()
    assert (await stranger).clean()["addTicketNote"]["userErrors"] == [{"code": "NOT_FOUND", "path": ["ticketId"]}]
