"""The gateway as a listener at hubs that behave well, and at those that behave as real ones do."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors import connect
from connectors.events.hints import Change, Hint, Source
from connectors.events.hubs import HubListener
from connectors.events.settings import EventSource
from connectors.settings import System
from sandbox.server import SandboxServer
from tests.connectors.canned import canned
from tests.following import SECRET, Following, following, until
from tests.systems import Systems, asked, settings, stopped

HUB = EventSource(hub=True, secret=SECRET, poll=0)
TICKET = "/tmf-api/troubleTicket/v4"
NEW = {"description": "d", "severity": "Minor", "ticketType": "fault"}


async def registered(server: SandboxServer, count: int) -> list[str]:
    """The requests to the hubs, once so many have been answered."""

    def to_hubs() -> list[dict[str, Any]]:
        return [one for one in list(server.requests) if "/hub" in one["path"]]

    await until(lambda: len(found := to_hubs()) >= count and all(one["status"] for one in found))
    return [f"{one['method']} {one['path']} {one['status']}" for one in to_hubs()]


async def write(found: Following, method: str, server: SandboxServer, path: str, body: Any = None) -> dict[str, Any]:
    """A write to a system behind the gateway's back."""
    async with found.session.request(method, f"{server.url}{path}", json=body) as answer:
        assert answer.status < 300, await answer.text()
        row: dict[str, Any] = await answer.json()
        return row


def about(kind: str, ident: str) -> Any:
    return lambda hint: (hint.type, hint.id) == (kind, ident)


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize("hub_path", ["callback", "listener"])
async def test_what_a_hub_says_is_told(systems: Systems, version: str, hub_path: str) -> None:
    server, path = systems["ticketing"], TICKET.replace("v4", version)
    server.switches.version, server.switches.hub_path = version, hub_path  # type: ignore[assignment]  # of the words
    given = settings(systems, ticketing={"profile": {"version": version}})
    async with following(given, {"ticketing": HUB}) as found:
        problems = f"/tmf-api/serviceProblemManagement/{version}/hub"
        assert sorted(await registered(server, 2)) == [f"POST {problems} 201", f"POST {path}/hub 201"]
        made = await write(found, "POST", server, f"{path}/troubleTicket", NEW)
        hint = await found.told(about("Ticket", made["id"]))
        assert (hint.domain, hint.change, hint.source) == ("ticketing", Change.CREATED, Source.HUB)
        assert hint.event_id
        await write(found, "PATCH", server, f"{path}/troubleTicket/TT-1001-1", {"description": version + hub_path})
        assert (await found.told(about("Ticket", "TT-1001-1"))).change is Change.CHANGED
        begun = await write(found, "POST", server, "/_sandbox/outages", {"cabinet": 1})
        await write(found, "DELETE", server, f"/_sandbox/outages/{begun['id']}")
        outage = await found.all_told(2, about("Outage", begun["id"]))
        assert [one.change for one in outage] == [Change.CREATED, Change.CHANGED]
        assert set(found.counted) == {("ticketing", "accepted")}
    assert [one.partition(" ")[0] for one in await registered(server, 4)] == ["POST", "POST", "DELETE", "DELETE"]


async def test_bills_and_payments_are_told(systems: Systems) -> None:
    server = systems["billing"]
    async with following(settings(systems), {"billing": HUB}) as found:
        await registered(server, 2)
        async with found.session.get(
            f"{server.url}/tmf-api/customerBillManagement/v4/customerBill?relatedParty.id=1001&state=sent&limit=1"
        ) as answer:
            (bill,) = await answer.json()
        payment = {
            "account": {"id": bill["billingAccount"]["id"]},
            "paymentMethod": {"@type": "cash"},
            "totalAmount": {"unit": "EUR", "value": 1},
            "paymentItem": [{"item": {"id": bill["id"]}, "amount": {"unit": "EUR", "value": 1}}],
        }
        paid = await write(found, "POST", server, "/payment/v4/payment", payment)
        assert (await found.told(about("Payment", paid["id"]))).change is Change.CREATED
        assert (await found.told(about("Bill", bill["id"]))).change is Change.CHANGED


