"""A session with a system: one login for everybody, a new one when the system has ended it, and no guessing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import ConnectorError, Failed, RateLimited, Refused, Rejected, TimedOut
from connectors.http.client import HttpClient
from connectors.http.login import REFUSED_FOR
from connectors.http.request import Request
from connectors.settings import System
from tests.connectors.canned import Canned, canned, never

AUTH = {
    "kind": "session",
    "username": "gateway",
    "password": "s3cr&t+",
    "login_path": "/NoAuth/Login.html",
    "verify_path": "/REST/2.0/rt",
    "username_field": "user",
    "password_field": "pass",
}
END_OF_SESSION: Mapping[str, Any] = {
    "401": lambda: web.Response(status=401, text="Unauthorized"),
    "302": lambda: web.Response(status=302, headers={"Location": "/"}, text="Login required"),
    "200 with a page": lambda: web.Response(text="<html>Login</html>", content_type="text/html"),
}


class Product:
    """A product with sessions, as Request Tracker is: any login gets 200 and a cookie, only the right one counts."""

    def __init__(self, end: str = "302") -> None:
        self.logins = self.verified = 0
        self.alive: set[str] = set()
        self.end = END_OF_SESSION[end]

    async def login(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.logins += 1
        session = f"session{self.logins}"
        if (form["user"], form["pass"]) == ("gateway", "s3cr&t+"):
            self.alive.add(session)
        answer = web.Response(text="<html>Home</html>", content_type="text/html")
        answer.set_cookie("RT_SID_live.18202", session, path="/", httponly=True)
        return answer

    async def verify(self, request: web.Request) -> web.Response:
        self.verified += 1
        return await self.one(request)

    async def one(self, request: web.Request) -> web.Response:
        if request.cookies.get("RT_SID_live.18202") not in self.alive:
            answer: web.Response = self.end()
            return answer
        return web.json_response({"asked": request.path})

    def answers(self, *names: str) -> dict[str, Any]:
        return {"Login.html": self.login, "rt": self.verify} | dict.fromkeys(names, self.one)


@asynccontextmanager
async def speaking(server: Canned, **settings: Any) -> AsyncIterator[HttpClient]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        system = System.model_validate({"url": server.url, "auth": AUTH, **settings})
        yield HttpClient("ticketing", system, session)


async def read(http: HttpClient, path: str) -> Any:
    """What the system says, or how that failed."""
    try:
        return await http.send(Request.get(path), lambda answer: answer.body.decode())
    except ConnectorError as failure:
        return failure


async def read_all(http: HttpClient, *paths: str) -> list[Any]:
    return list(await asyncio.gather(*(read(http, path) for path in paths)))


async def test_many_calls_wait_for_one_login_which_is_verified() -> None:
    product, names = Product(), [f"t{n}" for n in range(12)]
    async with canned(**product.answers(*names)) as server, speaking(server) as http:
        found = await read_all(http, *(f"/{name}" for name in names))
        assert found == [f'{{"asked": "/{name}"}}' for name in names]
        await read(http, "/t1")
    assert (product.logins, product.verified) == (1, 1)
    assert server.seen[:2] == ["/NoAuth/Login.html", "/REST/2.0/rt"]
    assert [one.get("Cookie") for one in server.headers[1:]] == ["RT_SID_live.18202=session1"] * 14
    assert not [one for one in server.headers if "Authorization" in one]
    assert [one["Referer"] for one in server.headers[2:]] == [f"{server.url}/"] * 13, "or it writes nothing"


async def test_a_system_that_calls_itself_otherwise_is_told_so() -> None:
    async with (
        canned(**Product().answers("t")) as server,
        speaking(server, auth={**AUTH, "referer": "https://rt.example/"}) as http,
    ):
        await read(http, "/t")
    assert server.headers[-1]["Referer"] == "https://rt.example/"


@pytest.mark.parametrize("end", END_OF_SESSION)
async def test_a_session_that_ended_is_renewed_once_for_all_however_the_system_says_so(end: str) -> None:
    product, names = Product(end), [f"t{n}" for n in range(6)]
    async with canned(**product.answers(*names)) as server, speaking(server) as http:
        await read(http, "/t0")
        product.alive.clear()
        found = await read_all(http, *(f"/{name}" for name in names))
        assert found == [f'{{"asked": "/{name}"}}' for name in names]
    assert product.logins == 2


@pytest.mark.parametrize("end", END_OF_SESSION)
async def test_a_wrong_password_that_answers_200_with_a_cookie_is_refused_and_tried_once(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = Product(end)
    async with canned(**product.answers("t")) as server, speaking(server, auth=AUTH | {"password": "no"}) as http:
        found = await read_all(http, *["/t"] * 8)
        assert [type(one) for one in found] == [Refused] * 8
        assert type(await read(http, "/t")) is Refused
        assert (product.logins, server.seen) == (1, ["/NoAuth/Login.html", "/REST/2.0/rt"])  # no question without
        assert "wrong name or password" in found[0].detail
        assert "/NoAuth/Login.html" in found[0].detail
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr("connectors.http.login.time.monotonic", lambda: now + REFUSED_FOR + 60)
        assert type(await read(http, "/t")) is Refused
    assert product.logins == 2  # a password may have been put right in the system meanwhile


async def test_a_password_that_is_changed_while_the_session_lasts_is_refused_once_for_all() -> None:
    product = Product()
    async with canned(**product.answers("t")) as server, speaking(server) as http:
        await read(http, "/t")

        async def refusing(_: web.Request) -> web.Response:
            product.logins += 1
            return web.Response(status=401)

        product.alive.clear()
        server.answers["Login.html"] = refusing
        assert {type(one) for one in await read_all(http, *["/t"] * 5)} == {Refused}
        assert {type(one) for one in await read_all(http, *["/t"] * 5)} == {Refused}
    assert product.logins == 2


async def test_what_the_user_may_not_read_ends_no_session() -> None:
    async def forbidden(_: web.Request) -> web.Response:
        return END_OF_SESSION["401"]()  # type: ignore[no-any-return]  # answers of a test, by name

    product = Product()
    async with canned(**product.answers("t"), secret=forbidden) as server, speaking(server) as http:
        assert {type(one) for one in await read_all(http, "/secret", "/secret", "/secret")} == {Refused}
        assert await read(http, "/t") == '{"asked": "/t"}'
    assert product.logins == 1


async def test_a_late_refusal_of_an_old_session_does_not_cost_the_new_one() -> None:
    product, renewed = Product(), asyncio.Event()

    async def late(request: web.Request) -> web.Response:
        if request.cookies["RT_SID_live.18202"] == "session1":
            await renewed.wait()
        return await product.one(request)

    async def early(request: web.Request) -> web.Response:
        if request.cookies["RT_SID_live.18202"] != "session1":
            renewed.set()
        return await product.one(request)

    async with canned(**product.answers("t"), late=late, early=early) as server, speaking(server) as http:
        await read(http, "/t")
        product.alive.clear()
        assert await read_all(http, "/late", "/early") == ['{"asked": "/late"}', '{"asked": "/early"}']
    assert product.logins == 2


async def test_a_file_is_fetched_with_the_session_and_may_be_a_page() -> None:
    product = Product()

    async def page(request: web.Request) -> web.Response:
        known = (await product.one(request)).status == 200
        return web.Response(text="<p>Bill</p>", content_type="text/html") if known else END_OF_SESSION["302"]()

    async with canned(**product.answers("t"), file=page) as server, speaking(server) as http:
        await read(http, "/t")
        product.alive.clear()
        async with http.stream("/file") as parts:
            assert parts is not None
            assert b"".join([part async for part in parts]) == b"<p>Bill</p>"
    assert product.logins == 2


async def _down(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def _busy(_: web.Request) -> web.Response:
    return web.Response(status=429)


async def _no_cookie(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "https://elsewhere.example/"})


@pytest.mark.parametrize(
    ("part", "answer", "failure", "detail"),
    [
        ("Login.html", _down, Failed, "answered 503"),
        ("Login.html", None, Refused, "answered 404"),
        ("Login.html", _no_cookie, Refused, "answered 302 without a cookie"),
        ("Login.html", never, TimedOut, "did not answer in time"),
        ("rt", _down, Failed, "answered 503"),
        ("rt", _busy, RateLimited, "answered 429"),
        ("Login.html", _busy, RateLimited, "answered 429"),
        ("rt", None, Refused, "is verify_path right?"),
    ],
)
async def test_a_login_that_fails_says_how_and_never_with_the_password(
    part: str, answer: Any, failure: type[ConnectorError], detail: str
) -> None:
    product = Product()
    answers = {**product.answers("t"), part: answer}
    async with canned(**answers) as server, speaking(server, timeout=0.3 if failure is TimedOut else 20.0) as http:
        found = await read(http, "/t")
    assert type(found) is failure
    assert found.signing_in
    assert not found.may_have_happened  # the login failed, and nothing else was sent
    assert detail in found.detail
    assert "s3cr" not in str(found)
    assert "/t" not in server.seen


async def test_a_system_that_comes_back_is_logged_into_at_the_next_call() -> None:
    product = Product()
    async with canned(**product.answers("t")) as server, speaking(server) as http:
        server.answers["Login.html"] = _down
        assert type(await read(http, "/t")) is Failed
        server.answers["Login.html"] = product.login
        assert await read(http, "/t") == '{"asked": "/t"}'


async def test_a_system_that_was_busy_when_a_login_was_verified_has_refused_no_password() -> None:
    product = Product()
    async with canned(**product.answers("t")) as server, speaking(server) as http:
        server.answers["rt"] = _busy
        assert type(await read(http, "/t")) is RateLimited
        server.answers["rt"] = product.verify
        assert await read(http, "/t") == '{"asked": "/t"}'


async def test_a_redirect_within_a_session_is_not_followed() -> None:
    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=308, headers={"Location": "/elsewhere"})

    product = Product()
    async with canned(**product.answers("t"), moved=moved) as server, speaking(server) as http:
        assert type(await read(http, "/moved")) is Rejected
    assert product.logins == 1
