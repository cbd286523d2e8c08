"""Settings that do not fit a system: `driver-test` and `check` name the one at fault, and following them mends it."""

import io
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from aiohttp import web
from rich.console import Console

from connectors import DOMAINS
from connectors.errors import (
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.http.said import beginning
from connectors.records import Window
from connectors.settings import System
from gateway.commands.check import check
from gateway.commands.driver_test import found, run
from gateway.commands.hints import hint
from gateway.settings import Settings
from tests.connectors.canned import canned
from tests.systems import Systems, connected, running_systems, well_behaved

KNOWN: Final = {"customer": ["1001", "1002"], "ticket": ["TT-1001-1"]}


@pytest.fixture(scope="module")
def all_systems() -> Any:
    with running_systems(customers=20) as systems:
        yield systems


@pytest.fixture
def systems(all_systems: Systems) -> Systems:
    well_behaved(all_systems)
    return all_systems


async def driver_tested(domain: str, driver: str, system: dict[str, Any], *methods: str) -> tuple[bool, str]:
    """Whether all is well, and what a person reads."""
    console = Console(file=io.StringIO(), width=200)
    settings = System.model_validate(system)
    good = await run(found(driver, domain), settings, KNOWN, console, only=methods, check_credentials=False)
    assert isinstance(console.file, io.StringIO)
    return good, console.file.getvalue()


async def checked(systems: Systems, domain: str, system: dict[str, Any]) -> tuple[bool, str]:
    given = {name: {"url": server.url} for name, server in systems.items()} | {domain: system}
    findings = await check(Settings.model_validate({"systems": given}), is_demo=True)
    one = next(one for one in findings if one.name == domain)
    return one.is_good, f"{one.detail} {one.hint}"


MISCONFIGURED: Final[list[tuple[str, str, dict[str, Any], dict[str, Any], list[str], dict[str, Any], list[str]]]] = [
    (
        "a page that is larger than the system gives: 422",
        "crm",
        {"refusedLimit": 100},
        {},
        ['It says: "', "limit must not be above 100", "The likely setting: lower systems.crm.profile.page_size"],
        {"page_size": 100},
        ["driver-test"],
    ),
    (
        "a filter that the system does not understand: 400",
        "ticketing",
        {"onlyFilters": {"troubleTicket": ["id", "status"]}, "unknownFilters": "refused"},
        {},
        ['It says: "', "relatedParty.id", "name in systems.ticketing.profile.filters what it understands"],
        {"filters": ["id", "status"]},
        ["driver-test"],
    ),
    (
        "an API at another path: 404",
        "inventory",
        {"paths": {"service": "/api/service"}},
        {},
        ["does not exist there", "systems.inventory.profile (version, paths; exists = false"],
        {"paths": {"service": "/api/service"}},
        ["driver-test", "check"],
    ),
    (
        "another version: 404",
        "crm",
        {"version": "v5"},
        {},
        ["does not exist there", "systems.crm.profile (version, paths"],
        {"version": "v5"},
        ["driver-test", "check"],
    ),
]
MISCONFIGURED += [
    (
        "customers under another role",
        "inventory",
        {"partyWords": {"customer": "subscriber"}},
        {},
        ["with the role 'subscriber'", "add it to party_roles", "systems.inventory"],
        {"party_roles": ["subscriber"]},
        ["driver-test", "check"],
    ),
    (
        "lists of ids are one value",
        "crm",
        {"noIdLists": True},
        {},
        ["customers finds none of the", "does not take several keys in one question"],
        {"id_list": "repeat"},
        ["driver-test"],
    ),
    (
        "an empty list is 404",
        "ticketing",
        {"notFoundWhenEmpty": True},
        {},
        ["empty_is_404 = true"],
        {"empty_is_404": True},
        ["check"],
    ),
    (
        "the offset counts pages",
        "crm",
        {"offsetIsPage": True, "maxLimit": 10},
        {"page_size": 10},
        ["paging = 'page'", "Change systems.crm.profile as it says"],
        {"page_size": 10, "paging": "page"},
        ["check"],
    ),
    (
        "there is paging after all",
        "crm",
        {"maxLimit": 10},
        {"paging": "none"},
        ["sent 10 rows and says that there are", "set paging = 'offset'", "Change systems.crm.profile as it says"],
        {"paging": "offset"},
        ["check"],
    ),
    (
        "there is paging after all, and the total is of everything",
        "inventory",
        {"noPaging": True, "unfilteredTotal": True},
        {"paging": "none"},
        ["total_trusted = false", "Change systems.inventory.profile as it says"],
        {"paging": "none", "total_trusted": False},
        ["check"],
    ),
]
METHODS: Final = {
    "crm": ["customers", "products_of_customers"],
    "ticketing": ["tickets", "tickets_of_customers"],
    "inventory": ["services_of_customers"],
}


@pytest.mark.parametrize(
    ("domain", "switches", "wrong", "told", "right", "by"),
    [one[1:] for one in MISCONFIGURED],
    ids=[one[0] for one in MISCONFIGURED],
)
async def test_it_is_named_and_following_it_mends_it(
    systems: Systems,
    domain: str,
    switches: dict[str, Any],
    wrong: dict[str, Any],
    told: list[str],
    right: dict[str, Any],
    by: list[str],
) -> None:
    systems[domain].switches.merge(switches)
    url = systems[domain].url
    for command in by:
        for profile, is_good in ((wrong, False), (right, True)):
            system = {"url": url, "profile": profile}
            if command == "check":
                good, text = await checked(systems, domain, system)
            else:
                good, text = await driver_tested(domain, "tmf", system, *METHODS[domain])
            assert good is is_good, text
            if not is_good:
                assert [one for one in told if one not in text] == [], text


async def test_an_api_that_is_not_there_is_named_and_said_to_be_missing(systems: Systems) -> None:
    systems["inventory"].switches.merge({"paths": {"geographicSite": "/nowhere"}})
    url = systems["inventory"].url
    good, text = await driver_tested("inventory", "tmf", {"url": url}, "sites", "services_of_customers")
    assert not good
    assert "exists = false for an API that it does not have" in text
    resources = {"geographicSite": {"exists": False}}
    profile = {"resources": resources}
    good, text = await driver_tested(
        "inventory", "tmf", {"url": url, "profile": profile}, "sites", "services_of_customers"
    )
    assert good, text


NOBODYS: Final[list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str]]] = [
    ("inventory", {}, {"customer_key": "party.id"}, {}, "systems.inventory: customer_key, profile.party_types"),
    ("inventory", {"customersAs": "party"}, {}, {"customer_key": "party.id"}, "systems.inventory: customer_key"),
    ("crm", {"numericFilters": True}, {}, {"profile": {"quoted": True}}, "systems.crm: profile.party_types"),
]


