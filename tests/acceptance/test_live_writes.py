"""What `make live` says of writes is what happened: over the sandbox, with the products' names."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from acceptance import live_writes
from acceptance.live_writes import LiveWrites
from acceptance.losing import Losing, losing
from acceptance.running import Running
from gateway.settings import WritesSettings
from tests.stack import stacked

PAID = {"billId": "Bill:BILL-1001-2-06", "amount": {"amount": "1.00", "currency": "EUR"}, "paymentMethodToken": "tok"}


@pytest_asyncio.fixture
async def proxied(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[LiveWrites, Losing]]:
    """A gateway whose billing system is behind a proxy."""
    folder = tmp_path_factory.mktemp("live")
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(folder, customers=2) as behind, losing(behind.systems["billing"].url) as proxy:
        urls = {"billing": {"url": proxy.address}}
        async with stacked(folder, customers=2, writes=writes, systems=urls) as stack:
            running = Running(stack.session, f"{stack.address}/graphql", {}, stack.keys)
            yield LiveWrites(running, {"tryton": proxy}, "1001"), proxy


async def test_a_lost_answer_is_lost_after_its_effect_and_every_key_is_sent_once(
    proxied: tuple[LiveWrites, Losing],
) -> None:
    live, proxy = proxied
    paid = await live.asked("PayBill", "tryton", "1001", [PAID, PAID])
    left = await live.read("query($id: ID!) { bill(id: $id) { remainingAmount { amount } } }", PAID["billId"])

    assert left["remainingAmount"]["amount"] == "23.66"  # of 25.66
    assert (paid.sent, paid.outcomes, paid.calls) == (2, ("done",) * 4, (7, 2, 8))
    assert [one["amount"]["amount"] for one in paid.of("payment")] == ["1.00", "1.00"]
    assert proxy.counted() == []


async def test_a_write_that_was_not_sent_once_or_not_answered_truly_is_not_right(
    proxied: tuple[LiveWrites, Losing],
) -> None:
    live, _ = proxied
    too_much = {**PAID, "amount": {"amount": "99.00", "currency": "EUR"}}
    paid = replace(await live.asked("PayBill", "tryton", "1001", [PAID, too_much]), effects=1)

    assert paid.outcomes == ("done", "done", "AMOUNT_TOO_HIGH", "AMOUNT_TOO_HIGH")
    assert not paid.is_right
    right = replace(paid, outcomes=("done",) * 4, effects=2, sent=2 * live_writes.WRITES["tryton"])
    assert right.is_right
    assert not replace(right, sent=right.sent + 1).is_right
    assert not replace(right, effects=3).is_right
