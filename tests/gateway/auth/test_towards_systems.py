"""Tokens that the gateway gets at a real provider for its systems: its own, and those in exchange for callers'."""

import asyncio
import base64
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.errors import Refused
from connectors.http.token_endpoint import TokenEndpoint
from connectors.settings import TokenExchangeAuth
from gateway.auth_settings import AuthSettings
from tests.certificates import authority
from tests.connectors.canned import canned, reading
from tests.gateway.auth.issuers import AUDIENCE, providers
from tests.gateway.auth.open_id_provider import OpenIDProvider, install, open_id_provider
from tests.stack import Answer, Stack, stacked
from tests.tls import proxy, secured, server_context

CLIENTS: dict[str, dict[str, str | list[str]]] = {
    "portal": {"customer_numbers": "1001"},
    "shop": {"customer_numbers": "1002"},
    "desk": {"groups": ["portal-agent"]},
    **{name: {} for name in ("basic", "post", "signed", "next")},
}
RESOURCE = "https://crm.example"
NAME = frozenset({"name"})
ME = "{ viewer { customers { id name } } }"


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


@pytest.fixture(scope="module")
def keys() -> list[ec.EllipticCurvePrivateKey]:
    return [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]


@pytest_asyncio.fixture(scope="module")
async def provider(keys: list[ec.EllipticCurvePrivateKey]) -> AsyncIterator[OpenIDProvider]:
    install()
    jwks = []
    for number, key in enumerate(keys):
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        jwks.append({**public, "kid": f"k{number}", "use": "sig", "alg": "ES256"})
    registered = {
        "post": {"token_endpoint_auth_method": "client_secret_post"},
        "signed": {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": {"keys": jwks},
        },
    }
    async with open_id_provider(CLIENTS, registered) as made:
        yield made


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


async def by(provider: OpenIDProvider, **auth: Any) -> Any:
    """Whose token the system is shown, or the failure."""

    async def customer(request: web.Request) -> web.Response:
        claims = claims_of(request.headers["Authorization"])
        return web.json_response([{"id": "1", "name": f"{claims['client_id']} for {claims['aud']}"}])

    given = {"kind": "oauth2", "token_url": f"{provider.issuer}/token", "resource": RESOURCE, **auth}
    async with canned(customer=customer) as server, reading(server, auth=given, timeout=20.0) as c:
        found = (await c.crm.customers(["1"], NAME))["1"]
        return getattr(found, "name", found)


async def test_a_client_is_authenticated_in_each_way(
    provider: OpenIDProvider, tmp_path: Path, keys: list[ec.EllipticCurvePrivateKey]
) -> None:
    (tmp_path / "key.pem").write_bytes(pem(keys[0]))
    signed = {"client_id": "signed", "client_auth": "private_key_jwt", "private_key_file": tmp_path / "key.pem"}
    assert await by(provider, client_id="basic", client_secret="secret") == f"basic for {AUDIENCE}"
    post = {"client_id": "post", "client_secret": "secret"}
    assert await by(provider, **post, client_auth="client_secret_post") == f"post for {AUDIENCE}"
    assert await by(provider, **signed, key_id="k0") == f"signed for {AUDIENCE}"
    assert await by(provider, **signed, assertion_audience=provider.issuer) == f"signed for {AUDIENCE}"
    refused = [
        await by(provider, client_id="post", client_secret="wrong", client_auth="client_secret_post"),
        await by(provider, **signed, key_id="k1"),
        await by(provider, **signed, assertion_audience="https://other.example"),
    ]
    assert {f"{type(one).__name__} {one.detail}" for one in refused} == {
        "Refused the token endpoint answered 401 (invalid_client)"
    }


async def test_a_signing_key_is_replaced_while_it_is_used(
    provider: OpenIDProvider, tmp_path: Path, keys: list[ec.EllipticCurvePrivateKey]
) -> None:
    shown: list[dict[str, Any]] = []

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        assertion = str(form["client_assertion"])
        for number, key in enumerate(keys):
            try:
                jwt.decode(assertion, key.public_key(), ["ES256"], audience=f"{server.url}/token")
            except jwt.InvalidSignatureError:
                continue
            shown.append({**claims_of(assertion), "signed_by": number, **jwt.get_unverified_header(assertion)})
        return web.json_response({"access_token": "t", "expires_in": 1e-9})

    file = tmp_path / "key.pem"
    file.write_bytes(pem(keys[0]))
    async with canned(token=token, customer='[{"id": "1", "name": "A"}]') as server:
        auth = {"kind": "oauth2", "client_auth": "private_key_jwt", "private_key_file": str(file), "client_id": "g"}
        async with reading(server, auth={**auth, "token_url": f"{server.url}/token", "key_id": "n"}) as c:
            await c.crm.customers(["1"], NAME)
            file.write_text("not yet written")
            await c.crm.customers(["1"], NAME)
            file.write_bytes(pem(keys[1]))
            await c.crm.customers(["1"], NAME)
    assert [one["signed_by"] for one in shown] == [0, 0, 1]
    assert {(one["iss"], one["sub"], one["kid"], one["exp"] - one["iat"]) for one in shown} == {("g", "g", "n", 60)}
    assert len({one["jti"] for one in shown}) == 3