@pytest.mark.parametrize(("domain", "switches", "wrong", "right", "told"), NOBODYS)
async def test_a_system_that_has_nothing_of_any_customer_is_not_well(
    systems: Systems, domain: str, switches: dict[str, Any], wrong: dict[str, Any], right: dict[str, Any], told: str
) -> None:
    systems[domain].switches.merge(switches)
    given = {name: {"url": server.url} for name, server in systems.items()}
    marks = []
    for more in (wrong, right):
        settings = Settings.model_validate({"systems": given | {domain: {**given[domain], **more}}})
        (one,) = [one for one in await check(settings, is_demo=True) if one.name == domain]
        marks.append(one.read)
        if one.is_unknown:
            assert "none of the 20 customers asked about has anything" in one.detail
            assert told in one.hint
            assert "quoted" in one.hint
    assert marks == ["?", "ok"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (301, "leads to https://crm.example/api/customer. The API is at another address: check systems.crm.url"),
        (405, "see systems.crm.profile (version, paths"),
        (410, "see systems.crm.profile (version, paths"),
        (408, "It gave up waiting (408): lower systems.crm.concurrency"),
        (425, "It limits requests: lower systems.crm.concurrency"),
    ],
)
async def test_what_is_elsewhere_gone_or_late_is_called_so(systems: Systems, status: int, told: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        elsewhere = "https://ann:hush@crm.example/api/customer?name=Jana"
        return web.Response(status=status, headers={"Location": elsewhere})

    async with canned(customer=answer) as server:
        good, text = await checked(systems, "crm", {"url": server.url})
    assert not good
    assert told in text.replace("customer The", "customer. The")
    assert not [one for one in ("Jana", "hush") if one in text]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (201, {"access_token": "abc", "expires_in": "60"}, None),
        (200, {"access_token": 12345}, None),
        (400, {"error": "temporarily_unavailable"}, "Its token endpoint is busy or broken"),
        (400, {"error": "server_error"}, "Its token endpoint is busy or broken"),
        (400, {"error": None}, "Check token_url, client_id, client_secret"),
        (400, ["?"], "Check token_url, client_id, client_secret"),
        (204, None, "Check token_url, client_id, client_secret"),
    ],
)
async def test_what_a_token_endpoint_says_is_understood(
    systems: Systems, status: int, body: Any, told: str | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=204) if body is None else web.json_response(body, status=status)

    async with canned(token=answer) as issuer:
        auth = {"kind": "oauth2", "token_url": f"{issuer.url}/token", "client_id": "gateway", "client_secret": "hush"}
        good, text = await checked(systems, "crm", {"url": systems["crm"].url, "auth": auth})
    assert good is (told is None)
    assert (told or "") in text


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_token_endpoint_that_is_busy_is_no_matter_of_credentials(systems: Systems, status: int) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with canned(token=busy) as issuer:
        auth = {"kind": "oauth2", "token_url": f"{issuer.url}/token", "client_id": "gateway", "client_secret": "hush"}
        good, text = await checked(systems, "crm", {"url": systems["crm"].url, "auth": auth})
    assert not good
    assert f"the token endpoint answered {status}" in text
    assert "Its token endpoint is busy or broken, whatever the credentials" in text


