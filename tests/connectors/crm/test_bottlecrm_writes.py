"""Contact data in BottleCRM: a small one that answers as the live one did (1.35.0), and its traps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.crm.bottlecrm.driver import BottleCrm
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.port import ContactChange
from connectors.errors import ConnectorError, Declined, Failed, Garbled, Reason, Refused, Rejected, Unreachable
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.settings import System
from connectors.writes import WriteKey

KEY = WriteKey("0123456789abcdef0123456789abcdef")
ACCOUNT = "ef435878-c1e4-4314-b2d2-f71754c0ad7a"
JAN = "3ec5c583-6d60-4ef5-b3d0-e54df0f60fc3"
EVA = "da059178-2654-48d2-80b3-d2da58d725b4"
MAIL, PHONE = "jan.kucera.1@example.com", "+420777100137"
NEW_MAIL, NEW_PHONE = "New.Name@Example.com", "+420 777 111 222"
BAD_MAIL = ["Enter a valid email address."]
BAD_PHONE = ["Enter a valid phone number (7-25 characters, digits and separators only)"]


def contact(key: str = JAN, **changed: Any) -> dict[str, Any]:
    return {"id": key, "first_name": "Jan", "last_name": "Kucera", "email": MAIL, "phone": PHONE, **changed}


def eva(**changed: Any) -> dict[str, Any]:
    return contact(EVA, **{"first_name": "Eva", "email": "eva@example.com", "phone": None, **changed})


def refusal(errors: Any, status: int = 400) -> web.Response:
    return web.json_response({"error": True, "errors": errors}, status=status)


def page(status: int) -> web.Response:
    return web.Response(status=status, text=f"<!doctype html>\n<h1>{status}</h1>\n", content_type="text/html")


class Product:
    """One account and its contacts. `seen` are method and record of every request, `bodies` what was sent.

    `instead` answers a PATCH without doing it, by the record's id; `after` does it and answers so. A list gives its
    answers one after the other, and does what is asked after the last. `lost`: done, and no answer comes.
    """

    def __init__(self) -> None:
        self.account: dict[str, Any] = {
            "id": ACCOUNT,
            "name": "Jan Kucera (C100002)",
            "email": MAIL,
            "phone": PHONE,
            "is_active": True,
            "custom_fields": {"customer_number": "C100002", "segment": "residential"},
        }
        self.contacts = [contact()]
        self.accounts = 1
        self.seen: list[str] = []
        self.bodies: list[dict[str, str]] = []
        self.instead: dict[str, list[web.Response | None]] = {}
        self.after: dict[str, web.Response] = {}
        self.lost: set[str] = set()
        self.stores = True
        self.reads: web.Response | None = None
        self.read_again: web.Response | None = None
        self.url = ""

    @property
    def written(self) -> list[tuple[str, dict[str, str]]]:
        """What was sent, by the record: every write is a PATCH, since PUT clears links."""
        sent = [one.split(" ", 1) for one in self.seen if not one.startswith("GET")]
        assert {method for method, _ in sent} <= {"PATCH"}
        return list(zip([key for _, key in sent], self.bodies, strict=True))

    @property
    def stored(self) -> list[tuple[Any, Any]]:
        """E-mail address and phone number of the account, then of each contact."""
        return [(one["email"] or None, one["phone"] or None) for one in (self.account, *self.contacts)]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        key = parts[2] if len(parts) > 2 else parts[1]
        self.seen.append(f"{request.method} {key}")
        if request.method == "GET":
            return self.reads or (self.bodies and self.read_again) or web.json_response(self._read(key))
        self.bodies.append(await request.json())
        row = self.account if key == ACCOUNT else next(one for one in self.contacts if one["id"] == key)
        assert parts[1] == ("accounts" if row is self.account else "contacts")
        if (answers := self.instead.get(key)) and (other := answers.pop(0)):
            return other
        if self.stores:
            row.update(self.bodies[-1])
        if key in self.lost:
            assert request.transport is not None
            request.transport.close()
        return self.after.get(key) or web.json_response({"error": False, "message": "Account Updated Successfully"})

    def _read(self, key: str) -> dict[str, Any]:
        if key == ACCOUNT:
            return {"account_obj": {**self.account, "contacts": self.contacts}}
        rows = [{**self.account, "id": ACCOUNT if not n else EVA} for n in range(self.accounts)]
        return {
            "active_accounts": {"open_accounts": rows, "open_accounts_count": len(rows)},
            "closed_accounts": {"close_accounts": [], "close_accounts_count": 0},
        }


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    one = Product()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield one
    finally:
        await runner.cleanup()


@asynccontextmanager
async def driven(product: Product) -> AsyncIterator[Any]:
    system = System.model_validate({"url": product.url, "auth": {"kind": "bearer", "token": "t"}, "timeout": 10.0})
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield BottleCrm(HttpClient("crm", system, session), BottleCrmOptions())


@pytest.fixture
async def crm(product: Product) -> AsyncIterator[Any]:
    async with driven(product) as driver:
        yield driver


def change(**values: Any) -> ContactChange:
    return ContactChange(customer_id="C100002", **values)


async def failing(crm: Any, wanted: ContactChange) -> Any:
    with pytest.raises(ConnectorError) as told:
        await crm.update_contact(wanted, KEY)
    return told.value


# ---- what is done


async def test_the_contact_and_the_account_are_changed_and_read_again(product: Product, crm: Any) -> None:
    await crm.update_contact(change(email=NEW_MAIL, phone=NEW_PHONE), KEY)
    both = {"email": NEW_MAIL, "phone": NEW_PHONE}
    assert product.written == [(JAN, both), (ACCOUNT, both)]
    assert product.seen == ["GET accounts", f"GET {ACCOUNT}", f"PATCH {JAN}", f"PATCH {ACCOUNT}", f"GET {ACCOUNT}"]
    assert product.stored == [(NEW_MAIL, NEW_PHONE)] * 2


async def test_nothing_is_sent_where_it_is_so_already(product: Product, crm: Any) -> None:
    await crm.update_contact(change(email=MAIL, phone=PHONE), KEY)
    product.account["email"] = product.contacts[0]["email"] = None
    await crm.update_contact(change(email=None), KEY)
    await crm.update_contact(change(), KEY)
    assert product.written == []
    assert len(product.seen) == 6


async def test_what_is_not_named_stays_and_only_what_differs_is_sent(product: Product, crm: Any) -> None:
    product.contacts[0]["phone"] = NEW_PHONE
    await crm.update_contact(change(email=MAIL, phone=NEW_PHONE), KEY)
    assert product.written == [(ACCOUNT, {"phone": NEW_PHONE})]


async def test_none_clears_and_so_does_an_empty_text(product: Product, crm: Any) -> None:
    await crm.update_contact(change(email=None, phone=""), KEY)
    assert product.written == [(key, {"email": "", "phone": ""}) for key in (JAN, ACCOUNT)]
    assert product.stored == [(None, None)] * 2


async def test_letters_and_blanks_within_are_kept_and_blanks_around_are_not(product: Product, crm: Any) -> None:
    """BottleCRM leaves out those around: sent with them, it would look as if the change were not stored."""
    await crm.update_contact(change(email=f" {MAIL.upper()} ", phone="+420 777 100 137"), KEY)
    assert product.stored == [(MAIL.upper(), "+420 777 100 137")] * 2


async def test_an_account_without_contacts_is_changed_alone(product: Product, crm: Any) -> None:
    product.contacts = []
    await crm.update_contact(change(email=NEW_MAIL), KEY)
    assert product.written == [(ACCOUNT, {"email": NEW_MAIL})]


# ---- who of several contacts is the person


async def test_of_several_contacts_the_one_with_the_accounts_address_follows_it(product: Product, crm: Any) -> None:
    product.contacts = [eva(), contact(email=MAIL.upper())]
    await crm.update_contact(change(email=NEW_MAIL), KEY)
    assert product.stored == [(NEW_MAIL, PHONE), ("eva@example.com", None), (NEW_MAIL, PHONE)]
    [customer] = (await crm.customers(["C100002"], None)).values()
    [party] = (await crm.parties([customer], None)).values()
    assert party.given_name == "Jan"  # the link still holds


async def test_where_no_contact_is_the_person_the_account_is_changed_alone(product: Product, crm: Any) -> None:
    product.contacts = [eva(), contact(email="jan@work.example")]
    await crm.update_contact(change(email=NEW_MAIL, phone=None), KEY)
    assert product.written == [(ACCOUNT, {"email": NEW_MAIL, "phone": ""})]


async def test_another_contacts_address_would_lose_who_the_person_is(product: Product, crm: Any) -> None:
    product.contacts = [eva(), contact()]
    declined = await failing(crm, change(email="EVA@example.com"))
    assert (declined.reason, declined.attribute) == (Reason.CONFLICT, "email")
    assert product.written == []


# ---- half a change


async def test_half_a_change_is_told_and_the_next_call_completes_it(product: Product, crm: Any) -> None:
    """The contact has the new address, and by the account's old one it would not be found any more."""
    product.contacts = [eva(), contact()]
    product.instead = {ACCOUNT: [page(503)]}
    wanted = change(email=NEW_MAIL, phone=NEW_PHONE)
    failure = await failing(crm, wanted)
    assert (type(failure), failure.may_have_happened) == (Failed, True)
    assert product.stored == [(MAIL, PHONE), ("eva@example.com", None), (NEW_MAIL, NEW_PHONE)]
    await crm.update_contact(wanted, KEY)
    assert product.written[2:] == [(ACCOUNT, {"email": NEW_MAIL, "phone": NEW_PHONE})]
    assert product.stored == [(NEW_MAIL, NEW_PHONE), ("eva@example.com", None), (NEW_MAIL, NEW_PHONE)]


