"""Tokens: what is believed, what is refused and with which words, and how keys are fetched."""

import asyncio
import base64
import json
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.auth.claims import ClaimRules
from gateway.auth.keys import KeySet, from_address, from_bytes, from_file
from gateway.auth.refusals import AuthenticationError
from gateway.auth.tokens import Authenticator, TokenRules, TrustedIssuer
from gateway.commands.demo_keys import RULES as DEMO_RULES
from gateway.commands.demo_keys import DemoKeys, NoDemoError, key_path
from resolvers.viewer import ViewerKind
from tests.gateway.http.small_graph import small_graph
from tests.gateway.serving import serving

ISSUER, AUDIENCE = "https://login.opticom.example", "portal"
RULES = TokenRules(ISSUER, AUDIENCE, leeway=5)


@cache
def rsa_key(_key_id: str) -> rsa.RSAPrivateKey:
    """An RSA key takes a tenth of a second: keys of the same id are the same one for all issuers of the tests."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Issuer:
    """Makes keys and signs with them, as an identity provider does."""

    keys: dict[str, Any] = field(default_factory=dict)

    def add(self, key_id: str, algorithm: str = "ES256") -> None:
        made = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa_key(key_id)
        self.keys[key_id] = (made, algorithm)

    def jwks(self, *more: dict[str, Any]) -> bytes:
        published = [
            {
                **(ECAlgorithm if algorithm == "ES256" else RSAAlgorithm).to_jwk(key.public_key(), as_dict=True),
                "kid": key_id,
                "alg": algorithm,
            }
            for key_id, (key, algorithm) in self.keys.items()
        ]
        return json.dumps({"keys": [*published, *more]}).encode()

    def token(self, key_id: str = "k1", *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        key, algorithm = self.keys[key_id]
        return jwt.encode(claims_of(**claims), key, algorithm, {"kid": key_id, **(header or {})})


def claims_of(**claims: Any) -> dict[str, Any]:
    """Claims that are believed, with changes; None takes a claim out."""
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 600,
        "kind": "customer",
        "customer_ids": ["1001"],
    }
    return {name: value for name, value in {**usual, **claims}.items() if value is not None}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    made = Issuer()
    made.add("k1")
    made.add("r1", "RS256")
    return made


@pytest.fixture
def authenticator(issuer: Issuer) -> Authenticator:
    return Authenticator(TrustedIssuer(KeySet(from_bytes(issuer.jwks())), RULES))


@pytest.mark.parametrize("key_id", ["k1", "r1"])
async def test_a_good_token_is_a_viewer(issuer: Issuer, authenticator: Authenticator, key_id: str) -> None:
    viewer = await authenticator.viewer(issuer.token(key_id, sub="ana", roles=["vip", "vip"]))
    assert (viewer.kind, viewer.customer_ids, viewer.roles, viewer.subject) == (
        ViewerKind.CUSTOMER,
        ("1001",),
        ("vip",),
        "ana",
    )


@pytest.mark.parametrize(
    ("claim", "seen"),
    [
        ("1001", ("1001",)),
        (1001, ("1001",)),
        ("1001,1002, Customer:1003", ("1001", "1002", "1003")),
        (["10,01"], ("10,01",)),
        (["Customer:1001", "1002", 1003, "Customer:a:b"], ("1001", "1002", "1003", "a:b")),
        ([], ()),
        (None, ()),
    ],
)
async def test_customer_ids_are_read_in_every_usual_form(
    issuer: Issuer, authenticator: Authenticator, claim: Any, seen: tuple[str, ...]
) -> None:
    assert (await authenticator.viewer(issuer.token(customer_ids=claim))).customer_ids == seen


async def test_names_of_claims_are_settings(issuer: Issuer) -> None:
    names = ClaimRules("https://x.example/kind", customers="crm.customers", roles="realm_access.roles")
    rules = TokenRules(ISSUER, AUDIENCE, claims=names)
    authenticator = Authenticator(TrustedIssuer(KeySet(from_bytes(issuer.jwks())), rules))
    claims: dict[str, Any] = {
        "https://x.example/kind": "agent",
        "realm_access": {"roles": ["desk"]},
        "crm": {"customers": "7"},
    }
    viewer = await authenticator.viewer(issuer.token(kind="admin", **claims))
    assert (viewer.kind, viewer.customer_ids, viewer.roles) == (ViewerKind.AGENT, ("7",), ("desk",))


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": 1767225600}, "The token expired at 2026-01-01T00:00:00Z. Get a new one."),
        ({"exp": None}, "The token has no claim 'exp'."),
        ({"iss": None}, "The token has no claim 'iss'."),
        ({"iss": "https://evil.example"}, "issuer (iss) is not the one that this gateway trusts"),
        ({"aud": "other"}, "another audience (aud)"),
        ({"aud": None}, "The token has no claim 'aud'."),
        ({"nbf": 4102444800}, "not valid yet"),
        ({"kind": "root"}, "'kind' must be one of customer, agent, admin"),
        ({"kind": "anonymous"}, "'kind' must be one of"),
        ({"kind": ["root"]}, "'kind' must be one of"),
        ({"kind": {"agent": True}}, "'kind' must be a string or a list"),
        ({"kind": [True]}, "'kind' must be a string or a list"),
        ({"kind": None}, "'kind' must be one of"),
        ({"customer_ids": {"a": 1}}, "'customer_ids' must be a string or a list"),
        ({"customer_ids": [True]}, "'customer_ids' must be a string or a list"),
        ({"customer_ids": [""]}, "'customer_ids' must be a string or a list"),
        ({"customer_ids": "1001,,1002"}, "'customer_ids' has an empty customer number"),
        ({"customer_ids": ["Customer:"]}, "'customer_ids' has an empty customer number"),
        ({"customer_ids": ["\ud800"]}, "has a text that is not Unicode"),
        ({"name": "\ud800"}, "has a text that is not Unicode"),
        ({"sub": "\udc00"}, "has a text that is not Unicode"),
    ],
)
async def test_wrong_claims_are_refused_with_the_reason(
    issuer: Issuer, authenticator: Authenticator, claims: dict[str, Any], says: str
) -> None:
    with pytest.raises(AuthenticationError) as refused:
        await authenticator.viewer(issuer.token(**claims))
    assert says in str(refused.value)


async def test_clock_skew_is_allowed_for_in_seconds(issuer: Issuer, authenticator: Authenticator) -> None:
    now = int(time.time())
    assert (await authenticator.viewer(issuer.token(exp=now - 2, nbf=now + 2))).kind is ViewerKind.CUSTOMER
    with pytest.raises(AuthenticationError, match="expired"):
        await authenticator.viewer(issuer.token(exp=now - 6))


async def test_a_verified_token_is_not_believed_beyond_its_expiry(
    issuer: Issuer, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token(exp=int(time.time()) + 60)
    await authenticator.viewer(token)
    clock = time.time
    monkeypatch.setattr("gateway.auth.tokens.time.time", lambda: clock() + 66)
    monkeypatch.setattr(jwt.api_jwt, "datetime", _Later)
    with pytest.raises(AuthenticationError, match="expired"):
        await authenticator.viewer(token)


class _Later(jwt.api_jwt.datetime):  # type: ignore[name-defined,misc]  # PyJWT reads its clock from this name.
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return jwt.api_jwt.timedelta(seconds=66) + super().now(tz)  # type: ignore[attr-defined]  # As above.


def _unsigned(issuer: Issuer) -> str:
    return jwt.encode(claims_of(), "", "none", {"kid": "k1"})


def _shared_secret(issuer: Issuer) -> str:
    return jwt.encode(claims_of(), "s" * 64, "HS256", {"kid": "o1"})


def _other_key(issuer: Issuer) -> str:
    other = Issuer()
    other.add("k1")
    return other.token("k1")


def _wrong_algorithm_for_key(issuer: Issuer) -> str:
    return issuer.token("k1", header={"kid": "r1"})


def _nested(issuer: Issuer) -> str:
    """A token whose claims no parser gets to the bottom of."""
    head, _, end = issuer.token().split(".")
    return f"{head}.{base64.urlsafe_b64encode(b'[' * 9000).decode().rstrip('=')}.{end}"


def with_header(**header: Any) -> Callable[[Issuer], str]:
    """Makes tokens with what no header should hold."""

    def make(issuer: Issuer) -> str:
        head = json.dumps({"alg": "ES256", "kid": "k1", "typ": "JWT", **header}).encode()
        return f"{base64.urlsafe_b64encode(head).decode().rstrip('=')}.{issuer.token().partition('.')[2]}"

    return make


def with_payload(issuer: Issuer, text: str) -> str:
    """A signed token with these claims, letter by letter."""
    key, algorithm = issuer.keys["k1"]
    return jwt.api_jws.encode(text.encode(), key, algorithm, {"kid": "k1"})


def _no_key_id(issuer: Issuer) -> str:
    return jwt.encode(claims_of(), ec.generate_private_key(ec.SECP256R1()), "ES256")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_unsigned, "not signed with RS256 or ES256"),
        (_shared_secret, "not signed with RS256 or ES256"),
        (_other_key, "signature is wrong"),
        (_wrong_algorithm_for_key, "not the one of the key"),
        (_no_key_id, "signature is wrong"),
        (lambda issuer: issuer.token("k1", header={"kid": "gone"}), "unknown key (kid)"),
        (lambda issuer: issuer.token()[:-4] + "AAAA", "signature is wrong"),
        *((with_header(kid=kid), "not a signed JSON Web Token") for kid in ([], ["k1"], {"k1": 1}, 5, True)),
        *((with_header(alg=alg), "is not signed with") for alg in (["ES256"], {"ES256": 1}, 5, None, "es256")),
        (with_header(crit=["x"]), "not a signed JSON Web Token"),
        (with_header(b64=False, crit=["b64"]), "not a signed JSON Web Token"),
        (_nested, "not a signed JSON Web Token"),
        (lambda issuer: "abc", "not a signed JSON Web Token"),
        (lambda issuer: "é.b.c", "not a signed JSON Web Token"),
        (lambda issuer: "a" * 20000, "longer than 16384"),
    ],
)
async def test_wrong_signatures_are_refused(issuer: Issuer, make: Callable[[Issuer], str], says: str) -> None:
    secret = {"kty": "oct", "kid": "o1", "k": "c" * 86, "alg": "HS256"}
    authenticator = Authenticator(TrustedIssuer(KeySet(from_bytes(issuer.jwks(secret))), RULES))
    with pytest.raises(AuthenticationError) as refused:
        await authenticator.viewer(make(issuer))
    assert says in str(refused.value)
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", error_description="')


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"algorithms": ("HS256",)}, "not HS256"),
        ({"algorithms": ("none", "ES256")}, "not none"),
        ({"algorithms": ()}, "algorithms must be"),
        ({"issuer": ""}, "issuer and audience must be set"),
        ({"audience": []}, "issuer and audience must be set"),
        ({"leeway": -1}, "leeway must be"),
    ],
)
def test_rules_that_let_anybody_in_are_refused(rules: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TokenRules(**{"issuer": ISSUER, "audience": AUDIENCE, **rules})


@dataclass
class KeyServer:
    """An identity provider's JWKS address that counts."""

    body: bytes
    status: int = 200
    fetches: int = 0
    address: str = ""
    session: aiohttp.ClientSession | None = None

    def keys(self, **options: Any) -> KeySet:
        assert self.session
        return KeySet(from_address(self.session, self.address), **options)


