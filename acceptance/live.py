"""The contract's documents over real products, what each costs, and the conformance suite: `make live`.

    .venv/bin/python -m acceptance.live [--systems DIR] [--keep] [--writes N] [--only PART ...] [--product NAME]

Asks six products every query at once (`acceptance.live_queries`), three of them every mutation, breaks and mends
something in the two that monitor, and tests all drivers (`gateway driver-test`): a table of each, and at the end what
was right and how long it took. `acceptance.products` says where they run; those that nobody names are started on
loopback (the first start takes minutes), and stopped at the end, also by SIGTERM: not what ran already, and nothing
with --keep. What runs elsewhere must hold what the start scripts seed: the queries ask for customer C100001.
"""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from acceptance import live_events, live_killed, live_openwisp, live_outages, live_queries, live_redmine, live_writes
from acceptance.live_openwisp import usage_system
from acceptance.live_outages import outage_system
from acceptance.products import PRODUCTS, Live, Unfit, live, scripts_folder, unfit
from acceptance.to_its_end import to_its_end
from connectors import DOMAINS
from connectors.settings import System
from gateway.commands.driver_test import found, results_of
from gateway.commands.driver_test_table import show
from gateway.settings import Settings

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
    "usage": "openwisp",
}
"""Domain to product."""
NOWHERE: Final = "http://127.0.0.1:9"

WRITES: Final = 24
"""Tickets, and payments, that are made while answers are lost and a worker is killed."""

SAMPLES: Final[Mapping[str, Sequence[str]]] = {"customer": [f"C{100001 + n}" for n in range(6)]}
"""Sample keys of the conformance suite for systems that cannot list their customers."""


def settings(products: Mapping[str, Live]) -> Settings:
    """The gateway's settings over these products, by name; a system that is not there for each of the others."""

    def system(name: str) -> dict[str, Any]:
        if name == "openwisp":
            return usage_system(products[name])
        auth: dict[str, str] = {"kind": "api_key", "header": "Authorization"}
        auth["key"] = f"{PRODUCTS[name].scheme} {products[name].token}"
        if name == "rt" and not products[name].is_given:
            auth = {**RT_SESSION, "referer": products[name].address}  # it is also asked through proxies
        return {"url": products[name].address, "driver": name, "auth": auth, "timeout": 12.0}

    systems = {
        domain: system(name) if name in products else {"url": NOWHERE}
        for domain, name in DRIVERS.items()
        if name in products or DOMAINS[domain].required
    }
    return Settings.model_validate({"systems": systems, "graphql": {"trace": "signed-in with keys", "deadline": 30.0}})


