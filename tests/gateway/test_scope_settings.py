"""`[scopes]`, and scopes in tokens: what callers may read, and what is wrong with names that do not exist."""

from pathlib import Path
from typing import Any

import pytest

from gateway.auth.claims import KINDS, ClaimRules, viewer_of
from gateway.auth.scopes import Grants
from gateway.scope_settings import ScopeSettings
from gateway.settings_file import WrongSettings, load
from resolvers.viewer import Viewer, ViewerKind
from schema import build_schema
from schema.guards import SCOPES, Mask, Scopes, masked
from tests.gateway.test_settings import SYSTEMS

AUTH = """
[auth]
issuer = "https://login.example"
audience = "opticom-gateway"
"""


def viewer(rules: ClaimRules | None = None, **claims: Any) -> Viewer:
    return viewer_of({"iss": "https://login.example", "kind": "agent", **claims}, rules or ClaimRules(), KINDS)


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "usage:read  openid"}, {"usage:read", "openid"}),
        ({"scp": ["usage:read", "staff:read document:read", 7, None]}, {"usage:read", "staff:read", "document:read"}),
        ({"scope": "a", "scp": "b"}, {"a", "b"}),
        ({"scope": "usage:read\u00a0staff:read a\tb"}, {"usage:read\u00a0staff:read", "a\tb"}),  # RFC 6749, 3.3
        ({"scope": {"usage:read": True}, "scp": 5}, set()),
        ({}, set()),
        ({"roles": ["lead", "other"]}, {"customer:contact"}),
        ({"roles": "lead", "kind": ["agent", "boss"]}, {"customer:contact", "usage:read"}),
    ],
)
def test_scopes_of_a_token(claims: dict[str, Any], scopes: set[str]) -> None:
    rules = ClaimRules(role_scopes={"lead": ("customer:contact",), "boss": ("usage:read",)})
    assert viewer(rules, **claims).scopes == scopes


def test_a_claim_of_another_name() -> None:
    rules = ClaimRules(scopes=("https://portal.example/may", "permissions"))
    claims = {"https://portal.example/may": "a b", "permissions": ["c"], "scope": "d"}
    assert viewer(rules, **claims).scopes == {"a", "b", "c"}


def test_a_kind_has_all_or_what_is_set_and_what_its_token_says() -> None:
    everybody = ScopeSettings().grants().granted(viewer(scope="openid"))
    assert (everybody.scopes, everybody.noted_scopes) == (None, frozenset())

    grants = ScopeSettings(agent=("usage:read",), own=("mine",)).grants()
    said = grants.granted(viewer(scope="openid usage:read staff:read mine"))
    assert (said.scopes, said.noted_scopes) == ({"usage:read", "staff:read", "mine"}, {"staff:read", "mine"})
    assert grants.granted(viewer()).scopes == {"usage:read"}
    assert grants.granted(viewer(kind="admin")).scopes is None
    all_of_them = ScopeSettings(agent=tuple(SCOPES)).grants().granted(viewer(scope="usage:read"))
    assert (all_of_them.scopes, all_of_them.noted_scopes) == (None, frozenset())
    assert Grants().granted(Viewer(ViewerKind.CUSTOMER, scopes=frozenset())).scopes is None


def wrong(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gateway.toml"
    path.write_text(SYSTEMS + AUTH + text)
    with pytest.raises(WrongSettings) as refused:
        load(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (
            '[scopes]\nagent = ["customer:contacts"]',
            "scopes.agent",
            "no scope 'customer:contacts'. Is it 'customer:contact'?",
        ),
        (
            '[scopes.fields]\n"Bill.amountDu" = [["usage:read"]]',
            "amountDu",
            "no field 'Bill.amountDu'. Is it 'Bill.amountDue'?",
        ),
        ('[scopes.fields]\n"Bill.state" = [["usage:read"]]', "Bill.state", "Bill.state can never be null"),
        ('[scopes.fields]\n"Node.id" = [["usage:read"]]', "Node.id", "Node is no object type"),
        ('[scopes.fields]\n"Bill.charges" = [["mine"]]', "Bill.charges", "no scope 'mine'. There are: usage:read, "),
        ('[scopes.fields]\n"Bill.charges" = [["*"]]', "Bill.charges", "no scope '*'"),
        ('[scopes.fields]\n"Bill.charges" = [[]]', "Bill.charges", "bars nobody"),
        ('[auth.claims.role_scopes]\nlead = ["*"]', "auth.claims.role_scopes.lead", "no scope '*'"),
        ('[auth.claims.role_scopes]\nlead = ["usage"]', "auth.claims.role_scopes.lead", "no scope 'usage'"),
    ],
)
def test_names_that_do_not_exist(tmp_path: Path, text: str, place: str, why: str) -> None:
    said = wrong(tmp_path, text)
    assert place in said
    assert why in said


def test_fields_are_tightened_beside_what_the_schema_says(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    fields = '"Customer.usage" = [["a"], ["b", "usage:read"]]\n"Subscription.ticketChanged" = [["a"]]'
    path.write_text(f'{SYSTEMS}{AUTH}[scopes]\nown = ["a", "b"]\n[scopes.fields]\n{fields}\n')
    graph = build_schema()
    load(path).scopes.tighten(graph)

    sdl = graph.as_str()
    assert 'usage: [UsageAllowance!] @requiresScopes(scopes: [["usage:read", "a"], ["usage:read", "b"]])' in sdl
    assert "Needs the scopes usage:read and a, or usage:read and b." in sdl
    assert "ticketChanged" in sdl
    assert '@requiresScopes(scopes: [["usage:read"]])' in build_schema().as_str()  # others stay as they are


@pytest.mark.parametrize(
    ("how", "text", "shown"),
    [
        (Mask.EMAIL, "maria.lopez@mail.example.com", "m***@m***.com"),
        (Mask.EMAIL, "m@x", "m***@x***"),
        (Mask.EMAIL, "m@10.0.0.1", "m***@1***"),
        (Mask.EMAIL, "no address", "***"),
        (Mask.EMAIL, "@x.com", "***"),
        (Mask.PHONE, "+46 8 123 45 67", "***67"),
        (Mask.PHONE, "12345", "***"),
        (Mask.PHONE, "RTR0001001615", "***15"),
        (Mask.NAME, "Ivan  Svensson", "I*** S***"),
        (Mask.NAME, "A B C D", "A*** B*** C***"),
        (Mask.NAME, " ", "***"),
        (Mask.NUMBERS, "Phone number +46 70-123 45 67 of 2 in CAB-001", "Phone number ***67 of 2 in CAB-001"),
        (Mask.NUMBERS, "SIM of +33\u00a06\u202f12\u00a034, 070\u201112\u201334\u00a05", "SIM of ***34, ***45"),
        (Mask.TEXT, "whatever", "***"),
        (Mask.TEXT, "", "***"),
    ],
)
def test_how_masked_texts_look(how: Mask, text: str, shown: str) -> None:
    assert masked(how, Scopes.NAME).mask(text) == shown
