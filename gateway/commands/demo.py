"""`gateway demo`: four sandbox systems and the gateway, on this machine only, until Ctrl-C."""

import asyncio
import logging
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket
from typing import Final

import orjson
import uvicorn
from rich.console import Console
from rich.text import Text

from gateway import logs
from gateway.app import create_app
from gateway.commands.demo_control import DemoControl
from gateway.commands.demo_keys import DemoKeys, key_path
from gateway.commands.demo_settings import HOST, settings
from gateway.commands.demo_systems import SandboxProcess
from gateway.commands.listening import PortUnavailable, check_free, listen
from gateway.http.server import server_options
from resolvers.viewer import ViewerKind
from sandbox.protocol.systems import SYSTEMS

FIRST_QUERY: Final = (
    "{ me { id name accounts { name balance { amount currency } "
    "bills(first: 3) { nodes { number dueDate remainingAmount { amount currency } state } } } "
    "services(first: 5) { nodes { name state outages { name state } } } "
    "tickets(first: 5, open: true) { totalCount nodes { name status } } } }"
)
"""What the printed curl line asks, as subscriber 1001: it needs all four systems."""


class GatewayNotStarted(Exception):
    """The gateway itself could not start; the log lines above it say why."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What to start. The first system listens on `sandbox_port`, the others on the ports after it.

    `today` is a date (ISO 8601) or `now`; None leaves it to the sandbox.
    """

    port: int = 8000
    sandbox_port: int = 8101
    customers: int = 1000
    seed: int = 1
    today: str | None = None

    @property
    def address(self) -> str:
        """Address of the GraphQL endpoint."""
        return f"{self.origin}/graphql"

    @property
    def origin(self) -> str:
        """Address of the gateway."""
        return f"http://{HOST}:{self.port}"

    def processes(self) -> list[SandboxProcess]:
        """The processes of the four systems, not started yet."""
        arguments: tuple[str, ...] = ("--customers", str(self.customers), "--seed", str(self.seed))
        if self.today is not None:
            arguments += ("--today", self.today)
        return [SandboxProcess(name, self.sandbox_port + at, arguments) for at, name in enumerate(SYSTEMS)]


def run(demo: Demo, console: Console) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP, then end everything.

    Raises PortUnavailable before anything starts, NotStarted and GatewayNotStarted once it has been cleared away.
    """
    listening = _take_ports(demo)
    logs.configure(settings(demo.port, demo.sandbox_port).log)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # The demo itself says where the graph is.
    keys_at = key_path(demo.port)
    try:
        systems = demo.processes()
        server = _Server(demo, DemoKeys.create(keys_at), systems)
        with listening, asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_until_signal(demo, server, systems, listening, console))
    finally:
        keys_at.unlink(missing_ok=True)
    console.print("All ended.")


def _take_ports(demo: Demo) -> socket:
    """The gateway's listening socket, once the systems' ports are known to be free. Raises PortUnavailable."""
    for port in range(demo.sandbox_port, demo.sandbox_port + len(SYSTEMS)):
        if port == demo.port:
            raise PortUnavailable(
                f"Port {port} cannot be the gateway's and a system's: change --port or --sandbox-port."
            )
        try:
            check_free(HOST, port)
        except PortUnavailable as error:
            raise PortUnavailable(f"{error} Choose other ports for the systems, e.g. --sandbox-port 8201.") from error
    try:
        return listen(HOST, demo.port)
    except PortUnavailable as error:
        raise PortUnavailable(f"{error} Choose another one, e.g. --port 9000 (or PORT=9000 make demo).") from error


class _Server(uvicorn.Server):
    """The gateway's server, which leaves signals to the demo and says when it answers."""

    def __init__(self, demo: Demo, keys: DemoKeys, systems: list[SandboxProcess]) -> None:
        given = settings(demo.port, demo.sandbox_port)
        app = create_app(given, demo_keys=keys, demo_systems=DemoControl(systems))
        super().__init__(
            uvicorn.Config(
                app,
                **server_options(given.server, given.live.limits.message_bytes),
                timeout_graceful_shutdown=3,
            )
        )
        self.keys = keys
        self.answering = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    async def run_on(self, listening: socket) -> None:
        """Serve until `should_exit`. Raises GatewayNotStarted."""
        try:
            await self.serve([listening])
        except SystemExit as error:  # uvicorn's way of saying that the start failed; it has logged why.
            raise GatewayNotStarted("The gateway did not start; the lines above say why.") from error


