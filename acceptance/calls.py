"""How often and in how many steps each contract document asks the systems, beside the least that is possible.

    .venv/bin/python -m acceptance.calls [--operations DIR] [--customers N] [--show DOCUMENT]

The systems answer after 30 ms, so that calls of one step overlap and calls of different steps do not: steps are the
longest chain of calls each of which began after the one before had ended. A mutation is asked with a new key, and again
with the same.
"""

import argparse
import asyncio
import json
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

LEAST_OF_WRITES: Final[Mapping[str, tuple[int, int, str]]] = {
    "OpenTicket": (
        5,
        4,
        "the services' owners, the key, the ticket, the ticket and its services afterwards; owners and key could be"
        " asked for side by side",
    ),
    "AddTicketNote": (
        4,
        4,
        "the ticket's owner and state, its notes as they are (the key among them), the note, the ticket afterwards;"
        " more are the owner before the lock, and the notes again right before all are written back",
    ),
    "CloseTicket": (
        4,
        4,
        "the ticket's owner and state, its ETag, the status, the ticket afterwards; one more is the owner before the"
        " lock",
    ),
    "PayBill": (
        6,
        4,
        "the bill, the account's payments and the key side by side, the payment, payment and bill afterwards; more is"
        " the owner before the lock, and payments and key are asked for one after the other",
    ),
    "UpdateContact": (3, 3, "the media as they are, the media, the customer afterwards"),
}
"""As above, for a subscriber's mutations, with what a write promises: nothing is sent before owner, state and key are
known, and the answer is read after it."""


def steps(calls: Sequence[Mapping[str, Any]]) -> int:
    """The longest chain of calls that did not overlap."""
    longest: list[tuple[float, int]] = []
    for call in sorted(calls, key=lambda one: float(one["startMs"])):
        before = max((depth for end, depth in longest if end <= call["startMs"]), default=0)
        longest.append((call["startMs"] + call["durationMs"], before + 1))
    return max((depth for _, depth in longest), default=0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls and steps of a document, and milliseconds from the first call's start to the last one's end."""

    calls: int
    steps: int
    ms: float

    @classmethod
    def of(cls, calls: Sequence[Mapping[str, Any]]) -> "Cost":
        """What these calls of one request cost."""
        ended = max((call["startMs"] + call["durationMs"] for call in calls), default=0.0)
        return cls(len(calls), steps(calls), ended)


def with_key(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example's variables, with a key of their own where it is a mutation."""
    variables: dict[str, Any] = dict(example["variables"])
    if "input" in variables:
        variables["input"] = {**variables["input"], "idempotencyKey": secrets.token_hex(8)}
    return variables


async def measure(operations: Path, customers: int, show: str | None, console: Console) -> bool:
    """Ask every document twice, and print the tables. False where an answer has errors."""
    examples: dict[str, Any] = json.loads((ROOT / "web/src/examples.json").read_text())
    queries = Table(
        "document", "calls", "least", "steps", "least", "ms", "why no fewer", title=f"{customers:,} customers"
    )
    mutations = Table("document", "calls", "least", "steps", "least", "again", "ms", "least of", title="mutations")
    clean = True
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), customers=customers) as gateway:
            await gateway.switch(latencyMs=LATENCY_MS)
            for name, (least_calls, least_steps, why) in {**LEAST, **LEAST_OF_WRITES}.items():
                document = (operations / f"{name}.graphql").read_text()
                variables, who = with_key(examples[name]), examples[name]["token"].removeprefix("subscriber ")
                first = await gateway.ask(document, variables, who)
                again = await gateway.ask(document, variables, who)
                for answer in (first, again):
                    if errors := answer.get("errors"):
                        clean = False
                        console.print(name, errors)
                writes = name in LEAST_OF_WRITES
                calls = (first if writes else again)["extensions"]["upstream"]
                cost, repeat = Cost.of(calls), Cost.of(again["extensions"]["upstream"])
                counts = map(str, (cost.calls, least_calls, cost.steps, least_steps, *[repeat.calls][:writes]))
                (mutations if writes else queries).add_row(name, *counts, f"{cost.ms:.0f}", why)
                if show == name:
                    console.print_json(data=calls)
    console.print(queries)
    console.print(mutations)
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
