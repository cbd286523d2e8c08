"""What attacks do to a served gateway: an innocent caller's times beside them, its memory, and the table of it all.

An attack is a file of this folder with an `ATTACK`. It is given a `Target`, and says in a few words what came of it.
"""

import asyncio
import importlib
import os
import pkgutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

from rich.console import Console
from rich.table import Table

from gateway.commands.demo_keys import DemoKeys
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.gateway.commands.running import ROOT
from tests.gateway.commands.served import served
from tests.hostile.innocent import innocents
from tests.hostile.system import hostile_system

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

    def has_a_processor(self) -> None:
        """From now on it has one, and all others have the others, where there are two or more."""
        first, *others = sorted(os.sched_getaffinity(0))
        if others:
            pids = [os.getpid(), *(int(one) for one in _children(os.getpid()))]
            for pid in pids:
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), {first} if pid == self.pid else others)

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
    times: list[float]
    probes: list[float]
    failures: list[str]

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

    With the `key` that signs tokens the attack and the innocent caller have processes of their own, which take seconds
    to start, so that nothing else slows down who measures. Raises AssertionError where the attack does damage.
    """
    before = target.memory()
    async with innocents(target.address, target.token("1002"), apart=key is not None) as times:
        await asyncio.sleep(0.2)
        effect = await (_run_apart(target, attack, key) if key else attack.run(target))
        await asyncio.sleep(0.2)
    await asyncio.sleep(_SETTLE * target.scale)
    return Measured(attack.name, effect, before, target.memory(), times.asked, times.probes, times.failures)


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


def _children(pid: int) -> list[str]:
    return [one for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


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
