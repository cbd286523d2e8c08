"""What attacks do to a served gateway: an innocent caller's times beside them, its memory, and the table of it all.

An attack is a file of this folder with an `ATTACK`. It is given a `Target`, and says in a few words what came of it.
"""

import asyncio
import importlib
import pkgutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp
from rich.console import Console
from rich.table import Table

from gateway.commands.demo_keys import DemoKeys
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.gateway.commands.running import ROOT
from tests.gateway.commands.served import served
from tests.hostile.system import hostile_system

_PAUSE: Final = 0.02
"""Seconds between two questions of the innocent caller."""

_SETTLE: Final = 3.0
"""Seconds after an attack before the memory is read."""


_CUSTOMERS: Final = 200


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway to attack. `scale` is 1 for the whole attack, and less for a short form of it."""

    address: str
    pid: int
    keys: DemoKeys
    scale: float

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return int(self.address.rpartition(":")[2])

    def token(self, customer: str = "1001") -> str:
        """A subscriber's token."""
        return self.keys.token(ViewerKind.CUSTOMER, customer)

    @property
    def agent(self) -> str:
        """An agent's token."""
        return self.keys.token(ViewerKind.AGENT)

    def scaled(self, count: int) -> int:
        """So many, or fewer in a short form."""
        return max(1, round(count * self.scale))

    def memory(self) -> float:
        """MiB that the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@dataclass(frozen=True, slots=True)
class Attack:
    """What somebody hostile does. `run` says in a few words what came of it, and raises AssertionError for damage."""

    name: str
    run: Callable[[Target], Awaitable[str]]


@dataclass(slots=True)
class Measured:
    """What an attack did. Times are in seconds, memory is in MiB."""

    name: str
    effect: str
    before: float
    after: float
    times: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """Of the innocent caller."""
        return quantiles(self.times, n=100)[98] if len(self.times) > 1 else 0.0

    @property
    def slowest_probe(self) -> float:
        """The longest time that /healthz took, on a new connection each time."""
        return max(self.probes, default=0.0)


@asynccontextmanager
async def attacked(folder: Path, scale: float = 1.0, settings: str = "", ticketing: str = "") -> AsyncIterator[Target]:
    """A gateway with one worker, default settings but for these lines of TOML, and four systems.

    The ticketing system has a hostile one before it.
    """
    lines = f"leave_after = 0.0\n{settings}"
    with SandboxServer("ticketing", world=World(customers=_CUSTOMERS)) as sandbox:
        async with hostile_system(sandbox.url) as url:
            instead = {"ticketing": f'url = "{url}"\n{ticketing}'}
            async with served(folder, server=lines, customers=_CUSTOMERS, instead=instead) as gateway:
                yield Target(gateway.address, gateway.process.pid, gateway.keys, scale)


async def measure(target: Target, attack: Attack, key: Path | None = None) -> Measured:
    """Attack, while an innocent caller asks, and see what is left when it is over.

    With the `key` that signs tokens the attack has a process of its own, which takes seconds to start, and slows nobody
    down who measures. Raises AssertionError where the attack does damage.
    """
    measured = Measured(attack.name, "", target.memory(), 0.0)
    innocent = [asyncio.create_task(_ask_on(target, measured)), asyncio.create_task(_probe_on(target, measured))]
    try:
        await asyncio.sleep(0.2)
        measured.effect = await (_run_apart(target, attack, key) if key else attack.run(target))
        await asyncio.sleep(0.2)
    finally:
        for one in innocent:
            one.cancel()
        await asyncio.wait(innocent)
    for one in innocent:
        if not one.cancelled():
            one.result()
    await asyncio.sleep(_SETTLE * target.scale)
    measured.after = target.memory()
    return measured


async def _run_apart(target: Target, attack: Attack, key: Path) -> str:
    arguments = (attack.name, target.address, str(target.pid), str(key), str(target.scale))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.hostile.attacking", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, why = await process.communicate()
    assert process.returncode == 0, why.decode()
    return said.decode().strip()


async def _ask_on(target: Target, measured: Measured) -> None:
    headers = {"Authorization": f"Bearer {target.token('1002')}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            began = time.perf_counter()
            try:
                status, body = await _ask(session, target)
                if status == 503 and "OVERLOADED" in body:  # asked again after a second, as `Retry-After` says
                    await asyncio.sleep(1)
                    status, body = await _ask(session, target)
                if status != 200 or "errors" in body:
                    measured.failures.append(body)
            except (aiohttp.ClientError, OSError) as error:
                measured.failures.append(repr(error))
            measured.times.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)


async def _ask(session: aiohttp.ClientSession, target: Target) -> tuple[int, str]:
    async with session.post(f"{target.address}/graphql", json={"query": "{ me { id name } }"}) as answer:
        return answer.status, await answer.text()


async def _probe_on(target: Target, measured: Measured) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        while True:
            began = time.perf_counter()
            try:
                async with session.get(f"{target.address}/healthz") as answer:
                    if answer.status != 200:
                        measured.failures.append(f"/healthz: {answer.status}")
            except (aiohttp.ClientError, OSError) as error:
                measured.failures.append(f"/healthz: {error!r}")
            measured.probes.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)


def attacks() -> list[Attack]:
    """All attacks of this folder, by the names of their files."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = (importlib.import_module(f"tests.hostile.{name}") for name in names if not name.startswith("test_"))
    return [module.ATTACK for module in modules if hasattr(module, "ATTACK")]


def show(measured: list[Measured]) -> None:
    """Print the table, and below it how the innocent caller failed."""
    table = Table("attack", "effect now", "innocent p99", "probe max", "failed", "MiB before", "after")
    for one in measured:
        table.add_row(
            one.name,
            one.effect,
            f"{1000 * one.p99:.0f} ms",
            f"{1000 * one.slowest_probe:.0f} ms",
            f"{len(one.failures)} of {len(one.times) + len(one.probes)}",
            f"{one.before:.0f}",
            f"{one.after:.0f}",
        )
    Console(width=160).print(table)
    for one in measured:
        for failure, count in Counter(failure[:120] for failure in one.failures).items():
            print(f"{one.name}: {count} x {failure}")
