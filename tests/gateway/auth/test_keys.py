"""Keys of other issuers: which key a token may be signed with, and what is said while that cannot be known."""

import asyncio
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.auth.keys import MOST_REFETCHES, KeySet, from_bytes
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.auth.tokens import ASYMMETRIC, Authenticator, TokenRules, TrustedIssuer
from tests.gateway.auth.test_tokens import AUDIENCE, ISSUER, RULES, Issuer, claims_of, key_server
from tests.gateway.http.small_graph import small_graph

ALL = TokenRules(ISSUER, AUDIENCE, tuple(sorted(ASYMMETRIC)))
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


def published(key: Any, **more: Any) -> dict[str, Any]:
    """The key as in a JWKS."""
    kinds = {RSA: RSAAlgorithm, OTHER_RSA: RSAAlgorithm, P256: ECAlgorithm, P384: ECAlgorithm, ED: OKPAlgorithm}
    jwk: dict[str, Any] = json.loads(kinds[key].to_jwk(key.public_key()))  # type: ignore[attr-defined]  # each has one
    jwk.pop("key_ops", None)
    return jwk | {"kid": "k"} | more


def knowing(*keys: Any) -> Authenticator:
    return Authenticator(TrustedIssuer(KeySet(from_bytes(json.dumps({"keys": keys}).encode())), ALL))


