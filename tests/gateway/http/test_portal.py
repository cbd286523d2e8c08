"""The portal as it is served: addresses, policy, configuration."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette

from gateway.auth.sign_in import SignIn
from gateway.http.portal import PortalPage

INDEX = '<script type="application/json" id="portal-config">%CONFIG%</script><script src="%BASE%assets/a.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("plain")
    (tmp_path / "assets" / "a.js.gz").write_bytes(b"packed")
    return tmp_path


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def get(page: PortalPage, address: str, prefix: str = "", accepts: str = "identity") -> Got:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()  # the client stays

    raw = prefix + address
    scope = {"type": "http", "method": "GET", "path": unquote(raw), "raw_path": raw.encode(), "root_path": prefix}
    scope |= {"query_string": b"", "headers": [(b"accept-encoding", accepts.encode())], "app": None}
    await Starlette(routes=page.routes())(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Got(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("/portal", "portal/"),
        ("/portal/", "./"),
        ("/portal/bills", "./"),
        ("/portal/bills/Bill:77", "../"),
        ("/portal/bills/Bill:7%2F7", "../"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/shop/portal"])
async def test_each_address_leads_to_the_portal_and_its_assets(
    built: Path, prefix: str, address: str, root: str
) -> None:
    answer = await get(PortalPage(built), address, prefix)
    assert answer.status == 200
    assert f'src="{root}assets/a.js"' in answer.text
    config = json.loads(re.findall(r'config">(.*?)</script>', answer.text)[0])
    assert config == {
        "root": root,
        "endpoint": f"{root}../graphql",
        "demoTokens": {},
        "demoSystems": None,
        "status": f"{root}../status/counts",
        "onlyStatus": False,
        "signIn": None,
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


async def test_no_page_is_so_far_below_that_its_way_back_is_a_burden(built: Path) -> None:
    page = PortalPage(built)
    assert (await get(page, "/portal" + "/a" * 20)).status == 200
    too_far = await get(page, "/portal" + "/" * 16_000)
    assert (too_far.status, too_far.text) == (404, "There is no such page.\n")


async def test_assets_are_kept_for_ever_and_packed(built: Path) -> None:
    page = PortalPage(built)
    assert (await get(page, "/portal/assets/a.js.gz")).status == 404
    plain = await get(page, "/portal/assets/a.js")
    assert (plain.text, plain.headers["content-type"]) == ("plain", "text/javascript; charset=utf-8")
    assert "immutable" in plain.headers["cache-control"]
    assert '"root"' in (await get(page, "/portal/assets/../index.html")).text  # a page of the portal's, not that file
    packed = await get(page, "/portal/assets/a.js", accepts="gzip")
    assert (packed.body, packed.headers["content-encoding"]) == (b"packed", "gzip")


async def test_people_sign_in_at_the_provider_which_the_policy_names(built: Path) -> None:
    page = PortalPage(built, sign_in=SignIn("https://login.example/realms/a", "portal", "openid"))
    answer = await get(page, "/portal")
    assert "connect-src 'self' https://login.example;" in answer.headers["content-security-policy"]
    assert (
        '"signIn": {"issuer": "https://login.example/realms/a", "clientId": "portal", "scopes": "openid"}'
        in answer.text
    )


async def test_a_token_cannot_end_the_element_that_holds_it(built: Path) -> None:
    answer = await get(PortalPage(built, demo_tokens={"</script><b>": "t"}), "/portal")
    assert "</script><b>" not in answer.text


async def test_what_is_not_built_is_said(tmp_path: Path) -> None:
    answer = await get(PortalPage(tmp_path), "/portal")
    assert answer.status == 503
    assert "make setup" in answer.text
