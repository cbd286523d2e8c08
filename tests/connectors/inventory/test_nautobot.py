"""Nautobot behind the inventory port, with answers recorded from a live one.

LIVE_NAUTOBOT=http://127.0.0.1:18201 LIVE_NAUTOBOT_TOKEN=... asks the live system the same; RECORD=1 besides keeps its
answers.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import ConnectorError, Failed, Garbled, Refused, Rejected, TimedOut, TooMuch, Unreachable
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.inventory.nautobot.driver import NautobotDriver
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState
from connectors.records import Fields, Rows, Window, owned_by
from connectors.settings import System
from tests.connectors.canned import canned, never

RECORDING = Path(__file__).parents[1] / "recordings" / "nautobot.json"
LIVE = os.environ.get("LIVE_NAUTOBOT", "").rstrip("/")
TOKEN = os.environ.get("LIVE_NAUTOBOT_TOKEN", "")
RECORD = bool(LIVE and os.environ.get("RECORD"))
WRONG = "0" * 40

NUMBERS = [f"S{300001 + n}" for n in range(80)]
CUSTOMERS = [f"C{100001 + n}" for n in range(40)]
NOBODY = "00000000-0000-0000-0000-000000000000"
RESOURCES = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]


@dataclass
class Upstream:
    """A system in front of the recording, or of the live one, or (`instead`) one that answers what a test says."""

    kept: dict[str, dict[str, Any]]
    seen: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""
    session: aiohttp.ClientSession | None = None
    instead: list[web.Response | None] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    forbidden: str = "nothing"

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.looked.append(request.raw_path)
            if self.session and not self.instead:
                headers = {"Authorization": request.headers["Authorization"]}
                async with self.session.get(LIVE + request.raw_path, headers=headers) as live:
                    return web.json_response(await live.json(), status=live.status)
            forbidden = {"detail": "You do not have permission to perform this action."}
            return web.json_response(forbidden, status=403) if self.forbidden in request.path else web.json_response({})
        question = await request.json()
        self.seen.append(question)
        self.paths.append(request.raw_path)
        if self.instead:
            response = self.instead.pop(0) if len(self.instead) > 1 else self.instead[0]
            if response is None:
                assert request.transport
                request.transport.close()
                return web.Response()
            return web.Response(status=response.status, body=response.body, content_type=response.content_type)
        key = f"{question['query']} {json.dumps(question['variables'])}"
        if request.headers["Authorization"] == f"Token {WRONG}":
            key += " with a wrong token"
        if self.session:
            headers = {"Authorization": request.headers["Authorization"]}
            async with self.session.post(LIVE + request.raw_path, json=question, headers=headers) as live:
                self.kept[key] = {"status": live.status, "type": live.content_type, "json": await live.json()}
        if key not in self.kept:
            return web.Response(status=418, text=f"not recorded: {key}")
        kept = self.kept[key]
        return web.json_response(kept["json"], status=kept["status"])

    @property
    def keys(self) -> list[Any]:
        return [question["variables"].get("keys") for question in self.seen]


@pytest.fixture(scope="module")
def recorded() -> Any:
    kept: dict[str, dict[str, Any]] = {} if LIVE else json.loads(RECORDING.read_text())
    yield kept
    if RECORD:
        RECORDING.parent.mkdir(exist_ok=True)
        lines = (f"{json.dumps(key)}: {json.dumps(kept[key], separators=(',', ':'))}" for key in sorted(kept))
        RECORDING.write_text("{\n" + ",\n".join(lines) + "\n}\n")


@pytest.fixture
async def upstream(recorded: dict[str, dict[str, Any]]) -> AsyncIterator[Upstream]:
    async with aiohttp.ClientSession() as session:
        system = Upstream(recorded, session=session if LIVE else None)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", system.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        system.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield system
        await runner.cleanup()


@asynccontextmanager
async def driving(
    upstream: Upstream, token: str = TOKEN, options: NautobotOptions | None = None, **settings: Any
) -> AsyncIterator[NautobotDriver]:
    auth = {"kind": "api_key", "header": "Authorization", "key": f"Token {token}"}
    system = System.model_validate({"url": upstream.url, "auth": auth, "timeout": 20, **settings})
    async with aiohttp.ClientSession() as session:
        yield NautobotDriver(HttpClient("inventory", system, session), options or NautobotOptions())


@pytest.fixture
async def driver(upstream: Upstream) -> AsyncIterator[NautobotDriver]:
    async with driving(upstream) as one:
        yield one


def service(found: Any) -> Service:
    assert isinstance(found, Service), found
    return found


def rows(found: Any) -> Rows[Any]:
    assert isinstance(found, Rows), found
    return found


def answered(**lists: Any) -> web.Response:
    return web.json_response({"data": lists})


def circuit(number: Any = "S1", **more: Any) -> dict[str, Any]:
    return {"id": f"id of {number}", "number": number, "tenant": {"key": "C1"}, **more}


SLIM: Fields = frozenset({"name", "state"})


# What the live system was seeded with (seed_data.py).


async def test_a_circuit_is_a_service_by_its_service_number(driver: NautobotDriver, upstream: Upstream) -> None:
    found = await driver.services(["S300002", "S300001"], None)
    first, second = service(found["S300001"]), service(found["S300002"])
    assert (first.id, first.customer_ids, first.name) == ("S300001", ("C100001",), "CKT-BRN-01-0001")
    assert (first.service_type, first.category, first.part_ids) == ("DIA-1G", None, ())
    assert (first.state, first.raw_state) == (ServiceState.SUSPENDED, "Offline")
    assert first.started_at == datetime(2026, 6, 4, tzinfo=UTC)
    assert (second.name, second.state, second.raw_state) == ("CKT-BRN-02-0002", ServiceState.ACTIVE, "Active")
    assert len(first.resource_ids) == 3
    assert first.site_id != second.site_id
    assert len(upstream.seen) == 1


async def test_what_carries_a_service_is_its_interface_the_device_and_the_address(driver: NautobotDriver) -> None:
    below = service((await driver.services(["S300001"], None))["S300001"])
    found = await driver.resources(below.resource_ids, None)
    interface, device, address = (found[key] for key in below.resource_ids)
    assert interface == Resource(
        id=below.resource_ids[0],
        name="xe-0/0/0.0",
        kind="interface",
        is_physical=True,
        status=ResourceStatus.SUSPENDED,
        raw_status="Active, disabled",
        site_id=below.site_id,
    )
    assert device == Resource(
        id=below.resource_ids[1],
        name="olt-brn-01",
        kind="olt",
        is_physical=True,
        status=ResourceStatus.AVAILABLE,
        raw_status="Active",
        site_id=below.site_id,
    )
    assert address == Resource(
        id=below.resource_ids[2],
        name="s300001.example.com",
        kind="IP address",
        is_physical=False,
        status=ResourceStatus.AVAILABLE,
        raw_status="Active",
        value="10.64.0.10/32",
    )


async def test_a_location_is_a_site(driver: NautobotDriver, upstream: Upstream) -> None:
    key = service((await driver.services(["S300001"], None))["S300001"]).site_id
    assert key
    found = await driver.sites([NOBODY, key], None)
    assert set(found) == {key}
    site: Any = found[key]
    assert (site.id, site.name, site.status, site.description) == (key, "BRN-01", "Active", "Brno POP 1")
    assert len(upstream.seen) == 2


async def test_trap_order_is_the_models_own_rows_are_matched_by_key(driver: NautobotDriver) -> None:
    found = await driver.services(NUMBERS[::-1], SLIM)
    assert {key: service(one).id for key, one in found.items()} == {key: key for key in NUMBERS}
    suspended = {key for key, one in found.items() if service(one).state is ServiceState.SUSPENDED}
    assert suspended == set(NUMBERS[::11])
    assert service(found["S300080"]).name == "CKT-LIB-02-0080"


async def test_trap_url_length_240_ids_are_one_call_with_a_body(driver: NautobotDriver, upstream: Upstream) -> None:
    found = await driver.services(NUMBERS, frozenset({"resource_ids"}))
    keys = sorted({key for one in found.values() for key in service(one).resource_ids})
    assert len(keys) == 80 + 80 + 10
    resources = await driver.resources(keys, frozenset({"name"}))
    assert set(resources) == set(keys)
    assert upstream.paths == ["/api/graphql/"] * 2


async def test_trap_one_unknown_tenant_does_not_fail_the_batch(driver: NautobotDriver, upstream: Upstream) -> None:
    found = await driver.services_of_customers(["C100001", "C999999", "C100002", "c100003"], None, SLIM)
    assert {key: [one.id for one in rows(own).items] for key, own in found.items()} == {
        "C100001": ["S300001", "S300002", "S300003"],
        "C100002": ["S300004", "S300005"],
    }
    assert rows(found["C100001"]) == Rows.of(rows(found["C100001"]).items)
    assert len(upstream.seen) == 1


async def test_services_of_all_customers_with_what_carries_them_are_two_calls(
    driver: NautobotDriver, upstream: Upstream
) -> None:
    found = await driver.services_of_customers(CUSTOMERS, None, frozenset({"resource_ids"}))
    own = {one.id: one for each in found.values() for one in rows(each).items}
    assert sorted(own) == NUMBERS
    assert {len(one.resource_ids) for one in own.values()} == {3}
    assert own["S300001"].resource_ids == service((await driver.services(["S300001"], None))["S300001"]).resource_ids
    assert len(upstream.seen) == 3


async def test_trap_of_a_custom_field_only_the_last_value_counts(driver: NautobotDriver, upstream: Upstream) -> None:
    found = await driver.services(["S300001", "S300002", "S999999"], SLIM)
    assert set(found) == {"S300001", "S300002"}
    assert "circuits(cf_service_number__ie:$keys " in upstream.seen[0]["query"]


async def test_customers_by_a_custom_field_of_the_tenant(upstream: Upstream) -> None:
    async with driving(upstream, options=NautobotOptions(customer_number="customer_number")) as driver:
        found = await driver.services_of_customers(["C100001", "C100002", "C999999"], None, SLIM)
    assert {key: len(rows(own).items) for key, own in found.items()} == {"C100001": 3, "C100002": 2}
    assert rows(found["C100002"]).items[0].customer_ids == ("C100002",)


async def test_numbers_are_told_apart_by_case(driver: NautobotDriver) -> None:
    assert await driver.services(["s300001"], SLIM) == {}


async def test_trap_a_malformed_id_or_nul_fails_the_whole_call_and_is_not_sent(
    driver: NautobotDriver, upstream: Upstream
) -> None:
    key = service((await driver.services(["S300001", "S30\x000001", "\ud800", "x" * 9999], None))["S300001"]).site_id
    assert key
    assert set(await driver.sites(["BRN-01", key, key.upper(), "S300001"], None)) == {key}
    assert upstream.keys == [["S300001"], [key]]


async def test_trap_an_empty_list_matches_everything_and_is_not_sent(
    driver: NautobotDriver, upstream: Upstream
) -> None:
    assert await driver.services([], None) == {}
    assert await driver.services(["", "\x00"], None) == {}
    assert await driver.services_of_customers([], None, None) == {}
    assert await driver.services_of_resources(["olt-brn-01"], None) == {}
    assert await driver.resources(["nope"], None) == {}
    assert await driver.sites([], None) == {}
    assert await driver.resources_named(" \t", Window(0, 5), None) == Rows.of(())
    assert upstream.seen == []


async def test_services_of_a_device_an_interface_and_an_address_in_two_calls(
    driver: NautobotDriver, upstream: Upstream
) -> None:
    keys = service((await driver.services(["S300001"], None))["S300001"]).resource_ids
    upstream.seen.clear()
    found = await driver.services_of_resources([*keys, NOBODY], SLIM)
    on = [[one.id for one in rows(found[key]).items] for key in keys]
    device = ["S300001", "S300003", "S300013", "S300031", "S300041", "S300043", "S300053", "S300071"]
    assert on == [["S300001"], device, ["S300001"]]
    assert set(found) == set(keys)
    assert len(upstream.seen) == 2


async def test_a_window_of_all_resources_is_two_calls_and_pages_fit_together(
    driver: NautobotDriver, upstream: Upstream
) -> None:
    pages = [await driver.resource_list(Window(at, 70), frozenset({"name"})) for at in (0, 70, 140)]
    assert [(len(page.items), page.offset, page.total, page.complete) for page in pages] == [
        (70, 0, 180, False),
        (70, 70, 180, False),
        (40, 140, 180, False),
    ]
    assert len({one.id for page in pages for one in page.items}) == 180
    assert len(upstream.seen) == 6
    past = await driver.resource_list(Window(180, 5), None)
    assert (past.items, past.total) == ([], 180)
    assert len(upstream.seen) == 7


async def test_resources_are_found_by_name_in_one_call(driver: NautobotDriver, upstream: Upstream) -> None:
    devices = await driver.resources_named("OLT-brn", Window(0, 5), None)
    assert sorted(one.name or "" for one in devices.items) == ["olt-brn-01", "olt-brn-02"]
    assert {(one.kind, one.raw_status) for one in devices.items} == {("olt", "Active")}
    assert [one.id for one in devices.items] == sorted(one.id for one in devices.items)
    assert devices.complete
    address = await driver.resources_named("s300001.", Window(0, 5), frozenset({"value"}))
    assert [one.value for one in address.items] == ["10.64.0.10/32"]
    assert (await driver.resources_named('"){x} %_\\', Window(0, 5), None)).items == []
    assert len(upstream.seen) == 3


async def test_only_what_was_selected_is_read(driver: NautobotDriver, upstream: Upstream) -> None:
    bare = service((await driver.services(["S300001"], frozenset()))["S300001"])
    assert bare == Service(id="S300001", owners=owned_by("C100001"))
    assert "{id number:cf_service_number tenant{key:name}}" in upstream.seen[0]["query"]
    assert "interfaces" not in upstream.seen[0]["query"]


async def test_trap_a_wrong_token_is_403(upstream: Upstream) -> None:
    async with driving(upstream, token=WRONG) as driver:
        failure = (await driver.services(["S300001"], SLIM))["S300001"]
        assert isinstance(failure, Refused)
        with pytest.raises(Refused):
            await driver.probe()


async def test_trap_without_permission_lists_are_empty_and_only_rest_says_403(upstream: Upstream) -> None:
    upstream.instead = [answered(circuits=[])]
    upstream.forbidden = "circuits"
    async with driving(upstream) as driver:
        assert isinstance((await driver.services(["S1"], SLIM))["S1"], Refused)
        with pytest.raises(Refused):
            await driver.probe()
        upstream.instead = [answered(tenants=[{"id": "1", "key": "C1", "circuits": []}])]
        assert isinstance((await driver.services_of_customers(["C1"], None, SLIM))["C1"], Refused)
    assert upstream.looked == ["/api/circuits/circuits/?limit=1&exclude_m2m=true"] * 3


async def test_an_empty_list_is_believed_after_one_look_or_one_row(upstream: Upstream) -> None:
    async with driving(upstream) as driver:
        upstream.instead = [answered(circuits=[])]
        for _ in range(3):
            assert await driver.services(["S1"], SLIM) == {}
        assert len(upstream.looked) == 1
        await driver.probe()
        assert len(upstream.looked) == 2
    async with driving(upstream) as driver:
        upstream.instead = [answered(circuits=[circuit()]), answered(circuits=[])]
        assert set(await driver.services(["S1"], SLIM)) == {"S1"}
        assert await driver.services(["S1"], SLIM) == {}
    assert len(upstream.looked) == 2


async def test_a_custom_field_that_is_not_there_is_rejected_and_the_system_is_not_lost(upstream: Upstream) -> None:
    async with driving(upstream, options=NautobotOptions(service_number="nosuch")) as driver:
        for _ in range(3):
            assert isinstance((await driver.services(["S300001"], SLIM))["S300001"], Rejected)
        assert driver.http.health.status is not SystemStatus.DOWN
        await driver.probe()
        assert driver.http.health.status is SystemStatus.UP


# What the seed does not have.


async def test_trap_200_with_a_refusal_is_rejected_and_says_no_value(
    upstream: Upstream, driver: NautobotDriver
) -> None:
    message = "{'tenant': ['Select a valid choice. C999999 is not one of the available choices.']}"
    problems = [{"message": message, "locations": [], "path": ["circuits"]}]
    upstream.instead = [web.json_response({"errors": problems, "data": {"circuits": None}})]
    failure = (await driver.services(["S1"], SLIM))["S1"]
    assert isinstance(failure, Rejected)
    assert "C999999" not in str(failure) + failure.public
    assert "circuits" in failure.detail
    assert driver.http.health.status is not SystemStatus.DOWN


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.json_response({"errors": [{"message": "database", "path": ["circuits"]}], "data": None}), Failed),
        (web.json_response({"errors": [{"message": ["odd"]}]}), Rejected),
        (web.json_response({"detail": "moved"}), Garbled),
        (web.json_response({"data": {"circuits": {}}}), Garbled),
        (web.json_response({"data": {}}), Garbled),
        (web.json_response({"data": {"circuits": None}}), Garbled),
        (web.json_response([]), Garbled),
        (web.Response(text="<html>Sign in</html>", content_type="text/html"), Garbled),
        (web.Response(text="<html>Bad gateway</html>", content_type="text/html", status=502), Failed),
        (web.Response(text="<html>Not found</html>", content_type="text/html", status=404), Rejected),
        (web.json_response({"detail": "slow down"}, status=429), ConnectorError),
        (None, Unreachable),
    ],
)
async def test_whatever_comes_instead_is_a_connector_error(
    upstream: Upstream, driver: NautobotDriver, answer: web.Response | None, error: type[ConnectorError]
) -> None:
    upstream.instead = [answer]
    failure = (await driver.services(["S1"], SLIM))["S1"]
    assert isinstance(failure, error)
    assert "html" not in failure.public


async def test_trap_a_closed_connection_of_the_pool_is_asked_once_more(
    upstream: Upstream, driver: NautobotDriver
) -> None:
    upstream.instead = [None, answered(circuits=[circuit()])]
    assert service((await driver.services(["S1"], SLIM))["S1"]).id == "S1"
    assert len(upstream.seen) == 2


async def test_trap_the_first_question_of_a_process_may_take_longer_than_the_timeout() -> None:
    """Nautobot makes its schema then (6 s): that question fails alone, and the probe's is such a one, too."""
    made = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if not made.is_set():
            made.set()
            await never(request)
        return web.json_response({"data": {"circuits": [circuit()]}})

    async with canned(**{"": answer}) as server, aiohttp.ClientSession() as session:
        system = System.model_validate({"url": server.url, "timeout": 0.3})
        driver = NautobotDriver(HttpClient("inventory", system, session), NautobotOptions())
        with pytest.raises(TimedOut):
            await driver.probe()
        assert driver.http.health.status is not SystemStatus.UP
        assert service((await driver.services(["S1"], SLIM))["S1"]).id == "S1"
        assert driver.http.health.status is SystemStatus.UP
    assert server.seen == ["/api/graphql/"] * 2


