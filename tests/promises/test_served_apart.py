"""Outages and usage: by default of ticketing's and billing's system, else of systems of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from connectors.events.hints import Change, Hint, Source
from connectors.events.settings import EventSource
from connectors.settings import System
from gateway.commands.check import check
from gateway.commands.driver_test import found
from gateway.live_settings import LiveSettings
from gateway.settings import Settings
from gateway.settings_file import WrongSettings, load, section_of
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.conftest import contract
from tests.connectors.asking import connected
from tests.following import following
from tests.stack import Stack, stacked
from tests.systems import Systems, asked, settings

PROBLEMS = "/tmf-api/serviceProblemManagement/v4/serviceProblem"
USAGE = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
SECRET = "told-by-the-sandbox"
EVERYTHING = """{
  customer(id: "1001") { usage { id used } }
  outages(first: 50) { nodes { id name affectedServices { nodes { id } } tickets { nodes { id } } } }
}"""
REPORT = "{ systems { name domain driver status } }"


@dataclass
class Apart:
    """A stack whose outages and usage are of two more systems, which know the same as the first ones."""

    stack: Stack
    assurance: SandboxServer
    usage: SandboxServer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Apart]:
    world = World(customers=60)
    with SandboxServer("ticketing", world=world) as assurance, SandboxServer("billing", world=world) as usage:
        more = {"assurance": {"url": assurance.url}, "usage": {"url": usage.url}}
        async with stacked(tmp_path_factory.mktemp("apart"), systems=more) as stack:
            yield Apart(stack, assurance, usage)


@pytest.fixture
def apart(running: Apart) -> Apart:
    running.stack.reset()
    for server in (running.assurance, running.usage):
        server.switches.reset()
        server.requests.clear()
    return running


@pytest.fixture
def systems(stack: Stack) -> Systems:
    return dict(stack.systems)


def paths(server: SandboxServer) -> set[str]:
    return {str(one["path"]) for one in list(server.requests)}


async def test_the_answer_is_the_same_and_comes_from_the_other_systems(stack: Stack, apart: Apart) -> None:
    together = await stack.ask(EVERYTHING, "agent")
    other = await apart.stack.ask(EVERYTHING, "agent")
    assert other.clean() == together.clean()
    assert other.clean()["outages"]["nodes"]
    assert other.clean()["customer"]["usage"]
    assert (paths(apart.assurance), paths(apart.usage)) == ({PROBLEMS}, {USAGE})
    assert PROBLEMS not in paths(apart.stack.systems["ticketing"])
    assert USAGE not in paths(apart.stack.systems["billing"])
    calls = [len(one.requests) for one in (*apart.stack.systems.values(), apart.assurance, apart.usage)]
    assert sum(calls) == sum(len(one.requests) for one in stack.systems.values())


@pytest.mark.parametrize("name", ["OutageImpact", "UsageGlance"])
async def test_documents_of_clients_are_answered_alike(stack: Stack, apart: Apart, name: str) -> None:
    ids: Mapping[str, Any] = {"id": "1001", "customerId": "1001", "outageId": "SP-1"}
    given = {one: value for one, value in ids.items() if f"${one}:" in contract(name)}
    together = await stack.ask(contract(name), "agent", **given)
    assert (await apart.stack.ask(contract(name), "agent", **given)).clean() == together.clean()


async def test_every_system_has_its_own_line_and_its_own_failure(apart: Apart) -> None:
    found = (await apart.stack.ask(REPORT, "agent")).clean()["systems"]
    assert [one["name"] for one in found] == ["crm", "billing", "usage", "inventory", "ticketing", "assurance"]
    assert {one["status"] for one in found} == {"UP"}
    apart.assurance.switches.error_rate = 1
    answer = await apart.stack.ask('{ outages { nodes { id } } ticket(id: "TT-1001-1") { id } }', "agent")
    assert answer.data == {"outages": None, "ticket": {"id": "Ticket:TT-1001-1"}}
    assert [one["extensions"]["system"] for one in answer.errors] == ["assurance"]


async def test_one_system_is_one_line_and_one_client_by_default(stack: Stack, systems: Systems) -> None:
    found = (await stack.ask(REPORT, "agent")).clean()["systems"]
    assert [one["name"] for one in found] == ["crm", "billing", "inventory", "ticketing"]
    async with connected(systems) as c:
        assert c.assurance.http is c.ticketing.http
        assert c.usage.http is c.billing.http
        assert c.served_by["assurance"] == "ticketing"
    stack.systems["ticketing"].switches.error_rate = 1
    answer = await stack.ask("{ outages { nodes { id } } }", "agent")
    assert [one["extensions"]["system"] for one in answer.errors] == ["ticketing"]


@pytest.mark.parametrize("which", ["together", "apart"])
async def test_what_an_operation_costs_is_told_by_system(stack: Stack, apart: Apart, which: str) -> None:
    asked_stack = stack if which == "together" else apart.stack
    headers = asked_stack.headers("agent") | {"X-Gateway-Cost": "1"}
    async with asked_stack.session.post(
        f"{asked_stack.address}/graphql", json={"query": EVERYTHING}, headers=headers
    ) as answer:
        told = set((await answer.json())["extensions"]["cost"]["systems"])
    assert ({"assurance", "usage"} <= told) == (which == "apart")
    assert "ticketing" in told


async def test_its_references_are_its_own(tmp_path: Path) -> None:
    with SandboxServer("ticketing", world=World(customers=60)) as assurance:
        urns = {"url": assurance.url, "references": {"service": "svc/{id}", "ticket": "INC-{id}"}}
        async with stacked(tmp_path, systems={"assurance": urns}) as stack:
            body = {"affectedService": [{"id": "svc/SVC-1001-1"}], "troubleTicket": [{"id": "INC-TT-1001-1"}]}
            async with stack.session.patch(f"{assurance.url}{PROBLEMS}/SP-1", json=body) as answer:
                assert answer.status == 200
            asking = '{ outage(id: "SP-1") { affectedServices { nodes { id } } tickets { nodes { id } } } }'
            found = (await stack.ask(asking, "1001")).clean()["outage"]
            ticket = (await stack.ask('{ ticket(id: "TT-1001-1") { services { id } } }', "1001")).clean()["ticket"]
    assert found["affectedServices"]["nodes"] == [{"id": "Service:SVC-1001-1"}]
    assert found["tickets"]["nodes"] == [{"id": "Ticket:TT-1001-1"}]
    assert ticket["services"]


def event(kind: str, key: str) -> dict[str, Any]:
    return {"eventId": f"e-{key}", "eventType": f"{kind}StateChangeEvent", "event": {kind: {"id": key}}}


async def test_events_count_only_from_the_system_that_keeps_what_they_tell_of(systems: Systems) -> None:
    secret = {one: EventSource(secret=f"secret-of-{one}", poll=0) for one in ("ticketing", "assurance")}
    with SandboxServer("ticketing", world=World(customers=60)) as assurance:
        given = settings(systems) | {"assurance": System(url=assurance.url)}
        async with following(given, secret) as live:
            for system in ("ticketing", "assurance"):
                for kind, key in (("serviceProblem", f"SP-{system}"), ("troubleTicket", f"TT-{system}")):
                    assert await live.post(f"/events/{system}/secret-of-{system}", event(kind, key)) < 300
            heard = [(one.domain, one.type, one.id) for one in await live.all_told(2)]
    assert heard == [("ticketing", "Ticket", "TT-ticketing"), ("assurance", "Outage", "SP-assurance")]


async def test_an_outage_that_begins_and_ends_there_is_told(tmp_path: Path) -> None:
    sources = {"assurance": EventSource(secret=SECRET, poll=0), "ticketing": EventSource(poll=0)}
    world = World(customers=60)
    with SandboxServer("ticketing", world=world) as assurance:
        more = {"assurance": {"url": assurance.url}}
        live = LiveSettings(enabled=True, sources=sources)
        async with stacked(tmp_path, systems=more, live=live) as stack:
            told = {"callback": f"{stack.address}/events/assurance/{SECRET}"}
            hub = f"{assurance.url}{PROBLEMS.rpartition('/')[0]}/hub"
            async with stack.session.post(hub, json=told) as registered:
                assert registered.status == 201
            body = {"query": "subscription { outageChanged { outageId event outage { name isOpen } } }"}
            headers = {**stack.headers("1001"), "Accept": "text/event-stream"}
            async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as changes:
                async with stack.session.post(f"{assurance.url}/_sandbox/outages", json={"cabinet": 1}) as begun:
                    key = (await begun.json())["id"]
                first = await next_change(changes)
                async with stack.session.delete(f"{assurance.url}/_sandbox/outages/{key}"):
                    second = await next_change(changes)
    assert (first["outageId"], first["event"], first["outage"]["isOpen"]) == (f"Outage:{key}", "CREATED", True)
    assert (second["outageId"], second["event"], second["outage"]["isOpen"]) == (f"Outage:{key}", "RESOLVED", False)


async def next_change(changes: aiohttp.ClientResponse) -> Any:
    async with asyncio.timeout(20):
        async for line in changes.content:
            if line.startswith(b"data:") and b"outageChanged" in line:
                return json.loads(line[5:])["data"]["outageChanged"]
    raise AssertionError("the stream ended")


async def test_a_change_in_a_system_evicts_what_it_answers_for(systems: Systems) -> None:
    class Kept:
        changes: list[tuple[str, list[str]]] = []

        def __init__(self, domain: str) -> None:
            self.domain = domain

        async def changed(self, types: Any, _quiet: float = 0.0) -> None:
            self.changes.append((self.domain, sorted(types)))

    kept: Any = {"assurance": Kept("assurance"), "usage": Kept("usage")}
    hint = Hint(domain="ticketing", type="Outage", id="SP-1", change=Change.CHANGED, source=Source.HUB, at=1.0)
    async with connected(systems) as c:
        await replace(c, kept=kept).evict([hint])
    assert Kept.changes == [("assurance", ["Outage"])]


def written(tmp_path: Path, text: str = "", *without: str) -> Path:
    whole = "".join(
        f'[systems.{one}]\nurl = "http://a"\n'
        for one in ("crm", "billing", "inventory", "ticketing")
        if one not in without
    )
    file = tmp_path / "gateway.toml"
    file.write_text(whole + text, encoding="utf-8")
    return file


def test_the_environment_names_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SYSTEMS__ASSURANCE__URL", "http://alerts.example")
    named = load(written(tmp_path)).systems.by_domain
    assert named["assurance"].url == "http://alerts.example"
    assert "usage" not in named
    assert section_of(written(tmp_path), "assurance", "tmf") == "assurance"


def test_a_part_of_which_nothing_is_said_needs_no_section(tmp_path: Path) -> None:
    cache = '[redis]\nurl = "redis://a"\n[cache]\noutages = 5\nusage = 5\n'
    assert set(load(written(tmp_path, cache)).cache.keeping) == {"outages", "usage"}
    assert section_of(written(tmp_path), "usage", "tmf") == "billing"
    assert section_of(written(tmp_path), "usage", "radius") == "usage"  # another product than what billing is
    assert section_of(written(tmp_path), "crm", "tmf") == "crm"
    assert found("tmf", "assurance").domain == "assurance"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'references = { resource = "urn:{id}" }\n[systems.assurance]\nurl = "http://b"\n',
            "systems.ticketing.references.resource: is for what the assurance system keeps: set it in systems.assur",
        ),
        (
            'references = { ticket = "INC-{id}" }\n',
            "systems.ticketing: references.ticket: ticketing's records hold no ids of another system's tickets;"
            " there are: resource, service",
        ),
        (
            '[systems.usage]\nurl = "http://b"\ndriver = "rt"\n',
            "systems.usage: has no driver named 'rt'; there is: tmf",
        ),
        (
            '[systems.assurance]\ndriver = "tmf"\n',
            "systems.assurance.url: missing: the address of the assurance system",
        ),
    ],
)
def test_what_is_wrong_is_said_in_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongSettings) as wrong:
        load(written(tmp_path, text))
    assert any(said in one for one in wrong.value.problems), wrong.value.problems


async def test_check_tries_each_and_asks_about_customers(systems: Systems) -> None:
    with SandboxServer("billing", world=World(customers=200)) as usage:
        given = {name: {"url": server.url, "connect_timeout": 10.0} for name, server in systems.items()}
        together = await check(Settings.model_validate({"systems": given}), is_demo=True)
        given["usage"] = {"url": usage.url, "connect_timeout": 10.0}
        systems["billing"].requests.clear()
        findings = await check(Settings.model_validate({"systems": given}), is_demo=True)
        assert not any(USAGE in one for one in asked(systems["billing"]))
    lines = {one.name: one for one in findings}
    assert lines["usage"].read == "ok"
    assert "from usage_of_customers" in lines["usage"].note
    assert "usage_of_customers" not in lines["billing"].note
    assert {"usage", "assurance"}.isdisjoint(one.name for one in together)
    assert "from usage_of_customers" in next(one.note for one in together if one.name == "billing")
