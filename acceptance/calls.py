"""How often and in how many steps each contract query asks the systems, beside the least that is possible.

    .venv/bin/python -m acceptance.calls [--operations DIR] [--customers N] [--show DOCUMENT]

The systems answer after 30 ms, so that calls of one step overlap and calls of different steps do not: steps are the
longest chain of calls each of which began after the one before had ended.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from acceptance.running import running

ROOT: Final = Path(__file__).resolve().parent.parent
LATENCY_MS: Final = 30

LEAST: Final[Mapping[str, tuple[int, int, str]]] = {
    "PortalHome": (9, 2, "9 resources or filters (outages by service and by resource); the number is in the token"),
    "UsageGlance": (5, 2, "5 resources; the person's id stands on the customer"),
    "BillDetail": (5, 2, "5 resources; lines are keyed by the bill's id, products only by the lines"),
    "TicketThread": (3, 2, "3 resources; services and customer stand on the ticket"),
    "AgentSearch": (6, 2, "a number may be a customer's, part of a name, an account's, a bill's or a ticket's"),
    "OpsDashboard": (5, 2, "5 resources; bills can also be found by the customer"),
    "OutageImpact": (5, 3, "5 resources; outage, then service, then customer and tickets"),
    "DeviceTrace": (
        7,
        3,
        "resources by serial and by name, site, services, customers, outages by service and resource",
    ),
    "SystemStatus": (0, 0, "health is known from other traffic; systems not heard of for 5 s are read once"),
}
"""Document: fewest calls, fewest steps, why. TMF630 has no OR over two attributes and no joins over resources."""


def steps(calls: Sequence[Mapping[str, Any]]) -> int:
    """The longest chain of calls that did not overlap."""
    longest: list[tuple[float, int]] = []
    for call in sorted(calls, key=lambda one: float(one["startMs"])):
        before = max((depth for end, depth in longest if end <= call["startMs"]), default=0)
        longest.append((call["startMs"] + call["durationMs"], before + 1))
    return max((depth for _, depth in longest), default=0)


async def measure(operations: Path, customers: int, show: str | None, console: Console) -> bool:
    """Ask every document once warm, and print the table. False where an answer has errors."""
    examples: dict[str, Any] = json.loads((ROOT / "web/src/examples.json").read_text())
    table = Table(
        "document", "calls", "least", "steps", "least", "ms", "why no fewer", title=f"{customers:,} customers"
    )
    clean = True
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), customers=customers) as gateway:
            await gateway.switch(latencyMs=LATENCY_MS)
            for name, (least_calls, least_steps, why) in LEAST.items():
                document = (operations / f"{name}.graphql").read_text()
                variables, who = examples[name]["variables"], examples[name]["token"].removeprefix("subscriber ")
                await gateway.ask(document, variables, who)
                answer = await gateway.ask(document, variables, who)
                calls = answer["extensions"]["upstream"]
                if answer.get("errors"):
                    clean = False
                    console.print(name, answer["errors"])
                took = max((call["startMs"] + call["durationMs"] for call in calls), default=0.0)
                table.add_row(
                    name, str(len(calls)), str(least_calls), str(steps(calls)), str(least_steps), f"{took:.0f}", why
                )
                if show == name:
                    console.print_json(data=calls)
    console.print(table)
    return clean


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=Path, default=ROOT / "web/src/operations", help="folder of documents")
    parser.add_argument("--customers", type=int, default=1000, help="size of the sandbox")
    parser.add_argument("--show", help="print every call of this document")
    given = parser.parse_args()
    if not asyncio.run(measure(given.operations, given.customers, given.show, Console())):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