async def test_rows_that_were_not_asked_for_are_dropped(upstream: Upstream, driver: NautobotDriver) -> None:
    others = {"id": "1", "key": "C2", "circuits": [circuit("S2", tenant={"key": "C2"}), {"cid": []}]}
    stray = {"id": "2", "key": "C1", "circuits": [circuit(), circuit("S3", tenant={"key": "C2"})]}
    upstream.instead = [answered(circuits=[circuit("S2"), circuit()])]
    assert set(await driver.services(["S1"], SLIM)) == {"S1"}
    upstream.instead = [answered(tenants=[others, stray])]
    found = await driver.services_of_customers(["C1"], None, SLIM)
    assert [(key, [one.id for one in rows(own).items], rows(own).total) for key, own in found.items()] == [
        ("C1", ["S1"], 1)
    ]
    upstream.instead = [answered(devices=[{"id": "x"}], interfaces=[], ip_addresses=[])]
    assert await driver.resources([NOBODY], None) == {}


async def test_a_number_on_several_circuits_is_nobodys(upstream: Upstream, driver: NautobotDriver) -> None:
    twice = [circuit(), circuit("S2"), circuit(tenant={"key": "C9"})]
    upstream.instead = [answered(circuits=twice)]
    found = await driver.services(["S1", "S2"], SLIM)
    assert isinstance(found["S1"], Garbled)
    assert service(found["S2"]).id == "S2"
    upstream.instead = [answered(tenants=[{"id": "1", "key": "C1", "circuits": [*twice[:2], circuit(id="other")]}])]
    own = rows((await driver.services_of_customers(["C1"], None, SLIM))["C1"])
    assert ([one.id for one in own.items], own.total) == (["S2"], None)


