"""Several issuers: nothing of one counts for another, neither keys nor kinds, nor what is spent on looking for keys."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway.auth.keys import MOST_REFETCHES, KeySet, from_bytes
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError, Why
from gateway.auth.tokens import Authenticator, TokenRules, TrustedIssuer
from gateway.auth_settings import AuthSettings
from gateway.http.websocket import SUBPROTOCOL
from gateway.live_settings import LiveSettings
from resolvers.viewer import ViewerKind
from tests.gateway.auth.issuers import AUDIENCE, Clock, Providers, Realm, providers, with_claims
from tests.gateway.auth.test_tokens import Issuer, claims_of, with_payload
from tests.gateway.http.live_graph import Socket
from tests.stack import stacked

STAFF = {"kind": "agent"}


@asynccontextmanager
async def two(**customers_settings: Any) -> AsyncIterator[tuple[Providers, Realm, Realm, AuthSettings]]:
    """A customers' and a staff's issuer; their keys have the same id."""
    async with providers() as server:
        customers, staff = server.add("/customers"), server.add("/staff")
        first = {"issuer": customers.address, "audience": AUDIENCE, "allowed_kinds": ["customer"]}
        second = {"issuer": staff.address, "audience": [AUDIENCE, "desk"], "allowed_kinds": ["agent", "admin"]}
        auth = AuthSettings.model_validate({"issuers": [first | customers_settings, second]})
        yield server, customers, staff, auth


@asynccontextmanager
async def authenticating(auth: AuthSettings) -> AsyncIterator[Authenticator]:
    async with aiohttp.ClientSession() as session:
        yield auth.authenticator(session)


async def why(authenticator: Authenticator, token: str) -> Why:
    with pytest.raises(AuthenticationError) as refused:
        await authenticator.viewer(token)
    return refused.value.why


@pytest.mark.parametrize("kind", ["agent", "admin", ["customer", "agent"], ["x", "admin"]])
async def test_a_customers_issuer_makes_no_agent_whatever_its_claims_say(kind: Any) -> None:
    async with two() as (_, customers, staff, auth), authenticating(auth) as authenticator:
        more = {"roles": ["agent", "admin"], "allowed_kinds": ["agent"], "customer_ids": ["1001"]}
        assert await why(authenticator, customers.token(kind=kind, **more)) is Why.NOT_ITS_KIND
        assert await why(authenticator, staff.token(kind="customer", **more)) is Why.NOT_ITS_KIND
        assert (await authenticator.viewer(staff.token(kind="agent"))).kind is ViewerKind.AGENT


async def test_a_key_of_one_issuer_signs_nothing_for_another() -> None:
    async with two() as (_, customers, staff, auth), authenticating(auth) as authenticator:
        assert (await authenticator.viewer(staff.token(**STAFF))).issuer == staff.address
        assert await why(authenticator, customers.token(iss=staff.address, **STAFF)) is Why.SIGNATURE
        changed = with_claims(customers.token(), iss=staff.address, aud=AUDIENCE, kind="agent")
        assert await why(authenticator, changed) is Why.SIGNATURE
        customers.made.add("own")
        assert await why(authenticator, customers.token("own", iss=staff.address, **STAFF)) is Why.KEY


async def test_audience_and_algorithms_are_each_issuers_own() -> None:
    async with two(algorithms=["RS256"]) as (_, customers, staff, auth), authenticating(auth) as authenticator:
        assert (await authenticator.viewer(staff.token(aud="desk", **STAFF))).is_staff
        assert await why(authenticator, customers.token(kind="customer")) is Why.ALGORITHM
        customers.made.add("r", "RS256")
        assert (await authenticator.viewer(customers.token("r", kind="customer"))).kind is ViewerKind.CUSTOMER
        assert await why(authenticator, customers.token("r", kind="customer", aud="desk")) is Why.AUDIENCE


async def test_types_are_each_issuers_own() -> None:
    async with two(types=["at+jwt"]) as (_, customers, staff, auth), authenticating(auth) as authenticator:
        assert await why(authenticator, customers.token(kind="customer")) is Why.TYPE
        typed = {"header": {"typ": "at+JWT"}}
        assert (await authenticator.viewer(customers.token(kind="customer", **typed))).kind is ViewerKind.CUSTOMER
        assert (await authenticator.viewer(staff.token(**STAFF))).is_staff
        assert await why(authenticator, staff.token(header={"typ": "logout+jwt"}, **STAFF)) is Why.TYPE


async def test_a_token_with_a_name_twice_chooses_no_issuer() -> None:
    async with two() as (server, customers, staff, auth), authenticating(auth) as authenticator:
        head, _, end = staff.token(**STAFF).split(".")
        for first, second in ((customers, staff), (staff, customers), (staff, staff)):
            claims = json.dumps(claims_of(iss=second.address, aud=AUDIENCE, **STAFF))
            twice = f'{{"iss": "{first.address}", {claims[1:]}'
            assert await why(authenticator, with_payload(staff.made, twice)) is Why.TWICE
            unsigned = f"{head}.{base64.urlsafe_b64encode(twice.encode()).decode().rstrip('=')}.{end}"
            assert await why(authenticator, unsigned) is Why.TWICE
        assert not server.asked


async def test_an_issuers_name_is_compared_letter_by_letter() -> None:
    async with two() as (server, customers, _, auth), authenticating(auth) as authenticator:
        name = customers.address
        token = customers.token(kind="customer")
        for other in (f"{name}/", name.upper(), f" {name}", name[:-1], f"{name}\u0000", [name], None, 5, {"a": name}):
            assert await why(authenticator, with_claims(token, iss=other)) is Why.ISSUER
        assert await why(authenticator, customers.token(iss=None, kind="customer")) is Why.MISSING
        assert not server.asked  # Nobody is asked for keys by a token that names nobody.


async def test_made_up_keys_of_one_issuer_cost_the_other_nothing() -> None:
    async with two() as (server, customers, staff, auth), authenticating(auth) as authenticator:
        await authenticator.viewer(customers.token(kind="customer"))
        await authenticator.viewer(staff.token(**STAFF))
        made_up = [customers.token(header={"kid": f"x{number}"}, kind="customer") for number in range(MOST_REFETCHES)]
        for token in made_up:
            assert await why(authenticator, token) is Why.KEY
        with pytest.raises(AuthUnavailableError):
            await authenticator.viewer(customers.token(header={"kid": "one more"}, kind="customer"))
        assert server.asked["/customers/jwks"] == 1 + MOST_REFETCHES
        assert server.asked["/customers/.well-known/openid-configuration"] == 1
        staff.made.add("rotated")
        assert (await authenticator.viewer(staff.token("rotated", **STAFF))).is_staff
        assert server.asked["/staff/jwks"] == 2


async def test_one_issuer_away_and_the_other_there(tmp_path: Path) -> None:
    async with two() as (_, customers, staff, auth), stacked(tmp_path, customers=2, auth=auth) as stack:
        customers.status = 500
        answer = await stack.ask_with(customers.token(kind="customer"), "{ viewer { kind } }")
        assert (answer.status, answer.errors[0]["extensions"]) == (503, {"code": "AUTH_UNAVAILABLE", "retryable": True})
        answer = await stack.ask_with(staff.token(**STAFF), "{ viewer { kind } }")
        assert answer.clean() == {"viewer": {"kind": "AGENT"}}


async def test_the_gateway_is_ready_while_keys_of_one_issuer_are_there(tmp_path: Path, clock: Clock) -> None:
    async with two() as (_, customers, staff, auth), stacked(tmp_path, customers=2, auth=auth) as stack:

        async def ready() -> tuple[int, str]:
            async with stack.session.get(f"{stack.address}/readyz") as answer:
                return answer.status, (await answer.json())["status"]

        customers.status = staff.status = 500
        assert await ready() == (503, "no keys")
        staff.status = 200
        async with asyncio.timeout(30):
            while await ready() != (200, "ready"):
                clock.later += 2  # An issuer that was away is asked again after a second.
        assert (await stack.ask_with(customers.token(kind="customer"), "{ viewer { kind } }")).status == 503
        assert (await stack.ask_with(staff.token(**STAFF), "{ viewer { kind } }")).status == 200


class _Silent(KeySet):
    """Keys that do not come."""

    async def are_there(self, within: float) -> bool:
        return await asyncio.Event().wait()


async def test_a_probe_waits_for_no_issuer_while_keys_of_another_are_there() -> None:
    made = Issuer()
    made.add("k1")
    there, silent = KeySet(from_bytes(made.jwks())), _Silent(from_bytes(b""))
    trusted = [TrustedIssuer(keys, TokenRules(name, AUDIENCE)) for name, keys in (("a", silent), ("b", there))]
    async with asyncio.timeout(10):
        assert await Authenticator(*trusted).can_check()


async def test_a_withdrawn_key_is_believed_for_two_short_times_only(clock: Clock) -> None:
    short = {"cached_for": 10, "jwks_max_age": 60}
    async with two(**short) as (server, customers, _, auth), authenticating(auth) as authenticator:
        token = customers.token(kind="customer")
        await authenticator.viewer(token)
        customers.made.keys["k2"] = customers.made.keys.pop("k1")
        clock.later = 59.0
        await authenticator.viewer(token)  # Verified again, with the keys from before.
        clock.later = 66.0
        await authenticator.viewer(token)  # Believed without a look.
        assert server.asked["/customers/jwks"] == 1
        clock.later = 70.0
        assert await why(authenticator, token) is Why.KEY
        assert server.asked["/customers/jwks"] == 2


async def test_nothing_is_cached_where_that_is_said(clock: Clock) -> None:
    short = {"cached_for": 0, "jwks_max_age": 60}
    async with two(**short) as (_, customers, __, auth), authenticating(auth) as authenticator:
        token = customers.token(kind="customer")
        await authenticator.viewer(token)
        customers.made.keys["k2"] = customers.made.keys.pop("k1")
        await authenticator.viewer(token)
        clock.later = 61.0
        assert await why(authenticator, token) is Why.KEY


async def test_a_fresh_token_of_a_connection_is_of_the_same_issuer_subject_and_kind(tmp_path: Path) -> None:
    live = LiveSettings(enabled=True)
    async with providers() as server:
        staff, other = server.add("/staff"), server.add("/other")
        auth = AuthSettings(issuers=[{"issuer": one.address, "audience": AUDIENCE} for one in (staff, other)])
        async with stacked(tmp_path, customers=2, auth=auth, live=live) as stack:

            async def renewed(fresh: str) -> tuple[int, str] | bool:
                address = f"{stack.address}/graphql".replace("http", "ws", 1)
                async with connect(address, subprotocols=[SUBPROTOCOL], compression=None) as connection:
                    client = Socket(connection)
                    bearer = {"authorization": f"Bearer {staff.token(**STAFF)}"}
                    await client.send(type="connection_init", payload=bearer)
                    assert await client.next() == {"type": "connection_ack"}
                    await client.send(type="ping", payload={"authorization": f"Bearer {fresh}"})
                    try:
                        return bool(await client.next() == {"type": "pong"})
                    except ConnectionClosed:
                        return await client.closed()

            another = (4403, "The fresh token is not the same caller's: connect again with it.")
            assert await renewed(staff.token(roles=["more"], **STAFF)) is True
            assert await renewed(other.token(**STAFF)) == another  # the same sub and kind, of another issuer
            assert await renewed(staff.token(sub="u-2", **STAFF)) == another
            assert await renewed(staff.token(kind="admin")) == another
            code, reason = await renewed(other.token(iss=staff.address, **STAFF))  # type: ignore[misc]  # it is refused
            assert (code, reason[:31]) == (4403, "The token's signature is wrong.")
