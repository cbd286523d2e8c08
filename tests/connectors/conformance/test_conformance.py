"""The conformance suite on every driver in the table, and on drivers that are broken in one way each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, ClassVar

import aiohttp
import pytest

from connectors import DOMAINS
from connectors.billing.tmf.driver import TmfBilling
from connectors.conformance import Result
from connectors.drivers import Driver
from connectors.errors import NotSupported
from connectors.http.request import Request
from connectors.records import Fields, Known, Money, Rows, Window, changed
from connectors.settings import System
from connectors.tmf.profile import Profile
from tests.connectors.conformance.conforming import RECORDINGS, conversing, failed, failures, trial
from tests.gateway.commands.running import ROOT
from tests.systems import Systems

CUSTOMERS = {"customer": [str(number) for number in range(1001, 1011)]}


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_method_of_a_port_is_checked(domain: str) -> None:
    methods = {name for name, one in vars(DOMAINS[domain].port).items() if callable(one) and not name.startswith("_")}
    promises = DOMAINS[domain].promises
    reads = {one.name for one in promises.methods}
    follows = set(DOMAINS[domain].changes.values())  # optional: what a driver lacks is not polled
    assert reads | follows | {"open_document", *promises.writes} >= methods
    assert {*reads, *promises.writes} <= methods


def counted(results: Sequence[Result]) -> str:
    """Checks passed, failed and skipped, as docs/drivers.md writes them."""
    return " / ".join(str(sum(one.mark == mark for one in results)) for mark in ("passed", "failed", "skipped"))


def told(driver: str, domain: str, of: str = "driver") -> str:
    """What a table in docs/drivers.md says of a driver in a domain; `of` heads the table's first column."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/drivers.md").read_text(encoding="utf-8").partition("## Conformance\n")[2].splitlines()
        if line.startswith("|")
    ]
    heads = [at for at, row in enumerate(rows) if row[0] in ("driver", "writes")]
    head = next(at for at in heads if rows[at][0] == of)
    return next(row for row in rows[head:] if row[0] == driver)[rows[head].index(domain)]


def sandboxed(systems: Systems, domain: str, **settings: Any) -> System:
    domain = DOMAINS[domain].part_of or domain
    patient = {"timeout": 20.0, "connect_timeout": 20.0}  # a busy machine is not what is tested
    return System.model_validate({"url": systems[domain].url, **patient, **settings})


@pytest.mark.parametrize(
    ("domain", "version", "sample_size"),
    [
        *((domain, "v4", 3) for domain in DOMAINS),
        *(pytest.param(domain, version, 5, marks=pytest.mark.long) for domain in DOMAINS for version in ("v4", "v5")),
    ],
)
async def test_the_tm_forum_drivers_conform(systems: Systems, domain: str, version: str, sample_size: int) -> None:
    if version != "v4":
        systems[DOMAINS[domain].part_of or domain].switches.merge({"version": version})
    results = await trial(
        domain,
        DOMAINS[domain].drivers["tmf"],
        sandboxed(systems, domain, profile={"version": version}),
        CUSTOMERS if domain != "crm" else None,
        sample_size=sample_size,
    )
    assert failures(results) == []
    assert told(f"`tmf`, {version}", domain) == counted(results)
    marks = {(one.method, one.check): one.mark for one in results}
    assert {one.name for one in DOMAINS[domain].promises.methods if marks[one.name, "answers"] != "passed"} == set()


@pytest.mark.parametrize(
    ("filters", "check"), [("engagedParty.id", "answers"), ("characteristic.value", "unsup."), ("id", "unsup.")]
)
async def test_a_driver_that_declares_one_of_two_ways_conforms(systems: Systems, filters: str, check: str) -> None:
    system = sandboxed(systems, "crm", profile={"filters": ["id", filters]})
    results = await trial("crm", DOMAINS["crm"].drivers["tmf"], system, only=["customers_known_as"])
    assert failures(results) == []
    assert (check, "passed") in {(one.check, one.mark) for one in results if one.method == "customers_known_as"}


