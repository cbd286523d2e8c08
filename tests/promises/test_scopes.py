"""What each role reads: the whole schema walked as a subscriber, as agents with and without scopes, and as an admin.

`pytest -s` prints the table.
"""

import asyncio
import json
import logging
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio

from gateway.audit import LOGGER, audit_unmasked
from gateway.engine.guards import Guards
from gateway.scope_settings import ScopeSettings
from resolvers.unmasked import Unmasked
from resolvers.viewer import Viewer, ViewerKind
from schema import build_schema
from schema.guards import HIDDEN, SCOPES
from tests.promises.test_leaks import RESOURCES, documents, everybodys_ids, expanded, walked
from tests.stack import Answer, Stack

SETTINGS: Final = ScopeSettings(
    agent=(), own=("payment:list",), fields={"BillingAccount.payments": (("payment:list", "payment:means"),)}
)
EVERY: Final = 45
"""Of the walk's documents each role asks so many-th."""

ROLES: Final = {
    "subscriber": (ViewerKind.CUSTOMER, ("1001",), ""),
    "agent without scopes": (ViewerKind.AGENT, (), "openid profile"),
    "agent with scopes": (ViewerKind.AGENT, (), " ".join([*SCOPES, "payment:list"])),
    "admin": (ViewerKind.ADMIN, (), ""),
}

FULL, MASKED, WITHHELD = "in full", "masked", "withheld"

NUMBERS: Final = {
    ("Resource", "name"): {FULL, MASKED},
    **{(kind, "name"): {FULL} for kind in ("Service", "Product", "BillCharge")},
}
"""Of which only long numbers are hidden, where they have some."""


