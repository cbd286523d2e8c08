"""What a process, or Redis, leaves behind that is killed at the worst moments, and what each retry gets.

`docs/operators.md` has the outcomes as a table, which must say what was told here.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from acceptance.repeating import key_of
from acceptance.workers import NoAnswer
from sandbox.data import shapes
from tests.house.__main__ import ROOT
from tests.promises.workers import LEASE, SETTLES, Workers, two_workers

PAY: Final = "mutation ($input: PayBillInput!) { done: payBill(input: $input) { payment { id } userErrors { code } } }"
PAYMENTS: Final = "/payment"
BILLS: Final = "/customerBill"
NOT_DONE: Final = "WRITE_NOT_DONE"
DONE: Final = "the payment"
HEADING: Final = "### What a retry gets"


class Click:
    """One payment of one bill, by its customer, and what each try of it gets."""

    def __init__(self, workers: Workers, who: str, bill: str) -> None:
        self._workers, self.who, self.bill = workers, who, bill
        self._given = {"idempotencyKey": f"click {bill}", "billId": bill, "paymentMethodToken": "tok-1"}

    def begin(self, worker: int = 0) -> "asyncio.Task[str]":
        """Try, while the test goes on."""
        return asyncio.create_task(self.gets(worker))

    async def gets(self, worker: int = 1) -> str:
        """Try: a code, or `DONE`, which is about this payment; "no answer"."""
        try:
            answer = await self._workers.ask(worker, PAY, self.who, input=self._given)
        except NoAnswer:
            return "no answer"
        done = answer.data["done"]
        if done is None:
            (error,) = answer.errors
            code: str = error["extensions"]["code"]
            return code
        if done["userErrors"]:
            return ", ".join(error["code"] for error in done["userErrors"])
        (made,) = await self.effects()
        assert done["payment"] == {"id": f"Payment:{made['id']}"}
        return DONE

    async def until_done(self) -> str:
        """Try again and again while it is not known what came of it."""
        async with asyncio.timeout(10):
            while (got := await self.gets()) == "PAYMENT_UNKNOWN":  # noqa: ASYNC110  # it is the system's to show it
                await asyncio.sleep(0.02)
        return got

    async def effects(self) -> list[dict[str, Any]]:
        """What the billing system has of it."""
        key = key_of(self.who, "payBill", self._given["idempotencyKey"])
        rows = await self._workers.rows("billing", shapes.PAYMENT)
        return [row for row in rows if row.get("correlatorId") == key]


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Workers, Iterator[Click]]]:
    """The workers, and a click for each bill that is open."""
    folder = tmp_path_factory.mktemp("killed")
    persistent = {"appendonly": "yes", "appendfsync": "always", "data_dir": folder / "valkey"}
    async with two_workers(folder, customers=16, wait=1.5, **persistent) as workers:
        rows = await workers.rows("billing", shapes.BILL)
        open_bills = [one for one in rows if one["remainingAmount"]["value"]]
        yield workers, iter([Click(workers, one["relatedParty"][0]["id"], one["id"]) for one in open_bills])


@pytest.fixture
def workers(running: tuple[Workers, Iterator[Click]]) -> Workers:
    running[0].reset()
    running[0].valkey.client().flushall()
    return running[0]


@pytest.fixture
def clicks(running: tuple[Workers, Iterator[Click]]) -> Iterator[Click]:
    return running[1]


def table() -> dict[str, list[str]]:
    """What happened, to what is told: the click itself, a retry at once, after the lease, when an effect must show."""
    text = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    part = text.partition(HEADING)[2].partition("\n#")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip().strip("`") for cell in cells[1:]] for cells in lines[2:]}


async def told(workers: Workers, clicks: dict[str, tuple[Click, "asyncio.Task[str]"]]) -> dict[str, list[str]]:
    """What each click was told at the first worker, and then at the second, while time passes."""
    found = {name: [await first] for name, (_, first) in clicks.items()}
    for seconds in (LEASE, SETTLES, 0):
        got = await asyncio.gather(*(click.gets() for click, _ in clicks.values()))
        for name, one in zip(clicks, got, strict=True):
            found[name].append(one)
        workers.pass_time(seconds)
    assert {name: len(await click.effects()) for name, (click, _) in clicks.items()} == dict.fromkeys(clicks, 1)
    return found


async def test_a_process_that_is_killed(workers: Workers, clicks: Iterator[Click]) -> None:
    billing = workers.between["billing"]
    begun = []
    for method, point, path in (("GET", "answer", BILLS), ("POST", "request", PAYMENTS), ("POST", "answer", PAYMENTS)):
        held = billing.hold(method, point, path)
        click = next(clicks)
        begun.append((click, click.begin(), held))
        await held.waited()
    await workers.both[0].kill()
    begun[1][2].lose()
    assert (workers.phases(), billing.writes()) == (["claimed", "sent", "sent"], 2)

    names = [
        "process killed after the claim, before the call",
        "process killed during the call, which the system never gets",
        "process killed after the effect, before it is noted",
    ]
    found = await told(workers, {name: (click, task) for name, (click, task, _) in zip(names, begun, strict=True)})
    await workers.both[0].start()
    assert found == {name: table()[name] for name in names}


async def test_a_process_that_is_slower_than_its_lease(workers: Workers, clicks: Iterator[Click]) -> None:
    billing = workers.between["billing"]
    one, other = next(clicks), next(clicks)
    read = billing.hold("GET", "answer", BILLS)
    first = one.begin()
    await read.waited()
    workers.both[0].stop_still()
    read.let.set()
    stopped = [await one.gets()]
    workers.pass_time(LEASE)
    stopped.append(await one.gets())
    workers.both[0].go_on()
    stopped = [await first, *stopped, await one.gets()]

    sent = billing.hold("POST", "request", PAYMENTS)
    second = other.begin()
    await sent.waited()
    slow = [await other.gets()]
    workers.pass_time(LEASE)
    slow = [await second, *slow, await other.gets()]
    sent.let.set()
    slow.append(await other.until_done())

    names = [
        "process stands still before the call, until another one has taken its place",
        "call still on its way when the lease has run out",
    ]
    assert dict(zip(names, [stopped, slow], strict=True)) == {name: table()[name] for name in names}
    assert [len(await click.effects()) for click in (one, other)] == [1, 1]


@pytest.mark.parametrize("loses", [False, True], ids=["it persists", "it loses everything"])
async def test_a_redis_that_is_killed(workers: Workers, clicks: Iterator[Click], loses: bool) -> None:
    billing = workers.between["billing"]
    begun = []
    for method, path in (("POST", PAYMENTS), ("GET", BILLS)):
        held = billing.hold(method, "answer", path)
        click = next(clicks)
        begun.append((click, click.begin(), held))
        await held.waited()
    workers.valkey.terminate()
    for _, _, held in begun:
        held.let.set()
    first = [await task for _, task, _ in begun]
    assert [await click.gets() for click, _, _ in begun] == [NOT_DONE, NOT_DONE]
    if loses:
        shutil.rmtree(workers.valkey.data_dir / "appendonlydir")
    workers.valkey.start()

    how = "all it had is lost" if loses else "it is back"
    names = [f"Redis killed after the call; {how}", f"Redis killed after the claim, before the call; {how}"]
    found = await told(workers, {name: (click, task) for name, (click, task, _) in zip(names, begun, strict=True)})
    assert [one[0] for one in found.values()] == first
    assert found == {name: table()[name] for name in names}


def test_each_row_of_the_table_is_tested() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    rows = table()
    assert len(rows) == 9
    assert [name for name in rows if f'"{name}"' not in source and not name.startswith("Redis killed after the ")] == []