PRODUCTS: Mapping[str, tuple[str, str, Mapping[str, Sequence[str]]]] = {
    "bottlecrm": ("crm", "Bearer", {}),
    "tryton": ("billing", "Bearer", {"customer": ["C100001", "C100002", "C100003", "C100004"]}),
    "openwisp": ("usage", "Bearer", {"customer": ["C100001", "C100002", "C100003"]}),
    "nautobot": ("inventory", "Token", {"customer": ["C100001", "C100002", "C100003", "C100004"]}),
    "rt": ("ticketing", "token", {"customer": ["C100001", "C100002", "C100003", "C100004"]}),
    "redmine": ("ticketing", "Basic", {"customer": ["C100001", "C100002", "C100003", "C100004"]}),
    "alertmanager": ("assurance", "Basic", {}),
    "icinga": ("assurance", "Basic", {}),
}
"""Domain, scheme of the token, and sample keys."""

NOT_THERE: Mapping[str, set[str]] = {
    "tryton": {"payments", "payments_of_accounts"},  # the seed has none
    "bottlecrm": {"customers_known_as"},  # by an external reference only
}
"""What the live systems' data or the product does not let be checked."""


@pytest.mark.parametrize("name", PRODUCTS)
async def test_the_products_conform(name: str) -> None:
    domain, scheme, keys = PRODUCTS[name]
    async with conversing(name, scheme) as (conversation, address):
        auth = {"kind": "api_key", "header": "Authorization", "key": conversation.token}
        system = System.model_validate({"url": address, "timeout": 20, "auth": auth})
        results = await trial(domain, DOMAINS[domain].drivers[name], system, keys, sample_size=3)
    assert conversation.unknown == [], "record them: see Conversation"
    assert failures(results) == []
    assert told(f"`{name}`", domain) == counted(results)
    answered = {one.method for one in results if one.check == "answers" and one.mark == "passed"}
    refused = {one.method for one in results if one.check == "unsup." and one.mark == "passed"}
    assert {one.name for one in DOMAINS[domain].promises.methods} - answered - refused == NOT_THERE.get(name, set())


@pytest.mark.parametrize("name", PRODUCTS)
def test_recordings_are_small(name: str) -> None:
    assert (RECORDINGS / f"conformance_{name}.json").stat().st_size < 300_000


class Broken(TmfBilling):
    """Counts as the product under test; each subclass breaks one promise."""


