"""BottleCRM: what a real one answered, replayed, and its traps.

`LIVE_BOTTLECRM` (address) and `LIVE_BOTTLECRM_TOKEN` ask a running one, seeded as the notes say; with `RECORD=1` its
answers are written down, cut to what can matter here: see `cut`.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web

from connectors.crm.bottlecrm.driver import BottleCrm
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.port import Customer, CustomerStatus, Party
from connectors.errors import Failed, Garbled, NotSupported, Refused, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.records import Rows, Window
from connectors.settings import System
from tests.connectors.canned import Canned, canned

RECORDINGS = Path(__file__).parents[1] / "recordings" / "bottlecrm.json"
LIVE, TOKEN = os.environ.get("LIVE_BOTTLECRM"), os.environ.get("LIVE_BOTTLECRM_TOKEN", "")
FIRST = Window(0, 10)
FORM = {"contacts", "countries", "industries", "currencies", "sources", "users", "contact_obj_list"}


def cut(answer: Any) -> Any:
    """Without most of the form's option lists, and what the rows say of the organisation and its sales."""
    if isinstance(answer, list):
        return [cut(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    kept = {name: cut(value) for name, value in answer.items() if name not in {"rollups", "created_by", "org"}}
    if "countries" in kept:
        kept |= {name: kept[name][:2] for name in FORM & kept.keys()}
    return kept


class Product:
    """BottleCRM as it was recorded, or the live one behind a forwarder; `seen` are the requests."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.seen: list[str] = []
        self.url = ""
        self._session = session
        self._known: dict[str, Any] = json.loads(RECORDINGS.read_text()) if RECORDINGS.exists() else {}
        self._made: dict[str, Any] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.raw_path)
        right = request.headers.get("Authorization") == "Bearer right"
        key = request.raw_path if right else f"{request.raw_path} with a wrong token"
        recorded = await self._forwarded(request.raw_path, right) if LIVE else self._known[key]
        self._made[key] = recorded
        body = recorded["body"]
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=recorded["status"], text=text, content_type=recorded["type"])

    async def _forwarded(self, target: str, right: bool) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN if right else 'wrong'}"}
        async with self._session.get(f"{LIVE}{target}", headers=headers) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return {
                "status": response.status,
                "type": response.content_type,
                "body": cut(json.loads(text)) if is_json else text,
            }

    def keep(self) -> None:
        """Write down what was answered, besides what already was."""
        RECORDINGS.parent.mkdir(exist_ok=True)
        known = self._known | self._made
        lines = (f"{json.dumps(key)}: {json.dumps(known[key], ensure_ascii=False)}" for key in sorted(known))
        RECORDINGS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


@asynccontextmanager
async def driven(
    url: str, *, token: str = "right", options: dict[str, Any] | None = None, **system: Any
) -> AsyncIterator[Any]:
    """The driver over that address; its answers are of any type, so that a failure fails a comparison."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        auth = {"kind": "bearer", "token": token}
        settings = System.model_validate({"url": url, "auth": auth, "concurrency": 4, "timeout": 10.0, **system})
        yield BottleCrm(HttpClient("crm", settings, session), BottleCrmOptions.model_validate(options or {}))


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with aiohttp.ClientSession() as session:
        one = Product(session)
        app = web.Application()
        app.router.add_get("/{path:.*}", one.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield one
            if LIVE and os.environ.get("RECORD"):
                one.keep()
        finally:
            await runner.cleanup()


@pytest.fixture
async def crm(product: Product) -> AsyncIterator[Any]:
    async with driven(product.url) as driver:
        yield driver


def facts(customer: Customer) -> tuple[Any, ...]:
    """All but the party's id, which is random in every installation."""
    return (
        customer.id,
        customer.name,
        customer.status,
        customer.raw_status,
        customer.email,
        customer.phone,
        customer.party_kind,
    )


ALFA = (
    "C100001",
    "Alfa Logistics",
    CustomerStatus.ACTIVE,
    "active",
    "alfa.logistics.0@example.com",
    "+420777100000",
    "Organization",
)
KUCERA = (
    "C100002",
    "Jan Kucera",
    CustomerStatus.ACTIVE,
    "active",
    "jan.kucera.1@example.com",
    "+420777100137",
    "Individual",
)


async def test_a_customer_is_found_by_its_number_and_another_number_is_absent(product: Product, crm: Any) -> None:
    [found] = (await crm.customers(["C100002"], None)).values()
    assert facts(found) == KUCERA
    assert product.seen == ["/api/accounts/?cf_customer_number=C100002&limit=2&offset=0"]
    assert await crm.customers(["C999999"], None) == {}
    assert await crm.customers(["", "\0", "\ud800"], None) == {}
    assert len(product.seen) == 2


async def test_no_batch_read_a_few_are_asked_one_by_one_and_many_by_the_list(product: Product, crm: Any) -> None:
    few = await crm.customers(["C100003", "C100001", "C100002"], None)
    assert {key: one.name for key, one in few.items()} == {
        "C100001": "Alfa Logistics",
        "C100002": "Jan Kucera",
        "C100003": "Eva Pospisil",
    }
    # The first batch learns how long the list is, at the price of what it would have saved.
    assert product.seen[0] == "/api/accounts/?limit=24&offset=0"
    assert sorted(product.seen[1:]) == [
        f"/api/accounts/?cf_customer_number=C10000{n}&limit=2&offset=0" for n in (1, 2, 3)
    ]
    del product.seen[:]
    many = await crm.customers([f"C{100001 + n}" for n in range(40)] + ["C999999"], None)
    assert {key: one.phone for key, one in many.items()} == {
        f"C{100001 + n}": f"+420777{100000 + n * 137:06d}" for n in range(40)
    }
    assert product.seen == ["/api/accounts/?limit=100&offset=0"]
    await crm.customers(["C100001", "C100002"], None)
    assert len(product.seen) == 3


async def test_order_is_that_of_random_ids_so_the_list_is_sorted_here(product: Product, crm: Any) -> None:
    rows = await crm.customer_list(Window(0, 3), frozenset({"name"}))
    assert [one.id for one in rows.items] == [f"C{100001 + n}" for n in range(40)]
    assert (rows.offset, rows.total, rows.complete) == (0, 40, True)
    assert facts(rows.items[0]) == ALFA
    assert product.seen == ["/api/accounts/?limit=100&offset=0"]


async def test_the_list_in_pages_is_the_same_list(product: Product) -> None:
    async with driven(product.url, options={"page_size": 15}) as crm:
        rows = await crm.customer_list(FIRST, None)
    assert [one.id for one in rows.items] == [f"C{100001 + n}" for n in range(40)]
    assert sorted(product.seen) == [f"/api/accounts/?limit=15&offset={at}" for at in (0, 15, 30)]


async def test_the_list_by_name_is_sorted_here_and_the_number_beside_a_name_does_not_count(
    product: Product, crm: Any
) -> None:
    rows = await crm.customer_list(Window(0, 3), frozenset({"name"}), by_name=True)
    assert [(one.name, one.id) for one in rows.items[:3]] == [
        ("Alfa Logistics", "C100001"),
        ("Beta Foods", "C100005"),
        ("Cedar Clinics", "C100009"),
    ]
    names = [one.name for one in rows.items]
    assert (names, len(names)) == (sorted(names), 40)
    assert names != [one.name for one in (await crm.customer_list(Window(0, 3), None)).items]
    assert (rows.offset, rows.total, rows.complete) == (0, 40, True)
    assert product.seen == ["/api/accounts/?limit=100&offset=0"] * 2
    unnamed = [account(1, name=None), account(2, name="B (C2)"), account(10, name="A"), account(3, name="B (C3)")]
    async with answering(accounts(unnamed)) as (_, odd):
        assert [one.id for one in (await odd.customer_list(FIRST, None, by_name=True)).items] == [
            "C10",
            "C2",
            "C3",
            "C1",
        ]


async def test_names_are_made_unique_with_the_number_which_is_no_part_of_them(product: Product, crm: Any) -> None:
    rows = await crm.customers_named("KUCERA", FIRST, None)
    assert [(one.id, one.name) for one in rows.items] == [
        ("C100002", "Jan Kucera"),
        ("C100016", "Ondrej Kucera"),
        ("C100030", "Marek Kucera"),
    ]
    assert rows.total == 3
    assert product.seen == ["/api/accounts/?name=KUCERA&limit=100&offset=0"]
    assert await crm.customers_named("\0", FIRST, None) == Rows.of(())
    assert (await crm.customers_named("(C100002)", FIRST, None)).items == []


async def test_customers_by_mail_address_and_phone_number(product: Product, crm: Any) -> None:
    found = await crm.customers_reached_by("Jan.Kucera.1@example.com", None)
    assert [facts(one) for one in found.items] == [KUCERA]
    assert len(product.seen) == 3
    del product.seen[:]
    assert [one.id for one in (await crm.customers_reached_by("+420777100137", None)).items] == ["C100002"]
    assert product.seen[0] == "/api/contacts/?phone=%2B420777100137&limit=100&offset=0"
    assert len(product.seen) == 2
    # The filters find parts.
    assert (await crm.customers_reached_by("+4207771001", None)).items == []
    assert (await crm.customers_reached_by("kucera.1@example.com", None)).items == []


async def test_people_behind_customers(product: Product, crm: Any) -> None:
    customers = await crm.customers(["C100001"], None) | await crm.customers(["C100002"], None)
    alfa, jan = customers["C100001"], customers["C100002"]
    del product.seen[:]
    unnamed = await crm.parties([alfa, jan], frozenset())
    assert unnamed == {jan.party_id: Party(id=jan.party_id)}
    assert product.seen == []
    assert await crm.parties([alfa, jan], None) == {
        jan.party_id: Party(id=jan.party_id, given_name="Jan", family_name="Kucera")
    }
    assert product.seen == [f"/api/accounts/{jan.party_id}/"]


async def test_many_people_are_read_from_the_list_of_contacts(product: Product, crm: Any) -> None:
    customers = (await crm.customer_list(FIRST, None)).items
    people = [one for one in customers if one.party_kind == "Individual"]
    del product.seen[:]
    found = await crm.parties(customers, None)
    assert {one.id: f"{found[one.party_id].given_name} {found[one.party_id].family_name}" for one in people} == {
        one.id: one.name for one in people
    }
    assert len(found) == 30
    assert product.seen == ["/api/contacts/?limit=100&offset=0"]


async def test_unknown_and_malformed_ids_of_accounts_are_absent(product: Product, crm: Any) -> None:
    strangers = [Customer(id=f"C{n}", party_id=key) for n, key in enumerate([f"{0:08}-0000-0000-0000-{0:012}", "x/.."])]
    assert await crm.parties(strangers, None) == {}
    assert len(product.seen) == 1


async def test_403_for_a_wrong_token_is_refused(product: Product) -> None:
    async with driven(product.url, token="wrong") as crm:
        with pytest.raises(Refused):
            await crm.probe()
        assert crm.http.health.status is SystemStatus.DOWN


async def test_values_cannot_leave_their_filter(product: Product, crm: Any) -> None:
    assert await crm.customers(["C100001&cf_customer_number=C100002#"], None) == {}
    assert dict(parse_qsl(urlsplit(product.seen[0]).query))["cf_customer_number"].startswith("C100001&")


async def test_urls_longer_than_4094_bytes_are_not_sent(product: Product, crm: Any) -> None:
    found = await crm.customers(["ž" * 700], None)
    assert [type(one) for one in found.values()] == [Rejected]
    with pytest.raises(Rejected):
        await crm.customers_named("x" * 4000, FIRST, None)
    assert product.seen == []


async def test_products_are_not_supported_and_nothing_is_asked(product: Product, crm: Any) -> None:
    for asking in (
        crm.products(["1"], None),
        crm.products_of_customers(["C100001"], None, None),
        crm.products_of_services(["S300001"], None),
    ):
        with pytest.raises(NotSupported, match="catalogue"):
            await asking
    assert set(BottleCrm.unsupported) == {"products", "products_of_customers", "products_of_services"}
    assert product.seen == []


# What the live system does not show, or not on demand.


def account(n: int, **more: Any) -> dict[str, Any]:
    return {
        "id": uuid(n),
        "name": f"Customer {n}",
        "is_active": True,
        "custom_fields": {"customer_number": f"C{n}"},
    } | more


def uuid(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012}"


def accounts(active: list[Any], inactive: list[Any] | None = None, counts: tuple[int, int] | None = None) -> str:
    """A page; `offset` is 0 where it is past the end."""
    inactive = inactive or []
    open_count, close_count = counts or (len(active), len(inactive))
    return json.dumps(
        {
            "active_accounts": {"offset": 0, "open_accounts": active, "open_accounts_count": open_count},
            "closed_accounts": {"offset": 0, "close_accounts": inactive, "close_accounts_count": close_count},
        }
    )


def paged(active: list[Any], inactive: list[Any], cap: int = 1000) -> Callable[[web.Request], Any]:
    """Both lists, cut by the same limit and offset, and by what the server sends at most."""

    async def answer(request: web.Request) -> web.Response:
        at = int(request.query["offset"])
        end = at + min(int(request.query["limit"]), cap)
        return web.json_response(text=accounts(active[at:end], inactive[at:end], (len(active), len(inactive))))

    return answer


def in_turn(*texts: str) -> Callable[[web.Request], Any]:
    """One answer after the other."""
    rest = iter(texts)

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(text=next(rest))

    return answer


@asynccontextmanager
async def answering(answer: Any, **settings: Any) -> AsyncIterator[tuple[Canned, Any]]:
    """A system whose every path ends in a slash: the part behind it is empty."""
    async with canned(**{"": answer}) as server, driven(server.url, **settings) as driver:
        yield server, driver


async def test_an_ignored_filter_gives_everybodys_rows_and_none_of_them_is_taken() -> None:
    async with answering(accounts([account(1), account(2)])) as (_, crm):
        assert [one.name for one in (await crm.customers(["C2"], None)).values()] == ["Customer 2"]
        assert await crm.customers(["C3"], None) == {}
        assert [one.id for one in (await crm.customers_named("customer 1", FIRST, None)).items] == ["C1"]


@pytest.mark.parametrize("cap", [1000, 2])
async def test_active_and_inactive_lists_share_one_offset_and_offset_0_past_the_end_is_no_loop(cap: int) -> None:
    active = [account(n) for n in (9, 3, 7, 1, 5)]
    inactive = [account(n, is_active=False) for n in (2, 4)]
    async with answering(paged(active, inactive, cap), options={"page_size": 3}) as (server, crm):
        rows = await crm.customer_list(FIRST, None)
        assert [(one.id, one.status.value, one.raw_status) for one in rows.items] == [
            ("C1", "active", "active"),
            ("C2", "closed", "inactive"),
            ("C3", "active", "active"),
            ("C4", "closed", "inactive"),
            ("C5", "active", "active"),
            ("C7", "active", "active"),
            ("C9", "active", "active"),
        ]
        assert rows.total == 7
        assert len(server.seen) == (2 if cap == 1000 else 3)


async def test_more_inactive_accounts_than_active_ones_are_read_to_their_end() -> None:
    inactive = [account(n, is_active=False) for n in (2, 4, 6, 8)]
    async with answering(paged([account(1)], inactive), options={"page_size": 2}) as (_, crm):
        rows = await crm.customer_list(FIRST, None)
        assert [one.id for one in rows.items] == ["C1", "C2", "C4", "C6", "C8"]


@pytest.mark.parametrize("says", [0, 1, 2, "4", 5, 3_000_000_000, None, "many", [7], -1])
async def test_a_count_that_is_wrong_loses_no_account(says: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Whether the first page contradicts it, or only a later one. A number may come as a text."""
    active = [account(n) for n in range(1, 8)]

    async def answer(request: web.Request) -> web.Response:
        at = int(request.query["offset"])
        return web.json_response(text=accounts(active[at : at + int(request.query["limit"])], [], (says, 0)))

    async with answering(answer, options={"page_size": 3}) as (_, crm):
        found = await crm.customer_list(FIRST, None)
    assert [one.id for one in found.items] == [f"C{n}" for n in range(1, 8)]
    assert found.total == 7
    assert "total that is too low" in caplog.text


async def test_of_the_list_only_what_was_asked_for_is_given() -> None:
    async with answering(accounts([account(n) for n in (1, 2, 3)])) as (_, crm):
        assert sorted(await crm.customers(["C1", "C3"], None)) == ["C1", "C3"]


async def test_an_odd_hit_of_the_search_costs_itself() -> None:
    one = {"account_obj": account(1, email="a@x.cz", contacts=[])}
    hits: list[Any] = [
        {"type": "account", "id": uuid(1), "subtitle": "A@x.cz"},
        {"type": "contact", "id": 7, "subtitle": {"odd": 1}},
        {"type": "account", "id": uuid(2), "subtitle": 5},
    ]
    async with answering(people_of_accounts([], {uuid(1): one["account_obj"]}, hits)) as (_, crm):
        assert [one.id for one in (await crm.customers_reached_by("a@x.cz", None)).items] == ["C1"]
    async with answering(people_of_accounts([], {}, [{"type": "account", "id": {}, "subtitle": "a@x.cz"}])) as (_, crm):
        with pytest.raises(Garbled, match="a hit cannot be read"):
            await crm.customers_reached_by("a@x.cz", None)


def people_of_accounts(people: list[Any], known: dict[str, Any], hits: list[Any]) -> Callable[[web.Request], Any]:
    """Contacts and hits, whatever is asked for, and single accounts."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/contacts/":
            return web.json_response({"count": len(people), "results": people})
        if request.path == "/api/search/":
            return web.json_response({"results": hits})
        return web.json_response({"account_obj": known[request.path.split("/")[-2]]})

    return answer


async def test_an_ignored_filter_of_contacts_and_a_loose_search_open_no_other_account() -> None:
    people = [
        {"id": uuid(91), "phone": "777 1", "phone_e164": "+4207771", "linked_accounts": [{"id": uuid(1)}]},
        {"id": uuid(92), "phone": "777 2", "email": "2@x.cz", "account": uuid(2)},
    ]
    hits = [{"type": "account", "id": uuid(n), "subtitle": f"{n}@x.cz"} for n in (3, 4)]
    known = {uuid(1): account(1, contacts=people[:1]), uuid(2): account(2, contacts=people[1:])}
    known |= {uuid(3): account(3, email="3@x.cz"), uuid(4): account(4, email="moved@x.cz")}
    async with answering(people_of_accounts(people, known, hits)) as (server, crm):
        assert [one.id for one in (await crm.customers_reached_by("777 1", None)).items] == ["C1"]
        assert [one.id for one in (await crm.customers_reached_by("777 2", None)).items] == ["C2"]
        assert len(server.seen) == 4
        assert [one.id for one in (await crm.customers_reached_by("2@X.cz", None)).items] == ["C2"]
        assert [one.id for one in (await crm.customers_reached_by("3@x.cz", None)).items] == ["C3"]
        assert len(server.seen) == 10
        # Found under an address that the account itself no longer has.
        assert (await crm.customers_reached_by("4@x.cz", None)).items == []


async def test_a_contact_that_cannot_be_read_may_be_the_second_of_an_account() -> None:
    people = [
        {"id": uuid(91), "first_name": "A", "linked_accounts": [{"id": uuid(1)}]},
        {"id": uuid(92), "first_name": ["B"], "linked_accounts": [{"id": uuid(1)}]},
    ]
    known = {uuid(n): account(n, contacts=[]) for n in (1, 2)}
    async with answering(people_of_accounts(people, known, [])) as (_, crm):
        found = await crm.parties([Customer(id=f"C{n}", party_id=uuid(n)) for n in (1, 2)], None)
        assert found == {uuid(1): Party(id=uuid(1)), uuid(2): Party(id=uuid(2))}


async def test_a_row_that_lands_on_a_page_already_read_makes_it_read_again() -> None:
    old = [account(n) for n in (1, 2, 3, 4)]
    new = [account(0), *old]
    pages = [accounts(old[:3], None, (4, 0)), accounts(new[3:5], None, (5, 0))]
    again = [accounts(new[:3], None, (5, 0)), accounts(new[3:], None, (5, 0))]
    async with answering(in_turn(*pages, *again), options={"page_size": 3}) as (server, crm):
        assert [one.id for one in (await crm.customer_list(FIRST, None)).items] == ["C0", "C1", "C2", "C3", "C4"]
        assert len(server.seen) == 4
    async with answering(in_turn(*pages, *pages), options={"page_size": 3}) as (_, crm):
        with pytest.raises(Garbled, match="4 different rows"):
            await crm.customer_list(FIRST, None)


async def test_one_keys_failure_is_that_keys_and_500_in_html_is_failed() -> None:
    async def answer(request: web.Request) -> web.Response:
        key = request.query["cf_customer_number"]
        if key == "C2":
            return web.Response(status=500, text="<h1>Server Error (500)</h1>", content_type="text/html")
        return web.json_response(text=accounts([account(int(key[1:]))]))

    async with answering(answer, options={"list_share": 0}) as (_, crm):
        found = await crm.customers(["C1", "C2", "C3"], None)
        assert (found["C1"].name, found["C3"].name) == ("Customer 1", "Customer 3")
        assert isinstance(found["C2"], Failed)


async def test_fan_out_is_bounded_by_concurrency_and_max_calls() -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.05)  # so that as many are under way as may be
        return web.json_response(text=accounts([account(int(request.query["cf_customer_number"][1:]))]))

    async with answering(answer, options={"list_share": 0}, concurrency=2, max_calls=5) as (server, crm):
        found = await crm.customers([f"C{n}" for n in range(1, 8)], None)
        assert [type(found[f"C{n}"]) for n in range(1, 8)] == [Customer] * 5 + [TooMuch] * 2
        assert len(server.seen) == 5
        assert server.most == 2


async def test_a_failing_list_is_the_failure_of_every_key() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    async with answering(answer) as (_, crm):
        found = await crm.customers(["C1", "C2"], None)
        assert {key: type(one) for key, one in found.items()} == {"C1": Failed, "C2": Failed}


async def test_lists_beyond_the_bounds_are_too_much() -> None:
    rows = [account(n) for n in range(9)]
    async with answering(paged(rows, []), options={"page_size": 2}, max_rows=8) as (_, crm):
        with pytest.raises(TooMuch, match="max_rows"):
            await crm.customer_list(FIRST, None)
    async with answering(paged(rows, []), options={"page_size": 2}, max_calls=4) as (server, crm):
        with pytest.raises(TooMuch, match="max_calls"):
            await crm.customer_list(FIRST, None)
        assert len(server.seen) == 1


async def test_odd_rows_are_read_leniently() -> None:
    rows = [
        {"id": 1, "custom_fields": {"customer_number": 100001, "segment": None}, "phone": 777, "email": ""},
        account(2, name="Jan (C2)", custom_fields={"customer_number": "C2", "segment": "BUSINESS"}),
        account(3, custom_fields=None),
        account(4, custom_fields={"customer_number": ""}),
        account(5, custom_fields={"customer_number": True}),
    ]
    async with answering(accounts(rows)) as (_, crm):
        listed = await crm.customer_list(FIRST, None)
        assert listed.total == 2
        assert listed.items == [
            Customer(id="100001", phone="777", party_id="1"),
            Customer(
                id="C2",
                name="Jan",
                status=CustomerStatus.ACTIVE,
                raw_status="active",
                party_id=uuid(2),
                party_kind="Organization",
            ),
        ]


async def test_a_row_that_cannot_be_read_costs_that_row_and_the_total() -> None:
    async with answering(accounts([account(1), account(2, custom_fields="?"), account(3)])) as (_, crm):
        listed = await crm.customer_list(FIRST, None)
        assert ([one.id for one in listed.items], listed.total, listed.unread) == (["C1", "C3"], None, 1)
        found = await crm.customers(["C1", "C2"], None)
        assert found["C1"].name == "Customer 1"
        assert isinstance(found["C2"], Garbled)


async def test_an_attribute_that_cannot_be_read_costs_itself(caplog: pytest.LogCaptureFixture) -> None:
    odd = account(2, name=7, email={"no": "text"})
    async with answering(accounts([account(1), odd])) as (_, crm):
        listed = await crm.customer_list(FIRST, None)
    assert (listed.total, listed.unread) == (2, 0)
    assert [(one.id, one.name, one.email) for one in listed.items] == [("C1", "Customer 1", None), ("C2", "7", None)]
    assert [one.getMessage() for one in caplog.records] == [
        "crm: /api/accounts/ sends email in a form that cannot be read: it is left out where it is so"
    ]


async def test_where_no_account_can_be_read_the_list_is_no_empty_one() -> None:
    async with answering(accounts([account(1, custom_fields=["?"])])) as (_, crm):
        with pytest.raises(Garbled, match="none of the 1 accounts"):
            await crm.customer_list(FIRST, None)


async def test_a_total_that_the_rows_contradict_is_no_total(caplog: pytest.LogCaptureFixture) -> None:
    everybody = [account(n) for n in range(1, 8)]

    async def low(request: web.Request) -> web.Response:
        at, limit = int(request.query["offset"]), min(3, int(request.query["limit"]))
        return web.json_response(text=accounts(everybody[at : at + limit], [], (2, 0)))

    async with answering(low) as (_, crm):
        listed = await crm.customer_list(FIRST, None)
    assert (len(listed.items), listed.total) == (7, 7)
    assert "a total that is too low" in caplog.text


async def test_a_number_that_two_accounts_have_is_nobodys() -> None:
    twins = accounts([account(1), account(2)], [account(3, custom_fields={"customer_number": "C1"})])
    async with answering(twins) as (_, crm):
        found = await crm.customers(["C1"], None)
        assert isinstance(found["C1"], Garbled)
        listed = await crm.customer_list(FIRST, None)
        assert ([one.id for one in listed.items], listed.total) == (["C2"], None)


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ('{"error": true, "errors": "You do not have Permission to perform this action"}', Rejected),
        ('{"results": []}', Garbled),
        ("<!doctype html><title>Sign in</title>", Garbled),
        ("[]", Garbled),
    ],
)
async def test_200_with_a_refusal_or_another_shape_is_an_error(body: str, failure: type[Exception]) -> None:
    async with answering(body) as (_, crm):
        with pytest.raises(failure):
            await crm.customer_list(FIRST, None)


async def test_404_in_html_means_a_wrong_address_and_does_not_mark_the_system_lost() -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="<!doctype html><title>Not Found</title>", content_type="text/html")

    async with answering(answer) as (_, crm):
        with pytest.raises(Rejected, match="without /api"):
            await crm.probe()
        found = await crm.parties([Customer(id="C1", party_id=uuid(1))], None)
        assert isinstance(found[uuid(1)], Rejected)
        assert crm.http.health.status is not SystemStatus.DOWN


