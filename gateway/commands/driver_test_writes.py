"""`gateway driver-test --writes`: says what will be changed, asks, and then checks the methods that write."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from connectors import DOMAINS
from connectors.conformance import Result
from connectors.conformance.writes import WRITE_CHECKS, WritePlan, plan_writes
from connectors.settings import System
from gateway.commands.driver_test import TestedDriver, WrongDriver, building, quiet, with_customers
from gateway.commands.driver_test_table import show

_CUSTOMERS: Final = 10


async def run(
    tested: TestedDriver,
    system: System,
    keys: Mapping[str, Sequence[str]],
    console: Console,
    is_wanted: Callable[[], bool],
    config: Path | None = None,
    *,
    only: Collection[str] = (),
    reasons: bool = False,
) -> bool:
    """Say what will be changed; if that `is_wanted`, change it, check, and print. Raises WrongDriver.

    Whether nothing failed, and there was something to check. Customers are found as by `driver_test.run`.
    """
    quiet()
    promises = DOMAINS[tested.domain].promises
    if promises.writings is None:
        raise WrongDriver(f"--writes: the {tested.domain} port has no methods that write.")
    keys = await with_customers(keys, config, tested.domain, system, _CUSTOMERS, console)
    async with building(tested, system) as build:
        plan = await plan_writes(tested.domain, promises, build, system, keys=keys, only=only)
        if wrong := sorted(set(only) - set(plan.methods)):
            raise WrongDriver(f"--method {wrong[0]}: --writes knows {', '.join(promises.writes)}.")
        _announce(plan, tested.domain, system, console)
        if plan.changes and not is_wanted():
            console.print("Nothing was written.")
            return False
        with console.status("writing ...") as status:

            def tell(result: Result) -> None:
                status.update(f"{result.method}: {result.check} {result.mark}")

            results = await plan.run(tell)
    show(f"{tested.name} ({tested.domain}), writes", results, console, reasons=reasons, checks=WRITE_CHECKS)
    return bool(plan.changes) and all(result.mark != "failed" for result in results)


def _announce(plan: WritePlan, domain: str, system: System, console: Console) -> None:
    """Which system is written to, and what is changed there."""
    if not plan.changes:
        console.print(f"Nothing will be written to the {domain} system at {system.url}.", soft_wrap=True)
    else:
        console.print(f"This WRITES to the {domain} system at {system.url}:", soft_wrap=True)
    for method, change in plan.changes.items():
        console.print(f"  {method} {change}.", soft_wrap=True)
    for method, why in plan.skipped.items():
        console.print(f"  {method} writes nothing: {why}", soft_wrap=True)
