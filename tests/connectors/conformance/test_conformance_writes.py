"""The part of the conformance suite that writes: on every driver that does, and on drivers that lie in one way each."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import aiohttp
import pytest

from connectors import DOMAINS
from connectors.billing.port import NewPayment
from connectors.billing.tmf.driver import TmfBilling
from connectors.conformance import Result
from connectors.conformance.writes import WRITE_CHECKS, plan_writes
from connectors.crm.port import ContactChange
from connectors.crm.tmf.driver import TmfCrm
from connectors.drivers import Driver
from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Rejected, Unreachable
from connectors.http.client import HttpClient
from connectors.records import Money, changed
from connectors.settings import System
from connectors.ticketing.port import NewNote, StatusChange
from connectors.ticketing.tmf.driver import TmfTicketing
from connectors.tmf.profile import Profile
from connectors.writes import UNCHANGED, WriteKey
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.connectors.conformance.conforming import failed, failures
from tests.connectors.conformance.test_conformance import counted, told
from tests.connectors.conformance.writing import PRODUCTS, served, written

KEYS = {"customer": ["1001", "1002"], "assignee": ["AGENT-7", "AGENT-8"]}
WRITTEN = [name for name, one in DOMAINS.items() if one.promises.writings is not None]


@pytest.fixture(scope="module")
def world() -> World:
    return World(customers=10)


def profile(domain: str, **more: Any) -> dict[str, Any]:
    return {**({"payment_method": {"id": "PM-PORTAL"}} if domain == "billing" else {}), **more}


def test_every_port_that_writes_has_its_checks() -> None:
    assert [name for name, one in DOMAINS.items() if one.promises.writes] == WRITTEN
    assert WRITTEN == ["crm", "billing", "ticketing"]


@pytest.mark.parametrize("version", ["v4", pytest.param("v5", marks=pytest.mark.long)])
@pytest.mark.parametrize("domain", WRITTEN)
async def test_the_tm_forum_drivers_keep_what_they_promise_of_writes(domain: str, version: str) -> None:
    with SandboxServer(domain, world=World(customers=10)) as server:
        server.switches.merge({"version": version, "strictWrites": True})
        system = System.model_validate({"url": server.url, "profile": profile(domain, version=version)})
        results = await written(domain, DOMAINS[domain].drivers["tmf"], system, KEYS)
    assert failures(results) == []
    assert told(f"`tmf`, {version}", domain, "writes") == counted(results)


@pytest.mark.parametrize("name", PRODUCTS)
async def test_the_products_keep_what_they_promise_of_writes(name: str) -> None:
    domain, product, options, keys = PRODUCTS[name]
    async with served(product().answer) as address:
        auth = {"kind": "bearer", "token": "t"}
        system = System.model_validate({"url": address, "options": options, "auth": auth})
        results = await written(domain, DOMAINS[domain].drivers[name], system, keys)
    assert failures(results) == []
    assert told(f"`{name}`", domain, "writes") == counted(results)
    assert {one.method for one in results} == {name for name in DOMAINS[domain].promises.writes if "_with" not in name
                                               and name != "has_note"}  # fmt: skip


async def test_nothing_is_written_before_it_is_asked_for_and_all_is_as_before(world: World) -> None:
    with SandboxServer("crm", world=world) as server:
        system = System.model_validate({"url": server.url})
        before = await _customer(system)
        results = await written("crm", DOMAINS["crm"].drivers["tmf"], system, {"customer": ["1001"]})
        assert {one["method"] for one in server.requests} == {"GET", "PATCH"}
        assert [one.reason for one in results if one.check == "undone"] == ["customer 1001 is reached as before"]
        assert await _customer(system) == before
        server.requests.clear()
        async with _session() as session:
            driver = DOMAINS["crm"].drivers["tmf"]

            def build(one: System) -> Any:
                return driver.connect(HttpClient("crm", one, session))

            plan = await plan_writes("crm", DOMAINS["crm"].promises, build, system, keys={"customer": ["1001"]})
        assert list(plan.changes) == ["update_contact"]
        assert "customer 1001" in plan.changes["update_contact"]
        assert {one["method"] for one in server.requests} == {"GET"}


async def test_who_interrupts_it_finds_all_as_before(world: World) -> None:
    driver = DOMAINS["crm"].drivers["tmf"]
    with SandboxServer("crm", world=world) as server:
        system = System.model_validate({"url": server.url})
        before = await _customer(system)
        async with _session() as session:

            def build(one: System) -> Any:
                return driver.connect(HttpClient("crm", one, session))

            plan = await plan_writes("crm", DOMAINS["crm"].promises, build, system, keys={"customer": ["1001"]})
            told: list[str] = []

            def interrupt(result: Result) -> None:
                told.append(result.check)
                running.cancel()

            running = asyncio.create_task(plan.run(interrupt))
            await asyncio.wait([running])
        assert (running.cancelled(), told) == (True, ["once"])
        assert {one["method"] for one in server.requests} == {"GET", "PATCH"}
        assert await _customer(system) == before


def _session() -> Any:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


async def _customer(system: System) -> Any:
    async with _session() as session:
        driver = DOMAINS["crm"].drivers["tmf"].connect(HttpClient("crm", system, session))
        return (await driver.customers(["1001"], None))["1001"]  # type: ignore[attr-defined]  # a CRM's


async def test_a_system_that_keeps_no_key_or_takes_no_writes_is_no_failure(world: World) -> None:
    with SandboxServer("billing", world=world) as server:
        server.switches.drop_keys = True
        driver = DOMAINS["billing"].drivers["tmf"]
        system = System.model_validate({"url": server.url, "profile": profile("billing")})
        forgetful = {one.check: one.mark for one in await written("billing", driver, system, KEYS)}
        read_only = System.model_validate({"url": server.url, "profile": {"read_only": True}})
        refusing = {(one.method, one.check): one.mark for one in await written("billing", driver, read_only, KEYS)}
        server.switches.reset()
        without = System.model_validate({"url": server.url})
        (tokenless,) = await written("billing", driver, without, KEYS)
        given = await written("billing", driver, without, {**KEYS, "method_token": ["tok-1"]})
    assert {check for check, mark in forgetful.items() if mark == "skipped"} == {"key", "lost"}
    assert "failed" not in forgetful.values()
    assert refusing == {("pay_bill", "unsup."): "passed", ("payment_made_with", "unsup."): "passed"}
    assert (tokenless.mark, "--key method_token=" in tokenless.reason) == ("skipped", True)
    assert {one.mark for one in given} == {"passed"}


@pytest.mark.parametrize("domain", WRITTEN)
async def test_a_system_that_shows_its_writes_late_is_waited_for_as_the_settings_say(domain: str, world: World) -> None:
    method = DOMAINS[domain].promises.writes[0]

    async def run(**settings: Any) -> list[Result]:
        with SandboxServer(domain, world=world) as server:
            server.switches.late_ms = 200
            system = System.model_validate({"url": server.url, "profile": profile(domain), **settings})
            return await written(domain, DOMAINS[domain].drivers["tmf"], system, KEYS, only=[method])

    impatient, patient = await run(), await run(reads_after=5)
    assert (method, "once" if domain != "crm" else "shows") in failed(impatient)
    assert failures(patient) == []


@pytest.mark.parametrize("domain", WRITTEN)
async def test_where_the_profile_takes_no_writes_every_method_says_so_and_asks_nothing(
    domain: str, world: World
) -> None:
    with SandboxServer(domain, world=world) as server:
        system = System.model_validate({"url": server.url, "profile": {"read_only": True}})
        results = await written(domain, DOMAINS[domain].drivers["tmf"], system, KEYS)
    assert failures(results) == []
    assert {one.method for one in results if one.mark == "passed"} == set(DOMAINS[domain].promises.writes)
    assert {one.check for one in results} == {"unsup."}


class SendsTwice(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        await super().pay_bill(new, key)
        return await super().pay_bill(new, key)


class SendsAgainAfterALostAnswer(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except Unreachable as failure:
            if failure.nothing_sent:
                raise
            return await super().pay_bill(new, key)


class LosesTheKey(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        return await super().pay_bill(new, WriteKey("k" * 32))


class FindsAnyPayment(TmfBilling):
    async def payment_made_with(self, new: NewPayment, key: WriteKey) -> str | None:
        rows: Any = (await self.payments_of_accounts([new.account_id], None, None))[new.account_id]
        return str(rows.items[0].id)


class PaysOncePerBill(TmfBilling):
    made: ClassVar[dict[int, str]] = {}

    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        if id(self) not in self.made:
            self.made[id(self)] = await super().pay_bill(new, key)
        return self.made[id(self)]


class SaysYesToRefusals(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except Declined:
            return "PAY-1"


class BelievesEveryAnswer(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except Garbled:
            return "PAY-1"


class IsSureThatNothingHappened(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except ConnectorError as failure:
            failure.may_have_happened = False
            raise


class IsNeverSure(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except ConnectorError as failure:
            failure.may_have_happened = True
            raise


class PaysMore(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        amount = Money(new.amount.amount + Decimal("0.01"), new.amount.currency)
        return await super().pay_bill(changed(new, amount=amount), key)


class DropsTheToken(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        return await super().pay_bill(changed(new, method_token=None), key)


class SaysNoMoreThanNo(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except Declined as declined:
            raise Rejected(self.http.name, declined.detail) from declined


class NamesAnotherAttribute(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        try:
            return await super().pay_bill(new, key)
        except Declined as declined:
            raise Declined(self.http.name, declined.detail, declined.reason, attribute="totalAmount") from declined


class HasNoWrites(TmfBilling):
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        raise NotSupported(self.http.name, "no payments")


class DeclaresWhatItDoes(TmfBilling):
    unsupported: ClassVar = {"pay_bill": "None."}  # type: ignore[assignment]  # broken


class AnswersBeforeItIsDone(TmfTicketing):
    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        pass


class TellsEverybody(TmfTicketing):
    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        await super().add_note(changed(note, internal=False), key)


class DropsTheReason(TmfTicketing):
    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        await super().set_status(changed(change, reason=None), key)


class NotesTwice(TmfTicketing):
    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        await super().add_note(note, WriteKey("".join(reversed(key))))
        await super().add_note(note, key)


class WritesWithoutLooking(TmfTicketing):
    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        ticket: Any = (await self.tickets([change.ticket_id], None)).get(change.ticket_id)
        if ticket and ticket.status is change.status:
            await super().add_note(NewNote(ticket_id=change.ticket_id, text=key, author="a"), key)
        await super().set_status(change, key)


class LosesThePhone(TmfCrm):
    async def update_contact(self, change: ContactChange, key: WriteKey) -> None:
        phone = None if change.phone is UNCHANGED else change.phone
        await super().update_contact(changed(change, phone=phone), key)


class TakesNothingBack(TmfCrm):
    async def update_contact(self, change: ContactChange, key: WriteKey) -> None:
        if UNCHANGED in (change.email, change.phone):
            await super().update_contact(change, key)


LYING: Mapping[type, set[tuple[str, str]]] = {
    TmfBilling: set(),
    SendsTwice: {("pay_bill", "once")},
    SendsAgainAfterALostAnswer: {("pay_bill", "lost"), ("pay_bill", "answers")},
    LosesTheKey: {("pay_bill", "key"), ("pay_bill", "again"), ("pay_bill", "lost")},
    FindsAnyPayment: {("pay_bill", "key"), ("pay_bill", "again")},
    PaysOncePerBill: {("pay_bill", "again"), ("pay_bill", "lost"), ("pay_bill", "answers"), ("pay_bill", "refused")},
    SaysYesToRefusals: {("pay_bill", "refused"), ("pay_bill", "conflict")},
    BelievesEveryAnswer: {("pay_bill", "answers")},
    IsSureThatNothingHappened: {("pay_bill", "lost"), ("pay_bill", "answers")},
    IsNeverSure: {("pay_bill", "down"), ("pay_bill", "refused"), ("pay_bill", "conflict")},
    PaysMore: {("pay_bill", "shows"), ("pay_bill", "lost")},
    DropsTheToken: {("pay_bill", "place")},
    SaysNoMoreThanNo: {("pay_bill", "refused")},
    NamesAnotherAttribute: {("pay_bill", "refused")},
    HasNoWrites: {("pay_bill", "once"), ("pay_bill", "answers"), ("pay_bill", "refused"), ("pay_bill", "conflict")},
    DeclaresWhatItDoes: {("pay_bill", "unsup.")},
    AnswersBeforeItIsDone: {("set_status", "once"), ("set_status", "answers"), ("set_status", "refused")},
    TellsEverybody: {("add_note", "place")},
    DropsTheReason: {("set_status", "place")},
    NotesTwice: {("add_note", "once")},
    WritesWithoutLooking: {("set_status", "again")},
    LosesThePhone: {("update_contact", "shows"), ("update_contact", "lost")},
    TakesNothingBack: {("update_contact", "undone")},
}
"""What must fail; only checks of the same method may fail with it."""


@pytest.fixture(scope="module")
def servers(world: World) -> Iterator[dict[str, SandboxServer]]:
    found = {name: SandboxServer(name, world=world) for name in WRITTEN}
    for server in found.values():
        server.start()
    yield found
    for server in found.values():
        server.stop()


@pytest.mark.parametrize(
    "driver", [pytest.param(one, marks=[pytest.mark.long] if at % 2 else []) for at, one in enumerate(LYING)]
)
async def test_a_driver_that_lies_fails_the_checks_of_what_it_lies_about(
    servers: dict[str, SandboxServer], driver: type
) -> None:
    domain = next(name for name in WRITTEN if issubclass(driver, DOMAINS[name].drivers["tmf"].build))  # type: ignore[arg-type]  # a class
    system = System.model_validate({"url": servers[domain].url, "profile": profile(domain)})
    only: Sequence[str] = sorted({method for method, _ in LYING[driver]})
    results = await written(domain, Driver(driver, Profile), system, KEYS, only=only)
    assert failed(results) >= LYING[driver], failures(results)
    assert {method for method, _ in failed(results)} == {method for method, _ in LYING[driver]}, failures(results)
    assert all("right" in one.reason or one.check == "undone" for one in results if one.mark == "failed")


def test_every_check_has_a_driver_that_fails_it() -> None:
    assert {check for lies in LYING.values() for _, check in lies} == set(WRITE_CHECKS)