async def test_which_of_several_people_is_told_by_the_mail_address_only() -> None:
    people = [{"id": uuid(n), "first_name": f"F{n}", "last_name": f"L{n}", "email": f"{n}@x.cz"} for n in (8, 9)]

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/contacts/":
            linked = [one | {"linked_accounts": [{"id": uuid(1)}, {"id": uuid(2)}]} for one in people]
            alone = {"id": uuid(7), "first_name": "F7", "linked_accounts": [{"id": uuid(3)}], "last_name": ""}
            return web.json_response({"count": 3, "results": [*linked, alone]})
        one = account(int(request.path.split("/")[-2][-4:]), contacts=people)
        return web.json_response({"account_obj": one | {"email": "9@X.cz" if one["name"] == "Customer 1" else None}})

    async with answering(answer) as (server, crm):
        found = await crm.parties([Customer(id=f"C{n}", party_id=uuid(n)) for n in (1, 2, 3)], None)
        assert found == {
            uuid(1): Party(id=uuid(1), given_name="F9", family_name="L9"),
            uuid(2): Party(id=uuid(2)),
            uuid(3): Party(id=uuid(3), given_name="F7"),
        }
        assert server.seen[0] == "/api/contacts/?limit=24&offset=0"
        assert len(server.seen) == 3