async def test_a_number_of_two_customers_is_the_same_whoever_is_asked_beside(
    upstream: Upstream, driver: NautobotDriver
) -> None:
    first, second = circuit("S1", cid="a"), circuit("S1", cid="b", tenant={"key": "C2"})
    own = circuit("S2")
    one = {"id": "1", "key": "C1", "circuits": [first, own]}
    two = {"id": "2", "key": "C2", "circuits": [second, {"id": "?", "number": ["?"]}]}
    carriers = {
        "circuits": [first, second, own],
        "interfaces": [{"id": f"I{n}", "number": number} for n, number in enumerate(("S1", "S1", "S2"))],
        "ip_addresses": [],
    }
    for tenants in ([one], [one, two]):
        upstream.seen.clear()
        upstream.instead = [answered(tenants=tenants), answered(**carriers)]
        asked = [str(tenant["key"]) for tenant in tenants]
        found = await driver.services_of_customers(asked, None, frozenset({"resource_ids"}))
        served = {
            key: ([(s.id, s.resource_ids) for s in rows(each).items], rows(each).total) for key, each in found.items()
        }
        assert served == {"C1": ([("S2", ("I2",))], None)} | ({"C2": ([], None)} if len(asked) > 1 else {})
        assert upstream.keys == [asked, ["S1", "S2"]]
        upstream.instead = [answered(tenants=tenants)]
        found = await driver.services_of_customers(asked, None, SLIM)
        named = {key: ([s.name for s in rows(each).items], rows(each).total) for key, each in found.items()}
        assert named == {"C1": (["a", None], 2)} | ({"C2": (["b"], None)} if len(asked) > 1 else {})
        assert len(upstream.seen) == 3
    upstream.instead = [answered(tenants=[one]), answered(**carriers | {"circuits": [first, own, {"number": "S1"}]})]
    unclear = await driver.services_of_customers(["C1"], None, frozenset({"resource_ids"}))
    assert isinstance(unclear["C1"], Garbled)


