"""What a mutation costs in CPU time, beside the same calls by hand.

    .venv/bin/python -m benchmarks.writes [--rounds N] [--customers N]

A gateway with the demo's settings and the floor (`benchmarks.written`) are a process each, over one sandbox. They are
asked the contract's five mutations with new keys, one request at a time, for the same subscribers, in short turns whose
order alternates. A round's ratio is of the CPU time of both; the table has medians. It is checked that both answer in
the same shape, and ask the systems equally often.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from acceptance.calls import ROOT
from benchmarks.measuring import Unequal
from benchmarks.processes import Process, free_ports, machine_cpu
from benchmarks.sharing import Systems
from gateway.commands.demo_keys import DemoKeys
from gateway.commands.demo_systems import SandboxProcess
from resolvers.viewer import ViewerKind
from sandbox.protocol.systems import SYSTEMS

MUTATIONS: Final = ("OpenTicket", "AddTicketNote", "CloseTicket", "PayBill", "UpdateContact")
GATEWAY: Final = "gateway"
FLOOR: Final = "floor"
_TURN: Final = 10
_OWN: Final = "{ me { services(first: 1) { nodes { id } } bills(state: OPEN, first: 1) { nodes { id } } } }"


@dataclass(slots=True)
class Subscriber:
    """Who writes, and what is written to; a ticket for each contestant, which that has opened."""

    headers: Mapping[str, str]
    service: str
    bill: str
    tickets: dict[str, str] = field(default_factory=dict)

    def input(self, name: str, contestant: str) -> dict[str, Any]:
        """The input of a mutation, with a new key."""
        key, mark = secrets.token_hex(16), secrets.randbelow(10**6)
        given: dict[str, dict[str, Any]] = {
            "OpenTicket": {
                "name": f"No picture {mark}",
                "description": "Since this morning, on both television sets.",
                "serviceIds": [self.service],
                "severity": "MINOR",
            },
            "AddTicketNote": {"ticketId": self.tickets.get(contestant), "text": f"It happened again, {mark}."},
            "CloseTicket": {"ticketId": self.tickets.get(contestant), "reason": "It works again, thank you."},
            "PayBill": {
                "billId": self.bill,
                "amount": {"amount": "0.01", "currency": "EUR"},
                "paymentMethodToken": "tok-of-the-payment-provider",
            },
            "UpdateContact": {"phone": f"+46 70 {mark:06}"},
        }
        return {"idempotencyKey": key, **given[name]}


class Contestants:
    """Both, and the systems behind them."""

    def __init__(self, session: aiohttp.ClientSession, processes: Mapping[str, Process], systems: Systems) -> None:
        self._session, self.processes, self.systems = session, processes, systems
        folder = ROOT / "web/src/operations"
        self._documents = {name: (folder / f"{name}.graphql").read_text(encoding="utf-8") for name in MUTATIONS}

    async def post(self, contestant: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        """The data of an answer. Raises `Unequal` for one with errors."""
        address = f"http://127.0.0.1:{self.processes[contestant].port}/graphql"
        async with self._session.post(address, json=body, headers=headers) as response:
            answer = json.loads(await response.read())
        if answer.get("errors"):
            raise Unequal(f"{contestant}: {answer['errors'][:1]}")
        return answer["data"]

    async def write(self, contestant: str, name: str, who: Subscriber) -> Any:
        """One mutation: its payload."""
        given = who.input(name, contestant)
        asked = {"name": name, "input": given}
        if contestant == GATEWAY:
            asked = {"query": self._documents[name], "variables": {"input": given}}
        (payload,) = (await self.post(contestant, asked, who.headers)).values()
        if payload["userErrors"]:
            raise Unequal(f"{contestant}: {name}: {payload['userErrors']}")
        if name == "OpenTicket":
            who.tickets[contestant] = payload["ticket"]["id"]
        return payload

    async def agree(self, name: str, who: Subscriber) -> int:
        """Calls to the systems that each makes. Raises `Unequal` where they or the answers' shapes differ."""
        found = {}
        for contestant in self.processes:
            await self.systems.forget()
            found[contestant] = _shape(await self.write(contestant, name, who)), await self.systems.counted()
        if found[GATEWAY] != found[FLOOR]:
            raise Unequal(f"{name}: {found}")
        return found[GATEWAY][1]

    async def turn(self, contestant: str, name: str, people: Sequence[Subscriber]) -> float:
        """Milliseconds of CPU time per request."""
        before = self.processes[contestant].cpu
        for who in people:
            await self.write(contestant, name, who)
        return (self.processes[contestant].cpu - before) * 1000 / len(people)


