"""The contract's documents over real products, what each costs, and the conformance suite: `make live`.

    .venv/bin/python -m acceptance.live [--systems DIR] [--keep]
        [--only-writes | --only-outages | --only-events [--product NAME]]

Asks Nautobot, BottleCRM, Tryton, Request Tracker and Alertmanager every query, the three in the middle every mutation
(`acceptance.live_writes`), breaks and mends something in Alertmanager and Icinga (`acceptance.live_outages`), prints a
table of each, and tests the drivers (`gateway driver-test`).
`acceptance.products` says where they run; those that nobody names are started on loopback (the first start takes
minutes), and stopped at the end: not what ran already, and nothing with --keep. What runs elsewhere must hold what the
start scripts seed: the queries ask for customer C100001.
"""

import argparse
import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from acceptance import live_events, live_killed, live_openwisp, live_outages, live_redmine, live_writes
from acceptance.calls import ROOT
from acceptance.live_outages import outage_system
from acceptance.mixed import ask_mixed
from acceptance.products import PRODUCTS, Live, Unfit, live, scripts_folder, unfit
from acceptance.running import serving
from connectors import DOMAINS
from connectors.conformance import Result
from connectors.settings import System
from gateway.commands.driver_test import found, results_of
from gateway.commands.driver_test_table import show
from gateway.settings import Settings

CUSTOMER: Final = "C100001"
RT_SESSION: Final = {
    "kind": "session",
    "username": "root",
    "password": "password",  # what the start script sets up on loopback
    "login_path": "/NoAuth/Login.html",
    "verify_path": "/REST/2.0/rt",
    "username_field": "user",
    "password_field": "pass",
}
"""Request Tracker checks a token in 250 ms per request; a session costs that once. One that is given has a token."""
DRIVERS: Final = {
    "inventory": "nautobot",
    "crm": "bottlecrm",
    "billing": "tryton",
    "ticketing": "rt",
    "assurance": "alertmanager",
}
"""Domain to product; Nautobot first, because its first start takes longest."""
NOWHERE: Final = "http://127.0.0.1:9"

QUERIES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "PortalHome": (CUSTOMER, {}),
    "UsageGlance": (CUSTOMER, {}),
    "AgentSearch": ("agent", {"text": CUSTOMER}),
    "OpsDashboard": ("agent", {"first": 50}),
    "DeviceTrace": ("agent", {"serial": "xe-0/0/0.0"}),
    "TicketThread": ("agent", {"id": "Ticket:1"}),
    "BillDetail": ("agent", {"id": "Bill:1"}),
    "OutageImpact": ("agent", {}),
    "SystemStatus": ("agent", {}),
}


LEAST: Final[Mapping[str, tuple[int, str]]] = {
    "PortalHome": (
        9,
        "Alertmanager 3: filters are joined with AND, so that services and resources are two questions, and a third is"
        " for the whole of what is found; BottleCRM 1, RT 1; Tryton 2: a balance is the party's, bills are another"
        " model, and a call asks one model;"
        " Nautobot 2: interfaces know a circuit by its service number only, which the first answer tells"
        " (a third, for what is told of each resource, could ride with the second)",
    ),
    "UsageGlance": (2, "BottleCRM 1, Tryton 1 (invoices); usage and products are not supported"),
    "AgentSearch": (
        4,
        "BottleCRM 2: a filter on the name and one on the number, which it joins with AND; Tryton 2: parties and"
        " invoices (the party is read twice: as an account number that was searched for, and as the customer's)",
    ),
    "OpsDashboard": (5, "BottleCRM 1 for 100 accounts, Tryton 2 (two models), Nautobot 1, RT 1 for each 100 tickets"),
    "DeviceTrace": (
        6,
        "Alertmanager 3, as above; BottleCRM 1; Nautobot 2: what is found tells the service numbers, then the circuits"
        " (the site and the numbers could be read with the search: two steps of the graph, and two calls more)",
    ),
    "TicketThread": (
        6,
        "RT 4: a ticket has no history in it, transactions and their texts are resources of their own without a batch"
        " over both, and files are asked for apart from texts, or their content would come along; Nautobot 1,"
        " BottleCRM 1",
    ),
    "BillDetail": (3, "Tryton 3: invoice, lines and party are three models, and a call asks one"),
    "OutageImpact": (
        5,
        "Alertmanager 2: all that fires, and the one silence that covers a whole outage; Nautobot 1, BottleCRM 1, RT 1",
    ),
    "SystemStatus": (0, "health is what the calls before have shown"),
}
"""Fewest calls that the products allow for each query's data, and why; in brackets what our steps cost beyond."""

