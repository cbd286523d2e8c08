"""Answers get lost, and a process is killed: clients that repeat their keys learn what came of each, and it came once.

`make writes` runs it at length: 200 payments and 200 tickets by 16 clients.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sandbox.data import shapes
from tests.promises.workers import NoAnswer, Workers, key_of, two_workers

WRITES: Final = int(os.environ.get("WRITES", "24"))
"""Of each kind."""
CLIENTS: Final = 16
RETRYABLE: Final = {
    "IDEMPOTENCY_IN_PROGRESS",
    "OUTCOME_UNKNOWN",
    "PAYMENT_UNKNOWN",
    "WRITE_NOT_DONE",
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_TIMEOUT",
}
PAY: Final = """mutation ($input: PayBillInput!) {
  done: payBill(input: $input) { payment { id status } bill { remainingAmount { amount } } userErrors { code } }
}"""
OPEN: Final = """mutation ($input: OpenTicketInput!) {
  done: openTicket(input: $input) { ticket { id name } userErrors { code } }
}"""


class Client:
    """Repeats a write, at one worker and then at the other, until it has a definite outcome."""

    def __init__(self, workers: Workers, number: int) -> None:
        self._workers, self._turn = workers, number
        self.codes: Counter[str] = Counter()

    async def write(self, document: str, who: str, given: dict[str, Any]) -> dict[str, Any]:
        while True:
            self._turn += 1
            try:
                answer = await self._workers.ask(self._turn % 2, document, who, input=given)
            except NoAnswer:
                self.codes["no answer"] += 1
                await asyncio.sleep(0.05)
                continue
            done: dict[str, Any] | None = answer.data["done"]
            if done is not None and not answer.errors:
                return done
            if done is not None:  # it was done, and could not be read afterwards
                assert done["userErrors"] == []
            found = {error["extensions"]["code"] for error in answer.errors}
            assert found <= RETRYABLE, answer.errors
            self.codes.update(found)
            await asyncio.sleep(0.05)


def jobs(bills: list[tuple[str, str]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Document, caller, input: payments of whole bills, and tickets, in turns."""
    for number, (who, bill) in enumerate(bills):
        yield PAY, who, {"idempotencyKey": f"pay-{number}", "billId": bill, "paymentMethodToken": "tok-1"}
        named = {"name": f"No dial tone {number}", "description": "Since this morning."}
        yield OPEN, who, {"idempotencyKey": f"open-{number}", **named}


async def test_each_write_has_one_effect_and_one_true_answer(tmp_path: Path) -> None:
    customers = max(40, int(1.5 * WRITES))
    async with two_workers(tmp_path, customers=customers) as workers:
        rows = [row for row in await workers.rows("billing", shapes.BILL) if row["remainingAmount"]["value"]]
        bills = [(row["relatedParty"][0]["id"], row["id"]) for row in rows][:WRITES]
        assert len(bills) == WRITES
        for proxy in workers.between.values():
            proxy.cut_every = 3
        waiting = list(jobs(bills))[::-1]
        outcomes: dict[str, dict[str, Any]] = {}
        clients = [Client(workers, number) for number in range(CLIENTS)]

        async def work(client: Client) -> None:
            while waiting:
                document, who, given = waiting.pop()
                outcomes[given["idempotencyKey"]] = await client.write(document, who, given)

        async def kill_in_the_middle() -> None:
            while len(outcomes) < WRITES // 2:  # noqa: ASYNC110  # it is when so many are done
                await asyncio.sleep(0.005)
            await workers.both[0].kill()
            await workers.both[0].start()

        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(work(client))
            group.create_task(kill_in_the_middle())

        codes = sum((client.codes for client in clients), Counter[str]())
        cut = {name: dict(Counter(proxy.cut)) for name, proxy in workers.between.items()}
        print(f"{WRITES} payments and tickets each; tries without an outcome: {dict(codes)}; answers cut: {cut}")
        assert codes["no answer"] > 0
        assert all(proxy.cut.count("POST") > 0 for proxy in workers.between.values())
        await check(workers, bills, outcomes)


async def check(workers: Workers, bills: list[tuple[str, str]], outcomes: dict[str, dict[str, Any]]) -> None:
    """There is one effect for each key, and each answer is about that one."""
    keyed = [row for row in await workers.rows("billing", shapes.PAYMENT) if is_key(row.get("correlatorId"))]
    opened = [row for row in await workers.rows("ticketing", shapes.TICKET) if is_key(row.get("externalId"))]
    left = {row["id"]: row["remainingAmount"]["value"] for row in await workers.rows("billing", shapes.BILL)}
    assert (len(keyed), len(opened)) == (WRITES, WRITES)
    made = {row["correlatorId"]: row for row in keyed}
    tickets = {row["externalId"]: row for row in opened}
    for number, (who, bill) in enumerate(bills):
        paid, ticket = outcomes[f"pay-{number}"], outcomes[f"open-{number}"]
        payment = made[key_of(who, "payBill", f"pay-{number}")]
        assert paid["userErrors"] == ticket["userErrors"] == []
        assert paid["payment"] == ({"id": f"Payment:{payment['id']}", "status": "DONE"})
        assert payment["paymentItem"][0]["item"]["id"] == bill
        assert left[bill] == 0
        row = tickets[key_of(who, "openTicket", f"open-{number}")]
        assert ticket["ticket"] == ({"id": f"Ticket:{row['id']}", "name": f"No dial tone {number}"})
        assert row["name"] == f"No dial tone {number}"


def is_key(value: Any) -> bool:
    """Whether this is a key of the gateway's."""
    return len(value or "") == 32