class Crm:
    """The way to the CRM, on which only tokens are let through that the provider made for it.

    `shown` are whose they were. Those in `refused` are not let through.
    """

    def __init__(self) -> None:
        self.behind, self.url = "", ""
        self.shown: Counter[str] = Counter()
        self.tokens: dict[str, str] = {}
        self.refused: set[str] = set()

    async def passes(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        claims = claims_of(token) if token else {"aud": "nobody", "for": "nobody"}
        self.shown[claims["for"]] += 1
        if claims["aud"] != "crm" or token in self.refused:
            return web.Response(status=401)
        self.tokens[claims["for"]] = token
        async with request.app[SESSION].get(f"{self.behind}{request.raw_path}") as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")


SESSION = web.AppKey("session", aiohttp.ClientSession)


@asynccontextmanager
async def exchanging(provider: OpenIDProvider, folder: Path, **more: Any) -> AsyncIterator[tuple[Stack, Crm]]:
    """A gateway that exchanges its callers' tokens for the CRM's."""
    crm, app = Crm(), web.Application()
    app.router.add_get("/{path:.*}", crm.passes)
    exchange = {"kind": "token_exchange", "token_url": f"{provider.issuer}/token", "resource": RESOURCE}
    exchange |= {"client_id": "basic", "client_secret": "secret", "audience": "crm", **more}
    claims = {"kind": "groups", "kinds": {"portal-agent": "agent"}, "default_kind": "customer"}
    claims |= {"customers": "customer_numbers"}
    auth = AuthSettings.model_validate({"issuer": provider.issuer, "audience": AUDIENCE, "claims": claims})
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    async with aiohttp.ClientSession() as app[SESSION]:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            systems = {"crm": {"auth": exchange, "url": url}}
            async with stacked(folder, customers=4, auth=auth, systems=systems) as stack:
                crm.behind = stack.systems["crm"].url
                yield stack, crm
        finally:
            await runner.cleanup()


def names(answer: Answer) -> list[str]:
    return [one["id"] for one in answer.clean()["viewer"]["customers"] if one["name"]]


def codes(answer: Answer) -> set[str]:
    return {error["extensions"]["code"] for error in answer.errors}


async def test_each_caller_gets_a_token_of_their_own_once(
    provider: OpenIDProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    portal, shop = await provider.token("portal"), await provider.token("shop")
    await provider.tell()
    async with exchanging(provider, tmp_path) as (stack, crm):
        asked = (stack.ask_with(token, ME) for token in [portal, shop] * 8)
        found = [names(one) for one in await asyncio.gather(*asked)]
        assert found == [["Customer:1001"], ["Customer:1002"]] * 8
        handled = await provider.tell()
        assert handled["/token"] == 2
        assert sorted(provider.exchanged, key=lambda one: one["of"]) == [
            {"of": name, "audience": "crm", "resource": RESOURCE, "by": "basic"} for name in ("portal", "shop")
        ]
        assert names(await stack.ask_with(portal, ME)) == ["Customer:1001"]
        assert (await provider.tell()).get("/token") is None  # it is kept
        assert set(crm.shown) == {"portal", "shop"}
        again = await provider.token("portal", scope="portal")
        assert names(await stack.ask_with(again, ME)) == ["Customer:1001"]
        await provider.tell()
        assert [one["of"] for one in provider.exchanged] == ["portal"]  # another token, another exchange
        crm.refused = {crm.tokens["portal"]}
        assert names(await stack.ask_with(again, ME)) == ["Customer:1001"]  # what the system refuses is exchanged anew
        await provider.tell()
        assert [one["of"] for one in provider.exchanged] == ["portal"]
    told = caplog.text + repr(crm.tokens.keys())
    for token in (portal, shop, again, *crm.tokens.values()):
        assert token not in told
        assert token.rpartition(".")[2] not in told


async def test_an_exchange_that_fails_gives_nobody_anothers_token(provider: OpenIDProvider, tmp_path: Path) -> None:
    portal, shop = await provider.token("portal"), await provider.token("shop")
    async with exchanging(provider, tmp_path, cached_tokens=1) as (stack, crm):
        assert names(await stack.ask_with(portal, ME)) == ["Customer:1001"]
        await provider.tell(away=True)
        answers = await asyncio.gather(*(stack.ask_with(token, ME) for token in (portal, shop)))
        await provider.tell(keys=["a"])
        assert names(answers[0]) == ["Customer:1001"]
        assert codes(answers[1]) == {"UPSTREAM_UNAVAILABLE"}
        assert set(crm.shown) == {"portal"}
        assert names(await stack.ask_with(shop, ME)) == ["Customer:1002"]  # which takes the only place
        await provider.tell()
        assert names(await stack.ask_with(portal, ME)) == ["Customer:1001"]
        await provider.tell()
        assert [one["of"] for one in provider.exchanged] == ["portal"]


@pytest.mark.parametrize(
    ("more", "says", "is_lost"),
    [
        ({"audience": "nobody"}, "The crm system gets no token for you from your sign-in. Sign in again.", False),
        (
            {"client_secret": "wrong"},
            "The crm system refused the gateway's credentials. Tell the gateway's operator.",
            True,
        ),
    ],
)
async def test_an_exchange_that_is_refused_has_a_code(
    provider: OpenIDProvider,
    tmp_path: Path,
    more: dict[str, str],
    says: str,
    is_lost: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with exchanging(provider, tmp_path, **more) as (stack, crm):
        answer = await stack.ask_with(await provider.token("portal"), ME)
        assert codes(answer) == {"UPSTREAM_REFUSED"}
        assert {error["message"] for error in answer.errors} == {says}
        assert not crm.shown
        found = (await stack.ask_with(await provider.token("desk"), "{ systems { name status } }")).clean()["systems"]
        status = {one["name"]: one["status"] for one in found}["crm"]
        assert (status == "DOWN") is is_lost  # one caller's sign-in says nothing about the system
    told = [one.getMessage() for one in caplog.records if one.name == "gateway.systems"]
    refusal = "the token endpoint answered 401 (invalid_client)" if is_lost else "(invalid_grant)"
    assert any(("is lost" if is_lost else "no token in exchange") in one and refusal in one for one in told)


async def test_a_client_that_may_not_exchange_tokens_is_no_callers_fault() -> None:
    for code, of_caller in (
        ("unauthorized_client", False),
        ("unsupported_grant_type", False),
        ("invalid_request", True),
    ):

        async def token(_: web.Request, code: str = code) -> web.Response:
            return web.json_response({"error": code}, status=400)

        async with canned(token=token) as server, aiohttp.ClientSession() as session:
            given = {"kind": "token_exchange", "token_url": f"{server.url}/token", "client_id": "g"}
            auth = TokenExchangeAuth.model_validate({**given, "client_secret": "s"})
            with pytest.raises(Refused) as refused:
                await TokenEndpoint("crm", auth, session, 20.0).exchanged("t", auth.exchanged_as)
        assert (code, refused.value.of_caller) == (code, of_caller)


async def test_keys_behind_a_private_authority_mutual_tls_and_a_proxy(tmp_path: Path) -> None:
    ours = authority("Operator CA")
    (tmp_path / "ca.pem").write_bytes(ours.pem)
    ours.signs("gateway").write(tmp_path, "gateway")
    context = server_context(ours.signs("login", ["127.0.0.1"]), tmp_path, clients=ours)
    async with providers() as idp, secured(idp.address, context) as address, proxy("gateway:hush") as passing:
        realm = idp.add("/customers")
        realm.address = f"{address}/customers"
        token = realm.token(kind="customer", customer_ids=["1001"])
        network = {
            "ca_file": tmp_path / "ca.pem",
            "certificate_file": tmp_path / "gateway.pem",
            "key_file": tmp_path / "gateway.key",
            "proxy": passing.address,
        }
        issuer = {"issuer": realm.address, "audience": AUDIENCE}
        for more, status in (({"network": network}, 200), ({}, 503)):
            auth = AuthSettings.model_validate({"issuers": [{**issuer, **more}]})
            async with stacked(tmp_path, customers=4, auth=auth) as stack:
                answer = await stack.ask_with(token, ME)
            assert answer.status == status
        assert set(passing.lines) == {f"CONNECT {address.removeprefix('https://')} HTTP/1.1"}
    assert codes(answer) == {"AUTH_UNAVAILABLE"}