async def test_half_a_change_that_removes_is_completed_too(product: Product, crm: Any) -> None:
    product.contacts = [eva(), contact()]
    product.instead = {ACCOUNT: [page(503)]}
    await failing(crm, change(email=None, phone=None))
    await crm.update_contact(change(email=None, phone=None), KEY)
    assert product.stored == [(None, None), ("eva@example.com", None), (None, None)]


@pytest.mark.parametrize("answer", [refusal({"phone": BAD_PHONE}), page(403)])
async def test_an_account_that_is_surely_not_changed_gives_the_contact_back_what_it_had(
    product: Product, crm: Any, answer: web.Response
) -> None:
    product.instead = {ACCOUNT: [answer]}
    failure = await failing(crm, change(email=NEW_MAIL, phone=NEW_PHONE))
    assert type(failure) is (Declined if answer.status == 400 else Refused)
    assert not failure.may_have_happened
    assert product.written[2:] == [(JAN, {"email": MAIL, "phone": PHONE})]
    assert product.stored == [(MAIL, PHONE)] * 2


async def test_half_a_change_that_cannot_be_taken_back_is_no_refusal(product: Product, crm: Any) -> None:
    product.instead = {ACCOUNT: [refusal({"phone": BAD_PHONE})], JAN: [None, refusal({"phone": BAD_PHONE})]}
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert (type(failure), failure.may_have_happened) == (Garbled, True)
    assert len(product.written) == 3