async def test_another_account_than_the_one_asked_for_is_not_taken() -> None:
    async with answering(json.dumps({"account_obj": account(2)})) as (_, crm):
        assert await crm.parties([Customer(id="C1", party_id=uuid(1))], None) == {}


async def test_a_search_that_stops_without_a_word_is_too_much() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/search/":
            hits = [{"type": "account", "id": uuid(n), "title": "x", "subtitle": "info@x.cz"} for n in range(6)]
            return web.json_response({"query": "info@x.cz", "results": hits})
        return web.json_response({"count": 0, "results": []})

    async with answering(answer) as (_, crm):
        with pytest.raises(TooMuch, match="e-mail address"):
            await crm.customers_reached_by("info@x.cz", None)


async def test_a_part_of_more_numbers_than_a_page_is_too_much() -> None:
    people = {"count": 101, "results": [{"id": uuid(n), "phone": f"+420{n}"} for n in range(100)]}
    async with answering(json.dumps(people)) as (server, crm):
        with pytest.raises(TooMuch, match="101 contacts"):
            await crm.customers_reached_by("+420", None)
        assert len(server.seen) == 1


async def test_an_account_that_a_page_has_twice_and_counts_twice_is_one() -> None:
    async with answering(accounts([account(1), account(2), account(1)])) as (_, crm):
        found = await crm.customer_list(FIRST, None)
    assert ([one.id for one in found.items], found.total) == (["C1", "C2"], 2)


async def test_a_customer_number_that_is_a_number_is_one_also_with_a_fraction_of_nothing() -> None:
    async with answering(accounts([account(1, custom_fields={"customer_number": 1001.0})])) as (_, crm):
        assert [one.id for one in (await crm.customer_list(FIRST, None)).items] == ["1001"]
