"""The settings of docs/identity.md, as they stand there, take the tokens of the providers that they are for."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.auth_settings import AuthSettings
from gateway.settings_file import load
from tests.gateway.auth.issuers import Providers, providers
from tests.gateway.test_settings import SYSTEMS
from tests.stack import Answer, Stack, stacked

PAGE = Path(__file__).parents[3] / "docs/identity.md"
HOST = "https://login.example"
ME = "{ viewer { kind roles customers { id } } }"


def written(title: str, address: str, folder: Path) -> AuthSettings:
    """`[auth]` as the section of the page has it, with the providers' address for its host."""
    section = PAGE.read_text().partition(f"\n## {title}")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```toml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert HOST in block
    path = folder / "gateway.toml"
    path.write_text(SYSTEMS + block.replace(HOST, address))
    auth = load(path).auth
    assert auth is not None
    return auth


@asynccontextmanager
async def running(title: str, folder: Path, *paths: str) -> AsyncIterator[tuple[Stack, Providers]]:
    async with providers() as server:
        for path in paths:
            server.add(path)
        async with stacked(folder, customers=4, auth=written(title, server.address, folder)) as stack:
            yield stack, server


def seen(answer: Answer) -> tuple[str, list[str], list[str]]:
    """Kind, customers, roles."""
    viewer = answer.clean()["viewer"]
    return viewer["kind"], [one["id"].removeprefix("Customer:") for one in viewer["customers"]], viewer["roles"]


def refused(answer: Answer) -> str:
    (error,) = answer.errors
    assert (answer.status, error["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    message: str = error["message"]
    return message


async def test_keycloak(tmp_path: Path) -> None:
    path = "/realms/portal"
    async with running("Keycloak", tmp_path, path) as (stack, server):

        async def ask(roles: list[str], **claims: Any) -> Answer:
            usual = {
                "typ": "Bearer",
                "azp": "portal",
                "aud": ["opticom-gateway", "account"],
                "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-portal", *roles]},
                "resource_access": {
                    "account": {"roles": ["manage-account"]},
                    "opticom": {"portal": {"roles": ["another client's"]}},
                    "opticom.portal": {"roles": ["collections"]},
                },
                "scope": "email profile",
                "preferred_username": "ana",
            }
            return await stack.ask_with(server.realms[path].token(**{**usual, **claims}), ME)

        assert seen(await ask(["portal-customer"], customer_ids=["1001", "1002"])) == (
            "CUSTOMER",
            ["1001", "1002"],
            ["collections"],
        )
        assert seen(await ask(["portal-customer"], customer_ids="1001, 1002"))[1] == ["1001", "1002"]
        assert seen(await ask(["portal-agent"])) == ("AGENT", [], ["collections"])
        assert seen(await ask(["portal-agent", "portal-admin"]))[0] == "ADMIN"
        assert "says no kind of caller that this gateway knows" in refused(await ask([], customer_ids=["1001"]))
        assert "says no kind" in refused(await ask(["agent"]))  # a word of ours, which is none of theirs
        assert "another audience" in refused(await ask(["portal-agent"], aud="account"))


async def test_azure(tmp_path: Path) -> None:
    path = "/11111111-2222-3333-4444-555555555555/v2.0"
    async with running("Azure", tmp_path, path) as (stack, server):

        async def ask(**claims: Any) -> Answer:
            usual = {
                "aud": "99999999-8888-7777-6666-555555555555",
                "ver": "2.0",
                "oid": "6e1a",
                "tid": "11111111-2222-3333-4444-555555555555",
                "scp": "Portal.Read Portal.Write",
            }
            return await stack.ask_with(server.realms[path].token(**{**usual, **claims}), ME)

        both = ["Portal.Read", "Portal.Write"]
        assert seen(await ask(**{"extn.customerIds": ["1001"]})) == ("CUSTOMER", ["1001"], both)
        assert seen(await ask(**{"extn.customerIds": 1002}))[:2] == ("CUSTOMER", ["1002"])
        assert seen(await ask(roles=["Portal.Agent"])) == ("AGENT", [], both)
        assert seen(await ask(roles=["Portal.Admin", "Other"], scp=None)) == ("ADMIN", [], [])
        assert "says no kind of caller, and 'extn.customerIds' has no number" in refused(await ask(roles=["Other"]))
        # Delegated permissions are nobody's kind here, whatever they are called.
        assert "no number" in refused(await ask(scp="Portal.Agent"))


async def test_azure_by_groups_and_by_permissions(tmp_path: Path) -> None:
    """What the page says in words: `groups` for `roles`; and `scp` can say the kind, too."""
    async with providers() as server:
        realm = server.add("/tenant/v2.0")
        group = "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb"
        for claims, shown in (
            ({"kind": "groups", "kinds": {group: "agent"}}, {"groups": ["cccc", group]}),
            ({"kind": "scp", "kinds": {"desk": "agent"}}, {"scp": "openid desk"}),
        ):
            auth = AuthSettings(issuer=realm.address, audience="opticom-gateway", claims=claims)
            async with stacked(tmp_path, customers=2, auth=auth) as stack:
                assert seen(await stack.ask_with(realm.token(**shown), ME))[0] == "AGENT"


async def test_auth0(tmp_path: Path) -> None:
    async with running("Auth0", tmp_path, "/") as (stack, server):
        realm = server.realms[""]
        assert realm.address.endswith("/")

        async def ask(kind: Any, **claims: Any) -> Answer:
            usual = {
                "aud": ["https://gateway.example", f"{realm.address}userinfo"],
                "https://portal.example/kind": kind,
                "permissions": ["read:bills"],
                "scope": "openid profile",
            }
            return await stack.ask_with(realm.token(**{**usual, **claims}), ME)

        customers = {"https://portal.example/customers": "1001,1003"}
        assert seen(await ask("customer", **customers)) == ("CUSTOMER", ["1001", "1003"], ["read:bills"])
        assert seen(await ask(["agent"])) == ("AGENT", [], ["read:bills"])
        assert "must be one of customer, agent, admin" in refused(await ask("Agent"))
        assert "issuer (iss) is not the one" in refused(await ask("agent", iss=realm.address.removesuffix("/")))


async def test_two_issuers(tmp_path: Path) -> None:
    title, paths = "Two issuers", ("/realms/customers", "/realms/staff")
    async with running(title, tmp_path, *paths) as (stack, server):
        customers, staff = (server.realms[path] for path in paths)
        agent = {"realm_access": {"roles": ["portal-agent"]}}
        assert seen(await stack.ask_with(customers.token(customer_ids=["1001"]), ME))[:2] == ("CUSTOMER", ["1001"])
        assert seen(await stack.ask_with(staff.token(**agent), ME))[0] == "AGENT"
        # With every claim that makes an agent elsewhere, this issuer's caller is a customer or nobody.
        assert seen(await stack.ask_with(customers.token(customer_ids=["1001"], **agent, kind="agent"), ME))[0] == (
            "CUSTOMER"
        )
        assert "says no kind" in refused(await stack.ask_with(customers.token(**agent), ME))
        assert "says no kind" in refused(await stack.ask_with(staff.token(customer_ids=["1001"]), ME))


@pytest.mark.parametrize("title", ["Keycloak", "Azure", "Auth0", "Two issuers"])
def test_each_block_names_only_settings_that_there_are(title: str, tmp_path: Path) -> None:
    auth = written(title, HOST, tmp_path)
    assert [one.issuer.startswith(HOST) for _, one in auth.by_place()] == [True] * (2 if "Two" in title else 1)