async def test_a_row_that_cannot_be_read_costs_itself(upstream: Upstream, driver: NautobotDriver) -> None:
    broken = circuit("S2", tenant="?")
    upstream.instead = [answered(circuits=[broken, circuit()])]
    found = await driver.services(["S1", "S2", "S3"], SLIM)
    assert service(found["S1"]).id == "S1"
    assert isinstance(found["S2"], Garbled)
    assert "S3" not in found
    upstream.instead = [answered(tenants=[{"id": "1", "key": "C1", "circuits": [broken, circuit()]}])]
    own = rows((await driver.services_of_customers(["C1"], None, SLIM))["C1"])
    assert ([one.id for one in own.items], own.total, own.complete, own.unread) == (["S1"], None, True, 1)


@pytest.mark.parametrize("odd", [{"id": [["?"]]}, {"number": [["?"]]}, {"interfaces": [["?"]]}])
async def test_a_resource_whose_row_cannot_be_read_does_not_look_as_if_it_carried_nothing(
    upstream: Upstream, driver: NautobotDriver, odd: dict[str, Any]
) -> None:
    devices = [{"id": one, "number": None, "interfaces": [{"number": "S1"}]} for one in RESOURCES[:2]]
    whole = answered(devices=devices, interfaces=[], ip_addresses=[])
    upstream.instead = [whole, answered(circuits=[circuit()])]
    right = await driver.services_of_resources(RESOURCES[:2], SLIM)
    assert [[one.id for one in rows(right[key]).items] for key in RESOURCES[:2]] == [["S1"], ["S1"]]
    devices[0] |= odd
    upstream.instead = [answered(devices=devices, interfaces=[], ip_addresses=[]), answered(circuits=[circuit()])]
    found = await driver.services_of_resources(RESOURCES, SLIM)
    assert [one.id for one in rows(found[RESOURCES[1]]).items] == ["S1"]
    assert isinstance(found[RESOURCES[0]], Garbled)
    assert isinstance(found[RESOURCES[2]], Garbled)  # the row that cannot be read may be this one's