async def test_what_a_system_says_is_shown_without_the_credentials_and_never_logged(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    async def telling(request: web.Request) -> web.Response:
        return web.json_response(
            {"reason": "pageSize is too large", "you sent": dict(request.headers), "customer": "Jana Nová"}, status=400
        )

    async with canned(customer=telling) as server:
        auth = {"kind": "bearer", "token": "s3cr3t-t0ken"}
        good, text = await checked(systems, "crm", {"url": server.url, "auth": auth})
    assert not good
    assert "pageSize is too large" in text
    assert "lower systems.crm.profile.page_size" in text
    assert "s3cr3t" not in text
    assert "Jana" not in caplog.text


SECRETS: Final = ["hush-hush", "gateway:hush-hush"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"\x00\x01\x02", ""),
        (b"<html><style>a {}</style><h1>Bad <b>limit</b></h1></html>", "Bad limit"),
        (b"<script>one</script>Bad <script src=two></script >limit<STYLE>without an end", "Bad limit"),
        (b"1 < 2 <<< " + b"<script" * 1000, "1 < 2 <<< " + "<script" * 41 + "<sc ..."),
        (b'{"error": "hush-hush is wrong"}', '{"error": "*** is wrong"}'),
        (b"Basic Z2F0ZXdheTpodXNoLWh1c2g= refused", "Basic *** refused"),
        (b'{"password": "other", "limit": 5}', '{"password": "***", "limit": 5}'),
        (b"access_token=abc&limit=5", "access_token=***&limit=5"),
        (b"bad token eyJhbGciOi.eyJzdWIi.c2ln here", "bad token *** here"),
        ("řádek\n\n  dva".encode(), "řádek dva"),
        (b"x" * 400, "x" * 300 + " ..."),
    ],
)
def test_the_beginning_of_a_body(body: bytes, shown: str) -> None:
    assert beginning(body, SECRETS) == shown


FAILURES: Final[list[ConnectorError]] = [
    *[Rejected("x", "said no", status=status) for status in (None, 400, 404, 405, 413, 414, 422)],
    *[Refused("x", "said no", status=status) for status in (401, 403)],
    *[kind("x", "said no") for kind in (Failed, Garbled, RateLimited, TimedOut, TooMuch, Unreachable)],
    Unreachable("x", "busy", status=503, signing_in=True),
    Refused("x", "no", status=401, signing_in=True),
]
ASKED: Final = ["", "/a?limit=1000&offset=5&sort=id&fields=id", "/a?name.regex=x&created.gte=1&id=1,2&s=500&p=3&d=W10="]
WORDS: Final = ["", "limit", "offset", "sort", "fields", "regex", ".gte", "uuid", "unknown parameter", "URI too long"]


@pytest.mark.parametrize(
    ("domain", "driver"), [(domain, driver) for domain, row in DOMAINS.items() for driver in row.drivers]
)
def test_no_hint_names_a_setting_that_the_driver_does_not_have(domain: str, driver: str) -> None:
    options = DOMAINS[domain].drivers[driver].options
    named = set()
    for error in FAILURES:
        for error.asked in ASKED:
            for error.said in WORDS:
                for auth in (None, {"kind": "bearer", "token": "t"}):
                    system = System.model_validate({"url": "http://x", "driver": driver, "auth": auth})
                    text = hint(error, domain, system, options)
                    assert text.endswith((".", "?"))
                    found_here = re.findall(rf"systems\.{domain}\.([a-z_]+)(?:\.([a-z_]+))?", text)
                    assert all(section in System.model_fields for section, _ in found_here), text
                    named |= {(section, key) for section, key in found_here if section in ("options", "profile")}
    assert {section for section, _ in named} <= {options.section}
    assert {key for _, key in named if key} <= set(options.model_fields)


async def test_operators_that_are_not_understood_cost_no_outage_and_are_said(systems: Systems) -> None:
    async def outages(c: Any, year: int) -> list[str]:
        since = datetime(year, 1, 1, tzinfo=UTC)
        found = await c.assurance.outage_list(Window(0, 100), None, is_open=None, since=since, until=None)
        return [one.id for one in found.items]

    async with connected(systems) as c:
        calls = []
        for _ in range(2):
            systems["ticketing"].requests.clear()
            assert await outages(c, 2100) == []
            calls.append(len(systems["ticketing"].requests))
        assert calls == [2, 1]  # whether the operators are understood is asked once, for one row
        right = await outages(c, 2020)
        assert right
    systems["ticketing"].switches.merge({"noOperatorSuffixes": True})
    async with connected(systems) as c:
        for _ in range(2):
            assert await outages(c, 2020) == right
        (notice,) = next(one for one in c.systems if one.domain == "ticketing").probe.http.health.notices
        assert "set operators = false" in notice
    async with connected(systems, ticketing={"profile": {"operators": False}}) as c:
        systems["ticketing"].requests.clear()
        assert await outages(c, 2020) == right
        assert len(systems["ticketing"].requests) == 1