def signed(key: Any, algorithm: str, key_id: str | None = "k") -> str:
    return jwt.encode(claims_of(), key, algorithm, {"kid": key_id} if key_id else {})


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        *((RSA, name) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        (P256, "ES256"),
        (P384, "ES384"),
        (ED, "EdDSA"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
async def test_a_key_without_an_algorithm_is_for_all_of_its_type(key: Any, algorithm: str, named: bool) -> None:
    others = [published(one, kid=str(n)) for n, one in enumerate((P256, P384, ED)) if one is not key]
    token = signed(key, algorithm, "k" if named else None)
    assert (await knowing(*others, published(key)).viewer(token)).customer_ids == ("1001",)
    assert (await knowing(published(key, alg=algorithm)).viewer(token)).customer_ids == ("1001",)


@pytest.mark.parametrize("more", [{"use": None}, {"use": ""}, {"alg": ""}, {"alg": None}, {"key_ops": None, "x5u": ""}])
async def test_what_a_key_leaves_open_may_be_null_or_empty(more: dict[str, Any]) -> None:
    assert (await knowing(published(RSA, **more)).viewer(signed(RSA, "PS256"))).customer_ids == ("1001",)


@pytest.mark.parametrize(
    "odd",
    [
        *({"alg": one} for one in ([], ["RS256"], {}, {"a": 1}, 5, True, "none", "HS256", "RSA-OAEP", "é")),
        *({name: one} for name in ("n", "e", "crv", "use", "x5c") for one in (5, [], {"a": [None]}, "%%", "")),
        {"key_ops": ["encrypt"]},
        {"key_ops": ["sign"], "n": None},
        {"use": "enc"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["RSA"]},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
    ],
)
async def test_an_odd_key_costs_itself(odd: dict[str, Any]) -> None:
    """Beside a good one, before and after it."""
    for keys in ([published(OTHER_RSA, kid="odd") | odd, published(RSA)], [published(RSA), published(ED) | odd]):
        assert (await knowing(*keys).viewer(signed(RSA, "PS256"))).customer_ids == ("1001",)


async def test_a_key_that_encrypts_does_not_stand_beside_the_one_that_signs() -> None:
    """Where the token names none, the only one that verifies is meant."""
    for more in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RSA-OAEP"}):
        keys = knowing(published(OTHER_RSA, **more), published(RSA, key_ops=["verify"]))
        assert (await keys.viewer(signed(RSA, "RS256", None))).customer_ids == ("1001",)


@pytest.mark.parametrize("raw", ["1e400", "NaN", "1" * 5000, '"a\\ud800b"', '"\\q"', '"\x00"', '"\udcff"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_an_odd_text_or_number_costs_no_key(raw: str, encoding: str) -> None:
    """What issuers publish is read as leniently as what systems answer."""
    if encoding == "utf-16" and not raw.isascii():
        return
    text = json.dumps({"keys": [published(RSA, x5c="here")], "also": 1}).replace('"here"', raw)
    body = text.encode(encoding, "surrogateescape" if encoding != "utf-16" else "strict")
    found = Authenticator(TrustedIssuer(KeySet(from_bytes(body)), ALL))
    assert (await found.viewer(signed(RSA, "PS256"))).customer_ids == ("1001",)


async def test_a_newer_name_of_an_algorithm() -> None:
    assert (await knowing(published(ED, alg="Ed25519")).viewer(signed(ED, "EdDSA"))).customer_ids == ("1001",)


@pytest.mark.parametrize(
    ("key", "token"),
    [
        (published(RSA, alg="RS256"), signed(RSA, "PS256")),
        (published(RSA), signed(P256, "ES256")),
        (published(P384), signed(P256, "ES256")),
        (published(ED), signed(RSA, "RS256")),
    ],
)
async def test_a_key_is_for_nothing_else(key: dict[str, Any], token: str) -> None:
    with pytest.raises(AuthenticationError, match="not the one of the key"):
        await knowing(key).viewer(token)


async def test_several_keys_with_one_id() -> None:
    """Of several types, or of one: the signature tells."""
    keys = [published(OTHER_RSA), published(P256), published(RSA, alg="PS256"), published(RSA)]
    for key, algorithm in ((RSA, "PS256"), (RSA, "RS256"), (OTHER_RSA, "RS256"), (P256, "ES256")):
        assert (await knowing(*keys).viewer(signed(key, algorithm))).customer_ids == ("1001",)
    with pytest.raises(AuthenticationError, match="signature is wrong"):
        await knowing(published(OTHER_RSA), published(P256)).viewer(signed(RSA, "RS256"))


async def test_a_key_that_cannot_be_read_costs_no_other() -> None:
    strange = [{"kty": "RSA", "kid": "a", "n": "?"}, {"kty": "EC", "kid": "b"}, published(RSA, kid="c", alg="XS256"), 7]
    assert (await knowing(*strange, published(RSA)).viewer(signed(RSA, "RS256"))).customer_ids == ("1001",)


@pytest.mark.parametrize(("status", "body"), [(500, b""), (503, b""), (200, b"<html>"), (200, b'{"keys": []}')])
async def test_a_new_key_while_the_issuer_is_away_is_503(status: int, body: bytes) -> None:
    """Whether a token with a new key is good cannot be known; with an old one it is still accepted."""
    issuer = Issuer()
    issuer.add("k1")
    async with key_server(issuer.jwks()) as server:
        authenticator = Authenticator(TrustedIssuer(server.keys(retry=0), RULES))
        async with small_graph(authenticate=authenticator) as url:
            assert server.session

            async def ask(key: str) -> tuple[int, Any]:
                assert server.session
                headers = {
                    "Authorization": f"Bearer {issuer.token(key)}",
                    "Accept": "application/graphql-response+json",
                }
                async with server.session.post(url, json={"query": "{ who }"}, headers=headers) as answer:
                    return answer.status, await answer.json()

            assert await ask("k1") == (200, {"data": {"who": "customer"}})
            issuer.add("k2")
            server.status, server.body = status, body
            for _ in range(2):
                answered, error = await ask("k2")
                assert (answered, error["errors"][0]["extensions"]["code"]) == (503, "AUTH_UNAVAILABLE")
                assert await ask("k1") == (200, {"data": {"who": "customer"}})
            server.status, server.body = 200, issuer.jwks()
            assert await ask("k2") == (200, {"data": {"who": "customer"}})


async def test_a_rotated_key_is_known_at_once_and_made_up_ones_reach_nobody() -> None:
    issuer = Issuer()
    issuer.add("k1")
    async with key_server(issuer.jwks()) as server:
        authenticator = Authenticator(TrustedIssuer(server.keys(min_refetch=3600), RULES))
        await authenticator.viewer(issuer.token("k1"))
        for number in range(2, 5):
            issuer.add(f"k{number}")
            server.body = issuer.jwks()
            assert (await authenticator.viewer(issuer.token(f"k{number}"))).customer_ids == ("1001",)
            assert server.fetches == number

        for _ in range(3):  # the same unknown id is looked for once
            with pytest.raises(AuthenticationError, match="unknown key"):
                await authenticator.viewer(issuer.token("k1", header={"kid": "gone"}))
        assert server.fetches == 5

        outcomes: list[type[Exception]] = []
        for number in range(2 * MOST_REFETCHES):
            with pytest.raises((AuthenticationError, AuthUnavailableError)) as refused:
                await authenticator.viewer(issuer.token("k1", header={"kid": f"made-up-{number}"}))
            outcomes.append(refused.type)
        assert server.fetches == 1 + MOST_REFETCHES
        assert outcomes[-1] is AuthUnavailableError  # it was not looked for, so nobody knows
        assert (await authenticator.viewer(issuer.token("k4", sub="b"))).customer_ids == ("1001",)


async def test_whether_there_are_keys_is_told_within_a_moment_and_loads_them() -> None:
    go, times = asyncio.Event(), 0

    async def load() -> bytes:
        nonlocal times
        times += 1
        await go.wait()
        return json.dumps({"keys": [published(P256)]}).encode()

    keys = KeySet(load)
    assert not await keys.are_there(0.01)
    assert not await keys.are_there(0.01)
    go.set()
    assert await keys.are_there(5.0)
    assert times == 1
    keys.close()


async def test_without_keys_nothing_can_be_checked() -> None:
    async def load() -> bytes:
        raise OSError("nobody is there")

    authenticator = Authenticator(TrustedIssuer(KeySet(load), ALL))
    assert not await authenticator.can_check()
    await authenticator.close()
