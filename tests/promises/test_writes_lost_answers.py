"""Answers get lost, and a process is killed: clients that repeat their keys learn what came of each, and it came once.

`make writes` runs it at length: 200 payments and 200 tickets by 16 clients.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from acceptance.losing import Cuts
from acceptance.repeating import NO_ANSWER, Job, key_of, repeated
from sandbox.data import shapes
from tests.promises.workers import Workers, two_workers

WRITES: Final = int(os.environ.get("WRITES", "12"))
"""Of each kind."""
PAY: Final = """mutation ($input: PayBillInput!) {
  done: payBill(input: $input) { payment { id status } bill { remainingAmount { amount } } userErrors { code } }
}"""
OPEN: Final = """mutation ($input: OpenTicketInput!) {
  done: openTicket(input: $input) { ticket { id name } userErrors { code } }
}"""


def jobs(bills: list[tuple[str, str]]) -> Iterator[Job]:
    """Payments of whole bills, and tickets, in turns."""
    for number, (who, bill) in enumerate(bills):
        yield Job(PAY, who, {"idempotencyKey": f"pay-{number}", "billId": bill, "paymentMethodToken": "tok-1"})
        named = {"name": f"No dial tone {number}", "description": "Since this morning."}
        yield Job(OPEN, who, {"idempotencyKey": f"open-{number}", **named})


async def test_each_write_has_one_effect_and_one_true_answer(tmp_path: Path) -> None:
    customers = max(40, int(1.5 * WRITES))
    async with two_workers(tmp_path, customers=customers) as workers:
        rows = [row for row in await workers.rows("billing", shapes.BILL) if row["remainingAmount"]["value"]]
        bills = [(row["relatedParty"][0]["id"], row["id"]) for row in rows][:WRITES]
        assert len(bills) == WRITES
        for proxy in workers.between.values():
            proxy.cuts = Cuts(3)

        async def ask(worker: int, document: str, who: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
            return (await workers.ask(worker, document, who, input=given)).body

        async def killed() -> None:
            await workers.both[0].kill()
            await workers.both[0].start()

        found = await repeated(ask, list(jobs(bills)), killed)
        cut = {name: dict(Counter(proxy.cut)) for name, proxy in workers.between.items()}
        print(f"{WRITES} payments and tickets each; tries without an outcome: {dict(found.codes)}; answers cut: {cut}")
        assert found.codes[NO_ANSWER] > 0
        assert all(proxy.cut.count("POST") > 0 for proxy in workers.between.values())
        await check(workers, bills, found.outcomes)


async def check(workers: Workers, bills: list[tuple[str, str]], outcomes: Mapping[str, Mapping[str, Any]]) -> None:
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
