"""A real OpenID provider (npm package oidc-provider): discovery, JWT access tokens, rotation, and the provider away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio

from gateway.auth_settings import AuthSettings
from tests.gateway.auth.issuers import AUDIENCE, Clock
from tests.gateway.auth.open_id_provider import OpenIDProvider, install, open_id_provider
from tests.stack import Answer, Stack, stacked

CLIENTS = {
    "portal": {"customer_numbers": "1001,1002"},
    "desk": {"groups": ["staff", "portal-agent"]},
}
CLAIMS = {
    "kind": "groups",
    "kinds": {"portal-agent": "agent"},
    "default_kind": "customer",
    "customers": "customer_numbers",
}
ME = "{ viewer { kind customers { id } } }"


@pytest.fixture(scope="module")
def installed() -> None:
    """The provider's packages."""
    install()


@pytest_asyncio.fixture
async def provider(installed: None) -> AsyncIterator[OpenIDProvider]:
    """The provider with one key, "a"."""
    async with open_id_provider(CLIENTS) as made:
        yield made


@asynccontextmanager
async def gateway(provider: OpenIDProvider, folder: Path, **more: Any) -> AsyncIterator[Stack]:
    given = {"issuer": provider.issuer, "audience": AUDIENCE, "claims": CLAIMS, **more}
    async with stacked(folder, customers=4, auth=AuthSettings.model_validate(given)) as stack:
        yield stack


def seen(answer: Answer) -> tuple[str, list[str]]:
    viewer = answer.clean()["viewer"]
    return viewer["kind"], [one["id"] for one in viewer["customers"]]


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.errors[0]["extensions"]["code"]


CUSTOMER, AGENT = ("CUSTOMER", ["Customer:1001", "Customer:1002"]), ("AGENT", [])


async def test_discovery_and_access_tokens(provider: OpenIDProvider, tmp_path: Path) -> None:
    async with gateway(provider, tmp_path) as stack:
        token = await provider.token("portal")
        header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
        assert (header["alg"], header["typ"], header["kid"]) == ("RS256", "at+jwt", "a")
        assert (claims["iss"], claims["aud"], claims["sub"]) == (provider.issuer, AUDIENCE, "portal")
        await provider.tell()
        assert seen(await stack.ask_with(token, ME)) == CUSTOMER
        assert seen(await stack.ask_with(await provider.token("desk"), ME)) == AGENT
        asked = await provider.tell()
        assert (asked["/.well-known/openid-configuration"], asked["/jwks"]) == (1, 1)


async def test_rotation(provider: OpenIDProvider, tmp_path: Path, clock: Clock) -> None:
    async with gateway(provider, tmp_path, cached_for=0, jwks_max_age=60) as stack:
        old = await provider.token("portal")
        assert seen(await stack.ask_with(old, ME)) == CUSTOMER
        await provider.tell(keys=["b", "a"])
        new = await provider.token("portal")
        assert jwt.get_unverified_header(new)["kid"] == "b"
        assert [seen(await stack.ask_with(one, ME)) for one in (new, old, new)] == [CUSTOMER] * 3
        asked = await provider.tell(keys=["b"])
        assert (asked["/jwks"], asked.get("/.well-known/openid-configuration")) == (1, None)
        assert seen(await stack.ask_with(old, ME)) == CUSTOMER  # The key was withdrawn less than jwks_max_age ago.
        clock.later = 61.0
        assert code(await stack.ask_with(old, ME)) == (401, "UNAUTHENTICATED")
        assert seen(await stack.ask_with(new, ME)) == CUSTOMER


async def test_rotation_with_the_provider_away(provider: OpenIDProvider, tmp_path: Path, clock: Clock) -> None:
    async with gateway(provider, tmp_path, cached_for=0, jwks_max_age=60) as stack:
        old = await provider.token("portal")
        assert seen(await stack.ask_with(old, ME)) == CUSTOMER
        await provider.tell(keys=["b", "a"])
        new = await provider.token("portal")
        await provider.tell(away=True)
        answer = await stack.ask_with(new, ME)
        assert code(answer) == (503, "AUTH_UNAVAILABLE")
        assert answer.errors[0]["extensions"]["retryable"] is True
        for later in (0.0, 61.0, 599.0):
            clock.later = later
            assert seen(await stack.ask_with(old, ME)) == CUSTOMER
            assert code(await stack.ask_with(new, ME)) == (503, "AUTH_UNAVAILABLE")
        await provider.tell(keys=["b", "a"])
        clock.later += 2.0  # It is tried again a second after it failed.
        assert [seen(await stack.ask_with(one, ME)) for one in (new, old)] == [CUSTOMER] * 2


async def test_away_from_the_start(provider: OpenIDProvider, tmp_path: Path, clock: Clock) -> None:
    async with gateway(provider, tmp_path) as stack:
        token = await provider.token("desk")
        await provider.tell(away=True)
        assert code(await stack.ask_with(token, ME)) == (503, "AUTH_UNAVAILABLE")
        await provider.tell(keys=["a"])
        clock.later = 2.0
        assert seen(await stack.ask_with(token, ME)) == AGENT
