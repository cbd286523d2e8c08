"""Whatever the settings accept can be sent: texts that become a header, an address or a query, each by its name."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, get_args

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from connectors import DOMAINS, connect
from connectors.errors import ConnectorError
from connectors.http.client import HttpClient
from connectors.http.request import Request
from connectors.records import Window
from connectors.settings import System
from connectors.strict import Strict
from gateway.settings import Settings
from tests.connectors.canned import canned, reading
from tests.edges import NAMED_TEXTS, TEXTS, TIMES, TRIED

NAME = frozenset({"name"})
AUTHS: dict[str, dict[str, Any]] = {
    "bearer": {"kind": "bearer", "token": "abc"},
    "basic": {"kind": "basic", "username": "gw", "password": "pw"},
    "api_key": {"kind": "api_key", "key": "k1", "header": "X-Key"},
    "oauth2": {"kind": "oauth2", "token_url": "/token", "client_id": "c", "client_secret": "s", "scope": "read"},
    "session": {
        "kind": "session",
        "username": "gw",
        "password": "pw",
        "login_path": "/login",
        "verify_path": "/verify",
        "username_field": "user",
        "password_field": "pass",
    },
}
SENT = [(kind, name) for kind, auth in AUTHS.items() for name in auth if name != "kind"]


def auth_with(kind: str, url: str, **texts: str) -> dict[str, Any]:
    auth = AUTHS[kind] | texts
    return auth | {"token_url": f"{url}{auth['token_url']}"} if kind == "oauth2" else auth


ANSWERS = {
    "customer": '[{"id": "1", "name": "A"}]',
    "token": '{"access_token": "t", "expires_in": 3600}',
    "verify": "{}",
}


@pytest.mark.parametrize(("kind", "name"), SENT)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_a_text_that_ends_in_a_line_break_is_sent_without_it(kind: str, name: str, end: str) -> None:
    async with canned(**ANSWERS) as server:
        text = AUTHS[kind][name]
        seen = []
        for written in (text, text + end):
            server.headers.clear()
            server.seen.clear()
            async with reading(server, auth=auth_with(kind, server.url, **{name: written})) as c:
                await c.crm.customers(["1"], NAME)
            seen.append((list(server.seen), [dict(one.items()) for one in server.headers]))
    assert seen[0] == seen[1]
    assert seen[0][0]


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"url": "crm.example"}, 'url: should be an address that begins with http:// or https://, e.g. "https://host.'),
    ({"url": "https://crm.example:0"}, "url: should be an address that begins"),
    ({"url": "https://crm.example:99999"}, "url: should be an address that begins"),
    ({"url": "https://a..b"}, "url: should be an address that begins"),
    ({"url": f"https://{'a' * 64}.example"}, "url: should be an address that begins"),
    ({"network": {"ca_file": 5}}, "network.ca_file: Input is not a valid path"),
    ({"url": "https://crm.example/a b"}, "url: should be an address in ASCII without blanks"),
    ({"url": "https://kůň.example"}, "url: should be an address in ASCII without blanks: hosts as xn--"),
    ({"url": "https://crm.example/%zz"}, "url: should be an address in ASCII"),
    ({"url": "https://crm.example?key=1"}, 'url: should be the address that all paths are put behind, without "?"'),
    (
        {"url": "https://me:pw@crm.example", "auth": AUTHS["bearer"]},
        "url: should have no user name and password beside",
    ),
    ({"auth": {"kind": "bearer", "token": "Bearer abc"}}, "auth.bearer.token: should be the token alone, without"),
    ({"auth": {"kind": "bearer", "token": "a\nb"}}, "auth.bearer.token: should be one line of text, and has a"),
    ({"auth": {"kind": "bearer", "token": "žluť"}}, "auth.bearer.token: should be a header's value: letters, digits"),
    ({"auth": {"kind": "bearer", "token": "\n"}}, "auth.bearer.token: should be a header's value"),
    ({"auth": {"kind": "api_key", "key": "kľúč"}}, "auth.api_key.key: should be a header's value"),
    (
        {"auth": {"kind": "api_key", "key": "k", "header": "X Key"}},
        "header: should be the name of a header, such as X-",
    ),
    ({"auth": {"kind": "api_key", "key": "k", "header": "Host"}}, "header: should be another header: the gateway sets"),
    (
        {"auth": {"kind": "basic", "username": "a:b", "password": "p"}},
        "username: should be a user name, without a colon",
    ),
    ({"auth": {"kind": "basic", "username": "a", "password": "p\0"}}, "password: should be one line of text"),
    (
        {"auth": AUTHS["oauth2"] | {"token_url": "token"}},
        'auth.oauth2.token_url: should be an address that begins with http:// or https://, e.g. "https://host.example/p',
    ),
    ({"auth": AUTHS["oauth2"] | {"token_url": "https://a@t.example"}}, "token_url: should be an address without user"),
    ({"auth": AUTHS["oauth2"] | {"client_id": "\ud800"}}, "client_id: should be one line of text"),
    ({"auth": AUTHS["session"] | {"login_path": "login"}}, "login_path: should be a path under the system's url, such"),
    ({"auth": AUTHS["session"] | {"verify_path": "/a b"}}, "verify_path: should be a path under the system's url"),
    (
        {"customer_key": "number"},
        'customer_key: should be customer.id, party.id, or external: and a name, such as "ext',
    ),
    (
        {"references": {"service": "urn:"}},
        "references.service: should be a text with {id} in it once, such as 'urn:serv",
    ),
    ({"timeout": float("nan")}, "timeout: Input should be a finite number"),
    ({"timeout": float("inf")}, "timeout: Input should be a finite number"),
]
UNFIT_OPTIONS: list[tuple[str, str, dict[str, Any], str]] = [
    ("crm", "tmf", {"paths": {"customer": "bills"}}, 'paths.customer: should be a path that begins with "/" and does'),
    ("crm", "tmf", {"paths": {"customer": "/zákazník"}}, "paths.customer: should be a path that begins"),
    ("crm", "tmf", {"paths": {"customer": "/%2"}}, "paths.customer: should be a path that begins"),
    ("crm", "tmf", {"key_header": "Idempotency Key"}, "key_header: should be the name of a header"),
    ("crm", "tmf", {"key_header": "Content-Length"}, "key_header: should be another header"),
    ("crm", "tmf", {"parameters": {"id": "\ud800"}}, "parameters: should be one line of text"),
    (
        "crm",
        "tmf",
        {"timezone": "Prague"},
        "timezone: there is no time zone named 'Prague'; right is one like 'Europe/",
    ),
    ("crm", "tmf", {"name": "sap"}, "name: there is no profile named 'sap'; there are: servicenow"),
    ("crm", "bottlecrm", {"customer_number": "a-b"}, "customer_number: should be the key of a custom field: letters"),
    ("billing", "tryton", {"database": ".."}, "database: should be the name of a database: letters, digits"),
    ("billing", "tryton", {"currency": "euro"}, "currency: should be the code of a currency in three capital letters"),
    ("inventory", "nautobot", {"service_number": "1a"}, "service_number: should be the key of a custom field"),
    ("inventory", "nautobot", {"customer_number": ""}, "customer_number: should be the key of a custom field"),
    ("ticketing", "rt", {"customer_field": ""}, "customer_field: should be the name of a custom field, without braces"),
    ("ticketing", "rt", {"key_field": "{x}"}, "key_field: should be the name of a custom field, without braces"),
    ("ticketing", "rt", {"queue": ""}, "queue: should be a name, and not empty"),
    ("ticketing", "rt", {"words": {"'new'": "resolved"}}, "words.'new'.[key]: should be a status of Request Tracker"),
]


@pytest.mark.parametrize(("wrong", "told"), UNFIT)
def test_a_setting_that_does_not_fit_says_what_would_be_right_for_that_setting(wrong: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        System.model_validate({"url": "https://crm.example", **wrong})
    assert told in messages(caught.value)


@pytest.mark.parametrize(("domain", "driver", "wrong", "told"), UNFIT_OPTIONS)
def test_an_option_that_does_not_fit_says_what_would_be_right_for_it(
    domain: str, driver: str, wrong: Any, told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        DOMAINS[domain].drivers[driver].options.model_validate(wrong)
    assert told in messages(caught.value)


def messages(error: ValidationError) -> str:
    return "\n".join(
        f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}".removeprefix(": ")
        for one in error.errors()
    )


def models(kind: Any, seen: set[type]) -> Iterator[type[BaseModel]]:
    """Every model of settings that can be reached from a type."""
    for one in get_args(kind):
        yield from models(one, seen)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        yield kind
        for field in kind.model_fields.values():
            yield from models(field.annotation, seen)
            yield from (found for one in field.metadata for found in models(one, seen))


def all_models() -> list[type[BaseModel]]:
    seen: set[type] = set()
    options = [driver.options for domain in DOMAINS.values() for driver in domain.drivers.values()]
    return [found for one in (Settings, *options) for found in models(one, seen)]


def test_no_setting_has_a_bare_pattern_which_could_say_only_itself() -> None:
    found = all_models()
    assert System in found
    assert len(found) > 20
    assert all(issubclass(one, Strict) for one in found)
    bare = [
        f"{one.__name__}.{name}"
        for one in found
        for name, field in one.model_fields.items()
        if "pattern" in repr(field.metadata) + repr(field.annotation)
    ]
    assert bare == []


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def attempt(system: dict[str, Any], server_url: str, domain: str = "crm") -> Any:
    """The settings, where they are accepted; None where they are refused by name."""
    try:
        one = System.model_validate({"url": server_url, **system})
        DOMAINS[domain].driver(one.driver).configuration(one)
    except ValueError:
        return None
    return one


async def send(one: System, domain: str, session: aiohttp.ClientSession) -> None:
    """A read and a write, which may fail in every way that has a name."""
    c: Any = connect({domain: one}, session)
    with suppress(ConnectorError):
        await c.systems[0].probe.probe()
        if domain == "crm":
            await c.crm.customers(["1"], NAME)
            await c.crm.customer_list(Window(0, 1), NAME)
    key_header = one.profile.get("key_header")
    headers = {DOMAINS[domain].driver(one.driver).configuration(one).key_header: "k"} if key_header else {}  # type: ignore[attr-defined]  # a profile's
    with suppress(ConnectorError):
        await HttpClient(domain, one, session).send(
            Request.write("POST", "/customer", b"{}", headers=headers), lambda _: None
        )


PLACES: list[tuple[str, str, Any]] = [
    *[("crm", f"auth.{kind}.{name}", (kind, name)) for kind, name in SENT],
    ("crm", "url", lambda text, url: {"url": f"{url}/{text}"}),
    ("crm", "profile.paths", lambda text, _: {"profile": {"paths": {"customer": f"/{text}"}}}),
    ("crm", "profile.parameters", lambda text, _: {"profile": {"parameters": {"id": text}}}),
    ("crm", "profile.key_header", lambda text, _: {"profile": {"key_header": text}}),
    ("crm", "customer_key", lambda text, _: {"customer_key": f"external:{text}"}),
    ("crm", "options.customer_number", lambda t, _: {"driver": "bottlecrm", "options": {"customer_number": t}}),
    ("billing", "options.database", lambda text, _: {"driver": "tryton", "options": {"database": text}}),
    ("inventory", "options.service_number", lambda t, _: {"driver": "nautobot", "options": {"service_number": t}}),
    ("ticketing", "options.customer_field", lambda text, _: {"driver": "rt", "options": {"customer_field": text}}),
    ("ticketing", "options.words", lambda text, _: {"driver": "rt", "options": {"words": {text: "resolved"}}}),
]


@pytest.mark.parametrize("at", range(len(PLACES)), ids=[one[1] for one in PLACES])
def test_any_text_is_refused_by_name_or_can_be_sent(at: int, loop: asyncio.AbstractEventLoop) -> None:
    """Each known text at every second place, and at each place every second; all at all in `make fuzz`."""
    domain, place, made = PLACES[at]
    counted = {"sent": 0, "refused": 0}

    async def everything(texts: list[str]) -> None:
        async with canned(**ANSWERS) as server, aiohttp.ClientSession() as session:
            for text in texts:
                given = (
                    {"auth": auth_with(made[0], server.url, **{made[1]: text})}
                    if isinstance(made, tuple)
                    else made(text, server.url)
                )
                one = attempt(given, server.url, domain)
                counted["refused" if one is None else "sent"] += 1
                if one is not None:
                    await send(one, domain, session)

    @TRIED
    @given(st.lists(TEXTS, min_size=4, max_size=4))
    def tried(texts: list[str]) -> None:
        loop.run_until_complete(everything(texts))

    loop.run_until_complete(everything(NAMED_TEXTS if TIMES > 1 else NAMED_TEXTS[at % 2 :: 2]))
    tried()
    assert counted["sent"]
    if place not in ("profile.parameters", "auth.basic.password"):
        assert counted["refused"]
