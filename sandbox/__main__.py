"""``python -m sandbox``: start one system, or all four, each in a process of its own."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from datetime import date

from sandbox.app import create_app
from sandbox.data.world import TODAY, World
from sandbox.protocol.switches import Switches
from sandbox.protocol.systems import DEFAULT_PORTS, SYSTEMS, SystemName
from sandbox.server import PortInUse, listening_socket
from sandbox.signalled import Signalled


def _day(text: str) -> date | None:
    try:
        return None if text == "now" else date.fromisoformat(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date like 2026-11-22, nor now") from problem


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Telecom systems that speak TM Forum v4 or v5, with seeded data. Customers start at 1001.",
        epilog="While it runs: GET, PUT or DELETE /_sandbox/switches makes a system misbehave; "
        "GET or DELETE /_sandbox/requests shows or clears the requests that it received. "
        "SIGUSR1 lets a system refuse connections, SIGUSR2 ends that.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    ports = parser.add_mutually_exclusive_group()
    parser.add_argument("--system", choices=[*SYSTEMS, "all"], default="all", help="which one to start")
    ports.add_argument(
        "--port",
        type=int,
        help="port of the one system (default: 8101 crm, 8102 billing, 8103 inventory, 8104 ticketing)",
    )
    ports.add_argument("--base-port", type=int, default=DEFAULT_PORTS["crm"], help="port of crm; the others follow")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--customers", type=int, default=1000, help="how many customers there are")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data everywhere")
    parser.add_argument("--today", default=TODAY.isoformat(), help="the day the data is dated against, or now")
    parser.add_argument(
        "--v5",
        choices=[*SYSTEMS, "all"],
        nargs="+",
        default=[],
        metavar="SYSTEM",
        help="these systems, or all, speak v5; the others v4",
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="every answer waits this long")
    parser.add_argument("--jitter-ms", type=float, default=0, help="and up to this much longer")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run until Ctrl-C. Returns 1 if a port is in use."""
    parser = _arguments()
    options = parser.parse_args(argv)
    if options.system == "all" and options.port is not None:
        parser.error("--port needs --system; use --base-port for all four")
    try:
        if (shortest := min(options.latency_ms, options.jitter_ms)) < 0:
            raise ValueError(f"--latency-ms or --jitter-ms: {shortest} is less than 0")
        world = World(options.seed, options.customers, _day(options.today))
        switches = Switches(latency_ms=options.latency_ms, jitter_ms=options.jitter_ms)
        if {options.system, "all"} & set(options.v5):
            switches.version = "v5"
    except (ValueError, argparse.ArgumentTypeError) as problem:
        parser.error(str(problem))
    if options.system == "all":
        return asyncio.run(_all(sys.argv[1:] if argv is None else argv))
    system: SystemName = options.system
    port = options.port if options.port is not None else options.base_port + SYSTEMS.index(system)
    return _run(system, world, switches, options.host, port)


def _run(system: SystemName, world: World, switches: Switches, host: str, port: int) -> int:
    try:
        listening = listening_socket(host, port)
    except PortInUse as problem:
        sys.stderr.write(f"{system}: {problem}\n")
        return 1
    where = f"http://{host}:{listening.getsockname()[1]}"

    def say(what: str) -> None:
        # In one write: four processes share this output, and print() writes the line's end by itself.
        sys.stdout.write(f"{system} {what}\n")
        sys.stdout.flush()

    signalled = Signalled()
    say(f"ready at {where} with {world.customers} customers")
    app = create_app(system, world, switches)
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has closed everything
        signalled.serve(app, listening, lambda: listening_socket(host, port), say)
    return 0


async def _all(argv: list[str]) -> int:
    """Start a process for each system and wait for all of them. If one is stopped, the others keep running.

    Each process has its own session, so that Ctrl-C reaches only this process, which then stops the others.
    """
    command = (sys.executable, "-m", "sandbox", *argv, "--system")
    children = [await asyncio.create_subprocess_exec(*command, system, start_new_session=True) for system in SYSTEMS]

    def stop() -> None:
        for child in children:
            if child.returncode is None:
                child.terminate()

    async def failed(child: asyncio.subprocess.Process) -> bool:
        code = await child.wait()
        if code == 1:
            stop()
        return code == 1

    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop)
    return int(any(await asyncio.gather(*map(failed, children))))


if __name__ == "__main__":
    sys.exit(main())
