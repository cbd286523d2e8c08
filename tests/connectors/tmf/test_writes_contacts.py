"""Contact data by TMF629: what is read is what is written, and everything else stays word for word."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import urlopen

import pytest
from aiohttp import web

from connectors.crm.port import ContactChange
from connectors.errors import Declined, Garbled, NotSupported, Reason, Unreachable
from connectors.writes import WriteKey
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.sandbox import official, official5

KEY = WriteKey("k" * 32)
VERSIONS = pytest.mark.parametrize("version", ["v4", "v5"])


@pytest.fixture
def desk() -> Iterator[SandboxServer]:
    """A CRM that nobody else writes to."""
    with SandboxServer("crm", world=World(customers=20)) as server:
        yield server


@asynccontextmanager
async def writing(desk: SandboxServer, **profile: Any) -> AsyncIterator[Any]:
    desk.switches.merge({"version": profile.get("version", "v4"), "strictWrites": True})
    async with connected({"crm": desk}, crm={"profile": profile}) as c:
        yield c.crm


def sent(desk: SandboxServer) -> list[str]:
    return [one["method"] for one in desk.requests]


def media(desk: SandboxServer) -> Any:
    """As the sandbox has them, in v4's shape; no request of the driver's."""
    version, desk.switches.version = desk.switches.version, "v4"
    with urlopen(f"{desk.url}/tmf-api/customerManagement/v4/customer/1001") as answer:
        row = json.load(answer)
    desk.requests.pop()
    desk.switches.version = version
    return row["contactMedium"]


@VERSIONS
async def test_both_are_changed_in_one_write_and_all_else_stays(desk: SandboxServer, version: str) -> None:
    async with writing(desk, version=version) as driver:
        before = media(desk)
        change = ContactChange(customer_id="1001", email="new@example.net", phone="+46701234567")
        await driver.update_contact(change, KEY)
        await driver.update_contact(change, KEY)  # it is so already
        assert sent(desk) == ["GET", "PATCH", "GET"]
        after = (await driver.customers(["1001"], None))["1001"]
    assert (after.email, after.phone, after.party_id) == ("new@example.net", "+46701234567", "P1001")
    old_mail, old_phone, postal = before
    assert media(desk) == [
        old_mail | {"characteristic": old_mail["characteristic"] | {"emailAddress": "new@example.net"}},
        old_phone | {"characteristic": old_phone["characteristic"] | {"phoneNumber": "+46701234567"}},
        postal,
    ]


@VERSIONS
async def test_null_removes_and_a_new_one_is_added(desk: SandboxServer, version: str) -> None:
    async with writing(desk, version=version) as driver:
        await driver.update_contact(ContactChange(customer_id="1001", phone=None), KEY)
        removed = (await driver.customers(["1001"], None))["1001"]
        await driver.update_contact(ContactChange(customer_id="1001", phone=None), KEY)
        assert sent(desk) == ["GET", "PATCH", "GET", "GET"]
        assert len(media(desk)) == 2
        await driver.update_contact(ContactChange(customer_id="1001", phone="+4681234567"), KEY)
        added = (await driver.customers(["1001"], None))["1001"]
        reached = await driver.customers_reached_by("+4681234567", None)
    assert (removed.phone, added.phone, added.email) == (None, "+4681234567", removed.email)
    assert (media(desk)[2]["mediumType"], [one.id for one in reached.items]) == ("telephoneNumber", ["1001"])


async def test_nothing_said_costs_no_call(desk: SandboxServer) -> None:
    async with writing(desk) as driver:
        await driver.update_contact(ContactChange(customer_id="1001"), KEY)
        with pytest.raises(Declined) as empty:
            await driver.update_contact(ContactChange(customer_id="1001", email=""), KEY)
    assert (empty.value.attribute, sent(desk)) == ("email", [])


MEDIA = """[
  {"mediumType": "email", "preferred": false, "characteristic": {"emailAddress": "second@example.net"}},
  {"mediumType": "x", "weight": 1.10, "characteristic": {"phoneNumber": "1", "emailAddress": "first@example.net"},
   "preferred": true, "validFor": {"startDateTime": "2020"}},
  {"mediumType":"PostalAddress","characteristic":{"city":"\\u00c5","n":12345678901234567890.50}}
]"""
ROW = '{"id": "1001", "name": "Ada", "engagedParty": {"id": "P1", "@referredType": "Individual"}, "contactMedium": %s}'


@asynccontextmanager
async def one_customer(media: str, etag: str = "", **profile: Any) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A driver of a CRM with one customer, and what is written to it: headers and body."""
    kept, writes = [ROW % media], []

    async def answer(request: web.Request) -> web.Response:
        if request.method == "PATCH":
            body = await request.read()
            writes.append((request.headers, body))
            kept[0] = json.dumps(json.loads(kept[0]) | json.loads(body))
        elif request.headers.get("If-Match"):
            raise AssertionError("a read has no precondition")
        return web.Response(text=kept[0], content_type="application/json", headers={"ETag": etag} if etag else {})

    async with canned(**{"1001": answer}) as server, reading(server, profile=profile) as c:
        yield c.crm, writes


