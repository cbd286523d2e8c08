"""Products of their own kind compare texts character by character: names are asked for in each form of Unicode."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unicodedata import normalize

import aiohttp
import pytest
from aiohttp import web

from connectors import DOMAINS
from connectors.http.client import HttpClient
from connectors.records import Window
from connectors.settings import System
from tests.connectors.canned import canned

NAME, NUMBER, MAIL = "Zoë Ångström", "FÅ-1", "zoë@ångström.se"
FORMS = ["NFC", "NFD"]
IDENT = "00000000-0000-4000-8000-000000000001"


@asynccontextmanager
async def driving(domain: str, name: str, options: dict[str, Any], **answers: Any) -> AsyncIterator[Any]:
    async with canned(**answers) as server, aiohttp.ClientSession() as session:
        given = {"url": server.url, "driver": name, "options": options, "timeout": 20}
        system = System.model_validate(given)
        yield DOMAINS[domain].drivers[name].connect(HttpClient(domain, system, session))


def finding(kept: str, sought: str) -> bool:
    """As a database does: letter case aside, character by character."""
    return sought.casefold() in kept.casefold()


def bottlecrm(form: str) -> Callable[[web.Request], Any]:
    name, mail = normalize(form, NAME), normalize(form, MAIL)
    account = {"id": IDENT, "name": name, "email": mail, "custom_fields": {"customer_number": "C1"}, "is_active": True}

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/search/":
            found = finding(mail, request.query["q"])
            hits = [{"type": "account", "id": IDENT, "subtitle": mail}] if found else []
            return web.json_response({"results": hits})
        if request.path == "/api/contacts/":
            return web.json_response({"results": [], "count": 0})
        if IDENT in request.path:
            return web.json_response({"account_obj": account})
        rows = [account] if finding(name, request.query.get("name", "")) else []
        return web.json_response(
            {
                "active_accounts": {"open_accounts": rows, "open_accounts_count": len(rows)},
                "closed_accounts": {"close_accounts": [], "close_accounts_count": 0},
            }
        )

    return answer


@pytest.mark.parametrize("typed", FORMS)
@pytest.mark.parametrize("kept", FORMS)
async def test_bottlecrm_finds_a_customer_by_name_and_by_address(kept: str, typed: str) -> None:
    async with driving("crm", "bottlecrm", {}, **{"": bottlecrm(kept)}) as crm:
        for sought in (NAME, NAME.upper(), "ångs"):
            found = await crm.customers_named(normalize(typed, sought), Window(0, 5), None)
            assert [(one.id, one.name) for one in found.items] == [("C1", normalize(kept, NAME))]
        assert [one.id for one in (await crm.customers_reached_by(normalize(typed, MAIL), None)).items] == ["C1"]
        assert (await crm.customers_named("Zoe", Window(0, 5), None)).items == []


@pytest.mark.parametrize("typed", FORMS)
@pytest.mark.parametrize("kept", FORMS)
async def test_nautobot_finds_a_device_by_name_and_by_serial_number(kept: str, typed: str) -> None:
    device = {"id": IDENT, "name": normalize(kept, NAME), "serial": normalize(kept, NUMBER)}

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({})
        question = await request.json()
        keys = question["variables"]["keys"]
        named = [device] if any(finding(device["name"], key) for key in keys) else []
        numbered = [device] if any(device["serial"].casefold() == key.casefold() for key in keys) else []
        lists = {"devices": named, "serials": numbered, "interfaces": [], "ip_addresses": []}
        return web.json_response({"data": lists})

    async with driving("inventory", "nautobot", {}, **{"": answer}) as inventory:
        for sought in (NAME, NAME.upper(), "ångs", NUMBER, NUMBER.lower()):
            found = await inventory.resources_named(normalize(typed, sought), Window(0, 5), None)
            assert [one.id for one in found.items] == [IDENT], sought


@pytest.mark.parametrize("typed", FORMS)
@pytest.mark.parametrize("kept", FORMS)
async def test_tryton_finds_a_bill_by_number(kept: str, typed: str) -> None:
    invoice = {"id": 7, "type": "out", "party": {"id": 1, "code": "C1"}, "number": normalize(kept, NUMBER)}

    async def answer(request: web.Request) -> web.Response:
        alike, *_ = json.loads(base64.urlsafe_b64decode(request.query["d"]))
        texts = [alike[2]] if alike[0] == "number" else [one[2] for one in alike[1:]]
        return web.json_response([invoice] if invoice["number"].casefold() in map(str.casefold, texts) else [])

    options = {"database": "db", "currency": "EUR"}
    async with driving("billing", "tryton", options, **{"account.invoice": answer}) as billing:
        for sought in (NUMBER, NUMBER.lower()):
            found = await billing.bills_numbered(normalize(typed, sought), frozenset({"number"}))
            assert [one.id for one in found.items] == ["7"]
