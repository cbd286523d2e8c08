"""The named profiles against systems that deviate as those products do: the right records, or a declared refusal."""

from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from connectors import DOMAINS, Connectors
from connectors.billing.port import NewPayment
from connectors.errors import ConnectorError, NotSupported
from connectors.http.scope import RequestScope, request_scope
from connectors.links import CustomerKey
from connectors.ports import Effect, marks
from connectors.records import UNNAMED, Money, Rows, Window, attributes
from connectors.settings import System
from connectors.ticketing.port import NewTicket
from connectors.tmf.named_profiles import PROFILES
from connectors.tmf.profile import Profile
from connectors.writes import WriteKey
from gateway.commands.check import check
from gateway.settings import Settings
from gateway.settings_file import WrongSettings, load
from sandbox.protocol.systems import SYSTEMS
from sandbox.protocol.vendors import VENDORS
from tests.connectors.asking import connected
from tests.connectors.conformance.conforming import failures, trial
from tests.stack import stacked
from tests.systems import Systems, asked, well_behaved

CUSTOMERS = [str(n) for n in range(1001, 1009)]
SERVICES = ["SVC-1001-1", "SVC-1002-3", "SVC-0"]
RESOURCES = ["CAB-001", "RES-1002-1", "RES-0"]
SINCE, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
WORDS = {
    "Awaiting Info": "pending",
    "On Hold": "held",
    "Resolved - Permanently": "resolved",
    "Closed - Complete": "closed",
    "Live": "active",
    "Barred": "suspended",
    "Completed": "done",
    "Issued": "sent",
    "Paid": "settled",
    "Part Paid": "partiallyPaid",
    "In Use": "active",
    "Open": "active",
    "1 - Critical": "critical",
    "2 - High": "major",
    "3 - Moderate": "minor",
    "Operational": "available",
    "Faulty": "alarm",
}
"""The sandbox's words that no profile knows: an operator gives them beside the name."""

KEY = WriteKey("k" * 32)
OPENED = NewTicket(customer_id="1001", name="a", description="b")
PAID = NewPayment(customer_id="1001", account_id="BA-1", bill_id="BILL-1", amount=Money(Decimal(1), "EUR"))

Ask = Callable[[Any], Awaitable[Any]]


async def _parties(c: Any) -> Any:
    found = (await c.customers(CUSTOMERS, None)).values()
    return await c.parties([one for one in found if not isinstance(one, ConnectorError)], None)


