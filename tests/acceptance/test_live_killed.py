"""What `make live` says of tickets and payments while a worker is killed is what the product holds."""

import asyncio
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import aiohttp
import pytest

from acceptance import live, live_killed
from acceptance.checked_writes import Payments, Tickets
from acceptance.effects import Bill, Payment, RtEffects, Ticket, TrytonEffects
from acceptance.losing import Cuts, losing
from acceptance.products import PRODUCTS, Live, Unfit
from acceptance.repeating import Job, Repeated, Unexpected, key_of, repeated
from acceptance.workers import NoAnswer
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.server import SandboxServer

BILLS = (
    Bill(4, "C100002", Decimal("49.80"), "EUR", frozenset({517})),
    Bill(9, "C100003", Decimal("0.01"), "EUR", frozenset({600})),
)


class Rt(RtEffects):
    """Holds what a test says."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []

    async def last(self) -> int:
        return 60

    async def since(self, last: int) -> Sequence[Ticket]:
        return [one for one in self.tickets if one.id > last]


class Tryton(TrytonEffects):
    """Holds what a test says."""

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.left = BILLS

    async def last(self) -> int:
        return 0

    async def since(self, last: int) -> Sequence[Payment]:
        return [one for one in self.payments if one.id > last]

    async def bills(self) -> Sequence[Bill]:
        return self.left


def opened(job: Job, number: int) -> Ticket:
    return Ticket(number, str(job.given["name"]), job.who, (key_of(job.who, "openTicket", job.key),))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda found: found, None),
        (lambda found: [*found, found[0]._replace(id=63)], "2 tickets"),
        (lambda found: [*found, found[0]._replace(id=63, keys=())], "2 tickets"),
        (lambda found: found[1:], "0 tickets"),
        (lambda found: [found[0]._replace(id=64), found[1]], "the answer is"),
        (lambda found: [found[0]._replace(keys=()), found[1]], "the ticket is"),
        (lambda found: [found[0]._replace(customer="C100002"), found[1]], "the ticket is"),
    ],
)
async def test_a_ticket_too_many_too_few_or_of_another_is_told(
    changed: Callable[[list[Ticket]], list[Ticket]], said: str | None
) -> None:
    there = Rt()
    part = Tickets(there, ["C100001"])
    jobs = await part.jobs(2)
    found = [opened(job, 61 + number) for number, job in enumerate(jobs)]
    outcomes = {
        job.key: {"ticket": {"id": f"Ticket:{one.id}", "name": one.subject}, "userErrors": []}
        for job, one in zip(jobs, found, strict=True)
    }
    there.tickets = changed(found)
    counted = await part.counted(outcomes)
    assert counted.effects == len(there.tickets) == len(await part.made())
    assert [said in one for one in counted.wrong] == [True] if said else counted.wrong == []


def paid(job: Job, number: int) -> Payment:
    amount = Decimal(job.given["amount"]["amount"])
    return Payment(number, key_of(job.who, "payBill", job.key), job.who, 517, amount, "submitted")


def told(job: Job, remaining: str, **changed: Any) -> Mapping[str, Any]:
    payment = {"id": "Payment:1", "status": "PENDING", "amount": dict(job.given["amount"]), **changed}
    return {"payment": payment, "bill": {"remainingAmount": {"amount": remaining}}, "userErrors": []}


@pytest.mark.parametrize(
    ("changed", "left", "answer", "said"),
    [
        (lambda found: found, "49.79", {}, []),
        (lambda found: [*found, found[0]._replace(id=2)], "49.78", {}, ["2 payments", "invoice 4"]),
        (lambda found: [], "49.80", {}, ["0 payments", "invoice 4"]),
        (lambda found: [*found, found[0]._replace(id=2, key="of nobody")], "49.78", {}, ["invoice 4"]),
        (lambda found: [found[0]._replace(line=518)], "49.79", {}, ["the payment is"]),
        (lambda found: [found[0]._replace(state="draft")], "49.79", {}, ["the payment is"]),
        (lambda found: found, "49.79", {"id": "Payment:7"}, ["the answer is"]),
        (lambda found: found, "49.79", {"status": "FAILED"}, ["the answer is"]),
    ],
)
async def test_a_payment_too_many_too_few_or_of_another_bill_is_told(
    changed: Callable[[list[Payment]], list[Payment]], left: str, answer: Mapping[str, Any], said: list[str]
) -> None:
    there = Tryton()
    part = Payments(there)
    (job,) = await part.jobs(1)
    there.payments = changed([paid(job, 1)])
    there.left = (BILLS[0]._replace(open=Decimal(left)),)
    counted = await part.counted({job.key: told(job, "49.79", **answer)})
    assert len(counted.wrong) == len(said)
    assert all(one.find(words) >= 0 for one, words in zip(counted.wrong, said, strict=True))
    assert (counted.effects, len(await part.made())) == (len(there.payments),) * 2


async def test_bills_are_paid_in_parts_that_fit_and_are_of_no_other_payments_amount() -> None:
    there = Tryton()
    jobs = await Payments(there).jobs(20)
    assert {job.given["billId"] for job in jobs} == {"Bill:4"}  # of the other one only a cent is open
    assert len({job.given["amount"]["amount"] for job in jobs}) == len({job.key for job in jobs}) == 20
    with pytest.raises(Unfit, match="too few open bills"):
        await Payments(there).jobs(1000)


async def test_every_third_answer_to_a_write_is_cut_after_its_effect() -> None:
    with SandboxServer("billing", world=World(customers=2)) as system:
        async with losing(system.url) as proxy, aiohttp.ClientSession() as session:
            proxy.cuts = Cuts(3)
            came = []
            for method in ("PATCH", "POST") * 3:  # aiohttp repeats a GET by itself
                try:
                    async with session.request(method, f"{proxy.address}/nowhere") as answer:
                        came.append(answer.status)
                except aiohttp.ClientError:
                    came.append(0)
            await proxy.settled()
        assert came == [404, 404, 0] * 2
        assert proxy.cut == ["PATCH", "POST"]
        assert len(proxy.written) == proxy.answers == 6


def test_answers_to_reads_are_lost_in_no_rhythm() -> None:
    """A client that repeats three reads lost the third one each time, when every third answer was lost."""
    chances = iter([0.0, 0.32, 0.34, 0.99] * 2)
    cuts = Cuts(3, lambda: next(chances))
    assert [cuts.loses(is_write=False) for _ in range(8)] == [True, True, False, False] * 2
    cuts = Cuts(3, Random(1).random)
    tries = [tuple(cuts.loses(is_write=False) for _ in range(3)) for _ in range(200)]
    assert len(set(tries)) == 8
    assert 150 < sum(map(sum, tries)) < 250  # of 600
    assert not any(Cuts().loses(is_write=is_write) for is_write in (True, False) * 9)


async def test_clients_repeat_until_they_know_and_no_refusal_is_taken_for_patience() -> None:
    asked: list[int] = []
    killed: list[int] = []

    async def ask(worker: int, document: str, who: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(worker)
        if len(asked) == 1:
            raise NoAnswer
        if len(asked) == 2:
            return {"data": {"done": None}, "errors": [{"extensions": {"code": "OUTCOME_UNKNOWN"}}]}
        return {"data": {"done": {"userErrors": []}}}

    async def half_way() -> None:
        killed.append(len(asked))

    found = await repeated(ask, [Job("", "", {"idempotencyKey": "k"})], half_way, clients=1)
    assert (asked, killed) == ([0, 1, 0], [3])
    assert dict(found.codes) == {"no answer": 1, "OUTCOME_UNKNOWN": 1}
    assert found.outcomes == {"k": {"userErrors": []}}

    async def refused(worker: int, document: str, who: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"data": None, "errors": [{"extensions": {"code": "FORBIDDEN"}}]}

    with pytest.raises(ExceptionGroup) as failed:
        await repeated(refused, [Job("", "", {"idempotencyKey": "k"})], half_way, clients=1)
    assert failed.group_contains(Unexpected)


async def test_who_does_not_wait_for_the_end_knows_what_came_so_far() -> None:
    so_far = Repeated()
    waits = asyncio.Event()

    async def ask(worker: int, document: str, who: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if given["idempotencyKey"] == "never":
            waits.set()
            await asyncio.Event().wait()
        return {"data": {"done": {"userErrors": []}}}

    async def half_way() -> None:
        return None

    jobs = [Job("", "", {"idempotencyKey": key}) for key in ("k", "never")]
    repeating = asyncio.create_task(repeated(ask, jobs, half_way, clients=1, so_far=so_far))
    await waits.wait()
    repeating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await repeating
    assert so_far.outcomes == {"k": {"userErrors": []}}


async def test_a_write_of_which_nobody_was_told_an_outcome_is_told() -> None:
    tickets, payments = Tickets(Rt(), ["C100001"]), Payments(Tryton())
    for part in (tickets, payments):
        (job,) = await part.jobs(1)
        counted = await part.counted({})
        assert f"{job.key}: nobody was told an outcome" in counted.wrong


def test_the_workers_are_given_the_products_behind_their_proxies() -> None:
    running = {name: Live(PRODUCTS[name].address, "t") for name in live_killed.DOMAINS}
    text = live_killed.configuration(live.settings(running), {"billing": "http://a", "ticketing": "http://b"}, "J", 5)
    settings = Settings.model_validate(tomllib.loads(text))
    systems = settings.systems.by_domain
    assert (systems["billing"].url, systems["ticketing"].url) == ("http://a", "http://b")
    assert (systems["billing"].driver, systems["billing"].options) == ("tryton", {"payment_journal": "J"})
    assert settings.writes.enabled
    assert settings.redis.writes_url == "redis://127.0.0.1:5/0"