@asynccontextmanager
async def key_server(body: bytes) -> AsyncIterator[KeyServer]:
    server = KeyServer(body)

    async def jwks(request: Request) -> Response:
        server.fetches += 1
        return Response(server.body, server.status)

    async def moved(request: Request) -> Response:
        server.fetches += 1
        return RedirectResponse("/jwks")

    app = Starlette(routes=[Route("/jwks", jwks), Route("/moved", moved)])
    async with serving(app) as address, aiohttp.ClientSession() as session:
        server.address, server.session = f"{address}/jwks", session
        yield server


async def test_an_unknown_key_id_refetches_but_not_more_often_than_allowed() -> None:
    issuer = Issuer()
    issuer.add("k1")
    async with key_server(issuer.jwks()) as server:
        authenticator = Authenticator(TrustedIssuer(server.keys(min_refetch=0), RULES))
        await authenticator.viewer(issuer.token("k1"))
        assert server.fetches == 1
        issuer.add("k2")
        server.body = issuer.jwks()
        await authenticator.viewer(issuer.token("k2"))
        await authenticator.viewer(issuer.token("k1", sub="b"))
        assert server.fetches == 2

        bounded = Authenticator(TrustedIssuer(server.keys(min_refetch=3600), RULES))
        answers = await asyncio.gather(
            *(bounded.viewer(issuer.token("k1", header={"kid": f"x{i}"})) for i in range(50)), return_exceptions=True
        )
        assert {str(answer) for answer in answers} == {"The token is signed by an unknown key (kid). Get a new one."}
        assert server.fetches == 3  # One, by one of the fifty.


