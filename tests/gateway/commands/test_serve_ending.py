"""How `gateway serve` ends under load: whoever asks while it is ready, or is being answered, gets an answer."""

import asyncio
import json
import signal
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from resolvers.viewer import ViewerKind
from tests.gateway.commands.running import PATIENCE
from tests.gateway.commands.served import served
from tests.gateway.http.raw import Raw, connection

LEAVE_AFTER = 1.0
CLIENTS = 12
QUESTION = {"query": "{ me { id accounts { id } } }"}
BODY = json.dumps(QUESTION)
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Balancer:
    """Looks ten times a second whether the gateway is ready, and sends it no request after it was not."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._headers = address, {"Authorization": f"Bearer {token}"}
        self.is_ready = True
        self.said = ""
        """The last answer of /readyz."""
        self.outcomes: Counter[str] = Counter()
        self.under_load = asyncio.Event()

    async def watch(self) -> None:
        """Look until it is not ready."""
        async with aiohttp.ClientSession() as session:
            while self.is_ready:
                async with session.get(f"{self._address}/readyz") as answer:
                    self.said = await answer.text()
                    has_just_started = not self.under_load.is_set() and "no keys" in self.said
                    self.is_ready = answer.status == 200 or has_just_started
                await asyncio.sleep(0.1)
        self.under_load.set()  # or nobody would ask on until it is

    async def ask_on(self, *, new_connections: bool) -> None:
        """Ask as long as it is ready, one request after the other."""
        connector = aiohttp.TCPConnector(force_close=new_connections)
        async with aiohttp.ClientSession(connector=connector, headers=self._headers) as session:
            while self.is_ready:
                try:
                    async with session.post(f"{self._address}/graphql", json=QUESTION) as answer:
                        body = await answer.json()
                        self.outcomes["answered" if "errors" not in body else str(body)] += 1
                except (aiohttp.ClientError, OSError) as error:
                    self.outcomes[repr(error)] += 1
                if sum(self.outcomes.values()) > 20 * CLIENTS:
                    self.under_load.set()


async def last_connections(address: str) -> list[Raw]:
    """The last two that are taken before nobody listens any more. Proxies make many, as each is for one answer then."""
    url, last = urlsplit(address), list[Raw]()
    while True:
        try:
            last.append(Raw(*await asyncio.open_connection(url.hostname, url.port)))
        except OSError:
            return last
        if len(last) > 2:
            await last.pop(0).close()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
async def test_nobody_is_lost_at_sigterm(tmp_path: Path, workers: int) -> None:
    """Nor do those hold it up who say nothing, or have not said all."""
    loop = asyncio.get_running_loop()
    async with (
        served(tmp_path, workers, server=f"leave_after = {LEAVE_AFTER}") as gateway,
        connection(gateway.address) as silent,
        connection(gateway.address) as half_head,
        connection(gateway.address) as half_body,
    ):
        await half_head.send(b"GET /healthz HTTP/1.1\r\n")
        token = gateway.keys.token(ViewerKind.CUSTOMER, "1001")
        head = f"POST /graphql HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n"
        head += "Content-Type: application/json\r\n"
        await half_body.send(head.encode() + b'Content-Length: 100\r\n\r\n{"query": ')
        balancer = Balancer(gateway.address, token)
        asking = [asyncio.create_task(balancer.watch())]
        asking += [asyncio.create_task(balancer.ask_on(new_connections=at % 2 == 0)) for at in range(CLIENTS)]
        async with asyncio.timeout(PATIENCE):
            await balancer.under_load.wait()
            assert balancer.is_ready, balancer.said
            gateway.process.send_signal(signal.SIGTERM)
            told = loop.time()
            await asyncio.gather(*asking)
            stopped = loop.time()
            asking_once, following = await last_connections(gateway.address)
            await following.send(UPGRADE)
            await asking_once.send(f"{head}Content-Length: {len(BODY)}\r\n\r\n{BODY}".encode())
            answer = await asking_once.answer()
            assert (answer.status, answer.header("Connection")) == (200, "close"), "it was asked after it had no socket"
            assert (await following.answer()).status == 101
            frame = await following.reader.readexactly(4)
            assert (frame[0], frame[2:]) == (0x88, (1012).to_bytes(2)), "a close frame: connect again"
            await asking_once.close()
            await following.close()
            assert await silent.ended() == await half_head.ended() == b""
            assert b" 408 " in await half_body.ended()
            await gateway.process.wait()
        took = loop.time() - told
    assert set(balancer.outcomes) == {"answered"}, balancer.outcomes
    assert gateway.process.returncode in (0, -signal.SIGTERM), "as uvicorn ends"
    assert stopped - told < LEAVE_AFTER, "it said in time that it would not be ready"
    assert LEAVE_AFTER <= took < LEAVE_AFTER + 5
    print(f"{workers} workers: {balancer.outcomes.total()} requests answered, 0 failed; ended after {took:.1f} s")


@pytest.mark.long
async def test_ctrl_c_does_not_wait_for_a_balancer(tmp_path: Path) -> None:
    async with served(tmp_path, server="leave_after = 30.0") as gateway:
        began = asyncio.get_running_loop().time()
        gateway.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            await gateway.process.wait()
        assert asyncio.get_running_loop().time() - began < 10.0
