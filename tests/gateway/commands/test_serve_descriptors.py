"""`gateway serve` has descriptors left for its calls, however many clients connect."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from gateway.http.edge import MOST_RESERVED
from resolvers.viewer import ViewerKind
from tests.gateway.commands.served import served
from tests.gateway.http.raw import connection

OPEN_FILES = 900
KEPT = MOST_RESERVED + 64 + 4 * 2 * 16
"""Places for probes, `descriptors`, and two for each of the systems' `concurrency`, by default."""


@pytest.mark.long
async def test_connections_leave_room_for_calls_and_the_log_says_so(tmp_path: Path) -> None:
    most = OPEN_FILES - KEPT
    async with served(tmp_path, open_files=OPEN_FILES) as gateway, AsyncExitStack() as stack:
        (line,) = [line for line in gateway.said if "RLIMIT_NOFILE" in line]
        assert f"{OPEN_FILES} open files" in line
        assert f"there may be {most} connections" in line
        session = await stack.enter_async_context(aiohttp.ClientSession())
        headers = {"Authorization": f"Bearer {gateway.keys.token(ViewerKind.CUSTOMER, '1001')}"}
        question = {"query": "{ me { accounts { id } services(first: 1) { nodes { id } } } }"}
        for _ in range(OPEN_FILES):
            await stack.enter_async_context(connection(gateway.address))
        async with asyncio.timeout(20):
            for _ in range(20):
                # All places are taken by who says nothing: after a second they give way to who asks.
                async with session.post(f"{gateway.address}/graphql", json=question, headers=headers) as answer:
                    if answer.status != 503:
                        assert "errors" not in await answer.json()
                        break
                await asyncio.sleep(0.2)
        assert not [line for line in gateway.said if "Traceback" in line or "Too many open files" in line]
        async with session.get(f"{gateway.address}/healthz") as answer:
            assert answer.status == 200