async def conforming(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """The conformance suite on one driver after the other; prints a table for each. Whether nothing failed."""
    given = settings(products).systems.by_domain
    tests = [(domain, given[domain]) for domain, name in DRIVERS.items() if name in products]
    if "icinga" in products:
        tests.append(("assurance", System.model_validate(outage_system("icinga", products["icinga"]))))
    is_well = True
    for domain, system in tests:
        keys = {} if domain == "crm" else SAMPLES
        tested = found(system.driver, domain)
        console.print(f"  testing {system.driver} ...", highlight=False)
        async with results_of(tested, system, keys, most=3, check_credentials=True, only=()) as coming:
            results = [one async for one in coming]
        show(f"{system.driver} ({domain})", results, console)
        is_well &= all(one.mark != "failed" for one in results)
    return is_well


async def queries(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Ask the queries. Whether all that is missing is what the products do not have."""
    return await live_queries.measure(settings(products), console)


async def write(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Ask the mutations. Whether each key had one effect. Raises `Unfit`."""
    with tempfile.TemporaryDirectory() as folder:
        given = settings(products)
        return await live_writes.measure(given, products, Path(folder), live_queries.CUSTOMER, console)


async def write_killed(products: Mapping[str, Live], writes: int, console: Console) -> bool:
    """So many tickets and payments while a worker is killed. Whether each key had one effect. Raises `Unfit`."""
    with tempfile.TemporaryDirectory() as folder:
        given = settings({name: products[name] for name in live_killed.DOMAINS})
        return await live_killed.measure(given, products, Path(folder), SAMPLES["customer"], writes, console)


async def hear(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Change each product behind the gateway's back. Whether it heard of every change."""
    with tempfile.TemporaryDirectory() as folder:
        return await live_events.measure(settings(products), products, Path(folder), console)


async def break_and_mend(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Break and mend something in each monitoring system. Whether that was told to subscribers."""
    with tempfile.TemporaryDirectory() as folder:
        return await live_outages.measure(products, Path(folder), console)


async def ticket_in_redmine(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """Redmine beside the sandbox. Whether each key had one effect, and its driver conforms. Raises `Unfit`."""
    return await live_redmine.measure(products["redmine"], console)


async def count_in_openwisp(products: Mapping[str, Live], _writes: int, console: Console) -> bool:
    """openwisp-radius beside the sandbox. Whether the gateway says what the product counts."""
    return await live_openwisp.measure(products["openwisp"], console)


@dataclass(frozen=True, slots=True)
class Part:
    """Part of `make live`: over these products, with so many writes, it prints and says whether all was right."""

    title: str
    products: Iterable[str]
    measure: Callable[[Mapping[str, Live], int, Console], Awaitable[bool]]


PARTS: Final[Mapping[str, Part]] = {
    "queries": Part("every query, over all products at once", DRIVERS.values(), queries),
    "writes": Part("every mutation, answers lost", live_writes.WRITTEN, write),
    "killed": Part(
        "tickets and payments while answers are lost and a worker is killed", live_killed.DOMAINS, write_killed
    ),
    "events": Part("the products' own changes", live_events.CHANGED, hear),
    "outages": Part("outages that begin and end in monitoring", live_outages.PRODUCTS_OF_OUTAGES, break_and_mend),
    "redmine": Part("Redmine in Request Tracker's place", ["redmine"], ticket_in_redmine),
    "usage": Part("usage as openwisp-radius itself counts it", ["openwisp"], count_in_openwisp),
    "drivers": Part("the conformance suite on the other drivers", [*DRIVERS.values(), "icinga"], conforming),
}
"""By the name that `--only` takes."""


@asynccontextmanager
async def running(
    names: Iterable[str], scripts: Path, keep: bool, console: Console
) -> AsyncIterator[Mapping[str, Live]]:
    """Start what does not run, and stop it again unless it is to be kept. Raises `Unfit`."""
    products: dict[str, Live] = {}

    async def start(name: str) -> None:
        products[name] = await asyncio.to_thread(live, name, scripts, console)

    async def stop() -> None:
        for product in products.values():
            await asyncio.to_thread(product.stop)

    try:
        for name in names:
            await to_its_end(start(name))  # its script ends by itself only: then what it has started can be stopped
            console.print(f"  {name} runs at {products[name].address}", highlight=False)
        yield products
    finally:
        if not keep:
            await to_its_end(stop())


async def measured(parts: Mapping[str, Part], products: Mapping[str, Live], writes: int, console: Console) -> bool:
    """One part after the other, and a table of what was right and how long it took. Whether all of it was right."""
    summary = Table("part", "what", "seconds", "right")
    began, is_well = time.monotonic(), True
    for number, (name, part) in enumerate(parts.items(), 1):
        started = time.monotonic()
        console.print(f"[{number}/{len(parts)}] {name}: {part.title}", markup=False, highlight=False, style="bold")
        is_right = False
        try:
            is_right = await part.measure(products, writes, console)
        except Unfit as why:
            console.print(f"  {why}", markup=False, highlight=False)
        except Exception:  # noqa: BLE001  # told, and the part is not right: what the other parts say is worth its minutes
            console.print_exception()
        is_well &= is_right
        summary.add_row(name, part.title, f"{time.monotonic() - started:.0f}", "yes" if is_right else "NO")
    summary.add_row("", "all", f"{time.monotonic() - began:.0f}", "yes" if is_well else "NO")
    console.print(summary)
    return is_well


async def run(parts: Mapping[str, Part], given: argparse.Namespace) -> bool:
    """These parts. Whether all is well. Raises `Unfit`."""
    this = asyncio.current_task()
    assert this is not None  # noqa: S101  # a coroutine that runs is a task's
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    console = Console() if sys.stdout.isatty() else Console(width=120)  # into a file tables are cut at 80 columns
    began = time.monotonic()
    async with running(wanted(parts, given.product), given.systems, given.keep, console) as products:
        is_well = await measured(parts, products, given.writes, console)
    console.print(f"  {time.monotonic() - began:.0f} s, with starting and stopping", highlight=False)
    return is_well


def wanted(parts: Mapping[str, Part], only: str | None = None) -> list[str]:
    """The products that these parts ask, in the order in which they are started."""
    asked = {name for part in parts.values() for name in part.products}
    return [name for name in PRODUCTS if name in asked and only in (None, name)]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=Path, default=scripts_folder(), help="folder of the start scripts")
    parser.add_argument("--keep", action="store_true", help="leave the systems running")
    parser.add_argument("--writes", type=int, default=WRITES, help="tickets and payments while a worker is killed")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--product", choices=PRODUCTS, help="with --only events, outages, drivers: only this product")
    given = parser.parse_args()
    parts = {name: part for name, part in PARTS.items() if name in (given.only or PARTS)}
    if given.product and not parts.keys() <= {"events", "outages", "drivers"}:
        parser.error("--product goes with --only events, outages, drivers")
    if problems := unfit(wanted(parts, given.product), given.systems):
        raise SystemExit("\n".join(problems))
    logging.getLogger("gateway").addHandler(logging.NullHandler())  # the suite's broken systems are no news
    try:
        is_well = asyncio.run(run(parts, given))
    except Unfit as why:
        raise SystemExit(str(why)) from why
    except asyncio.CancelledError:
        raise SystemExit("stopped") from None
    if not is_well:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
