"""A real OpenID provider (npm package oidc-provider), which does as it is told."""

import asyncio
import fcntl
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from web.build import node_paths

FOLDER = Path(__file__).parent / "provider"
PATIENCE = 60


class OpenIDProvider:
    """The provider. `exchanged` are the tokens that it gave in exchange since it was told something last."""

    def __init__(self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession) -> None:
        self.process, self.session, self.issuer = process, session, ""
        self.exchanged: list[dict[str, str]] = []

    async def tell(self, **what: Any) -> dict[str, int]:
        """Tell it something; what it was asked since the last time, by path."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            said = json.loads(await self.process.stdout.readline())
        self.issuer, self.exchanged = said["issuer"], said["exchanged"]
        handled: dict[str, int] = said["handled"]
        return handled

    async def token(self, client: str, **more: str) -> str:
        """An access token of a client, by its own credentials (RFC 6749, 4.4)."""
        asked = {"grant_type": "client_credentials", "resource": "https://gateway.example", **more}
        headers = {"Authorization": aiohttp.encode_basic_auth(client, "secret")}
        async with self.session.post(f"{self.issuer}/token", data=asked, headers=headers) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            token: str = body["access_token"]
            return token


def install() -> None:
    """The provider's packages, from the lock file, by one process of the tests for all; skips without a registry."""
    folder = os.open(FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if (FOLDER / "node_modules" / "oidc-provider").is_dir():
            return
        command = [*map(str, node_paths()), "ci", "--ignore-scripts"]
        npm = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120)
        if npm.returncode and any(sign in npm.stderr for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install the provider (oidc-provider)")
        assert npm.returncode == 0, npm.stdout + npm.stderr
    finally:
        os.close(folder)


@asynccontextmanager
async def open_id_provider(
    clients: Mapping[str, Mapping[str, str | list[str]]], registered: Mapping[str, Any] | None = None
) -> AsyncIterator[OpenIDProvider]:
    """The provider with one key, "a"; `clients` are the claims of their tokens, `registered` what else they have."""
    process = await asyncio.create_subprocess_exec(
        *(node_paths()[0], "provider.mjs", json.dumps(clients), json.dumps(registered or {})),
        cwd=FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # It warns that it keeps everything in memory.
    )
    try:
        async with aiohttp.ClientSession() as session:
            made = OpenIDProvider(process, session)
            await made.tell(keys=["a"])
            yield made
    finally:
        process.kill()
        await process.wait()