# ---- what came back is judged by reading


async def test_a_change_that_was_accepted_and_not_stored_is_not_done(product: Product, crm: Any) -> None:
    product.stores = False
    failure = await failing(crm, change(email=NEW_MAIL))
    assert (type(failure), failure.may_have_happened) == (Garbled, True)


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_a_change_that_cannot_be_read_again_may_have_happened(product: Product, crm: Any, status: int) -> None:
    product.read_again = page(status)
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert failure.may_have_happened
    assert product.stored == [(MAIL, NEW_PHONE)] * 2


@pytest.mark.parametrize("key", [JAN, ACCOUNT])
async def test_a_lost_answer_is_not_sent_again_and_the_next_call_finds_it_done(
    product: Product, crm: Any, key: str
) -> None:
    product.lost = {key}
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert (type(failure), failure.may_have_happened) == (Unreachable, True)
    assert [one for one, _ in product.written].count(key) == 1
    product.lost = set()
    await crm.update_contact(change(phone=NEW_PHONE), KEY)
    assert [one for one, _ in product.written].count(key) == 1
    assert product.stored == [(MAIL, NEW_PHONE)] * 2


async def test_a_500_may_have_stored_it_and_the_next_call_sends_nothing(product: Product, crm: Any) -> None:
    """As with Redis down."""
    product.after = {ACCOUNT: page(500)}
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert (type(failure), failure.may_have_happened) == (Failed, True)
    await crm.update_contact(change(phone=NEW_PHONE), KEY)
    assert len(product.written) == 2


