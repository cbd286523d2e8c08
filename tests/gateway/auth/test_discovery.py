"""OpenID discovery: what an issuer's own document must be, and how often it is read."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from gateway.auth.discovery import Discovery, Metadata, metadata_address, read
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.auth.tokens import Authenticator
from gateway.auth_settings import AuthSettings
from gateway.commands.check_keys import of_issuer
from tests.gateway.auth.issuers import AUDIENCE, Clock, Providers, Realm, providers, with_claims
from tests.gateway.auth.test_tokens import with_header

DOCUMENT, KEYS = "/realm/.well-known/openid-configuration", "/realm/jwks"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Providers]:
    async with providers() as made:
        yield made


@pytest.fixture
def realm(server: Providers) -> Realm:
    return server.add("/realm")


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def believing(realm: Realm, session: aiohttp.ClientSession, **more: Any) -> Authenticator:
    return AuthSettings(issuer=realm.address, audience=AUDIENCE, **more).authenticator(session)


async def agent(authenticator: Authenticator, realm: Realm, key_id: str = "k1", **claims: Any) -> bool:
    """Whether a token that nobody has seen is taken."""
    return (await authenticator.viewer(realm.token(key_id, kind="agent", **claims))).is_staff


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"issuer": "https://other.example"}, "of another issuer, 'https://other.example', not of"),
        ({"issuer": None}, "of another issuer"),
        ({"issuer": ["x"]}, "of another issuer"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": "/jwks"}, "has no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "has no jwks_uri"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "names no asymmetric algorithm"),
        ({"id_token_signing_alg_values_supported": "RS256"}, "names no asymmetric algorithm"),
    ],
)
async def test_a_document_that_is_not_to_be_used(
    realm: Realm, session: aiohttp.ClientSession, document: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    realm.document = document
    with caplog.at_level(logging.WARNING), pytest.raises(AuthUnavailableError):
        await agent(believing(realm, session), realm)
    assert says in caplog.text
    assert realm.address in caplog.text


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b"[" * 5000])
def test_what_is_no_document(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"openid-configuration|JSON|utf-8|UTF-8|str|recursion|depth|EOF|unexpected"):
        read(body, "https://login.example")


def test_keys_of_an_https_issuer_are_at_https() -> None:
    said = {"issuer": "https://login.example/", "jwks_uri": "http://login.example/jwks"}
    with pytest.raises(ValueError, match="has no jwks_uri that begins as the issuer's address does"):
        read(orjson.dumps(said), "https://login.example/")
    there = read(orjson.dumps(said | {"jwks_uri": "https://keys.example/jwks"}), "https://login.example/")
    assert there == Metadata("https://keys.example/jwks", None)
    assert metadata_address("https://login.example/") == "https://login.example/.well-known/openid-configuration"


async def test_the_document_is_kept_and_read_again(
    server: Providers, realm: Realm, session: aiohttp.ClientSession, clock: Clock
) -> None:
    authenticator = believing(realm, session, jwks_max_age=60)
    assert await agent(authenticator, realm)
    assert (server.asked[DOCUMENT], server.asked[KEYS]) == (1, 1)
    clock.later = 61.0
    assert await agent(authenticator, realm, sub="2")
    assert (server.asked[DOCUMENT], server.asked[KEYS]) == (1, 2)
    clock.later = 601.0
    assert await agent(authenticator, realm, sub="3")
    assert (server.asked[DOCUMENT], server.asked[KEYS]) == (2, 3)


async def test_keys_that_have_moved_are_found_at_once(
    server: Providers, realm: Realm, session: aiohttp.ClientSession
) -> None:
    authenticator = believing(realm, session)
    assert await agent(authenticator, realm)
    realm.jwks_path = "/keys"
    realm.made.add("k2")
    assert await agent(authenticator, realm, "k2")
    assert (server.asked[DOCUMENT], server.asked[KEYS], server.asked["/realm/keys"]) == (2, 2, 1)


async def test_an_issuer_that_says_it_is_another_one_now_gets_no_further_keys_believed(
    realm: Realm, session: aiohttp.ClientSession, clock: Clock
) -> None:
    authenticator = believing(realm, session)
    assert await agent(authenticator, realm)
    realm.document = {"issuer": "https://other.example"}
    realm.made.add("k2")
    clock.later = 601.0
    with pytest.raises(AuthUnavailableError):
        await agent(authenticator, realm, "k2")
    assert await agent(authenticator, realm, sub="2")  # with the key from before


async def test_algorithms_are_the_issuers_unless_they_are_set(realm: Realm, session: aiohttp.ClientSession) -> None:
    realm.document = {"id_token_signing_alg_values_supported": ["RS256"]}
    authenticator = believing(realm, session)
    odd = with_header(alg=["RS256"])(realm.made)
    for _ in range(2):  # before the issuer is asked, and after
        with pytest.raises(AuthenticationError, match="is not signed with RS256"):
            await agent(authenticator, realm)
        with pytest.raises(AuthenticationError, match="is not signed with"):
            await authenticator.viewer(with_claims(odd, iss=realm.address))
    assert await agent(believing(realm, session, algorithms=["ES256"]), realm)
    realm.document = {"id_token_signing_alg_values_supported": None}
    assert await agent(believing(realm, session), realm)


async def test_an_issuer_that_changes_its_algorithm_is_asked_again(
    realm: Realm, session: aiohttp.ClientSession, clock: Clock
) -> None:
    realm.document = {"id_token_signing_alg_values_supported": ["ES256"]}
    authenticator = believing(realm, session)
    assert await agent(authenticator, realm)
    realm.document = {"id_token_signing_alg_values_supported": ["RS256"]}
    realm.made.keys.clear()
    realm.made.add("r1", "RS256")
    with pytest.raises(AuthenticationError, match="is not signed with ES256"):
        await agent(authenticator, realm, "r1")
    clock.later = 601.0
    assert await agent(authenticator, realm, "r1")


async def test_a_token_never_says_where_keys_are(
    server: Providers, realm: Realm, session: aiohttp.ClientSession
) -> None:
    evil = server.add("/evil", "k9")
    header = {"jku": f"{evil.address}/jwks", "x5u": f"{evil.address}/jwks", "kid": "k9", "iss": evil.address}
    with pytest.raises(AuthenticationError, match="unknown key"):
        await agent(believing(realm, session), evil, "k9", iss=realm.address, header=header)
    assert {path for path in server.asked if path.startswith("/evil")} == set()


@pytest.mark.parametrize("what", ["redirect", "too large", "status"])
async def test_bounds(server: Providers, realm: Realm, session: aiohttp.ClientSession, what: str) -> None:
    if what == "too large":
        realm.document = {"more": "x" * 600_000}
    elif what == "redirect":
        realm.status = 302
    else:
        realm.status = 500
    with pytest.raises(AuthUnavailableError):
        await agent(believing(realm, session), realm)
    assert server.asked.total() == 1


@pytest.mark.parametrize("what", ["document", "another's", "keys", "no address", "no HTTP"])
async def test_what_an_address_may_hold_of_secrets_is_not_told(
    realm: Realm, session: aiohttp.ClientSession, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the issuer's own name, and in what its document says about its keys."""

    async def no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n\r\n")
        writer.close()

    secret = realm.address.replace("http://", "http://me:pass-word@")
    async with await asyncio.start_server(no_http, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        realm.document = {"issuer": secret, "jwks_uri": f"{secret}/none?key=pass-word"}
        if what == "document":
            realm.status = 500
        elif what == "another's":
            realm.document["issuer"] = f"{secret}/"
        elif what == "no address":
            realm.document["jwks_uri"] = "http://me:pass-word@login.example:99999/jwks?key=pass-word"
        elif what == "no HTTP":
            realm.document["jwks_uri"] = f"http://me:pass-word@127.0.0.1:{port}/jwks?key=pass-word"
        believed = AuthSettings(issuer=secret, audience=AUDIENCE)
        with caplog.at_level(logging.WARNING), pytest.raises(AuthUnavailableError):
            await believed.authenticator(session).viewer(realm.token(iss=secret, kind="agent"))
        finding = await of_issuer("auth", next(believed.by_place())[1], session)
    assert f"(JWKS) of {realm.address} cannot be loaded" in caplog.text
    assert not finding.is_good
    for said in (caplog.text, str(finding), repr(believed)):
        assert "pass-word" not in said


async def test_document_and_keys_together_have_one_time(realm: Realm, session: aiohttp.ClientSession) -> None:
    """An issuer whose document comes at once and whose keys never do."""
    ended = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        realm.document = {"jwks_uri": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"}
        loading = Discovery(session, realm.address, timeout=0.3)
        with pytest.raises(TimeoutError):
            await loading()
        assert loading.has_read
        ended.set()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"issuer": "login.example"}, "so issuer must be an address"),
        ({"issuer": "ftp://login.example"}, "so issuer must be an address"),
        ({"issuer": "https://"}, "so issuer must be an address"),
        ({}, "issuer\n  Field required"),
        ({"issuer": "https://a.example", "issuers": [{"issuer": "https://a.example", "audience": "x"}]}, "once only"),
        ({"issuers": [{"issuer": "https://a.example", "audience": "x"}], "audience": "x"}, "audience: only with"),
        ({"issuer": "https://a.example", "allowed_kinds": []}, "allowed_kinds must be some of"),
        (
            {"issuer": "https://a.example", "claims": {"default_kind": "agent"}},
            "default_kind\n  Input should be 'custo",
        ),
        ({"issuer": "https://a.example", "claims": {"kinds": {"x": "root"}}}, "Input should be 'customer', 'agent'"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - the text is compared
        AuthSettings.model_validate({"audience": AUDIENCE, **settings})
    assert says in str(wrong.value)