QUESTIONS: dict[str, tuple[str, str, Ask]] = {
    "customers": ("crm", "customers", lambda c: c.customers([*CUSTOMERS, "9"], None)),
    "list": ("crm", "customer_list", lambda c: c.customer_list(Window(5, 21), None)),
    "by name": ("crm", "customer_list", lambda c: c.customer_list(Window(5, 21), None, by_name=True)),
    "named": ("crm", "customers_named", lambda c: c.customers_named("Sven", Window(0, 9), None)),
    "parties": ("crm", "parties", _parties),
    "products": ("crm", "products", lambda c: c.products(["PRD-1001-1", "PRD-1002-1", "PRD-0"], None)),
    "bought": ("crm", "products_of_customers", lambda c: c.products_of_customers([*CUSTOMERS, "9"], None, None)),
    "bought, a window": (
        "crm",
        "products_of_customers",
        lambda c: c.products_of_customers(["1001"], Window(1, 2), None),
    ),
    "realized": ("crm", "products_of_services", lambda c: c.products_of_services(SERVICES, None)),
    "accounts": ("billing", "accounts", lambda c: c.accounts(["BA-1001-1", "BA-1002-1", "BA-0"], None)),
    "accounts of": ("billing", "accounts_of_customers", lambda c: c.accounts_of_customers([*CUSTOMERS, "9"], None)),
    "bills": ("billing", "bills", lambda c: c.bills(["BILL-1001-1-07", "BILL-0"], None)),
    "numbered": ("billing", "bills_numbered", lambda c: c.bills_numbered("1001-1-2026-09", None)),
    "bills of accounts": (
        "billing",
        "bills_of_accounts",
        lambda c: c.bills_of_accounts(["BA-1001-1", "BA-0"], None, None),
    ),
    "no bills": ("billing", "bills_of_accounts", lambda c: c.bills_of_accounts(["BA-0"], Window(0, 9), None)),
    "bills of": ("billing", "bills_of_customers", lambda c: c.bills_of_customers([*CUSTOMERS, "9"], None, None)),
    "bills, a window": ("billing", "bills_of_customers", lambda c: c.bills_of_customers(["1001"], Window(3, 9), None)),
    "charges": (
        "billing",
        "charges_of_bills",
        lambda c: c.charges_of_bills(["BILL-1001-1-07", "BILL-1002-1-01"], None),
    ),
    "payments": ("billing", "payments", lambda c: c.payments(["PAY-1001-1-07", "PAY-0"], None)),
    "payments of": (
        "billing",
        "payments_of_accounts",
        lambda c: c.payments_of_accounts(["BA-1001-1"], Window(0, 4), None),
    ),
    "usage": ("usage", "usage_of_customers", lambda c: c.usage_of_customers(CUSTOMERS)),
    "services": ("inventory", "services", lambda c: c.services(SERVICES, None)),
    "services of": (
        "inventory",
        "services_of_customers",
        lambda c: c.services_of_customers([*CUSTOMERS, "9"], None, None),
    ),
    "served by": ("inventory", "services_of_resources", lambda c: c.services_of_resources(RESOURCES, None)),
    "resources": ("inventory", "resources", lambda c: c.resources(RESOURCES, None)),
    "resource list": ("inventory", "resource_list", lambda c: c.resource_list(Window(3, 9), None)),
    "searched": ("inventory", "resources_named", lambda c: c.resources_named("Northgate", Window(1, 5), None)),
    "sites": ("inventory", "sites", lambda c: c.sites(["SITE-1001", "SITE-CAB-001", "SITE-0"], None)),
    "tickets": ("ticketing", "tickets", lambda c: c.tickets(["TT-1001-1", "TT-1002-1", "TT-0"], None)),
    "tickets of": (
        "ticketing",
        "tickets_of_customers",
        lambda c: c.tickets_of_customers([*CUSTOMERS, "9"], None, None, is_open=None),
    ),
    "open tickets": (
        "ticketing",
        "tickets_of_customers",
        lambda c: c.tickets_of_customers(["1001"], Window(0, 9), None, is_open=True),
    ),
    "about": ("ticketing", "tickets_of_services", lambda c: c.tickets_of_services(SERVICES, None, is_open=False)),
    "outages": ("assurance", "outages", lambda c: c.outages(["SP-1", "SP-2", "SP-0"], None)),
    "open outages": ("assurance", "outage_list", lambda c: c.outage_list(Window(0, 9), None, is_open=True)),
    "outages since": (
        "assurance",
        "outage_list",
        lambda c: c.outage_list(Window(0, 9), None, is_open=None, since=SINCE, until=UNTIL),
    ),
    "hit": ("assurance", "open_outages_of_services", lambda c: c.open_outages_of_services(SERVICES, None)),
    "cut": ("assurance", "open_outages_of_resources", lambda c: c.open_outages_of_resources(RESOURCES, None)),
}
"""Domain, method of its port, and a question to it."""
WINDOWS = {
    "list": (5, 21), "by name": (5, 21), "named": (0, 9), "bought, a window": (1, 2), "no bills": (0, 9),
    "bills, a window": (3, 9), "payments of": (0, 4), "resource list": (3, 9), "searched": (1, 5),
    "open tickets": (0, 9), "open outages": (0, 9), "outages since": (0, 9),
}  # fmt: skip
UNORDERED = ("realized", "served by", "hit", "cut", "usage")


