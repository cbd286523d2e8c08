"""Two `gateway serve` processes keep rows for each other: one miss, one call, and a write evicts in both."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from tests.promises.workers import Workers, two_workers

pytestmark = pytest.mark.long  # test_cache.py has the same with two gateways in one process

CACHE: Final = "[cache]\nproducts = 30\ncustomers = 30\n"
PRODUCTS: Final = "{ me { products { nodes { id name } } } }"
EMAIL: Final = '{ customer(id: "1001") { email } }'
CHANGE: Final = """mutation {
  updateContact(input: { idempotencyKey: "two", customerId: "1001", email: "two@home.example" }) { userErrors { code } }
}"""


@pytest_asyncio.fixture(scope="module")
async def workers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workers]:
    async with two_workers(tmp_path_factory.mktemp("workers"), more=CACHE) as running:
        yield running


def products(workers: Workers) -> int:
    return sum("/product" in one["path"] for one in workers.systems["crm"].requests)


async def test_two_processes_and_one_miss_cost_one_call(workers: Workers) -> None:
    workers.reset()
    workers.systems["crm"].switches.latency_ms = 200
    answers = await asyncio.gather(*(workers.ask(at % 2, PRODUCTS, "1001") for at in range(8)))
    assert all(one.clean() == answers[0].clean() for one in answers)
    assert products(workers) == 1
    workers.systems["crm"].switches.latency_ms = 0
    for worker in (0, 1):
        await workers.ask(worker, PRODUCTS, "1001")
    assert products(workers) == 1


async def test_a_write_of_one_process_evicts_in_the_other(workers: Workers) -> None:
    workers.reset()
    for worker in (0, 1):
        (await workers.ask(worker, EMAIL, "agent")).clean()
    (await workers.ask(0, CHANGE, "agent")).clean()
    for worker in (1, 0):
        assert (await workers.ask(worker, EMAIL, "agent")).clean()["customer"]["email"] == "two@home.example"
