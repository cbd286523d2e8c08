"""What a client writes as its e-mail address and phone number is what the CRM gets, code point for code point."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.request import urlopen

import pytest
import pytest_asyncio

from gateway.settings import WritesSettings
from sandbox.server import SandboxServer
from tests.stack import Stack, stacked

EMAILS: Final = {
    "windows-1252": "\u00c5sa.\u0160\u0153\u0178\u20ac\u2019@exempel\u00e5.example",
    "emoji": "\U0001f600\U0001f44b\U0001f3fd\u2764\ufe0f@home.example",
    "composed": "caf\u00e9@home.example",
    "combining": "cafe\u0301@home.example",
    "other scripts": "\u4f60\u597d.\u0645\u0631\u062d\u0628\u0627@\u4f8b\u5b50.example",
    "JSON's own": 'a"b\\u00e9\\n/b@home.example',
    "long": "\u00e9" * 187 + "@home.example",
}
PHONES: Final = ("+46 (70) 123-45/67.8", "0" * 31, "+0000", "46  70")


@pytest_asyncio.fixture(scope="module", params=["v4", "v5"])
async def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder, writes = tmp_path_factory.mktemp("contact"), WritesSettings(enabled=True, in_process=True)
    crm = {"profile": {"version": request.param}}
    async with stacked(folder, customers=2, writes=writes, systems={"crm": crm}) as shared:
        shared.systems["crm"].switches.version = request.param
        yield shared


def kept_media(crm: SandboxServer) -> list[dict[str, str]]:
    """What the CRM has, which it tells in v4's shape."""
    version, crm.switches.version = crm.switches.version, "v4"
    with urlopen(f"{crm.url}/tmf-api/customerManagement/v4/customer/1001") as answer:
        media = [one["characteristic"] for one in json.load(answer)["contactMedium"]]
    crm.switches.version = version
    return media


async def written(stack: Stack, **given: Any) -> tuple[str, str]:
    """What the CRM has as the e-mail address and the phone number after a client's write, as the client is told."""
    document = """mutation ($input: UpdateContactInput!) {
      updateContact(input: $input) { customer { email phone } userErrors { code path } }
    }"""
    key = f"click {sorted(given.items())}"[:200]
    told = (await stack.ask(document, "1001", input={"idempotencyKey": key, **given})).clean()["updateContact"]
    assert told["userErrors"] == []
    media = kept_media(stack.systems["crm"])
    kept = next(one["emailAddress"] for one in media if one.get("emailAddress"))
    called = next(one["phoneNumber"] for one in media if one.get("phoneNumber"))
    assert (told["customer"]["email"], told["customer"]["phone"]) == (kept, called)
    return kept, called


@pytest.mark.parametrize("email", EMAILS.values(), ids=EMAILS)
async def test_an_email_address(stack: Stack, email: str) -> None:
    assert [*map(ord, (await written(stack, email=email))[0])] == [*map(ord, email)]


@pytest.mark.parametrize("phone", PHONES)
async def test_a_phone_number(stack: Stack, phone: str) -> None:
    assert (await written(stack, phone=phone))[1] == phone


async def test_spaces_around_are_left_out_and_those_within_stay(stack: Stack) -> None:
    found = await written(stack, email=" \t me@home.example\n\u00a0", phone="  +46 70  123 ")
    assert found == ("me@home.example", "+46 70  123")