@pytest_asyncio.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The world of the leak walk, in which agents have no scopes but those of their tokens."""
    async with walked(tmp_path_factory.mktemp("scopes"), scopes=SETTINGS) as running:
        yield running


def headers(stack: Stack, role: str, scope: str | None = None) -> dict[str, str]:
    kind, customers, own = ROLES[role]
    token = stack.keys.token(kind, *customers, scope=own if scope is None else scope)
    return {"Authorization": f"Bearer {token}", "X-Gateway-Trace": "1", "X-Gateway-Explain": "1", "X-Gateway-Cost": "1"}


async def ask(stack: Stack, document: str, role: str, scope: str | None = None) -> Answer:
    body = {"query": document}
    given = headers(stack, role, scope)
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=given) as answer:
        return Answer(answer.status, await answer.json())


def guarded() -> dict[tuple[str, str], str]:
    """Every guarded field, and what becomes of it without its scope."""
    graph = build_schema()
    SETTINGS.tighten(graph)
    return {place: WITHHELD if one.withholds else MASKED for place, one in Guards(graph.graphql).of_field.items()}


def read(value: Any, errors: set[tuple[Any, ...]], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[str, str], str]]:
    """Each guarded field in an answer, and how it was read; those that are null anyway are left out."""
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from read(one, errors, (*path, place))
    elif isinstance(value, dict):
        for key, one in value.items():
            field = value.get("__typename", "Query"), key
            if field in GUARDED and (*path, key) in errors:
                yield field, WITHHELD
            elif field in GUARDED and one is not None:
                is_masked = GUARDED[field] == MASKED and HIDDEN in one
                yield field, MASKED if is_masked else FULL
            yield from read(one, errors, (*path, key))


GUARDED: Final = guarded()


async def personal(stack: Stack) -> re.Pattern[str]:
    """Everything in the systems that is hidden from who has no scopes: of all people, and what they wrote."""
    words: set[str] = set()
    keys = ("fullName", "givenName", "familyName", "emailAddress", "phoneNumber", "serialNumber", "author", "text")

    def collect(row: Any, resource: str) -> None:
        if isinstance(row, list):
            for one in row:
                collect(one, resource)
        elif isinstance(row, dict):
            for key, one in row.items():
                if isinstance(one, str) and len(one) > 5 and (key in keys or (key, resource) in OWN):
                    words.add(one)
                elif key in ("contactMedium", "characteristic", "note", "individualIdentification"):
                    collect(one, resource)

    async with aiohttp.ClientSession() as session:
        for domain, paths in RESOURCES.items():
            for path in paths:
                async with session.get(f"{stack.systems[domain].url}/tmf-api/{path}?limit=2000") as answer:
                    collect(await answer.json(), path.rpartition("/")[2])
    assert len(words) > 40
    return re.compile("|".join(map(re.escape, sorted(words))))


OWN: Final = {
    ("name", "customer"), ("name", "organization"), ("name", "troubleTicket"), ("description", "troubleTicket"),
    ("value", "resource"),
}  # fmt: skip
"""Attributes that hold something personal in some resources only."""


async def test_what_each_role_reads(stack: Stack) -> None:
    stack.reset()
    words, everybody = await personal(stack), everybodys_ids()
    found: dict[str, dict[tuple[str, str], Counter[str]]] = {}
    spoken = Counter[str]()
    asked = list(documents(everybody))[::EVERY]
    kind: Any = build_schema().graphql.type_map["Customer"]
    asked.append(f"{{ customers(first: 4) {{ nodes {{ {expanded(kind, 1)} }} }} }}")
    asked.append('{ ticket(id: "TT-1001-1") { __typename name assignee attachments { __typename name url } } }')
    for role in ROLES:
        seen = found[role] = defaultdict(Counter)

        async def one(document: str, role: str = role, seen: Any = seen) -> None:
            answer = await ask(stack, document, role)
            codes = {one["extensions"]["code"] for one in answer.errors}
            assert codes <= {"FORBIDDEN_FIELD", "FORBIDDEN"}, (document, answer.errors)
            errors = {tuple(one["path"]) for one in answer.errors if one["extensions"]["code"] == "FORBIDDEN_FIELD"}
            for field, how in read(answer.data, errors):
                seen[field][how] += 1
            spoken[role] += len(words.findall(json.dumps(answer.body, ensure_ascii=False)))

        await asyncio.gather(*map(one, asked))

    print("\n" + table(found))
    assert spoken["admin"] > 100  # so would have been found what an agent without scopes must not see
    assert spoken["agent without scopes"] == 0
    told = {field: how for field, how in GUARDED.items() if field != ("Site", "description")}  # the sandbox has none
    assert {role: {field: set(how) for field, how in seen.items()} for role, seen in found.items()} == {
        "subscriber": {field: {FULL} for field in told if field != ("Ticket", "assignee")},  # null, as it always was
        "agent without scopes": {field: {how} for field, how in told.items()} | NUMBERS,
        "agent with scopes": {field: {FULL} for field in told},
        "admin": {field: {FULL} for field in told},
    }


def table(found: dict[str, dict[tuple[str, str], Counter[str]]]) -> str:
    """What each role read, with how many values."""

    def cell(how: Counter[str]) -> str:
        return ", ".join(f"{name} ({count})" for name, count in how.items()) or "null"

    rows = [["", *found]]
    rows += [
        [".".join(field), *(cell(found[role].get(field, Counter())) for role in found)] for field in sorted(GUARDED)
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def requests(stack: Stack, system: str, path: str = "") -> int:
    return sum(path in one["path"] for one in stack.systems[system].requests)


async def test_what_is_withheld_is_asked_of_no_system(stack: Stack) -> None:
    document = "{ customers(first: 4) { nodes { id usage { name } accounts { payments(first: 1) { totalCount } } } } }"
    stack.reset()
    all_of_it = await ask(stack, document, "agent with scopes")
    calls = {system: requests(stack, system) for system in stack.systems}
    usage, payments = requests(stack, "billing", "usage"), requests(stack, "billing", "payment/")
    assert usage > 0
    assert not all_of_it.errors

    stack.reset()
    less = await ask(stack, document, "agent without scopes")
    assert requests(stack, "billing", "usage") == 0
    saved = {system: count - requests(stack, system) for system, count in calls.items()}
    print(f"\nupstream calls in all: {calls}; saved by FORBIDDEN_FIELD: {saved}")
    assert saved == {"crm": 0, "billing": usage + payments, "inventory": 0, "ticketing": 0}
    nodes = less.data["customers"]["nodes"]
    accounts = sum(len(one["accounts"]) for one in nodes)
    messages = Counter(one["message"] for one in less.errors)
    assert messages == {
        "Reading Customer.usage needs the scope 'usage:read', which this caller does not have. Leave the field out, or"
        " sign in with more.": 4,
        "Reading BillingAccount.payments needs the scopes 'payment:list' and 'payment:means', which this caller does"
        " not have. Leave the field out, or sign in with more.": accounts,
    }
    assert [one["usage"] for one in nodes] == [None] * 4
    costs = [one.body["extensions"]["cost"]["systems"]["billing"]["calls"] for one in (all_of_it, less)]
    assert costs == [6, 3]  # with accounts and bills, in which a search would look
    assert less.body["extensions"]["explain"]["withheld"] == [
        "customers.nodes.usage",
        "customers.nodes.accounts.payments",
    ]


async def test_a_masked_value_still_finds_its_customer(stack: Stack) -> None:
    """Who is told an address may look for it, as before: the settings can close `Query.customers`."""
    stack.reset()
    full = (await ask(stack, '{ customer(id: "1001") { email phone name } }', "admin")).clean()["customer"]
    found = await ask(
        stack, f'{{ customers(search: "{full["email"]}") {{ nodes {{ id email name }} }} }}', "agent without scopes"
    )

    (one,) = found.clean()["customers"]["nodes"]
    assert one["id"] == "Customer:1001"
    name, _, host = full["email"].partition("@")
    assert one["email"] == f"{name[0]}***@{host[0]}***.{host.rpartition('.')[2]}"
    assert one["name"] == "I*** S***"


async def test_what_a_write_answers_is_masked(stack: Stack) -> None:
    stack.reset()
    written = (
        'mutation { updateContact(input: { idempotencyKey: "scopes", customerId: "1002", email: "new@home.example" })'
    )
    answer = await ask(
        stack, f"{written} {{ customer {{ email usage {{ name }} }} userErrors {{ code }} }} }}", "agent without scopes"
    )

    assert answer.data["updateContact"] == {"customer": {"email": "n***@h***.example", "usage": None}, "userErrors": []}
    assert [one["path"] for one in answer.errors] == [["updateContact", "customer", "usage"]]


async def test_a_file_needs_the_scope_of_its_address(stack: Stack) -> None:
    stack.reset()
    asked = '{ ticket(id: "TT-1001-1") { attachments { url } } }'
    url = (await ask(stack, asked, "admin")).clean()["ticket"]["attachments"][0]["url"]
    stack.reset()

    async def get(scope: str) -> tuple[int, str]:
        given = headers(stack, "agent without scopes", scope)
        async with stack.session.get(f"{stack.address}{url}", headers=given) as answer:
            return answer.status, (await answer.read()).decode("latin-1")

    status, text = await get("ticket:text")
    assert status == 403
    assert json.loads(text)["errors"][0]["extensions"]["code"] == "FORBIDDEN_FIELD"
    assert "'document:read'" in text
    assert requests(stack, "ticketing") == 0
    assert (await get("document:read"))[0] == 200


def audited(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(one.message) for one in caplog.records if one.name == LOGGER]


async def test_unmasking_leaves_one_line(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    stack.reset()
    caplog.set_level(logging.INFO, LOGGER)
    asked = '{ customers(first: 2) { nodes { email name phone } } ticket(id: "TT-1001-1") { customer { email } } }'
    for role in ("admin", "agent without scopes", "subscriber"):
        await ask(stack, asked, role)
    assert audited(caplog) == []

    answer = await ask(stack, asked, "agent without scopes", "customer:contact")
    (line,) = audited(caplog)
    assert len(line.pop("request")) == 32
    assert line.pop("time")
    assert line == {
        "logger": "gateway.audit",
        "caller": "gateway-demo demo:agent",
        "unmasked": {"Customer": {"fields": ["email", "phone"], "ids": ["Customer:1001", "Customer:1002"], "more": 0}},
    }
    print(f"\n{audited(caplog)[0]}")
    assert answer.data["customers"]["nodes"][0]["name"] == "I*** S***"
    assert answer.data["customers"]["nodes"][0]["email"] not in caplog.text


def test_a_line_of_unmasking_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    unmasked = Unmasked()
    unmasked.add("Customer", ["email"], [Viewer(ViewerKind.AGENT)])  # something without an id
    for number in range(70):
        unmasked.add("Customer", ["email"], [_Row(f"{number:0>300}"), _Row(f"{number:0>300}")])
    audit_unmasked(Viewer(ViewerKind.AGENT, subject="ann"), unmasked)

    (line,) = audited(caplog)
    assert (len(line["unmasked"]["Customer"]["ids"]), line["unmasked"]["Customer"]["more"]) == (50, 20)
    assert max(map(len, line["unmasked"]["Customer"]["ids"])) == 200


class _Row:
    def __init__(self, key: str) -> None:
        self.id = key