async def test_keys_stay_when_a_refetch_fails(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer()
    issuer.add("k1")
    async with key_server(issuer.jwks()) as server:
        authenticator = Authenticator(TrustedIssuer(server.keys(min_refetch=0, max_age=0), RULES))
        await authenticator.viewer(issuer.token(sub="a"))
        for status, body in ((500, b""), (200, b"<html>"), (200, b'{"keys": []}'), (200, b" " * 600_000)):
            server.status, server.body = status, body
            assert (await authenticator.viewer(issuer.token(sub=str(len(body))))).customer_ids == ("1001",)
        assert server.fetches == 5
        server.status, server.body = 200, issuer.jwks()
        await authenticator.viewer(issuer.token(sub="last"))
    logged = [record.getMessage() for record in caplog.records if record.name == "gateway.auth"]
    assert len(logged) == 2  # Once when lost, once when back.
    assert "the 1 keys from before stay in use" in logged[0]
    assert "can be loaded again" in logged[1]


@pytest.mark.parametrize(
    ("path", "status", "padding"),
    [("/jwks", 500, b""), ("/moved", 200, b""), ("/jwks", 200, b" " * 600_000)],
    ids=["error", "redirect", "too large"],
)
async def test_without_any_keys_it_is_503_and_not_401(issuer: Issuer, path: str, status: int, padding: bytes) -> None:
    async with key_server(issuer.jwks() + padding) as server, aiohttp.ClientSession() as client:
        server.status = status
        keys = KeySet(from_address(client, server.address.replace("/jwks", path)), retry=0)
        async with small_graph(authenticate=Authenticator(TrustedIssuer(keys, RULES))) as url:
            headers = {"Authorization": f"Bearer {issuer.token()}"}
            async with client.post(url, json={"query": "{ who }"}, headers=headers) as answer:
                body = await answer.json()
                assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
                assert body["errors"][0]["extensions"] == {"code": "AUTH_UNAVAILABLE", "retryable": True}
            if path == "/jwks":
                server.status, server.body = 200, issuer.jwks()
                async with client.post(url, json={"query": "{ who }"}, headers=headers) as answer:
                    assert await answer.json() == {"data": {"who": "customer"}}


async def test_a_key_file_is_read_again_for_an_unknown_key_id(tmp_path: Path) -> None:
    issuer, path = Issuer(), tmp_path / "jwks.json"
    issuer.add("k1")
    path.write_bytes(issuer.jwks())
    authenticator = Authenticator(TrustedIssuer(KeySet(from_file(path), min_refetch=0), RULES))
    await authenticator.viewer(issuer.token("k1"))
    issuer.add("k2")
    path.write_bytes(issuer.jwks())
    assert (await authenticator.viewer(issuer.token("k2"))).kind is ViewerKind.CUSTOMER


def test_only_web_addresses_are_fetched() -> None:
    with pytest.raises(ValueError, match="must begin with https://"):
        from_address(None, "file:///etc/passwd")  # type: ignore[arg-type]  # Refused before the session matters.


async def test_over_http_a_token_decides_who_asks(issuer: Issuer, authenticator: Authenticator) -> None:
    async with small_graph(authenticate=authenticator) as url, aiohttp.ClientSession() as client:

        async def ask(*authorization: str) -> tuple[int, str | None, dict[str, Any]]:
            headers = [("Authorization", value) for value in authorization]
            async with client.post(url, json={"query": "{ who }"}, headers=headers) as answer:
                return answer.status, answer.headers.get("WWW-Authenticate"), await answer.json()

        assert await ask(f"Bearer {issuer.token(kind='agent')}") == (200, None, {"data": {"who": "agent"}})
        assert await ask(f"bearer  {issuer.token()}") == (200, None, {"data": {"who": "customer"}})
        assert (await ask())[:2] == (401, "Bearer")
        status, challenge, body = await ask(f"Bearer {issuer.token(aud='x')}")
        assert (status, body["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        assert challenge == (
            'Bearer error="invalid_token",'
            ' error_description="The token was made for another audience (aud). Get one for this gateway."'
        )
        for wrong in (("Basic YTpi",), ("Bearer",), (f"Bearer {issuer.token()}", f"Bearer {issuer.token()}")):
            status, _challenge, body = await ask(*wrong)
            assert status == 401
            assert "one header 'Authorization: Bearer <token>'" in body["errors"][0]["message"]


async def test_a_demos_tokens_are_accepted_by_that_demo_only(tmp_path: Path, issuer: Issuer) -> None:
    path = tmp_path / "keys" / "demo.pem"
    first = DemoKeys.create(path)
    old = first.token(ViewerKind.CUSTOMER, "1001")
    running = DemoKeys.create(path).authenticator()
    viewer = await running.viewer(DemoKeys.load(path).token(ViewerKind.CUSTOMER, "1001"))
    assert (viewer.kind, viewer.customer_ids) == (ViewerKind.CUSTOMER, ("1001",))
    assert (await running.viewer(DemoKeys.load(path).token(ViewerKind.ADMIN))).is_staff
    with pytest.raises(AuthenticationError, match="unknown key"):
        await running.viewer(old)
    with pytest.raises(AuthenticationError, match="unknown key"):
        await Authenticator(TrustedIssuer(KeySet(from_bytes(issuer.jwks())), DEMO_RULES)).viewer(old)
    assert list(path.parent.iterdir()) == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_demo_there_is_no_demo_token(tmp_path: Path) -> None:
    with pytest.raises(NoDemoError, match="start one with 'gateway demo'"):
        DemoKeys.load(tmp_path / "none.pem")
    (tmp_path / "wrong.pem").write_text("hello")
    with pytest.raises(NoDemoError, match="is not a demo's key"):
        DemoKeys.load(tmp_path / "wrong.pem")
    assert key_path(8000) != key_path(8001)


@pytest.mark.parametrize(
    ("typ", "is_good"),
    [("JWT", True), ("at+jwt", True), ("application/AT+JWT", True), (None, True), ("logout+jwt", False), (7, False)],
)
async def test_a_token_for_another_purpose_is_none(
    issuer: Issuer, authenticator: Authenticator, typ: Any, is_good: bool
) -> None:
    token = _with_header(issuer, typ)
    if is_good:
        assert (await authenticator.viewer(token)).is_signed_in
    else:
        with pytest.raises(AuthenticationError):
            await authenticator.viewer(token)


async def test_types_are_a_setting(issuer: Issuer) -> None:
    rules = TokenRules(ISSUER, AUDIENCE, types=("at+jwt",))
    strict = Authenticator(TrustedIssuer(KeySet(from_bytes(issuer.jwks())), rules))
    assert (await strict.viewer(_with_header(issuer, "at+jwt"))).is_signed_in
    for typ in ("JWT", None):
        with pytest.raises(AuthenticationError, match=r"type \(typ\)"):
            await strict.viewer(_with_header(issuer, typ))


@pytest.mark.parametrize(
    "payload", ['{"kind": "admin", %s', '{"customer_ids": ["1002"], %s', '{"deep": {"a": 1, "a": 2}, %s']
)
async def test_a_token_that_says_something_twice_is_refused(
    issuer: Issuer, authenticator: Authenticator, payload: str
) -> None:
    """The issuer's library may have checked the other one."""
    text = payload % json.dumps(claims_of())[1:]
    token = with_payload(issuer, text)
    with pytest.raises(AuthenticationError, match="twice"):
        await authenticator.viewer(token)


def _with_header(issuer: Issuer, typ: Any) -> str:
    """A token with this type; None: without one."""
    header = {"alg": "ES256", "kid": "k1"} | ({} if typ is None else {"typ": typ})
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims_of())]
    algorithm = jwt.get_algorithm_by_name("ES256")
    signature = algorithm.sign(b".".join(parts), issuer.keys["k1"][0])
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
