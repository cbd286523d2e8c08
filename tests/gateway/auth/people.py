"""A real OpenID provider (npm package oidc-provider) at which people sign in from a page in a browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Page

from gateway.auth_settings import AuthSettings
from tests.gateway.auth.open_id_provider import FOLDER, PATIENCE, install
from web.build import node_paths

PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "kim": {"name": "Kim Agent", "kind": "agent", "roles": ["agent"]},
    "ivan": {"name": "Ivan Svensson", "kind": "customer", "customer_ids": ["1001"]},
}
"""The claims of the tokens of those who may sign in, by what they type as their login."""


class PeopleProvider:
    """The provider, with one public client, `pages`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.issuer = process, ""

    async def tell(self, *pages: str, lifetime: int = 600) -> dict[str, int]:
        """The addresses of its client's pages, and its tokens' seconds; what it was asked since the last time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        said = {"lifetime": lifetime} | ({"pages": pages} if pages else {})
        self.process.stdin.write(json.dumps(said).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            answer = json.loads(await self.process.stdout.readline())
        self.issuer = answer["issuer"]
        handled: dict[str, int] = answer["handled"]
        return handled

    @property
    def auth(self) -> AuthSettings:
        """Settings of a gateway at which its people can sign in."""
        return AuthSettings.model_validate(
            {"issuer": self.issuer, "audience": "opticom-gateway", "browser": {"client_id": "pages"}}
        )


@asynccontextmanager
async def people_provider() -> AsyncIterator[PeopleProvider]:
    """The provider; skips where its packages cannot be had."""
    install()
    process = await asyncio.create_subprocess_exec(
        *(node_paths()[0], "people.mjs", json.dumps(PEOPLE)),
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # It warns that it keeps everything in memory.
    )
    try:
        made = PeopleProvider(process)
        await made.tell()
        yield made
    finally:
        process.kill()
        await process.wait()


async def sign_in(page: Page, login: str) -> None:
    """On the provider's page, to which the browser has gone."""
    await page.get_by_label("Login").fill(login)
    await page.get_by_role("button", name="Go on").click()
