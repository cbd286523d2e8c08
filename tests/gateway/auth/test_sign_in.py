"""`[auth.browser]`: at which issuer a page signs people in, and what the page and its policy say about it."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from gateway.auth.sign_in import SignIn
from gateway.auth_settings import AuthSettings
from gateway.http.graphiql import GraphiQLPage, content_security_policy

CUSTOMERS = {"issuer": "https://login.example/realms/customers", "audience": "opticom"}
STAFF = {"issuer": "https://staff.example:8443/realms/staff", "audience": "opticom"}
BROWSER = {"client_id": "opticom-pages"}


def sign_in(**auth: Any) -> SignIn | None:
    return AuthSettings.model_validate(auth).sign_in


def test_people_sign_in_at_the_only_issuer_or_at_the_one_that_is_named() -> None:
    assert sign_in(**CUSTOMERS) is None
    assert sign_in(**CUSTOMERS, browser=BROWSER) == SignIn(CUSTOMERS["issuer"], "opticom-pages", "openid profile")
    both = {"issuers": [CUSTOMERS, STAFF]}
    named = {**BROWSER, "issuer": STAFF["issuer"], "scopes": "openid portal"}
    assert sign_in(**both, browser=named) == SignIn(STAFF["issuer"], "opticom-pages", "openid portal")
    assert sign_in(**CUSTOMERS, issuers=[STAFF], browser=named) is not None


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        (
            {"issuers": [CUSTOMERS, STAFF], "browser": BROWSER},
            "browser.issuer must say at which issuer people sign in:",
        ),
        ({**CUSTOMERS, "browser": {**BROWSER, "issuer": "https://login.example"}}, "browser.issuer must be an issuer"),
        (
            {"issuer": "staff", "audience": "a", "jwks_file": "keys.json", "browser": BROWSER},
            "with browser the issuer is asked by the browser, so issuer must be an address",
        ),
        ({**CUSTOMERS, "browser": {**BROWSER, "scopes": "profile"}}, "browser.scopes"),
        ({**CUSTOMERS, "browser": {}}, "browser.client_id"),
    ],
)
def test_what_leaves_open_where_people_sign_in_is_said(auth: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        AuthSettings.model_validate(auth)


def test_the_page_may_ask_the_provider_only_where_people_sign_in(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("%CONFIG%")
    found = sign_in(issuers=[STAFF], browser=BROWSER)
    assert found is not None
    request = Request({"type": "http", "method": "GET", "path": "/graphql", "headers": []})
    for page, allowed, said in (
        (GraphiQLPage(tmp_path), "connect-src 'self'", '"signIn": null'),
        (
            GraphiQLPage(tmp_path, sign_in=found),
            "connect-src 'self' https://staff.example:8443",
            f'"signIn": {{"issuer": "{STAFF["issuer"]}", "clientId": "opticom-pages", "scopes": "openid profile"}}',
        ),
    ):
        answer = page.response(request)
        policy = answer.headers["content-security-policy"].split("; ")
        assert allowed in policy
        assert [one for one in policy if "http" in one] == [one for one in (allowed,) if "http" in one]
        assert said in bytes(answer.body).decode()
    assert "staff.example" not in content_security_policy("nonce")