WRITES: Final = 24
"""Tickets, and payments, that are made while answers are lost and a worker is killed."""

SAMPLES: Final[Mapping[str, Sequence[str]]] = {"customer": [f"C{100001 + n}" for n in range(6)]}
"""Sample keys of the conformance suite for systems that cannot list their customers."""


def settings(products: Mapping[str, Live]) -> Settings:
    """The gateway's settings over these products, by name; a system that is not there for each of the others."""

    def auth(name: str) -> dict[str, str]:
        if name == "rt" and not products[name].is_given:
            return {**RT_SESSION, "referer": products[name].address}  # it is also asked through proxies
        key = f"{PRODUCTS[name].scheme} {products[name].token}"
        return {"kind": "api_key", "header": "Authorization", "key": key}

    systems = {
        domain: {"url": products[name].address, "driver": name, "auth": auth(name), "timeout": 12.0}
        if name in products
        else {"url": NOWHERE}
        for domain, name in DRIVERS.items()
        if name in products or DOMAINS[domain].required
    }
    return Settings.model_validate({"systems": systems, "graphql": {"trace": "signed-in with keys", "deadline": 30.0}})


def leaves(value: Any) -> Counter[bool]:
    """How many values an answer has (True), and how many are null (False)."""
    if isinstance(value, Mapping):
        return sum(map(leaves, value.values()), Counter[bool]())
    if isinstance(value, list):
        return sum(map(leaves, value), Counter[bool]())
    return Counter({value is not None: 1})


async def conforming(given: Settings, products: Mapping[str, Live], console: Console) -> bool:
    """The conformance suite on the drivers at once; prints a table for each. Whether nothing failed."""
    console.print("  testing the drivers (two minutes: Request Tracker takes 250 ms a call) ...")

    async def tried(domain: str, system: System) -> tuple[str, list[Result]]:
        tested = found(system.driver, domain)
        keys = {} if domain == "crm" else SAMPLES
        async with results_of(tested, system, keys, most=3, check_credentials=True, only=()) as coming:
            return f"{system.driver} ({domain})", [one async for one in coming]

    tests = [*given.systems.by_domain.items()]
    if "icinga" in products:
        tests.append(("assurance", System.model_validate(outage_system("icinga", products["icinga"]))))
    trials = await asyncio.gather(*(tried(domain, system) for domain, system in tests))
    for title, results in trials:
        show(title, results, console)
    return all(one.mark != "failed" for _, results in trials for one in results)


@asynccontextmanager
async def running(
    names: Iterable[str], scripts: Path, keep: bool, console: Console
) -> AsyncIterator[Mapping[str, Live]]:
    """Start what does not run, and stop it again unless it is to be kept. Raises `Unfit`."""
    products: dict[str, Live] = {}
    try:
        for name in names:
            products[name] = await asyncio.to_thread(live, name, scripts, console)
            console.print(f"  {name} runs at {products[name].address}", highlight=False)
        yield products
    finally:
        for product in () if keep else products.values():
            await asyncio.to_thread(product.stop)


async def measure(products: Mapping[str, Live], writes: int, console: Console) -> bool:
    """Ask the queries, write, and test the drivers. Whether all writes came out right and every driver conforms."""
    given = settings(products)
    await queries(given, console)
    wrote = await write(products, writes, console)
    heard = await hear(products, writes, console)
    outages = await break_and_mend(products, writes, console)
    return await conforming(given, products, console) and wrote and heard and outages


async def write(products: Mapping[str, Live], writes: int, console: Console) -> bool:
    """Ask the mutations, then so many while a worker is killed. Whether each key had one effect. Raises `Unfit`."""
    with tempfile.TemporaryDirectory() as folder:
        once = await live_writes.measure(settings(products), products, Path(folder), CUSTOMER, console)
    return await write_killed(products, writes, console) and once