def _shape(value: Any) -> Any:
    """Names and types without values, states apart; of a list its first item."""
    if isinstance(value, dict):
        return {name: one if name in ("state", "status") else _shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return type(value).__name__


async def subscribers(contestants: Contestants, keys: DemoKeys, customers: int) -> list[Subscriber]:
    """Those who have a service and an open bill."""
    found = []
    for number in range(1001, 1001 + customers):
        headers = {"Authorization": f"Bearer {keys.token(ViewerKind.CUSTOMER, str(number))}"}
        me = (await contestants.post(GATEWAY, {"query": _OWN}, headers))["me"]
        services, bills = me["services"]["nodes"], me["bills"]["nodes"]
        if services and bills:
            found.append(Subscriber(headers, services[0]["id"], bills[0]["id"]))
    return found


@asynccontextmanager
async def contesting(customers: int) -> AsyncIterator[tuple[Contestants, list[Subscriber]]]:
    """Both over a sandbox of so many customers, and those who have something to write to."""
    port, hand, *at = free_ports(2 + len(SYSTEMS))
    async with AsyncExitStack() as stack:
        sandbox = [SandboxProcess(name, at[0] + i, ("--customers", str(customers))) for i, name in enumerate(SYSTEMS)]
        for system in sandbox:
            stack.push_async_callback(system.stop)
            await system.start()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keys = DemoKeys.create(folder / "demo-key.pem")
        (folder / "keys.json").write_bytes(keys.jwks())
        variables = {
            "BENCH_SYSTEMS": str(at[0]),
            "BENCH_KEY": str(folder / "demo-key.pem"),
            "BENCH_JWKS": str(folder / "keys.json"),
        }
        processes = {}
        for name, number in ((GATEWAY, port), (FLOOR, hand)):
            command = (sys.executable, "-m", "benchmarks.written", name)
            processes[name] = Process(name, command, number, folder, variables)
            stack.callback(processes[name].stop)
            await asyncio.to_thread(processes[name].wait)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        contestants = Contestants(session, processes, Systems(session, [one.address for one in sandbox]))
        yield contestants, await subscribers(contestants, keys, customers)


async def measure(rounds: int, customers: int, console: Console) -> None:
    """Ask in turns, and print the table."""
    async with contesting(customers) as (contestants, people):
        calls = {name: await contestants.agree(name, people[0]) for name in MUTATIONS}
        used, began = machine_cpu(), time.monotonic()
        taken = await turns(contestants, people[1:], rounds)
        busy = (machine_cpu() - used) / (time.monotonic() - began)
    console.print(f"{len(people)} subscribers; the machine was busy with {busy:.1f} cores, these processes included")
    console.print(shown(taken, calls))


async def turns(
    contestants: Contestants, people: Sequence[Subscriber], rounds: int
) -> Mapping[str, Sequence[Mapping[str, float]]]:
    """By mutation, for each round the CPU milliseconds per request of both."""
    taken: dict[str, list[Mapping[str, float]]] = {name: [] for name in MUTATIONS}
    for number in range(rounds + 1):
        order = (GATEWAY, FLOOR) if number % 2 else (FLOOR, GATEWAY)
        for name in MUTATIONS:
            begin = number * _TURN % max(1, len(people) - _TURN)
            some = people[begin : begin + _TURN]
            one = {contestant: await contestants.turn(contestant, name, some) for contestant in order}
            if number:  # the first is warm-up
                taken[name].append(one)
    return taken


def shown(taken: Mapping[str, Sequence[Mapping[str, float]]], calls: Mapping[str, int]) -> Table:
    """Medians over the rounds, and between which quarters the ratio's middle half lies."""
    table = Table("mutation", "calls", "by hand, ms", "gateway, ms", "ratio", "middle half")
    for name, rounds in taken.items():
        ratios = [one[GATEWAY] / one[FLOOR] for one in rounds]
        low, _, high = statistics.quantiles(ratios, n=4)
        medians = [statistics.median(one[who] for one in rounds) for who in (FLOOR, GATEWAY)]
        numbers = (*(f"{one:.2f}" for one in medians), f"{statistics.median(ratios):.1f}", f"{low:.1f} to {high:.1f}")
        table.add_row(name, str(calls[name]), *numbers)
    return table


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="turns of each mutation")
    parser.add_argument("--customers", type=int, default=100, help="size of the sandbox")
    given = parser.parse_args()
    asyncio.run(measure(given.rounds, given.customers, Console()))


if __name__ == "__main__":
    main()