class ByPosition(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        rows = list((await super().bills(sorted(set(ids)), fields)).values())
        return dict(zip(ids, rows, strict=False))


class RaisesWhereMissing(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        return {key: found[key] for key in ids}


class LeaksForeignRows(Broken):
    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Any:
        found = await super().bills_of_customers([*customer_ids, "1001", "1002"], None, fields)
        rows = [row for one in found.values() for row in one.items]
        rows.sort(key=lambda row: row.bill_date or date.min, reverse=True)
        return {key: Rows.of(rows) for key in customer_ids if key in found}


class IgnoresWindows(Broken):
    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Any:
        found = await super().bills_of_customers(customer_ids, None, fields)
        if window is None:
            return found
        return {key: Rows(one.items, window.offset, one.total, complete=False) for key, one in found.items()}


class LiesAboutTotals(Broken):
    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Any:
        found = await super().bills_of_customers(customer_ids, window, fields)
        return {key: one if one.complete else changed(one, total=one.total + 1) for key, one in found.items()}


class LeaksErrorsOfTheLibrary(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{self.http.system.url}/x") as answer:
            await answer.json(content_type=None)
        return await super().bills(ids, fields)


class OldestFirst(Broken):
    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Any:
        found = await super().bills_of_customers(customer_ids, None, fields)
        return {key: Rows.of(list(reversed(one.items))) for key, one in found.items()}


class OneByOne(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        parts = [await super(OneByOne, self).bills([key], fields) for key in ids]
        return {key: one for part in parts for key, one in part.items()}


class OneByOneForAReason(OneByOne):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.one_by_one = {"bills": "The product reads one bill per call."}


class AttributeByAttribute(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        if fields is None or "documents" in fields:
            for key in found:
                await super().bills([key], fields)
        return found


class AttributeForAReason(AttributeByAttribute):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.one_by_one = {"Bill.documents": "The product lists the files of one bill per call."}


class OneByOneUnderAPretext(OneByOne):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.one_by_one = {"Bill.documents": "The product lists the files of one bill per call."}


class FindsNothingAnywhere(Broken):
    async def probe(self) -> None:
        await self.http.send(Request.get("/customerBill?limit=1"), lambda answer: answer.status)


class CutsFields(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        cut = fields is not None and "due_date" in fields
        return {key: changed(one, due_date=None) if cut else one for key, one in found.items()}


class Untyped(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        return {key: changed(one, amount_due=Money(12.5, "EUR")) for key, one in found.items()}


class WithoutZone(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        return {key: changed(one, overdue_from=one.overdue_from.replace(tzinfo=None)) for key, one in found.items()}


class GivesATimeForADay(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        return {
            key: changed(one, bill_date=datetime.combine(one.bill_date, time.min, UTC)) for key, one in found.items()
        }


class OwnedByAnEmptyNumber(Broken):
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().bills(ids, fields)
        return {key: changed(one, owners=Known(("",))) for key, one in found.items()}


class TrimsKeys(Broken):
    async def accounts(self, ids: Sequence[str], fields: Fields | None) -> Any:
        found = await super().accounts([key.strip() for key in ids], fields)
        return {key: found[key.strip()] for key in ids if key.strip() in found}


class DeclaresWhatItGives(Broken):
    unsupported: ClassVar = {"payments": "None.", "Bill.due_date": "None."}  # type: ignore[assignment]  # broken


class DeclaresNothing(Broken):
    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Any:
        raise NotSupported(self.http.name, "no payments here")


class MisspellsADeclaration(Broken):
    unsupported: ClassVar = {"Bill.dueDate": "None."}  # type: ignore[assignment]  # broken


class DoesNotSayWhetherBillsNameCustomers(Broken):
    bills_name_customers = None  # type: ignore[assignment]  # broken


class ForgetsAMethod(Broken):
    payments_of_accounts: ClassVar = None  # type: ignore[assignment]  # broken


BROKEN: Mapping[type[Broken], set[tuple[str, str]]] = {
    Broken: set(),
    ByPosition: {("bills", "owner"), ("bills", "gaps"), ("bills", "odd")},
    RaisesWhereMissing: {("bills", "gaps"), ("bills", "odd")},
    LeaksForeignRows: {("bills_of_customers", "owner"), ("bills_of_customers", "batch")},
    IgnoresWindows: {("bills_of_customers", "paging")},
    LiesAboutTotals: {("bills_of_customers", "paging")},
    LeaksErrorsOfTheLibrary: {("bills", "errors")},
    OldestFirst: {("bills_of_customers", "order")},
    OneByOne: {("bills", "calls")},
    OneByOneForAReason: set(),
    AttributeByAttribute: {("bills", "calls")},
    AttributeForAReason: set(),
    OneByOneUnderAPretext: {("bills", "calls")},
    FindsNothingAnywhere: {("probe", "errors")},
    CutsFields: {("bills", "fields")},
    Untyped: {("bills", "answers")},
    WithoutZone: {("bills", "answers")},
    GivesATimeForADay: {("bills", "answers")},
    OwnedByAnEmptyNumber: {("bills", "answers")},
    TrimsKeys: {("accounts", "odd")},
    DeclaresWhatItGives: {("payments", "unsup."), ("unsupported", "unsup.")},
    DeclaresNothing: {("payments", "answers"), ("payments_of_accounts", "owner")},
    MisspellsADeclaration: {("unsupported", "unsup.")},
    DoesNotSayWhetherBillsNameCustomers: {("unsupported", "unsup.")},
    ForgetsAMethod: {("payments_of_accounts", "answers")},
}
"""What must fail. Other checks of these methods may fail with them, those of other methods may not."""


LONG = {OneByOneForAReason, AttributeByAttribute, AttributeForAReason, OneByOneUnderAPretext, LiesAboutTotals}
LONG |= {LeaksErrorsOfTheLibrary, OldestFirst, CutsFields, Untyped, WithoutZone, GivesATimeForADay, TrimsKeys}
"""Faults whose check is like that of another one here."""


@pytest.mark.parametrize(
    "driver", [pytest.param(one, marks=[pytest.mark.long] if one in LONG else []) for one in BROKEN]
)
async def test_a_broken_driver_fails_the_checks_of_what_it_breaks(systems: Systems, driver: type[Broken]) -> None:
    only = {method for method, _ in BROKEN[driver] or {("bills", "")}}
    if driver is ByPosition:
        only.add("accounts")  # which nobody breaks
    system, few = sandboxed(systems, "billing"), {"sample_size": 3, "check_credentials": False}
    results = await trial("billing", Driver(driver, Profile), system, CUSTOMERS, only=only, **few)
    assert failed(results) >= BROKEN[driver], failures(results)
    assert {method for method, _ in failed(results)} == {method for method, _ in BROKEN[driver]}, failures(results)
    assert all("right" in one.reason for one in results if one.mark == "failed"), failures(results)