async def test_the_preferred_medium_is_changed_and_numbers_keep_their_digits() -> None:
    async with one_customer(MEDIA) as (driver, writes):
        await driver.update_contact(ContactChange(customer_id="1001", email="new@example.net"), KEY)
    ((headers, body),) = writes
    assert headers["Content-Type"] == "application/json"
    for untouched in (
        b'{"mediumType": "email", "preferred": false, "characteristic": {"emailAddress": "second@example.net"}}',
        b'{"mediumType":"PostalAddress","characteristic":{"city":"\\u00c5","n":12345678901234567890.50}}',
        b'"weight":1.10',
    ):
        assert untouched in body
    changed = json.loads(body)["contactMedium"][1]
    assert changed["characteristic"] == {"phoneNumber": "1", "emailAddress": "new@example.net"}
    assert set(json.loads(body)) == {"engagedParty", "contactMedium"}


async def test_removing_takes_what_is_read_and_leaves_the_rest() -> None:
    async with one_customer(MEDIA) as (driver, writes):
        await driver.update_contact(ContactChange(customer_id="1001", email=None, phone="2"), KEY)
    left = json.loads(writes[0][1])["contactMedium"]
    assert [one["characteristic"] for one in left][:2] == [{"emailAddress": "second@example.net"}, {"phoneNumber": "2"}]


@pytest.mark.parametrize(("etag", "condition"), [('"7"', '"7"'), ('W/"7"', None), ("", None)])
async def test_a_strong_etag_is_the_writes_condition(etag: str, condition: str | None) -> None:
    async with one_customer("null", etag) as (driver, writes):
        await driver.update_contact(ContactChange(customer_id="1001", email="a@example.net"), KEY)
    assert writes[0][0].get("If-Match") == condition


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        ({"version": "v5"}, "application/merge-patch+json"),
        ({"version": "v5", "patch_type": "application/json"}, "application/json"),
        ({"patch_type": "application/merge-patch+json"}, "application/merge-patch+json"),
    ],
)
async def test_the_content_type_is_the_versions_or_the_profiles(profile: dict[str, str], kind: str) -> None:
    async with one_customer("[]", **profile) as (driver, writes):
        await driver.update_contact(ContactChange(customer_id="1001", email="a@example.net"), KEY)
    headers, body = writes[0]
    assert headers["Content-Type"] == kind
    body = json.loads(body)
    if profile.get("version") == "v5":
        assert (body["@type"], body["name"]) == ("Customer", "Ada")
        assert body["contactMedium"] == [{"@type": "EmailContactMedium", "emailAddress": "a@example.net"}]