async def standard(systems: Systems, name: str) -> dict[str, Any]:
    """The right answers: those of a system that keeps to the standard, in the version that this vendor speaks.

    Where the gateway has to sort, ids are in its own order; nobody's order of ids is the right one.
    """
    version, sort = PROFILES[name].get("version", "v4"), PROFILES[name].get("sort", True)
    for server in systems.values():
        server.switches.version = version
    found = await answers(systems, {"version": version, "sort": sort})
    assert not [one for one in found.values() if isinstance(one, str)]
    if name == "servicenow":
        for question in ("products", "bought", "bought, a window", "realized"):
            for one in found[question].values():
                for product in one if isinstance(one, list) else [one]:
                    product["price"] = product["price_period"] = None
        for one in [*found["payments"].values(), *found["payments of"]["BA-1001-1"]]:
            one["owners"] = UNNAMED  # a payer's role stands where its type should: only staff may see the payment
    return found


@pytest_asyncio.fixture(scope="module", params=PROFILES)
async def right(_systems: Systems, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A profile's name, and the right answers for it."""
    well_behaved(_systems)
    return request.param, await standard(_systems, request.param)


def vendor(systems: Systems, name: str) -> None:
    """All systems as this vendor's."""
    for server in systems.values():
        server.switches.merge(VENDORS[name])


def profiled(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides for `connected`: this profile everywhere."""
    return {domain: {"profile": dict(profile), "max_rows": 20_000} for domain in SYSTEMS}


def named(name: str, **beside: Any) -> dict[str, Any]:
    return {"name": name, "words": WORDS, **beside}


async def answers(systems: Systems, profile: Mapping[str, Any]) -> dict[str, Any]:
    """What every question brings: records, in order where one is promised; the class of a failure instead."""
    found = {}
    async with connected(systems, **profiled(profile)) as c:
        for question, (domain, _, ask) in QUESTIONS.items():
            try:
                found[question] = _plain(question, await ask(getattr(c, domain)))
            except ConnectorError as failure:
                found[question] = type(failure).__name__
    return found


def _plain(question: str, answer: Any) -> Any:
    if isinstance(answer, ConnectorError):
        return type(answer).__name__
    if isinstance(answer, Rows):
        items = answer.items
        if window := WINDOWS.get(question):
            start = window[0] - answer.offset
            items = items[start : start + window[1]]
        assert answer.total is None or not answer.complete or answer.total == len(answer.items)
        shown = [_plain(question, one) for one in items]
        return sorted(shown, key=lambda one: one["id"]) if question in UNORDERED else shown
    if isinstance(answer, Mapping):
        plain = {key: _plain(question, one) for key, one in answer.items()}
        return {key: one for key, one in plain.items() if one != []}  # an empty list is as good as none
    if isinstance(answer, (list, tuple)):
        return [_plain(question, one) for one in answer]
    return _record(answer)


def _record(record: Any) -> dict[str, Any]:
    """A record without the vendor's own words, which are meant to differ: some states and statuses are only words."""
    values = {name: getattr(record, name) for name in attributes(type(record))}
    return {
        name: value
        for name, value in values.items()
        if not name.startswith("raw_") and not (name in ("state", "status") and isinstance(value, str))
    }


def unsupported(connectors: Connectors) -> dict[str, set[str]]:
    return {one.name: set(one.unsupported) for one in connectors.systems if one.unsupported}


UNSUPPORTED: dict[str, dict[str, set[str]]] = {
    "servicenow": {
        "crm": {"Product.price", "Product.price_period"},
        "ticketing": {"tickets_of_customers", "tickets_of_services", "ticket_opened_with"},
    },
    "salesforce": {},
    "fiware": {},
    "oda-reference": {"crm": {"customers_named"}, "inventory": {"resources_named"}},
}
"""What nobody can make of these: everything else is answered as by a system that keeps to the standard."""


def test_there_is_a_question_to_every_method() -> None:
    ports = {name: one.port for name, one in DOMAINS.items()}
    methods = {(domain, name) for domain, port in ports.items() for name in vars(port) if name[0] != "_"}
    methods -= {  # in tests of their own: test_writes_*
        (domain, name)
        for domain, port in ports.items()
        for name, mark in marks(port).items()
        if mark.effect is not Effect.READ
    }
    asked_for = {(domain, method) for domain, method, _ in QUESTIONS.values()}
    assert methods - asked_for == {
        ("crm", "customers_reached_by"),  # by a contact that only the world knows: in a test of its own
        ("crm", "customers_known_as"),  # only for systems that know customers by something else: test_identity
        ("billing", "bills_name_customers"),  # says something about the system, and asks nothing
        ("billing", "open_document"),  # files are no question to a resource: test_documents
        ("ticketing", "open_document"),
    }


async def test_every_method_gives_the_right_records_or_a_declared_refusal(
    right: tuple[str, dict[str, Any]], systems: Systems
) -> None:
    name, expected = right
    vendor(systems, name)
    found = await answers(systems, named(name))
    async with connected(systems, **profiled(named(name))) as c:
        declared = unsupported(c)
    assert declared == UNSUPPORTED[name]
    refused = {
        question for question, (domain, method, _) in QUESTIONS.items() if method in UNSUPPORTED[name].get(domain, ())
    }
    assert {question for question, one in found.items() if one == NotSupported.__name__} == refused
    for question in QUESTIONS.keys() - refused:
        assert found[question] == expected[question], question


async def test_everything_can_be_answered_by_reading_everything(
    right: tuple[str, dict[str, Any]], systems: Systems
) -> None:
    name, expected = right
    vendor(systems, name)
    found = await answers(systems, named(name, read_everything=True))
    for question in QUESTIONS:
        assert found[question] == expected[question], question


LEAVES = [
    (name, keys)
    for name, profile in PROFILES.items()
    for key, value in profile.items()
    for keys in (
        [(key, resource, own) for resource, table in value.items() for own in table] if key == "resources" else [(key,)]
    )
]
UNSEEN = {
    ("servicenow", "page_size"),
    ("servicenow", "status_filter"),
    ("salesforce", "status_filter"),
    ("servicenow", "party_type_is_role"),
    ("servicenow", "note_patch"),
    ("servicenow", "public_note_types"),
    ("servicenow", "internal_note_type"),
    ("oda-reference", "operators"),
}
"""Keys that change what is sent or written, whose parties' ids are read (test_lenient), or that are noticed
(test_misconfigurations): see the tests for these."""


@pytest_asyncio.fixture(scope="module")
async def whole(_systems: Systems) -> dict[str, tuple[dict[str, Any], int]]:
    """By profile, the answers with all of its keys, and how many bytes were read for them."""
    found = {}
    for name in PROFILES:
        well_behaved(_systems)
        vendor(_systems, name)
        found[name] = await priced(_systems, told(name))
    return found


def told(name: str) -> dict[str, Any]:
    """A profile as if it were not named but written out."""
    return deepcopy(dict(PROFILES[name])) | {"words": PROFILES[name].get("words", {}) | WORDS}


SEEN = [one for one in LEAVES if (one[0], one[1][0]) not in UNSEEN]


@pytest.mark.parametrize(
    ("name", "keys"),
    [pytest.param(*one, marks=[pytest.mark.long] if at % 4 else []) for at, one in enumerate(SEEN)],
)
async def test_without_a_key_of_the_profile_the_answers_are_wrong_or_dearer(
    whole: dict[str, tuple[dict[str, Any], int]], systems: Systems, name: str, keys: tuple[str, ...]
) -> None:
    vendor(systems, name)
    profile = told(name)
    right, cost = whole[name]
    table: Any = profile
    for key in keys[:-1]:
        table = table[key]
    if keys == ("words",):
        profile["words"] = {word: plain for word, plain in WORDS.items() if word not in PROFILES[name]["words"]}
    else:
        del table[keys[-1]]
    wrong, more = await priced(systems, profile)
    async with connected(systems, **profiled(profile)) as c:
        declared = unsupported(c)
    assert wrong != right or more > 1.1 * cost or declared != UNSUPPORTED[name]


async def priced(systems: Systems, profile: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The answers, and how many bytes were read for them."""
    with request_scope(RequestScope.lasting(60)) as scope:
        return await answers(systems, profile), sum(call.bytes for call in scope.calls)


WRONG = {
    "servicenow": {"customers": "Rejected", "no bills": "Rejected", "tickets of": "untrue", "bought": "untrue"},
    "salesforce": {"list": "untrue", "tickets": "untrue", "bought": "untrue"},
    "fiware": {"bills of": "untrue", "bills, a window": "untrue", "by name": "untrue", "open outages": "untrue"},
    "oda-reference": {"customers": "Garbled", "bills": "TooMuch", "named": "untrue"},
}
"""What comes of some questions for whoever only knows address and paths: a failure, or worse, what is not true."""


async def test_with_nothing_but_the_right_paths_the_answers_are_wrong(
    right: tuple[str, dict[str, Any]], systems: Systems
) -> None:
    name, expected = right
    vendor(systems, name)
    paths = {key: PROFILES[name][key] for key in ("version", "paths") if key in PROFILES[name]}
    found = await answers(systems, {"words": WORDS, **paths})
    wrong = {question: _wrong(one) for question, one in found.items() if one != expected[question]}
    assert WRONG[name].items() <= wrong.items()


def _wrong(answer: Any) -> str:
    """The failure, or that of the keys, if it is the same for all; else that the answer is not true."""
    if isinstance(answer, str):
        return answer
    kinds = (
        {one if isinstance(one, str) else "untrue" for one in answer.values()} if isinstance(answer, dict) else set()
    )
    return kinds.pop() if len(kinds) == 1 else "untrue"


COSTED = ("customers", "bought", "bought, a window", "tickets of", "resources", "named", "outages since")
CALLS = {
    "": (1, 1, 1, 1, 1, 1, 1),
    "servicenow": (9, 9, 1, 0, 3, 1, 1),  # one key a call; what is NOT_SUPPORTED costs nothing
    "salesforce": (1, 1, 1, 1, 1, 1, 1),
    "fiware": (2, 2, 2, 2, 3, 2, 2),  # without a total, only an empty page is the end; resources one by one
    "oda-reference": (
        2,
        2,
        2,
        2,
        2,
        0,
        2,
    ),  # the same for a total that nobody can trust, and a later window (`obeyed_filters`)
}
"""Calls for the questions of `COSTED`, which are for nine customers, three resources, or one list."""


@pytest.mark.parametrize("name", CALLS)
async def test_what_a_named_profile_costs_in_calls(systems: Systems, name: str) -> None:
    counts = []
    if name:
        vendor(systems, name)
    async with connected(systems, **profiled(named(name) if name else {})) as c:
        for domain, method, ask in map(QUESTIONS.__getitem__, COSTED):
            server = systems[c.served_by[domain]]
            server.requests.clear()
            if method in (UNSUPPORTED[name].get(domain, ()) if name else ()):
                with pytest.raises(NotSupported):
                    await ask(getattr(c, domain))
            else:
                await ask(getattr(c, domain))
            counts.append(len(asked(server)))
    assert tuple(counts) == CALLS[name]


async def test_what_is_asked_of_servicenow(systems: Systems) -> None:
    vendor(systems, "servicenow")
    async with connected(systems, **profiled(named("servicenow", read_everything=True))) as c:
        await c.crm.products_of_customers(["1001"], None, frozenset({"name"}))
        await c.ticketing.tickets_of_customers(["1001"], Window(0, 9), frozenset({"name"}), is_open=True)
    product, *_ = asked(systems["crm"])
    ticket, *_ = asked(systems["ticketing"])
    assert product == "GET /api/sn_prd_invt/product?customer=1001&fields=id,name,relatedParty&sort=id&limit=100"
    assert ticket == (
        "GET /api/sn_ind_tsm_sdwan/ticket/troubleTicket?fields=id,name,relatedParty,status&sort=-creationDate&limit=100"
    )


async def test_numbers_are_quoted_and_nothing_else_is(systems: Systems) -> None:
    keys = ["1001", "C1001", "1e3", "-7", "0x1F", "1001-1", "", "12 34", "Infinity"]
    async with connected(systems, crm={"profile": {"quoted": True}}) as c:
        await c.crm.customers(keys, frozenset())
        await c.crm.customers_reached_by("0701234567", frozenset())
    ids, phone = asked(systems["crm"])
    quoted = "%221001%22,C1001,%221e3%22,%22-7%22,%220x1F%22,1001-1,12%2034,%22Infinity%22"
    assert ids == f"GET /tmf-api/customerManagement/v4/customer?id={quoted}&fields=id&sort=id&limit=1000"
    assert "contactMedium.characteristic.phoneNumber=%220701234567%22&" in phone


@pytest.mark.parametrize("name", PROFILES)
async def test_a_customer_is_found_by_contact_in_any_case(systems: Systems, name: str) -> None:
    async with connected(systems) as c:
        someone = (await c.crm.customers(["1001"], None))["1001"]
    vendor(systems, name)
    async with connected(systems, **profiled(named(name))) as c:
        by_mail = await c.crm.customers_reached_by(someone.email.upper(), frozenset({"name"}))
        by_phone = await c.crm.customers_reached_by(someone.phone, frozenset({"name"}))
    assert [one.name for one in (*by_mail.items, *by_phone.items)] == [someone.name, someone.name]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("read_everything", [False, True])
async def test_a_row_is_only_under_customers_that_it_names(systems: Systems, name: str, read_everything: bool) -> None:
    vendor(systems, name)
    found = await answers(systems, named(name, read_everything=read_everything))
    checked = 0
    for question in ("bought", "accounts of", "bills of", "usage", "services of", "tickets of"):
        if found[question] == NotSupported.__name__:
            continue
        for key, rows in found[question].items():
            assert key in CUSTOMERS
            assert {key in row["owners"].ids for row in rows} == {True}
            checked += len(rows)
    assert checked > 100


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize("parts", ["value", "reference", "flat"])
async def test_what_is_declared_is_what_is_refused_without_a_call(systems: Systems, version: str, parts: str) -> None:
    profile = {"version": version, "filters": [], "service_parts": parts}
    for server in systems.values():
        server.switches.merge({"version": version})
    refused = set()
    async with connected(systems, **profiled(profile)) as c:
        asks = [(domain, method, ask) for domain, method, ask in QUESTIONS.values()]
        asks += [("crm", "customers_reached_by", lambda crm, to=to: crm.customers_reached_by(to, None)) for to in "@7"]
        asks += [
            (
                "crm",
                "customers_known_as",
                lambda crm, key=key: crm.customers_known_as(CustomerKey.parse(key), ["7"], None),
            )
            for key in ("party.id", "external:rt")
        ]
        asks += [
            ("ticketing", "ticket_opened_with", lambda tickets: tickets.ticket_opened_with(OPENED, KEY)),
            ("billing", "payment_made_with", lambda billing: billing.payment_made_with(PAID, KEY)),
        ]
        for domain, method, ask in asks:
            server = systems[c.served_by[domain]]
            before = len(asked(server))
            try:
                found = await ask(getattr(c, domain))
            except NotSupported:
                refused.add((c.served_by[domain], method))
                assert len(asked(server)) == before
            else:
                assert not isinstance(found, Mapping) or NotSupported not in map(type, found.values())
        assert {(domain, method) for domain, names in unsupported(c).items() for method in names} == refused
    assert len(refused) == (20 if version == "v4" else 21)  # in v5 usage, too, is a list with a filter


@pytest.mark.parametrize(
    ("filters", "lacking", "works"),
    [
        (["id", "engagedParty.id"], {"an external reference": "characteristic.value"}, "party.id"),
        (["id", "characteristic.value"], {"party.id": "engagedParty.id"}, "external:billingNumber"),
        (["id"], {"party.id": "engagedParty.id", "an external reference": "characteristic.value"}, ""),
    ],
)
async def test_of_two_ways_to_know_customers_only_the_missing_one_is_refused(
    systems: Systems, filters: list[str], lacking: dict[str, str], works: str
) -> None:
    async with connected(systems, **profiled({"filters": filters})) as c:
        (someone,) = (await c.crm.customer_list(Window(0, 1), None)).items
        keys = {"party.id": someone.party_id, "external:billingNumber": someone.external_ids["billingNumber"]}
        before = len(asked(systems["crm"]))
        for key, value in keys.items():
            if key == works:
                found = await c.crm.customers_known_as(CustomerKey.parse(key), [value], None)
                assert [one.id for one in found[value].items] == [someone.id]
            else:
                with pytest.raises(NotSupported):
                    await c.crm.customers_known_as(CustomerKey.parse(key), [value], None)
        assert len(asked(systems["crm"])) - before == bool(works)
        declared = c.systems[0].unsupported["customers_known_as"]
    assert declared == " ".join(
        f"By {way}: This installation cannot filter customer by {name}." for way, name in lacking.items()
    )


async def test_what_never_comes_is_declared_for_every_attribute_made_of_it(systems: Systems) -> None:
    absent = {"resource": {"absent": ["category", "serialNumber"]}, "troubleTicket": {"absent": ["status"]}}
    async with connected(systems, **profiled({"resources": absent})) as c:
        declared = unsupported(c)
    assert declared == {
        "inventory": {"Resource.serial_number"},  # its kind may still be the specification's name
        "ticketing": {"Ticket.status", "Ticket.raw_status"},
    }


def test_what_stands_beside_the_name_wins() -> None:
    beside = {
        "page_size": 30,
        "words": {"New": "held", "Own": "closed"},
        "paths": {"product": "/p"},
        "parameters": {"relatedParty.id": "buyer.id"},
        "resources": {"troubleTicket": {"page_size": 10}, "product": {"id_list": "comma"}},
    }
    profile = Profile.model_validate({"name": "servicenow", **beside})
    ticket, product, bill = (
        profile.for_resource(f"/x/{name}") for name in ("troubleTicket", "product", "customerBill")
    )
    assert (ticket.page_size, product.page_size, bill.page_size) == (10, 30, 30)
    assert (ticket.id_list, product.id_list, bill.id_list) == ("none", "comma", "none")
    assert (ticket.filters, product.filters) == (("id", "severity", "status", "ticketType"), "all")
    assert [one.parameter("relatedParty.id") for one in (ticket, product)] == ["buyer.id", "buyer.id"]
    assert (profile.words["New"], profile.words["Working"], profile.words["Own"]) == ("held", "inProgress", "closed")
    assert profile.path("/v4/product") == "/p"
    assert profile.path("/v4/troubleTicket") == "/api/sn_ind_tsm_sdwan/ticket/troubleTicket"
    every = Profile.model_validate({"name": "servicenow", "filters": "all", "absent": []})
    assert (every.for_resource("/x/troubleTicket").filters, every.for_resource("/x/product").absent) == ("all", ())
    assert PROFILES["servicenow"]["resources"]["troubleTicket"]["filters"]  # the table itself is as it was


def test_an_unknown_name_is_named_with_those_there_are() -> None:
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate({"name": "service-now"})
    (error,) = caught.value.errors()
    assert error["loc"] == ("name",)
    assert error["msg"] == (
        "Value error, there is no profile named 'service-now'; there are: servicenow, salesforce, fiware, oda-reference"
    )


def test_a_wrong_key_of_a_resource_is_named_with_its_place(tmp_path: Path) -> None:
    text = "".join(f'[systems.{domain}]\nurl = "http://a"\n' for domain in SYSTEMS)
    text += "profile = { name = 'fiware', resources = { product = { page_sise = 3 } } }\n"
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WrongSettings) as caught:
        load(tmp_path / "gateway.toml")
    assert [one.rpartition("/")[2] for one in caught.value.problems] == [
        "gateway.toml: systems.ticketing.profile.resources.product.page_sise: is not a setting here; did you mean"
        " page_size?"
    ]


TICKETS = "{ me { name tickets(first: 9) { totalCount nodes { name status } } } }"


async def test_the_graph_says_what_servicenow_cannot_give_and_reads_everything_if_told(tmp_path: Path) -> None:
    profile = {"name": "servicenow", "words": WORDS}
    async with stacked(tmp_path, customers=9) as stack:
        right = (await stack.ask(TICKETS, "1001")).clean()["me"]
    assert right["tickets"]["totalCount"] > 1

    async with stacked(tmp_path, customers=9, systems={"ticketing": {"profile": profile}}) as stack:
        stack.systems["ticketing"].switches.merge(VENDORS["servicenow"])
        answer = await stack.ask(TICKETS, "1001")
        told = (await stack.ask("{ systems { name unsupported { name reason } } }")).clean()
        url = {name: {"url": server.url} for name, server in stack.systems.items()}
        settings = Settings.model_validate({"systems": url | {"ticketing": url["ticketing"] | {"profile": profile}}})
        findings = await check(settings, is_demo=True)
    assert answer.data["me"]["name"] == right["name"]
    assert {(error["extensions"]["code"], error["extensions"]["system"]) for error in answer.errors} == {
        ("NOT_SUPPORTED", "ticketing")
    }
    assert [call["system"] for call in answer.calls] == ["crm"]
    reasons = {
        "tickets_of_customers": "This installation cannot filter troubleTicket by relatedParty.id.",
        "tickets_of_services": "This installation cannot filter troubleTicket by relatedEntity.id.",
        "ticket_opened_with": "This installation cannot filter troubleTicket by externalId.",
    }
    shown = {one["name"]: {gap["name"]: gap["reason"] for gap in one["unsupported"]} for one in told["systems"]}
    assert shown == {"crm": {}, "billing": {}, "inventory": {}, "ticketing": reasons}
    assert [(one.is_good, dict(one.unsupported)) for one in findings][3] == (True, reasons)

    everything = {"ticketing": {"profile": profile | {"read_everything": True}}}
    async with stacked(tmp_path, customers=9, systems=everything) as stack:
        stack.systems["ticketing"].switches.merge(VENDORS["servicenow"])
        assert (await stack.ask(TICKETS, "1001")).clean()["me"] == right


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        pytest.param("servicenow", "crm", marks=pytest.mark.long),
        pytest.param("servicenow", "ticketing", marks=pytest.mark.long),
        pytest.param("salesforce", "ticketing", marks=pytest.mark.long),
        pytest.param("fiware", "inventory", marks=pytest.mark.long),
        pytest.param("oda-reference", "crm", marks=pytest.mark.long),
    ],
)
async def test_the_drivers_conform_with_a_named_profile(systems: Systems, name: str, domain: str) -> None:
    systems[domain].switches.merge(VENDORS[name])
    system = System.model_validate({"url": systems[domain].url, "profile": named(name)})
    keys = {"customer": CUSTOMERS} if domain != "crm" else None
    results = await trial(domain, DOMAINS[domain].drivers["tmf"], system, keys)
    assert failures(results) == []