async def _until_signal(
    demo: Demo, server: _Server, systems: list[SandboxProcess], listening: socket, console: Console
) -> None:
    running = asyncio.create_task(_demo(demo, server, systems, listening, console))
    loop = asyncio.get_running_loop()

    def end() -> None:
        for name in signals:
            loop.add_signal_handler(name, lambda: None)  # Once is enough: a second one must not cut the ending short.
        running.cancel()
        console.print("\nEnding ...")

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for name in signals:
        loop.add_signal_handler(name, end)
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


async def _demo(
    demo: Demo, server: _Server, systems: list[SandboxProcess], listening: socket, console: Console
) -> None:
    watching: list[asyncio.Task[None]] = []
    serving: asyncio.Task[None] | None = None
    try:
        console.print(Text(f"Starting four systems with {demo.customers:,} customers ..."))
        started = time.monotonic()
        await asyncio.gather(*(_start(system, started, console) for system in systems))
        console.print("Starting the gateway ...")
        serving = asyncio.create_task(server.run_on(listening))
        await _answering(server, serving)
        _announce(demo, server.keys, systems, console)
        watching += [asyncio.create_task(_watch(system, console)) for system in systems]
        await asyncio.wait([serving])
        serving.result()
    finally:
        for task in watching:
            task.cancel()
        if serving is not None:
            server.should_exit = True
            await asyncio.wait([serving])
        await asyncio.gather(*(system.stop() for system in systems))


async def _answering(server: _Server, serving: asyncio.Task[None]) -> None:
    """Return once the gateway answers. Raises GatewayNotStarted."""
    answering = asyncio.create_task(server.answering.wait())
    await asyncio.wait((serving, answering), return_when=asyncio.FIRST_COMPLETED)
    answering.cancel()
    if serving.done():
        serving.result()


async def _start(system: SandboxProcess, started: float, console: Console) -> None:
    await system.start()
    console.print(Text(f"  {system.system:<10} is ready after {time.monotonic() - started:.1f} s"))


async def _watch(system: SandboxProcess, console: Console) -> None:
    await system.gone()
    console.print(
        Text.assemble(
            (f"\n{system.system} has ended", "bold yellow"),
            f" (process {system.pid}). The gateway goes on without it: its fields are null now, each with an error.\n"
            f"To have it back: {system.command}",
        ),
        soft_wrap=True,
    )


def _announce(demo: Demo, keys: DemoKeys, systems: list[SandboxProcess], console: Console) -> None:
    subscriber = keys.token(ViewerKind.CUSTOMER, "1001")
    tokens = {
        "subscriber 1001": subscriber,
        "agent": keys.token(ViewerKind.AGENT),
        "admin": keys.token(ViewerKind.ADMIN),
    }

    def say(*parts: str | tuple[str, str]) -> None:
        console.print(Text.assemble(*parts), soft_wrap=True)

    say("\n", ("The portal is at ", "bold"), (f"{demo.origin}/portal", "bold green"), "  (for customers and the desk)")
    say(("The graph is at ", "bold"), (demo.address, "bold green"), "  (a browser gets GraphiQL there)\n")
    say(("The systems behind it", "bold"), ", each a process of its own. End one to see partial answers:")
    for system in systems:
        say(f"  {system.system:<10} {system.address}   kill {system.pid}")
    say(
        "\n",
        ("Tokens", "bold"),
        f", good until the demo ends ('{shlex.quote(sys.argv[0])} token --help' tells how to make more):",
    )
    for name, token in tokens.items():
        say(f"  {name:<16} {token}")
    say("\n", ("A first question", "bold"), ", to paste into another terminal:\n")
    say(curl(demo.address, subscriber, FIRST_QUERY))
    say("\nCtrl-C ends all of it.")


def curl(address: str, token: str, query: str) -> str:
    """A curl command for a POSIX shell that sends the query."""
    body = orjson.dumps({"query": query}).decode()
    headers = ("Content-Type: application/json", f"Authorization: Bearer {token}")
    return shlex.join(["curl", "-sS", address, *(part for one in headers for part in ("-H", one)), "-d", body])
