"""SIGHUP while the gateway serves: new settings are used and no request fails; wrong ones change nothing."""

import asyncio
import signal
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from resolvers.viewer import ViewerKind
from tests.gateway.commands.running import PATIENCE
from tests.gateway.commands.served import Served, served

SMALL = {"query": "{ __typename }"}
LARGE = {"query": "{ me { id name email } }"}
LIMIT = "[graphql.limits]\nmax_fields = 3\n"


class Client:
    """Asks for a large and a small document in turn until it is stopped."""

    def __init__(self, gateway: Served) -> None:
        self._address = f"{gateway.address}/graphql"
        self._headers = {"Authorization": f"Bearer {gateway.keys.token(ViewerKind.CUSTOMER, '1001')}"}
        self.outcomes: Counter[str] = Counter()
        self.last = ""
        self.refused = asyncio.Event()
        self.is_stopped = False

    async def ask(self, session: aiohttp.ClientSession, document: dict[str, Any]) -> str:
        """What came of a document: answered, the code of its error, or what broke."""
        try:
            async with session.post(self._address, json=document) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, OSError) as error:
            return repr(error)
        return body["errors"][0]["extensions"]["code"] if "errors" in body else "answered"

    async def ask_on(self, *, new_connections: bool) -> None:
        """Until it is stopped."""
        connector = aiohttp.TCPConnector(force_close=new_connections)
        async with aiohttp.ClientSession(connector=connector, headers=self._headers) as session:
            while not self.is_stopped:
                self.outcomes[await self.ask(session, SMALL)] += 1
                self.last = await self.ask(session, LARGE)
                self.outcomes[f"large: {self.last}"] += 1
                if self.last == "LIMIT_EXCEEDED":
                    self.refused.set()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_settings_are_read_again_and_no_request_fails(tmp_path: Path, workers: int) -> None:
    async with served(tmp_path, workers, server="finish = 2") as gateway:
        config = tmp_path / "gateway.toml"
        good = config.read_text(encoding="utf-8")
        client = Client(gateway)
        asking = [asyncio.create_task(client.ask_on(new_connections=new)) for new in (True, False)]
        try:
            config.write_text(good.replace("[auth]", "[auht]"), encoding="utf-8")
            gateway.process.send_signal(signal.SIGHUP)
            await gateway.until_said("SIGHUP: the settings cannot be used, and those before stay: ")
            (line,) = [line for line in gateway.said if "SIGHUP" in line]
            assert "auht: is not a setting here; did you mean auth?" in line
            assert not set(client.outcomes) - {"answered", "large: answered"}

            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                config.write_text(good.replace("finish = 2", f"finish = 2\nmetrics_port = {port}"), encoding="utf-8")
                gateway.process.send_signal(signal.SIGHUP)
                await gateway.until_said(f"SIGHUP: server.metrics_port: Port {port} on 127.0.0.1 is in use by another")

            counts = good.replace("finish = 2", f"finish = 2\nmetrics_port = {port}")
            config.write_text(counts + LIMIT, encoding="utf-8")
            gateway.process.send_signal(signal.SIGHUP)
            await gateway.until_said("SIGHUP: " + ("the settings as they are now" if workers == 1 else "workers with"))
            async with asyncio.timeout(PATIENCE):
                await client.refused.wait()
            await gateway.until_said("Application shutdown complete", workers)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
                for _ in range(8):  # whichever worker shows them, it shows those of all
                    async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                        assert (await answer.text()).count("\ngateway_build_info{") == workers
        finally:
            client.is_stopped = True
            await asyncio.gather(*asking)
        assert set(client.outcomes) == {"answered", "large: answered", "large: LIMIT_EXCEEDED"}
        assert client.last == "LIMIT_EXCEEDED"
        assert "Traceback" not in "".join(gateway.said)
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.process.wait() in (0, -signal.SIGTERM)  # one process ends by the signal itself


@pytest.mark.long
async def test_an_application_that_was_just_replaced_ends_with_the_process(tmp_path: Path) -> None:
    """A client keeps its connection, so that the one before is not over when SIGTERM comes."""
    async with (
        served(tmp_path, server="finish = 60\nleave_after = 0") as gateway,
        aiohttp.ClientSession() as session,
        session.get(f"{gateway.address}/healthz") as answer,
    ):
        assert answer.status == 200
        await answer.read()
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.until_said("SIGHUP: the settings as they are now are those of all new connections")
        gateway.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            await gateway.process.wait()
        await gateway.until_said("Application shutdown complete", 2)


async def test_what_was_written_is_not_forgotten(tmp_path: Path) -> None:
    writes = "[writes]\nenabled = true\nin_process = true\nallow = { payBill = [] }\n"
    async with served(tmp_path, server=writes) as gateway:
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.until_said(
            "SIGHUP: writes.in_process: what was written is remembered by this application: restart it"
        )
        assert gateway.process.returncode is None
