"""How the gateway identifies itself, against systems that ask for it; tokens are fetched as rarely as can be."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import ConnectorError, Garbled, Refused, TimedOut, Unreachable
from connectors.settings import System
from tests.connectors.asking import connected
from tests.connectors.canned import canned, never, reading
from tests.systems import Systems, asked

NAME = frozenset({"name"})
CLIENT = {"kind": "oauth2", "client_id": "gateway", "client_secret": "s3:cr+et"}

KINDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "bearer", "token": "abc"}, {"kind": "bearer", "token": "abc"}),
    (
        {"kind": "basic", "username": "gw", "password": "pa:ss"},
        {"kind": "basic", "username": "gw", "password": "pa:ss"},
    ),
    ({"kind": "apiKey", "token": "k1", "header": "X-Key"}, {"kind": "api_key", "key": "k1", "header": "X-Key"}),
]


@pytest.mark.parametrize(("wanted", "shown"), KINDS)
async def test_credentials_are_shown_and_without_them_nothing_comes(
    systems: Systems, wanted: dict[str, Any], shown: dict[str, Any]
) -> None:
    systems["crm"].switches.merge({"auth": wanted})
    async with connected(systems, crm={"auth": shown}) as c:
        assert set(await c.crm.customers(["1001"], NAME)) == {"1001"}
        assert not isinstance((await c.crm.customers(["1001"], NAME))["1001"], ConnectorError)
    async with connected(systems) as c:
        assert type((await c.crm.customers(["1001"], NAME))["1001"]) is Refused
    secret = {"token": "x", "password": "x", "key": "x"}
    async with connected(systems, crm={"auth": shown | {key: secret[key] for key in shown.keys() & secret}}) as c:
        assert type((await c.crm.customers(["1001"], NAME))["1001"]) is Refused
    assert len(asked(systems["crm"])) == 4  # a refusal is not argued with


async def test_the_sandbox_takes_client_credentials(systems: Systems) -> None:
    secret = {"client_id": "gateway", "client_secret": "s3cret"}
    systems["crm"].switches.merge({"auth": {"kind": "oauth2", "clientId": "gateway", "clientSecret": "s3cret"}})
    auth = {"kind": "oauth2", "token_url": f"{systems['crm'].url}/_sandbox/oauth/token"} | secret
    async with connected(systems, crm={"auth": auth}) as c:
        assert not isinstance((await c.crm.customers(["1001"], NAME))["1001"], ConnectorError)
    async with connected(systems, crm={"auth": auth | {"client_secret": "wrong"}}) as c:
        assert type((await c.crm.customers(["1001"], NAME))["1001"]) is Refused
    assert len(asked(systems["crm"])) == 1  # no question without a token


class Issuer:
    """Issues tokens t1, t2 ...; the system accepts only those in `good`."""

    def __init__(self, expires_in: object = 3600) -> None:
        self.issued = 0
        self.good: set[str] = set()
        self.expires_in = expires_in

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        # RFC 6749, section 2.3.1: form-urlencoded before it becomes Basic
        assert request.headers["Authorization"] == "Basic Z2F0ZXdheTpzMyUzQWNyJTJCZXQ="
        self.issued += 1
        self.good.add(f"t{self.issued}")
        return web.json_response({"access_token": f"t{self.issued}", "expires_in": self.expires_in})

    async def one(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.good:
            return web.Response(status=401)
        return web.json_response({"id": request.path.rsplit("/", 1)[-1]})


async def test_a_token_is_fetched_once_for_all_and_once_more_when_it_is_refused() -> None:
    issuer, keys = Issuer(), [str(n) for n in range(12)]
    async with canned(token=issuer.token, **dict.fromkeys(keys, issuer.one)) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth, profile={"id_list": "none"}) as c:
            found = await c.crm.customers(keys, NAME)
            assert [type(one).__name__ for one in found.values()] == ["Customer"] * 12
            assert (issuer.issued, len(server.seen)) == (1, 13)
            issuer.good.clear()  # taken back before its time
            found = await c.crm.customers(keys, NAME)
            assert [type(one).__name__ for one in found.values()] == ["Customer"] * 12
            assert (issuer.issued, len(server.seen)) == (2, 13 + 12 + 1 + 12)


async def test_a_late_refusal_of_an_old_token_does_not_cost_the_new_one() -> None:
    issuer, renewed = Issuer(), asyncio.Event()

    async def late(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer t1":
            await renewed.wait()
        return await issuer.one(request)

    async def early(request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer t1":
            renewed.set()
        return await issuer.one(request)

    async with canned(token=issuer.token, **{"1": early, "2": late, "3": issuer.one}) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth, profile={"id_list": "none"}) as c:
            await c.crm.customers(["3"], NAME)
            issuer.good.clear()
            assert [one.id for one in (await c.crm.customers(["1", "2"], NAME)).values()] == ["1", "2"]
    assert issuer.issued == 2


@pytest.mark.parametrize("expires_in", [0.02, "0.02"])
async def test_a_token_that_has_aged_is_not_shown(expires_in: object) -> None:
    issuer = Issuer(expires_in)
    async with canned(token=issuer.token, **{"1": issuer.one}) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth, profile={"id_list": "none"}) as c:
            await c.crm.customers(["1"], NAME)
            loop = asyncio.get_running_loop()
            aged = asyncio.Event()
            loop.call_later(0.03, aged.set)
            await aged.wait()
            await c.crm.customers(["1"], NAME)
    assert issuer.issued == 2
    assert [one.get("Authorization") for one in server.headers][1::2] == ["Bearer t1", "Bearer t2"]


async def test_a_system_that_refuses_every_token_is_asked_twice() -> None:
    issuer = Issuer()

    async def refusing(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with canned(token=issuer.token, customer=refusing) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            assert type((await c.crm.customers(["1"], NAME))["1"]) is Refused
    assert (issuer.issued, len(server.seen)) == (2, 4)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [(b"<html>", Garbled), (b"{}", Garbled), (None, Refused), (never, TimedOut)],
)
async def test_a_token_endpoint_that_fails(answer: Any, failure: type[ConnectorError]) -> None:
    answers = {"token": answer} if answer is not None else {}
    async with canned(customer="[]", **answers) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth, timeout=0.3) as c:
            found = await c.crm.customers(["1"], NAME)
    assert type(found["1"]) is failure
    assert "s3:cr" not in str(found["1"])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_token_endpoint_that_is_busy_or_broken_is_unavailable(status: int) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with canned(customer="[]", token=busy) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            found = (await c.crm.customers(["1"], NAME))["1"]
    assert (type(found), found.retryable, found.status) == (Unreachable, True, status)
    assert found.signing_in
    assert not found.may_have_happened
    assert len(server.seen) == 1  # no question without a token


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405])
async def test_a_token_endpoint_that_refuses_is_not_tried_again(status: int) -> None:
    async def refusing(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with canned(customer="[]", token=refusing) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            found = (await c.crm.customers(["1"], NAME))["1"]
    assert (type(found), found.retryable) == (Refused, False)


async def test_a_token_endpoint_that_is_not_there() -> None:
    auth = CLIENT | {"token_url": "http://127.0.0.1:9/token"}
    async with canned(customer="[]") as server, reading(server, auth=auth) as c:
        assert type((await c.crm.customers(["1"], NAME))["1"]) is Unreachable


async def test_a_token_is_no_longer_than_it_may_be() -> None:
    async def token(_: web.Request) -> web.Response:
        return web.Response(body=b'{"access_token": "' + b"x" * 70_000, content_type="application/json")

    async with canned(token=token, customer="[]") as server:
        auth = {**CLIENT, "token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            found = (await c.crm.customers(["1"], NAME))["1"]
    assert isinstance(found, Garbled)
    assert "more than 65536 bytes" in found.detail


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "bearer", "token": "hush"},
        {"kind": "basic", "username": "u", "password": "hush"},
        {"kind": "api_key", "key": "hush"},
        {"kind": "oauth2", "token_url": "https://t.example", "client_id": "c", "client_secret": "hush"},
        {"kind": "session", "username": "u", "password": "hush", "login_path": "/in", "verify_path": "/me"},
    ],
)
def test_secrets_are_not_shown(auth: dict[str, Any]) -> None:
    assert "hush" not in repr(System.model_validate({"url": "https://x.example", "auth": auth}))


@pytest.mark.parametrize("expires_in", [None, "", "3600 s", "3600", 3600.5, 1e308, -1, [], {}, True])
async def test_how_long_a_token_holds_may_be_said_oddly_or_not_at_all(expires_in: object) -> None:
    issuer = Issuer(expires_in)
    async with canned(customer='[{"id": "1", "name": "A"}]', token=issuer.token) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            assert (await c.crm.customers(["1"], NAME))["1"].name == "A"


@pytest.mark.parametrize("token", ["", " ", "a\r\nX-Evil: 1", "a\nb", "k\u016f\u0148", "a b", "\x7f", "\x00"])
async def test_a_token_that_cannot_be_sent_is_the_token_endpoints_fault(token: str) -> None:
    async def issue(_: web.Request) -> web.Response:
        return web.json_response({"access_token": token})

    async with canned(customer="[]", token=issue) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            failure = (await c.crm.customers(["1"], NAME))["1"]
    assert type(failure) is Garbled
    assert "its access_token is empty, or cannot be sent" in str(failure)
    assert [one for one in server.seen if "customer" in one] == []


async def test_a_token_that_ends_in_a_line_break_is_sent_without_it() -> None:
    async def issue(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "t1\n"})

    async with canned(customer='[{"id": "1", "name": "A"}]', token=issue) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth) as c:
            assert (await c.crm.customers(["1"], NAME))["1"].name == "A"
    assert server.headers[-1]["Authorization"] == "Bearer t1"


@pytest.mark.parametrize("expires_in", [0, -1, "0", None, "never"], ids=str)
async def test_a_lifetime_that_is_none_costs_no_token_for_each_call(expires_in: object) -> None:
    issuer = Issuer(expires_in)
    async with canned(token=issuer.token, **{"1": issuer.one}) as server:
        auth = CLIENT | {"token_url": f"{server.url}/token"}
        async with reading(server, auth=auth, profile={"id_list": "none"}) as c:
            for _ in range(3):
                await c.crm.customers(["1"], NAME)
    assert issuer.issued == 1
