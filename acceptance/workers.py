"""Two `gateway serve` processes over one configuration, which can be killed, stopped and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp

from gateway.commands.demo_keys import DemoKeys
from resolvers.viewer import ViewerKind

ROOT: Final = Path(__file__).parents[1]
PATIENCE: Final = 60.0
"""Seconds in which a worker must have begun to listen."""


class NoAnswer(Exception):
    """The connection to a worker broke, or there is none."""


class Process(Protocol):
    """What is used of `asyncio.subprocess.Process`."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; nothing while it runs."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """What it says."""

    def kill(self) -> None:
        """SIGKILL."""

    async def wait(self) -> int:
        """The exit code, once it has ended."""


class Worker:
    """One `gateway serve` with one process."""

    def __init__(
        self,
        config: Path,
        port: int,
        environment: Mapping[str, str],
        *,
        within: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        """`within`: a command that runs it elsewhere, where it is reached at `host`."""
        self._config, self._environment, self._within = config, environment, within
        self.port, self.host = port, host
        self.said: list[str] = []
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Until it listens."""
        where = {"GATEWAY_SERVER__HOST": self.host, "GATEWAY_SERVER__PORT": str(self.port)}
        self._process = await self.begun(("serve", "--config", str(self._config)), {**self._environment, **where})
        listening = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, listening))
        async with asyncio.timeout(PATIENCE):
            await listening.wait()
        if self._process.returncode is not None:
            raise RuntimeError("".join(self.said))

    async def begun(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
        """A process of its own that runs `gateway` with these arguments. It is where another kind of start differs."""
        return await asyncio.create_subprocess_exec(
            *(*self._within, sys.executable, "-m", "gateway", *arguments),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )

    async def _read(self, process: Process, listening: asyncio.Event) -> None:
        assert process.stderr is not None  # noqa: S101  # it was asked for
        async for line in process.stderr:
            self.said.append(line.decode())
            if b"listening on" in line:
                listening.set()
        await process.wait()
        listening.set()

    async def kill(self) -> None:
        """SIGKILL, as the kernel does when there is no memory left."""
        if self._process is not None and self._reading is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await self._reading

    async def end(self) -> int:
        """SIGTERM, as a new version is rolled out: the exit code, once it has answered everything."""
        self._signal(signal.SIGTERM)
        assert self._process is not None  # noqa: S101  # whoever says so has started it
        assert self._reading is not None  # noqa: S101  # the same
        await self._reading
        return await self._process.wait()

    def stop_still(self) -> None:
        """SIGSTOP: it does nothing until `go_on`."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None  # noqa: S101  # whoever says so has started it
        os.kill(self._process.pid, number)


@dataclass
class Pair:
    """The two workers, and whom they believe."""

    both: list[Worker]
    keys: DemoKeys
    session: aiohttp.ClientSession

    def token(self, who: str) -> str:
        """`agent`, or a customer's number."""
        return self.keys.token(ViewerKind.AGENT) if who == "agent" else self.keys.token(ViewerKind.CUSTOMER, who)

    async def ask(
        self, worker: int, document: str, who: str, variables: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]]:
        """One operation, asked of one of the workers: status and body. Raises `NoAnswer`."""
        body = {"query": document, "variables": dict(variables)}
        url = f"http://{self.both[worker].host}:{self.both[worker].port}/graphql"
        headers = {"Authorization": f"Bearer {self.token(who)}"}
        try:
            async with self.session.post(url, json=body, headers=headers) as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientError as error:
            raise NoAnswer from error


@asynccontextmanager
async def pair(
    config: Path, ports: Sequence[int], keys: DemoKeys, environment: Mapping[str, str], kind: type[Worker] = Worker
) -> AsyncIterator[Pair]:
    """Start two workers of this kind with this configuration, and kill them in the end."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        both = [kind(config, port, environment) for port in ports]
        for worker in both:
            stack.push_async_callback(worker.kill)
        await asyncio.gather(*(worker.start() for worker in both))
        yield Pair(both, keys, session)