async def test_an_attribute_that_cannot_be_read_costs_itself(
    upstream: Upstream, driver: NautobotDriver, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.instead = [answered(circuits=[circuit("S1", cid=["?", "!"]), circuit("S2", cid=5)])]
    found = await driver.services(["S1", "S2"], SLIM)
    assert (service(found["S1"]).name, service(found["S2"]).name) == (None, "5")
    assert "sends cid in a form that cannot be read" in caplog.text


async def test_a_resource_that_cannot_be_read_costs_itself_and_the_total(
    upstream: Upstream, driver: NautobotDriver
) -> None:
    lists = {"interfaces": [], "ip_addresses": []}
    device = {"id": "1", "name": "d", "serial": "s"}
    upstream.instead = [answered(devices=[device, {"id": {}}], serials=[], **lists)]
    found = await driver.resources_named("d", Window(0, 5), None)
    assert ([one.id for one in found.items], found.total, found.unread) == (["1"], None, 1)
    upstream.instead = [answered(devices=[{"id": {}}], serials=[], **lists)]
    with pytest.raises(Garbled, match="none of the 1 resources"):
        await driver.resources_named("d", Window(0, 5), None)


async def test_odd_values_are_read_leniently(
    upstream: Upstream, driver: NautobotDriver, caplog: pytest.LogCaptureFixture
) -> None:
    odd = [
        circuit(1, install_date="1970-01-01", status={"name": "On fire"}, circuit_termination_a={"location": None}),
        circuit("2", tenant=None, status={"name": " aCTIVE "}, circuit_termination_z={"location": {"id": "L"}}),
        circuit("3", install_date="soon", status=None),
        circuit(None),
    ]
    carriers = {"interfaces": [{"id": "I", "number": 1, "device": None, "ip_addresses": None}], "ip_addresses": []}
    upstream.instead = [answered(circuits=odd, **carriers)]
    found = {key: service(one) for key, one in (await driver.services(["1", "2", "3"], None)).items()}
    assert (found["1"].started_at, found["1"].state, found["1"].raw_state) == (None, ServiceState.UNKNOWN, "On fire")
    assert (found["1"].site_id, found["1"].resource_ids) == (None, ("I",))
    assert (found["2"].customer_ids, found["2"].state, found["2"].site_id) == ((), ServiceState.ACTIVE, "L")
    assert (found["3"].started_at, found["3"].raw_state) == (None, None)
    assert "'On fire'" in caplog.text
    assert "without a service number" in caplog.text


async def test_dates_are_midnight_in_the_zone_of_the_options(upstream: Upstream) -> None:
    upstream.instead = [answered(circuits=[circuit(install_date="2026-06-04")])]
    async with driving(upstream, options=NautobotOptions(timezone="Europe/Prague")) as driver:
        found = await driver.services(["S1"], frozenset({"started_at"}))
    assert service(found["S1"]).started_at == datetime(2026, 6, 4, tzinfo=ZoneInfo("Europe/Prague"))


async def test_a_serial_number_comes_before_names(upstream: Upstream, driver: NautobotDriver) -> None:
    named, numbered = {"id": "1", "name": "spare of SN7", "serial": "sn7"}, {"id": "2", "name": "olt", "serial": "sn7"}
    upstream.instead = [answered(devices=[named], serials=[numbered, named], interfaces=[], ip_addresses=[])]
    found = await driver.resources_named("SN7", Window(0, 5), frozenset())
    assert [(one.id, one.serial_number) for one in found.items] == [("2", "sn7"), ("1", "sn7")]
    assert found.complete


async def test_of_many_hits_only_the_window_is_read_whole(upstream: Upstream, driver: NautobotDriver) -> None:
    many = [{"id": f"00000000-0000-0000-0000-{n:012}", "name": f"xe-{n}"} for n in range(150)]
    empty: dict[str, Any] = {"devices": [], "serials": [], "ip_addresses": []}
    upstream.instead = [
        answered(**empty, interfaces=many[:101]),
        answered(**empty, interfaces=many[::-1]),
        answered(**empty, interfaces=[many[149] | {"type": "VIRTUAL"}, many[148]]),
    ]
    found = await driver.resources_named("xe-", Window(148, 5), None)
    assert [(one.name, one.is_physical) for one in found.items] == [("xe-148", None), ("xe-149", False)]
    assert (found.offset, found.total, found.complete) == (148, 150, False)
    assert upstream.keys == [["xe-"], ["xe-"], [many[148]["id"], many[149]["id"]]]


async def test_more_rows_than_may_be_read_are_too_much(upstream: Upstream) -> None:
    upstream.instead = [answered(circuits=[circuit(n) for n in range(3)])]
    async with driving(upstream, max_rows=2) as driver:
        assert isinstance((await driver.services(["1"], SLIM))["1"], TooMuch)
        assert "limit:3)" in upstream.seen[0]["query"]
        upstream.instead = [answered(tenants=[{"id": "1", "key": "C1", "circuits": [circuit(n) for n in range(3)]}])]
        assert isinstance((await driver.services_of_customers(["C1"], None, SLIM))["C1"], TooMuch)
        upstream.instead = [answered(devices=[{"id": str(n)} for n in range(3)], interfaces=[], ip_addresses=[])]
        with pytest.raises(TooMuch):
            await driver.resource_list(Window(0, 1), None)


async def test_a_part_that_fails_costs_its_own_keys(upstream: Upstream) -> None:
    ok = answered(circuits=[circuit(number) for number in ("a", "b", "c")])
    upstream.instead = [web.Response(status=500, text="<html>", content_type="text/html"), ok]
    async with driving(upstream, options=NautobotOptions(max_keys=2), max_calls=2, concurrency=1) as driver:
        found = await driver.services(["a", "b", "c", "a"], SLIM)
        assert {key: type(one) for key, one in found.items()} == {"a": Failed, "b": Failed, "c": Service}
        assert upstream.keys == [["a", "b"], ["c"]]
        assert isinstance((await driver.services(["a", "b", "c", "d", "e"], SLIM))["e"], TooMuch)
    assert len(upstream.seen) == 2


async def test_a_name_that_could_not_be_a_custom_field_is_no_option() -> None:
    with pytest.raises(ValueError, match="service_number"):
        NautobotOptions(service_number="x){id}")


async def test_a_row_that_comes_twice_is_one(upstream: Upstream, driver: NautobotDriver) -> None:
    upstream.instead = [answered(circuits=[circuit(), circuit("S2"), circuit()])]
    found = await driver.services(["S1", "S2"], SLIM)
    assert [service(found[key]).id for key in ("S1", "S2")] == ["S1", "S2"]
