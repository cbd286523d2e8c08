"""`gateway check --token`: what a token would be, or which setting would take it; and nothing of it is printed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.commands.check_token import judge
from gateway.commands.cli import cli
from gateway.settings_file import load
from tests.gateway.auth.issuers import Providers, Realm, providers, with_claims
from tests.gateway.auth.test_tokens import with_header, with_payload
from tests.gateway.test_settings import SYSTEMS

PERSONAL = {"name": "Ana Person", "email": "ana@person.example", "sub": "subject-of-ana", "preferred_username": "ana-p"}
ROLES = {"realm_access": {"roles": ["offline_access", "portal-agent"]}}

SETTINGS = """
[[auth.issuers]]
issuer = "{host}/staff"
audience = "opticom-gateway"
allowed_kinds = ["agent", "admin"]
[auth.issuers.claims]
kind = "realm_access.roles"
kinds = {{ "portal-agent" = "agent", "portal-admin" = "admin", "portal-customer" = "customer" }}

[[auth.issuers]]
issuer = "{host}/customers"
audience = "opticom-gateway"
allowed_kinds = ["customer"]
"""


@dataclass
class Desk:
    """Whose tokens are judged, and by which settings."""

    server: Providers
    staff: Realm
    customers: Realm
    config: Path

    async def judged(self, token: str) -> tuple[bool, str]:
        settings = load(self.config)
        assert settings.auth is not None
        found = await judge(settings.auth, token, settings.scopes)
        return found.is_taken, "\n".join(found.lines)

    async def run(self, *arguments: str, given: bytes = b"") -> tuple[int, str]:
        """Exit code, and what the command says on both outputs."""
        ran = await asyncio.to_thread(CliRunner().invoke, cli, ["check", *arguments], input=given)
        return ran.exit_code, ran.output


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with providers() as server:
        config = tmp_path / "gateway.toml"
        config.write_text(SYSTEMS + SETTINGS.format(host=server.address))
        yield Desk(server, server.add("/staff"), server.add("/customers"), config)


def nothing_told(said: str, token: str) -> bool:
    """Whether neither the token nor a part of it, nor anything about the person, is in a text."""
    parts = [part for part in token.split(".") if part]
    return not any(one in said for one in (token, *parts, *PERSONAL.values()))


async def test_what_a_token_would_be(desk: Desk) -> None:
    ends = int(time.time()) + 900
    token = desk.customers.token(kind="customer", customer_ids=["1001", 1002], roles=["vip"], exp=ends, **PERSONAL)
    code, said = await desk.run("--config", str(desk.config), "--token", "-", given=f"Bearer {token}\n".encode())
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
    assert (code, said.splitlines()) == (
        0,
        [
            "This token is taken.",
            "kind:      customer",
            "customers: 1001, 1002",
            'roles:     1 in "roles"',
            f"issuer:    {desk.customers.address} (auth.issuers.1)",
            f"until:     {until} (in 15 min)",
            "scopes:    all, as every customer has (scopes.customer)",
        ],
    )
    assert nothing_told(said, token)


async def test_what_a_taken_token_lacks_is_said(desk: Desk) -> None:
    taken, said = await desk.judged(desk.customers.token(kind="customer", sub=None))
    assert taken
    assert 'customers: none (sees nothing: auth.issuers.1.claims.customers = "customer_ids" names no claim' in said
    assert "writes:    none, because it has no sub" in said
    taken, said = await desk.judged(desk.staff.token(**ROLES))
    assert (taken, "customers: none\n" in said, "kind:      agent" in said) == (True, True, True)


SCOPES = """
[scopes]
agent = ["customer:name", "ticket:text", "resource:identifiers", "payment:means", "document:read"]
own = ["customer:search"]
fields = { "Query.customers" = [["customer:search"]] }
"""


async def test_the_scopes_of_a_token_and_what_they_mean(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text() + SCOPES)
    text = desk.config.read_text().replace('"portal-admin" = "admin",', '"portal-admin" = "admin", "lead" = "admin",')
    desk.config.write_text(text)
    taken, said = await desk.judged(desk.staff.token(**ROLES, scope="openid customer:contact profile"))

    assert taken
    assert said.splitlines()[-4:] == [
        "scopes:    customer:name, document:read, payment:means, resource:identifiers, ticket:text of every agent;"
        " customer:contact of this token (2 more in the token mean nothing here)",
        "withheld:  Customer.usage, Query.customers, Ticket.assignee",
        "masked:    nothing",
        "audited:   Customer.email, Customer.phone",
    ]
    taken, said = await desk.judged(desk.staff.token(**ROLES, scp=["usage:read", "customer:search"]))
    assert said.splitlines()[-3:] == [
        "withheld:  Ticket.assignee",
        "masked:    Customer.email (EMAIL), Customer.phone (PHONE)",
        "audited:   nothing",
    ]


def _signed_by_another(desk: Desk) -> str:
    return desk.customers.token(iss=desk.staff.address, **ROLES, **PERSONAL)


WRONG: dict[str, tuple[Callable[[Desk], str], str, str]] = {
    "opaque": (
        lambda _: "v1.opaque-SECRET-token",
        "is not a signed JSON Web Token",
        "No setting takes it: it is an opaque token",
    ),
    "encrypted": (
        lambda desk: "eyJhbGciOiJSU0EtT0FFUCJ9.c2VjcmV0.aXY.Y2lwaGVy.dGFn",
        "is not a signed JSON Web Token",
        "it is encrypted (JWE)",
    ),
    "too long": (
        lambda desk: desk.staff.token(**PERSONAL, groups=["g" * 40] * 500),
        "longer than 16384",
        "let the issuer put less into it",
    ),
    "issuer of nobody": (
        lambda desk: desk.staff.token(iss="https://sts.windows.net/11111111/", **PERSONAL),
        "The issuer (iss) is not one that this gateway trusts",
        '[[auth.issuers]] with issuer = "https://sts.windows.net/11111111/" would look at it. It is Azure',
    ),
    "a slash": (
        lambda desk: desk.staff.token(iss=f"{desk.staff.address}/", **PERSONAL),
        "The issuer (iss) is not one",
        'auth.issuers.0.issuer = "{staff}/" would take it.',
    ),
    "a name twice": (
        lambda desk: with_payload(desk.staff.made, '{"iss": "x", "iss": "y"}'),
        "The token has one name twice",
        "No setting takes it: two readers could read it differently.",
    ),
    "type": (
        lambda desk: desk.staff.token(header={"typ": "logout+jwt"}, **ROLES, **PERSONAL),
        "type (typ) is not that of an access token",
        'auth.issuers.0.types = ["JWT", "at+jwt", "", "logout+jwt"] would take it. Add it only if',
    ),
    "type that is no text": (
        lambda desk: with_claims(with_header(typ=7)(desk.staff.made), iss=desk.staff.address),
        "type (typ) is not that of an access token",
        "No setting takes it: its typ is 7.",
    ),
    "algorithm": (
        lambda desk: jwt.encode({"iss": desk.staff.address}, desk.server.realms["/rsa"].made.keys["r"][0], "PS512"),
        "is not signed with ES256 or RS256",
        'auth.issuers.0.algorithms = ["RS256", "ES256", "PS512"] would take it.',
    ),
    "symmetric": (
        lambda desk: jwt.encode({"iss": desk.staff.address, **PERSONAL}, "s" * 64, "HS256"),
        "is not signed with",
        'No setting takes it: with "HS256" others could make tokens.',
    ),
    "no algorithm": (
        lambda desk: with_claims(with_header(alg=["ES256"])(desk.staff.made), iss=desk.staff.address),
        "is not signed with",
        'No setting takes it: with ["ES256"] others could make tokens.',
    ),
    "unknown key": (
        lambda desk: desk.staff.token(header={"kid": "gone"}, **ROLES, **PERSONAL),
        "unknown key (kid)",
        'unless what auth.issuers.0.issuer says about itself (OpenID discovery) is not where its key (kid "gone") is',
    ),
    "signature": (
        _signed_by_another,
        "signature is wrong",
        "No setting takes it. If nobody changed it,",
    ),
    "changed": (
        lambda desk: with_claims(desk.customers.token(kind="customer", **PERSONAL), iss=desk.customers.address),
        "signature is wrong",
        "No setting takes it.",
    ),
    "audience": (
        lambda desk: desk.staff.token(aud=["account", "other"], **ROLES, **PERSONAL),
        "another audience",
        'Its aud is ["account", "other"], and auth.issuers.0.audience is "opticom-gateway".',
    ),
    "no audience": (
        lambda desk: desk.staff.token(aud=None, **ROLES, **PERSONAL),
        "has no claim 'aud'",
        "Keycloak adds aud with an audience mapper",
    ),
    "expired": (
        lambda desk: desk.staff.token(exp=int(time.time()) - 7200, **ROLES, **PERSONAL),
        "The token expired at",
        "No setting takes it. It ended 2 h ago; auth.issuers.0.leeway = 30 s",
    ),
    "not yet": (
        lambda desk: desk.staff.token(nbf=int(time.time()) + 300, **ROLES, **PERSONAL),
        "not valid yet",
        "or auth.issuers.0.leeway (at most 600) to more than 30 s",
    ),
    "no kind": (
        lambda desk: desk.customers.token(**ROLES, **PERSONAL, groups=["x"], customer_ids=["1001"]),
        "claim 'kind' must be one of",
        'It has no claim "kind". Let auth.issuers.1.claims.kind name one that says it. There are: "realm_access.roles",'
        ' "groups".\nauth.issuers.1.claims.default_kind = "customer" would make it a customer',
    ),
    "kind of nobody": (
        lambda desk: desk.staff.token(realm_access={"roles": ["a", "b"]}, **PERSONAL),
        "says no kind of caller that this gateway knows",
        'Its claim "realm_access.roles" has 2 entries, of which none is in auth.issuers.0.claims.kinds: add it there',
    ),
    "empty kind": (
        lambda desk: desk.staff.token(realm_access={"roles": []}, **PERSONAL),
        "says no kind of caller that this gateway knows",
        'Its claim "realm_access.roles" is an empty list: let the issuer put "portal-agent", "portal-admin",',
    ),
    "kind that cannot be read": (
        lambda desk: desk.customers.token(kind={"name": "Ana Person"}, **PERSONAL),
        "must be a string or a list",
        'Its claim "kind" is an object that cannot be read so.',
    ),
    "not its kind": (
        lambda desk: desk.staff.token(realm_access={"roles": ["portal-customer"]}, **PERSONAL),
        "may not sign in callers of the kind 'customer'",
        'auth.issuers.0.allowed_kinds = ["agent", "admin"] lacks "customer".',
    ),
    "customers": (
        lambda desk: desk.customers.token(kind="customer", customer_ids={"Ana Person": 1}, **PERSONAL),
        "'customer_ids' must be a string or a list",
        'Its claim "customer_ids" is an object that cannot be read so. Let auth.issuers.1.claims.customers name',
    ),
    "odd sub": (
        lambda desk: desk.customers.token(kind="customer", name="\ud800"),
        "is not Unicode",
        "No setting takes it: let the issuer mend it.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_why_a_token_is_none_and_which_setting_would_take_it(desk: Desk, name: str) -> None:
    make, reason, advice = WRONG[name]
    desk.server.add("/rsa", "r", "RS256")
    token = make(desk)
    taken, said = await desk.judged(token)
    assert not taken
    assert said.startswith("This token is not taken. The ")
    assert reason in said
    assert advice.replace("{staff}", desk.staff.address) in said
    assert nothing_told(said, token)


async def test_an_issuer_that_is_away(desk: Desk) -> None:
    desk.staff.status = 503
    taken, said = await desk.judged(desk.staff.token(**ROLES, **PERSONAL))
    assert not taken
    assert "cannot be judged" in said
    assert (
        f"{desk.staff.address}/.well-known/openid-configuration answered with status 503. Nobody could sign in" in said
    )


async def test_the_setting_that_is_named_takes_it(desk: Desk) -> None:
    token = desk.customers.token(customer_ids=["1001"])
    _, said = await desk.judged(token)
    assert 'auth.issuers.1.claims.default_kind = "customer" would' in said
    desk.config.write_text(f'{desk.config.read_text()}claims = {{ default_kind = "customer" }}\n')
    assert (await desk.judged(token))[0]


async def test_no_setting_is_advised_that_would_not_take_it(desk: Desk) -> None:
    taken, said = await desk.judged(desk.staff.token(realm_access={"roles": ["x"]}, customer_ids=["1001"]))
    assert not taken
    assert "default_kind" not in said  # this issuer may make no customers
    desk.config.write_text(f'{desk.config.read_text()}claims = {{ kinds = {{}}, default_kind = "customer" }}\n')
    taken, said = await desk.judged(desk.customers.token(kind="customer"))
    assert not taken
    assert (
        'It has no claim "customer_ids", and without a number it is no customer\'s. Let auth.issuers.1.claims' in said
    )
    assert "claims.kinds" not in said  # it is no kind that is lacking


async def test_the_command_takes_a_file_and_never_a_token(desk: Desk) -> None:
    file, config = desk.config.with_name("token.txt"), ("--config", str(desk.config))
    token = desk.customers.token(kind="customer", customer_ids="1001", aud="other", **PERSONAL)
    file.write_text(f"{token}\n")
    code, said = await desk.run(*config, "--token", str(file))
    assert (code, "auth.issuers.1.audience" in said, nothing_told(said, token)) == (1, True, True)
    for wrong in (token, str(file.with_name("none.txt")), str(file.parent)):
        code, said = await desk.run(*config, "--token", wrong)
        assert (code, "It is never the token itself" in said, nothing_told(said, token)) == (2, True, True)
    code, said = await desk.run(*config, "--token", "-", given=b" \n")
    assert (code, said) == (2, "There is no token in it: nothing but white space.\n")
    code, said = await desk.run("--token", str(file))
    assert (code, said[:29]) == (2, "--token needs --config: the s")
    code, said = await desk.run("--help")
    assert "Never the token itself" in " ".join(said.split())


async def test_what_a_token_says_does_not_act_on_the_terminal(desk: Desk) -> None:
    odd: Any = "\x1b[2J\u202e"
    for token in (
        desk.staff.token(iss=odd),
        desk.staff.token(aud=odd),
        desk.staff.token(header={"kid": odd}, **ROLES),
        desk.customers.token(kind="customer", customer_ids=[odd]),
        desk.customers.token(**{"kind": None, odd: {"roles": ["x"]}}),
    ):
        _, said = await desk.judged(token)
        assert json.dumps(odd)[1:-1] in said
        assert all(one.isprintable() for one in said.splitlines())