# ---- what is declined


@pytest.mark.parametrize(
    ("errors", "reason", "attribute"),
    [
        ({"email": BAD_MAIL}, Reason.INVALID, "email"),
        ({"phone": BAD_PHONE}, Reason.INVALID, "phone"),
        ({"email": BAD_MAIL, "phone": BAD_PHONE}, Reason.INVALID, "email"),
        ({"email": ["Ensure this field has no more than 254 characters."]}, Reason.TOO_LONG, "email"),
        ({"phone": [*BAD_PHONE, "Ensure this field has no more than 25 characters."]}, Reason.TOO_LONG, "phone"),
        ({"email": ["Contact already exists with this email"]}, Reason.CONFLICT, "email"),
        ({"website": ["Enter a valid URL."]}, Reason.OTHER, None),
        ("Not now", Reason.OTHER, None),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
async def test_a_refusal_names_the_attribute_and_nothing_is_changed(
    product: Product, crm: Any, errors: Any, reason: Reason, attribute: str | None, status: int
) -> None:
    """The contact is asked first: an address that another customer's contact has is declined there, and only there."""
    product.instead = {JAN: [refusal(errors, status)]}
    declined = await failing(crm, change(email=NEW_MAIL, phone=NEW_PHONE))
    assert (type(declined), declined.reason, declined.attribute) == (Declined, reason, attribute)
    assert not declined.may_have_happened
    assert len(product.written) == 1
    assert product.stored == [(MAIL, PHONE)] * 2
    assert crm.http.health.status is SystemStatus.UP


async def test_a_customer_who_is_not_there_is_not_found(product: Product, crm: Any) -> None:
    product.accounts = 0
    for number in ("C100002", "", "\0"):
        declined = await failing(crm, ContactChange(customer_id=number, phone=NEW_PHONE))
        assert (declined.reason, declined.attribute) == (Reason.NOT_FOUND, "customer_id")
    assert product.seen == ["GET accounts"]


async def test_a_number_of_two_accounts_is_nobodys_to_change(product: Product, crm: Any) -> None:
    product.accounts = 2
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert (type(failure), failure.may_have_happened) == (Garbled, False)
    assert product.written == []


async def test_a_record_that_is_gone_is_not_found_and_a_page_is_a_wrong_address(product: Product, crm: Any) -> None:
    gone = web.json_response({"detail": "No Contact matches the given query."}, status=404)
    product.instead = {JAN: [gone, page(404)]}
    declined = await failing(crm, change(phone=NEW_PHONE))
    assert (type(declined), declined.reason) == (Declined, Reason.NOT_FOUND)
    assert type(await failing(crm, change(phone=NEW_PHONE))) is Rejected


async def test_what_fails_before_anything_is_sent_has_surely_not_happened(product: Product, crm: Any) -> None:
    product.reads = page(500)
    failure = await failing(crm, change(phone=NEW_PHONE))
    assert (type(failure), failure.may_have_happened) == (Failed, False)
    assert product.written == []
