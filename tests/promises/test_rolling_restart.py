"""Two processes are restarted one after the other behind a real proxy, under load: no request fails.

The proxies are set up as docs/behind-a-proxy.md says.
"""

import asyncio
import shutil
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.certificates import authority
from tests.nginx import as_documented, free_ports, needs_nginx, nginx, written_for
from tests.promises.workers import Workers, two_workers

pytestmark = [pytest.mark.long]

HAPROXY: Final = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")

UNLIMITED: Final = '[server]\npublic_url = "https://portal.example/api"\n[rates]\n' + "".join(
    f"{one} = {{ per_second = 0, burst = 0 }}\n" for one in ("anonymous", "subscriber", "agent", "admin")
)

STAYING, NEW = 6, 4
"""Clients that keep their connection, and those that open one for each request."""

BETWEEN: Final = 100
"""Requests that are answered between two steps."""

PATIENCE: Final = 60.0


class Load:
    """Clients that ask one query after the other until they are told to stop; what failed, and what was answered."""

    def __init__(self, url: str, token: str, trusting: ssl.SSLContext | None) -> None:
        self.failed: list[str] = []
        self.answered: Counter[str] = Counter()
        """By the clients' kind."""
        self.by: Counter[str] = Counter()
        """By the processes that the proxy asked."""
        self._url, self._token, self._trusting = url, token, trusting
        self._came = asyncio.Event()
        self._goes_on = True
        self._clients: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        kinds = ["staying"] * STAYING + ["new"] * NEW
        self._clients = [asyncio.create_task(self._client(kind)) for kind in kinds]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._goes_on = False
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._clients)

    async def more(self) -> None:
        """Until so many more of each kind were answered, or failed."""
        goal = {kind: self.answered[kind] + BETWEEN for kind in ("staying", "new")}
        async with asyncio.timeout(PATIENCE):
            while any(self.answered[kind] < count for kind, count in goal.items()) and not self.failed:
                self._came.clear()
                await self._came.wait()

    async def _client(self, kind: str) -> None:
        connector = aiohttp.TCPConnector(limit=1, force_close=kind == "new", ssl=self._trusting or True)
        async with aiohttp.ClientSession(connector=connector) as session:
            while self._goes_on:
                await self._ask(session, kind)
                self._came.set()

    async def _ask(self, session: aiohttp.ClientSession, kind: str) -> None:
        body, headers = {"query": "{ me { id name } }"}, {"Authorization": f"Bearer {self._token}"}
        try:
            async with session.post(self._url, json=body, headers=headers) as answer:
                text = await answer.text()
                if answer.status != 200 or '"errors"' in text or '"name"' not in text:
                    self.failed.append(f"{kind}: {answer.status}: {text[:200]}")
                self.by[answer.headers.get("X-Upstream", "the proxy itself")] += 1
        except aiohttp.ClientError as error:
            self.failed.append(f"{kind}: {error!r}")
        self.answered[kind] += 1


async def restarted(workers: Workers, load: Load) -> None:
    """One after the other."""
    async with load:
        await load.more()
        for worker in workers.both:
            assert await worker.end() == -signal.SIGTERM  # it has ended well, and says by what it was told to
            await load.more()
            await worker.start()
            await load.more()
    assert load.failed == []
    assert all(sum(count for by, count in load.by.items() if str(one.port) in by) > BETWEEN for one in workers.both)
    print(f"{dict(load.answered)} answered, failed: 0; by {dict(load.by)}")


@needs_nginx
async def test_behind_nginx(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with two_workers(tmp_path, more=UNLIMITED) as workers:
        issuer = authority("tests")
        _, upstream, ways, *_ = written_for("nginx")
        ports = [one.port for one in workers.both]
        http = upstream.replace(":8000", f":{ports[0]}").replace(":8001", f":{ports[1]}")
        shown = issuer.signs("portal", ["127.0.0.1"])
        server = as_documented("http://nothing", port, shown, tmp_path).partition("}\n")
        lines = [
            line if "proxy_pass" not in line else f"{ways}add_header X-Upstream $upstream_addr;"
            for line in server[2].splitlines()
        ]
        trusting = ssl.create_default_context(cadata=issuer.pem.decode())
        token = workers.pair.token("1001")
        async with nginx(tmp_path, server[0] + server[1] + http + "\n".join(lines)):
            await restarted(workers, Load(f"https://127.0.0.1:{port}/api/graphql", token, trusting))


@asynccontextmanager
async def haproxy(folder: Path, text: str) -> AsyncIterator[None]:
    """HAProxy with this configuration, once it takes connections."""
    assert HAPROXY is not None
    (folder / "haproxy.cfg").write_text(text)
    running = await asyncio.create_subprocess_exec(HAPROXY, "-db", "-f", str(folder / "haproxy.cfg"))
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy on the PATH: install the package haproxy")
async def test_behind_haproxy(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    times = "defaults\n    mode http\n    timeout connect 2s\n    timeout client 60s\n    timeout server 60s\n"
    async with AsyncExitStack() as stack:
        workers = await stack.enter_async_context(two_workers(tmp_path, more=UNLIMITED))
        (text,) = written_for("haproxy")
        for told, real in zip((":8080", ":8000", ":8001"), (port, *(one.port for one in workers.both)), strict=True):
            text = text.replace(told, f":{real}")
        text += "    http-response set-header X-Upstream %b/%si:%sp\n"
        await stack.enter_async_context(haproxy(tmp_path, times + text))
        url = f"http://127.0.0.1:{port}/api/graphql"
        session = await stack.enter_async_context(aiohttp.ClientSession())
        async with asyncio.timeout(PATIENCE):
            while await _status(session, url) >= 500:  # noqa: ASYNC110 - nobody tells when it has found both
                await asyncio.sleep(0.05)
        await restarted(workers, Load(url, workers.pair.token("1001"), None))


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.post(url, json={"query": "{ __typename }"}) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 599