@VERSIONS
async def test_what_is_sent_is_what_the_official_files_want(
    desk: SandboxServer, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.protocol import strict

    bodies: list[Any] = []
    monkeypatch.setattr(strict, "check", lambda _path, body, _version, *, changes: bodies.append(body))
    async with writing(desk, version=version) as driver:
        await driver.update_contact(ContactChange(customer_id="1001", email="a@example.net"), KEY)
    (body,) = bodies
    if version == "v4" and official.SPECS.is_dir():
        assert official.problems("Customer", "Customer_Update", body) == []
    elif version == "v5" and not official5.MISSING:
        # The file forgets @type in what may be changed of a medium, which it makes the discriminator all the same.
        problems = official5.problems("Customer", "Customer_MVO", body)
        assert [one for one in problems if "@type is no attribute" not in one] == []


# --- What goes wrong ---


async def test_a_customer_that_is_not_there_is_not_found(desk: SandboxServer) -> None:
    async with writing(desk) as driver:
        with pytest.raises(Declined) as refused:
            await driver.update_contact(ContactChange(customer_id="1", email="a@example.net"), KEY)
    assert (refused.value.reason, refused.value.attribute) == (Reason.NOT_FOUND, "customer_id")
    assert sent(desk) == ["GET"]


@pytest.mark.parametrize(("status", "reason"), [(400, Reason.OTHER), (409, Reason.CONFLICT), (412, Reason.CONFLICT)])
async def test_a_refusal_is_declined(desk: SandboxServer, status: int, reason: Reason) -> None:
    for in_200 in (False, True):
        desk.switches.merge({"refuseWrites": status, "refusalsIn200": in_200})
        async with writing(desk) as driver:
            with pytest.raises(Declined) as refused:
                await driver.update_contact(ContactChange(customer_id="1001", email="a@example.net"), KEY)
        assert refused.value.reason is reason
        assert "a@example.net" not in str(refused.value)


async def test_an_error_that_names_the_attribute_says_so() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(text=ROW % "[]", content_type="application/json")
        return web.json_response(
            {"code": "27", "reason": "Invalid", "message": "emailAddress is no address"}, status=400
        )

    async with canned(**{"1001": answer}) as server, reading(server) as c:
        with pytest.raises(Declined) as refused:
            await c.crm.update_contact(ContactChange(customer_id="1001", email="nonsense", phone="1"), KEY)
    assert (refused.value.reason, refused.value.attribute) == (Reason.INVALID, "email")


async def test_a_lost_answer_may_have_happened_and_the_same_again_sends_nothing(desk: SandboxServer) -> None:
    change = ContactChange(customer_id="1001", email="new@example.net")
    desk.switches.lose_answers = 1
    async with writing(desk) as driver:
        with pytest.raises(Unreachable) as lost:
            await driver.update_contact(change, KEY)
        assert lost.value.may_have_happened
        await driver.update_contact(change, KEY)
    assert sent(desk) == ["GET", "PATCH", "GET"]


@pytest.mark.parametrize(("status", "body"), [(200, ""), (204, ""), (200, '{"id": "1001"}')])
async def test_a_success_that_shows_nothing_is_read_back(status: int, body: str) -> None:
    rows = [ROW % "[]", ROW % '[{"characteristic": {"emailAddress": "a@example.net"}}]', "broken", "broken"]
    reads = iter([rows[0], rows[1], rows[0], rows[0], rows[0], rows[2]])
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        if request.method == "PATCH":
            return web.Response(status=status, text=body)
        return web.Response(text=next(reads), content_type="application/json")

    change = ContactChange(customer_id="1001", email="a@example.net")
    async with canned(**{"1001": answer}) as server, reading(server) as c:
        await c.crm.update_contact(change, KEY)
        for _ in ("it is not there", "it cannot be read"):
            with pytest.raises(Garbled) as unknown:
                await c.crm.update_contact(change, KEY)
            assert unknown.value.may_have_happened
    assert seen == ["GET", "PATCH", "GET"] * 3


async def test_what_is_read_only_is_said_beforehand(desk: SandboxServer) -> None:
    async with writing(desk, resources={"customer": {"read_only": True}}) as driver:
        assert set(driver.unsupported) == {"update_contact"}
        with pytest.raises(NotSupported):
            await driver.update_contact(ContactChange(customer_id="1001", email="a@example.net"), KEY)
    assert sent(desk) == []