async def test_an_event_that_comes_twice_or_under_another_name_is_told_once(systems: Systems) -> None:
    server = systems["ticketing"]
    server.switches.hub_duplicates = server.switches.hub_notifications = True
    async with following(settings(systems), {"ticketing": HUB}) as found:
        await registered(server, 2)
        first = await write(found, "POST", server, f"{TICKET}/troubleTicket", NEW)
        last = await write(found, "POST", server, f"{TICKET}/troubleTicket", NEW)
        await found.told(about("Ticket", last["id"]))
        assert [one.change for one in found.hints if one.id == first["id"]] == [Change.CREATED]
        assert found.counted["ticketing", "duplicate"] >= 1


async def test_of_an_event_that_lies_only_the_id_is_taken(systems: Systems) -> None:
    server = systems["ticketing"]
    server.switches.hub_lies = server.switches.hub_ignores_query = True
    async with following(settings(systems), {"ticketing": HUB}) as found:
        await registered(server, 2)
        await write(found, "PATCH", server, f"{TICKET}/troubleTicket/TT-1001-1", {"description": "lied about"})
        hint = await found.told(about("Ticket", "TT-1001-1"))
        assert set(Hint.__struct_fields__) == {"domain", "type", "id", "change", "source", "at", "event_id"}
        assert hint.change is Change.CHANGED


async def test_a_registration_that_the_hub_has_already_is_one(systems: Systems) -> None:
    server = systems["ticketing"]
    server.switches.hub_refuses_known = server.switches.hub_forgets = True
    async with following(settings(systems), {"ticketing": HUB}, renewal=0.05) as found:
        statuses = [one.rpartition(" ")[2] for one in await registered(server, 6)]
        assert statuses[:6] == ["201", "201", "409", "409", "409", "409"]
        await write(found, "PATCH", server, f"{TICKET}/troubleTicket/TT-1001-1", {"description": "refused"})
        await found.told(about("Ticket", "TT-1001-1"))
    ended = [one for one in await registered(server, 8) if one.startswith("DELETE")]
    assert [one.rpartition(" ")[2] for one in ended] == ["204", "204"]


async def test_a_hub_that_takes_everything_twice_keeps_the_last_registration_only(systems: Systems) -> None:
    server = systems["ticketing"]
    async with following(settings(systems), {"ticketing": HUB}, renewal=0.05):
        done = await registered(server, 6)
    made = sum(one.startswith("POST") for one in await registered(server, len(done)))
    ended = [one for one in await registered(server, 2 * made) if one.startswith("DELETE")]
    assert len(ended) == made


async def test_registrations_that_a_restart_lost_are_made_again(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    server = systems["ticketing"]
    server.switches.hub_forgets = True
    polled = EventSource(hub=True, secret=SECRET, poll=0.05)
    async with following(settings(systems), {"ticketing": polled}, renewal=60.0) as found:
        await registered(server, 2)
        await asyncio.to_thread(server.stop)
        server.requests.clear()
        await until(lambda: "cannot be asked what changed" in caplog.text)
        await asyncio.to_thread(server.start)
        again = await registered(server, 2)  # as soon as a poll finds that it is back
        assert [one.rpartition(" ")[2] for one in again if one.startswith("POST")] == ["201", "201"]
        begun = await write(found, "POST", server, "/_sandbox/outages", {"cabinet": 1})
        assert await found.told(lambda hint: hint.id == begun["id"] and hint.source is Source.HUB)


async def test_a_system_without_a_hub_is_asked_again_and_again_and_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with canned() as server:
        system = System.model_validate({"url": server.url})
        asked_again = asyncio.Event()

        async def no_hub(_request: web.Request) -> web.Response:
            if len(server.seen) >= 6:
                asked_again.set()
            return web.Response(status=404)

        server.answers["hub"] = no_hub
        async with following({"ticketing": system}, {"ticketing": HUB}, renewal=0.02), asyncio.timeout(15):
            await asked_again.wait()
    assert len([one for one in caplog.messages if "cannot be registered" in one]) == 2  # two APIs


async def test_a_lost_answer_is_no_registration_and_is_not_repeated_blindly(systems: Systems) -> None:
    server = systems["ticketing"]
    async with aiohttp.ClientSession() as session:
        driver: Any = connect(settings(systems), session).ticketing
        hub = HubListener(driver.http, driver.events.hubs[0], lambda: "http://127.0.0.1:9/events")
        server.switches.drop_connections = 1
        assert not await hub.register()
        assert hub.registration is None
        assert len(asked(server)) == 1
        assert await hub.register()
        assert hub.registration
        with stopped(server):
            await hub.unregister()
        assert hub.registration is None