async def hear(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Change each product behind the gateway's back. Whether it heard of every change."""
    console.print("  the products' own changes ...")
    with tempfile.TemporaryDirectory() as folder:
        return await live_events.measure(settings(products), products, Path(folder), console)


async def break_and_mend(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Break and mend something in each monitoring system. Whether that was told to subscribers."""
    console.print("  outages that begin and end in monitoring ...")
    with tempfile.TemporaryDirectory() as folder:
        return await live_outages.measure(products, Path(folder), console)


async def write_killed(products: Mapping[str, Live], writes: int, console: Console) -> bool:
    """So many tickets and payments while a worker is killed. Whether each key had one effect. Raises `Unfit`."""
    console.print(f"  {writes} tickets and {writes} payments while answers are lost and a worker is killed ...")
    with tempfile.TemporaryDirectory() as folder:
        given = settings({name: products[name] for name in live_killed.DOMAINS})
        return await live_killed.measure(given, products, Path(folder), SAMPLES["customer"], writes, console)


async def queries(given: Settings, console: Console) -> None:
    """Ask every query once warm, and print what each cost and gave."""
    table = Table("query", "calls", "least", "ms", "values", "null", "errors (code, system, paths)")
    with tempfile.TemporaryDirectory() as folder:
        async with serving(given, Path(folder)) as gateway:
            for name, (who, variables) in QUERIES.items():
                document = (ROOT / f"web/src/operations/{name}.graphql").read_text(encoding="utf-8")
                await gateway.ask(document, variables, who)
                answer = await gateway.ask(document, variables, who)
                calls = answer.get("extensions", {}).get("upstream", [])
                took = max((call["startMs"] + call["durationMs"] for call in calls), default=0.0)
                codes = Counter(
                    (error["extensions"]["code"], error["extensions"].get("system", "-"))
                    for error in answer.get("errors", [])
                )
                told = ", ".join(f"{code} {system} x{times}" for (code, system), times in codes.items())
                count = leaves(answer.get("data"))
                numbers = len(calls), LEAST[name][0], f"{took:.0f}", count[True], count[False]
                table.add_row(name, *map(str, numbers), told)
    console.print(table)
    console.print("  mixed: BottleCRM, Nautobot, the sandbox in v5 (billing) and in v4 (ticketing), one request")
    await ask_mixed(given, CUSTOMER, console)
    for name, (least, why) in LEAST.items():
        console.print(f"least of {name}: {least}: {why}", style="dim", highlight=False)


_PARTS: Final = {
    "only_killed": write_killed,
    "only_writes": write,
    "only_events": hear,
    "only_outages": break_and_mend,
}
"""By the option that asks for nothing else."""


async def run(names: Sequence[str], given: argparse.Namespace) -> bool:
    """Over these products. Whether all is well. Raises `Unfit`."""
    console = Console()
    async with running(names, given.systems, given.keep, console) as products:
        part = next((part for name, part in _PARTS.items() if getattr(given, name)), measure)
        is_well = await part(products, given.writes, console)
    for one in (live_redmine, live_openwisp) if part is measure else ():  # each beside the sandbox
        is_well &= await one.run(given.systems, console, keep=given.keep)
    return is_well


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=Path, default=scripts_folder(), help="folder of the start scripts")
    parser.add_argument("--keep", action="store_true", help="leave the systems running")
    parser.add_argument("--writes", type=int, default=WRITES, help="tickets and payments while a worker is killed")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--only-writes", action="store_true", help="only the mutations, over three of the systems")
    only.add_argument("--only-killed", action="store_true", help="only those while a worker is killed, over two")
    only.add_argument("--only-events", action="store_true", help="only whether the systems' own changes are heard of")
    only.add_argument("--only-outages", action="store_true", help="only Alertmanager and Icinga, beside the sandbox")
    parser.add_argument("--product", choices=PRODUCTS, help="with --only-events or --only-outages: only this product")
    given = parser.parse_args()
    if given.product and not (given.only_events or given.only_outages):
        parser.error("--product goes with --only-events or --only-outages")
    parts = {
        "only_killed": live_killed.DOMAINS,
        "only_writes": live_writes.WRITTEN,
        "only_events": live_events.CHANGED,
        "only_outages": live_outages.PRODUCTS_OF_OUTAGES,
    }
    wanted = next((names for part, names in parts.items() if getattr(given, part)), PRODUCTS)
    names = [name for name in PRODUCTS if name in wanted and given.product in (None, name)]
    if problems := unfit(names, given.systems):
        raise SystemExit("\n".join(problems))
    logging.getLogger("gateway").addHandler(logging.NullHandler())  # the suite's broken systems are no news
    try:
        is_well = asyncio.run(run(names, given))
    except Unfit as why:
        raise SystemExit(str(why)) from why
    if not is_well:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
